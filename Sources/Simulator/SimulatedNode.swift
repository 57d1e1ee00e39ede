// One node of a simulated cluster, while it runs: the cores that a server carries, each on a virtual thread of its own.
//
// What a server does with threads, mailboxes and event loops is done here with events: a part that is handed something
// hears of it a moment later; a thread takes what has gathered meanwhile as one batch, and nothing more until the disk
// is done.

import Causality
import Gateway
import Gossip
import HintedHandoff
import NameStore
import Node
import Ring
import Storage
import Vnodes
import Wire
import World

/// A node's two stores.
enum Disk: Hashable, Sendable {
    case objects
    case hints
}

/// What speaks to other nodes, over links of its own.
enum Port: Hashable, Comparable, Sendable {
    case loop(Int)
    /// Of the control part: gossip, and what it asks.
    case control
    case bulk
}

struct SimulatedNode {
    enum Input {
        case loop(Int, LoopCore.Input)
        case control(ControlCore.Input)
        /// A thread looks into its mailbox.
        case work(NodePart)
        /// What a thread was to commit is on the disk.
        case committed(NodePart)
        case name(NameMessage, from: NodeID)
        /// The names' thread looks into its mailbox.
        case vote
        case voted(VoteCore.Input)
    }

    enum Output {
        case send(PeerMessage, Port, to: NodeID)
        case answerPeer(ReplyEnvelope, connection: Int)
        case answer(UInt64, ClientOutcome)
        case commit(NodePart, Disk, [StoreWrite], synced: Bool)
        case sendName(NameMessage, to: NodeID)
        case answerName(UInt64, NameAnswer)
        case reconfigured(ReconfigurationOutcome)
        case commitVotes([StoreWrite], synced: Bool, VoteCore.FrontierCopy?)
        /// From one part to another, a moment later.
        case hop(Input)
        case at(Instant, Input)
    }

    private struct StorageThread {
        var core: ShardCore
        var mailbox: [StorageJob] = []
        var isCalled = false
    }

    let identity: NodeID
    private var loops: [LoopCore]
    private var turnIsOpen: [Bool]
    private var threads: [NodePart: StorageThread] = [:]
    private var hints: HintCore
    private var hintMailbox: [HintCore.Job] = []
    private var hintsAreCalled = false
    private(set) var control: ControlCore
    var votes: SimulatedVotes
    let seams: NamesSeams
    private var loopEffects = Outbox<LoopCore.Effect>()
    private var shardEffects = Outbox<ShardCore.Effect>()
    private var hintEffects = Outbox<HintCore.Effect>()
    private var controlEffects = Outbox<ControlCore.Effect>()

    /// What a life of a node begins with.
    struct Birth {
        var incarnation: UInt64
        var counter: UInt64
        var generation: UInt64
        var ring: RingSnapshot
        var objects: MemoryStore
        var hints: MemoryStore
        var loops: Int
        var shards: Int
        /// Of clients, at each gateway.
        var places: Int
        var names: NamesBirth
    }

    struct NamesBirth {
        let registry: Registry
        let opened: OpenedStore
        let store: SeamedStore
        let seams: NamesSeams
    }

    init(
        _ identity: NodeID, _ birth: Birth, control configuration: ControlConfiguration, random: SeededRandom,
        now: Instant
    ) throws(StorageFailure) {
        var random = random
        self.identity = identity
        let (ring, stripes) = (birth.ring, CacheStripes())
        let actor = Actor(node: identity, incarnation: birth.incarnation)
        loops = (0..<birth.loops).map { port in
            let gateway = GatewayState(
                identity: identity, ring: ring, random: random.fork(), places: birth.places, now: now)
            return LoopCore(
                gateway: gateway, port: port, shards: birth.shards, ring: ring, stripes: stripes, cacheBytes: 1 << 16)
        }
        turnIsOpen = Array(repeating: false, count: birth.loops)
        let parts = (0..<birth.shards).map { NodePart.shard($0) } + [.scanner, .comparer]
        for part in parts {
            let shard = VnodeShard(actor: actor, counter: birth.counter)
            threads[part] = StorageThread(
                core: ShardCore(shard: shard, store: birth.objects, stripes: stripes, ring: ring))
        }
        hints = HintCore(
            keeper: try HintKeeper(identity: identity, store: birth.hints), store: birth.hints, ring: ring)
        let state = ControlState(
            identity: identity, incarnation: birth.generation, ring: ring, configuration: configuration,
            random: random.fork(), now: now)
        seams = birth.names.seams
        votes = SimulatedVotes(core: VoteCore(birth.names.opened, store: birth.names.store))
        let names = NameDesk(registry: birth.names.registry, isNamed: true, hasAcceptor: true, now: now)
        control = ControlCore(
            state: state, names: names, port: birth.loops, shards: birth.shards, ring: ring, now: now)
    }

