// A node with a site whose guest is the test's: each of its paths does one thing that a guest can do.

import DataTypes
import Edge
import Foundation
import Gateway
import Keys
import Live
import Logging
import NameStore
import Ring
import RingFile
import Testing
import World

@testable import Server

final class TestGuest: SiteGuest, @unchecked Sendable {
    // Only used on the node's first loop, but for what it has heard.
    static let key = try? StoredKey(bucket: Array("social.drafts".utf8), partitionKey: Array("d1".utf8))
    static let other = Route(site: "*", "none", [.get])
    static let routes = [
        "answer", "stream", "burst", "nothing", "socket", "write", "name", "watch", "wake",
    ].map { Route(site: "/\($0)", $0, [.get, .post], bodyBytes: 1 << 20) }

    private var host: SiteHost?
    private var live: UInt64?
    /// The stream that the last of its watches feeds.
    private var fed: UInt64?
    /// Guards `said`.
    private let condition = NSCondition()
    private var said: [String] = []

    func start(_ host: SiteHost) { self.host = host }
    func gone(_: UInt64) { hear("gone") }
    func drained(_: UInt64) { hear("drained") }
    func living(_ nodes: [NodeID]) { hear("living \(nodes.map(\.name).joined(separator: ","))") }
    func stop() { hear("stop") }

    var figures: SiteFigures {
        var figures = SiteFigures()
        figures.flows = 3
        figures.pages = 5
        figures.events = [("post", 7)]
        return figures
    }

    private func hear(_ what: String) {
        condition.withLock {
            said.append(what)
            condition.broadcast()
        }
    }

    var heard: [String] { condition.withLock { said } }

    /// Waits until it has heard it.
    func hears(_ what: String, times: Int = 1) -> Bool {
        condition.withLock {
            let deadline = Date().addingTimeInterval(10)
            while said.count(where: { $0 == what }) < times {
                guard condition.wait(until: deadline) else { return false }
            }
            return true
        }
    }

    func handle(_ number: UInt64, _ request: SiteRequest) {
        guard let host else { return }
        func say(_ text: String) { host.answer(number, .text(text)) }
        func block(_ text: String) -> [ArraySlice<UInt8>] { [Array("data: \(text)\n\n".utf8)[...]] }
        switch request.route.label {
        case "answer":
            host.answer(
                number,
                HTTPResponse(
                    303, [("location", "/"), ("set-cookie", "a=1"), ("set-cookie", "b=2")],
                    body: Array("from \(request.address), \(request.body.count) bytes".utf8)))
        case "stream": host.stream(number, block("one"))
        case "burst": for text in ["one", "two"] { host.stream(number, block(text)) }
        case "nothing": host.endStream(number)
        case "socket": if let key = TestGuest.key { host.upgrade(number, for: key) }
        case "write": write(host) { say($0) }
        case "name": name(host) { say($0) }
        case "watch": watch(host, number, block)
        case "wake": host.wake(at: host.now.instant + .milliseconds(20)) { say("awake") }
        default: host.answer(number, .text("none", 404))
        }
    }

    private func write(_ host: SiteHost, _ say: @escaping (String) -> Void) {
        guard let key = try? StoredKey(bucket: Array("social.users".utf8), partitionKey: Array("ann".utf8)) else {
            return
        }
        let write = ClientRequest.Operation.write(
            value: Array("hello".utf8), contentType: "", context: nil, onlyIfAbsent: false, ttlMs: nil)
        host.submit(ClientRequest(write, key: key)) { outcome in
            guard case .written = outcome else { return say("\(outcome)") }
            host.submit(ClientRequest(.read, key: key)) { outcome in
                guard case .object(let object?, _) = outcome else { return say("\(outcome)") }
                say("\(object.values.count) value")
            }
        }
    }

    private func name(_ host: SiteHost, _ say: @escaping (String) -> Void) {
        guard let name = try? Name(Array("user:ann".utf8)) else { return say("no name") }
        host.name(.read, on: name, timeout: .seconds(5)) { say("\($0)") }
    }

    private func watch(
        _ host: SiteHost, _ number: UInt64, _ block: @escaping (String) -> [ArraySlice<UInt8>]
    ) {
        guard let key = try? StoredKey(bucket: Array("social.users".utf8), partitionKey: Array("ann".utf8)) else {
            return
        }
        let watch = LiveSubscription.Watch(target: LiveTarget(key: key), name: Array("w".utf8))
        let subscription = LiveSubscription(watches: [watch], resume: nil, tellsPositions: false, form: DocumentForm())
        live = host.subscribe(subscription) { [self] pieces in
            guard let pieces, let live else { return hear("watch ended") }
            host.stream(number, pieces)
            host.taken(live)
        }
    }
}

/// Hands on what a node logs.
private struct LineLog: LogHandler {
    let lines: AsyncStream<String>.Continuation
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    init(_ lines: AsyncStream<String>.Continuation) { self.lines = lines }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { lines.yield("\(event.message)") }
}

final class SiteScene: Sendable {
    let guest = TestGuest()
    let http: Int
    let social: Int
    private let path: String
    private let running: Task<Void, any Error>

    init() async throws {
        (http, social) = (try RawClient.freePort(), try RawClient.freePort())
        let peer = try RawClient.freePort()
        path = NSTemporaryDirectory() + "/atoll-site-\(UUID().uuidString)"
        let ring = try RingDocument.compile(
            ringFile: """
                cluster = "sites"
                partitions = 4
                [country.de]
                [[node]]
                id = "n1"
                country = "de"
                peer = "127.0.0.1:\(peer)"
                http = "127.0.0.1:\(http)"
                social = "127.0.0.1:\(social)"
                capacity = "1TB"
                [social]
                trusted_proxies = ["127.0.0.0/8"]
                [names]
                acceptors = ["n1"]
                """, fileName: "test")
        var configuration = ServerConfiguration(
            ring: ring, identity: NodeID(literal: "n1"), dataPath: path, revision: "test")
        configuration.loops = 2
        configuration.shards = 1
        configuration.memoryBytes = 512 << 20
        configuration.gracePeriod = .seconds(2)
        let address = try #require(HostPort(host: "127.0.0.1", port: social))
        let listener = SiteListener(TestGuest.routes, other: TestGuest.other, ring: ring, address: address)
        configuration.site = SiteConfiguration(address: address, listener: listener) { [guest] in guest }
        let (lines, continuation) = AsyncStream.makeStream(of: String.self)
        let server = NodeServer(configuration, logger: Logger(label: "test") { _ in LineLog(continuation) })
        running = Task {
            defer { continuation.finish() }
            try await server.run()
        }
        for await line in lines where line == "node is serving" { return }
        // It has ended before.
        try await running.value
    }

    func client() throws -> RawClient { try RawClient(port: social) }

    /// Stops the node.
    func end() async {
        running.cancel()
        try? await running.value
        try? FileManager.default.removeItem(atPath: path)
    }
}
