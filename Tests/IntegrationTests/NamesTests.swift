// The namestore over HTTP and from the command line, on three real nodes.

import Foundation
import Testing

private final class AnswerBox<Answer>: @unchecked Sendable {
    // Guarded by `lock`.
    let lock = NSLock()
    var answers: [Int: Result<Answer, any Error>] = [:]
}

/// Answers of callers that ask at the same time, each on a thread of its own.
func atOnce<Answer: Sendable>(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Answer) throws -> [Answer] {
    let box = AnswerBox<Answer>()
    let (gate, group) = (DispatchSemaphore(value: 0), DispatchGroup())
    for number in 0..<count {
        group.enter()
        Thread {
            gate.wait()
            let result = Result { try body(number) }
            box.lock.withLock { box.answers[number] = result }
            group.leave()
        }.start()
    }
    for _ in 0..<count { gate.signal() }
    group.wait()
    return try (0..<count).compactMap { try box.answers[$0]?.get() }
}

enum Names {
    static let acceptors = """
        [names]
        acceptors = ["de-fra-1", "us-iad-1", "jp-tyo-1"]
        """

    static func three(arguments: [String] = [], acceptors: String = acceptors) throws -> TestCluster {
        let cluster = try TestCluster.three(buckets: acceptors, arguments: arguments)
        try cluster.start()
        for node in cluster.nodes { try awaitFounded(node) }
        return cluster
    }

    static func awaitFounded(_ node: TestNode) throws {
        try eventually("\(node.name) knows the namestore", within: 20) {
            try node.request("GET", "/v1/namestore").json["founded"] as? Bool == true
        }
    }

    static func token() -> String { Data((0..<24).map { _ in UInt8.random(in: 0...255) }).base64EncodedString() }

    static func register(_ name: String, _ token: String, at node: TestNode, _ query: String = "") throws -> Response {
        try node.request("PUT", "/v1/names/\(name)\(query)", ["Atoll-Owner": token], body: [])
    }

    static func standing(_ node: TestNode) throws -> (standing: String, reason: String) {
        let own = try node.request("GET", "/v1/namestore").json["self"] as? [String: Any]
        return (own?["standing"] as? String ?? "", own?["reason"] as? String ?? "")
    }
}

extension Integration {
    @Suite struct NamesTests {
        @Test func ofManyCallersExactlyOneGetsTheName() throws {
            let cluster = try Names.three()
            defer { cluster.end() }
            for round in 0..<8 {
                let name = "user:racer\(round)"
                let tokens = (0..<12).map { _ in Names.token() }
                let statuses = try atOnce(tokens.count) { number in
                    try Names.register(name, tokens[number], at: cluster[number % 3]).status
                }
                #expect(statuses.count { $0 == 201 } == 1, "\(statuses)")
                #expect(statuses.count { $0 == 409 } == 11, "\(statuses)")
                for (number, status) in statuses.enumerated() {
                    for node in cluster.nodes {
                        let again = try Names.register(name.uppercased(), tokens[number], at: node)
                        #expect(again.status == (status == 201 ? 200 : 409))
                    }
                }
            }
            // The same owner through all nodes at once: it is one registration, and every answer is a yes.
            let token = Names.token()
            let same = try atOnce(9) { try Names.register("slug-of-one", token, at: cluster[$0 % 3]).status }
            #expect(same.allSatisfy { $0 == 200 || $0 == 201 }, "\(same)")
            #expect(same.count { $0 == 201 } == 1, "\(same)")
            #expect(try Names.register("slug-of-one", token, at: cluster[0]).json["generation"] as? Int == 1)
        }

