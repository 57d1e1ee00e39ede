// A write takes effect once, before its client hears of it, whoever writes the same key meanwhile and whatever hangs.

import Foundation
import Glibc
import Testing

extension Integration {
    @Suite struct OnceTests {
        /// Runs `body` for each number on a thread of its own, and waits for all; gives what they say.
        private func atOnce<Answer: Sendable>(
            _ count: Int, _ body: @escaping @Sendable (Int) throws -> Answer
        ) -> [Result<Answer, any Error>] {
            nonisolated(unsafe) var answers: [Int: Result<Answer, any Error>] = [:]
            let lock = NSLock()
            let ended = DispatchGroup()
            for number in 0..<count {
                ended.enter()
                Thread {
                    let answer = Result { try body(number) }
                    lock.withLock { answers[number] = answer }
                    ended.leave()
                }.start()
            }
            ended.wait()
            return (0..<count).compactMap { answers[$0] }
        }

        /// Each node mints a write for itself, and meets those of the others: nobody is refused, nothing piles up in
        /// the key.
        @Test func oneKeyIsWrittenThroughEveryNodeAtOnce() throws {
            let cluster = try TestCluster.three()
            defer { cluster.end() }
            try cluster.start()
            let statuses = atOnce(9) { number in
                let connection = try cluster[number % 3].connect()
                return try (0..<120).map { turn in
                    try connection.request("PUT", "/v1/kv/hot/k", body: Array("\(number) \(turn)".utf8)).status
                }
            }
            for status in try statuses.flatMap({ try $0.get() }) { #expect(status == 201 || status == 204) }
            let last = try cluster[0].put("hot/k?w=all", "last")
            #expect(last.status == 204)
            let read = try cluster.awaitIdentical("hot/k", within: 20)
            #expect(read.text == "last" && (read.context?.utf8.count ?? .max) < 1_024)
        }

        /// The replica nearest to the gateway hangs with a write that it was to mint; that is handed on and
        /// acknowledged, and overwritten. Then the replica goes on with what it was sent.
        @Test func aWriteThatWasHandedOnDoesNotComeBack() throws {
            let buckets = "[bucket.latest]\nconflict = \"last-write-wins\"\n"
            let cluster = try TestCluster.three(names: TestCluster.names + ["de-ber-1"], buckets: buckets)
            defer { cluster.end() }
            try cluster.start()
            let (gateway, near) = (cluster[0], cluster[3])
            let keys = try ["latest", "kept"].flatMap { bucket in
                try (0..<24).map { "\(bucket)/\($0)" }.filter { key in
                    #expect(try gateway.put("\(key)?w=all", "first").status == 201)
                    return try near.replica(key).status == 200
                }.prefix(6)
            }
            try #require(keys.count == 12, "keys of which \(near.name) has a replica and \(gateway.name) none")
            near.process?.signal(SIGSTOP)
            let old = atOnce(keys.count) { try gateway.put(keys[$0], "old").status }
            for status in old { #expect(try status.get() == 204) }
            for key in keys { #expect(try gateway.put(key, "new").status == 204) }
            near.process?.signal(SIGCONT)
            for node in cluster.nodes {
                try eventually("\(node.name) has no hints left", within: 30) { try node.metric("atoll_hints") == 0 }
            }
            for key in keys {
                let read = try gateway.get("\(key)?r=all")
                #expect(read.status == 200 && read.text == "new", "\(key): \(read.status) \(read.text)")
                #expect(try near.replica(key).text == "new")
            }
        }

        /// Answered writes wait for the frozen replica longer than anybody else does; they hold no place of a client.
        @Test func aFrozenReplicaTakesNobodysPlace() throws {
            let cluster = try TestCluster.three(arguments: ["--loops", "1"])
            defer { cluster.end() }
            try cluster.start()
            cluster[2].process?.signal(SIGSTOP)
            // More in all than one gateway takes at once, within the time of the first of them.
            let statuses = atOnce(24) { number in
                let connection = try cluster[0].connect(timeout: 30)
                return try (0..<360).map { turn in
                    try connection.request(
                        "PUT", "/v1/kv/frozen/\(number)-\(turn)?timeout=30000", body: Array("v".utf8)
                    ).status
                }
            }
            // What was answered is held for as long as a replica is waited for, and not for its request's own 30 s.
            try eventually("nothing is held any more", within: 10) {
                try (cluster[0].metric("atoll_requests_in_flight") ?? .infinity) < 100
            }
            cluster[2].process?.signal(SIGCONT)
            let all = try statuses.flatMap { try $0.get() }
            #expect(all.count > 8_192)
            #expect(all.filter { $0 != 201 } == [])
        }
    }
}
