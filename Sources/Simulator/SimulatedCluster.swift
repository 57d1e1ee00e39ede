// Whole clusters in one thread and virtual time: every message, disk write, turn and tick is an event in one queue, and
// all chance comes from one seed.

import DataTypes
import Causality
import Gateway
import Gossip
import HeapModule
import NameStore
import Node
import Ring
import RingFile
import Social
import Storage
import Wire
import World

struct SimulatedCluster {
    enum Event {
        case node(Int, SimulatedNode.Input, life: UInt64)
        case tick(Int, life: UInt64)
        case commit(Int, NodePart, life: UInt64)
        /// Bytes arrive at one end of a connection.
        case bytes(Int, isToServer: Bool, [UInt8])
        case link(LinkPlace, PeerLinkState.Event, life: UInt64)
        case pauseEnds(LinkPlace, pause: Int, life: UInt64)
        /// A connection is asked for, and made; and what its server hears of it beside bytes.
        case connect(LinkPlace, life: UInt64)
        case connected(Int)
        case accepted(Int, PeerServerState.Event)
        /// A connection is reset, or ended by its server; or given up, if its bytes still do not get through.
        case reset(Int)
        case giveUp(Int)
        case client(Int)
        case typedClient(Int)
        case start(Int)
        case fault(Fault.Strike)
        /// By its place in `underWay`.
        case faultEnds(Int)
        case names(NameEvent)
        case live(LiveEvent)
        case site(SiteEvent)
    }

    /// What the heap moves about: small, and nothing that is counted.
    private struct Scheduled: Comparable {
        let at: Instant
        let order: UInt64
        let event: UInt64

        static func < (a: Scheduled, b: Scheduled) -> Bool {
            a.at == b.at ? a.order < b.order : a.at < b.at
        }
        static func == (a: Scheduled, b: Scheduled) -> Bool { a.order == b.order }
    }

    let scenario: Scenario
    let mutant: Mutant?
    let ring: RingSnapshot
    /// Of the ring that the nodes are told, which a mutant may falsify.
    let told: SimulatedRing.Shape
    private(set) var now = Instant.origin
    private(set) var machines: [SimulatedMachine] = []
    var checker: Checker
    var network: SimulatedNetwork
    private var queue = Heap<Scheduled>()
    private var events = SlotTable<Event>()
    private var order: UInt64 = 0
    var random: SeededRandom
    private var outputs = OutboxPool<SimulatedNode.Output>()
    var linkActions = OutboxPool<PeerLinkState.Action>()
    var serverActions = OutboxPool<PeerServerState.Action>()
    /// Have something to send when the event is over.
    var unflushed: [ConnectionEnd] = []
    var cut: Set<DirectedLink> = []
    var isFaulty = true
    /// Faults that have begun; nil once they have ended.
    var underWay: [Fault.Strike?] = []
    var load: Workload
    var trace = TraceHash()
    let ledger = PlayLedger()
    let seams: NamesSeams
    var nameRandom: SeededRandom
    var nameLoad: NameWorkload
    var nameMessages = 0
    var reconfigurations = 0
    var liveRandom: SeededRandom
    var listeners: [LiveListener] = []
    var nextListening: UInt64 = 0
    var social: SimulatedSocial
    /// As the ring files name them.
    var namedAcceptors: [NodeID]
    /// Stores of names that can't be counted on any more.
    var damagedNames: Set<StoreID> = []
    /// However slow node and disk are.
    private static let slowestCommit = Span.seconds(4)

