// One node of a simulated cluster, while it runs: the cores that a server carries, each on a virtual thread of its own.
//
// What a server does with threads, mailboxes and event loops is done here with events: a part that is handed something
// hears of it a moment later; a thread takes what has gathered meanwhile as one batch, and nothing more until the disk
// is done.

import Causality
import Gateway
import Gossip
import HintedHandoff
import Live
import NameStore
import Node
import Ring
import Storage
import Vnodes
import Wire
import World

/// What speaks to other nodes, over links of its own.
enum Port: Hashable, Comparable, Sendable {
    case loop(Int)
    /// Of the control part: gossip, and what it asks.
    case control
    case bulk
}

final class SimulatedNode {
    /// Of what is played few objects have more than some hundred bytes; so some are decoded anew all the time.
    private static let typedBytes = 4 << 10

    /// Indirect, as what comes out of it is: most wait in a queue, and are moved about there.
    indirect enum Input {
        case loop(Int, LoopCore.Input)
        case control(ControlCore.Input)
        /// A thread looks into its mailbox.
        case work(NodePart)
        /// A thread's rest from repair may be over.
        case rested(NodePart)
        /// What a thread was to commit is on the disk.
        case committed(NodePart)
        case name(NameInput)
    }

    indirect enum Output {
        case send(PeerMessage, Port, to: NodeID)
        case answerPeer(ReplyEnvelope, connection: Int)
        case answer(UInt64, ClientOutcome)
        case answerOwnRead(UInt64, ReplicaReply)
        case names(NameOutput)
        /// For its clients.
        case live(LiveDesk.Effect)
        case commit(DiskCommit)
        /// From one part to another, a moment later.
        case hop(Input)
        case at(Instant, Input)
        /// The cluster knows a later life of this node, of that generation: it must end.
        case staleGeneration(UInt64)
    }

    private struct StorageThread {
        var core: ShardCore
        var mailbox: WorkQueue<StorageJob>
        /// From the moment that it is called until its batch is done.
        var isBusy = false
        /// It has nothing but repair to do, and rests from that.
        var isResting = false
    }

    let identity: NodeID
    /// What its disk has; the node looks at it now and then.
    var space: DiskSpace
    var gauge: DiskGauge
    var reporter: NodeReporter
    let ledger: PlayLedger
    private var loops: [LoopCore]
    private var turnIsOpen: [Bool]
    /// The shards, the scanner and the comparer.
    private var threads: [StorageThread]
    private var hints: HintCore
    private var hintMailbox: WorkQueue<HintCore.Job>
    private var hintsAreCalled = false
    private(set) var control: ControlCore
    var votes: SimulatedVotes
    let seams: NamesSeams
    private var loopEffects = Outbox<LoopCore.Effect>()
    private var shardEffects = Outbox<ShardCore.Effect>()
    private var hintEffects = Outbox<HintCore.Effect>()
    private var controlEffects = Outbox<ControlCore.Effect>()
    /// Of the last time, for their room.
    private var loopTaken: [LoopCore.Effect] = []
    private var shardTaken: [ShardCore.Effect] = []
    private var controlTaken: [ControlCore.Effect] = []

