// Nodes that are killed, stopped, frozen and restarted under load: what was acknowledged stays, requests go on, and the
// replicas become the same again without anyone's help.

import Foundation
import Glibc
import Testing

extension Integration {
    @Suite struct FaultTests {
        private func running(_ body: (TestCluster) throws -> Void) throws {
            let cluster = try TestCluster.three()
            defer { cluster.end() }
            try cluster.start()
            try body(cluster)
        }

        private func awaitView(_ name: String, _ status: String, of observers: [TestNode], within seconds: Double)
            throws
        {
            for observer in observers {
                try eventually("\(observer.name) takes \(name) for \(status)", within: seconds) {
                    try observer.view()[name] == status
                }
            }
        }

        private func awaitNoHints(_ nodes: [TestNode], within seconds: Double) throws {
            for node in nodes {
                try eventually("\(node.name) has no hints left", within: seconds) {
                    try node.metric("atoll_hints") == 0
                }
            }
        }

        @Test(arguments: [0, 2]) func aKilledNodeIsMissedByNobody(_ victimPlace: Int) throws {
            try running { cluster in
                let victim = cluster[victimPlace]
                let survivors = cluster.nodes.filter { $0 !== victim }
                let load = Load("survivors", on: survivors)
                let doomed = Load("doomed", on: [victim], clients: 2, endsAtFirstFailure: true)
                try load.awaitProgress(150)
                victim.kill()
                let killedAt = Stopwatch.now
                try awaitView(victim.name, "dead", of: survivors, within: 10)
                #expect(Stopwatch.now - killedAt < 10)
                try load.awaitProgress(150)
                let kept = try survivors.map { try $0.metric("atoll_hints") ?? 0 }.reduce(0, +)
                #expect(kept > 0)
                let report = load.stop()
                let lost = doomed.stop()
                #expect(report.failures == [])
                #expect(
                    lost.failures.count <= 2, "one request in flight for each client of the dead node: \(lost.failures)"
                )
                #expect(report.slowest < 5)
                let promises = report.promises.merging(lost.promises) { own, _ in own }
                for node in survivors { #expect(try cluster.broken(report.promises, through: node) == []) }

                try victim.start()
                let startedAt = Stopwatch.now
                try awaitView(victim.name, "alive", of: survivors, within: 5)
                #expect(Stopwatch.now - startedAt < 5)
                try awaitNoHints(cluster.nodes, within: 30)
                try cluster.awaitIdentical(promises, within: 30)
                #expect(try cluster.broken(promises, through: victim) == [])
            }
        }

