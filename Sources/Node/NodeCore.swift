// One node assembled: its gateway, its storage shard, its hints and its control part, in one value and one thread. It
// takes an event, hands it to the part that owns it, and passes on what comes out; it has no logic of its own.
//
// The simulator runs clusters of these. The server runs the very same parts, each on a thread of its own.

import Causality
package import Gateway
package import HintedHandoff
package import Ring
package import Storage
package import Vnodes
package import Wire
package import World

/// Whose request an answer belongs to, told by its id: several parts of a node ask over the same wire.
package enum AskID: Hashable, Sendable {
    case gateway(UInt64)
    case hint(UInt64)
    case repair(UInt64)

    private static let hintFlag: UInt64 = 1 << 63
    private static let repairFlag: UInt64 = 1 << 62

    package init(_ wire: UInt64) {
        if wire & AskID.hintFlag != 0 {
            self = .hint(wire & ~AskID.hintFlag)
        } else if wire & AskID.repairFlag != 0 {
            self = .repair(wire & ~AskID.repairFlag)
        } else {
            self = .gateway(wire)
        }
    }

    package var wire: UInt64 {
        switch self {
        case .gateway(let id): id
        case .hint(let id): id | AskID.hintFlag
        case .repair(let id): id | AskID.repairFlag
        }
    }
}

/// A node's two stores.
package enum Disk: Hashable, Sendable, CaseIterable {
    case objects
    case hints
}

package enum NodeEffect: Sendable {
    case send(PeerMessage, to: NodeID)
    case answer(UInt64, ClientOutcome)
    /// Write to the disk, then call `committed`. Until then the disk's part takes no further work.
    case commit(Disk, [StoreWrite], synced: Bool)
}

