// Those who watch in `atoll bench live`, over plain connections: what is measured shares the machine with them.

import ArgumentParser
import Foundation
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

enum LiveTargetKind: String, ExpressibleByArgument, CaseIterable {
    case atoll, redis
}

/// Those who watch, over all their connections.
final class LiveAudience: Sendable {
    private struct Heard {
        var delays: [UInt64] = []
        /// Of each, the newest write that it has heard of.
        var last: [UInt64]
        var ready = 0
        /// Writes before that are of an earlier run.
        var begun = UInt64.max
    }

    private let heard: NIOLockedValueBox<Heard>
    private let channels = NIOLockedValueBox<[any Channel]>([])
    private let count: Int

    init(_ count: Int) {
        self.count = count
        heard = NIOLockedValueBox(Heard(last: [UInt64](repeating: 0, count: count)))
    }

    func open(at url: NodeURL, _ request: @Sendable (Int) -> LiveRequest) async throws {
        // Some at a time: a node's queue of new connections is short.
        for number in 0..<count {
            let request = request(number)
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.seconds(10))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(LiveListenerHandler(number, request, self))
                    }
                }
                .connect(host: url.host, port: url.port).get()
            channel.writeAndFlush(channel.allocator.buffer(string: request.text(to: url)), promise: nil)
            channels.withLockedValue { $0.append(channel) }
        }
        for _ in 0..<600 {
            if heard.withLockedValue({ $0.ready }) == count { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw CommandFailure.no("of \(count) subscribers \(heard.withLockedValue { $0.ready }) were taken")
    }

    /// What is written from now on counts.
    func begin() { heard.withLockedValue { $0.begun = DispatchTime.now().uptimeNanoseconds } }

    func isReady() { heard.withLockedValue { $0.ready += 1 } }

    func hears(_ number: Int, of write: UInt64) {
        let now = DispatchTime.now().uptimeNanoseconds
        heard.withLockedValue { heard in
            guard write > heard.last[number], write <= now else { return }
            if write >= heard.begun { heard.delays.append(now - write) }
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

/// What a subscriber asks for, as it goes over the wire, and how what it hears is told from the rest.
struct LiveRequest: Sendable {
    /// Stands in the answer once for each watch, when what stood was sent.
    let readyMark: [UInt8]
    let watches: Int
    /// Stands before the digits of a write.
    let valueMark: [UInt8]
    private let lines: String
    private let isHTTP: Bool

    /// The key that is written, and as many of the subscriber's own as make up `count`.
    static func watch(_ key: String, _ subscriber: Int, _ count: Int) -> LiveRequest {
        let own = (1..<max(1, count)).map { "&watch=\(key)-\(subscriber)-\($0)" }.joined()
        return LiveRequest(
            readyMark: Array("event: ready".utf8), watches: max(1, count), valueMark: Array("\"value\":\"".utf8),
            lines: "GET /v1/live?watch=\(key)\(own) HTTP/1.1\r\n", isHTTP: true)
    }

    /// Redis: an inline command. A message is the array of "message", the channel and the value.
    static func subscribe(channel: String) -> LiveRequest {
        LiveRequest(
            readyMark: Array("subscribe".utf8), watches: 1,
            valueMark: Array("message\r\n$\(channel.utf8.count)\r\n\(channel)\r\n$\(RedisPublisher.digits)\r\n".utf8),
            lines: "SUBSCRIBE \(channel)\r\n", isHTTP: false)
    }

    func text(to url: NodeURL) -> String { isHTTP ? "\(lines)Host: \(url.host):\(url.port)\r\n\r\n" : lines }
}

/// Looks for the times of writes in what comes, and no further: thousands of these share a machine with the nodes.
private final class LiveListenerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let number: Int
    private let request: LiveRequest
    private let audience: LiveAudience
    private var ready = 0
    /// The end of what has come, where a mark or a number may have been cut.
    private var rest: [UInt8] = []

    init(_ number: Int, _ request: LiveRequest, _ audience: LiveAudience) {
        (self.number, self.request, self.audience) = (number, request, audience)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = rest + unwrapInboundIn(data).readableBytesView
        if ready < request.watches {
            // A mark may be cut, and is not counted twice: what is kept begins behind the last.
            var rest = bytes[...]
            while ready < request.watches, let found = rest.firstRange(of: request.readyMark) {
                ready += 1
                rest = rest[found.upperBound...]
            }
            if ready == request.watches { audience.isReady() }
            self.rest = Array(rest.suffix(64))
            return
        }
        var from = bytes.startIndex
        while let found = bytes[from...].firstRange(of: request.valueMark) {
            let digits = bytes[found.upperBound...].prefix { (0x30...0x39).contains($0) }
            // The number may go on with the next part.
            guard digits.endIndex < bytes.endIndex else { break }
            from = digits.endIndex
            if let write = UInt64(String(decoding: digits, as: UTF8.self)) { audience.hears(number, of: write) }
        }
        rest = Array(bytes[from...].suffix(128))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// A connection to Redis that publishes, one message at a time.
final class RedisPublisher: Sendable {
    private final class Answers: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let waiting: NIOLockedValueBox<EventLoopPromise<Void>?>

        init(_ waiting: NIOLockedValueBox<EventLoopPromise<Void>?>) { self.waiting = waiting }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            waiting.withLockedValue { $0.take() }?.succeed()
        }

        func channelInactive(context: ChannelHandlerContext) {
            waiting.withLockedValue { $0.take() }?.fail(ChannelError.ioOnClosedChannel)
        }
    }

    /// Of each value.
    static let digits = 20
    private let channel: any Channel
    private let waiting = NIOLockedValueBox<EventLoopPromise<Void>?>(nil)

    init(_ url: NodeURL) async throws {
        channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { [waiting] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Answers(waiting))
                }
            }
            .connect(host: url.host, port: url.port).get()
    }

    func publish(_ write: UInt64, to name: String) async throws {
        let digits = "\(write)"
        let value = String(repeating: "0", count: RedisPublisher.digits - digits.utf8.count) + digits
        let promise = channel.eventLoop.makePromise(of: Void.self)
        waiting.withLockedValue { $0 = promise }
        channel.writeAndFlush(channel.allocator.buffer(string: "PUBLISH \(name) \(value)\r\n"))
            .whenFailure { [waiting] error in waiting.withLockedValue { $0.take() }?.fail(error) }
        try await promise.futureResult.get()
    }
}