    init(
        _ identity: NodeID, _ birth: Birth, control configuration: ControlConfiguration, random: SeededRandom,
        now: Instant
    ) throws(StorageFailure) {
        var random = random
        self.identity = identity
        space = birth.disk.space
        gauge = DiskGauge(space, at: now)
        reporter = NodeReporter(identity, revision: birth.revision, ring: birth.ring.document)
        let (ring, stripes) = (birth.ring, CacheStripes(bits: 6))
        (ledger, hintMailbox) = (birth.ledger, WorkQueue(birth.mailbox))
        let positions = ChangePositions(shards: birth.shards)
        let actor = Actor(node: identity, incarnation: birth.incarnation)
        loops = (0..<birth.loops).map { port in
            let gateway = GatewayState(
                identity: identity, ring: ring, random: random.fork(), places: birth.places, now: now)
            return LoopCore(
                gateway: gateway, port: port, shards: birth.shards, ring: ring, stripes: stripes, cacheBytes: 1 << 16)
        }
        turnIsOpen = Array(repeating: false, count: birth.loops)
        threads = (0..<birth.shards + 2).map { place in
            var shard = VnodeShard(
                actor: actor, counter: birth.counter, mintedEntries: birth.mintedEntries,
                pages: place < birth.shards ? PageBounds() : nil, typedBytes: SimulatedNode.typedBytes,
                bounds: ChangeBounds(loggedBytes: 160, changes: 4, rowBytes: 240, wholeBytes: 120, sweptElements: 4))
            shard.typedMutant = birth.mutant
            return StorageThread(
                core: ShardCore(
                    shard: shard, store: birth.disk.objects.store, stripes: stripes, ring: ring,
                    changes: place < birth.shards ? ShardChanges(positions, shard: place) : nil),
                mailbox: WorkQueue(birth.mailbox))
        }
        hints = HintCore(
            keeper: try HintKeeper(identity: identity, store: birth.disk.hints, space: birth.hintSpace),
            store: birth.disk.hints, ring: ring)
        let state = ControlState(
            identity: identity, generation: birth.generation, ring: ring, configuration: configuration,
            random: random.fork(), now: now)
        seams = birth.names.seams
        votes = SimulatedVotes(core: VoteCore(birth.names.opened, store: birth.names.store))
        let names = NameDesk(registry: birth.names.registry, isNamed: true, hasAcceptor: true, now: now)
        let live = LiveDesk(
            identity: identity, life: birth.generation, shards: birth.shards, ring: ring, positions: positions,
            room: birth.live, now: Now(instant: now, wall: WallTime(milliseconds: 0)))
        control = ControlCore(
            state: state, names: names, live: live, port: birth.loops, shards: birth.shards, ring: ring, now: now)
    }

    // MARK: What is seen of it

    var ports: [Port] { loops.indices.map { .loop($0) } + [.control, .bulk] }
    var loopCount: Int { loops.count }
    var hintBacklog: Int { hints.keeper.total.hints }
    /// The last counter that any of its shards minted.
    var counter: UInt64 { threads.map(\.core.shard.counter).max() ?? 0 }
    var loads: [StorageLoad] { threads.map(\.core.load) }
    var answers: AnswerFigures { loops.indices.reduce(AnswerFigures()) { $0 + loops[$1].answers } }
    /// Answered requests that still go on count here.
    func requestsInFlight(_ loop: Int) -> Int { loops[loop].requestsInFlight }

    // MARK: Events

    func handle(_ input: Input, _ now: Now, _ out: inout Outbox<Output>) throws(StorageFailure) {
        switch input {
        case .loop(let loop, let input): hear(loop, input, now, &out)
        case .control(let input): hear(input, now, &out)
        case .name(let input): hear(input, now, &out)
        case .work(.hints): try workHints(now, &out)
        case .committed(.hints):
            ledger.add(.hintCommitted)
            try hints.handle(.committed, now, &hintEffects)
            carryOutHints(&out)
        case .work(let part): try work(part, now, &out)
        case .rested(let part):
            threads[place(of: part)].isResting = false
            call(part, now, &out)
        case .committed(let part): try worked(part, now, &out)
        }
    }

    private func hear(
        _ loop: Int, _ input: LoopCore.Input, _ now: Now, _ out: inout Outbox<Output>
    ) {
        if case .turnEnds = input { turnIsOpen[loop] = false }
        ledger.add(input.played)
        loops[loop].handle(input, now, &loopEffects)
        while !loopEffects.isEmpty {
            loopEffects.take(into: &loopTaken)
            for effect in loopTaken {
                ledger.add(effect.played)
                switch effect {
                case .send(let envelope, let node):
                    ledger.add(envelope.request.played)
                    out.emit(.send(.request(envelope), .loop(loop), to: node))
                case .work(let part, let job):
                    if let refused = put(job, part, now, &out) {
                        loops[loop].handle(.answers([refused]), now, &loopEffects)
                    }
                case .takeBack(let ask):
                    guard takeBack(ask, loop) else { continue }
                    ledger.add(.loopTookBack)
                    loops[loop].handle(.tookBack([ask]), now, &loopEffects)
                case .answerPeer(let envelope, let connection):
                    out.emit(.answerPeer(envelope, connection: connection))
                case .answer(let id, let outcome): out.emit(.answer(id, outcome))
                case .answerOwnRead(let id, let reply): out.emit(.answerOwnRead(id, reply))
                case .wakeAt(let instant): out.emit(.at(instant, .loop(loop, .wake(instant))))
                }
            }
        }
        if case .client = input, !turnIsOpen[loop] {
            turnIsOpen[loop] = true
            out.emit(.hop(.loop(loop, .turnEnds)))
        }
    }