        /// One request after the other through two nodes, and again when the node that carried the first has died.
        @Test func anOwnerIsToldOnceThatItRegistered() throws {
            let cluster = try Names.three()
            defer { cluster.end() }
            let token = Names.token()
            func statuses(_ key: String?, at node: TestNode, _ prefix: String) throws -> [Int] {
                let headers = ["Atoll-Owner": token].merging(key.map { ["Idempotency-Key": $0] } ?? [:]) { $1 }
                return try (0..<40).map {
                    try node.request("PUT", "/v1/names/\(prefix)-\($0)", headers, body: []).status
                }
            }
            for number in 0..<40 {
                #expect(try Names.register("told-\(number)", token, at: cluster[0]).status == 201)
                #expect(try Names.register("told-\(number)", token, at: cluster[1]).status == 200, "\(number)")
            }
            #expect(try statuses("\"sign-up 7\"", at: cluster[0], "keyed").allSatisfy { $0 == 201 })
            cluster[0].kill()
            #expect(try statuses(nil, at: cluster[1], "told").allSatisfy { $0 == 200 })
            #expect(try statuses("\"sign-up 7\"", at: cluster[2], "keyed").allSatisfy { $0 == 201 }, "the same request")
            #expect(try statuses("\"sign-up 8\"", at: cluster[2], "keyed").allSatisfy { $0 == 200 }, "another one")
            for key in ["", String(repeating: "k", count: 256), "caf\u{E9}"] {
                #expect(try statuses(key, at: cluster[1], "bad").allSatisfy { $0 == 400 }, "\(key)")
            }
        }

        @Test func aLifeOfAName() throws {
            let cluster = try Names.three()
            defer { cluster.end() }
            let (ann, bob) = (Names.token(), Names.token())
            #expect(try Names.register("user:life", ann, at: cluster[0], "?generation=0").status == 201)
            #expect(try Names.register("user:life", ann, at: cluster[1], "?generation=0").status == 200)
            #expect(try Names.register("user:life", bob, at: cluster[1], "?generation=0").text.contains("name-taken"))
            #expect(try cluster[1].request("GET", "/v1/names/user:LIFE").status == 200)
            #expect(try cluster[1].request("DELETE", "/v1/names/user:life", ["Atoll-Owner": bob]).status == 403)
            let stranger = try cluster[2].request(
                "POST", "/v1/names/user:life/transfer", ["Atoll-Owner": bob, "Atoll-New-Owner": ann], body: [])
            #expect(stranger.status == 403)
            let given = try cluster[2].request(
                "POST", "/v1/names/user:life/transfer", ["Atoll-Owner": ann, "Atoll-New-Owner": bob], body: [])
            #expect(given.status == 200 && given.json["generation"] as? Int == 2)
            #expect(try Names.register("user:life", ann, at: cluster[0]).status == 409)
            #expect(try Names.register("user:life", bob, at: cluster[1]).status == 200)
            let left = try cluster[1].request("DELETE", "/v1/names/user:life", ["Atoll-Owner": bob])
            #expect(left.status == 204 && left["atoll-generation"] == "3")
            let again = try cluster[0].request("DELETE", "/v1/names/user:life?generation=2", ["Atoll-Owner": bob])
            #expect(again.status == 204 && again["atoll-generation"] == "3")
            #expect(try cluster[0].request("GET", "/v1/names/user:life").status == 404)
            #expect(try Names.register("user:life", ann, at: cluster[2], "?generation=1").status == 409)
            let taken = try Names.register("user:life", ann, at: cluster[2], "?generation=3")
            #expect(taken.status == 201 && taken.json["generation"] as? Int == 4)
        }

        @Test func badInputIsRefused() throws {
            let cluster = try Names.three()
            defer { cluster.end() }
            let token = Names.token()
            for name in ["%00", "a%0Ab", "a%0D", "%FF", "%C3", String(repeating: "a", count: 256), "%CD%B8"] {
                #expect(try Names.register(name, token, at: cluster[0]).status == 400, "\(name)")
            }
            for weak in ["secret", String(repeating: "a", count: 40), "0123456789012345678901234567890"] {
                #expect(try Names.register("fine", weak, at: cluster[0]).status == 400, "\(weak)")
            }
            #expect(try cluster[0].request("PUT", "/v1/names/fine", body: []).status == 400)
            #expect(try cluster[0].request("POST", "/v1/names/fine", ["Atoll-Owner": token], body: []).status == 405)
            for query in ["", "?nodes=", "?nodes=nobody", "?nodes=de-fra-1,de-fra-1", "?nodes=a%20b"] {
                #expect(try cluster[0].request("POST", "/v1/namestore/acceptors\(query)", body: []).status == 400)
            }
            for query in ["", "?epoch=1", "?epoch=0&digest=00", "?epoch=1&digest=\(String(repeating: "g", count: 64))"]
            {
                #expect(try cluster[0].request("POST", "/v1/namestore/ring\(query)", body: []).status == 400)
            }
        }

