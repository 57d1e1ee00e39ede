// Live reads on real nodes: what is written through one is shown by another, whoever is killed or restarted meanwhile.

import Foundation
import Testing

extension Integration {
    @Suite struct LiveTests {
        private func running(
            names: [String] = TestCluster.names, _ body: (TestCluster) throws -> Void
        ) throws {
            let buckets = """
                [bucket.docs]
                type = "document"
                [bucket.large]
                max_value = "8MiB"
                """
            let cluster = try TestCluster.three(names: names, buckets: buckets)
            defer { cluster.end() }
            try cluster.start()
            try body(cluster)
        }

        private func patch(_ node: TestNode, _ key: String, _ json: String) throws {
            let type = ["content-type": "application/merge-patch+json"]
            let answer = try node.request("PATCH", "/v1/kv/\(key)", type, body: Array(json.utf8))
            #expect(answer.status == 204, "\(answer.text)")
        }

        @Test func everyChangeIsShownThroughAnotherNode() throws {
            try running { cluster in
                try cluster[0].put("posts/hello", "before", ["content-type": "text/plain"])
                let key = try Listener(cluster[1], "/posts/hello", in: cluster)
                let timeline = try Listener(cluster[2], "/timeline/ann/", in: cluster)
                let document = try Listener(cluster[1], "/docs/plan", in: cluster)
                let several = try Listener(
                    cluster[2], "?watch=posts/hello&watch=timeline/ann/&watch=docs/plan", in: cluster)
                for listener in [key, timeline, document] { try listener.awaitReady() }
                try eventually("each is ready", within: 10) { several.events.count { $0.name == "ready" } == 3 }
                let first = try key.await("what stood", within: 2) { $0.value == "before" }
                #expect(first.name == "value" && first.data["content_type"] as? String == "text/plain")
                for round in 1...5 {
                    let writer = cluster[round % 3]
                    try writer.put("posts/hello", "value \(round)")
                    try writer.put("timeline/ann/\(round)", "item \(round)")
                    try patch(writer, "docs/plan", #"{"round":\#(round)}"#)
                    for listener in [key, several] {
                        try listener.await("value \(round)", within: 2) { $0.value == "value \(round)" }
                    }
                    for listener in [timeline, several] {
                        try listener.await("item \(round)", within: 2) {
                            $0.name == "item" && $0.sort == "\(round)" && $0.value == "item \(round)"
                        }
                    }
                    for listener in [document, several] {
                        try listener.await("round \(round)", within: 2) {
                            $0.name == "document" && ($0.data["value"] as? [String: Any])?["round"] as? Int == round
                        }
                    }
                }
                _ = try cluster[0].request("DELETE", "/v1/kv/posts/hello")
                _ = try cluster[0].request("DELETE", "/v1/kv/timeline/ann/3")
                _ = try cluster[0].request("DELETE", "/v1/kv/docs/plan")
                try key.await("its end", within: 2) { $0.name == "deleted" }
                try timeline.await("its end", within: 2) { $0.name == "removed" && $0.sort == "3" }
                try document.await("its end", within: 2) { $0.name == "deleted" }
                #expect(several.events.allSatisfy { $0.data["watch"] as? String != nil })
                let delays = try cluster[2].metric("atoll_live_delay_seconds_count") ?? 0
                #expect(delays >= 10)
                #expect(try cluster[2].metric("atoll_live_subscribers") == 2)
                #expect(try cluster[0].metric("atoll_live_watches_told") ?? 0 >= 5)
            }
        }

        /// Who asks for a quorum is shown nothing that one replica has alone.
        @Test func whatOneReplicaHasIsHeldBackFromWhoAsksForAQuorum() throws {
            try running { cluster in
                try cluster[0].put("posts/k?w=all", "before")
                let all = try Listener(cluster[0], "/posts/k?r=quorum", in: cluster)
                let range = try Listener(cluster[0], "/timeline/ann/?r=quorum", in: cluster)
                let soon = try Listener(cluster[0], "/posts/k", in: cluster)
                for listener in [all, range, soon] { try listener.awaitReady() }
                try all.await("what stood", within: 2) { $0.value == "before" }
                let others = cluster.nodes.dropFirst()
                for node in others { node.process?.signal(SIGSTOP) }
                defer { for node in others { node.process?.signal(SIGCONT) } }
                #expect(try cluster[0].put("posts/k?w=1", "alone").status == 204)
                #expect(try cluster[0].put("timeline/ann/1?w=1", "alone").status == 201)
                try soon.await("a change at one replica", within: 3) { $0.value == "alone" }
                #expect(!(all.events + range.events).contains { $0.value == "alone" })
                for node in others { node.process?.signal(SIGCONT) }
                try all.await("it is at a quorum", within: 20) { $0.value == "alone" }
                try range.await("it is at a quorum", within: 20) { $0.name == "item" && $0.value == "alone" }
                let refused = try cluster[0].request("GET", "/v1/live/posts/k?r=all")
                #expect(refused.status == 400)
            }
        }

        /// Nobody writes when a value ends.
        @Test func theEndOfAValuesTimeIsShown() throws {
            try running { cluster in
                let paths = ["/posts/brief", "/docs/brief", "/timeline/ann/"]
                let listeners = try paths.map { try Listener(cluster[1], $0, in: cluster) }
                for listener in listeners { try listener.awaitReady() }
                let began = Stopwatch.now
                try cluster[0].put("posts/brief?ttl=2000&w=all", "x")
                #expect(
                    try cluster[2].request("PUT", "/v1/kv/docs/brief?ttl=2000&w=all", body: Array("{}".utf8)).status
                        == 201)
                try cluster[0].put("timeline/ann/1?ttl=2000&w=all", "x")
                for listener in listeners {
                    let shown = try listener.await("what has an end", within: 2) { $0.data["value"] != nil }
                    #expect(shown.data["expires_ms"] is Int)
                }
                for (listener, name) in zip(listeners, ["deleted", "deleted", "removed"]) {
                    try listener.await("its end", within: 5) { $0.name == name }
                }
                #expect((2..<4.5).contains(Stopwatch.now - began))
            }
        }

