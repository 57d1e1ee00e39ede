// The accepting end of peer connections: checks who comes, then carries their requests to this node's replicas and
// their gossip to the control loop.

import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Node
import Ring
import Wire
import World

/// Whom this node lets in.
struct PeerGate: Sendable {
    let identity: NodeID
    let incarnation: UInt64
    let ring: RingSnapshot
    /// The whole frame that gives away the ring. All connections write this one block: strangers may ask for it, and
    /// need not read it.
    let ringReply: ByteBuffer

    init(identity: NodeID, incarnation: UInt64, ring: RingSnapshot) {
        self.identity = identity
        self.incarnation = incarnation
        self.ring = ring
        let framing = PeerFraming()
        framing.add(.ringReply(document: ring.document.encode()))
        ringReply = framing.takeOutgoing() ?? ByteBuffer()
    }

    /// Nil if `hello` is welcome, else what to tell the peer. The reasons are for its operator.
    func refusal(of hello: Hello) -> String? {
        let document = ring.document
        guard hello.version == PeerMessage.protocolVersion else {
            return "protocol version \(hello.version) is not \(PeerMessage.protocolVersion)"
        }
        // A joining node may not know the cluster's name yet.
        guard hello.cluster == document.cluster || (hello.joining && hello.cluster.isEmpty) else {
            return "this is cluster \(document.cluster), not \(hello.cluster)"
        }
        if hello.joining { return nil }
        guard let node = NodeID(hello.node), document.node(node) != nil else {
            return "\(hello.node) is not in the ring of \(document.cluster) (epoch \(document.epoch))"
        }
        guard node != identity else { return "\(node) is this node's own name" }
        guard hello.ringEpoch != document.epoch || hello.ringDigest == ring.digest else {
            return "\(node) has another ring document under the same epoch \(document.epoch); "
                + "start every node with the same ring file"
        }
        return nil
    }

    func welcome(_ refusal: String?) -> Welcome {
        Welcome(
            accepted: refusal == nil, reason: refusal ?? "", node: identity.name, incarnation: incarnation,
            ringEpoch: ring.document.epoch)
    }
}

/// One accepted connection.
final class PeerServerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private enum Phase {
        case stranger
        case known(NodeID, Lane)
        /// Still a stranger, but one that may ask for the ring, once.
        case joining
        /// Has been sent the ring, and is let go when it has left.
        case leaving
    }

    private let gate: PeerGate
    private let loop: RequestLoop
    private let control: ControlLoop
    private let counters: PeerFigures
    private let logger: Logger
    private let framing = PeerFraming()
    private var phase = Phase.stranger
    private var number = 0
    /// Ends the connection of whoever is not known by then.
    private var deadline: Scheduled<Void>?

    init(gate: PeerGate, loop: RequestLoop, control: ControlLoop, counters: PeerFigures, logger: Logger) {
        self.gate = gate
        self.loop = loop
        self.control = control
        self.counters = counters
        self.logger = logger
    }

    func channelActive(context: ChannelHandlerContext) {
        counters.change { $0.open += 1 }
        let channel = context.channel
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        deadline = context.eventLoop.scheduleTask(in: .nanoseconds(Limits.handshakeTimeout.nanoseconds)) {
            if case .known = this.value.phase { return }
            channel.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        counters.change { $0.open -= 1 }
        switch phase {
        case .joining, .leaving: counters.change { $0.joining -= 1 }
        case .known(let node, .data): counters.change { $0.data[node]? -= 1 }
        case .stranger, .known: break
        }
        loop.removeConnection(number)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        do { try framing.read(unwrapInboundIn(data)) { try receive($0, context) } } catch {
            counters.change { $0.rejected += 1 }
            logger.warning("peer connection dropped", metadata: ["reason": "\(error)", "from": "\(origin(context))"])
            context.close(promise: nil)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) { flush(context) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func receive(_ message: PeerMessage, _ context: ChannelHandlerContext) throws {
        switch (phase, message) {
        case (.stranger, .hello(let hello)): greet(hello, context)
        case (.joining, .ringRequest):
            phase = .leaving
            let channel = context.channel
            context.writeAndFlush(NIOAny(gate.ringReply)).whenComplete { _ in channel.close(promise: nil) }
        case (.known, .ringRequest):
            flush(context)
            guard context.channel.isWritable else { return context.close(promise: nil) }
            context.writeAndFlush(NIOAny(gate.ringReply), promise: nil)
        case (.known, .request(let envelope)): loop.serve(envelope, connection: number)
        case (.known, .mergeRequests(let requests)):
            for envelope in requests.envelopes { loop.serve(envelope, connection: number) }
        case (.known(let node, _), .gossip(let bytes)): control.gossip(bytes, from: node)
        case (.known(let node, _), .names(let bytes)): control.names(bytes, from: node)
        default: throw DecodingFailure.malformed("an unexpected message")
        }
    }

    private func greet(_ hello: Hello, _ context: ChannelHandlerContext) {
        var refusal = gate.refusal(of: hello)
        if refusal == nil, hello.joining, !counters.admitJoining() {
            refusal = "\(Limits.joiningConnections) nodes are asking for the ring; try again in a moment"
        }
        send(.welcome(gate.welcome(refusal)), context)
        flush(context)
        if let refusal {
            counters.change { $0.rejected += 1 }
            logger.warning("peer refused", metadata: ["reason": "\(refusal)", "from": "\(origin(context))"])
            return context.close(promise: nil)
        }
        if hello.joining {
            phase = .joining
        } else if let node = NodeID(hello.node) {
            framing.accept(framesUpTo: Limits.frameBytes)
            phase = .known(node, hello.lane)
            if hello.lane == .data { counters.change { $0.data[node, default: 0] += 1 } }
            number = loop.addConnection(PeerReturn(self, context))
            control.greeted(by: node)
        }
    }

    private func origin(_ context: ChannelHandlerContext) -> String { context.remoteAddress?.description ?? "?" }

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