        /// Nobody takes a name that looks like another, and one that somebody holds can be looked at and given up.
        @Test func namesThatLookAlikeAreNotGivenOut() throws {
            let cluster = try Names.three()
            defer { cluster.end() }
            let token = Names.token()
            #expect(try Names.register("user:ann", token, at: cluster[0]).status == 201)
            let alike = "/v1/names/user:an%E2%80%8Bn"
            let owner = ["Atoll-Owner": Names.token(), "Atoll-New-Owner": token]
            let taken = try cluster[0].request("PUT", alike, owner, body: [])
            #expect(taken.status == 400 && taken.text.contains("U+200B"), "\(taken.text)")
            #expect(try cluster[1].request("POST", alike + "/transfer", owner, body: []).status == 400)
            #expect(try cluster[1].request("GET", alike).text.contains("no-such-name"))
            #expect(try cluster[2].request("DELETE", alike, owner).text.contains("no-such-name"))
            #expect(try Names.register("slug:an%E2%80%8Bn", token, at: cluster[2]).status == 201)
        }

        @Test func aDeadAcceptorFailsNoRegistration() throws {
            let cluster = try Names.three()
            defer { cluster.end() }
            let token = Names.token()
            var slowest = 0.0
            for number in 0..<120 {
                if number == 40 { cluster[2].kill() }
                if number == 80 { try cluster[2].start() }
                let started = Stopwatch.now
                let answer = try Names.register("going-on-\(number)", token, at: cluster[number % 2])
                #expect(answer.status == 201, "\(number): \(answer.status) \(answer.text)")
                slowest = max(slowest, Stopwatch.now - started)
            }
            #expect(slowest < 2, "no election window: \(slowest) s")
            try cluster[2].awaitHealth()
            try Names.awaitFounded(cluster[2])
            for number in stride(from: 0, to: 120, by: 7) {
                #expect(try cluster[2].request("GET", "/v1/names/going-on-\(number)").status == 200)
            }
        }

        @Test func aMinoritySaysThatItDoesNotKnow() throws {
            let cluster = try Names.three()
            defer { cluster.end() }
            let token = Names.token()
            #expect(try Names.register("before", token, at: cluster[0]).status == 201)
            cluster[1].kill()
            cluster[2].kill()
            let unknown = try Names.register("during", token, at: cluster[0], "?timeout=800")
            #expect(unknown.status == 503 && unknown.text.contains("name-outcome-unknown"), "\(unknown.text)")
            #expect(unknown["retry-after"] != nil)
            let read = try cluster[0].request("GET", "/v1/names/before?timeout=800")
            #expect(read.status == 503)
            try cluster[1].start()
            try cluster[1].awaitHealth()
            try eventually("the same request with the same token tells", within: 20) {
                [200, 201].contains(try Names.register("during", token, at: cluster[0]).status)
            }
            #expect(try Names.register("during", Names.token(), at: cluster[1]).status == 409)
            #expect(try cluster[1].request("GET", "/v1/names/before").status == 200)
        }