    func hear(_ input: ControlCore.Input, _ now: Now, _ out: inout Outbox<Output>) {
        ledger.add(input.played)
        control.handle(input, now, &controlEffects)
        while !controlEffects.isEmpty {
            controlEffects.take(into: &controlTaken)
            for effect in controlTaken {
                ledger.add(effect.played)
                switch effect {
                case .gossip(let bytes, let node): out.emit(.send(.gossip(bytes), .control, to: node))
                case .send(let envelope, let node):
                    ledger.add(envelope.request.played)
                    out.emit(.send(.request(envelope), .bulk, to: node))
                case .work(let part, let job):
                    if let refused = put(job, part, now, &out) {
                        control.handle(.answers([refused]), now, &controlEffects)
                    }
                case .hints(let job): _ = put(job, &out)
                case .names(let effect): carryOut(effect, &out)
                case .live(.send(let message, let node)):
                    out.emit(.send(.live(message.encode()), .control, to: node))
                case .live(let effect): out.emit(.live(effect))
                case .liveness(let node, let isAlive):
                    for loop in loops.indices { out.emit(.hop(.loop(loop, .liveness(node, isAlive: isAlive)))) }
                case .replicationDelay(let node, let ms):
                    for loop in loops.indices { out.emit(.hop(.loop(loop, .replicationDelay(node, ms: ms)))) }
                case .keysApart: break  // for a log
                case .staleGeneration(let generation): out.emit(.staleGeneration(generation))
                }
            }
        }
    }

    // MARK: Storage threads

    /// The answer of a full mailbox.
    private func put(
        _ job: StorageJob, _ part: NodePart, _ now: Now, _ out: inout Outbox<Output>
    ) -> StorageAnswer? {
        if part == .hints { return put(.request(job), &out) ? nil : job.refusal }
        guard threads[place(of: part)].mailbox.put([job]).isEmpty else {
            ledger.add(.refusedBusy)
            return job.refusal
        }
        call(part, now, &out)
        return nil
    }

    /// In `threads`; hints have a thread of another kind.
    private func place(of part: NodePart) -> Int {
        switch part {
        case .shard(let number): number
        case .scanner, .hints: threads.count - 2
        case .comparer: threads.count - 1
        }
    }

    private func call(_ part: NodePart, _ now: Now, _ out: inout Outbox<Output>) {
        let place = place(of: part)
        guard !threads[place].isBusy, !threads[place].mailbox.isEmpty else { return }
        let start = repairShare(place, now).from
        if threads[place].mailbox.waitingCount == 0, start > now.instant {
            guard !threads[place].isResting else { return }
            threads[place].isResting = true
            ledger.add(.shardRests)
            return out.emit(.at(start, .rested(part)))
        }
        threads[place].isBusy = true
        out.emit(.hop(.work(part)))
    }

    private func repairShare(_ place: Int, _ now: Now) -> RepairShare {
        let servedAt = loops.indices.reduce(.origin) { max($0, loops[$1].servedAt) }
        return threads[place].core.repairShare(servedAt: servedAt, now: now.instant)
    }

    private func takeBack(_ ask: UInt64, _ loop: Int) -> Bool {
        let address = ReplyAddress(port: loop, asker: .gateway, id: ask)
        // Of shards alone: a page that nobody waits for is refused when its turn comes.
        for thread in threads.dropLast(2).indices {
            if !threads[thread].mailbox.takeBack({ $0.address == address }).isEmpty { return true }
        }
        return false
    }

