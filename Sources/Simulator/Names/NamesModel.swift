// Many nodes of the namestore in one thread and virtual time: events in order of time, everything else from a seed.

import NameStore
package import World

package struct NamesModel: Sendable {
    package let settings: NamesSettings
    let seams: NamesSeams
    var random: SeededRandom
    package private(set) var now = Now(instant: .origin, wall: WallTime(milliseconds: 0))
    var events = TimerQueue<NamesEvent>()
    var nodes: [NamesNode] = []
    var delays: [[Span]] = []
    /// cut[a][b]: nothing goes from a to b.
    var cut: [[Bool]] = []
    var loss: Double
    var clients: [NamesClient] = []
    package internal(set) var history: [[HistoryEntry<NamesCall, NamesReturn>]]
    var sequence: UInt64 = 0
    package internal(set) var report = NamesReport()
    /// Stores that can't be counted on any more.
    var damaged: [StoreID] = []
    /// The acceptors that the ring file names; rewritten when a reconfiguration is done.
    var ring: [NodeID] = []
    /// Faults and clients stop; what is left is to come back.
    var isEnding = false

    package init(_ settings: NamesSettings, seams: NamesSeams = NamesSeams()) {
        self.settings = settings
        self.seams = seams
        random = SeededRandom(seed: settings.seed)
        loss = settings.loss
        history = Array(repeating: [], count: settings.names)
        let count = settings.nodes
        cut = Array(repeating: Array(repeating: false, count: count), count: count)
        nodes = (0..<count).compactMap { NodeID("n\($0)") }.map { NamesNode(id: $0) }
        ring = nodes.prefix(settings.acceptors).map(\.id)
        delays = settings.delays ?? (0..<count).map { _ in (0..<count).map { _ in drawDelay() } }
        clients = (0..<settings.clients).map { _ in NamesClient(names: settings.names) }
        for index in nodes.indices { start(index) }
        for index in clients.indices { events.insert(.client(index), at: .origin + drawPause()) }
        scheduleFaults()
    }

    private mutating func drawDelay() -> Span {
        Span(
            nanoseconds: Int64.random(in: settings.nearest.nanoseconds...settings.farthest.nanoseconds, using: &random))
    }

    mutating func drawPause() -> Span { random.exponential(mean: settings.pause) }
    var instant: Instant { now.instant }

    // MARK: The loop

    /// Handles the next event; false if there is none up to `limit`.
    mutating func step(upTo limit: Instant) -> Bool {
        guard let time = events.next, time <= limit, let event = events.pop(upTo: time) else { return false }
        now = Now(instant: time, wall: WallTime(milliseconds: UInt64(time.nanoseconds / 1_000_000)))
        report.events += 1
        if let index = event.node, nodes[index].pausedUntil > time {
            nodes[index].held.append(event)
        } else {
            handle(event)
        }
        return true
    }

    /// Nothing happens until `time`.
    mutating func advance(to time: Instant) {
        guard time > now.instant, events.next.map({ $0 >= time }) ?? true else { return }
        now = Now(instant: time, wall: WallTime(milliseconds: UInt64(time.nanoseconds / 1_000_000)))
    }

    private mutating func handle(_ event: NamesEvent) {
        switch event {
        case .arrival(let inbound, let node): arrive(inbound, at: node)
        case .wake(let node, let life):
            guard nodes[node].life == life else { return }
            nodes[node].wakeAt = nil
            withRegistry(node) { $0.wake(now: $1) }
        case .synced(let node, let life):
            guard nodes[node].life == life else { return }
            finishBatch(node)
        case .client(let client): clientTurn(client)
        case .fault(let fault): inject(fault)
        case .restart(let node): start(node)
        case .heal: heal()
        case .resume(let node):
            let held = nodes[node].held
            nodes[node].held = []
            for event in held { handle(event) }
        }
    }

    // MARK: A node's shell

    mutating func start(_ index: Int) {
        guard !nodes[index].isUp else { return }
        nodes[index].life += 1
        nodes[index].pausedUntil = .origin
        let fresh = random.next()
        if nodes[index].firstIncarnation == 0 { nodes[index].firstIncarnation = fresh }
        let incarnation = seams.freshIncarnations ? fresh : nodes[index].firstIncarnation
        let store = nodes[index].store
        let opened = Acceptor.open(
            node: nodes[index].id, header: store.record(of: StoreLayout.header), hasRecords: store.hasRecords,
            frontiers: store.frontiers, fresh: StoreID(high: random.next(), low: random.next()))
        if opened.acceptor.quarantine != nil { report.quarantines += 1 }
        nodes[index].acceptor = opened.acceptor
        perform(opened.initial, on: index)
        nodes[index].registry = Registry(
            node: nodes[index].id, incarnation: incarnation, random: SeededRandom(seed: incarnation), ring: ring,
            pace: settings.pace, rules: seams.rules)
        withRegistry(index) { $0.start(now: $1) }
    }

    /// Writes, syncs, writes the frontier.
    private mutating func perform(_ batch: VoteBatch, on index: Int) {
        nodes[index].store.write(batch.writes.map { ($0.key, seams.stored($0.key, $0.value)) })
        guard batch.mustSync else { return }
        nodes[index].store.sync()
        if let frontier = batch.frontier { nodes[index].store.writeFrontier(frontier.copy, frontier.bytes) }
    }

    mutating func withRegistry(_ index: Int, _ event: (inout Registry, Instant) -> Void) {
        let instant = instant
        guard var registry = nodes[index].registry else { return }
        nodes[index].registry = nil
        event(&registry, instant)
        nodes[index].registry = registry
        for effect in nodes[index].registry?.outbox.take() ?? [] {
            switch effect {
            case .send(let message, let peer): send(message, from: index, to: peer)
            case .answer(let request, let answer): answered(request, seams.answer(answer), at: index)
            case .progress(let progress): report.names = max(report.names, progress.names)
            case .reconfigured(_, let outcome):
                report.count(outcome)
                if case .done(let configuration) = outcome { rewriteRing(configuration) }
            }
        }
        guard let due = nodes[index].registry?.nextWake else { return }
        if let scheduled = nodes[index].wakeAt, scheduled <= due { return }
        nodes[index].wakeAt = due
        events.insert(.wake(index, life: nodes[index].life), at: max(due, instant))
    }

    private mutating func rewriteRing(_ configuration: Configuration) {
        let instant = instant
        ring = configuration.acceptors.map(\.node)
        for index in nodes.indices { nodes[index].registry?.setRing(ring, now: instant) }
    }

    private mutating func arrive(_ inbound: Inbound, at index: Int) {
        guard nodes[index].isUp else { return }
        guard inbound.message.isRequest else {
            let epoch = nodes[index].registry?.configuration?.epoch ?? 0
            guard let message = seams.arrival(inbound.message, epoch) else { return }
            return withRegistry(index) { $0.receive(message, from: inbound.from, now: $1) }
        }
        withRegistry(index) { $0.overhear(inbound.message, now: $1) }
        nodes[index].inbox.append(inbound)
        if nodes[index].syncing == nil { startBatch(index) }
    }

    /// One batch at a time: what comes meanwhile shares the next sync.
    private mutating func startBatch(_ index: Int) {
        guard let header = nodes[index].acceptor?.header, !nodes[index].inbox.isEmpty else { return }
        let batch = nodes[index].inbox.compactMap { inbound in
            seams.request(inbound.message, header).map { Inbound(from: inbound.from, message: $0) }
        }
        nodes[index].inbox = []
        let records = SeamedRecords(store: nodes[index].store, read: seams.read)
        guard var result = nodes[index].acceptor?.process(batch, records: records) else { return }
        result.replies = result.replies.compactMap { reply in seams.reply(reply.message).map { (reply.to, $0) } }
        report.faults += result.faults.count
        if result.mustSync, seams.repliesBeforeSync { release(&result, from: index) }
        guard result.mustSync else {
            perform(result, on: index)
            return release(&result, from: index)
        }
        nodes[index].syncing = result
        report.syncs += 1
        let time = Int64.random(
            in: settings.quickestSync.nanoseconds...settings.slowestSync.nanoseconds, using: &random)
        events.insert(.synced(index, life: nodes[index].life), at: instant + Span(nanoseconds: time))
    }

    private mutating func finishBatch(_ index: Int) {
        guard var batch = nodes[index].syncing else { return }
        nodes[index].syncing = nil
        perform(batch, on: index)
        release(&batch, from: index)
        startBatch(index)
    }

    private mutating func release(_ batch: inout VoteBatch, from index: Int) {
        withRegistry(index) { registry, _ in registry.saw(batch.touched) }
        batch.touched = []
        for reply in batch.replies { send(reply.message, from: index, to: reply.to) }
        batch.replies = []
    }

    /// The process dies: a batch on its way to the disk is there, or not, or there without its frontier; no reply left.
    mutating func crash(_ index: Int) {
        guard nodes[index].isUp else { return }
        if let batch = nodes[index].syncing {
            let outcome = random.unit()
            if outcome < 0.5 {
                nodes[index].store.write(batch.writes.map { ($0.key, seams.stored($0.key, $0.value)) })
                nodes[index].store.sync()
                if outcome < 0.25, let frontier = batch.frontier {
                    nodes[index].store.writeFrontier(frontier.copy, frontier.bytes)
                }
            }
        }
        nodes[index].store.crash()
        nodes[index].registry = nil
        nodes[index].acceptor = nil
        nodes[index].syncing = nil
        nodes[index].inbox = []
        nodes[index].held = []
        nodes[index].wakeAt = nil
        nodes[index].life += 1
        report.crashes += 1
        abandonRequests(of: index)
    }

    // MARK: The network

    private mutating func send(_ message: NameMessage, from: Int, to peer: NodeID) {
        guard let to = nodes.firstIndex(where: { $0.id == peer }) else { return }
        report.messages += 1
        guard from != to else {
            return events.insert(.arrival(Inbound(from: nodes[from].id, message: message), at: to), at: instant)
        }
        guard !cut[from][to], !random.chance(loss) else { return }
        var carried = message
        if settings.encodes {
            guard let decoded = try? NameMessage.decode(message.encode()), decoded == message else {
                report.codecFailures += 1
                return
            }
            carried = decoded
        }
        for _ in 0..<(random.chance(settings.duplication) ? 2 : 1) {
            let varied = Double(delays[from][to].nanoseconds) * (1 + settings.jitter * random.unit())
            let inbound = Inbound(from: nodes[from].id, message: carried)
            events.insert(.arrival(inbound, at: to), at: instant + Span(nanoseconds: Int64(varied)))
        }
    }
}
