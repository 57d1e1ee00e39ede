// `atoll watch`: a live read from a shell. It goes on over restarts and cuts, from the last event that it has seen.

import ArgumentParser
import Foundation
import JSON
import NIOCore
import NIOHTTP1
import NIOPosix
import World

struct Watch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show a key, or all items under one, and then every change; Ctrl-C ends it.",
        discussion: """
            atoll watch docs/plan shows one key, atoll watch timeline/ann/ the items of a timeline. What is shown is \
            what at least one of the key's replicas has on its disk. Connects again by itself, from where it was.
            """)
    @Argument(help: "BUCKET/KEY, BUCKET/KEY/SORT, or BUCKET/KEY/ for all items of a key.") var key: String
    @Flag(help: "One line of JSON for each event, with its id.") var json = false
    @Option(help: "Begin after the event of this id.") var since: String?
    @OptionGroup var node: NodeOptions

    func run() async throws {
        let path = try Watch.path(key)
        var session = EventSession(lastID: since)
        var pause = ReconnectPause()
        var url = try await node.node()
        var isFirst = true
        while true {
            let response = try await session.listen(path, at: url, json: json)
            if let response, response.status != 429, response.status != 503 { throw Answers.problem(response) }
            if isFirst, !session.wasHeard, response == nil {
                throw CommandFailure.usage("no answer from \(url): is a node running there? (atoll up)")
            }
            isFirst = false
            if session.wasHeard { pause = ReconnectPause() }
            let seconds = pause.next(chance: .random(in: 0...1))
            let why = response.map { "the node has no room (\($0.status))" } ?? "the connection to \(url) ended"
            Terminal.error("atoll: \(why); trying again")
            try await Task.sleep(for: .seconds(seconds))
            // Another of the usual addresses may answer by now.
            if let other = try? await node.node() { url = other }
        }
    }

    static func path(_ key: String) throws -> String {
        var parts = key.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        let isRange = parts.count == 3 && parts[2].isEmpty
        if isRange { parts.removeLast() }
        guard (2...3).contains(parts.count), parts.allSatisfy({ !$0.isEmpty }) else {
            throw CommandFailure.usage(
                "\"\(key)\": a watch is of BUCKET/KEY, BUCKET/KEY/SORT, or BUCKET/KEY/ for all items of a key")
        }
        return "/v1/live/" + parts.map(PercentEncoding.segment).joined(separator: "/") + (isRange ? "/" : "")
    }
}

/// How long to wait before the next try: from a quarter of a second, doubled up to ten, and half of it by chance, so
/// that all who lost a node do not come back at one moment.
struct ReconnectPause {
    private var longest = 0.25

    /// - Parameter chance: from 0 to 1.
    mutating func next(chance: Double) -> Double {
        defer { longest = min(10, 2 * longest) }
        return longest * (0.5 + chance / 2)
    }
}

/// What one command has seen, over all its connections.
struct EventSession: Sendable {
    private(set) var lastID: String?
    /// The last connection brought something.
    private(set) var wasHeard = false

    init(lastID: String?) { self.lastID = lastID }

    /// Shows events until the connection ends. Returns the answer where that is no stream.
    mutating func listen(_ path: String, at url: NodeURL, json: Bool) async throws -> ClientResponse? {
        wasHeard = false
        let group = MultiThreadedEventLoopGroup.singleton
        let end = group.next().makePromise(of: WatchHandler.End.self)
        let last = lastID
        let channel: any Channel
        do {
            channel = try await ClientBootstrap(group: group)
                .connectTimeout(.seconds(3))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        try pipeline.addHTTPClientHandlers()
                        try pipeline.addHandler(IdleStateHandler(readTimeout: WatchHandler.longestSilence))
                        try pipeline.addHandler(WatchHandler(lastID: last, json: json, end: end))
                    }
                }
                .connect(host: url.host, port: url.port).get()
        } catch {
            end.succeed(WatchHandler.End(lastID: last))
            return nil
        }
        var headers = HTTPHeaders([("host", "\(url.host):\(url.port)"), ("accept", "text/event-stream")])
        if let last { headers.add(name: "last-event-id", value: last) }
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: path, headers: headers)
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
        let seen = try await end.futureResult.get()
        (lastID, wasHeard) = (seen.lastID, seen.wasHeard)
        return seen.response
    }
}

/// Reads a stream and shows it, on the connection's own loop: whoever reads our output slowly is waited for, and so is
/// the node.
final class WatchHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    struct End: Sendable {
        var lastID: String?
        var wasHeard = false
        var response: ClientResponse?
    }

    /// More than twice the time between two heartbeats (docs/LIVE.md).
    static let longestSilence = TimeAmount.seconds(40)
    private var seen: End
    private let json: Bool
    private let end: EventLoopPromise<End>
    private var reader = EventReader()

    init(lastID: String?, json: Bool, end: EventLoopPromise<End>) {
        seen = End(lastID: lastID)
        self.json = json
        self.end = end
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            if head.status.code != 200 {
                seen.response = ClientResponse(status: head.status.code, headers: head.headers, body: [])
            }
        case .body(let part):
            guard seen.response == nil else {
                seen.response?.body.append(contentsOf: part.readableBytesView)
                return
            }
            seen.wasHeard = true
            guard let events = reader.read(part.readableBytesView) else { return context.close(promise: nil) }
            for event in events { show(event) }
        case .end: context.close(promise: nil)
        }
    }

    private func show(_ event: ServerEvent) {
        if let id = event.id { seen.lastID = id }
        let (output, note) = json ? (WatchText.json(event), nil) : WatchText.plain(event)
        if let output { Terminal.output(Array((output + "\n").utf8)) }
        if let note { Terminal.error("atoll: \(note)") }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { context.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) { end.succeed(seen) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// Events as a person, or a script, reads them.
enum WatchText {
    static func json(_ event: ServerEvent) -> String? {
        var members = [JSONValue.Member("event", .string(event.name))]
        if let id = event.id { members.append(JSONValue.Member("id", .string(id))) }
        guard case .object(let data)? = try? JSONValue.decode(Array(event.data.utf8)) else { return nil }
        return String(decoding: JSONValue.object(members + data).encode(), as: UTF8.self)
    }

    /// What is there goes to the output, what is said of the connection beside it.
    static func plain(_ event: ServerEvent) -> (output: String?, note: String?) {
        let data = try? JSONValue.decode(Array(event.data.utf8))
        let sort = data.flatMap { text($0, "sort") }.map { $0 + "\t" } ?? ""
        switch event.name {
        case "value", "document", "item", "siblings":
            let siblings = data?["siblings"]?.array
            let values = (siblings ?? [data].compactMap { $0 }).map { text($0, "value") ?? "" }
            return (sort + values.joined(separator: " | "), nil)
        case "deleted", "removed": return (sort + "(deleted)", nil)
        case "reset": return (nil, "what was shown is out of date; all that stands follows")
        case "lagging": return (nil, "no replica of it is heard")
        case "current": return (nil, "heard again")
        default: return (nil, nil)
        }
    }

    /// A member as text; that of bytes which are none in base64, that of a document as JSON.
    private static func text(_ object: JSONValue, _ name: String) -> String? {
        if let value = object[name] { return value.string ?? String(decoding: value.encode(), as: UTF8.self) }
        return object[name + "_base64"]?.string
    }
}
