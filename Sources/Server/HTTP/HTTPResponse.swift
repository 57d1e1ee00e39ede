// A response on its way to the socket: status, headers, body.

import Causality
import Foundation
import Gateway
import NIOCore
import NIOHTTP1
import Ring
import World

struct HTTPResponse {
    var status: HTTPResponseStatus
    var headers: HTTPHeaders
    var body: [UInt8]
    /// The answer to a HEAD: `body` tells its length only.
    var omitsBody = false

    init(_ status: UInt, _ headers: [(String, String)] = [], body: [UInt8] = []) {
        self.status = HTTPResponseStatus(statusCode: Int(status))
        self.headers = HTTPHeaders(headers)
        self.body = body
    }

    init(_ problem: Problem) {
        self.init(problem.status, [("content-type", "application/problem+json")], body: problem.body)
        if problem.status == 503 { headers.add(name: "retry-after", value: "1") }
        if let allowed = problem.allowedMethods { headers.add(name: "allow", value: allowed) }
    }

    static func json(_ body: [UInt8]) -> HTTPResponse {
        HTTPResponse(200, [("content-type", "application/json")], body: body)
    }
}

extension Account {
    /// The `Atoll-Acks` header (docs/HTTP.md): how many replicas, where, how many by hint, and the level.
    var header: String {
        "replicas=\(tally.count); countries=\(tally.countries.joined(separator: ",")); hinted=\(tally.hinted); "
            + "level=\(level.description); reached=\(reached)"
    }
}

enum ContextHeader {
    static let name = "atoll-context"

    static func text(_ context: CausalContext, for key: StoredKey) -> String {
        Data(context.encode(for: key.bytes)).base64EncodedString()
    }

    /// The token's bytes, checked; a token that is not ours, or another key's, throws.
    static func parse(_ text: String, for key: StoredKey) throws(Problem) -> [UInt8] {
        guard text.utf8.count <= Limits.contextBytes, let data = Data(base64Encoded: text) else {
            throw .malformed("Atoll-Context is not one that Atoll gave")
        }
        let bytes = [UInt8](data)
        do { _ = try CausalContext(decoding: bytes, for: key.bytes) } catch {
            throw .malformed("Atoll-Context: \(error)")
        }
        return bytes
    }
}
