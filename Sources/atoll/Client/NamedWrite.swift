// A change of a typed key that counts once however often it is sent: it bears a name, and is sent again under it where
// no answer came or the replicas were not enough.

import ArgumentParser
import DataTypes
import JSON
import NIOHTTP1
import World

/// The languages in which `atoll` says what to change.
enum PatchLanguage: String {
    case operations = "application/vnd.atoll.ops+json"
    case merge = "application/merge-patch+json"
}

/// Options of every command that changes a typed key in part.
struct ChangeOptions: ParsableArguments {
    @Option(help: "The context a read gave: indexes count, and removals take, what was read.") var context: String?
    @Option(name: .customShort("w"), help: "Level: a number, one, quorum, local, each or all.") var w: String?
    @Option(help: "Forget all that stands there after so many milliseconds.") var ttl: Int?
    @Flag(help: "Count only the key's own replicas, no hints.") var strict = false
    @Flag(name: .shortAndLong, help: "Say who acknowledged, and the new context.") var verbose = false
    @OptionGroup var node: NodeOptions

    /// - seen: a context that stands for the option's.
    func send(_ operations: JSONValue, to key: KeyArgument, seen: String? = nil) async throws -> ClientResponse {
        try await send(operations.encode(), as: .operations, to: key, seen: seen)
    }

    func send(
        _ body: [UInt8], as language: PatchLanguage, to key: KeyArgument, seen: String? = nil
    ) async throws -> ClientResponse {
        let query = QueryText([("w", w), ("strict", strict ? "true" : nil), ("ttl", ttl.map(String.init))])
        var headers = [("content-type", language.rawValue)]
        if let context = seen ?? context { headers.append(("atoll-context", context)) }
        let write = NamedWrite(target: try key.path() + query.text, headers: headers, body: body)
        let response = try await write.send(to: try await node.node())
        guard response.status < 300 else { throw Answers.problem(response) }
        Answers.printAccount(response, verbose)
        return response
    }
}

struct NamedWrite {
    let target: String
    let headers: [(String, String)]
    let body: [UInt8]

    /// A process is a writer, and makes one request: so there is no earlier one to come `after`.
    private let writer = Writer(high: .random(in: 0 ... .max), low: .random(in: 0 ... .max))
    /// Before each further try: a node that is restarted is there again, a cut of the network noticed.
    private static let pausesMs = [200, 600, 1_800, 5_400]

    init(target: String, headers: [(String, String)], body: [UInt8]) {
        self.target = target
        self.headers = headers
        self.body = body
    }

    func send(to node: NodeURL) async throws -> ClientResponse {
        for (count, pauseMs) in NamedWrite.pausesMs.enumerated() {
            let answer = try? await attempt(isAgain: count > 0, to: node)
            // Nothing came back, or it may still take effect.
            if let answer, answer.status != 503 { return answer }
            try await Task.sleep(for: .milliseconds(pauseMs))
        }
        return try await attempt(isAgain: true, to: node)
    }

    private func attempt(isAgain: Bool, to node: NodeURL) async throws -> ClientResponse {
        let name = OperationName(writer: writer, number: 1, isAgain: isAgain)
        return try await NodeClient.request(
            .PATCH, target, to: node, headers: headers + [("atoll-operation", name.description)], body: body)
    }
}
