// Whole clusters in one thread and virtual time: every message, disk write, turn and tick is an event in one queue, and
// all chance comes from one seed.

import Gateway
import Gossip
import HeapModule
import NameStore
import Node
import Ring
import Storage
import Wire
import World

struct SimulatedCluster {
    enum Event {
        case node(Int, SimulatedNode.Input, life: UInt64)
        case tick(Int, life: UInt64)
        case commit(Int, NodePart, Disk, [StoreWrite], synced: Bool, life: UInt64)
        /// Bytes arrive at one end of a connection.
        case bytes(Int, isToServer: Bool, [UInt8])
        case connect(Int, Port, to: Int, life: UInt64)
        /// A connection is reset; or given up, if its bytes still do not get through.
        case reset(Int)
        case giveUp(Int)
        case client(Int)
        case fault(Fault)
        /// A message of the namestore arrives.
        case name([UInt8], from: Int, to: Int)
        case votesStored(Int, [StoreWrite], synced: Bool, VoteCore.FrontierCopy?, life: UInt64)
        case frontierWritten(Int, VoteCore.FrontierCopy?, life: UInt64)
        case nameClient(Int)
        case askNameAgain(Int, NameWorkload.Asked, Int)
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
    var machines: [SimulatedMachine] = []
    var checker: Checker
    var network = SimulatedNetwork()
    private var events = Heap<Scheduled>()
    private var order: UInt64 = 0
    var random: SeededRandom
    var cut: Set<DirectedLink> = []
    var isFaulty = true
    var load: Workload
    var trace = TraceHash()
    let seams: NamesSeams
    var nameRandom: SeededRandom
    var nameLoad: NameWorkload
    var nameMessages = 0
    var reconfigurations = 0
    /// As the ring files name them.
    var namedAcceptors: [NodeID]
    /// Stores of names that can't be counted on any more.
    var damagedNames: Set<StoreID> = []
    private static let tickEvery = Span.milliseconds(50)
    /// 2026-01-01T00:00Z: wall clocks of the nodes start about here.
    private static let epochMs: Int64 = 1_767_225_600_000

    init(scenario: Scenario, mutant: Mutant? = nil) throws {
        self.scenario = scenario
        self.mutant = mutant
        let acceptors = scenario.names.acceptors
        let text = SimulatedRing.text(nodes: scenario.nodes, acceptors: acceptors)
        ring = RingSnapshot(try RingDocument.compile(ringFile: text, fileName: "simulated"))
        let falsified = SimulatedRing.text(
            nodes: scenario.nodes, acceptors: acceptors, germanOnly: mutant != .fallbackOutsideResidency)
        nodesRing = RingSnapshot(try RingDocument.compile(ringFile: falsified, fileName: "simulated"))
        checker = Checker(ring: ring)
        random = SeededRandom(seed: scenario.seed ^ 0xA70_11)
        load = try Workload(scenario: scenario, hasPatients: ring.document.placementRule("german") != nil)
        seams = mutant?.seams ?? NamesSeams()
        nameRandom = random.fork()
        nameLoad = NameWorkload(scenario.names)
        namedAcceptors = ring.document.nameAcceptors
        for node in ring.document.nodes { machines.append(SimulatedMachine(identity: node.id, country: node.country)) }
        for node in machines.indices { try start(node) }
        for (at, fault) in scenario.faults { schedule(.fault(fault), after: at) }
        for client in 0..<scenario.clients { schedule(.client(client), after: .milliseconds(Int64(500 + 20 * client))) }
        for client in 0..<scenario.names.clients {
            schedule(.nameClient(client), after: nameRandom.exponential(mean: scenario.names.pause))
        }
    }

    // MARK: Running

    mutating func schedule(_ event: Event, after span: Span) { schedule(event, at: now + max(span, .zero)) }