    private func work(
        _ part: NodePart, _ now: Now, _ out: inout Outbox<Output>
    ) throws(StorageFailure) {
        let place = place(of: part)
        let share = repairShare(place, now)
        let jobs = threads[place].mailbox.take(
            most: part.largestBatch, repairs: share.from > now.instant ? 0 : share.atOnce)
        // What it was called for may have been taken back.
        guard !jobs.isEmpty else {
            threads[place].isBusy = false
            return call(part, now, &out)
        }
        ledger.add(.shardJobs)
        try threads[place].core.handle(.jobs(jobs, diskState(now)), now, &shardEffects)
        var isCommitting = false
        shardEffects.take(into: &shardTaken)
        for effect in shardTaken {
            if case .commit(let writes, let synced) = effect {
                isCommitting = true
                ledger.add(effect.played)
                out.emit(.commit(DiskCommit(part: part, store: .objects, writes: writes, synced: synced)))
            } else {
                carryOut(effect, now, &out)
            }
        }
        if !isCommitting { try worked(part, now, &out) }
    }

    private func worked(
        _ part: NodePart, _ now: Now, _ out: inout Outbox<Output>
    ) throws(StorageFailure) {
        ledger.add(.shardWorked)
        let place = place(of: part)
        try threads[place].core.handle(.worked(waiting: threads[place].mailbox.waitingCount), now, &shardEffects)
        shardEffects.take(into: &shardTaken)
        for effect in shardTaken { carryOut(effect, now, &out) }
        threads[place].isBusy = false
        call(part, now, &out)
    }

    private func carryOut(_ effect: ShardCore.Effect, _ now: Now, _ out: inout Outbox<Output>) {
        ledger.add(effect.played)
        switch effect {
        case .announce(let answers), .answer(let answers): hand(answers, &out)
        case .handOn(let jobs): hand(jobs.compactMap { put($0, .scanner, now, &out) }, &out)
        case .expired(let found): out.emit(.hop(.control(.expired(found))))
        case .changed(let changes): out.emit(.hop(.control(.live(.changed(changes)))))
        case .commit: break
        }
    }

    /// To the loops that wait for them, one hop each.
    private func hand(_ answers: [StorageAnswer], _ out: inout Outbox<Output>) {
        for answer in answers { ledger.add(answer.envelope.reply.played) }
        if answers.count == 1 {
            let port = answers[0].address.port
            if loops.indices.contains(port) { return out.emit(.hop(.loop(port, .answers(answers)))) }
        }
        for loop in loops.indices {
            let own = answers.filter { $0.address.port == loop }
            if !own.isEmpty { out.emit(.hop(.loop(loop, .answers(own)))) }
        }
        let rest = answers.filter { $0.address.port == loops.count }
        if !rest.isEmpty { out.emit(.hop(.control(.answers(rest)))) }
    }

    // MARK: Hints

    /// False if the mailbox is full.
    private func put(_ job: HintCore.Job, _ out: inout Outbox<Output>) -> Bool {
        guard hintMailbox.put([job]).isEmpty else {
            ledger.add(.hintsBusy)
            return false
        }
        callHints(&out)
        return true
    }

    private func callHints(_ out: inout Outbox<Output>) {
        guard hints.isIdle, !hintsAreCalled, !hintMailbox.isEmpty else { return }
        hintsAreCalled = true
        out.emit(.hop(.work(.hints)))
    }

    private func workHints(_ now: Now, _ out: inout Outbox<Output>) throws(StorageFailure) {
        hintsAreCalled = false
        guard hints.isIdle, !hintMailbox.isEmpty else { return }
        let jobs = hintMailbox.take(most: NodePart.hints.largestBatch)
        for job in jobs { ledger.add(job.played) }
        try hints.handle(.jobs(jobs, diskState(now)), now, &hintEffects)
        carryOutHints(&out)
    }

    private func carryOutHints(_ out: inout Outbox<Output>) {
        for effect in hintEffects.take() {
            ledger.add(effect.played)
            switch effect {
            case .commit(let writes, let synced):
                out.emit(.commit(DiskCommit(part: .hints, store: .hints, writes: writes, synced: synced)))
            case .answer(let answers): hand(answers, &out)
            case .deliver(let deliveries): out.emit(.hop(.control(.deliver(deliveries))))
            }
        }
        callHints(&out)
    }
}
