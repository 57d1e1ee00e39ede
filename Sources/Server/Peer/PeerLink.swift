// Our end of a connection to one peer, on one event loop, for one lane: carries out what `PeerLinkState` says. One loop
// uses it, so it needs no lock.

import Logging
import NIOCore
import NIOPosix
import Node
import Ring
import Wire
import World

/// What the owner of a link does with what happens on it. Called on the link's loop.
protocol PeerLinkOwner: AnyObject {
    func linkChanged(_ link: PeerLink, isUp: Bool)
    /// Answers to requests that were in flight, one or more at a time.
    func link(_ link: PeerLink, answered replies: [ReplyEnvelope])
    /// Anything else.
    func link(_ link: PeerLink, received message: PeerMessage)
    /// The answers to these requests will not come.
    func link(_ link: PeerLink, lost requests: [UInt64])
}

final class PeerLink {
    let node: NodeID
    let lane: Lane
    let eventLoop: any EventLoop
    private let address: HostPort
    private let greeting: PeerGreeting
    private let logger: Logger
    private weak var owner: (any PeerLinkOwner)?
    private var state: PeerLinkState
    private let actions = ActionQueue<PeerLinkState.Action>()
    /// The connection, from the moment that it stands until it is no more.
    private var channel: (any Channel)?
    private var pause: Scheduled<Void>?
    private let queueBytes: Int
    private let framing: PeerFraming

    init(
        to node: RingNode, lane: Lane, on eventLoop: any EventLoop, greeting: PeerGreeting, queueBytes: Int,
        owner: any PeerLinkOwner, logger: Logger
    ) {
        self.queueBytes = queueBytes
        framing = PeerFraming(queueBytes: queueBytes)
        self.node = node.id
        self.lane = lane
        self.eventLoop = eventLoop
        self.address = node.peer
        self.greeting = greeting
        self.owner = owner
        self.logger = logger
        let jitter = SeededRandom(seed: UInt64(truncatingIfNeeded: MachineClock.instant().nanoseconds))
        state = PeerLinkState(to: node.id, at: "\(node.peer)", jitter: jitter)
    }

    var isUp: Bool { state.isOpen }

    func start() { hear(.wanted) }

    /// The peer has just shown itself: what is left of a pause between attempts is not waited for.
    func peerIsThere() { hear(.wanted) }

    func close() { hear(.close) }

    // MARK: Sending

    /// False if the link is down or its queue is full. What was taken leaves at the next `flush`.
    func send(_ message: PeerMessage) -> Bool {
        guard state.isOpen, let channel, channel.isWritable, !framing.isFull else { return false }
        if case .request(let envelope) = message { state.sent(envelope.id) }
        framing.add(message)
        return true
    }

    func flush() { if state.isOpen { write() } }

    private func write() {
        guard let channel, let outgoing = framing.takeOutgoing() else { return }
        channel.writeAndFlush(outgoing, promise: nil)
    }

    // MARK: What happens, and what is done about it

    private func hear(_ event: PeerLinkState.Event) {
        eventLoop.preconditionInEventLoop()
        state.handle(event, &actions.out)
        actions.carryOut { carryOut($0) }
    }

    private func carryOut(_ action: PeerLinkState.Action) {
        switch action {
        case .connect: connect()
        case .greet(let connection):
            framing.add(.hello(greeting.hello(lane)))
            write()
            schedule(.welcomeIsOverdue(connection: connection), after: Limits.handshakeTimeout)
        case .acceptLargeFrames: framing.accept(framesUpTo: Limits.frameBytes)
        case .up: owner?.linkChanged(self, isUp: true)
        case .down: owner?.linkChanged(self, isUp: false)
        case .answered(let replies): owner?.link(self, answered: replies)
        case .lost(let requests): owner?.link(self, lost: requests)
        case .deliver(let message): owner?.link(self, received: message)
        case .pause(let span): pause = schedule(.wanted, after: span)
        case .endPause: pause?.cancel()
        case .disconnect: channel?.close(promise: nil)
        case .reportRefusal(let reason):
            logger.warning("peer refused us", metadata: ["peer": "\(node)", "reason": "\(reason)"])
        case .reportTrouble(let reason):
            logger.info("peer not reached", metadata: ["peer": "\(node)", "lane": "\(lane)", "reason": "\(reason)"])
        }
    }

    @discardableResult
    private func schedule(_ event: PeerLinkState.Event, after span: Span) -> Scheduled<Void> {
        let this = NIOLoopBound((self, event), eventLoop: eventLoop)
        return eventLoop.scheduleTask(in: .nanoseconds(span.nanoseconds)) {
            let (link, event) = this.value
            link.hear(event)
        }
    }

    private func connect() {
        let handler = NIOLoopBound(Handler(link: self), eventLoop: eventLoop)
        let this = NIOLoopBound(self, eventLoop: eventLoop)
        ClientBootstrap(group: eventLoop)
            .connectTimeout(.nanoseconds(Limits.connectTimeout.nanoseconds))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(PeerChannels.silence, value: PeerChannels.longestSilence)
            .channelOption(.writeBufferWaterMark, value: PeerChannels.waterMark(queueBytes))
            .channelInitializer { channel in PeerChannels.configure(channel, handler.value) }
            .connect(host: address.host, port: address.port)
            .whenComplete { result in this.value.connected(result) }
    }

    private func connected(_ result: Result<any Channel, any Error>) {
        switch result {
        case .failure(ChannelError.connectTimeout): hear(.unanswered)
        case .failure(let error): hear(.failed("\(error)"))
        case .success(let channel):
            self.channel = channel
            hear(.connected)
        }
    }

    private func read(_ buffer: ByteBuffer) {
        do { try framing.read(buffer) { hear(.received($0)) } } catch { hear(.broke("\(error)")) }
    }

    private func disconnected() {
        channel = nil
        framing.reset()
        hear(.disconnected)
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let link: PeerLink

        init(link: PeerLink) { self.link = link }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { link.read(unwrapInboundIn(data)) }
        func channelInactive(context: ChannelHandlerContext) { link.disconnected() }
        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            link.hear(.broke("\(error)"))
            context.close(promise: nil)
        }
    }
}
