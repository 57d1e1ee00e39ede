// Whole clusters in one thread and virtual time: every message, disk write and tick is an event in one queue, and all
// chance comes from one seed.

import Causality
import Gateway
import Gossip
import HeapModule
import HintedHandoff
import Node
import Ring
import Storage
import Vnodes
import Wire
import World

extension PeerMessage {
    fileprivate var isMint: Bool {
        guard case .request(let envelope) = self, case .mint = envelope.request else { return false }
        return true
    }
}

struct SimulatedCluster {
    enum Event {
        case deliver(PeerMessage, from: Int, to: Int, life: UInt64)
        case tick(Int, life: UInt64)
        case commit(Int, Disk, [StoreWrite], synced: Bool, life: UInt64)
        case link(Int, peer: Int, isUp: Bool, life: UInt64)
        case client(Int)
        case fault(Fault)
    }

    private struct Scheduled: Comparable {
        let at: Instant
        let order: UInt64
        let event: Event

        static func < (a: Scheduled, b: Scheduled) -> Bool { (a.at, a.order) < (b.at, b.order) }
        static func == (a: Scheduled, b: Scheduled) -> Bool { a.order == b.order }
    }

    let scenario: Scenario
    let mutant: Mutant?
    let ring: RingSnapshot
    /// What the nodes are told, which a mutant may falsify.
    private let nodesRing: RingSnapshot
    private(set) var now = Instant.origin
    private(set) var machines: [SimulatedMachine] = []
    private(set) var checker: Checker
    private var events = Heap<Scheduled>()
    private var order: UInt64 = 0
    private var random: SeededRandom
    private var cut: Set<DirectedLink> = []
    /// Every request that was sent, by its number on the wire: an answer goes back on the connection of its request,
    /// and is lost with that. (The numbers of two lives of a node are the same.)
    private var questions: [(from: Int, life: UInt64, id: UInt64)] = []
    private var isFaulty = true
    private var load: Workload
    private(set) var trace = TraceHash()
    private static let tickEvery = Span.milliseconds(20)
    private static let longestDelayMs = 500.0
    /// 2026-01-01T00:00Z: wall clocks of the nodes start about here.
    private static let epochMs: Int64 = 1_767_225_600_000

    init(scenario: Scenario, mutant: Mutant? = nil) throws {
        self.scenario = scenario
        self.mutant = mutant
        let text = SimulatedRing.text(nodes: scenario.nodes)
        ring = RingSnapshot(try RingDocument.compile(ringFile: text, fileName: "simulated"))
        let falsified = SimulatedRing.text(nodes: scenario.nodes, germanOnly: mutant != .fallbackOutsideResidency)
        nodesRing = RingSnapshot(try RingDocument.compile(ringFile: falsified, fileName: "simulated"))
        checker = Checker(ring: ring)
        random = SeededRandom(seed: scenario.seed ^ 0xA70_11)
        load = try Workload(scenario: scenario, hasPatients: ring.document.placementRule("german") != nil)
        for node in ring.document.nodes { machines.append(SimulatedMachine(identity: node.id, country: node.country)) }
        for node in machines.indices { try start(node) }
        for (at, fault) in scenario.faults { schedule(.fault(fault), after: at) }
        for client in 0..<scenario.clients { schedule(.client(client), after: .milliseconds(Int64(500 + 20 * client))) }
    }

    // MARK: Running

    private mutating func schedule(_ event: Event, after span: Span) {
        order += 1
        events.insert(Scheduled(at: now + span, order: order, event: event))
    }

    /// Plays all events up to `time`.
    mutating func run(until time: Instant) throws {
        while let next = events.min, next.at <= time {
            let scheduled = events.removeMin()
            now = scheduled.at
            try play(scheduled.event)
        }
        now = time
    }

