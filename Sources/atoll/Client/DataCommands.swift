// `atoll put|get|delete|list`: the key/value calls from a shell.

import ArgumentParser
import Foundation
import JSON
import NIOHTTP1
import World

/// Options of every command that talks to a node.
struct NodeOptions: ParsableArguments {
    @Option(help: "A node's HTTP address; also ATOLL_URL. Default: http://127.0.0.1:7071, then :7070.") var url: String?

    /// The first address that answers, or the one that was named.
    func node() async throws -> NodeURL { try await NodeOptions.node(url) }

    static func node(_ url: String?) async throws -> NodeURL {
        if let named = url ?? ProcessInfo.processInfo.environment["ATOLL_URL"] { return try NodeURL(named) }
        for text in NodeURL.standard {
            let node = try NodeURL(text)
            if (try? await NodeClient.request(.GET, "/healthz", to: node)) != nil { return node }
        }
        throw CommandFailure.usage(
            "no node answers on \(NodeURL.standard.joined(separator: " or ")); start one with `atoll up`, or say --url")
    }
}

struct KeyArgument: ParsableArguments {
    @Argument(help: "BUCKET/KEY or BUCKET/KEY/SORT. Percent-encode a / or other bytes inside a part (%2F).") var key:
        String

    /// The path under `/v1/kv/`, with what a shell passes on unencoded encoded.
    func path(listing: Bool = false) throws -> String {
        let parts = key.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        let wanted = listing ? 2...2 : 2...3
        guard wanted.contains(parts.count), parts.allSatisfy({ !$0.isEmpty }) else {
            throw CommandFailure.usage(
                listing ? "\"\(key)\": list takes BUCKET/KEY" : "\"\(key)\": a key is BUCKET/KEY or BUCKET/KEY/SORT")
        }
        return "/v1/kv/" + parts.map(PercentEncoding.segment).joined(separator: "/")
    }
}

enum PercentEncoding {
    /// Encodes what may not stand in a segment; what is encoded already stays.
    static func segment(_ text: String) -> String { encode(text, keepingPercent: true) }
    static func value(_ text: String) -> String { encode(text, keepingPercent: false) }

    /// The bytes of a segment; nil where a % is not followed by two hexadecimal digits.
    static func decode(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == 0x25 else {
                bytes.append(byte)
                continue
            }
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            guard digits.utf8.count == 2, digits.allSatisfy(\.isHexDigit), let value = UInt8(digits, radix: 16) else {
                return nil
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return bytes
    }

    private static func encode(_ text: String, keepingPercent: Bool) -> String {
        text.utf8.map { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E, 0x3A, 0x40: String(UnicodeScalar(byte))
            case 0x25 where keepingPercent: "%"
            default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }.joined()
    }
}

enum Answers {
    /// Throws the failure that a problem document describes.
    static func problem(_ response: ClientResponse) -> CommandFailure {
        let document = try? JSONValue.decode(response.body)
        let text = ["title", "detail"].compactMap { document?[$0]?.string }.joined(separator: ": ")
        let message =
            (text.isEmpty ? "status \(response.status)" : text)
            + (document?["operation"]?.int.map { " (operation \($0))" } ?? "")
        switch response.status {
        case 403, 404, 409, 412, 422: return .no(message)
        default: return .usage("\(message) (status \(response.status))")
        }
    }

    static func printAccount(_ response: ClientResponse, _ isWanted: Bool) {
        guard isWanted else { return }
        for name in ["atoll-acks", "atoll-context"] {
            if let value = response.headers.first(name: name) { Terminal.error("\(name): \(value)") }
        }
    }
}

struct Put: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Store standard input, a file or a text under a key.")
    @OptionGroup var key: KeyArgument
    @Argument(help: "The value; without it (and without --file) standard input is stored.") var value: String?
    @Option(help: "Store this file.") var file: String?
    @Option(help: "Its media type.") var contentType: String?
    @Option(help: "The context a read gave: supersede exactly what was read.") var context: String?
    @Option(name: .customShort("w"), help: "Level: a number, one, quorum, local, each or all.") var w: String?
    @Option(help: "Forget the value after so many milliseconds.") var ttl: Int?
    @Flag(help: "Only if the key is absent (weak: see docs/HTTP.md).") var ifAbsent = false
    @Flag(help: "Count only the key's own replicas, no hints.") var strict = false
    @Flag(name: .shortAndLong, help: "Say who acknowledged, and the new context.") var verbose = false
    @OptionGroup var node: NodeOptions

    func run() async throws {
        let path = try key.path()
        guard value == nil || file == nil else { throw CommandFailure.usage("give a value or --file, not both") }
        let body: [UInt8]
        if let value {
            body = Array(value.utf8)
        } else if let file {
            do { body = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file))) } catch {
                throw CommandFailure.usage("cannot read \(file): \(error.localizedDescription)")
            }
        } else {
            body = [UInt8](FileHandle.standardInput.readDataToEndOfFile())
        }
        var headers: [(String, String)] = []
        if let contentType { headers.append(("content-type", contentType)) }
        if let context { headers.append(("atoll-context", context)) }
        if ifAbsent { headers.append(("if-none-match", "*")) }
        let query = QueryText([("w", w), ("strict", strict ? "true" : nil), ("ttl", ttl.map(String.init))])
        let response = try await NodeClient.request(
            .PUT, path + query.text, to: try await node.node(), headers: headers, body: body)
        guard response.status < 300 else { throw Answers.problem(response) }
        Answers.printAccount(response, verbose)
    }
}

