// Making replicas the same again when nothing else did: a hint that was dropped, a gateway that died between two sends,
// a store that was moved aside and begins empty.
//
// For every partition and pair of its replicas, the node with the lesser name leads their exchanges (Exchange.swift).
// A pair is due at once when a peer comes back, as one does that has lost its disk, and otherwise once in `cycle`. So
// many are under way at a time as keep the disks a moment busy with counting, and each peer is sent and asked as much
// as the way to it carries; what comes of it has threads and places of its own, so that no request stands behind it. An
// exchange that is broken off has lost only the piece that it was at: the next one of the pair goes on from there,
// soon.

import Causality
import Keys
package import Ring
package import Wire
package import World

package enum AntiEntropyEffect: Hashable, Sendable {
    /// To a node, which may be our own. The answer is to come back under `id`.
    case ask(id: UInt64, NodeID, ReplicaRequest)
    /// An exchange has ended, and so many keys are still not the same on both sides.
    case apart(KeysApart)
}

/// Keys of one partition that one of its replicas would not take from another, as the last exchange found them.
package struct KeysApart: Hashable, Sendable {
    package struct Example: Hashable, Sendable {
        package let key: [UInt8]
        package let refusedBy: NodeID
        package let refusal: Refusal
    }

    package let peer: NodeID
    package let partition: Int
    package private(set) var keys = 0
    /// The first of them.
    package private(set) var example: Example?

    init(peer: NodeID, partition: Int) {
        self.peer = peer
        self.partition = partition
    }

    mutating func add(_ key: [UInt8], refusedBy node: NodeID, _ refusal: Refusal) {
        keys += 1
        if example == nil { example = Example(key: key, refusedBy: node, refusal: refusal) }
    }
}

