// Our end of a connection that a peer has made: carries out what `PeerServerState` says. Their requests go to this
// node's replicas, their gossip to the control loop. One loop uses it, so it needs no lock.

import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Node
import Wire
import World

/// One accepted connection.
final class PeerServerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let ringReply: ByteBuffer
    private let loop: RequestLoop
    private let control: ControlLoop
    private let peers: PeerFigures
    private let logger: Logger
    private let framing: PeerFraming
    private var state: PeerServerState
    private let actions = ActionQueue<PeerServerState.Action>()
    /// The loop's number for it, once it is known who the peer is.
    private var connection: Int?
    private var deadline: Scheduled<Void>?

    /// `ringReply`: the whole frame that gives away the ring. All connections write this one block: strangers may ask
    /// for it, and need not read it.
    init(
        greeting: PeerGreeting, ringReply: ByteBuffer, loop: RequestLoop, control: ControlLoop, peers: PeerFigures,
        logger: Logger
    ) {
        state = PeerServerState(greeting: greeting)
        framing = PeerFraming(queueBytes: loop.storage.environment.memory.peerQueueBytes)
        self.ringReply = ringReply
        self.loop = loop
        self.control = control
        self.peers = peers
        self.logger = logger
    }

    func channelActive(context: ChannelHandlerContext) {
        peers.change { $0.open += 1 }
        let this = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        deadline = context.eventLoop.scheduleTask(in: .nanoseconds(Limits.handshakeTimeout.nanoseconds)) {
            let (handler, context) = this.value
            handler.hear(.greetingIsOverdue, context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        peers.change { $0.open -= 1 }
        hear(.disconnected, context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        do { try framing.read(unwrapInboundIn(data)) { hear(.received($0), context) } } catch {
            hear(.broke("\(error)"), context)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) { flush(context) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    // MARK: What happens, and what is done about it

    private func hear(_ event: PeerServerState.Event, _ context: ChannelHandlerContext) {
        state.handle(event, &actions.out)
        actions.carryOut { carryOut($0, context) }
    }

    private func carryOut(_ action: PeerServerState.Action, _ context: ChannelHandlerContext) {
        switch action {
        case .welcome(let welcome):
            send(.welcome(welcome), context)
            flush(context)
        case .acceptLargeFrames: framing.accept(framesUpTo: Limits.frameBytes)
        case .showedItself(let node, let lane):
            if lane == .data { peers.change { $0.data[node, default: 0] += 1 } }
            if lane == .bulk { PeerChannels.readLittle(context.channel) }
            connection = loop.addConnection(PeerReturn(self, context))
            control.greeted(by: node)
        case .serve(let envelope): serve(envelope)
        case .serveMerges(let requests): for envelope in requests.envelopes { serve(envelope) }
        case .gossip(let bytes, let node): control.gossip(bytes, from: node)
        case .names(let bytes, let node): control.names(bytes, from: node)
        case .live(let bytes, let node): control.live(bytes, from: node)
        case .askToJoin: state.handle(.mayJoin(peers.admitJoining()), &actions.out)
        case .giveRing(let isLast): giveRing(isLast: isLast, context)
        case .disconnect: context.close(promise: nil)
        case .reportRefusal(let reason): report("peer refused", reason, context)
        case .reportTrouble(let reason): report("peer connection dropped", reason, context)
        case .joinedNoMore: peers.change { $0.joining -= 1 }
        case .left(let node, let lane):
            if lane == .data { peers.change { $0.data[node]? -= 1 } }
            if let connection = connection.take() { loop.removeConnection(connection) }
        }
    }

    private func serve(_ envelope: RequestEnvelope) {
        if let connection { loop.serve(envelope, connection: connection) }
    }

    private func giveRing(isLast: Bool, _ context: ChannelHandlerContext) {
        flush(context)
        guard context.channel.isWritable else { return context.close(promise: nil) }
        let written = context.writeAndFlush(NIOAny(ringReply))
        guard isLast else { return }
        let channel = context.channel
        written.whenComplete { _ in channel.close(promise: nil) }
    }

    private func report(_ what: Logger.Message, _ reason: String, _ context: ChannelHandlerContext) {
        peers.change { $0.rejected += 1 }
        let origin = context.remoteAddress?.description ?? "?"
        logger.warning(what, metadata: ["reason": "\(reason)", "from": "\(origin)"])
    }

    // MARK: Answers

    fileprivate func send(_ message: PeerMessage, _ context: ChannelHandlerContext) {
        // A peer that does not read what it asked for is not worth our memory.
        guard context.channel.isWritable, !framing.isFull else { return context.close(promise: nil) }
        framing.add(message)
    }

    fileprivate func flush(_ context: ChannelHandlerContext) {
        guard let outgoing = framing.takeOutgoing() else { return }
        context.writeAndFlush(NIOAny(outgoing), promise: nil)
    }
}

/// The way back on an accepted connection, for the loop that owns it.
struct PeerReturn {
    private let handler: PeerServerHandler
    private let context: ChannelHandlerContext

    fileprivate init(_ handler: PeerServerHandler, _ context: ChannelHandlerContext) {
        self.handler = handler
        self.context = context
    }

    func send(_ envelope: ReplyEnvelope) { handler.send(.reply(envelope), context) }
    func flush() { handler.flush(context) }
}

final class PeerFigures: Sendable {
    struct Values: Sendable {
        var open = 0
        /// Of those, such as have no ring yet.
        var joining = 0
        /// Of those, such as carry requests for this node's replicas, by who sends them.
        var data: [NodeID: Int] = [:]
        var rejected: UInt64 = 0
    }

    private let box = NIOLockedValueBox(Values())
    var values: Values { box.withLockedValue { $0 } }
    func change(_ body: (inout Values) -> Void) { box.withLockedValue(body) }

    /// Counts one more that joins; false if there are too many.
    func admitJoining() -> Bool {
        box.withLockedValue { values in
            guard values.joining < Limits.joiningConnections else { return false }
            values.joining += 1
            return true
        }
    }
}