        @Test func tokensAreNeitherStoredNorLogged() throws {
            let cluster = try Names.three(arguments: ["--log-level", "trace"])
            defer { cluster.end() }
            let tokens = (0..<4).map { _ in Names.token() }
            for (number, token) in tokens.enumerated() {
                #expect(try Names.register("user:secret\(number)", token, at: cluster[number % 3]).status == 201)
            }
            _ = try cluster[0].request(
                "POST", "/v1/names/user:secret0/transfer", ["Atoll-Owner": tokens[0], "Atoll-New-Owner": tokens[1]],
                body: [])
            _ = try cluster[0].request("DELETE", "/v1/names/user:secret2", ["Atoll-Owner": tokens[2]])
            for node in cluster.nodes { try node.stop() }
            var searched = 0
            let files = try #require(FileManager.default.enumerator(atPath: cluster.directory.path))
            for case let file as String in files {
                let path = cluster.directory.path + "/" + file
                guard let data = FileManager.default.contents(atPath: path) else { continue }
                searched += data.count
                for token in tokens {
                    #expect(data.range(of: Data(token.utf8)) == nil, "\(file)")
                    // Not with its bytes decoded either.
                    if let raw = Data(base64Encoded: token) { #expect(data.range(of: raw) == nil, "\(file)") }
                }
            }
            #expect(searched > 10_000)
        }

        @Test func whoAsksTooOftenIsToldToWait() throws {
            let cluster = try Names.three(arguments: ["--name-rate", "5"])
            defer { cluster.end() }
            let token = Names.token()
            let answers = try (0..<40).map { try Names.register("squat\($0)", token, at: cluster[0]) }
            let refused = answers.filter { $0.status == 429 }
            #expect(answers.count { $0.status == 201 } >= 20)
            #expect(!refused.isEmpty)
            #expect(refused.allSatisfy { ($0["retry-after"].flatMap { Int($0) } ?? 0) >= 1 })
            #expect(try cluster[0].request("GET", "/v1/names/squat0").status == 200, "reading is not limited")
            #expect(try Names.register("other", token, at: cluster[1]).status == 201, "each node counts its own")
            let wait = refused.last?["retry-after"].flatMap { Int($0) } ?? 1
            try eventually("after Retry-After it may ask again", within: Double(wait) + 2) {
                try Names.register("squat-later", token, at: cluster[0]).status == 201
            }
        }

        @Test func theCommandsExitStatusTells() throws {
            let cluster = try Names.three()
            defer { cluster.end() }
            func run(_ arguments: String..., node: Int = 0) throws -> CommandRun {
                try CommandRun(["names"] + arguments + ["--url", cluster[node].url])
            }
            let (ann, bob) = (Names.token(), Names.token())
            #expect(try run("register", "user:cli", "--owner", ann).status == .exited(0))
            #expect(try run("register", "user:CLI", "--owner", ann, node: 1).status == .exited(0))
            #expect(try run("register", "user:cli", "--owner", bob).status == .exited(1))
            #expect(try run("show", "user:cli", node: 2).status == .exited(0))
            #expect(try run("show", "user:nobody").status == .exited(1))
            #expect(try run("transfer", "user:cli", "--owner", bob, "--to", ann).status == .exited(1))
            #expect(try run("transfer", "user:cli", "--owner", ann, "--to", bob).status == .exited(0))
            #expect(try run("release", "user:cli", "--owner", ann).status == .exited(1))
            #expect(try run("release", "user:cli", "--owner", bob).status == .exited(0))
            #expect(try run("register", "user:cli", "--owner", "weak").status == .exited(2))
            #expect(try run("register", "user:cli").status == .exited(2))
            cluster[1].kill()
            cluster[2].kill()
            let silent = try run("register", "user:late", "--owner", ann)
            #expect(silent.status == .exited(2) && silent.output.contains("retry"), "\(silent.output)")
            cluster[0].kill()
            #expect(try run("show", "user:cli").status == .exited(2))
        }

        @Test func aClusterWithoutAcceptorsSaysSo() throws {
            let cluster = try TestCluster.three()
            defer { cluster.end() }
            try cluster[0].start()
            try cluster[0].awaitHealth()
            let answer = try Names.register("anything", Names.token(), at: cluster[0])
            #expect(answer.status == 501 && answer.text.contains("no-namestore"))
        }
    }
}