    // MARK: What is seen of it

    var ports: [Port] { loops.indices.map { .loop($0) } + [.control, .bulk] }
    var loopCount: Int { loops.count }
    var hintBacklog: Int { hints.keeper.total.hints }
    /// The last counter that any of its shards minted.
    var counter: UInt64 { threads.values.map(\.core.shard.counter).max() ?? 0 }
    func replicationDelayMs(at now: Instant) -> Double {
        threads.values.map { $0.core.shard.replicationDelay.milliseconds(at: now) }.max() ?? 0
    }
    /// Answered requests that still go on count here.
    func requestsInFlight(_ loop: Int) -> Int { loops[loop].requestsInFlight }

    // MARK: Events

    mutating func handle(_ input: Input, _ now: Now, _ out: inout Outbox<Output>) throws(StorageFailure) {
        switch input {
        case .loop(let loop, let input): hear(loop, input, now, &out)
        case .control(let input): hear(input, now, &out)
        case .name(let message, let node): receive(message, from: node, now, &out)
        case .vote: vote(&out)
        case .voted(let input): hear(input, &out)
        case .work(.hints): try workHints(now, &out)
        case .committed(.hints):
            try hints.handle(.committed, now, &hintEffects)
            carryOutHints(&out)
        case .work(let part): try work(part, now, &out)
        case .committed(let part): try worked(part, now, &out)
        }
    }

    private mutating func hear(
        _ loop: Int, _ input: LoopCore.Input, _ now: Now, _ out: inout Outbox<Output>
    ) {
        if case .turnEnds = input { turnIsOpen[loop] = false }
        loops[loop].handle(input, now, &loopEffects)
        while !loopEffects.isEmpty {
            for effect in loopEffects.take() {
                switch effect {
                case .send(let envelope, let node): out.emit(.send(.request(envelope), .loop(loop), to: node))
                case .work(let part, let job):
                    if let refused = put(job, part, &out) { loops[loop].handle(.answers([refused]), now, &loopEffects) }
                case .takeBack(let ask):
                    if takeBack(ask, loop) { loops[loop].handle(.tookBack([ask]), now, &loopEffects) }
                case .answerPeer(let envelope, let connection):
                    out.emit(.answerPeer(envelope, connection: connection))
                case .answer(let id, let outcome): out.emit(.answer(id, outcome))
                case .answerOwnRead: break
                case .wakeAt(let instant): out.emit(.at(instant, .loop(loop, .wake(instant))))
                }
            }
        }
        if loops[loop].hasArrivals, !turnIsOpen[loop] {
            turnIsOpen[loop] = true
            out.emit(.hop(.loop(loop, .turnEnds)))
        }
    }

    mutating func hear(_ input: ControlCore.Input, _ now: Now, _ out: inout Outbox<Output>) {
        control.handle(input, now, &controlEffects)
        while !controlEffects.isEmpty {
            for effect in controlEffects.take() {
                switch effect {
                case .gossip(let bytes, let node): out.emit(.send(.gossip(bytes), .control, to: node))
                case .send(let envelope, let node): out.emit(.send(.request(envelope), .bulk, to: node))
                case .work(let part, let job):
                    if let refused = put(job, part, &out) { control.handle(.answers([refused]), now, &controlEffects) }
                case .hints(let job): put(job, &out)
                case .names(let effect): carryOut(effect, &out)
                case .liveness(let node, let isAlive):
                    for loop in loops.indices { out.emit(.hop(.loop(loop, .liveness(node, isAlive: isAlive)))) }
                case .replicationDelay(let node, let ms):
                    for loop in loops.indices { out.emit(.hop(.loop(loop, .replicationDelay(node, ms: ms)))) }
                case .keysApart: break  // for a log
                case .staleIncarnation: break  // the simulator's disks know their lives
                }
            }
        }
    }

    // MARK: Storage threads

    /// The answer of a full mailbox.
    private mutating func put(_ job: StorageJob, _ part: NodePart, _ out: inout Outbox<Output>) -> StorageAnswer? {
        if part == .hints {
            put(.request(job), &out)
            return nil
        }
        guard threads[part]?.mailbox.count ?? .max < Limits.mailboxRequests else { return job.refusal }
        threads[part]?.mailbox.append(job)
        call(part, &out)
        return nil
    }

    private mutating func call(_ part: NodePart, _ out: inout Outbox<Output>) {
        guard let thread = threads[part], thread.core.isIdle, !thread.isCalled, !thread.mailbox.isEmpty else { return }
        threads[part]?.isCalled = true
        out.emit(.hop(.work(part)))
    }

    private mutating func takeBack(_ ask: UInt64, _ loop: Int) -> Bool {
        let address = ReplyAddress(port: loop, asker: .gateway, id: ask)
        for part in threads.keys {
            guard let place = threads[part]?.mailbox.firstIndex(where: { $0.address == address }) else { continue }
            threads[part]?.mailbox.remove(at: place)
            return true
        }
        return false
    }

