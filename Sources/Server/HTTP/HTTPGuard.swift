// Stands before the HTTP parser and carries the watch over what arrives there.

import Edge
import NIOCore
import World

final class HTTPGuard: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// Told by the HTTP handler what is waited for.
    var watch: ArrivalWatch
    private let clock: () -> Now
    /// When something came last.
    private(set) var now: Now
    private var timer: Scheduled<Void>?
    /// Deadlines move with every request, so they are only looked at now and then: a quarter of the shortest of them.
    private static let checkEvery = TimeAmount.nanoseconds(Limits.headerReadTimeout.nanoseconds / 4)
    /// What is told to the client; set by the HTTP handler, which can write.
    var refuse: ((Problem) -> Void)?

    /// - Parameter clock: of the loop that the handler is used on.
    init(clock: @escaping () -> Now = MachineClock.now) {
        self.clock = clock
        now = clock()
        watch = ArrivalWatch(now.instant)
    }

    func handlerAdded(context: ChannelHandlerContext) { check(context) }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        refuse = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        now = clock()
        switch unwrapInboundIn(data).withUnsafeReadableBytes({ watch.came($0, now.instant) }) {
        case .goOn: context.fireChannelRead(data)
        case .end: break
        case .refuse(let problem): refuse?(problem)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    private func check(_ context: ChannelHandlerContext) {
        let this = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: HTTPGuard.checkEvery) {
            let (this, context) = this.value
            switch this.watch.check(this.clock().instant, isReading: !context.channel.isWritable) {
            case .goOn: this.check(context)
            case .end: context.close(promise: nil)
            case .refuse(let problem): this.refuse?(problem)
            }
        }
    }
}