    private mutating func play(_ event: Event) throws {
        switch event {
        case .deliver(let message, let from, let to, let life):
            guard machines[to].life == life, machines[to].core != nil else { return }
            trace.add(1, now, UInt64(to), message)
            var message = message
            if case .reply(var envelope) = message {
                machines[to].asked.removeAll { $0.wire == envelope.id }
                envelope.id = questions[Int(envelope.id)].id
                message = .reply(envelope)
            }
            let sender = machines[from].identity
            try step(to) { core, now, out in try core.receive(message, from: sender, now, &out) }
        case .tick(let node, let life):
            guard machines[node].life == life, machines[node].core != nil else { return }
            schedule(.tick(node, life: life), after: SimulatedCluster.tickEvery)
            let report = machines[node].report(at: now, mutant)
            try step(node) { core, now, out in
                if let report { core.publish(report) }
                try core.tick(now, &out)
            }
        case .commit(let node, let disk, let writes, let synced, let life):
            guard machines[node].life == life, machines[node].core != nil else { return }
            trace.add(2, now, UInt64(node), UInt64(writes.count))
            try apply(writes, disk, synced, node)
            if mutant != .ackBeforeSync { try step(node) { core, now, out in try core.committed(disk, now, &out) } }
        case .link(let node, let peer, let isUp, let life):
            guard machines[node].life == life, machines[node].core != nil else { return }
            try linkChanged(node, peer, isUp)
        case .client(let client):
            if isFaulty { try runClient(client) }
        case .fault(let fault):
            if isFaulty { try strike(fault) }
        }
    }

    /// Lets one node handle something, and carries out what it wants.
    private mutating func step(
        _ node: Int, _ body: (inout NodeCore<MemoryStore>, Now, inout Outbox<NodeEffect>) throws -> Void
    ) throws {
        let time = clock(node)
        var out = Outbox<NodeEffect>()
        try machines[node].step { core in try body(&core, time, &out) }
        for effect in out.take() { try carryOut(effect, node) }
    }

    private func clock(_ node: Int) -> Now {
        let wall = SimulatedCluster.epochMs + now.nanoseconds / 1_000_000 + machines[node].skewMs
        return Now(instant: now, wall: WallTime(milliseconds: UInt64(wall)))
    }

    private mutating func carryOut(_ effect: NodeEffect, _ node: Int) throws {
        switch effect {
        case .send(let message, let target):
            guard let to = machines.firstIndex(where: { $0.identity == target }) else { return }
            send(message, from: node, to: to)
        case .answer(let id, let outcome):
            trace.add(3, now, UInt64(node), id)
            load.answered(id, outcome, at: now, &checker)
        case .commit(let disk, let writes, let synced):
            let sync = Span(nanoseconds: Int64(random.unit() * Double(scenario.slowestSync.nanoseconds)))
            let delay = (.microseconds(200) + sync) * machines[node].slowness
            let spoiled =
                mutant?.spoil(writes, disk, disk == .objects ? machines[node].objects : machines[node].hints) ?? writes
            guard mutant == .ackBeforeSync else {
                return schedule(.commit(node, disk, spoiled, synced: synced, life: machines[node].life), after: delay)
            }
            try apply(spoiled, disk, false, node)
            schedule(.commit(node, disk, [], synced: synced, life: machines[node].life), after: delay)
            try step(node) { core, now, out in try core.committed(disk, now, &out) }
        }
    }

    private mutating func apply(_ writes: [StoreWrite], _ disk: Disk, _ synced: Bool, _ node: Int) throws {
        let store = disk == .objects ? machines[node].objects : machines[node].hints
        for write in writes { checker.stored(write, over: try store.get(write.key), disk, by: machines[node].identity) }
        try store.commit(writes, synced: synced)
    }

    // MARK: Network

