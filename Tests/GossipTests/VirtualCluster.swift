// Many gossipers, one thread, virtual time, and a network that loses, delays and cuts.

import World

@testable import Gossip

/// Everything in it follows from the seed.
final class VirtualCluster {
    struct Plan {
        var nodes: Int
        var seed: UInt64
        var configuration = GossipConfiguration()
        /// The chance that a message is lost.
        var loss = 0.0
        var latency: ClosedRange<Int64> = 1...40
        /// Nobody needs to meet first: all start with two heartbeats of each other.
        var isAcquainted = true
        var seeds: [Int] = [0]
        /// A ring document says who exists. Without one, nodes know seeds, address books and hearsay.
        var hasRing = true
        /// Names are padded to this length.
        var nameBytes = 0

        init(nodes: Int, seed: UInt64) {
            self.nodes = nodes
            self.seed = seed
        }
    }

    private enum Event {
        case tick(Int, life: Int)
        case arrival(to: Int, from: Int, bytes: [UInt8])
    }

    let plan: Plan
    let ids: [NodeID]
    private(set) var nodes: [Gossiper]
    private(set) var now = Instant(nanoseconds: 1_000_000_000)
    private(set) var isUp: [Bool]
    /// Nodes of different sides don't hear each other.
    var side: [Int]
    var loss: Double
    /// Called for every effect but `send`.
    var observe: (Int, GossipEffect) -> Void = { _, _ in }
    /// Called for every message: from, to, bytes.
    var onSend: (Int, Int, [UInt8]) -> Void = { _, _, _ in }
    private(set) var sent = 0
    private(set) var sentBytes = 0
    private(set) var largest = 0

    private var queue = EventQueue<Event>()
    private var places: [NodeID: Int] = [:]
    private var lives: [Int]
    private var dice: SeededRandom
    private var outbox = Outbox<GossipEffect>()

    init(_ plan: Plan) {
        self.plan = plan
        dice = SeededRandom(seed: plan.seed)
        let width = String(plan.nodes).count
        ids = (0..<plan.nodes).map { i in
            let digits = String(i)
            let name = "n" + String(repeating: "0", count: width - digits.count) + digits
            return NodeID(name + String(repeating: "x", count: max(0, plan.nameBytes - name.utf8.count)))!
        }
        isUp = Array(repeating: true, count: plan.nodes)
        side = Array(repeating: 0, count: plan.nodes)
        lives = Array(repeating: 0, count: plan.nodes)
        loss = plan.loss
        nodes = []
        for (i, id) in ids.enumerated() {
            places[id] = i
            nodes.append(birth(i, generation: 1))
        }
        if plan.isAcquainted { acquaint() }
        for i in nodes.indices {
            let phase = Span(nanoseconds: Int64(dice.unit() * Double(plan.configuration.interval.nanoseconds)))
            queue.push(.tick(i, life: 0), at: now + phase)
        }
    }

    private func birth(_ i: Int, generation: UInt64, addressBook: [NodeID] = []) -> Gossiper {
        var g = Gossiper(
            identity: ids[i], generation: generation, cluster: "islands", configuration: plan.configuration,
            seeds: plan.seeds.map { ids[$0] }, addressBook: addressBook, random: dice.fork(), now: now)
        if plan.hasRing { g.updateMembership(allowed: ids) }
        return g
    }

    private func acquaint() {
        let pages = (UInt64(1)...2).map { beat in
            ids.map { Digest(id: $0, generation: 1, heartbeat: beat, version: 1, floor: 0) }
        }
        let births = ids.map { Delta(id: $0, generation: 1, from: 0, floor: 0, end: 1, latest: 1, entries: []) }
        for i in nodes.indices {
            // Before it hears of its own heartbeats: they would look like another life's.
            nodes[i].startBeating(from: 2)
            let peer = ids[(i + 1) % ids.count]
            for page in pages { nodes[i].take(GossipMessage(kind: .ack, digests: page), from: peer, into: &outbox) }
            nodes[i].take(GossipMessage(kind: .ack2, deltas: births), from: peer, into: &outbox)
            _ = outbox.take()
            nodes[i].startBeating(from: 2)
        }
    }

    // MARK: Time

    func run(for span: Span) {
        let end = now + span
        while let time = queue.nextTime, time <= end {
            guard let (time, event) = queue.pop() else { break }
            now = time
            handle(event)
        }
        now = end
    }

    func run(rounds: Int) { run(for: plan.configuration.interval * Int64(rounds)) }

    /// Rounds until `isDone` held, looked at after each round; nil if not within `most`.
    func rounds(until isDone: () -> Bool, most: Int) -> Int? {
        for round in 1...most {
            run(rounds: 1)
            if isDone() { return round }
        }
        return nil
    }

    private func handle(_ event: Event) {
        switch event {
        case .tick(let i, let life):
            guard isUp[i], lives[i] == life else { return }
            queue.push(.tick(i, life: life), at: now + plan.configuration.interval)
            nodes[i].tick(now, into: &outbox)
            carryOut(i)
        case .arrival(let to, let from, let bytes):
            guard side[to] == side[from] else { return }
            guard isUp[to] else {
                if pauses.contains(where: { $0.node == to }) { waiting.append((to, from, bytes)) }
                return
            }
            nodes[to].receive(bytes, from: ids[from], now: now, into: &outbox)
            carryOut(to)
        }
    }