    init(scenario: Scenario, mutant: Mutant? = nil) throws {
        self.scenario = scenario
        self.mutant = mutant
        ring = try SimulatedRing.snapshot(scenario.ring)
        var told = scenario.ring
        told.germanOnly = mutant != .fallbackOutsideResidency
        self.told = told
        checker = Checker(ring: ring)
        checker.vectorsAreShort = scenario.mintedEntries < Limits.mintedVersionEntries
        network = SimulatedNetwork(countries: ring.document.nodes.map(\.country), loops: scenario.loops)
        random = SeededRandom(seed: scenario.seed ^ 0xA70_11)
        load = try Workload(scenario: scenario, mutant: mutant)
        checker.expect(load.typed.keys)
        seams = mutant?.seams ?? NamesSeams()
        nameRandom = random.fork()
        nameLoad = NameWorkload(scenario.names)
        liveRandom = SeededRandom(seed: scenario.seed ^ 0x11FE)
        listeners = SimulatedCluster.listeners(scenario, load)
        social = SimulatedSocial(
            scenario, nodes: ring.document.nodes.count, seams: mutant?.socialSeams ?? SocialSeams())
        namedAcceptors = ring.document.nameAcceptors
        let nodesRing = try SimulatedRing.snapshot(told)
        for node in ring.document.nodes {
            machines.append(try SimulatedMachine(identity: node.id, country: node.country, ring: nodesRing))
        }
        for node in machines.indices { try start(node) }
        for strike in scenario.strikes { schedule(.fault(strike), after: strike.at) }
        for client in 0..<scenario.clients { schedule(.client(client), after: .milliseconds(Int64(500 + 20 * client))) }
        for client in 0..<scenario.names.clients { rest(client) }
        for client in 0..<scenario.typedClients {
            schedule(.typedClient(client), after: .milliseconds(Int64(510 + 20 * client)))
        }
        beginListening()
        if scenario.social != nil { schedule(.site(.client), after: .milliseconds(800)) }
    }

    // MARK: Running

    mutating func schedule(_ event: consuming Event, after span: Span) { schedule(event, at: now + max(span, .zero)) }

    mutating func schedule(_ event: consuming Event, at instant: Instant) {
        order += 1
        queue.insert(Scheduled(at: max(instant, now), order: order, event: events.insert(event)))
    }

    /// Plays all events up to `time`.
    mutating func run(until time: Instant) throws {
        while let next = queue.min, next.at <= time {
            queue.removeMin()
            now = next.at
            if let event = events.remove(next.event) { try play(event) }
        }
        now = time
    }

