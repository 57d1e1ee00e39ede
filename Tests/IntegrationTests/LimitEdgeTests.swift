// Documented limits of what a request may have (docs/HTTP.md), each at its edge: what is just allowed is taken, and one
// more is refused as documented. Times and what they are counted from: Tests/ServerTests/HTTPGuardTests.swift.

import Causality
import DataTypes
import Foundation
import Keys
import Ring
import Testing
import World

/// A request in bytes, and how it is answered.
private struct Edge: Sendable {
    let method: String
    let request: [UInt8]
    let status: Int
    /// The end of its problem's type; nil where any answer of this status will do.
    let problem: String?

    /// - Parameters:
    ///   - announced: the `Content-Length` where no body follows.
    ///   - chunk: the size of a body that comes in one chunk.
    init(
        _ status: Int, problem: String? = nil, _ method: String, _ target: String, _ fields: String = "",
        body: [UInt8]? = nil, announced: Int? = nil, chunk: Int? = nil
    ) {
        var head = "\(method) \(target) HTTP/1.1\r\nHost: localhost\r\n\(fields)"
        if let length = announced ?? body?.count { head += "Content-Length: \(length)\r\n" }
        if let chunk { head += "Transfer-Encoding: chunked\r\n\r\n\(String(chunk, radix: 16))" }
        request = Array((head + "\r\n").utf8) + (chunk.map { bytes($0) + Array("\r\n0\r\n\r\n".utf8) } ?? body ?? [])
        self.method = method
        self.status = status
        self.problem = problem
    }

    func check(on node: TestNode, _ note: String) throws {
        let connection = try node.connect()
        // Refused before it is all sent, the rest may meet a closed socket.
        try? connection.send(request)
        let answer = try connection.response(to: method)
        let text = answer.text.prefix(200)
        #expect(answer.status == status, "\(note): \(text)")
        if let problem { #expect(answer.json["type"] as? String == "/problems/\(problem)", "\(note): \(text)") }
    }
}

private struct LimitRow: Sendable, CustomTestStringConvertible {
    let limit: String
    let within: [Edge]
    let beyond: [Edge]
    var testDescription: String { limit }

