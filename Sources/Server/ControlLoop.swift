// The node's one loop for the cluster rather than for requests: gossip, hints going home, anti-entropy. It has a thread
// of its own, so that a loop busy with requests delays no heartbeat.

import Gateway
import HintedHandoff
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NameStore
import Node
import Ring
import Storage
import Vnodes
import Wire
import World

final class ControlLoop: @unchecked Sendable {
    // Safe to share: all state is only touched on `eventLoop`, but for `report`, which has its lock.
    let eventLoop: any EventLoop
    private let port: Int
    private let identity: NodeID
    private let storage: StorageFront
    private var state: ControlState
    private var controlLinks: [NodeID: PeerLink] = [:]
    private var bulkLinks: [NodeID: PeerLink] = [:]
    private var requestLoops: [RequestLoop] = []
    private var effects = Outbox<ControlEffect>()
    private var pending = PendingJobs()
    private let logger: Logger
    private let onStaleIncarnation: @Sendable (UInt64) -> Void
    private var isStopped = false
    private var names: NameDesk?
    /// What peers ask of it goes there without a turn on this loop.
    private let acceptor = NIOLockedValueBox<NameStoreThread?>(nil)
    private var isNamesFlushScheduled = false
    private var rejectedNames: UInt64 = 0

    private static let tickEvery = TimeAmount.milliseconds(50)
    private static let replayEvery = TimeAmount.milliseconds(100)
    private static let reportEvery = TimeAmount.milliseconds(1_000)

    init(
        _ eventLoop: any EventLoop, port: Int, state: ControlState, storage: StorageFront, logger: Logger,
        onStaleIncarnation: @escaping @Sendable (UInt64) -> Void
    ) {
        self.eventLoop = eventLoop
        self.port = port
        self.identity = state.identity
        self.state = state
        self.storage = storage
        self.logger = logger
        self.onStaleIncarnation = onStaleIncarnation
    }

    func start(
        _ loops: [RequestLoop], registry: Registry, acceptor: NameStoreThread?, rate: NameRate,
        hello: @escaping @Sendable (Lane) -> Hello,
        report: @escaping @Sendable () -> EventLoopFuture<NodeReport>
    ) {
        self.acceptor.withLockedValue { $0 = acceptor }
        eventLoop.execute { [self] in
            requestLoops = loops
            names = NameDesk(
                identity: identity, eventLoop: eventLoop, registry: registry, acceptor: acceptor, rate: rate,
                hasAcceptors: !storage.environment.ring.document.nameAcceptors.isEmpty
            ) { [weak self] in self?.sendNames($0, to: $1) }
            names?.start()
            for node in storage.environment.ring.document.nodes where node.id != identity {
                controlLinks[node.id] = PeerLink(
                    to: node, lane: .control, on: eventLoop, hello: hello, owner: self, logger: logger)
                bulkLinks[node.id] = PeerLink(
                    to: node, lane: .bulk, on: eventLoop, hello: hello, owner: self, logger: logger)
            }
            for link in controlLinks.values { link.start() }
            for link in bulkLinks.values { link.start() }
            eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: ControlLoop.tickEvery) { [self] _ in
                guard !isStopped else { return }
                state.tick(MachineClock.instant(), &effects)
                drain()
            }
            eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: ControlLoop.replayEvery) { [self] _ in
                guard !isStopped else { return }
                let reachable = state.takingHints.filter { bulkLinks[$0]?.isUp == true }
                storage.rewriteExpired()
                if !reachable.isEmpty { _ = storage.hints.mailbox.put([.replay(reachable: reachable)]) }
            }
            eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: ControlLoop.reportEvery) { [self] _ in
                guard !isStopped else { return }
                report().hop(to: eventLoop).whenSuccess { [self] in state.publish($0) }
            }
        }
    }

    func stop() {
        eventLoop.execute { [self] in
            isStopped = true
            for link in controlLinks.values { link.close() }
            for link in bulkLinks.values { link.close() }
        }
    }

    // MARK: What comes in

    /// `node` has connected: it listens as well, so our own links to it are tried at once.
    func greeted(by node: NodeID) {
        eventLoop.execute { [self] in
            controlLinks[node]?.peerIsThere()
            bulkLinks[node]?.peerIsThere()
            for loop in requestLoops { loop.greeted(by: node) }
        }
    }

    func gossip(_ bytes: [UInt8], from node: NodeID) {
        eventLoop.execute { [self] in
            state.gossip(bytes, from: node, MachineClock.instant(), &effects)
            drain()
        }
    }

    /// A message of the namestore. What cannot be read is counted and changes nothing.
    func names(_ bytes: [UInt8], from node: NodeID) {
        let message = try? NameMessage.decode(bytes)
        if let message, message.isForAcceptorAlone, let acceptor = acceptor.withLockedValue({ $0 }) {
            // A full mailbox loses the request; its sender asks again.
            _ = acceptor.mailbox.put([Inbound(from: node, message: message)])
            return
        }
        eventLoop.execute { [self] in
            guard let message else { return rejectedNames += 1 }
            names?.receive(message, from: node)
        }
    }

    /// Votes that may leave, from the namestore's thread.
    func carryVotes(_ batch: VoteBatch) {
        eventLoop.execute { [self] in
            names?.saw(batch.touched)
            for (node, message) in batch.replies {
                if node == identity { names?.receive(message, from: identity) } else { sendNames(message, to: node) }
            }
        }
    }

    private func sendNames(_ message: NameMessage, to node: NodeID) {
        guard let link = controlLinks[node], link.send(.names(message.encode())) else { return }
        // A hint goes with the next message, or at the next tick: alone it would wake the other side for nothing.
        guard !message.isHint, !isNamesFlushScheduled else { return }
        isNamesFlushScheduled = true
        eventLoop.execute { [self] in
            isNamesFlushScheduled = false
            for link in controlLinks.values { link.flush() }
        }
    }

    /// Runs `body` with the registry on this loop; fails while the node starts or stops.
    func withNames<Answer: Sendable>(_ body: @escaping @Sendable (NameDesk) -> EventLoopFuture<Answer>)
        -> EventLoopFuture<Answer>
    {
        eventLoop.flatSubmit { [self] in
            guard let names, !isStopped else { return eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel) }
            return body(names)
        }
    }

    /// Hints to carry to their replicas, from the hint thread.
    func carry(_ deliveries: [HintDelivery]) {
        eventLoop.execute { [self] in
            for delivery in deliveries {
                let envelope = RequestEnvelope(
                    id: AskID.hint(delivery.id).wire, timeoutMs: UInt32(Limits.replicaTimeout.inMilliseconds),
                    request: delivery.request)
                if bulkLinks[delivery.target]?.send(.request(envelope)) != true {
                    _ = storage.hints.mailbox.put([.reject(delivery.id, delivery.target, isFull: false)])
                }
            }
            for link in bulkLinks.values { link.flush() }
        }
    }

    func table() -> EventLoopFuture<[NodeStatus]> { eventLoop.submit { [self] in state.table } }

    func figures() -> EventLoopFuture<ControlFigures> {
        eventLoop.submit { [self] in
            ControlFigures(
                living: state.living, rejectedGossip: state.rejectedGossip, rejectedNames: rejectedNames,
                repairedKeys: state.repairedKeys, refusedRepairs: state.refusedRepairs, keysApart: state.keysApart,
                completedExchanges: state.completedExchanges, abandonedExchanges: state.abandonedExchanges)
        }
    }

    // MARK: What goes out

    private func drain() {
        while !effects.isEmpty {
            for effect in effects.take() { carryOut(effect) }
        }
        let refused = storage.submit(&pending)
        for answer in refused { state.fail(answer.address.id) }
        for link in controlLinks.values { link.flush() }
        for link in bulkLinks.values { link.flush() }
    }

    private func carryOut(_ effect: ControlEffect) {
        switch effect {
        case .gossip(let bytes, let node): _ = controlLinks[node]?.send(.gossip(bytes))
        case .ask(let id, let node, let request):
            if node == identity {
                storage.add(request, ReplyAddress(port: port, asker: .control, id: id), to: &pending)
            } else {
                let envelope = RequestEnvelope(
                    id: AskID.repair(id).wire, timeoutMs: UInt32(Limits.replicaTimeout.inMilliseconds), request: request
                )
                if bulkLinks[node]?.send(.request(envelope)) != true { state.fail(id) }
            }
        case .keysApart(let apart): warn(apart)
        case .liveness(let node, let isAlive):
            logger.info(isAlive ? "node is alive" : "node is dead", metadata: ["node": "\(node)"])
            for loop in requestLoops { loop.setLiveness(node, isAlive: isAlive) }
        case .replicationDelay(let node, let ms):
            for loop in requestLoops { loop.setReplicationDelay(node, ms: ms) }
        case .staleIncarnation(let generation): onStaleIncarnation(generation)
        }
    }

    /// Replicas that stay apart are for the operator to see: nothing else tells of them.
    private func warn(_ apart: KeysApart) {
        guard let example = apart.example else { return }
        let refusal = example.refusal
        logger.warning(
            "replicas differ, and one of them does not take what the other has",
            metadata: [
                "peer": "\(apart.peer)", "partition": "\(apart.partition)", "keys": "\(apart.keys)",
                "first_key": "\(StoredKey.text(of: example.key))", "refused_by": "\(example.refusedBy)",
                "reason": "\(refusal.code)\(refusal.detail.isEmpty ? "" : ": " + refusal.detail)",
            ])
    }
}