    private mutating func send(_ message: PeerMessage, from: Int, to: Int) {
        var message = mutant?.spoil(message) ?? message
        if case .request(var envelope) = message {
            let wire = UInt64(questions.count)
            questions.append((from, machines[from].life, envelope.id))
            machines[from].asked.append((wire, to))
            envelope.id = wire
            message = .request(envelope)
        } else if case .reply(let envelope) = message, questions[Int(envelope.id)].life != machines[to].life {
            return
        }
        if let reply = mutant?.answer(message) {
            return schedule(.deliver(reply, from: to, to: from, life: machines[from].life), after: latency(from, to))
        }
        guard machines[to].core != nil, !cut.contains(DirectedLink(from: from, to: to)) else { return }
        // A connection delivers once. Whatever merges may come twice all the same, since it is also sent twice; a mint
        // is not.
        let copies = isFaulty && random.chance(scenario.duplication) && !message.isMint ? 2 : 1
        for _ in 0..<copies {
            if isFaulty && random.chance(scenario.loss) { continue }
            schedule(.deliver(message, from: from, to: to, life: machines[to].life), after: latency(from, to))
        }
    }

    /// Half a round trip and an exponential tail, which is what reorders messages.
    private mutating func latency(_ from: Int, _ to: Int) -> Span {
        let pair = [machines[from].country, machines[to].country].sorted()
        let base: Int64 =
            switch (pair[0], pair[1]) {
            case ("de", "us"): 45
            case ("de", "jp"): 110
            case ("jp", "us"): 75
            default: 1
            }
        let tail = random.exponential(mean: .microseconds(500 + base * 100))
        return (.milliseconds(base) + tail) * max(1, min(20, max(machines[from].slowness, machines[to].slowness) / 4))
    }

    private func isLinked(_ a: Int, _ b: Int) -> Bool {
        machines[a].core != nil && machines[b].core != nil && !cut.contains(DirectedLink(from: a, to: b))
            && !cut.contains(DirectedLink(from: b, to: a))
    }

    /// Each side notices a change of the connection in its own time; a broken one loses what was asked over it.
    private mutating func announceLinks() {
        for a in machines.indices where machines[a].core != nil {
            for b in machines.indices where b != a {
                let isUp = isLinked(a, b)
                let delay = Span.milliseconds(isUp ? Int64(100 + random.unit() * 400) : Int64(random.unit() * 3_000))
                schedule(.link(a, peer: b, isUp: isUp, life: machines[a].life), after: delay)
            }
        }
    }

    private mutating func linkChanged(_ node: Int, _ peer: Int, _ isUp: Bool) throws {
        // What was announced may have changed again meanwhile.
        guard isLinked(node, peer) == isUp else { return }
        let target = machines[peer].identity
        try step(node) { core, now, out in try core.linkChanged(target, isUp: isUp, now, &out) }
        guard !isUp else { return }
        let lost = machines[node].asked.filter { $0.to == peer }
        machines[node].asked.removeAll { $0.to == peer }
        for (wire, _) in lost {
            let id = questions[Int(wire)].id
            try step(node) { core, now, out in try core.lost(id, to: target, now, &out) }
        }
    }

    // MARK: Faults

    private mutating func strike(_ fault: Fault) throws {
        trace.add(4, now, 0, UInt64(events.count))
        switch fault {
        case .crash(let node): crash(node)
        case .start(let node): try start(node)
        case .wipe(let node):
            let counter = mutant == .wipedDiskKeepsLife ? machines[node].core?.shard.counter : nil
            crash(node)
            machines[node].objects = MemoryStore()
            machines[node].hints = MemoryStore()
            checker.wiped(machines[node].identity)
            try start(node, goingOnFrom: counter)
        case .cut(let links):
            cut = Set(links)
            announceLinks()
        case .heal:
            cut = []
            announceLinks()
        case .slow(let node, let factor): machines[node].slowness = factor
        case .skew(let node, let milliseconds): machines[node].skewMs = milliseconds
        }
    }

    private mutating func crash(_ node: Int) {
        guard machines[node].core != nil else { return }
        machines[node].core = nil
        machines[node].asked = []
        // The disk keeps what was synced, and of the rest as much as it likes.
        let lost = Int.random(in: 0...max(1, machines[node].objects.unsyncedCommits), using: &random)
        machines[node].objects.crash(losing: lost)
        machines[node].hints.crash(losing: lost)
        load.gatewayCrashed(node)
        announceLinks()
    }