    init(_ limit: String, within: Edge..., beyond: Edge...) {
        self.limit = limit
        self.within = within
        self.beyond = beyond
    }
}

private func text(_ count: Int, _ character: Character = "x") -> String { String(repeating: character, count: count) }
private func bytes(_ count: Int) -> [UInt8] { [UInt8](repeating: 0x61, count: count) }

private let heads: [LimitRow] = [
    // Empty parameters are none.
    .init(
        "target, 8 KiB", within: Edge(200, "GET", "/healthz?" + text(8_183, "&")),
        beyond: Edge(414, problem: "target-too-long", "GET", "/healthz?" + text(8_184, "&"))),
    .init(
        "bucket, 64 bytes", within: Edge(201, "PUT", "/v1/kv/\(text(64))/k", body: []),
        beyond: Edge(414, problem: "target-too-long", "PUT", "/v1/kv/\(text(65))/k", body: [])),
    .init(
        "bucket, key and sort key, 1,024 bytes",
        within: Edge(201, "PUT", "/v1/kv/b/\(text(1_000))/\(text(23))", body: []),
        beyond: Edge(414, problem: "target-too-long", "PUT", "/v1/kv/b/\(text(1_000))/\(text(24))", body: [])),
    .init(
        "64 headers", within: Edge(200, "GET", "/healthz", String(repeating: "x: y\r\n", count: 63)),
        beyond: Edge(431, problem: "headers-too-large", "GET", "/healthz", String(repeating: "x: y\r\n", count: 64))),
    .init(
        "one header, 32 KiB", within: Edge(200, "GET", "/healthz", "x: \(text(32 << 10))\r\n"),
        beyond: Edge(431, problem: "headers-too-large", "GET", "/healthz", "x: \(text((32 << 10) + 1))\r\n")),
    // The target, and each header as it travels: `Host: localhost` has 17 bytes with the end of its line.
    .init(
        "target and headers together, 40 KiB",
        within: Edge(200, "GET", "/healthz", "x: \(text(20_000))\r\ny: \(text(40_960 - 20_035))\r\n"),
        beyond: Edge(
            431, problem: "headers-too-large", "GET", "/healthz",
            "x: \(text(20_000))\r\ny: \(text(40_961 - 20_035))\r\n")),
    .init(
        "content type, 255 bytes",
        within: Edge(201, "PUT", "/v1/kv/type/k", "Content-Type: \(text(255))\r\n", body: []),
        beyond: Edge(400, problem: "malformed", "PUT", "/v1/kv/type/k", "Content-Type: \(text(256))\r\n", body: [])),
    .init(
        "places on Earth", within: Edge(404, "GET", "/v1/kv/b/none", "Atoll-Location: 90,-180\r\n"),
        Edge(404, "GET", "/v1/kv/b/none", "Atoll-Location: -90,180\r\n"),
        beyond: Edge(400, problem: "malformed", "GET", "/v1/kv/b/none", "Atoll-Location: 90.01,0\r\n"),
        Edge(400, problem: "malformed", "GET", "/v1/kv/b/none", "Atoll-Location: 0,-180.01\r\n")),
]

private let bodies: [LimitRow] = [
    .init(
        "max_value of a bucket", within: Edge(201, "PUT", "/v1/kv/small/k", body: bytes(1_000)),
        Edge(204, "PUT", "/v1/kv/small/k", chunk: 1_000),
        beyond: Edge(413, problem: "too-large", "PUT", "/v1/kv/small/k", announced: 1_001),
        Edge(413, problem: "too-large", "PUT", "/v1/kv/small/k", chunk: 1_001)),
    .init(
        "max_value by default, 1 MiB", within: Edge(201, "PUT", "/v1/kv/body/k", body: bytes(1 << 20)),
        beyond: Edge(413, problem: "too-large", "PUT", "/v1/kv/body/k", announced: (1 << 20) + 1),
        Edge(413, problem: "too-large", "PUT", "/v1/kv/body/k", chunk: (1 << 20) + 1)),
    .init(
        "max_value at most, 8 MiB", within: Edge(201, "PUT", "/v1/kv/large/k", body: bytes(8 << 20)),
        beyond: Edge(413, problem: "too-large", "PUT", "/v1/kv/large/k", announced: (8 << 20) + 1)),
    .init(
        "where no body is read, 4 KiB", within: Edge(405, "PUT", "/healthz", body: bytes(4_096)),
        Edge(404, "GET", "/v1/kv/body/none", body: bytes(4_096)),
        Edge(204, "DELETE", "/v1/kv/body/none", body: bytes(4_096)),
        Edge(404, "GET", "/v1/replica/large/none", body: bytes(4_096)),
        Edge(200, "GET", "/v1/kv/large/none/", body: bytes(4_096)),
        Edge(404, "GET", "/v1/names/none", body: bytes(4_096)),
        beyond: Edge(413, problem: "too-large", "PUT", "/healthz", announced: 4_097),
        Edge(413, problem: "too-large", "GET", "/v1/kv/large/none", announced: 4_097),
        Edge(413, problem: "too-large", "DELETE", "/v1/kv/large/none", announced: 4_097),
        Edge(413, problem: "too-large", "GET", "/v1/replica/large/none", announced: 4_097),
        Edge(413, problem: "too-large", "GET", "/v1/kv/large/none/", announced: 4_097),
        Edge(413, problem: "too-large", "GET", "/v1/names/none", announced: 4_097)),
]

private let parameters: [LimitRow] = [
    .init(
        "timeout, 1 to 60000 ms", within: Edge(404, "GET", "/v1/kv/b/none?timeout=60000"),
        Edge(404, "GET", "/v1/names/none?timeout=60000"), Edge(200, "GET", "/v1/kv/b/none/?timeout=60000"),
        beyond: Edge(400, problem: "malformed", "GET", "/v1/kv/b/none?timeout=60001"),
        Edge(400, problem: "malformed", "GET", "/v1/names/none?timeout=60001"),
        Edge(400, problem: "malformed", "GET", "/v1/kv/b/none/?timeout=60001"),
        Edge(400, problem: "malformed", "GET", "/v1/kv/b/none?timeout=0")),
    .init(
        "limit, 1 to 1000 items", within: Edge(200, "GET", "/v1/kv/b/none/?limit=1000"),
        Edge(200, "GET", "/v1/kv/b/none/?limit=1"),
        beyond: Edge(400, problem: "malformed", "GET", "/v1/kv/b/none/?limit=1001"),
        Edge(400, problem: "malformed", "GET", "/v1/kv/b/none/?limit=0")),
    .init(
        "ttl, 1 ms to 30 years", within: Edge(201, "PUT", "/v1/kv/b/years?ttl=946080000000", body: []),
        Edge(201, "PUT", "/v1/kv/b/brief?ttl=1", body: []),
        beyond: Edge(400, problem: "malformed", "PUT", "/v1/kv/b/years?ttl=946080000001", body: []),
        Edge(400, problem: "malformed", "PUT", "/v1/kv/b/brief?ttl=0", body: [])),
    // Three replicas are what there is; sixteen are what there may be.
    .init(
        "levels", within: Edge(404, "GET", "/v1/kv/b/none?r=3"), Edge(404, "GET", "/v1/kv/b/none?r=1"),
        beyond: Edge(400, problem: "level-not-possible", "GET", "/v1/kv/b/none?r=16"),
        Edge(400, problem: "level-not-possible", "GET", "/v1/kv/b/none?r=4"),
        Edge(400, problem: "malformed", "GET", "/v1/kv/b/none?r=17"),
        Edge(400, problem: "malformed", "GET", "/v1/kv/b/none?r=0")),
    .init(
        "generation, 63 bits", within: Edge(404, "DELETE", "/v1/names/none?generation=\(Int.max)", owner()),
        Edge(404, "DELETE", "/v1/names/none?generation=0", owner()),
        beyond: Edge(400, problem: "malformed", "DELETE", "/v1/names/none?generation=\(UInt64(Int.max) + 1)", owner()),
        Edge(400, problem: "malformed", "DELETE", "/v1/names/none?generation=-1", owner())),
    .init(
        "epoch and digest of a ring", within: claim(Int.max, 64, 409, "ring-epoch-taken"),
        beyond: claim(0, 64, 400, "malformed"), claim(1, 63, 400, "malformed"), claim(1, 65, 400, "malformed")),
]

private func claim(_ epoch: Int, _ digits: Int, _ status: Int, _ problem: String) -> Edge {
    Edge(status, problem: problem, "POST", "/v1/namestore/ring?epoch=\(epoch)&digest=\(text(digits, "a"))", body: [])
}

private func owner(_ token: String = Names.token()) -> String { "Atoll-Owner: \(token)\r\n" }

/// A text of so many characters in turn.
private func turning(_ alphabet: String, _ count: Int) -> String {
    let characters = Array(alphabet)
    return String((0..<count).map { characters[$0 % characters.count] })
}

private func token(_ token: String, _ status: Int) -> Edge {
    let problem = status == 400 ? "bad-owner-token" : nil
    return Edge(
        status, problem: problem, "PUT", "/v1/names/token-\(UInt64.random(in: 0 ... .max))", owner(token), body: [])
}

private func named(_ key: String, _ name: String, _ status: Int) -> Edge {
    let problem = status == 400 ? "malformed" : nil
    return Edge(status, problem: problem, "PUT", "/v1/names/\(name)", owner() + "Idempotency-Key: \(key)\r\n", body: [])
}

private let names: [LimitRow] = [
    .init(
        "a name, 1 to 255 bytes", within: Edge(201, "PUT", "/v1/names/\(text(255))", owner(), body: []),
        Edge(201, "PUT", "/v1/names/x", owner(), body: []),
        // 127 letters of two bytes, and one more.
        Edge(201, "PUT", "/v1/names/\(String(repeating: "%C3%A9", count: 127))x", owner(), body: []),
        beyond: Edge(400, problem: "bad-name", "PUT", "/v1/names/\(text(256))", owner(), body: []),
        Edge(400, problem: "bad-name", "PUT", "/v1/names/", owner(), body: []),
        Edge(400, problem: "bad-name", "PUT", "/v1/names/\(String(repeating: "%C3%A9", count: 128))", owner(), body: [])
    ),
    .init(
        "a token, 256 characters", within: token(turning("abcdeFGH", 256), 201),
        beyond: token(turning("abcdeFGH", 257), 400)),
    .init(
        "a token's least length", within: token(turning("abcdeFGH", 22), 201), token(turning("0123456789xy", 25), 201),
        token(turning("01234567ab-", 32), 201), token(turning("0123456789-", 39), 201),
        beyond: token(turning("abcdeFGH", 21), 400), token(turning("0123456789xy", 24), 400),
        token(turning("01234567ab-", 31), 400), token(turning("0123456789-", 38), 400)),
    .init(
        "a token's different characters", within: token(turning("abcdeFGH", 40), 201),
        beyond: token(turning("abcdeFG", 40), 400)),
    .init(
        "an Idempotency-Key, 1 to 255 characters", within: named(text(255), "keyed-long", 201),
        named("k", "keyed", 201),
        beyond: named(text(256), "keyed-over", 400), named("", "keyed-empty", 400)),
]

extension Trait where Self == ClusterTrait {
    fileprivate static var threeWithNames: ClusterTrait {
        ClusterTrait { try TestCluster.three(buckets: TestBuckets.text + "\n" + Names.acceptors) }
    }
}

extension Integration {
    @Suite(.threeWithNames) struct LimitEdgeTests {
        @Test(arguments: heads + bodies + parameters + names)
        fileprivate func whatIsAllowedIsTakenAndNoMore(_ row: LimitRow) throws {
            let cluster = try cluster()
            for node in cluster.nodes { try Names.awaitFounded(node) }
            for edge in row.within { try edge.check(on: cluster[0], "within \(row.limit)") }
            for edge in row.beyond { try edge.check(on: cluster[0], "beyond \(row.limit)") }
            #expect(try cluster[0].request("GET", "/healthz").status == 200)
        }

