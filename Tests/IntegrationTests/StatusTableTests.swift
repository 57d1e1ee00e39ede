// What docs/HTTP.md promises of each call where all is well, row by row: status, headers and body. Its rows of errors
// stand in ProblemTableTests.

import Foundation
import Testing

private struct StatusRow: Sendable, CustomTestStringConvertible {
    enum Body: Sendable { case none, value(String), json([String]), multipart }

    let call: String
    let status: Int
    let headers: [String]
    let body: Body
    let ask: @Sendable (TestCluster) throws -> Response
    var testDescription: String { "\(status) \(call)" }

    init(
        _ status: Int, _ call: String, headers: [String] = [], body: Body = .none,
        _ ask: @escaping @Sendable (TestCluster) throws -> Response
    ) {
        self.call = call
        self.status = status
        self.headers = headers
        self.body = body
        self.ask = ask
    }

    /// All that an answer may bear beside what each one has.
    private static let special = ["atoll-context", "atoll-acks", "atoll-generation", "allow", "retry-after"]

    func check(on cluster: TestCluster) throws {
        let answer = try ask(cluster)
        #expect(answer.status == status, "\(answer.text)")
        #expect(answer["date"] != nil && answer["connection"] == nil)
        for name in StatusRow.special {
            #expect((answer[name] != nil) == headers.contains(name), "\(name): \(answer[name] ?? "-")")
        }
        switch body {
        case .none: #expect(answer.body.isEmpty, "\(answer.text)")
        case .value(let text): #expect(answer.text == text && answer["content-type"] == "text/plain")
        case .json(let members):
            #expect(answer["content-type"] == "application/json")
            for member in members { #expect(answer.json[member] != nil, "\(member): \(answer.text)") }
        case .multipart: #expect(try Multipart.parse(answer).count == 2)
        }
    }
}

private let account = ["atoll-context", "atoll-acks"]

private func call(_ method: String, _ target: String, _ headers: [String: String] = [:])
    -> @Sendable (TestCluster)
    throws -> Response
{
    { try $0[0].request(method, target, headers, body: method == "PUT" || method == "POST" ? [] : nil) }
}

private func put(_ key: String, _ value: String, _ context: String? = nil, _ cluster: TestCluster) throws -> Response {
    var headers = ["Content-Type": "text/plain"]
    if let context { headers["Atoll-Context"] = context }
    return try cluster[0].put(key, value, headers)
}

/// A key with two values.
private func siblings(_ key: String, _ cluster: TestCluster) throws {
    let seen = try put(key, "first", nil, cluster).context
    for value in ["one", "two"] { _ = try put(key, value, seen, cluster) }
}

private func reading(
    _ method: String, _ key: String, _ headers: [String: String] = [:],
    after prepare:
        @escaping @Sendable (TestCluster) throws -> Void
) -> @Sendable (TestCluster) throws -> Response {
    { cluster in
        try prepare(cluster)
        return try cluster[0].request(method, "/v1/\(key)", headers)
    }
}

private let items: [StatusRow] = [
    .init(201, "PUT where nothing was", headers: account) { try put("table/new", "v", nil, $0) },
    .init(204, "PUT in place of something", headers: account) { cluster in
        _ = try put("table/old", "v", nil, cluster)
        return try put("table/old", "w", nil, cluster)
    },
    .init(204, "PUT beside something", headers: account) { cluster in
        let seen = try put("table/beside", "first", nil, cluster).context
        _ = try put("table/beside", "one", seen, cluster)
        return try put("table/beside", "two", seen, cluster)
    },
    .init(201, "PUT where something was deleted", headers: account) { cluster in
        _ = try put("table/again", "v", nil, cluster)
        _ = try cluster[0].request("DELETE", "/v1/kv/table/again")
        return try put("table/again", "w", nil, cluster)
    },
    .init(204, "DELETE", headers: account) { cluster in
        _ = try put("table/deleted", "v", nil, cluster)
        return try cluster[0].request("DELETE", "/v1/kv/table/deleted")
    },
    .init(204, "DELETE where nothing was", headers: account, call("DELETE", "/v1/kv/table/nothing")),
    .init(
        200, "GET of a value", headers: account, body: .value("v"),
        reading("GET", "kv/table/read") { _ = try put("table/read", "v", nil, $0) }),
    .init(
        200, "HEAD of a value", headers: account,
        reading("HEAD", "kv/table/head") { _ = try put("table/head", "v", nil, $0) }),
    .init(
        300, "GET of siblings", headers: account, body: .json(["siblings"]),
        reading("GET", "kv/table/both") { try siblings("table/both", $0) }),
    .init(
        300, "GET of siblings as parts", headers: account, body: .multipart,
        reading("GET", "kv/table/parts", ["Accept": "multipart/mixed"]) { try siblings("table/parts", $0) }),
    .init(
        300, "HEAD of siblings", headers: account,
        reading("HEAD", "kv/table/heads") { try siblings("table/heads", $0) }),
    .init(
        200, "GET of the latest sibling", headers: account, body: .value("two"),
        reading("GET", "kv/table/latest?resolve=latest") { try siblings("table/latest", $0) }),
    .init(404, "HEAD where nothing was", headers: ["atoll-acks"], call("HEAD", "/v1/kv/table/nobody")),
    .init(
        404, "HEAD where something was", headers: account,
        reading("HEAD", "kv/table/gone") { _ = try $0[0].request("DELETE", "/v1/kv/table/gone") }),
    .init(
        200, "GET of a list", headers: ["atoll-acks"], body: .json(["items", "next"]), call("GET", "/v1/kv/table/list/")
    ),
    .init(
        200, "GET of a replica", headers: ["atoll-context"], body: .value("v"),
        reading("GET", "replica/table/own") { _ = try put("table/own?w=all", "v", nil, $0) }),
    .init(
        404, "HEAD of a replica's tombstone", headers: ["atoll-context"],
        reading("HEAD", "replica/table/end") { _ = try $0[0].request("DELETE", "/v1/kv/table/end?w=all") }),
    .init(404, "HEAD of a replica that has nothing", call("HEAD", "/v1/replica/table/nobody")),
    .init(200, "OPTIONS *", headers: ["allow"], call("OPTIONS", "*")),
]

private let owner = ["Atoll-Owner": Names.token(), "Atoll-New-Owner": Names.token()]
private let other = ["Atoll-Owner": owner["Atoll-New-Owner"] ?? ""]
private let digest = String(repeating: "a", count: 64)

/// A life of one name, and the namestore's own calls, in this order.
private let names: [StatusRow] = [
    .init(404, "HEAD of a name that nobody holds", call("HEAD", "/v1/names/table")),
    .init(201, "PUT of a free name", body: .json(["state", "generation"]), call("PUT", "/v1/names/table", owner)),
    .init(200, "PUT of one's own name", body: .json(["state", "generation"]), call("PUT", "/v1/names/table", owner)),
    .init(200, "GET of a name", body: .json(["state", "generation"]), call("GET", "/v1/names/table")),
    .init(200, "HEAD of a name", call("HEAD", "/v1/names/table")),
    .init(200, "POST of a transfer", body: .json(["generation"]), call("POST", "/v1/names/table/transfer", owner)),
    .init(204, "DELETE of a name", headers: ["atoll-generation"], call("DELETE", "/v1/names/table", other)),
    .init(204, "DELETE of it again", headers: ["atoll-generation"], call("DELETE", "/v1/names/table", other)),
    .init(
        200, "GET of the namestore", body: .json(["founded", "epoch", "acceptors", "self"]),
        call("GET", "/v1/namestore")),
    .init(
        200, "POST of a ring's number", body: .json(["epoch", "digest"]),
        call("POST", "/v1/namestore/ring?epoch=1&digest=\(digest)")),
    .init(
        200, "POST of it again", body: .json(["epoch", "digest"]),
        call("POST", "/v1/namestore/ring?epoch=1&digest=\(digest)")),
    .init(
        202, "POST of acceptors", body: .json(["reconfiguration"]),
        call("POST", "/v1/namestore/acceptors?nodes=de-fra-1,us-iad-1,jp-tyo-1")),
]

extension Trait where Self == ClusterTrait {
    fileprivate static var threeVoters: ClusterTrait {
        ClusterTrait { try TestCluster.three(buckets: Names.acceptors) }
    }
}

extension Integration {
    @Suite(.threeVoters) struct StatusTableTests {
        @Test(arguments: items) fileprivate func theAnswerIsAsItsRowSays(_ row: StatusRow) throws {
            try row.check(on: try cluster())
        }

        @Test func namesAnswerAsTheirRowsSay() throws {
            let cluster = try cluster()
            for node in cluster.nodes { try Names.awaitFounded(node) }
            for row in names { try row.check(on: cluster) }
            // They have the votes already.
            try eventually("it is done", within: 10) {
                let last = try cluster[0].request("GET", "/v1/namestore").json["last_reconfiguration"] as? String
                return last?.hasPrefix("done") == true
            }
        }

        /// The rows of the tables of single calls are here, or rows of the table of errors.
        @Test func everyRowOfTheDocumentHasOne() throws {
            let page = try String(contentsOfFile: sourceRoot.path + "/docs/HTTP.md", encoding: .utf8)
            let calls = page.prefix(upTo: try #require(page.firstRange(of: "\n## Errors\n")).lowerBound)
            let errors = page.suffix(from: calls.endIndex)
            let rows = calls.split(separator: "\n").compactMap { line in line.wholeMatch(of: /\| (\d{3}) \| .*/)?.1 }
            #expect(rows.count == 17, "\(rows)")
            for status in rows {
                let isError = errors.contains("\n| \(status) | `")
                #expect(isError || items.contains { "\($0.status)" == status }, "\(status)")
            }
        }
    }
}
