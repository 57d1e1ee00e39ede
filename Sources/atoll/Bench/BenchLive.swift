// `atoll bench live`: how long a write takes to those who watch its key. One clock, this process's: a value is the time
// at which its write was sent.

import ArgumentParser
import Foundation
import JSON
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import NIOPosix
import World

struct BenchLive: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "live",
        abstract: "Measure live reads: the time from a write to its event.",
        discussion: """
            Writes a key through the first node, at a fixed rate, and watches it through the last (of one: through the same). \
            It leaves the key BUCKET/live there.
            """)
    @Option(help: "A node's HTTP address; repeat it. Default: as for atoll bench.") var url: [String] = []
    @Option(help: "Connections that watch the key.") var subscribers = 1
    @Option(help: "Writes a second.") var rate = 10.0
    @Option(help: "Seconds.") var duration = 10.0
    @Option(help: "The bucket.") var bucket = "bench"
    @Flag(help: "Print a JSON document.") var json = false

    func run() async throws {
        guard (1...Limits.liveSubscribers).contains(subscribers), (0.1...1_000).contains(rate),
            (1...86_400).contains(duration)
        else {
            throw CommandFailure.usage(
                "--subscribers must be 1 to \(Limits.liveSubscribers), --rate 0.1 to 1000, --duration 1 to 86400")
        }
        let urls = url.isEmpty ? [try await NodeOptions.node(nil)] : try url.map(NodeURL.init)
        guard let writer = urls.first, let watched = urls.last else { return }
        let key = "\(PercentEncoding.segment(bucket))/live"
        let audience = LiveAudience(subscribers)
        try await audience.open("/v1/live/\(key)", at: watched)
        let started = DispatchTime.now().uptimeNanoseconds
        let writes = Int(rate * duration)
        var last: UInt64 = 0
        for number in 0..<writes {
            let due = started + UInt64(Double(number) / rate * 1e9)
            let now = DispatchTime.now().uptimeNanoseconds
            if due > now { try await Task.sleep(for: .nanoseconds(Int64(due - now))) }
            last = DispatchTime.now().uptimeNanoseconds
            let answer = try await NodeClient.request(.PUT, "/v1/kv/\(key)", to: writer, body: Array("\(last)".utf8))
            guard (200..<300).contains(answer.status) else { throw Answers.problem(answer) }
        }
        let settled = await audience.await(last, within: 10)
        audience.close()
        try report(audience.delays(), writes: writes, settled: settled)
    }

    private func report(_ delays: [UInt64], writes: Int, settled: Double?) throws {
        func milliseconds(_ share: Double) -> Double {
            guard !delays.isEmpty else { return 0 }
            return Double(delays[min(delays.count - 1, Int(share * Double(delays.count)))]) / 1e6
        }
        let figures: KeyValuePairs = [
            "p50_ms": milliseconds(0.5), "p99_ms": milliseconds(0.99), "p99_9_ms": milliseconds(0.999),
            "max_ms": milliseconds(1),
        ]
        if json {
            let members: [JSONValue.Member] =
                [
                    .init("subscribers", .int(subscribers)), .init("writes", .int(writes)),
                    .init("events", .int(delays.count)),
                    .init("all_had_the_last_ms", settled.map(JSONValue.number) ?? .null),
                ] + figures.map { .init($0.key, .number($0.value)) }
            Terminal.output(JSONValue.object(members).encode() + [0x0A])
        } else {
            print("\(writes) writes, \(delays.count) events at \(subscribers) subscribers")
            print(figures.map { "\($0.key) \(String(format: "%.2f", $0.value))" }.joined(separator: "  "))
            print(
                settled.map { "all had the last after \(String(format: "%.1f", $0)) ms" }
                    ?? "not all had the last after 10 s")
        }
        guard settled != nil else { throw CommandFailure.no("not every subscriber heard of the last write") }
    }
}

/// Those who watch, over all their connections.
private final class LiveAudience: Sendable {
    private struct Heard {
        var delays: [UInt64] = []
        /// Of each, the newest write that it has heard of.
        var last: [UInt64]
        var ready = 0
    }

    private let heard: NIOLockedValueBox<Heard>
    private let channels = NIOLockedValueBox<[any Channel]>([])
    private let count: Int

    init(_ count: Int) {
        self.count = count
        heard = NIOLockedValueBox(Heard(last: [UInt64](repeating: 0, count: count)))
    }

    func open(_ path: String, at url: NodeURL) async throws {
        let head = HTTPRequestHead(
            version: .http1_1, method: .GET, uri: path, headers: ["host": "\(url.host):\(url.port)"])
        // Some at a time: a node's queue of new connections is short.
        for number in 0..<count {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.seconds(10))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHTTPClientHandlers()
                        try channel.pipeline.syncOperations.addHandler(LiveListenerHandler(number, self))
                    }
                }
                .connect(host: url.host, port: url.port).get()
            channel.write(HTTPClientRequestPart.head(head), promise: nil)
            channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
            channels.withLockedValue { $0.append(channel) }
        }
        for _ in 0..<600 {
            if heard.withLockedValue({ $0.ready }) == count { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw CommandFailure.no("of \(count) subscribers \(heard.withLockedValue { $0.ready }) were taken")
    }

    func isReady() { heard.withLockedValue { $0.ready += 1 } }

    func hears(_ number: Int, of write: UInt64) {
        let now = DispatchTime.now().uptimeNanoseconds
        heard.withLockedValue { heard in
            guard write > heard.last[number], write <= now else { return }
            // What an earlier run has left is no event of this one.
            if now - write < 3_600_000_000_000, heard.ready == count { heard.delays.append(now - write) }
            heard.last[number] = write
        }
    }

    /// Milliseconds from the last write until everybody had heard of it; nil if somebody has not.
    func await(_ last: UInt64, within seconds: Int) async -> Double? {
        for _ in 0..<seconds * 200 {
            let now = DispatchTime.now().uptimeNanoseconds
            if heard.withLockedValue({ $0.last.allSatisfy { $0 >= last } }) { return Double(now - last) / 1e6 }
            try? await Task.sleep(for: .milliseconds(5))
        }
        return nil
    }

    /// Ascending, in nanoseconds.
    func delays() -> [UInt64] { heard.withLockedValue { $0.delays.sorted() } }

    func close() { for channel in channels.withLockedValue({ $0 }) { channel.close(promise: nil) } }
}

/// Looks for the times of writes in what comes, and no further: thousands of these share a machine with the nodes.
private final class LiveListenerHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private static let mark = Array("\"value\":\"".utf8)
    private static let readyMark = Array("event: ready".utf8)
    private let number: Int
    private let audience: LiveAudience
    private var isReady = false
    /// The end of what has come, where a mark or a number may have been cut.
    private var rest: [UInt8] = []

    init(_ number: Int, _ audience: LiveAudience) {
        self.number = number
        self.audience = audience
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .body(let part) = unwrapInboundIn(data) else { return }
        let bytes = rest + part.readableBytesView
        if !isReady, bytes.firstRange(of: LiveListenerHandler.readyMark) != nil {
            isReady = true
            audience.isReady()
        }
        var from = bytes.startIndex
        while let found = bytes[from...].firstRange(of: LiveListenerHandler.mark) {
            let digits = bytes[found.upperBound...].prefix { (0x30...0x39).contains($0) }
            // The number may go on with the next part.
            guard digits.endIndex < bytes.endIndex else { break }
            from = digits.endIndex
            if let write = UInt64(String(decoding: digits, as: UTF8.self)) { audience.hears(number, of: write) }
        }
        rest = Array(bytes[from...].suffix(64))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
