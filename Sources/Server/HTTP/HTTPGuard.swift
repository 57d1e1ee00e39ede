// Stands before the HTTP parser and holds the times that headers and bodies may take to arrive, and how much a body's
// chunks may take beside it, which the parser does not tell. A client that is slower, or sends more, is told so and let
// go.

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
    private let now: () -> NIODeadline
    private var bodyBegan: NIODeadline
    /// Of the body that is on its way: its own bytes, and all that came with them.
    private var bodyBytes = 0
    private var bytesOnTheWay = 0
    /// When the last answer was written: a client that still reads it is not idle.
    private var answeredAt: NIODeadline
    /// Of the request whose head is on its way.
    private var line = RequestLineStart()
    /// The next head began in the bytes that were looked at last. Where requests come before the answers to earlier
    /// ones have left, only the parser knows where one begins.
    private var isLineKnown = false
    var isPipelined = false
    /// When the client will have been too slow; nil while it waits for us.
    private var deadline: NIODeadline?
    private var timer: Scheduled<Void>?
    /// Deadlines move with every request, so they are only looked at now and then: a quarter of the shortest of them.
    private static let checkEvery = TimeAmount.nanoseconds(Limits.headerReadTimeout.nanoseconds / 4)
    /// What is told to the client; set by the HTTP handler, which can write.
    var refuse: ((Problem) -> Void)?

    /// - Parameter now: the time of the loop that the handler is used on.
    init(now: @escaping () -> NIODeadline = NIODeadline.now) {
        self.now = now
        bodyBegan = now()
        answeredAt = bodyBegan
    }

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
            line.begin()
            isLineKnown = !isPipelined
            arm(Limits.headerReadTimeout)
            line.take(unwrapInboundIn(data).readableBytesView)
        case .headers: line.take(unwrapInboundIn(data).readableBytesView)
        case .answering: isPipelined = true
        case .body:
            // All that came before has been through the parser: what was no body was heads of chunks, or a trailer.
            guard bytesOnTheWay - bodyBytes <= Limits.chunkHeadBytes + bodyBytes * Limits.chunkHeadBytesPerByte else {
                end()
                refuse?(.tooLarge("the heads of its chunks take more than the chunks are worth"))
                return
            }
            bytesOnTheWay += unwrapInboundIn(data).readableBytes
        }
        context.fireChannelRead(data)
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    var isTargetTooLong: Bool { isLineKnown && line.isTargetTooLong }
    var isMethodUnknown: Bool { isLineKnown && line.isMethodUnknown }

    /// Told by the HTTP handler.
    func headersCame() {
        isLineKnown = false
        guard case .ended = phase else {
            phase = .body
            bodyBegan = now()
            bodyBytes = 0
            bytesOnTheWay = 0
            return armBody(bodyBegan)
        }
    }

    /// Told by the HTTP handler: so much of the body itself, without what the chunks put around it. Only that holds a
    /// connection.
    func bodyCame(_ bytes: Int) {
        bodyBytes += bytes
        if case .body = phase { armBody(now()) }
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
            answeredAt = now()
            deadline = answeredAt + .nanoseconds(Limits.idleTimeout.nanoseconds)
            return
        }
    }

    /// Nothing more is read from this client.
    func end() {
        phase = .ended
        timer?.cancel()
    }

    private func arm(_ span: Span) { deadline = now() + .nanoseconds(span.nanoseconds) }

    private func check(_ context: ChannelHandlerContext) {
        let this = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: HTTPGuard.checkEvery) {
            let (this, context) = this.value
            guard let deadline = this.deadline, deadline <= this.now() else { return this.check(context) }
            if case .idle = this.phase {
                let isReading = !context.channel.isWritable
                guard isReading, this.now() < this.answeredAt + .nanoseconds(Limits.answerReadTimeout.nanoseconds)
                else {
                    return context.close(promise: nil)
                }
                return this.check(context)
            }
            this.end()
            this.refuse?(.timeout)
        }
    }
}
