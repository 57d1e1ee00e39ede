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
    /// When the client will have been too slow; nil while it waits for us.
    private var deadline: NIODeadline?
    private var timer: Scheduled<Void>?
    /// Deadlines move with every request, so they are only looked at now and then: a quarter of the shortest of them.
    private static let checkEvery = TimeAmount.nanoseconds(Limits.headerReadTimeout.nanoseconds / 4)
    /// What is told to the client; set by the HTTP handler, which can write.
    var refuse: ((Problem) -> Void)?

    func handlerAdded(context: ChannelHandlerContext) {
        arm(Limits.idleTimeout)
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
            arm(Limits.headerReadTimeout)
        case .headers, .answering: break
        case .body: arm(Limits.bodyReadTimeout)
        }
        context.fireChannelRead(data)
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    /// Told by the HTTP handler.
    func headersCame() {
        guard case .ended = phase else {
            phase = .body
            return arm(Limits.bodyReadTimeout)
        }
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
            return arm(Limits.idleTimeout)
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
            if case .idle = this.phase { return context.close(promise: nil) }
            this.end()
            this.refuse?(.timeout)
        }
    }
}