        /// As operators do it: what is sent goes elsewhere, the node is stopped and started, and the next one follows
        /// as soon as `/readyz` says so. The one that was last away is then needed for every quorum.
        @Test func aRollingRestartGatedOnReadinessFailsNoRequest() throws {
            try running { cluster in
                let load = Load("rolling", on: cluster.nodes)
                for round in 0..<6 {
                    let place = round % cluster.nodes.count
                    try load.rest(place)
                    #expect(try cluster[place].stop() == .exited(0))
                    // Long enough for the pause between attempts to grow to its longest.
                    try load.awaitProgress(round < 3 ? 20 : 300)
                    try cluster[place].start()
                    try eventually("\(cluster[place].name) is ready", within: 15, every: 0.02) {
                        (try? cluster[place].request("GET", "/readyz").status) == 200
                    }
                }
                try load.awaitProgress(60)
                let report = load.stop()
                #expect(report.failures == [])
                for node in cluster.nodes { #expect(try cluster.broken(report.promises, through: node) == []) }
                try awaitNoHints(cluster.nodes, within: 30)
                try cluster.awaitIdentical(report.promises, within: 60)
            }
        }

        @Test func aNodeKilledAndBackBeforeAnyoneNoticed() throws {
            try running { cluster in
                let survivors = [cluster[0], cluster[1]]
                let load = Load("flapping", on: survivors)
                for _ in 0..<3 {
                    try load.awaitProgress(60)
                    cluster[2].kill()
                    try load.awaitProgress(20)
                    try cluster[2].start()
                    try cluster[2].awaitHealth()
                }
                try load.awaitProgress(60)
                let report = load.stop()
                #expect(report.failures == [])
                try awaitView(cluster[2].name, "alive", of: survivors, within: 10)
                try awaitNoHints(cluster.nodes, within: 30)
                try cluster.awaitIdentical(report.promises, within: 60)
            }
        }

        /// What `observer` says of how far `name` is behind, ms.
        private func delay(of name: String, seenBy observer: TestNode) throws -> Double? {
            let rows = try observer.request("GET", "/v1/nodes").json["nodes"] as? [[String: Any]] ?? []
            return rows.first { $0["node"] as? String == name }?["replication_delay_ms"] as? Double
        }

        @Test func aNodeThatCaughtUpIsNotHeldForLate() throws {
            try running { cluster in
                let survivors = [cluster[0], cluster[1]]
                let load = Load("late", on: survivors)
                try load.awaitProgress(20)
                cluster[2].kill()
                try awaitView(cluster[2].name, "dead", of: survivors, within: 10)
                try load.awaitProgress(300)
                _ = load.stop()
                // All that it gets is seconds old when it comes, and none of it is a fresh write.
                try cluster[2].start()
                try awaitView(cluster[2].name, "alive", of: survivors, within: 10)
                try awaitNoHints(survivors, within: 30)
                #expect(try (cluster[2].metric("atoll_storage_writes_total") ?? 0) >= 300)
                #expect(try (cluster[2].metric("atoll_replication_delay_ms") ?? .nan) < 100)

                // One that was held up measures it, and has forgotten it when it keeps up again.
                let second = Load("held", on: survivors)
                try second.awaitProgress(50)
                cluster[2].process?.signal(SIGSTOP)
                try second.awaitProgress(300)
                cluster[2].process?.signal(SIGCONT)
                try second.awaitProgress(50)
                _ = second.stop()
                for node in survivors {
                    try eventually("\(node.name) knows that \(cluster[2].name) keeps up", within: 20) {
                        try (self.delay(of: cluster[2].name, seenBy: node) ?? .nan) < 100
                    }
                }
            }
        }

        @Test func allKilledAtOnceLoseNothing() throws {
            try running { cluster in
                let load = Load("all", on: cluster.nodes, clients: 6, endsAtFirstFailure: true)
                try load.awaitProgress(400)
                for node in cluster.nodes { node.process?.signal(SIGKILL) }
                for node in cluster.nodes { try node.process?.wait(within: 10) }
                let report = load.stop()
                #expect(report.failures.count <= 6)
                for node in cluster.nodes { try node.start() }
                try cluster.awaitUnity()
                for node in cluster.nodes { #expect(try cluster.broken(report.promises, through: node) == []) }
                try cluster.awaitIdentical(report.promises, within: 60)
            }
        }

        @Test func aStoppingNodeFinishesWhatItHasBegun() throws {
            try running { cluster in
                let node = cluster[1]
                let begun = try node.connect()
                try begun.send("PUT /v1/kv/stop/begun HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345")
                let idle = try node.connect()
                #expect(try idle.request("GET", "/healthz").status == 200)
                node.process?.signal(SIGTERM)
                // The idle connection ends, which shows that the stop is under way.
                #expect(try idle.readToEnd().isEmpty)
                #expect(throws: HarnessFailure.self) { try node.request("GET", "/healthz") }
                #expect(node.isRunning)
                try begun.send("67890")
                let answer = try begun.response(to: "PUT")
                #expect(answer.status == 201 && answer["connection"] == "close")
                #expect(try begun.readToEnd().isEmpty)
                #expect(try node.process?.wait(within: 5) == .exited(0))
                #expect(try cluster[0].get("stop/begun").text == "1234567890")
                // A client that never finishes holds the stop up for the grace period only.
                let stuck = try cluster[2].connect()
                try stuck.send("PUT /v1/kv/stop/stuck HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345")
                #expect(try cluster[2].stop(within: 14) == .exited(0))
            }
        }

        @Test func aFrozenNodeHoldsNobodyUp() throws {
            try running { cluster in
                let others = [cluster[0], cluster[1]]
                let load = Load("frozen", on: others)
                try load.awaitProgress(100)
                cluster[2].process?.signal(SIGSTOP)
                try load.awaitProgress(150)
                try awaitView(cluster[2].name, "dead", of: others, within: 30)
                try load.awaitProgress(150)
                cluster[2].process?.signal(SIGCONT)
                try awaitView(cluster[2].name, "alive", of: others, within: 15)
                try load.awaitProgress(50)
                let report = load.stop()
                #expect(report.failures == [])
                #expect(report.slowest < 4)
                try awaitNoHints(cluster.nodes, within: 30)
                try cluster.awaitIdentical(report.promises, within: 60)
            }
        }

        @Test func aLateReplicaIsHedgedAndADeadlineIsKept() throws {
            try running { cluster in
                try cluster[0].put("late/k?w=all", "v")
                // Enough reads to know what is late.
                for _ in 0..<200 { #expect(try cluster[0].get("late/k?r=quorum").status == 200) }
                cluster[1].process?.signal(SIGSTOP)
                var slowest = 0.0
                for _ in 0..<6 {
                    let started = Stopwatch.now
                    #expect(try cluster[0].get("late/k?r=quorum").status == 200)
                    slowest = max(slowest, Stopwatch.now - started)
                }
                // Without the second read one that met the frozen replica would wait 1.5 s for it.
                #expect(slowest < 1)
                cluster[2].process?.signal(SIGSTOP)
                let started = Stopwatch.now
                #expect(try cluster[0].get("late/k?r=all&strict=1&timeout=100").status == 503)
                #expect(Stopwatch.now - started < 0.5)
                for place in 1...2 { cluster[place].process?.signal(SIGCONT) }
            }
        }

        @Test func whatAloneNodeCanAndCannotDo() throws {
            try running { cluster in
                try cluster[0].put("alone/k?w=all", "before")
                cluster[1].kill()
                cluster[2].kill()
                try awaitView(cluster[2].name, "dead", of: [cluster[0]], within: 30)
                try awaitView(cluster[1].name, "dead", of: [cluster[0]], within: 30)
                let unready = try cluster[0].request("GET", "/readyz")
                #expect(unready.status == 503 && unready["retry-after"] == "1")
                #expect(try cluster[0].request("GET", "/healthz").status == 200)
                let one = try cluster[0].put("alone/one?w=one", "kept")
                #expect(one.status == 201 && Acks(one["atoll-acks"])?.replicas == 1)
                #expect(try cluster[0].put("alone/local?w=local", "kept").status == 201)
                #expect(try cluster[0].get("alone/k?r=1").text == "before")
                for answer in [
                    try cluster[0].put("alone/two", "doubtful"),
                    try cluster[0].put("alone/two?w=all&strict=1", "doubtful"),
                ] {
                    #expect(answer.status == 503)
                    #expect(answer.json["type"] as? String == "/problems/quorum-not-reached")
                    #expect(answer.json["may_take_effect"] as? Bool == true)
                    let acks = try #require(Acks(answer["atoll-acks"]))
                    #expect(!acks.reached && acks.replicas == 1)
                }
                let read = try cluster[0].get("alone/k")
                #expect(read.status == 503 && read.json["may_take_effect"] as? Bool == false)
                try cluster[1].start()
                try cluster[2].start()
                try cluster.awaitUnity()
                try awaitNoHints(cluster.nodes, within: 30)
                try cluster.awaitIdentical(
                    [
                        "alone/one": Promise(value: "kept"), "alone/local": Promise(value: "kept"),
                        "alone/two": Promise(value: "doubtful"),
                    ],
                    within: 20)
            }
        }
    }
}
