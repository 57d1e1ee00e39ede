// Our end of a connection to one peer, on one event loop, for one lane: connects, introduces itself, sends requests,
// reconnects with back-off. One loop uses it, so it needs no lock.

import Logging
import NIOCore
import NIOPosix
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
    private enum State {
        /// `pause` ends with the next attempt.
        case down(attempt: Int, pause: Scheduled<Void>?)
        case connecting(attempt: Int)
        case handshaking(any Channel, attempt: Int)
        case up(any Channel)
        case closed
    }

    let node: NodeID
    let lane: Lane
    let eventLoop: any EventLoop
    private let address: HostPort
    private let hello: @Sendable (Lane) -> Hello
    private let logger: Logger
    private weak var owner: (any PeerLinkOwner)?
    private var state = State.down(attempt: 0, pause: nil)
    private let framing = PeerFraming()
    /// Requests sent and not answered.
    private var inFlight: Set<UInt64> = []
    private var merges: MergeRequests?
    private var jitter: SeededRandom
    /// Why the peer, or we, ended the last attempt, so that the same reason is logged once.
    private var lastTrouble = ""

    init(
        to node: RingNode, lane: Lane, on eventLoop: any EventLoop, hello: @escaping @Sendable (Lane) -> Hello,
        owner: any PeerLinkOwner, logger: Logger
    ) {
        self.node = node.id
        self.lane = lane
        self.eventLoop = eventLoop
        self.address = node.peer
        self.hello = hello
        self.owner = owner
        self.logger = logger
        jitter = SeededRandom(seed: UInt64(truncatingIfNeeded: MachineClock.instant().nanoseconds))
    }

    var isUp: Bool { if case .up = state { true } else { false } }

    /// Requests in flight, for the owner's own accounts.
    var outstanding: Int { inFlight.count }

    func start() { connectIfDown() }

    /// The peer has just shown itself: what is left of a pause between attempts is not waited for.
    func peerIsThere() { connectIfDown() }

    func close() {
        let old = state
        state = .closed
        switch old {
        case .up(let channel), .handshaking(let channel, _): channel.close(promise: nil)
        case .down(_, let pause): pause?.cancel()
        case .connecting, .closed: break
        }
    }

    // MARK: Sending

    /// False if the link is down or its queue is full. What was taken leaves at the next `flush`.
    func send(_ message: PeerMessage) -> Bool {
        guard case .up(let channel) = state, channel.isWritable, !framing.isFull else { return false }
        if case .request(let envelope) = message {
            inFlight.insert(envelope.id)
            if merges?.add(envelope) == true { return true }
            addMerges()
            merges = MergeRequests(envelope)
            if merges != nil { return true }
        }
        framing.add(message)
        return true
    }

    /// Merges that leave together leave as one message, when another request or the flush comes.
    private func addMerges() {
        if let merges = merges.take() { framing.add(.mergeRequests(merges)) }
    }

    func flush() {
        addMerges()
        guard case .up(let channel) = state, let outgoing = framing.takeOutgoing() else { return }
        channel.writeAndFlush(outgoing, promise: nil)
    }

    // MARK: Connecting

    private func connectIfDown() {
        eventLoop.preconditionInEventLoop()
        guard case .down(let attempt, let pause) = state else { return }
        pause?.cancel()
        connect(attempt)
    }

    private func connect(_ attempt: Int) {
        state = .connecting(attempt: attempt)
        let handler = Handler(link: self)
        let bound = NIOLoopBound(handler, eventLoop: eventLoop)
        let this = NIOLoopBound(self, eventLoop: eventLoop)
        ClientBootstrap(group: eventLoop)
            .connectTimeout(.nanoseconds(Limits.connectTimeout.nanoseconds))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(PeerChannels.silence, value: PeerChannels.longestSilence)
            .channelOption(.writeBufferWaterMark, value: PeerChannels.waterMark)
            .channelInitializer { channel in PeerChannels.configure(channel, bound.value) }
            .connect(host: address.host, port: address.port)
            .whenComplete { result in this.value.connected(result, attempt) }
    }

    private func connected(_ result: Result<any Channel, any Error>, _ attempt: Int) {
        switch result {
        case .failure(let error): retry(attempt, "\(error)")
        case .success(let channel):
            guard case .connecting = state else { return channel.close(promise: nil) }
            state = .handshaking(channel, attempt: attempt)
            framing.add(.hello(hello(lane)))
            if let outgoing = framing.takeOutgoing() { channel.writeAndFlush(outgoing, promise: nil) }
            let this = NIOLoopBound(self, eventLoop: eventLoop)
            eventLoop.scheduleTask(in: .nanoseconds(Limits.handshakeTimeout.nanoseconds)) {
                guard case .handshaking(let pending, _) = this.value.state, pending === channel else { return }
                this.value.lastTrouble = "no welcome in time"
                channel.close(promise: nil)
            }
        }
    }

    private func retry(_ attempt: Int, _ trouble: String) {
        if case .closed = state { return }
        if trouble != lastTrouble, attempt > 1 {
            logger.info("peer not reached", metadata: ["peer": "\(node)", "lane": "\(lane)", "reason": "\(trouble)"])
            lastTrouble = trouble
        }
        let pause = min(Limits.reconnectFirst * Int64(1 << min(attempt, 10)), Limits.reconnectLongest)
        let jittered = Int64(Double(pause.nanoseconds) * (0.5 + jitter.unit() / 2))
        let this = NIOLoopBound(self, eventLoop: eventLoop)
        let next = eventLoop.scheduleTask(in: .nanoseconds(jittered)) { this.value.connectIfDown() }
        state = .down(attempt: attempt + 1, pause: next)
    }

    // MARK: What comes

    private func read(_ buffer: ByteBuffer) {
        do { try framing.read(buffer, receive) } catch { end("\(error)") }
    }

    private func receive(_ message: PeerMessage) throws {
        switch (state, message) {
        case (.handshaking(let channel, _), .welcome(let welcome)):
            guard welcome.accepted, welcome.node == node.name else {
                let reason = welcome.accepted ? "\(address) is node \(welcome.node)" : welcome.reason
                logger.warning("peer refused us", metadata: ["peer": "\(node)", "reason": "\(reason)"])
                return end(reason)
            }
            lastTrouble = ""
            framing.accept(framesUpTo: Limits.frameBytes)
            state = .up(channel)
            owner?.linkChanged(self, isUp: true)
        case (.up, .reply(let envelope)):
            // A reply that was not asked for, or comes twice, says nothing.
            if inFlight.remove(envelope.id) != nil { owner?.link(self, answered: [envelope]) }
        case (.up, .storedReplies(let replies)):
            owner?.link(self, answered: replies.envelopes.filter { inFlight.remove($0.id) != nil })
        case (.up, .gossip), (.up, .names): owner?.link(self, received: message)
        default: end("an unexpected message")
        }
    }

    private func end(_ reason: String) {
        lastTrouble = reason
        switch state {
        case .up(let channel), .handshaking(let channel, _): channel.close(promise: nil)
        case .down, .connecting, .closed: break
        }
    }

    private func closed() {
        let wasUp = isUp
        let attempt = if case .handshaking(_, let attempt) = state { attempt } else { 0 }
        let lost = inFlight.sorted()
        inFlight = []
        merges = nil
        framing.reset()
        if wasUp { owner?.linkChanged(self, isUp: false) }
        if !lost.isEmpty { owner?.link(self, lost: lost) }
        retry(attempt, lastTrouble.isEmpty ? "the connection ended" : lastTrouble)
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let link: PeerLink

        init(link: PeerLink) { self.link = link }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { link.read(unwrapInboundIn(data)) }
        func channelInactive(context: ChannelHandlerContext) { link.closed() }
        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            link.lastTrouble = "\(error)"
            context.close(promise: nil)
        }
    }
}