    mutating func schedule(_ event: Event, at instant: Instant) {
        order += 1
        events.insert(Scheduled(at: max(instant, now), order: order, event: event))
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

    mutating func play(_ event: Event) throws {
        switch event {
        case .node(let node, let input, let life):
            guard isRunning(node, life), !isDeferred(event, node) else { return }
            try step(node, input)
        case .tick(let node, let life):
            guard isRunning(node, life), !isDeferred(event, node) else { return }
            schedule(.tick(node, life: life), after: SimulatedCluster.tickEvery)
            if let report = machines[node].report(at: now, mutant) { try step(node, .control(.report(report))) }
            try step(node, .control(.tick))
        case .commit(let node, let part, let disk, let writes, let synced, let life):
            guard isRunning(node, life) else { return }
            trace.add(2, now, UInt64(node), UInt64(writes.count))
            try apply(writes, disk, synced, node)
            if mutant != .ackBeforeSync { try play(.node(node, .committed(part), life: life)) }
        case .bytes(let connection, let isToServer, let bytes):
            guard !network[connection].isBroken else { return }
            let receiver = isToServer ? network[connection].server : network[connection].client
            guard !isDeferred(event, receiver) else { return }
            try receive(bytes, connection, isToServer)
        case .connect(let node, let port, let peer, let life):
            guard isRunning(node, life), !isDeferred(event, node) else { return }
            try connect(node, port, peer)
        // Whoever stands still learns of a broken connection when it goes on, and not after it has made a new one.
        case .reset(let connection):
            if !isDeferred(event, network[connection].client) { try breakOff(connection) }
        case .giveUp(let connection):
            guard !isDeferred(event, network[connection].client) else { return }
            let (client, server) = (network[connection].client, network[connection].server)
            if isCut(client, server) || isCut(server, client) { try breakOff(connection) }
        case .client(let client): if isFaulty { try runClient(client) }
        case .fault(let fault): if isFaulty { try strike(fault) }
        case .name, .votesStored, .frontierWritten, .nameClient, .askNameAgain: try playName(event)
        }
    }

    func isRunning(_ node: Int, _ life: UInt64) -> Bool {
        machines[node].node != nil && machines[node].life == life
    }

    /// A node that is stopped hears of everything when it goes on. Its disk and its machine's network go on meanwhile.
    mutating func isDeferred(_ event: Event, _ node: Int) -> Bool {
        guard machines[node].stoppedUntil > now else { return false }
        schedule(event, at: machines[node].stoppedUntil)
        return true
    }

    /// Lets one node handle something, and carries out what it wants.
    mutating func step(_ node: Int, _ input: SimulatedNode.Input) throws {
        let time = clock(node)
        var out = Outbox<SimulatedNode.Output>()
        try machines[node].node?.handle(input, time, &out)
        for output in out.take() { try carryOut(output, node) }
    }

    private func clock(_ node: Int) -> Now {
        let wall = SimulatedCluster.epochMs + now.nanoseconds / 1_000_000 + machines[node].skewMs
        return Now(instant: now, wall: WallTime(milliseconds: UInt64(wall)))
    }

    private mutating func carryOut(_ output: SimulatedNode.Output, _ node: Int) throws {
        let life = machines[node].life
        switch output {
        case .send(let message, let port, let target):
            guard let peer = machines.firstIndex(where: { $0.identity == target }) else { return }
            try send(message, node, port, peer)
        case .answerPeer(let envelope, let connection):
            guard !network[connection].isBroken else { return }
            transmit(mutant?.spoil(.reply(envelope)) ?? .reply(envelope), connection, isToServer: false)
        case .answer(let id, let outcome):
            trace.add(3, now, UInt64(node), id)
            load.answered(id, outcome, at: now, &checker)
        case .commit(let part, let disk, let writes, let synced):
            let delay = syncTime(node)
            let spoiled = mutant?.spoil(writes, disk) ?? writes
            guard mutant == .ackBeforeSync else {
                return schedule(.commit(node, part, disk, spoiled, synced: synced, life: life), after: delay)
            }
            try apply(spoiled, disk, false, node)
            schedule(.commit(node, part, disk, [], synced: synced, life: life), after: delay)
            schedule(.node(node, .committed(part), life: life), after: .zero)
        case .hop(let input):
            schedule(.node(node, input, life: life), after: hopTime(node))
        case .sendName(let message, let target): send(message, node, to: target)
        case .answerName(let request, let answer): answered(request, answer)
        case .reconfigured(let outcome): reconfigured(outcome)
        case .commitVotes(let writes, let synced, let frontier):
            try commitVotes(writes, synced: synced, frontier, node)
        case .at(let instant, let input): schedule(.node(node, input, life: life), at: instant)
        }
    }

    mutating func syncTime(_ node: Int) -> Span {
        guard scenario.delays == nil else { return scenario.slowestSync }
        let sync = Span(nanoseconds: Int64(random.unit() * Double(scenario.slowestSync.nanoseconds)))
        return (.microseconds(200) + sync) * machines[node].slowness
    }

    /// From one part of a node to another.
    mutating func hopTime(_ node: Int) -> Span {
        guard scenario.delays == nil else { return .zero }
        return .microseconds(5 + Int64(random.unit() * 100)) * machines[node].slowness
    }

    private mutating func apply(_ writes: [StoreWrite], _ disk: Disk, _ synced: Bool, _ node: Int) throws {
        let store = disk == .objects ? machines[node].objects : machines[node].hints
        for write in writes { checker.stored(write, over: try store.get(write.key), disk, by: machines[node].identity) }
        try store.commit(writes, synced: synced)
    }

    // MARK: Faults

    private mutating func strike(_ fault: Fault) throws {
        trace.add(4, now, 0, UInt64(events.count))
        switch fault {
        case .crash(let node): crash(node)
        case .start(let node): try start(node)
        case .wipe(let node):
            let counter = mutant == .wipedDiskKeepsLife ? machines[node].node?.counter : nil
            crash(node)
            machines[node].objects = MemoryStore()
            machines[node].hints = MemoryStore()
            wipeNames(node)
            checker.wiped(machines[node].identity)
            try start(node, goingOnFrom: counter)
        case .cut(let links):
            cut = Set(links)
            networkChanged()
        case .heal:
            cut = []
            networkChanged()
        case .slow(let node, let factor): machines[node].slowness = factor
        case .skew(let node, let milliseconds): machines[node].skewMs = milliseconds
        // One pause at a time: what waits for its end comes in order.
        case .stop(let node, let span):
            if machines[node].stoppedUntil <= now { machines[node].stoppedUntil = now + span }
        case .reconfigure: try reconfigure()
        case .loseNames(let node):
            crash(node)
            wipeNames(node)
            try start(node)
        case .damageNames(let node):
            crash(node)
            try damageNames(node)
            try start(node)
        }
    }

    mutating func crash(_ node: Int) {
        guard machines[node].node != nil else { return }
        machines[node].node = nil
        machines[node].stoppedUntil = .origin
        // The disk keeps what was synced, and of the rest as much as it likes.
        let lost = Int.random(in: 0...max(1, machines[node].objects.unsyncedCommits), using: &random)
        machines[node].objects.crash(losing: lost)
        machines[node].hints.crash(losing: lost)
        if random.chance(0.3) { machines[node].losePower() }
        machines[node].names.crash(
            losing: Int.random(in: 0...max(1, machines[node].names.unsyncedCommits), using: &random))
        load.gatewayCrashed(node)
        for client in nameLoad.gatewayCrashed(node) where isFaulty {
            schedule(.nameClient(client), after: nameRandom.exponential(mean: scenario.names.pause))
        }
        for number in network.standing(where: { $0.client == node }) { _ = network.breakOff(number) }
        // The others notice in their own time.
        for number in network.standing(where: { $0.server == node }) {
            schedule(.reset(number), after: .milliseconds(Int64(random.unit() * 3_000)))
        }
    }

    /// `counter`: the last of its life so far; nil begins a new one.
    private mutating func start(_ node: Int, goingOnFrom counter: UInt64? = nil) throws {
        guard machines[node].node == nil else { return }
        machines[node].life += 1
        let life = machines[node].life
        let isSameLife = counter != nil || (mutant == .reusedDot && machines[node].incarnation > 0)
        if !isSameLife { machines[node].incarnation += 1 }
        var control = ControlConfiguration(repairCycle: .seconds(8))
        control.gossip.fanOut = 2
        let birth = SimulatedNode.Birth(
            incarnation: machines[node].incarnation, counter: counter ?? 0, generation: life, ring: nodesRing,
            objects: machines[node].objects, hints: machines[node].hints, loops: scenario.loops,
            shards: scenario.shards, places: Workload.places, names: try openNames(node))
        machines[node].node = try SimulatedNode(
            machines[node].identity, birth, control: control, random: random.fork(), now: now)
        schedule(.tick(node, life: life), after: .milliseconds(Int64(random.unit() * 50)))
        try step(node, .voted(.start))
        for port in machines[node].node?.ports ?? [] {
            for peer in machines.indices where peer != node {
                schedule(
                    .connect(node, port, to: peer, life: life), after: .milliseconds(Int64(random.unit() * 300)))
            }
        }
    }

    /// Ends all faults and the load: every node runs, and every message arrives.
    mutating func heal() throws {
        isFaulty = false
        cut = []
        for node in machines.indices {
            machines[node].slowness = 1
            try start(node)
        }
        networkChanged()
    }

    // MARK: Load

    private mutating func runClient(_ client: Int) throws {
        let pause = Span.milliseconds(Int64(20 + random.unit() * 180))
        schedule(.client(client), after: pause)
        let running = machines.indices.filter { machines[$0].node != nil && machines[$0].stoppedUntil <= now }
        guard let node = running.randomElement(using: &random) else { return }
        let gateway = GatewayLoop(node: node, loop: Int.random(in: 0..<scenario.loops, using: &random))
        guard let (id, request) = load.next(client, through: gateway, at: now, &random, &checker) else { return }
        let sent = mutant?.spoil(request) ?? request
        if mutant == .trailingTakesPlaces,
            machines[node].node?.requestsInFlight(gateway.loop) ?? 0 >= Workload.places
        {
            return load.answered(id, .failed(.overloaded, nil), at: now, &checker)
        }
        try step(node, .loop(gateway.loop, .client(id, sent)))
    }
}
