// Making replicas the same again when nothing else did: a hint that was dropped, a gateway that died between two sends,
// a store that was moved aside and begins empty.
//
// For every partition and pair of its replicas, the node with the lesser name leads their exchanges (Exchange.swift).
// One is under way at a time and each takes small steps, so that repair never stands before a request. A pair is due at
// once when a peer comes back and otherwise once in `cycle`. An exchange that is broken off has lost only the piece
// that it was at: the next one of the pair goes on from there.

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
    }

    private let identity: NodeID
    private let cycle: Span
    private let ring: RingSnapshot
    private var shared: [Shared] = []
    /// Due first to last; indexes into `shared`.
    private var queue: [Int] = []
    private var next = 0
    private var nextRegular: Instant
    /// What is under way, for which of `shared`.
    private var current: (pair: Int, exchange: Exchange)?
    private var patience = Limits.exchangePatience
    private var serial: UInt64 = 0
    /// Of the exchanges that have ended.
    private var counts = Exchange.Counts()
    /// Exchanges ended and broken off since the start.
    package private(set) var completed: UInt64 = 0
    package private(set) var abandoned: UInt64 = 0

    /// `cycle`: every pair is compared about once in this time. `now`: the first regular exchange begins a share of it
    /// later.
    package init(identity: NodeID, ring: RingSnapshot, cycle: Span, now: Instant) {
        self.identity = identity
        self.ring = ring
        self.cycle = cycle
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
    package var repaired: UInt64 { counts.repaired + (current?.exchange.counts.repaired ?? 0) }
    package var refused: UInt64 { counts.refused + (current?.exchange.counts.refused ?? 0) }

    /// Keys that are not the same on this node and a peer and could not be made so, as far as the last exchanges know.
    package var keysApart: Int { shared.reduce(0) { $0 + $1.keysApart } }

    /// Nothing is under way and nothing is due because of a returning peer.
    package var isIdle: Bool { current == nil && queue.isEmpty }

    /// `peer` was away and is back: all that is shared with it is due.
    package mutating func peerReturned(_ peer: NodeID) {
        for index in shared.indices where shared[index].peer == peer && !queue.contains(index) { queue.append(index) }
    }

    /// Starts what is due, and gives up what takes too long. Call every 50 ms or so.
    package mutating func tick(reachable: [NodeID], now: Instant, _ out: inout Outbox<AntiEntropyEffect>) {
        if let exchange = current?.exchange {
            guard now - exchange.movedAt > patience else { return }
            // A slow link may need longer for a large object than a fast one to be given up.
            patience = min(patience * 2, Limits.exchangePatienceLongest)
            return breakOff()
        }
        if !shared.isEmpty, now >= nextRegular {
            // A pair whose peer is away waits in the queue; it must not hold up the others.
            let regular = next % shared.count
            if !queue.contains(regular) { queue.append(regular) }
            next = (regular + 1) % shared.count
            nextRegular = now + cycle / Int64(shared.count)
        }
        guard let due = queue.firstIndex(where: { reachable.contains(shared[$0].peer) || shared[$0].peer == identity })
        else { return }
        begin(queue.remove(at: due), now, &out)
    }

    private mutating func begin(_ pair: Int, _ now: Instant, _ out: inout Outbox<AntiEntropyEffect>) {
        let (first, last) = TokenRange.partition(shared[pair].partition, of: ring.document.partitions)
        let piece = CompareRequest(
            first: first, last: last, slices: Limits.compareSlices, placement: shared[pair].placement,
            from: shared[pair].reached)
        let exchange = Exchange(
            piece, of: shared[pair].partition, between: identity, and: shared[pair].peer, serial: serial, now: now,
            &out)
        current = (pair, exchange)
    }

    package mutating func receive(
        _ reply: ReplicaReply, id: UInt64, now: Instant, _ out: inout Outbox<AntiEntropyEffect>
    ) {
        current?.exchange.receive(reply, id: id, ring: ring, now: now, &out)
        guard let (pair, exchange) = current else { return }
        switch exchange.step {
        case .failed: breakOff()
        case .finished: finish(pair, exchange, &out)
        case .comparing, .reading, .merging: break
        }
    }

    /// The ask could not be sent, or its connection broke.
    package mutating func fail(id: UInt64) {
        if current?.exchange.awaits(id) == true { breakOff() }
    }

    // MARK: Ends

    private mutating func breakOff() {
        guard let (pair, exchange) = current.take() else { return }
        abandoned += 1
        shared[pair].reached = exchange.reached
        note(exchange)
    }

    private mutating func finish(_ pair: Int, _ exchange: Exchange, _ out: inout Outbox<AntiEntropyEffect>) {
        current = nil
        note(exchange)
        if exchange.peer != identity { completed += 1 }
        patience = Limits.exchangePatience
        // What lies before the place where it began may have changed since the exchange that was broken off there.
        if !shared[pair].reached.isEmpty, !queue.contains(pair) { queue.append(pair) }
        shared[pair].reached = []
        shared[pair].keysApart = exchange.apart.keys
        if exchange.apart.keys > 0 { out.emit(.apart(exchange.apart)) }
    }

    private mutating func note(_ exchange: Exchange) {
        serial = exchange.serial
        counts.repaired += exchange.counts.repaired
        counts.refused += exchange.counts.refused
    }
}