struct QueryText {
    let text: String

    init(_ pairs: [(String, String?)]) {
        let given = pairs.compactMap { name, value in value.map { "\(name)=\(PercentEncoding.value($0))" } }
        text = given.isEmpty ? "" : "?" + given.joined(separator: "&")
    }
}

struct Get: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the value under a key.",
        discussion: "Several values written concurrently are printed as JSON; --latest takes the newest.")
    @OptionGroup var key: KeyArgument
    @Option(name: .customShort("r"), help: "Level: a number, one, quorum, local, each or all.") var r: String?
    @Flag(help: "Of several values, the newest.") var latest = false
    @Flag(help: "Count only the key's own replicas.") var strict = false
    @Flag(help: "Print a JSON document: value, content type, context, acknowledgements.") var json = false
    @Flag(name: .shortAndLong, help: "Say who answered, and the context.") var verbose = false
    @OptionGroup var node: NodeOptions

    func run() async throws {
        let query = QueryText([("r", r), ("strict", strict ? "true" : nil), ("resolve", latest ? "latest" : nil)])
        let response = try await NodeClient.request(.GET, try key.path() + query.text, to: try await node.node())
        Answers.printAccount(response, verbose)
        switch response.status {
        case 200 where json:
            var document = JSONWriter()
            document.open("{")
            for (name, header) in [
                ("acks", "atoll-acks"), ("content_type", "content-type"), ("context", "atoll-context"),
            ] {
                if let text = response.headers.first(name: header) { document.member(named: name, .string(text)) }
            }
            document.member("value", bytes: response.body)
            document.close("}")
            Terminal.output(document.bytes + [0x0A])
        case 200:
            Terminal.output(response.body)
            if Terminal.isInteractive, response.body.last != 0x0A { Terminal.output([0x0A]) }
        case 300:
            Terminal.output(response.body)
            Terminal.error(
                "atoll: written concurrently; resolve with --latest, or put with the context (get -v shows it)")
        default: throw Answers.problem(response)
        }
    }
}

struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Delete a key.")
    @OptionGroup var key: KeyArgument
    @Option(help: "The context a read gave: delete exactly what was read.") var context: String?
    @Option(name: .customShort("w"), help: "Level: a number, one, quorum, local, each or all.") var w: String?
    @Flag(help: "Count only the key's own replicas, no hints.") var strict = false
    @Flag(name: .shortAndLong, help: "Say who acknowledged.") var verbose = false
    @OptionGroup var node: NodeOptions

    func run() async throws {
        let query = QueryText([("w", w), ("strict", strict ? "true" : nil)])
        let headers = context.map { [("atoll-context", $0)] } ?? []
        let response = try await NodeClient.request(
            .DELETE, try key.path() + query.text, to: try await node.node(), headers: headers)
        guard response.status < 300 else { throw Answers.problem(response) }
        Answers.printAccount(response, verbose)
    }
}

struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the items under a partition key, in the order of their sort keys.")
    @OptionGroup var key: KeyArgument
    @Option(help: "From this sort key on.") var start: String?
    @Option(help: "Up to, but without, this sort key.") var end: String?
    @Option(help: "Only sort keys that begin with this.") var prefix: String?
    @Option(help: "At most so many items, 1 to 1000.") var limit: Int?
    @Option(name: .customShort("r"), help: "Level: a number, one, quorum, local, each or all.") var r: String?
    @Flag(help: "From the last to the first.") var reverse = false
    @Flag(help: "Print the JSON document as it came.") var json = false
    @OptionGroup var node: NodeOptions

    func run() async throws {
        let query = QueryText([
            ("start", start), ("end", end), ("prefix", prefix), ("limit", limit.map(String.init)), ("r", r),
            ("reverse", reverse ? "true" : nil),
        ])
        let response = try await NodeClient.request(
            .GET, try key.path(listing: true) + "/" + query.text, to: try await node.node())
        guard response.status == 200 else { throw Answers.problem(response) }
        if json { return Terminal.output(response.body) }
        let page = try JSONValue.decode(response.body)
        var table = Table([("SORT KEY", .left), ("TYPE", .left), ("VALUE", .left)])
        for item in page["items"]?.array ?? [] {
            func text(_ name: String) -> String? {
                item[name]?.string ?? item[name + "_base64"]?.string.map { "base64:\($0)" }
            }
            let isTyped = item["value"].map { if case .string = $0 { false } else { true } } ?? false
            let typed = isTyped ? item["value"].map { String(decoding: $0.encode(), as: UTF8.self) } : nil
            let value = typed ?? text("value") ?? "(\(item["siblings"]?.array?.count ?? 0) siblings)"
            let line =
                value.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false).first.map(String.init)
                ?? ""
            table.add([text("sort") ?? "", item["content_type"]?.string ?? "", String(line.prefix(60))])
        }
        print(table.text)
        if let next = page["next_parameter"]?.string {
            Terminal.error("more: --\(next.replacingOccurrences(of: "=", with: " "))")
        }
    }
}