        /// A context that is taken back has 20 KiB at most. (What bears one of that size becomes too large for its
        /// key's vector.)
        @Test func aContextHasItsSize() throws {
            let node = try cluster()[0]
            let key = try StoredKey(bucket: Array("b".utf8), partitionKey: Array("context".utf8)).bytes
            func context(_ excess: Int) throws -> [UInt8] {
                // Nodes with names of 60 bytes, and a last one that fills up what is left.
                func encoded(_ last: Int) throws -> [UInt8] {
                    let names = (100..<419).map { "n\($0)" + text(56) } + ["z" + text(last)]
                    let dots = try names.map {
                        Dot(actor: Actor(node: try #require(NodeID($0)), incarnation: 1), counter: 1)
                    }
                    let versions = try #require(VersionVector(ascending: dots))
                    return CausalContext(versions: versions, latestTime: HybridTime(bits: 1)).encode(for: key)
                }
                let missing = Limits.contextBytes + excess - (try encoded(1).count)
                return try encoded(1 + missing)
            }
            for (excess, status, problem) in [(0, 409, "vector-full"), (1, 400, "malformed")] {
                let bytes = try context(excess)
                #expect(bytes.count == Limits.contextBytes + excess)
                let answer = try node.put("b/context", "v", ["Atoll-Context": Data(bytes).base64EncodedString()])
                #expect(
                    answer.status == status && answer.json["type"] as? String == "/problems/\(problem)",
                    "\(answer.text)")
            }
        }
    }
}