    private mutating func play(_ event: Event) throws {
        switch event {
        case .node(let node, let input, let life):
            guard isRunning(node, life), !isDeferred(event, node) else { return }
            try step(node, input)
        case .tick(let node, let life):
            guard isRunning(node, life), !isDeferred(event, node) else { return }
            schedule(.tick(node, life: life), after: Limits.controlTick)
            if let report = machines[node].report(at: now, mutant) { try step(node, .control(.report(report))) }
            try step(node, .control(.tick))
            try tellLiving(node)
        case .commit(let node, let part, let life):
            guard isRunning(node, life) else { return }
            try commit(node, part)
        case .bytes(let connection, let isToServer, let bytes):
            guard isOpen(connection, isToServer) else { return }
            let receiver = isToServer ? network[connection].server : network[connection].client
            guard !isDeferred(event, receiver) else { return }
            try receive(bytes, connection, isToServer)
        case .link(let place, let what, let life):
            guard isRunning(place.client, life), !isDeferred(event, place.client) else { return }
            try hear(what, place)
        case .pauseEnds(let place, let pause, let life):
            guard isRunning(place.client, life), !isDeferred(event, place.client) else { return }
            if network[place]?.pauses == pause { try hear(.wanted, place) }
        case .connect(let place, let life): if isRunning(place.client, life) { connect(place, life: life) }
        case .connected(let connection):
            guard !network[connection].isBroken, !isDeferred(event, network[connection].client) else { return }
            try hear(.connected, network[connection].link)
        case .accepted(let connection, let what):
            let server = network[connection].server
            guard isRunning(server, network[connection].serverLife), !isDeferred(event, server) else { return }
            try hear(what, connection)
        // Whoever stands still learns of a broken connection when it goes on, and not after it has made a new one.
        case .reset(let connection):
            if !isDeferred(event, network[connection].client) { try breakOff(connection, as: .connectionReset) }
        case .giveUp(let connection):
            guard !isDeferred(event, network[connection].client) else { return }
            let (client, server) = (network[connection].client, network[connection].server)
            if isCut(client, server) || isCut(server, client) { try breakOff(connection, as: .connectionGivenUp) }
        case .client(let client): if isFaulty { try runClient(client) }
        case .typedClient(let client): if isFaulty { try runTypedClient(client) }
        case .start(let node): try start(node)
        case .fault(let strike): if isFaulty { try begin(strike) }
        case .faultEnds(let place): try end(place)
        case .names(let event): try play(event)
        case .live(let event): try play(event)
        case .site(let event): try play(event)
        }
        flush()
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

    /// Lets one node handle something, and carries out what it wants. One whose disk fails ends.
    mutating func step(_ node: Int, _ input: SimulatedNode.Input) throws {
        var out = outputs.borrow()
        let time = machines[node].clock(at: now, mutant)
        do throws(StorageFailure) {
            try machines[node].node?.handle(input, time, &out.box)
        } catch {
            ledger.add(.diskFailed)
            return die(node)
        }
        while let output = out.next() { try carryOut(output, node) }
        outputs.giveBack(consume out)
    }

    private mutating func carryOut(_ output: SimulatedNode.Output, _ node: Int) throws {
        let life = machines[node].life
        switch output {
        case .send(let message, let port, let target):
            guard let peer = machines.firstIndex(where: { $0.identity == target }) else { return }
            send(message, node, port, peer)
            if mutant?.repeats(message) ?? false { send(message, node, port, peer) }
        case .answerPeer(let envelope, let connection):
            guard !network[connection].isBroken else { return }
            put(mutant?.spoil(.reply(envelope)) ?? .reply(envelope), connection, isToServer: false)
        case .answer(let id, let outcome):
            trace.add(3, now, UInt64(node), id)
            ledger.add(outcome.played)
            if heard(.outcome(outcome), of: id) { return }
            if case .object(let object?, _) = outcome, object.hasExpired(at: machines[node].wall(at: now)) {
                ledger.add(.heardExpired)
            }
            load.answered(id, outcome, AnswerScene(now: now, node: node, machines: machines), &checker)
        case .answerOwnRead(let id, let reply):
            trace.add(6, now, UInt64(node), id)
            load.answeredOwnRead(id, reply, &checker)
        case .commit(let commit): begin(commit, node)
        case .hop(let input):
            schedule(.node(node, input, life: life), after: hopTime(node))
        case .names(let output): try carryOut(output, node)
        case .live(let effect): carryOut(effect, node)
        case .at(let instant, let input): schedule(.node(node, input, life: life), at: instant)
        // It ends itself, and whoever watches over it starts it again.
        case .staleGeneration(let generation):
            machines[node].disk.life.rise(above: generation)
            machines[node].disk.cleanStop = nil
            ledger.add(.heardOfLaterLife)
            die(node)
        }
    }

    // MARK: Disks

    private mutating func begin(_ commit: DiskCommit, _ node: Int) {
        let delay = syncTime(node)
        var commit = commit
        commit.writes = mutant?.spoil(commit.writes, commit.store) ?? commit.writes
        let life = machines[node].life
        if mutant == .ackBeforeSync {
            try? apply(DiskCommit(part: commit.part, store: commit.store, writes: commit.writes, synced: false), node)
            commit.writes = []
            schedule(.node(node, .committed(commit.part), life: life), after: .zero)
        }
        machines[node].commits.append(commit)
        schedule(.commit(node, commit.part, life: life), after: delay)
    }

    mutating func syncTime(_ node: Int) -> Span {
        guard scenario.delays == nil else { return scenario.slowestSync }
        let sync = Span(nanoseconds: Int64(random.unit() * Double(scenario.slowestSync.nanoseconds)))
        let slow = (.microseconds(200) + sync) * (machines[node].slowness * machines[node].disk.slowness)
        return min(slow, SimulatedCluster.slowestCommit)
    }

    /// From one part of a node to another.
    mutating func hopTime(_ node: Int) -> Span {
        guard scenario.delays == nil else { return .zero }
        return .microseconds(5 + Int64(random.unit() * 100)) * machines[node].slowness
    }

    private mutating func commit(_ node: Int, _ part: NodePart) throws {
        guard let place = machines[node].commits.firstIndex(where: { $0.part == part }) else { return }
        let commit = machines[node].commits.remove(at: place)
        trace.add(2, now, UInt64(node), UInt64(commit.writes.count))
        do throws(StorageFailure) { try apply(commit, node) } catch {
            ledger.add(.diskFailed)
            return die(node)
        }
        guard mutant != .ackBeforeSync, !isDeferred(.node(node, .committed(part), life: machines[node].life), node)
        else { return }
        try step(node, .committed(part))
    }

    mutating func apply(_ commit: DiskCommit, _ node: Int) throws(StorageFailure) {
        let store = machines[node].disk[commit.store]
        let actor = Actor(node: machines[node].identity, incarnation: machines[node].disk.life.incarnation)
        for write in commit.writes {
            let old = commit.store == .objects ? try store.get(write.key) : nil
            checker.stored(write, over: old, commit.store, by: actor)
        }
        try store.commit(commit.writes, synced: commit.synced)
    }

    // MARK: Faults

    /// One pause at a time: what waits for its end comes in order. Connections to a machine that is suspended may be
    /// gone from the tables of what lies between, and new ones stand with nobody there to greet.
    mutating func pause(_ node: Int, for span: Span) {
        guard machines[node].node != nil, machines[node].stoppedUntil <= now else { return }
        machines[node].stoppedUntil = now + span
        guard random.chance(0.3) else { return }
        for number in network.standing(where: { $0.server == node }) {
            schedule(.reset(number), after: .milliseconds(Int64(random.unit() * 500)))
        }
    }

    /// Ends all faults and the load: every node runs, and every message arrives.
    mutating func heal() throws {
        isFaulty = false
        for place in underWay.indices { try end(place) }
        try putDisksRight()
        networkChanged()
        flush()
    }

    // MARK: Load

    private mutating func runClient(_ client: Int) throws {
        let pause = Span.milliseconds(Int64(20 + random.unit() * 180))
        schedule(.client(client), after: pause)
        guard let gateway = anyGateway() else { return }
        let node = gateway.node
        let scene = AnswerScene(now: now, node: node, machines: machines)
        guard let (id, input) = load.next(client, through: gateway, scene, &random, &checker) else { return }
        ledger.add(load.lastAsked)
        if case .client(_, let request) = input {
            if mutant == .trailingTakesPlaces,
                machines[node].node?.requestsInFlight(gateway.loop) ?? 0 >= Workload.places
            {
                return load.answered(id, .failed(.overloaded, nil), scene, &checker)
            }
            return try step(node, .loop(gateway.loop, .client(id, mutant?.spoil(request) ?? request)))
        }
        try step(node, .loop(gateway.loop, input))
    }

    private mutating func anyGateway() -> GatewayLoop? {
        let running = machines.indices.filter { machines[$0].node != nil && machines[$0].stoppedUntil <= now }
        guard let node = running.randomElement(using: &random) else { return nil }
        return GatewayLoop(node: node, loop: Int.random(in: 0..<scenario.loops, using: &random))
    }

    private mutating func runTypedClient(_ client: Int) throws {
        schedule(.typedClient(client), after: .milliseconds(Int64(20 + random.unit() * 180)))
        guard let gateway = anyGateway() else { return }
        let scene = AnswerScene(now: now, node: gateway.node, machines: machines)
        let id = load.takeID()
        guard let input = load.typed.next(client, id, through: gateway, scene, &random, &checker) else { return }
        ledger.add(load.typed.lastAsked)
        guard case .client(_, let request) = input else { return }
        try step(gateway.node, .loop(gateway.loop, .client(id, mutant?.spoil(request) ?? request)))
    }
}