extension ControlLoop: AnswerPort {
    func deliver(_ answers: [StorageAnswer]) {
        eventLoop.execute { [self] in
            let now = MachineClock.instant()
            for answer in answers { state.answer(answer.envelope.reply, to: answer.address.id, now, &effects) }
            drain()
        }
    }
}

extension ControlLoop: PeerLinkOwner {
    func linkChanged(_ link: PeerLink, isUp: Bool) {}

    func link(_ link: PeerLink, answered replies: [ReplyEnvelope]) {
        for envelope in replies {
            switch AskID(envelope.id) {
            case .hint(let id):
                let isFull = envelope.reply.isRefusal(.diskFull)
                let isStored = envelope.reply == .stored
                _ = storage.hints.mailbox.put([
                    isStored ? .confirm(id, link.node) : .reject(id, link.node, isFull: isFull)
                ])
            case .repair(let id): state.answer(envelope.reply, to: id, MachineClock.instant(), &effects)
            case .gateway: break
            }
        }
        drain()
    }

    func link(_ link: PeerLink, received message: PeerMessage) {
        switch message {
        case .gossip(let bytes): gossip(bytes, from: link.node)
        case .names(let bytes): names(bytes, from: link.node)
        default: break
        }
    }

    func link(_ link: PeerLink, lost requests: [UInt64]) {
        for id in requests {
            switch AskID(id) {
            case .hint(let id): _ = storage.hints.mailbox.put([.reject(id, link.node, isFull: false)])
            case .repair(let id): state.fail(id)
            case .gateway: break
            }
        }
    }
}

struct ControlFigures: Sendable {
    /// Other nodes that are alive.
    var living: [NodeID]
    var rejectedGossip: UInt64
    var rejectedNames: UInt64
    var repairedKeys: UInt64
    var refusedRepairs: UInt64
    var keysApart: Int
    var completedExchanges: UInt64
    var abandonedExchanges: UInt64
}