    private func carryOut(_ i: Int) {
        for effect in outbox.take() {
            guard case .send(let bytes, let peer) = effect else {
                observe(i, effect)
                continue
            }
            sent += 1
            sentBytes += bytes.count
            largest = max(largest, bytes.count)
            if let to = places[peer] { onSend(i, to, bytes) }
            guard let to = places[peer], side[to] == side[i], !dice.chance(loss) else { continue }
            let width = UInt64(plan.latency.upperBound - plan.latency.lowerBound + 1)
            let delay = plan.latency.lowerBound + Int64(dice.next() % width)
            queue.push(.arrival(to: to, from: i, bytes: bytes), at: now + .milliseconds(delay))
        }
    }

    // MARK: What happens to nodes

    func kill(_ i: Int) { isUp[i] = false }

    /// A new life with a new generation.
    func restart(_ i: Int, generation: UInt64, addressBook: [NodeID] = []) {
        isUp[i] = true
        lives[i] += 1
        nodes[i] = birth(i, generation: generation, addressBook: addressBook)
        queue.push(.tick(i, life: lives[i]), at: now)
    }

    /// The process stands still for a while: neither ticks nor messages, which wait for it.
    func pause(_ i: Int, for span: Span) {
        isUp[i] = false
        lives[i] += 1
        pauses.append((i, now + span))
    }

    private var pauses: [(node: Int, until: Instant)] = []
    private var waiting: [(to: Int, from: Int, bytes: [UInt8])] = []

    /// Wakes those whose pause is over. What a process does first, tick or read its mail, is chance.
    func wake(readingFirst: Bool = true) {
        for p in pauses where p.until <= now {
            isUp[p.node] = true
            if !readingFirst { queue.push(.tick(p.node, life: lives[p.node]), at: now) }
            for mail in waiting where mail.to == p.node {
                queue.push(.arrival(to: mail.to, from: mail.from, bytes: mail.bytes), at: now)
            }
            waiting.removeAll { $0.to == p.node }
            if readingFirst { queue.push(.tick(p.node, life: lives[p.node]), at: now) }
        }
        pauses.removeAll { $0.until <= now }
    }

    func set(_ i: Int, _ key: String, _ value: [UInt8]) { nodes[i].set(key, value) }
    func remove(_ i: Int, _ key: String) { nodes[i].remove(key) }
    func mutate(_ i: Int, _ body: (inout Gossiper, inout Outbox<GossipEffect>) -> Void) {
        body(&nodes[i], &outbox)
        carryOut(i)
    }

    /// As if everybody had heard everything.
    func shareAllKeys() {
        for i in nodes.indices { for j in nodes.indices where i != j { nodes[i].copyKeys(of: j, from: nodes[j]) } }
    }

    // MARK: What they know

    var upNodes: [Int] { nodes.indices.filter { isUp[$0] } }

    func everyUpNode(holds key: String, of owner: Int, _ value: [UInt8]?) -> Bool {
        upNodes.allSatisfy { nodes[$0].value(of: ids[owner], key) == value }
    }

    func place(of id: NodeID) -> Int { places[id]! }
}

extension Gossiper {
    func member(_ node: NodeID) -> MemberView? { members.first { $0.id == node } }

    /// As if these members had been silent for long enough.
    mutating func takeForDead(_ places: Range<Int>) {
        for i in places { roster[i].standing = .dead(since: clock.now) }
        takeCensus()
    }

    mutating func copyKeys(of i: Int, from owner: Gossiper) { roster[i].replica = owner.roster[i].replica }

    /// As if this many ticks had been, and all news were old.
    mutating func startBeating(from heartbeat: UInt64) {
        roster[selfIndex].heartbeat = heartbeat
        for i in roster.indices { roster[i].hotUntil = 0 }
        takeCensus()
    }
}

/// A binary heap by time, then by order of insertion.
struct EventQueue<Event> {
    private struct Item {
        var time: Int64
        var order: Int
        var event: Event
    }

    private var items: [Item] = []
    private var pushed = 0

    var nextTime: Instant? { items.first.map { Instant(nanoseconds: $0.time) } }

    mutating func push(_ event: Event, at time: Instant) {
        items.append(Item(time: time.nanoseconds, order: pushed, event: event))
        pushed += 1
        var child = items.count - 1
        while child > 0, isBefore(child, (child - 1) / 2) {
            items.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func pop() -> (Instant, Event)? {
        guard !items.isEmpty else { return nil }
        items.swapAt(0, items.count - 1)
        let last = items.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < items.count && isBefore(child, least) {
                least = child
            }
            if least == parent { break }
            items.swapAt(parent, least)
            parent = least
        }
        return (Instant(nanoseconds: last.time), last.event)
    }

    private func isBefore(_ a: Int, _ b: Int) -> Bool {
        items[a].time != items[b].time ? items[a].time < items[b].time : items[a].order < items[b].order
    }
}