package struct AntiEntropy: Sendable {
    /// What two nodes share: one partition under one placement.
    private struct Shared {
        let peer: NodeID
        let placement: String
        let partition: Int
        /// Where an exchange that was broken off had come to; empty: at the beginning.
        var reached: [UInt8] = []
        /// Keys that the last exchange found and could not make the same.
        var keysApart = 0
        var isDue = false
        var isRunning = false
    }

    private struct Running {
        let number: Int
        /// Of which of `shared`.
        let pair: Int
        var exchange: Exchange
    }

    /// What is known of a node that is asked, for all exchanges with it.
    private struct Way {
        let node: NodeID
        /// What is under way to it.
        var window = ByteWindow(least: Limits.repairWindowBytes, most: Limits.repairFlightBytes)
        /// How long its next answer is waited for after its last.
        var patience = Limits.exchangePatience
        var heardAt = Instant.origin
    }

    private struct Asked {
        let exchange: Int
        let node: NodeID
        let subject: Exchange.Question.Subject
    }

    private let identity: NodeID
    private let cycle: Span
    private let ring: RingSnapshot
    private let atOnce: Int
    private var shared: [Shared] = []
    /// Due first to last; indexes into `shared`.
    private var queue: [Int] = []
    /// Pairs whose exchange was broken off, and when they are due again.
    private var brokenOff: [(pair: Int, until: Instant)] = []
    private var next = 0
    private var nextRegular: Instant
    private var running: [Running] = []
    private var exchanges = 0
    private var asked = SlotTable<Asked>()
    private var questions = Outbox<Exchange.Question>()
    private var ways: [Way] = []
    /// What a piece had lately; at first what it may have.
    private var pieceBytes = Limits.comparePieceBytes
    /// Of the exchanges that have ended.
    private var counts = Exchange.Counts()
    /// Exchanges ended and broken off since the start.
    package private(set) var completed: UInt64 = 0
    package private(set) var abandoned: UInt64 = 0

    /// `cycle`: every pair is compared about once in this time. `atOnce`: exchanges under way with a peer, at most.
    /// `now`: the first regular exchange begins a share of the cycle later.
    package init(
        identity: NodeID, ring: RingSnapshot, cycle: Span, atOnce: Int = Limits.exchangesAtOnce, now: Instant
    ) {
        self.identity = identity
        self.ring = ring
        self.cycle = cycle
        self.atOnce = atOnce
        nextRegular = now + cycle / 16
        for placement in ring.document.placements.map(\.name) {
            for partition in 0..<ring.document.partitions {
                let primaries = ring.document.preferenceList(placement: placement, partition: partition).primaries
                guard primaries.contains(identity) else { continue }
                // A replica without another is compared with itself: that finds the values whose time is over.
                for peer in primaries where identity < peer || primaries.count == 1 {
                    shared.append(Shared(peer: peer, placement: placement, partition: partition))
                }
            }
        }
    }

    /// Keys that were sent to one side or the other since the start, and those that it would not take.
    package var repaired: UInt64 { running.reduce(counts.repaired) { $0 + $1.exchange.counts.repaired } }
    package var refused: UInt64 { running.reduce(counts.refused) { $0 + $1.exchange.counts.refused } }

    /// Keys that are not the same on this node and a peer and could not be made so, as far as the last exchanges know.
    package var keysApart: Int { shared.reduce(0) { $0 + $1.keysApart } }

    /// Nothing is under way and nothing is due because of a returning peer.
    package var isIdle: Bool { running.isEmpty && queue.isEmpty }

    // MARK: What is due

    /// `peer` was away and is back: all that is shared with it is due. Each pair of nodes begins at another place of
    /// what it shares: where one of them has lost its disk, its peers bring back different parts at the same time.
    package mutating func peerReturned(_ peer: NodeID) {
        let pairs = shared.indices.filter { shared[$0].peer == peer }
        let nodes = ring.document.nodes.map(\.id)
        let ranks = [identity, peer].compactMap { nodes.firstIndex(of: $0) }.reduce(0, +)
        let start = pairs.count * (ranks % max(1, nodes.count)) / max(1, nodes.count)
        for pair in pairs[start...] + pairs[..<start] { makeDue(pair) }
    }

    private mutating func makeDue(_ pair: Int) {
        guard !shared[pair].isDue else { return }
        brokenOff.removeAll { $0.pair == pair }
        shared[pair].isDue = true
        queue.append(pair)
    }

    /// Starts what is due, and gives up what takes too long. Call every 50 ms or so.
    package mutating func tick(reachable: [NodeID], now: Instant, _ out: inout Outbox<AntiEntropyEffect>) {
        for (pair, _) in brokenOff.filter({ $0.until <= now }) { makeDue(pair) }
        if giveUpOverdue(now) { return }
        if !shared.isEmpty, now >= nextRegular {
            // A pair whose peer is away waits in the queue; it must not hold up the others.
            let regular = next % shared.count
            if !shared[regular].isRunning { makeDue(regular) }
            next = (regular + 1) % shared.count
            nextRegular = now + cycle / Int64(shared.count)
        }
        while let place = nextDue(reachable) { begin(queue.remove(at: place), now) }
        // What was broken off may have left room to others.
        advance(now) { _ in true }
        settle(now, &out)
        ask(&out)
    }

    /// Whether the disks have time to count for an exchange with `peer`: this node's for one of all exchanges, and the
    /// peer's for one of its own. So nobody is held up by a peer that is slow, nor by what is being mended.
    private func mayCompare(with peer: NodeID) -> Bool {
        // Where pieces are small, an exchange is mostly waiting for the way; where they are large, for the disks.
        let most = max(1, min(atOnce, Limits.comparedAtOnce / max(1, pieceBytes)))
        return running.count { $0.exchange.isOwnDiskCounting } < most
            && running.count { $0.exchange.peer == peer && $0.exchange.isPeersDiskCounting } < most
    }

    /// The place in the queue of what begins next: of those that can be reached, and may begin, the peer with the
    /// fewest exchanges.
    private func nextDue(_ reachable: [NodeID]) -> Int? {
        var best: (place: Int, load: Int)?
        var seen: [NodeID] = []
        for (place, pair) in queue.enumerated() where !shared[pair].isRunning {
            let peer = shared[pair].peer
            guard !seen.contains(peer) else { continue }
            seen.append(peer)
            guard reachable.contains(peer) || peer == identity else { continue }
            let load = running.count { $0.exchange.peer == peer }
            if load < atOnce, load < best?.load ?? .max, mayCompare(with: peer) { best = (place, load) }
        }
        return best?.place
    }

    private mutating func begin(_ pair: Int, _ now: Instant) {
        shared[pair].isDue = false
        shared[pair].isRunning = true
        exchanges += 1
        let (first, last) = TokenRange.partition(shared[pair].partition, of: ring.document.partitions)
        let piece = CompareRequest(
            first: first, last: last, slices: Limits.compareSlices, placement: shared[pair].placement,
            from: shared[pair].reached)
        let exchange = Exchange(
            piece, of: shared[pair].partition, between: identity, and: shared[pair].peer, now: now, &questions)
        number(exchanges)
        running.append(Running(number: exchanges, pair: pair, exchange: exchange))
    }

    // MARK: Questions and answers

    /// Those of one exchange that are still without a number.
    private var numbered: [(id: UInt64, question: Exchange.Question)] = []

    private mutating func number(_ exchange: Int) {
        for question in questions.take() {
            let id = asked.insert(Asked(exchange: exchange, node: question.node, subject: question.subject))
            numbered.append((id, question))
        }
    }

    private mutating func ask(_ out: inout Outbox<AntiEntropyEffect>) {
        for (id, question) in numbered { out.emit(.ask(id: id, question.node, question.request)) }
        numbered.removeAll(keepingCapacity: true)
    }

    package mutating func receive(
        _ reply: ReplicaReply, id: UInt64, now: Instant, _ out: inout Outbox<AntiEntropyEffect>
    ) {
        guard let answered = asked.remove(id) else { return }
        // Whoever answers late is late, and not silent.
        ways[wayIndex(answered.node)].heardAt = now
        guard let place = running.firstIndex(where: { $0.number == answered.exchange }) else { return }
        if case .piece = answered.subject, case .fingerprints(_, _, let bytes) = reply {
            pieceBytes = (pieceBytes + min(bytes, Limits.comparePieceBytes)) / 2
        }
        let peer = running[place].exchange.peer
        let way = wayIndex(peer)
        running[place].exchange.receive(
            reply, to: answered.subject, from: answered.node, ring: ring, now: now, &ways[way].window, &questions)
        number(answered.exchange)
        advance(now) { $0 == peer }
        settle(now, &out)
        ask(&out)
    }

    private mutating func advance(_ now: Instant, with isMeant: (NodeID) -> Bool) {
        for place in running.indices where isMeant(running[place].exchange.peer) {
            let peer = running[place].exchange.peer
            let way = wayIndex(peer)
            running[place].exchange.advance(&ways[way].window, now, &questions)
            if running[place].exchange.isBetweenPieces, mayCompare(with: peer) {
                running[place].exchange.compareOn(now, &questions)
            }
            number(running[place].number)
        }
    }

    /// The ask could not be sent, or its connection broke.
    package mutating func fail(id: UInt64, now: Instant) {
        guard let lost = asked.remove(id), let place = running.firstIndex(where: { $0.number == lost.exchange })
        else { return }
        breakOff(place, now)
    }

    private mutating func wayIndex(_ node: NodeID) -> Int {
        if let place = ways.firstIndex(where: { $0.node == node }) { return place }
        ways.append(Way(node: node))
        return ways.count - 1
    }

    // MARK: Ends

    private mutating func settle(_ now: Instant, _ out: inout Outbox<AntiEntropyEffect>) {
        for place in running.indices.reversed() {
            switch running[place].exchange.step {
            case .failed: breakOff(place, now)
            case .finished: finish(place, &out)
            case .comparing, .mending: break
            }
        }
    }

    /// True if something was.
    private mutating func giveUpOverdue(_ now: Instant) -> Bool {
        var late: [NodeID] = []
        let overdue = running.indices.filter { place in
            let exchange = running[place].exchange
            // One that only waits for room is not late.
            let awaited = (exchange.open.own > 0 ? [identity] : []) + (exchange.open.peer > 0 ? [exchange.peer] : [])
            let silent = awaited.filter { isSilent($0, for: exchange, now) }
            late += silent.filter { !late.contains($0) }
            return !silent.isEmpty
        }
        for place in overdue.reversed() { breakOff(place, now) }
        // A slow link may need longer for a large object than a fast one to be given up.
        for node in late {
            let way = wayIndex(node)
            ways[way].patience = min(ways[way].patience * 2, Limits.exchangePatienceLongest)
        }
        return !overdue.isEmpty
    }

    /// Whether `node` has said nothing at all for too long; or nothing to this exchange, for so long that its answer is
    /// not merely behind those to others.
    private mutating func isSilent(_ node: NodeID, for exchange: Exchange, _ now: Instant) -> Bool {
        let way = ways[wayIndex(node)]
        return now - max(exchange.movedAt, way.heardAt) > way.patience
            || now - exchange.movedAt > Limits.exchangeSilence
    }

    private mutating func breakOff(_ place: Int, _ now: Instant) {
        let way = wayIndex(running[place].exchange.peer)
        running[place].exchange.breakOff(&ways[way].window)
        let (pair, exchange) = end(place)
        abandoned += 1
        shared[pair].reached = exchange.reached
        brokenOff.append((pair, now + Limits.exchangePause))
    }

    private mutating func finish(_ place: Int, _ out: inout Outbox<AntiEntropyEffect>) {
        let (pair, exchange) = end(place)
        if exchange.peer != identity { completed += 1 }
        for node in [identity, exchange.peer] { ways[wayIndex(node)].patience = Limits.exchangePatience }
        // What lies before the place where it began may have changed since the exchange that was broken off there.
        if !shared[pair].reached.isEmpty { makeDue(pair) }
        shared[pair].reached = []
        shared[pair].keysApart = exchange.apart.keys
        if exchange.apart.keys > 0 { out.emit(.apart(exchange.apart)) }
    }

    private mutating func end(_ place: Int) -> (pair: Int, Exchange) {
        let ended = running.remove(at: place)
        counts.repaired += ended.exchange.counts.repaired
        counts.refused += ended.exchange.counts.refused
        shared[ended.pair].isRunning = false
        return (ended.pair, ended.exchange)
    }
}
