// The node's one loop for the cluster rather than for requests: gossip, hints going home, anti-entropy, names. It has a
// thread of its own, so that a loop busy with requests delays no heartbeat.

import Edge
import Gateway
import HintedHandoff
import Keys
import Live
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
    // Safe to share: all state is only touched on `eventLoop`, but for `acceptor`, which has its lock.
    let eventLoop: any EventLoop
    private let port: Int
    let identity: NodeID
    private let storage: StorageFront
    private(set) var core: ControlCore
    private var controlLinks: [NodeID: PeerLink] = [:]
    private var bulkLinks: [NodeID: PeerLink] = [:]
    private(set) var requestLoops: [RequestLoop] = []
    private var effects = Outbox<ControlCore.Effect>()
    private var pending = PendingJobs()
    private let logger: Logger
    private let onStaleGeneration: @Sendable (UInt64) -> Void
    private(set) var isStopped = false
    var nameClients = SlotTable<EventLoopPromise<NameAnswer>>()
    var nameGate: NameGate
    /// How the change of acceptors ended that this very event ended.
    var reconfigured: ReconfigurationOutcome?
    /// What peers ask of it goes there without a turn on this loop.
    private let acceptor = NIOLockedValueBox<NameStoreThread?>(nil)
    private var isFlushScheduled = false
    private var rejectedNames: UInt64 = 0
    var rejectedLive: UInt64 = 0
    var watchGate: WatchGate
    /// For the clients of each loop, by its number, with the end of this event.
    var liveNews: [[LiveNews]] = []
    var liveDelays = LatencyBuckets()

    init(
        _ eventLoop: any EventLoop, port: Int, state: ControlState, names: NameDesk, life: UInt64,
        rates: (names: ClientRate, watches: ClientRate),
        storage: StorageFront, logger: Logger, onStaleGeneration: @escaping @Sendable (UInt64) -> Void
    ) {
        self.eventLoop = eventLoop
        self.port = port
        self.identity = state.identity
        self.storage = storage
        let (ring, shards) = (storage.environment.ring, storage.shards.count)
        let live = LiveDesk(
            identity: state.identity, life: life, shards: shards, ring: ring, positions: storage.environment.changes,
            room: LiveRoom(contentBytes: storage.environment.memory.liveContentBytes), now: MachineClock.now())
        core = ControlCore(
            state: state, names: names, live: live, port: port, shards: shards, ring: ring,
            now: MachineClock.instant())
        nameGate = NameGate(rates.names)
        watchGate = WatchGate(rates.watches)
        self.logger = logger
        self.onStaleGeneration = onStaleGeneration
    }

    func start(
        _ loops: [RequestLoop], acceptor: NameStoreThread?, greeting: PeerGreeting,
        report: @escaping @Sendable () -> EventLoopFuture<NodeReport>
    ) {
        self.acceptor.withLockedValue { $0 = acceptor }
        eventLoop.execute { [self] in
            requestLoops = loops
            for node in storage.environment.ring.document.nodes where node.id != identity {
                controlLinks[node.id] = link(to: node, .control, greeting)
                bulkLinks[node.id] = link(to: node, .bulk, greeting)
            }
            for link in controlLinks.values { link.start() }
            for link in bulkLinks.values { link.start() }
            eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: .nanoseconds(Limits.controlTick.nanoseconds)) {
                [self] _ in
                if !isStopped { hear(.tick) }
            }
            eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: .nanoseconds(Limits.reportEvery.nanoseconds)) {
                [self] _ in
                guard !isStopped else { return }
                report().hop(to: eventLoop).whenSuccess { [self] in hear(.report($0)) }
            }
        }
    }

    private func link(to node: RingNode, _ lane: Lane, _ greeting: PeerGreeting) -> PeerLink {
        PeerLink(
            to: node, lane: lane, on: eventLoop, greeting: greeting,
            queueBytes: storage.environment.memory.peerQueueBytes, owner: self, logger: logger)
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
        eventLoop.execute { [self] in hear(.gossip(bytes, from: node)) }
    }

    /// A message of the namestore. What cannot be read is counted and changes nothing.
    func names(_ bytes: [UInt8], from node: NodeID) {
        guard let message = try? NameMessage.decode(bytes) else {
            return eventLoop.execute { [self] in rejectedNames += 1 }
        }
        switch NameArrival(message, from: node) {
        case .acceptor(let inbound): _ = acceptorThread?.mailbox.put([inbound])
        case .desk(let input): eventLoop.execute { [self] in hear(.names(input)) }
        }
    }

    /// Nil on a node that stores nothing, and before the start.
    var acceptorThread: NameStoreThread? { acceptor.withLockedValue { $0 } }

    /// Votes that may leave, from the namestore's thread.
    func carry(_ votes: VoteCore.Votes) { eventLoop.execute { [self] in hear(.names(.votes(votes))) } }

    /// Hints to carry to their replicas, from the hint thread.
    func carry(_ deliveries: [HintDelivery]) { eventLoop.execute { [self] in hear(.deliver(deliveries)) } }

    func table() -> EventLoopFuture<[NodeStatus]> { eventLoop.submit { [self] in core.state.table } }

    func figures() -> EventLoopFuture<ControlFigures> {
        eventLoop.submit { [self] in
            let state = core.state
            return ControlFigures(
                living: state.living, unmeasured: core.names.unmeasured, rejectedGossip: state.rejectedGossip,
                rejectedNames: rejectedNames, repairedKeys: state.repairedKeys, refusedRepairs: state.refusedRepairs,
                keysApart: state.keysApart, completedExchanges: state.completedExchanges,
                abandonedExchanges: state.abandonedExchanges, live: core.live.figures, liveDelays: liveDelays,
                rejectedLive: rejectedLive)
        }
    }

    // MARK: What goes out

    func hear(_ input: ControlCore.Input) {
        let now = MachineClock.now()
        core.handle(input, now, &effects)
        while !effects.isEmpty {
            for effect in effects.take() { carryOut(effect, now) }
            let refused = storage.submit(&pending)
            if !refused.isEmpty { core.handle(.answers(refused), now, &effects) }
        }
        handOutNews()
        if case .tick = input { scheduleFlush() }
    }

    func send(_ message: PeerMessage, to node: NodeID) -> Bool { controlLinks[node]?.send(message) ?? false }

    /// What the rest of this turn has to send leaves with it.
    func scheduleFlush() {
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        eventLoop.execute { [self] in
            isFlushScheduled = false
            for link in controlLinks.values { link.flush() }
            for link in bulkLinks.values { link.flush() }
        }
    }

    private func carryOut(_ effect: ControlCore.Effect, _ now: Now) {
        switch effect {
        case .gossip(let bytes, let node):
            if send(.gossip(bytes), to: node) { scheduleFlush() }
        case .send(let envelope, let node):
            scheduleFlush()
            if bulkLinks[node]?.send(.request(envelope)) != true {
                core.handle(.lost([envelope.id], node), now, &effects)
            }
        case .work(let part, let job): storage.add(job, to: part, of: &pending)
        case .names(let effect): carryOut(effect)
        case .live(let effect): carryOut(effect)
        case .hints(let job): _ = storage.hints.mailbox.put([job])
        case .keysApart(let apart): warn(apart)
        case .liveness(let node, let isAlive):
            logger.info(isAlive ? "node is alive" : "node is dead", metadata: ["node": "\(node)"])
            for loop in requestLoops { loop.setLiveness(node, isAlive: isAlive) }
        case .replicationDelay(let node, let ms):
            for loop in requestLoops { loop.setReplicationDelay(node, ms: ms) }
        case .staleGeneration(let generation): onStaleGeneration(generation)
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
    func deliver(_ answers: [StorageAnswer]) { eventLoop.execute { [self] in hear(.answers(answers)) } }
    func deliver(expired: [ExpiredObject]) { eventLoop.execute { [self] in hear(.expired(expired)) } }
    func deliver(_ changes: Changes) { eventLoop.execute { [self] in hear(.live(.changed(changes))) } }
}

extension ControlLoop: PeerLinkOwner {
    func linkChanged(_ link: PeerLink, isUp: Bool) {
        switch link.lane {
        case .bulk: hear(.link(link.node, isUp: isUp))
        case .control: if isUp { hear(.gossipLink(link.node)) }
        case .data: break
        }
    }

    func link(_ link: PeerLink, answered replies: [ReplyEnvelope]) { hear(.replies(replies, from: link.node)) }

    func link(_ link: PeerLink, received message: PeerMessage) {
        switch message {
        case .gossip(let bytes): gossip(bytes, from: link.node)
        case .names(let bytes): names(bytes, from: link.node)
        default: break
        }
    }

    func link(_ link: PeerLink, lost requests: [UInt64]) { hear(.lost(requests, link.node)) }
}

struct ControlFigures: Sendable {
    /// Other nodes that are alive.
    var living: [NodeID]
    /// Acceptors whose distances are not known.
    var unmeasured: [NodeID]
    var rejectedGossip: UInt64
    var rejectedNames: UInt64
    var repairedKeys: UInt64
    var refusedRepairs: UInt64
    var keysApart: Int
    var completedExchanges: UInt64
    var abandonedExchanges: UInt64
    var live: LiveFigures
    var liveDelays: LatencyBuckets
    var rejectedLive: UInt64
}