    private mutating func work(
        _ part: NodePart, _ now: Now, _ out: inout Outbox<Output>
    ) throws(StorageFailure) {
        threads[part]?.isCalled = false
        guard let thread = threads[part], thread.core.isIdle, !thread.mailbox.isEmpty else { return }
        let isReader = part == .scanner || part == .comparer
        let jobs = Array(thread.mailbox.prefix(isReader ? 1 : Limits.batchRequests))
        threads[part]?.mailbox.removeFirst(jobs.count)
        try threads[part]?.core.handle(.jobs(jobs, .roomy), now, &shardEffects)
        var isCommitting = false
        for effect in shardEffects.take() {
            if case .commit(let writes, let synced) = effect {
                isCommitting = true
                out.emit(.commit(part, .objects, writes, synced: synced))
            } else {
                carryOut(effect, &out)
            }
        }
        if !isCommitting { try worked(part, now, &out) }
    }

    private mutating func worked(
        _ part: NodePart, _ now: Now, _ out: inout Outbox<Output>
    ) throws(StorageFailure) {
        let load = ShardCore.ReplicaLoad(waiting: threads[part]?.mailbox.count ?? 0, serviceMicroseconds: 200)
        try threads[part]?.core.handle(.worked(load), now, &shardEffects)
        for effect in shardEffects.take() { carryOut(effect, &out) }
        call(part, &out)
    }

    private func carryOut(_ effect: ShardCore.Effect, _ out: inout Outbox<Output>) {
        switch effect {
        case .announce(let answers), .answer(let answers): hand(answers, &out)
        case .expired(let found): out.emit(.hop(.control(.expired(found))))
        case .commit: break
        }
    }

    /// To the loops that wait for them, one hop each.
    private func hand(_ answers: [StorageAnswer], _ out: inout Outbox<Output>) {
        for loop in loops.indices {
            let own = answers.filter { $0.address.port == loop }
            if !own.isEmpty { out.emit(.hop(.loop(loop, .answers(own)))) }
        }
        let rest = answers.filter { $0.address.port == loops.count }
        if !rest.isEmpty { out.emit(.hop(.control(.answers(rest)))) }
    }

    // MARK: Hints

    private mutating func put(_ job: HintCore.Job, _ out: inout Outbox<Output>) {
        hintMailbox.append(job)
        callHints(&out)
    }

    private mutating func callHints(_ out: inout Outbox<Output>) {
        guard hints.isIdle, !hintsAreCalled, !hintMailbox.isEmpty else { return }
        hintsAreCalled = true
        out.emit(.hop(.work(.hints)))
    }

    private mutating func workHints(_ now: Now, _ out: inout Outbox<Output>) throws(StorageFailure) {
        hintsAreCalled = false
        guard hints.isIdle, !hintMailbox.isEmpty else { return }
        let jobs = hintMailbox
        hintMailbox = []
        try hints.handle(.jobs(jobs, .roomy), now, &hintEffects)
        carryOutHints(&out)
    }

    private mutating func carryOutHints(_ out: inout Outbox<Output>) {
        for effect in hintEffects.take() {
            switch effect {
            case .commit(let writes, let synced): out.emit(.commit(.hints, .hints, writes, synced: synced))
            case .answer(let answers): hand(answers, &out)
            case .deliver(let deliveries): out.emit(.hop(.control(.deliver(deliveries))))
            }
        }
        callHints(&out)
    }
}

// What the network has to say to whichever part a port belongs to.
extension SimulatedNode.Input {
    init(_ reply: ReplyEnvelope, _ node: NodeID, _ port: Port) {
        self =
            switch port {
            case .loop(let loop): .loop(loop, .replies([reply], from: node))
            case .control, .bulk: .control(.replies([reply], from: node))
            }
    }

    init(unsent ask: UInt64, _ node: NodeID, _ port: Port) {
        self =
            switch port {
            case .loop(let loop): .loop(loop, .unsent([ask], node))
            case .control, .bulk: .control(.lost([ask], node))
            }
    }

    /// Nil if nothing was.
    init?(lost asks: [UInt64], _ node: NodeID, _ port: Port) {
        guard !asks.isEmpty else { return nil }
        self =
            switch port {
            case .loop(let loop): .loop(loop, .lost(asks, node))
            case .control, .bulk: .control(.lost(asks, node))
            }
    }

    /// Nil for gossip's own link, which nobody minds.
    init?(link node: NodeID, _ port: Port, isUp: Bool) {
        switch port {
        case .loop(let loop): self = .loop(loop, .link(node, isUp: isUp))
        case .bulk: self = .control(.link(node, isUp: isUp))
        case .control: return nil
        }
    }
}