    /// `counter`: the last of its life so far; nil begins a new one.
    private mutating func start(_ node: Int, goingOnFrom counter: UInt64? = nil) throws {
        guard machines[node].core == nil else { return }
        machines[node].life += 1
        let isSameLife = counter != nil || (mutant == .reusedDot && machines[node].incarnation > 0)
        if !isSameLife { machines[node].incarnation += 1 }
        var control = ControlConfiguration(repairCycle: .seconds(8))
        control.gossip.fanOut = 2
        machines[node].core = try NodeCore(
            identity: machines[node].identity, incarnation: machines[node].incarnation, counter: counter ?? 0,
            generation: machines[node].life, ring: nodesRing, objects: machines[node].objects,
            hints: machines[node].hints, control: control, places: Workload.places, random: random.fork(), now: now)
        schedule(.tick(node, life: machines[node].life), after: .milliseconds(Int64(random.unit() * 20)))
        announceLinks()
    }

    /// Ends all faults and the load: every node runs, and every message arrives.
    mutating func heal() throws {
        isFaulty = false
        cut = []
        for node in machines.indices {
            machines[node].slowness = 1
            try start(node)
        }
        announceLinks()
    }

    // MARK: Load

    private mutating func runClient(_ client: Int) throws {
        let pause = Span.milliseconds(Int64(20 + random.unit() * 180))
        schedule(.client(client), after: pause)
        let running = machines.indices.filter { machines[$0].core != nil }
        guard let node = running.randomElement(using: &random),
            let (id, request) = load.next(client, through: node, at: now, &random, &checker)
        else { return }
        let sent = mutant?.spoil(request) ?? request
        if mutant == .trailingTakesPlaces,
            machines[node].core?.gateway.requestsInFlight ?? 0 >= Workload.places
        {
            return load.answered(id, .failed(.overloaded, nil), at: now, &checker)
        }
        try step(node) { core, now, out in try core.submit(id, sent, now, &out) }
    }

    // MARK: The end

    /// Whether nothing is left to be done: all know all alive and what they say of themselves, no hints, replicas the
    /// same.
    var isConverged: Bool {
        for machine in machines {
            guard let core = machine.core, core.control.living.count == machines.count - 1,
                core.keeper.total.hints == 0
            else { return false }
        }
        guard isGossipConverged else { return false }
        return load.keys.allSatisfy { key in
            let held = replicas(of: key).map(\.bytes)
            return held.allSatisfy { $0 == held.first }
        }
    }

    /// Every node has heard, of every other, the very figures of its present life that it says of itself. (Revision and
    /// slowness stand still after healing; the other figures may be a round behind.)
    private var isGossipConverged: Bool {
        let tables = machines.compactMap { $0.core?.control.table }
        return tables.allSatisfy { table in
            table.indices.allSatisfy { place in
                let own = tables[place][place]
                return table[place].incarnation == own.incarnation
                    && table[place].report.revision == own.report.revision
                    // Without writes it falls to nothing.
                    && table[place].report.replicationDelayMs < SimulatedCluster.longestDelayMs
                    && table[place].report.responseMs == own.report.responseMs
            }
        }
    }

    /// What each primary of the key has on its disk.
    func replicas(of key: StoredKey) -> [(node: NodeID, bytes: [UInt8]?)] {
        ring.route(bucket: key.bucket, token: key.token).primaries.compactMap { node in
            guard let machine = machines.first(where: { $0.identity == node }) else { return nil }
            return (node, (try? machine.objects.get(key.bytes)) ?? nil)
        }
    }

    mutating func finish(convergedIn span: Span?) {
        load.checkAnswered(at: now, &checker)
        if span == nil {
            let living = machines.map {
                "\($0.identity) sees \($0.core?.control.living.count ?? -1), keeps \($0.core?.keeper.total.hints ?? -1) hints"
            }
            checker.violate("not converged a minute after healing: " + living.joined(separator: "; "))
        }
        for key in load.keys { checker.finish(key, replicas: replicas(of: key)) }
        for key in load.keys {
            for replica in replicas(of: key) { trace.add(5, now, 0, UInt64(replica.bytes?.count ?? 0)) }
        }
    }
}