package struct NodeCore<Store: KeyValueStore> {
    private struct Job {
        let request: ReplicaRequest
        /// Nil: this node itself.
        let from: NodeID?
        let id: UInt64
    }

    /// The work of one disk: what waits, and the answers that wait for the commit.
    private struct Desk {
        var waiting: [Job] = []
        var held: [(job: Job, reply: ReplicaReply)] = []
        var isCommitting = false
    }

    package let identity: NodeID
    package let objects: Store
    package let hints: Store
    package private(set) var gateway: GatewayState
    package private(set) var shard: VnodeShard
    package private(set) var keeper: HintKeeper
    package private(set) var control: ControlState
    private let ring: RingSnapshot
    private var shardDesk = Desk()
    private var hintDesk = Desk()
    /// Confirmed deliveries that wait until the hint disk has committed: they read what it writes.
    private var heldConfirmations: [(id: UInt64, node: NodeID)] = []
    /// Found by compares, and rewritten with the next batches.
    private var expired: [ExpiredObject] = []
    private var linked: [NodeID] = []
    private var nextReplay: Instant
    private var gatewayEffects = Outbox<GatewayEffect>()
    private var controlEffects = Outbox<ControlEffect>()
    private static var replayEvery: Span { .milliseconds(100) }

    package init(
        identity: NodeID, incarnation: UInt64, counter: UInt64 = 0, generation: UInt64, ring: RingSnapshot,
        objects: Store, hints: Store, control: ControlConfiguration, places: Int, random: SeededRandom, now: Instant
    ) throws(StorageFailure) {
        var random = random
        self.identity = identity
        self.objects = objects
        self.hints = hints
        self.ring = ring
        gateway = GatewayState(identity: identity, ring: ring, random: random.fork(), places: places, now: now)
        shard = VnodeShard(actor: Actor(node: identity, incarnation: incarnation), counter: counter)
        keeper = try HintKeeper(identity: identity, store: hints)
        self.control = ControlState(
            identity: identity, incarnation: generation, ring: ring, configuration: control, random: random.fork(),
            now: now)
        nextReplay = now
    }

    /// Nothing waits to be done for the replicas' sake.
    package var isSettled: Bool {
        keeper.total.hints == 0 && control.isRepairIdle && gateway.requestsInFlight == 0 && shardDesk.waiting.isEmpty
            && hintDesk.waiting.isEmpty
    }

    // MARK: Events

    package mutating func submit(
        _ id: UInt64, _ request: ClientRequest, _ now: Now, _ out: inout Outbox<NodeEffect>
    ) throws(StorageFailure) {
        gateway.begin(id, request, now: now, &gatewayEffects)
        try passOn(now, &out)
    }

    package mutating func receive(
        _ message: PeerMessage, from node: NodeID, _ now: Now, _ out: inout Outbox<NodeEffect>
    ) throws(StorageFailure) {
        switch message {
        case .request(let envelope): queue(Job(request: envelope.request, from: node, id: envelope.id))
        case .mergeRequests(let requests):
            for envelope in requests.envelopes { queue(Job(request: envelope.request, from: node, id: envelope.id)) }
        case .reply(let envelope): try answered(envelope, from: node, now)
        case .storedReplies(let replies):
            for envelope in replies.envelopes { try answered(envelope, from: node, now) }
        case .gossip(let bytes): control.gossip(bytes, from: node, now.instant, &controlEffects)
        default: break
        }
        try passOn(now, &out)
    }

    /// What this node says of itself from now on.
    package mutating func publish(_ report: NodeReport) { control.publish(report) }

    /// The connection to `node` came up or broke.
    package mutating func linkChanged(
        _ node: NodeID, isUp: Bool, _ now: Now, _ out: inout Outbox<NodeEffect>
    ) throws(StorageFailure) {
        linked.removeAll { $0 == node }
        if isUp { linked.append(node) }
        gateway.setAvailable(node, isUp)
        try passOn(now, &out)
    }

    /// The request `id` to `node` will not be answered.
    package mutating func lost(
        _ id: UInt64, to node: NodeID, _ now: Now, _ out: inout Outbox<NodeEffect>
    ) throws(StorageFailure) {
        fail(id, node, now)
        try passOn(now, &out)
    }

    /// Call every few milliseconds.
    package mutating func tick(_ now: Now, _ out: inout Outbox<NodeEffect>) throws(StorageFailure) {
        gateway.wake(now: now, &gatewayEffects)
        control.tick(now.instant, &controlEffects)
        if now.instant >= nextReplay, !hintDesk.isCommitting {
            nextReplay = now.instant + NodeCore.replayEvery
            let reachable = control.takingHints.filter { linked.contains($0) }
            let (deliveries, expired) = try keeper.replay(to: reachable, store: hints, now: now)
            if !expired.isEmpty { try hints.commit(expired, synced: false) }
            for delivery in deliveries { ask(delivery.target, AskID.hint(delivery.id), delivery.request, &out) }
        }
        try passOn(now, &out)
    }

    /// The commit that was asked for is done.
    package mutating func committed(_ disk: Disk, _ now: Now, _ out: inout Outbox<NodeEffect>) throws(StorageFailure) {
        let held: [(job: Job, reply: ReplicaReply)]
        switch disk {
        case .objects:
            held = shardDesk.held
            shardDesk.held = []
            shardDesk.isCommitting = false
        case .hints:
            held = hintDesk.held
            hintDesk.held = []
            hintDesk.isCommitting = false
            for (id, node) in heldConfirmations { try confirm(id, node) }
            heldConfirmations = []
        }
        for (job, reply) in held { try release(job, reply, now, &out) }
        try passOn(now, &out)
    }

    // MARK: Between the parts

    private mutating func queue(_ job: Job) {
        switch Routing.part(for: job.request, shards: 1, ring: ring) {
        case .hints: hintDesk.waiting.append(job)
        case .shard, .scanner, .comparer: shardDesk.waiting.append(job)
        }
    }

    /// Works off what the parts have put out until nothing is left.
    private mutating func passOn(_ now: Now, _ out: inout Outbox<NodeEffect>) throws(StorageFailure) {
        while true {
            for effect in gatewayEffects.take() {
                switch effect {
                case .ask(let node, let envelope): ask(node, AskID(envelope.id), envelope.request, &out)
                case .takeBack(let id): takeBack(AskID.gateway(id).wire, now)
                case .answer(let id, let outcome): out.emit(.answer(id, outcome))
                }
            }
            for effect in controlEffects.take() { carryOut(effect, &out) }
            try workShard(now, &out)
            try workHints(now, &out)
            if gatewayEffects.isEmpty && controlEffects.isEmpty { return }
        }
    }

    private mutating func carryOut(_ effect: ControlEffect, _ out: inout Outbox<NodeEffect>) {
        switch effect {
        case .gossip(let bytes, let node): out.emit(.send(.gossip(bytes), to: node))
        case .ask(let id, let node, let request): ask(node, .repair(id), request, &out)
        case .liveness(let node, let isAlive): gateway.setAvailable(node, isAlive && linked.contains(node))
        case .replicationDelay(let node, let ms): gateway.setReplicationDelay(node, ms: ms)
        case .staleIncarnation: break  // the simulator's disks know their lives
        case .keysApart: break  // for a log
        }
    }

    private mutating func ask(
        _ node: NodeID, _ id: AskID, _ request: ReplicaRequest, _ out: inout Outbox<NodeEffect>
    ) {
        if node == identity {
            queue(Job(request: request, from: nil, id: id.wire))
        } else {
            let envelope = RequestEnvelope(
                id: id.wire, timeoutMs: UInt32(Limits.replicaTimeout.inMilliseconds), request: request)
            out.emit(.send(.request(envelope), to: node))
        }
    }

    private mutating func takeBack(_ id: UInt64, _ now: Now) {
        guard let place = shardDesk.waiting.firstIndex(where: { $0.id == id && $0.from == nil }) else { return }
        shardDesk.waiting.remove(at: place)
        gateway.fail(id, from: identity, wasSent: false, now: now, &gatewayEffects)
    }

    private mutating func workShard(_ now: Now, _ out: inout Outbox<NodeEffect>) throws(StorageFailure) {
        guard !shardDesk.isCommitting, !shardDesk.waiting.isEmpty else { return }
        let jobs = shardDesk.waiting
        shardDesk.waiting = []
        let rewrites = expired.suffix(Limits.expiredAtOnce)
        expired.removeLast(rewrites.count)
        // Nobody waits for the answers to the rewrites, which stand after all others.
        let outcome = try shard.process(
            jobs.map(\.request) + rewrites.map(\.rewrite), store: objects, in: BatchSurroundings(now: now, ring: ring))
        expired += outcome.expired
        try finish(jobs, outcome, .objects, now, &out)
    }

    private mutating func workHints(_ now: Now, _ out: inout Outbox<NodeEffect>) throws(StorageFailure) {
        guard !hintDesk.isCommitting, !hintDesk.waiting.isEmpty else { return }
        let jobs = hintDesk.waiting
        hintDesk.waiting = []
        let outcome = try keeper.process(
            jobs.map(\.request), store: hints, in: BatchSurroundings(now: now, ring: ring))
        try finish(jobs, outcome, .hints, now, &out)
    }

    /// Holds the answers until the writes are on the disk; where there are none they leave at once.
    private mutating func finish(
        _ jobs: [Job], _ outcome: BatchOutcome, _ disk: Disk, _ now: Now, _ out: inout Outbox<NodeEffect>
    ) throws(StorageFailure) {
        let held = zip(jobs, outcome.replies).map { (job: $0, reply: $1) }
        guard !outcome.writes.isEmpty else {
            for (job, reply) in held { try release(job, reply, now, &out) }
            return
        }
        if outcome.synced {
            for case (let job, .minted(let object, let wasAbsent)) in held where job.from == nil {
                guard case .gateway(let id) = AskID(job.id) else { continue }
                gateway.prepared(id, object: object, wasAbsent: wasAbsent, now: now, &gatewayEffects)
            }
        }
        switch disk {
        case .objects: (shardDesk.held, shardDesk.isCommitting) = (held, true)
        case .hints: (hintDesk.held, hintDesk.isCommitting) = (held, true)
        }
        out.emit(.commit(disk, outcome.writes, synced: outcome.synced))
    }

    private mutating func release(
        _ job: Job, _ reply: ReplicaReply, _ now: Now, _ out: inout Outbox<NodeEffect>
    ) throws(StorageFailure) {
        let envelope = ReplyEnvelope(
            id: job.id, inFlight: UInt32(shardDesk.waiting.count), serviceMicroseconds: 200,
            clockMs: UInt64(max(0, now.instant.nanoseconds / 1_000_000)), reply: reply)
        if let node = job.from {
            out.emit(.send(.reply(envelope), to: node))
        } else {
            try answered(envelope, from: identity, now)
        }
    }

    private mutating func answered(_ envelope: ReplyEnvelope, from node: NodeID, _ now: Now) throws(StorageFailure) {
        switch AskID(envelope.id) {
        case .gateway: gateway.receive(envelope, from: node, now: now, &gatewayEffects)
        case .repair(let id): control.answer(envelope.reply, to: id, now.instant, &controlEffects)
        case .hint(let id):
            guard envelope.reply == .stored else {
                let isFull = envelope.reply.isRefusal(.diskFull)
                return keeper.reject(id, from: node, isFull: isFull, now: now.instant)
            }
            if hintDesk.isCommitting { heldConfirmations.append((id, node)) } else { try confirm(id, node) }
        }
    }

    private mutating func confirm(_ id: UInt64, _ node: NodeID) throws(StorageFailure) {
        if let write = try keeper.confirm(id, from: node, store: hints) { try hints.commit([write], synced: false) }
    }

    private mutating func fail(_ id: UInt64, _ node: NodeID, _ now: Now) {
        switch AskID(id) {
        case .gateway: gateway.fail(id, from: node, wasSent: true, now: now, &gatewayEffects)
        case .repair(let id): control.fail(id)
        case .hint(let id): keeper.reject(id, from: node, isFull: false, now: now.instant)
        }
    }
}
