// Stands before the HTTP parser and holds the times that headers and bodies may take to arrive. A client that is slower
// is told so and let go.

import NIOCore
import NIOHTTP1
import World

final class HTTPGuard: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private enum Phase {
        case idle
        case headers
        case body
        /// The request is here and its answer is not; what arrives now is the next one, which nobody waits for yet.
        case answering
        case ended
    }

    private var phase = Phase.idle
    private var bodyBegan = NIODeadline.now()
    private var bodyBytes = 0
    /// When the last answer was written: a client that still reads it is not idle.
    private var answeredAt = NIODeadline.now()
    /// Of the request whose head is on its way: the length of its first line as far as it has come.
    private var lineBytes = 0
    private var isLineOver = false
    /// Requests came before the answers to earlier ones had left: where one begins, only the parser knows then.
    var isPipelined = false
    /// When the client will have been too slow; nil while it waits for us.
    private var deadline: NIODeadline?
    private var timer: Scheduled<Void>?
    /// Deadlines move with every request, so they are only looked at now and then: a quarter of the shortest of them.
    private static let checkEvery = TimeAmount.nanoseconds(Limits.headerReadTimeout.nanoseconds / 4)
    /// What is told to the client; set by the HTTP handler, which can write.
    var refuse: ((Problem) -> Void)?

    func handlerAdded(context: ChannelHandlerContext) {
        arm(Limits.firstByteTimeout)
        check(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        refuse = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch phase {
        case .ended: return
        case .idle:
            phase = .headers
            lineBytes = 0
            isLineOver = false
            arm(Limits.headerReadTimeout)
            measureLine(data)
        case .headers: measureLine(data)
        case .answering: break
        case .body:
            bodyBytes += unwrapInboundIn(data).readableBytes
            armBody(.now())
        }
        context.fireChannelRead(data)
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    private func measureLine(_ data: NIOAny) {
        guard !isLineOver else { return }
        let bytes = unwrapInboundIn(data).readableBytesView
        let end = bytes.firstIndex(of: 0x0A)
        isLineOver = end != nil
        lineBytes += (end ?? bytes.endIndex) - bytes.startIndex
    }

    /// The parser counts one limit for all of a head; this tells whether the target alone was beyond its own.
    var isTargetTooLong: Bool {
        !isPipelined && lineBytes > Limits.targetBytes + "OPTIONS  HTTP/1.1".utf8.count
    }

    /// Told by the HTTP handler.
    func headersCame() {
        guard case .ended = phase else {
            phase = .body
            bodyBegan = .now()
            bodyBytes = 0
            return armBody(bodyBegan)
        }
    }

    /// A body must go on coming, and on the whole not too slowly.
    private func armBody(_ now: NIODeadline) {
        let whole = Limits.bodyReadTimeout + .seconds(Int64(bodyBytes / Limits.bodyLeastRate))
        deadline = min(
            now + .nanoseconds(Limits.bodyReadTimeout.nanoseconds), bodyBegan + .nanoseconds(whole.nanoseconds))
    }

    func requestCame() {
        guard case .ended = phase else {
            phase = .answering
            deadline = nil
            return
        }
    }

    func responseLeft() {
        guard case .ended = phase else {
            phase = .idle
            answeredAt = .now()
            deadline = answeredAt + .nanoseconds(Limits.idleTimeout.nanoseconds)
            return
        }
    }

    /// Nothing more is read from this client.
    func end() {
        phase = .ended
        timer?.cancel()
    }

    private func arm(_ span: Span) { deadline = .now() + .nanoseconds(span.nanoseconds) }

    private func check(_ context: ChannelHandlerContext) {
        let this = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: HTTPGuard.checkEvery) {
            let (this, context) = this.value
            guard let deadline = this.deadline, deadline <= .now() else { return this.check(context) }
            if case .idle = this.phase {
                let isReading = !context.channel.isWritable
                guard isReading, .now() < this.answeredAt + .nanoseconds(Limits.answerReadTimeout.nanoseconds) else {
                    return context.close(promise: nil)
                }
                return this.check(context)
            }
            this.end()
            this.refuse?(.timeout)
        }
    }
}