        /// Of a long text a letter travels alone; in the end it is what stands there.
        @Test func ofADocumentTravelsWhatChanges() throws {
            try running { cluster in
                let text = String(repeating: "by the sea ", count: 8_000)
                try patch(cluster[0], "docs/plan", #"{"title":"\#(text)"}"#)
                let whole = try Listener(cluster[1], "/docs/plan", in: cluster)
                let changes = try Listener(cluster[1], "/docs/plan?changes=true", in: cluster)
                let runs = try Listener(cluster[2], "/docs/plan?ids=true&changes=true", in: cluster)
                for listener in [whole, changes, runs] { try listener.awaitReady() }
                let operations = #"[{"op":"insert","path":"/list","at":0,"values":["a"]}]"#
                let type = ["content-type": "application/vnd.atoll.ops+json"]
                let name = ["atoll-operation": "0123456789abcdef0123456789abcdef.1"]
                let answer = try cluster[2].request(
                    "PATCH", "/v1/kv/docs/plan", type.merging(name) { a, _ in a }, body: Array(operations.utf8))
                #expect(answer.status == 200, "\(answer.text)")
                let change = try changes.await("the list", within: 2) { $0.name == "change" }
                let told = try #require((change.data["ops"] as? [[String: Any]])?.first)
                #expect(told["op"] as? String == "set" && told["path"] as? String == "/list")
                #expect(told["value"] as? [String] == ["a"] && change.data["value"] == nil)
                let document = try whole.await("the same, whole", within: 2) {
                    ($0.data["value"] as? [String: Any])?["list"] != nil
                }
                #expect(document.data["version"] as? String == change.data["version"] as? String)
                try runs.await("the list with its dots", within: 2) { event in
                    let value = event.data["value"] as? [String: Any]
                    return (value?["list"] as? [String: Any])?["runs"] != nil && event.data["actors"] != nil
                        || (event.data["ops"] as? [[String: Any]])?.first?["path"] as? String == "/list"
                }
                // Who comes back is shown all, and from there on what changes.
                try patch(cluster[0], "docs/plan", #"{"n":1}"#)
                let second = try Listener(cluster[2], "/docs/plan?changes=true", after: change.id, in: cluster)
                try second.await("all", within: 15) { $0.name == "document" }
                try second.awaitReady()
                try patch(cluster[0], "docs/plan", #"{"n":2}"#)
                for listener in [changes, second] {
                    try listener.await("the last", within: 2) { event in
                        (event.data["ops"] as? [[String: Any]])?.last?["value"] as? Int == 2
                    }
                }
                #expect(changes.events.count { $0.name == "document" } == 1)
            }
        }

        /// A gateway that is no replica reads from the nearest that is one. That one is killed.
        @Test func aKilledSourceHoldsUpNothing() throws {
            try running(names: TestCluster.names + ["de-fra-2"]) { cluster in
                try cluster[1].put("posts/k?w=all", "before")
                let german = [cluster[0], cluster[3]]
                let source = try #require(german.first { (try? $0.replica("posts/k").status) == 200 })
                let gateway = try #require(german.first { $0 !== source })
                let listener = try Listener(gateway, "/posts/k", in: cluster)
                try listener.awaitReady()
                try cluster[1].put("posts/k", "while it lives")
                try listener.await("a change", within: 2) { $0.value == "while it lives" }
                source.kill()
                for round in 1...3 {
                    try cluster[1 + round % 2].put("posts/k", "after \(round)")
                    try listener.await("change \(round)", within: 4) { $0.value == "after \(round)" }
                }
                try source.start()
                try cluster.awaitUnity()
                try source.put("posts/k?w=all", "it is back")
                try listener.await("the next change", within: 4) { $0.value == "it is back" }
                #expect(!listener.events.contains { $0.name == "lagging" })
            }
        }

        /// The listener's own node stops, and its stream with it; elsewhere it goes on without a gap.
        @Test func whoComesBackMissesNothing() throws {
            try running { cluster in
                for item in 0..<20 { try cluster[0].put("timeline/ann/\(100 + item)", "old") }
                let listener = try Listener(cluster[2], "/timeline/ann/", in: cluster)
                try listener.awaitReady()
                #expect(listener.items.count == 20)
                try cluster[0].put("timeline/ann/100", "new")
                try listener.await("a change", within: 2) { $0.value == "new" }
                let stopped = Stopwatch.now
                #expect(try cluster[2].stop() == .exited(0))
                #expect(Stopwatch.now - stopped < 5)
                try listener.awaitEnd(within: 5)
                let last = try #require(listener.events.last?.id)
                for item in 0..<30 { try cluster[item % 2].put("timeline/ann/\(110 + item)", "later") }
                _ = try cluster[0].request("DELETE", "/v1/kv/timeline/ann/105")
                let second = try Listener(cluster[1], "/timeline/ann/", after: last, in: cluster)
                try second.awaitReady()
                // The last change may come again: not all replicas had told of it.
                let missed = second.items.filter { $0.key != "100" }
                #expect(!second.events.contains { $0.name == "reset" })
                #expect(missed["105"] == .some(nil) && missed.count == 31)
                #expect((0..<30).allSatisfy { missed["\(110 + $0)"] == .some("later") })
                // And at the node that was restarted, which remembers nothing itself, and may not have the writes yet.
                try cluster[2].start()
                try cluster.awaitUnity()
                let third = try Listener(cluster[2], "/timeline/ann/", after: last, in: cluster)
                try third.awaitReady()
                let isAnew = third.events.contains { $0.name == "reset" }
                try eventually("the node that is back shows what it missed", within: 10) {
                    let shown = third.items
                    let isGone = isAnew && shown["105"] == nil || shown["105"] == .some(nil)
                    return isGone && shown.count { $0.value == "later" } == 30
                }
                try cluster[0].put("timeline/ann/105", "again")
                for one in [second, third] { try one.await("the next change", within: 3) { $0.value == "again" } }
            }
        }

        @Test func aReplicaThatIsRestartedIsHeardAgain() throws {
            try running { cluster in
                let listener = try Listener(cluster[1], "/posts/k", in: cluster)
                try listener.awaitReady()
                for round in 1...2 {
                    cluster[0].kill()
                    try cluster[2].put("posts/k", "without it \(round)")
                    try listener.await("a change", within: 4) { $0.value == "without it \(round)" }
                    try cluster[0].start()
                    try cluster.awaitUnity()
                    try cluster[0].put("posts/k", "through it \(round)")
                    try listener.await("a change", within: 4) { $0.value == "through it \(round)" }
                }
            }
        }

        /// Of a key the id is its context: nothing is sent to who has seen all, through whichever node.
        @Test func aKeyIsResumedExactly() throws {
            try running { cluster in
                try cluster[0].put("posts/k?w=all", "one")
                let first = try Listener(cluster[0], "/posts/k", in: cluster)
                try first.awaitReady()
                let id = try #require(first.events.last?.id)
                let again = try Listener(cluster[1], "/posts/k?since=\(id)", in: cluster)
                try again.awaitReady()
                #expect(again.events.map(\.name) == ["ready"])
                try cluster[2].put("posts/k?w=all", "two")
                let late = try Listener(cluster[1], "/posts/k", after: id, in: cluster)
                try late.awaitReady()
                #expect(late.events.map(\.name) == ["value", "ready"] && late.events.first?.value == "two")
            }
        }

        /// One that reads nothing costs a block; the others go on, and it is let go after a minute.
        @Test func whoNeverReadsHoldsUpNobody() throws {
            try running { cluster in
                let node = cluster[1]
                let value = String(repeating: "a", count: 1 << 20)
                try cluster[0].put("large/k?w=all", value + "0")
                let deaf = try (0..<20).map { _ in
                    let connection = try Connection(node.httpPort, receiveBuffer: 4_096)
                    try connection.send("GET /v1/live/large/k HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    return connection
                }
                let listener = try Listener(node, "/posts/k", in: cluster)
                try listener.awaitReady()
                try eventually("all listen", within: 10) { try node.metric("atoll_live_subscribers") == 21 }
                for round in 1...40 { try cluster[0].put("large/k", value + "\(round)") }
                try cluster[0].put("posts/k", "still here")
                try listener.await("a change", within: 4) { $0.value == "still here" }
                let process = try #require(node.process)
                #expect(process.residentBytes < 500 << 20, "\(process.residentBytes >> 20) MiB")
                let late = try Listener(node, "/large/k", in: cluster)
                try late.await("the last", within: 5) { $0.value?.hasSuffix("a40") == true }
                try eventually("they are let go", within: 90) { try node.metric("atoll_live_subscribers") == 2 }
                #expect(try node.metric("atoll_client_bytes") ?? 0 < Double(8 << 20))
                deaf.forEach { $0.close() }
            }
        }

        @Test func whatMakesNoSenseIsRefused() throws {
            try running { cluster in
                let node = cluster[0]
                func ask(_ method: String, _ target: String) throws -> Response {
                    try node.request(method, "/v1/live\(target)")
                }
                for target in ["", "?watch=b", "/b/k?since=%21", "/b/k?r=all", "?watch=b/k&since=-,-"] {
                    let answer = try ask("GET", target)
                    #expect(answer.status == 400 && answer.text.contains("/problems/malformed"), "\(target)")
                }
                #expect(try ask("PUT", "/b/k")["allow"] == "GET")
                let many = (0..<65).map { "watch=b/\($0)" }.joined(separator: "&")
                #expect(try ask("GET", "?\(many)").status == 400)
                // One more than a range may begin with.
                let connection = try node.connect(timeout: 60)
                for start in stride(from: 0, to: 10_200, by: 200) {
                    let puts = (0..<200).map {
                        "PUT /v1/kv/wide/p/\(start + $0)?w=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx"
                    }
                    try connection.send(puts.joined())
                    for _ in 0..<200 { #expect(try connection.response().status == 201) }
                }
                let answer = try node.connect(timeout: 30).request("GET", "/v1/live/wide/p/")
                #expect(answer.status == 413 && answer.text.contains("/problems/too-large"))
                let part = try Listener(node, "/wide/p/?prefix=77", in: cluster)
                try part.awaitReady()
                #expect(part.items.count == 111)
            }
        }

        @Test func theCommandComesBackByItself() throws {
            try running { cluster in
                let output = cluster.directory.path + "/watch"
                let watch = try ChildProcess(
                    AtollBinary.path, ["watch", "timeline/ann/", "--url", cluster[1].url], output: output, input: [])
                defer { watch.end() }
                try cluster[0].put("timeline/ann/1", "one")
                try eventually("it is shown", within: 5) { watch.output.contains("1\tone\n") }
                try cluster[1].stop()
                try cluster[0].put("timeline/ann/2", "two")
                try cluster[1].start()
                try eventually("what was missed is shown", within: 20) { watch.output.contains("2\ttwo\n") }
                #expect(watch.output.contains("trying again"))
                let json = try CommandRun(["watch", "b/", "--url", cluster[0].url])
                #expect(json.status == .exited(2) && json.output.contains("BUCKET/KEY"))
            }
        }
    }
}
