// The table "Errors" of docs/HTTP.md, row by row: a request of each kind to real nodes, and what the row promises of
// its answer.

import Causality
import DataTypes
import Foundation
import Keys
import LevelDB
import Ring
import Storage
import Testing
import World

private typealias Ask = @Sendable (TestCluster) throws -> Response

private struct ProblemRow: Sendable, CustomTestStringConvertible {
    let status: Int
    let problem: String
    /// Of the answer, beside those that every problem has.
    let headers: [String: String]
    let members: [String]
    /// It ends the connection: the request was refused before its body was read.
    let closes: Bool
    let ask: Ask

    init(
        _ status: Int, problem: String, headers: [String: String] = [:], members: [String] = [], closes: Bool = false,
        _ ask: @escaping Ask
    ) {
        self.status = status
        self.problem = problem
        self.headers = headers
        self.members = members
        self.closes = closes
        self.ask = ask
    }

    var testDescription: String { "\(status) \(problem)" }

    func check(on cluster: TestCluster) throws {
        let answer = try ask(cluster)
        #expect(answer.status == status, "\(answer.text)")
        #expect(answer.json["type"] as? String == "/problems/\(problem)", "\(answer.text)")
        #expect(answer["content-type"] == "application/problem+json" && answer["date"] != nil)
        #expect(answer.json["status"] as? Int == status)
        #expect((answer.json["title"] as? String)?.isEmpty == false)
        let retryAfter = answer["retry-after"].flatMap { Int($0) }
        #expect(status == 503 ? retryAfter == 1 : status == 429 ? retryAfter ?? 0 >= 1 : retryAfter == nil)
        for (name, value) in headers { #expect(answer[name] == value, "\(name) of \(problem)") }
        for name in members { #expect(answer.json[name] != nil, "\(name) of \(problem): \(answer.text)") }
        #expect(answer["connection"] == (closes ? "close" : nil), "\(problem)")
        #expect(cluster[0].isRunning)
    }
}

/// To the first node.
private func call(
    _ method: String, _ target: String, _ headers: [String: String] = [:], body: [UInt8]? = nil
) -> Ask {
    { try $0[0].request(method, target, headers, body: body) }
}

/// The same, of a head that no client of good manners sends.
private func raw(_ head: String) -> Ask {
    { cluster in
        let connection = try cluster[0].connect()
        try connection.send(head + "\r\n")
        return try connection.response()
    }
}

private let owner = Names.token()

/// A name that `owner` holds.
private func held(_ name: String, _ cluster: TestCluster) throws {
    let answer = try Names.register(name, owner, at: cluster[0])
    guard answer.status == 201 else { throw HarnessFailure("\(name): \(answer.text)") }
}

// MARK: What all nodes answer together

private let requests: [ProblemRow] = [
    .init(400, problem: "malformed", closes: true, call("GET", "/v1/kv/rows/%zz")),
    .init(400, problem: "malformed", call("DELETE", "/v1/kv/rows/k?ttl=5")),
    .init(
        403, problem: "foreign-origin", closes: true, call("DELETE", "/v1/kv/rows/k", ["Origin": "http://evil.example"])
    ),
    .init(404, problem: "no-such-path", closes: true, call("GET", "/v1/kv/rows")),
    .init(
        405, problem: "method-not-allowed", headers: ["allow": "GET, HEAD, PUT, DELETE, PATCH"],
        call("POST", "/v1/kv/rows/k", body: [])),
    .init(405, problem: "method-not-allowed", headers: ["allow": "POST"], call("GET", "/v1/names/n/transfer")),
    .init(
        414, problem: "target-too-long", closes: true,
        call("GET", "/v1/kv/rows/" + String(repeating: "k", count: 1_021))),
    .init(
        415, problem: "unsupported-media-type", headers: ["accept-encoding": "identity"], closes: true,
        call("PUT", "/v1/kv/rows/k", ["Content-Encoding": "gzip"], body: [1])),
    .init(
        415, problem: "unsupported-media-type", closes: true,
        call("POST", "/v1/namestore/acceptors?nodes=de-fra-1", ["Content-Type": "multipart/form-data"], body: [])),
    .init(417, problem: "expectation-failed", closes: true, call("PUT", "/v1/kv/rows/k", ["Expect": "tea"], body: [])),
    .init(421, problem: "wrong-host", closes: true, raw("GET /healthz HTTP/1.1\r\nHost: evil.example\r\n")),
    .init(
        431, problem: "headers-too-large", closes: true,
        raw("GET /healthz HTTP/1.1\r\nHost: localhost\r\nx: \(String(repeating: "x", count: 33_000))\r\n")),
    .init(501, problem: "not-implemented", closes: true, raw("BREW /v1/kv/rows/k HTTP/1.1\r\nHost: localhost\r\n")),
]

private let items: [ProblemRow] = [
    .init(400, problem: "level-not-possible", call("PUT", "/v1/kv/rows/k?w=4", body: [])),
    .init(
        404, problem: "not-found",
        headers: ["atoll-acks": "replicas=3; countries=de,jp,us; hinted=0; level=all; reached=true"],
        call("GET", "/v1/kv/rows/none?r=all")),
    .init(404, problem: "not-found", call("GET", "/v1/replica/rows/none")),
    .init(412, problem: "exists") { cluster in
        try cluster[0].put("rows/exists", "v")
        return try cluster[0].put("rows/exists", "other", ["If-None-Match": "*"])
    },
    .init(
        413, problem: "too-large", closes: true,
        call("PUT", "/v1/kv/small/k", body: [UInt8](repeating: 1, count: 1_001))),
    // As many as are allowed are taken; the next one is refused, and nothing is lost.
    .init(409, problem: "too-many-siblings", members: ["level", "acknowledged_by"]) { cluster in
        let connection = try cluster[0].connect()
        let seen = try #require(try cluster[0].put("rows/many", "first").context)
        func write(_ number: Int) throws -> Response {
            try connection.request("PUT", "/v1/kv/rows/many", ["Atoll-Context": seen], body: Array("\(number)".utf8))
        }
        for number in 1...Limits.siblings { #expect(try write(number).status == 204, "\(number)") }
        let answer = try write(0)
        let siblings = try cluster[0].get("rows/many").json["siblings"] as? [Any]
        #expect(siblings?.count == Limits.siblings)
        return answer
    },
    // A context may name lives that have long passed: 495 and that of the write itself are the most.
    .init(409, problem: "vector-full") { cluster in
        let most = try Lives.context(of: "rows/lives", (1..<Limits.mintedVersionEntries).map { ("gone", UInt64($0)) })
        #expect(try cluster[0].put("rows/lives", "v", ["Atoll-Context": most]).status == 201)
        let more = try Lives.context(of: "rows/more", (1...Limits.mintedVersionEntries).map { ("gone", UInt64($0)) })
        return try cluster[0].put("rows/more", "v", ["Atoll-Context": more])
    },
    // Fewer, and their names are long: the context would not be taken back for ever.
    .init(409, problem: "vector-full") { cluster in
        let names = (100..<260).map {
            ("gone-\($0)".padding(toLength: Limits.nodeNameBytes, withPad: "x", startingAt: 0), UInt64(1))
        }
        return try cluster[0].put("rows/long", "v", ["Atoll-Context": try Lives.context(of: "rows/long", names)])
    },
]

private let names: [ProblemRow] = [
    .init(400, problem: "bad-name", call("PUT", "/v1/names/user:an%E2%80%8Bn", ["Atoll-Owner": owner], body: [])),
    .init(400, problem: "bad-owner-token", call("PUT", "/v1/names/fine", ["Atoll-Owner": "secret"], body: [])),
    .init(400, problem: "weak-acceptors", call("POST", "/v1/namestore/acceptors?nodes=de-fra-1", body: [])),
    .init(403, problem: "not-the-owner", members: ["generation"]) { cluster in
        try held("rows-owned", cluster)
        return try cluster[0].request("DELETE", "/v1/names/rows-owned", ["Atoll-Owner": Names.token()])
    },
    .init(404, problem: "no-such-name", call("GET", "/v1/names/nobody")),
    .init(409, problem: "name-taken", members: ["generation"]) { cluster in
        try held("rows-taken", cluster)
        return try Names.register("rows-taken", Names.token(), at: cluster[1])
    },
    .init(409, problem: "stale-generation", members: ["generation"]) { cluster in
        try held("rows-stale", cluster)
        let answer = try cluster[1].request("DELETE", "/v1/names/rows-stale?generation=2", ["Atoll-Owner": owner])
        #expect(answer.json["generation"] as? Int == 1)
        return answer
    },
    .init(
        409, problem: "ring-epoch-taken", members: ["epoch", "digest"],
        call("POST", "/v1/namestore/ring?epoch=1000&digest=\(String(repeating: "0", count: 64))", body: [])),
    .init(429, problem: "too-many-names") { cluster in
        // Five a second, twenty at once.
        for _ in 0..<60 {
            let answer = try cluster[2].request("DELETE", "/v1/names/nobody", ["Atoll-Owner": owner])
            if answer.status != 404 { return answer }
        }
        throw HarnessFailure("all were admitted")
    },
    .init(429, problem: "too-many-watches") { cluster in
        // One a second, which goes on for as long as it is listened to.
        let first = try cluster[2].connect()
        try first.send("GET /v1/live/rows/k HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(try first.read(12) == Array("HTTP/1.1 200".utf8))
        return try cluster[2].request("GET", "/v1/live/rows/k")
    },
]

// MARK: What needs a trouble

/// While the other two acceptors, and replicas, are silent.
private let withoutQuorum: [ProblemRow] = [
    .init(
        503, problem: "quorum-not-reached", members: ["may_take_effect", "level", "acknowledged_by"],
        call("PUT", "/v1/kv/rows/alone?timeout=300&strict=true", body: [])),
    .init(
        503, problem: "name-outcome-unknown", members: ["may_take_effect"], call("GET", "/v1/names/nobody?timeout=300")),
    .init(409, problem: "reconfiguration-under-way") { cluster in
        let target = "/v1/namestore/acceptors?nodes=de-fra-1,us-iad-1,jp-tyo-1"
        #expect(try cluster[0].request("POST", target, body: []).status == 202)
        return try cluster[0].request("POST", target, body: [])
    },
    // Lists that wait for replicas keep room for what these are expected to bring.
    .init(503, problem: "overloaded") { cluster in
        let list = "GET /v1/kv/rows/list/?timeout=8000 HTTP/1.1\r\nHost: localhost\r\n\r\n"
        let waiting = try (0..<100).map { _ in try cluster[0].connect() }
        for connection in waiting { try connection.send(list) }
        return try eventually("no room is left", within: 6) {
            let answer = try cluster[0].request("GET", "/v1/kv/rows/list/?timeout=50")
            return answer.text.contains("quorum-not-reached") ? nil : answer
        }
    },
]

/// The first of three nodes that never ran together.
private let unfounded = ProblemRow(
    503, problem: "acceptors-unavailable",
    call("POST", "/v1/namestore/acceptors?nodes=de-fra-1,us-iad-1,jp-tyo-1", body: []))
private let withoutAcceptors = ProblemRow(501, problem: "no-namestore", call("GET", "/v1/names/nobody"))

/// One node, whose disk has lied in a way that LevelDB's checksums did not see.
private let unreadable = ProblemRow(500, problem: "unreadable") { cluster in
    let node = cluster[0]
    try node.put("rows/damaged", "v")
    // Killed: after a clean stop it would know that somebody has been here.
    node.kill()
    do {
        let key = try StoredKey(bucket: Array("rows".utf8), partitionKey: Array("damaged".utf8)).bytes
        let store = try LevelDBStore(path: node.dataPath + "/objects")
        let object = try #require(try store.get(key))
        try store.commit([.put(key: key, value: object.dropLast())], synced: true)
        store.close()
    }
    try node.start()
    try node.awaitHealth()
    return try node.replica("rows/damaged")
}

/// A client that has sent many requests and reads slowly meets the stop between two of them.
private let stopping = ProblemRow(503, problem: "stopping", closes: true) { cluster in
    let node = cluster[0]
    let value = [UInt8](repeating: 0x61, count: 12 << 10)
    #expect(try node.request("PUT", "/v1/kv/rows/read", body: value).status == 201)
    let (reader, idle) = (try Connection(node.httpPort, receiveBuffer: 1 << 16), try node.connect())
    #expect(try idle.request("GET", "/healthz").status == 200)
    try reader.send(String(repeating: "GET /v1/kv/rows/read HTTP/1.1\r\nHost: localhost\r\n\r\n", count: 2_000))
    var last = 0.0
    try eventually("the reader's socket is full", within: 20, every: 0.3) {
        let answered = try node.metric("atoll_request_seconds_count") ?? 0
        defer { last = answered }
        return answered == last && answered > 10
    }
    node.process?.signal(SIGTERM)
    // Idle ones are ended when the stop begins.
    #expect(try idle.readToEnd().isEmpty)
    var answer = try reader.response()
    while answer.status == 200 {
        #expect(answer.body == value)
        answer = try reader.response()
    }
    #expect(try reader.readToEnd().isEmpty)
    return answer
}

/// What a suite of its own provokes, since it takes a small disk or ten seconds, or a WebSocket.
private let elsewhere: [(status: Int, problem: String, suite: String, test: String)] = [
    (403, problem: "reserved-bucket", suite: "../EdgeTests/LiveSocketTests", test: "aSitesSocketHasItsOneKey"),
    (403, problem: "another-key", suite: "../EdgeTests/LiveSocketTests", test: "aSitesSocketHasItsOneKey"),
    (408, problem: "request-timeout", "BadRequestTests", "aSlowClientIsLetGo"),
    (409, problem: "wrong-type", suite: "TypedTests", test: "whatCantBeDoneIsRefused"),
    (409, problem: "context-too-old", suite: "TypedTests", test: "deletedTextIsSweptAndAnOldContextRefused"),
    (409, problem: "retry-unknown", suite: "TypedTests", test: "whetherItWasDoneLongAgoIsNotGuessed"),
    (409, problem: "too-many-actors", suite: "TypedTests", test: "tooManyActors"),
    (
        409, problem: "request-under-way", suite: "../EdgeTests/LiveSocketTests",
        test: "requestsAreAnswered"
    ),
    (412, problem: "test-failed", suite: "TypedTests", test: "whatCantBeDoneIsRefused"),
    (415, problem: "unsupported-patch", suite: "TypedTests", test: "whatCantBeDoneIsRefused"),
    (422, problem: "not-applicable", suite: "TypedTests", test: "whatCantBeDoneIsRefused"),
    (426, problem: "upgrade-required", suite: "../EdgeTests/SocketUpgradeTests", test: "whatIsNoneIsRefused"),
    (507, problem: "disk-full", "DiskTests", "aFullDiskRefusesWritesAndLosesNone"),
]

private enum Lives {
    /// The context of an object that these lives of nodes have written, as it travels.
    static func context(of key: String, _ lives: [(node: String, incarnation: UInt64)]) throws -> String {
        let parts = key.split(separator: "/").map { Array($0.utf8) }
        let stored = try StoredKey(bucket: parts[0], partitionKey: parts[1]).bytes
        let dots = try lives.map {
            Dot(actor: Actor(node: try #require(NodeID($0.node)), incarnation: $0.incarnation), counter: 1)
        }
        let versions = try #require(VersionVector(ascending: dots))
        let context = CausalContext(versions: versions, latestTime: HybridTime(bits: 1))
        return Data(context.encode(for: stored)).base64EncodedString()
    }
}

extension Trait where Self == ClusterTrait {
    fileprivate static var threeVoters: ClusterTrait {
        // One event loop: what a loop may hold is soon held.
        ClusterTrait {
            try TestCluster.three(
                buckets: TestBuckets.text + "\n" + Names.acceptors,
                arguments: ["--name-rate", "5", "--watch-rate", "1", "--loops", "1"])
        }
    }
}

extension Integration {
    @Suite(.threeVoters) struct ProblemTableTests {
        @Test(arguments: requests + items) fileprivate func theAnswerIsAsItsRowSays(_ row: ProblemRow) throws {
            try row.check(on: try cluster())
        }

        @Test(arguments: names) fileprivate func theAnswerAboutANameToo(_ row: ProblemRow) throws {
            let cluster = try cluster()
            for node in cluster.nodes { try Names.awaitFounded(node) }
            try row.check(on: cluster)
        }

        @Test func withoutAQuorum() throws {
            let cluster = try cluster()
            try Names.awaitFounded(cluster[0])
            let others = cluster.nodes.dropFirst()
            for node in others { node.process?.signal(SIGSTOP) }
            defer { for node in others { node.process?.signal(SIGCONT) } }
            for row in withoutQuorum { try row.check(on: cluster) }
        }
    }

    @Suite struct ProblemTableOfOneNodeTests {
        @Test func withoutANamestore() throws {
            for (row, text) in [(unfounded, Names.acceptors), (withoutAcceptors, "")] {
                let cluster = try TestCluster.three(buckets: text)
                defer { cluster.end() }
                try cluster[0].start()
                try cluster[0].awaitHealth()
                try row.check(on: cluster)
                // No problem document, and yet to be asked again.
                let ready = try cluster[0].request("GET", "/readyz")
                #expect(ready.status == 503 && ready["retry-after"] == "1")
            }
        }

        @Test func ofADamagedObjectAndOfAStop() throws {
            let cluster = try TestCluster.single()
            defer { cluster.end() }
            try cluster.start()
            try unreadable.check(on: cluster)
            let answer = try stopping.ask(cluster)
            #expect(answer.status == 503 && answer.json["type"] as? String == "/problems/stopping", "\(answer.text)")
            #expect(answer["retry-after"] == "1" && answer["connection"] == "close")
            #expect(try cluster[0].process?.wait(within: 15) == .exited(0))
        }

        /// The document has no row that is not here, and none is here that is not in the document.
        @Test func everyRowOfTheDocumentIsHere() throws {
            let page = try String(contentsOfFile: sourceRoot.path + "/docs/HTTP.md", encoding: .utf8)
            var documented: Set<String> = []
            for line in page.split(separator: "\n") {
                guard let row = try /\| (\d{3}) \| ((?:`[a-z-]+`(?:, )?)+) \|.*/.wholeMatch(in: line) else { continue }
                for type in row.2.split(separator: ", ") {
                    documented.insert("\(row.1) \(type.dropFirst().dropLast())")
                }
            }
            let rows = requests + items + names + withoutQuorum + [unfounded, withoutAcceptors, unreadable, stopping]
            let tested = Set(rows.map(\.testDescription) + elsewhere.map { "\($0.status) \($0.problem)" })
            #expect(documented.count > 30 && documented == tested, "\(documented.symmetricDifference(tested))")
            for row in elsewhere {
                let path = "\(sourceRoot.path)/Tests/IntegrationTests/\(row.suite).swift"
                let source = try String(contentsOfFile: path, encoding: .utf8)
                let isNamed = ["\"/problems/", "problem: \""].contains { source.contains($0 + row.problem + "\"") }
                #expect(source.contains("func \(row.test)(") && isNamed)
            }
        }
    }
}
