// Changing the acceptors while registrations go on, and what becomes of one whose disk was lost, copied back or
// damaged: with real nodes and real directories.

import Foundation
import Testing

extension Integration {
    @Suite struct NamesOperatorTests {
        /// A ring file like the cluster's, with other acceptors.
        private func ring(_ cluster: TestCluster, acceptors: [String]) throws -> String {
            let path = try #require(cluster.ringPath)
            let text = try String(contentsOfFile: path, encoding: .utf8)
            let list = acceptors.map { "\"\($0)\"" }.joined(separator: ", ")
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
                line.hasPrefix("acceptors = ") ? "acceptors = [\(list)]" : String(line)
            }
            let other = "\(cluster.directory.path)/ring-\(acceptors.count)-\(UInt32.random(in: 0...UInt32.max)).toml"
            try Data(lines.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: other))
            return other
        }

        private func acceptors(_ node: TestNode) throws -> [String] {
            let members = try node.request("GET", "/v1/namestore").json["acceptors"] as? [[String: Any]] ?? []
            return members.compactMap { $0["node"] as? String }
        }

        private func reconfigure(_ ring: String, at node: TestNode) throws -> CommandRun {
            try CommandRun(["names", "reconfigure", ring, "--url", node.url], within: 60)
        }

        /// From one acceptor to three, under load; then the first one dies.
        @Test func votesMoveWhileRegistrationsGoOn() throws {
            let one = "[names]\nacceptors = [\"de-fra-1\"]"
            let cluster = try Names.three(acceptors: one)
            defer { cluster.end() }
            let token = Names.token()
            for number in 0..<150 {
                #expect(try Names.register("early-\(number)", token, at: cluster[number % 3]).status == 201)
            }
            final class Flag: @unchecked Sendable {
                // Guarded by `lock`.
                private let lock = NSLock()
                private var value = false
                var isSet: Bool {
                    get { lock.withLock { value } }
                    set { lock.withLock { value = newValue } }
                }
            }
            let isOver = Flag()
            let three = try ring(cluster, acceptors: TestCluster.names)
            let results = try atOnce(3) { caller -> [String] in
                if caller == 2 {
                    let run = try self.reconfigure(three, at: cluster[0])
                    isOver.isSet = true
                    return run.status == .exited(0) && run.output.contains("done") ? [] : [run.output]
                }
                var failures: [String] = []
                var number = 0
                while !isOver.isSet || number < 20 {
                    let answer = try Names.register("during-\(caller)-\(number)", token, at: cluster[caller])
                    if answer.status != 201 { failures.append("\(number): \(answer.status) \(answer.text)") }
                    number += 1
                }
                return failures
            }
            #expect(results == [[], [], []])
            for node in cluster.nodes {
                try eventually("\(node.name) knows the new acceptors", within: 10) {
                    try acceptors(node) == TestCluster.names.sorted()
                }
            }
            cluster[0].kill()
            for number in stride(from: 0, to: 150, by: 11) {
                let again = try Names.register("early-\(number)", token, at: cluster[1])
                #expect(again.status == 200, "\(number): \(again.status) \(again.text)")
                #expect(try Names.register("early-\(number)", Names.token(), at: cluster[2]).status == 409)
            }
        }

        @Test func aChangeToANodeThatIsDownIsRefused() throws {
            let cluster = try Names.three(acceptors: "[names]\nacceptors = [\"de-fra-1\"]")
            defer { cluster.end() }
            cluster[2].kill()
            let run = try reconfigure(try ring(cluster, acceptors: TestCluster.names), at: cluster[0])
            #expect(run.status == .exited(1) && run.output.contains("jp-tyo-1"), "\(run.output)")
            #expect(try acceptors(cluster[0]) == ["de-fra-1"])
            #expect(try Names.register("still", Names.token(), at: cluster[1]).status == 201)
        }

        /// Whoever may call the node, and a page in somebody's browser, must not take the votes from the countries by
        /// one call.
        @Test func votesGoToFewOnlyWhereThatIsMeant() throws {
            let cluster = try Names.three()
            defer { cluster.end() }
            let three = TestCluster.names.sorted()
            func move(_ query: String, _ headers: [String: String] = [:]) throws -> Response {
                try cluster[1].request("POST", "/v1/namestore/acceptors?\(query)", headers, body: [])
            }
            for nodes in ["us-iad-1", "us-iad-1,jp-tyo-1"] {
                let refused = try move("nodes=\(nodes)")
                #expect(refused.status == 400 && refused.json["type"] as? String == "/problems/weak-acceptors")
            }
            let few = "nodes=us-iad-1&force=true"
            #expect(try move(few, ["Origin": "http://evil.example"]).status == 403)
            #expect(try move(few, ["Content-Type": "application/x-www-form-urlencoded"]).status == 415)
            let one = try ring(cluster, acceptors: ["us-iad-1"])
            let unsure = try reconfigure(one, at: cluster[1])
            #expect(unsure.status == .exited(2) && unsure.output.contains("--yes"), "\(unsure.output)")
            for node in cluster.nodes { #expect(try acceptors(node) == three) }
            let sure = try CommandRun(["names", "reconfigure", one, "--yes", "--url", cluster[1].url], within: 60)
            #expect(sure.status == .exited(0), "\(sure.output)")
            #expect(try acceptors(cluster[1]) == ["us-iad-1"])
        }

        /// Empty: another store, no vote, and the operator is told; reconfigured with the same ring file it votes
        /// again.
        @Test func aLostDiskIsReplaced() throws {
            let cluster = try Names.three()
            defer { cluster.end() }
            let token = Names.token()
            for number in 0..<60 { #expect(try Names.register("kept-\(number)", token, at: cluster[0]).status == 201) }
            try cluster[2].stop()
            try FileManager.default.removeItem(atPath: cluster[2].dataPath + "/names")
            try cluster[2].start()
            try cluster[2].awaitHealth()
            try Names.awaitFounded(cluster[2])
            #expect(try Names.standing(cluster[2]).standing == "replaced")
            let told = try CommandRun(["names", "acceptors", "--url", cluster[2].url])
            #expect(told.status == .exited(1) && told.output.contains("reconfigure"))
            #expect(try Names.register("meanwhile", token, at: cluster[2]).status == 201)
            let run = try reconfigure(try #require(cluster.ringPath), at: cluster[1])
            #expect(run.status == .exited(0), "\(run.output)")
            try eventually("it votes", within: 10) { try Names.standing(cluster[2]).standing == "acceptor" }
            cluster[0].kill()
            for number in 0..<60 {
                #expect(try Names.register("kept-\(number)", Names.token(), at: cluster[2]).status == 409)
            }
        }

        /// The directory as it was some time ago, or cut short, or with a bit flipped: quarantine, and the cluster goes
        /// on without it.
        @Test(arguments: ["copied back", "truncated", "flipped"]) func aDamagedDiskVotesNoMore(_ damage: String) throws
        {
            let cluster = try Names.three()
            defer { cluster.end() }
            let token = Names.token()
            let names = cluster[1].dataPath + "/names"
            for number in 0..<30 { #expect(try Names.register("old-\(number)", token, at: cluster[0]).status == 201) }
            if damage == "copied back" {
                try cluster[1].stop()
                try FileManager.default.copyItem(atPath: names, toPath: names + "-copy")
                try cluster[1].start()
                try cluster[1].awaitHealth()
                try Names.awaitFounded(cluster[1])
            }
            for number in 0..<30 { #expect(try Names.register("new-\(number)", token, at: cluster[0]).status == 201) }
            // SIGKILL: what counts is on disk.
            cluster[1].kill()
            if damage == "copied back" {
                try FileManager.default.removeItem(atPath: names)
                try FileManager.default.moveItem(atPath: names + "-copy", toPath: names)
            } else {
                let logs = try FileManager.default.contentsOfDirectory(atPath: names).filter { $0.hasSuffix(".log") }
                let log = URL(fileURLWithPath: names + "/" + (try #require(logs.first)))
                var data = try Data(contentsOf: log)
                // Zeros follow what is written.
                let length = try #require(data.lastIndex { $0 != 0 })
                if damage == "truncated" { data = data.prefix(length / 2) } else { data[length / 3] ^= 0x10 }
                try data.write(to: log)
            }
            try cluster[1].start()
            try cluster[1].awaitHealth()
            let standing = try Names.standing(cluster[1])
            #expect(standing.standing == "quarantined", "\(standing)")
            #expect(!standing.reason.isEmpty)
            #expect(cluster[1].log.contains("casts no votes"))
            try Names.awaitFounded(cluster[1])
            // The other two decide, through the quarantined node as well.
            for node in cluster.nodes {
                #expect(try Names.register("new-7", Names.token(), at: node).status == 409)
                #expect(try Names.register("since-\(node.name)", token, at: node).status == 201)
            }
            #expect(try cluster[1].put("k/v", "its other data are sound").status == 201)
            // Alone with one sound acceptor it is no majority.
            cluster[2].kill()
            #expect(try Names.register("new-7", Names.token(), at: cluster[0], "?timeout=700").status == 503)
        }
    }
}
