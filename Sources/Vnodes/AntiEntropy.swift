// Making replicas the same again when nothing else did: a hint that was dropped, a gateway that died between two sends,
// a store that was quarantined and begins empty.
//
// For every partition and pair of its replicas, the node with the lesser name leads: it compares fingerprints with the
// other, and where a slice differs reads that slice on both sides, page by page, and merges each into the other. One
// exchange is under way at a time and each takes small steps, so that repair never stands before a request. A
// pair is due at once when a peer comes back and otherwise once in `cycle`.

import Causality
package import Ring
import Storage
package import Wire
package import World

package enum AntiEntropyEffect: Hashable, Sendable {
    /// To a node, which may be our own. The answer is to come back under `id`.
    case ask(id: UInt64, NodeID, ReplicaRequest)
}

package struct AntiEntropy: Sendable {
    /// What two nodes share: one partition under one placement.
    private struct Shared: Hashable {
        let peer: NodeID
        let placement: String
        let partition: Int
    }

    private enum Step {
        case idle
        case comparing(own: [UInt64]?, peer: [UInt64]?)
        case reading(own: ReplicaReply?, peer: ReplicaReply?)
        case merging(left: Int)
    }

    private let identity: NodeID
    private let cycle: Span
    private var ring: RingSnapshot
    private var shared: [Shared] = []
    /// Due first to last; indexes into `shared`.
    private var queue: [Int] = []
    private var next = 0
    private var nextRegular: Instant
    private var current: Int?
    private var request: CompareRequest?
    private var slices: [KeyRange] = []
    private var step = Step.idle
    private var resumeAt: KeyRange?
    private var asked: [(id: UInt64, node: NodeID, isOwn: Bool)] = []
    private var askedAt: Instant
    private var serial: UInt64 = 0
    private var effects = Outbox<AntiEntropyEffect>()
    /// Keys that were sent to one side or the other since the start, and exchanges ended and broken off.
    package private(set) var repaired: UInt64 = 0
    package private(set) var completed: UInt64 = 0
    package private(set) var abandoned: UInt64 = 0

    /// `cycle`: every pair is compared about once in this time. `now`: the first regular exchange begins a share of it
    /// later.
    package init(identity: NodeID, ring: RingSnapshot, cycle: Span, now: Instant) {
        self.identity = identity
        self.ring = ring
        self.cycle = cycle
        nextRegular = now + cycle / 16
        askedAt = now
        adopt(ring)
    }

    package mutating func adopt(_ ring: RingSnapshot) {
        self.ring = ring
        shared = []
        for placement in ring.document.placements.map(\.name) {
            for partition in 0..<ring.document.partitions {
                let primaries = ring.document.preferenceList(placement: placement, partition: partition).primaries
                guard primaries.contains(identity) else { continue }
                for peer in primaries where identity < peer {
                    shared.append(Shared(peer: peer, placement: placement, partition: partition))
                }
            }
        }
        queue = []
        next = 0
        breakOff()
    }

    /// Nothing is under way and nothing is due because of a returning peer.
    package var isIdle: Bool { current == nil && queue.isEmpty }

    /// `peer` was away and is back: all that is shared with it is due.
    package mutating func peerReturned(_ peer: NodeID) {
        for index in shared.indices where shared[index].peer == peer && !queue.contains(index) { queue.append(index) }
    }

    /// Starts what is due, and gives up what takes too long. Call every 50 ms or so.
    package mutating func tick(reachable: [NodeID], now: Instant, _ out: inout Outbox<AntiEntropyEffect>) {
        if current != nil {
            if now - askedAt > Limits.replicaTimeout * 4 {
                abandoned += 1
                breakOff()
            }
            return
        }
        if !shared.isEmpty, now >= nextRegular {
            // A pair whose peer is away waits in the queue; it must not hold up the others.
            let regular = next % shared.count
            if !queue.contains(regular) { queue.append(regular) }
            next = (regular + 1) % shared.count
            nextRegular = now + cycle / Int64(shared.count)
        }
        guard let due = queue.firstIndex(where: { reachable.contains(shared[$0].peer) }) else { return }
        begin(queue.remove(at: due), now)
        drain(&out)
    }

    package mutating func receive(
        _ reply: ReplicaReply, id: UInt64, now: Instant, _ out: inout Outbox<AntiEntropyEffect>
    ) {
        guard let place = asked.firstIndex(where: { $0.id == id }) else { return }
        let isOwn = asked.remove(at: place).isOwn
        if case .refused = reply { return fail() }
        switch step {
        case .idle: break
        case .comparing(var own, var peer):
            guard case .fingerprints(let sums) = reply, sums.count == request?.slices else { return fail() }
            if isOwn { own = sums } else { peer = sums }
            step = .comparing(own: own, peer: peer)
            if let own, let peer { compared(own, peer, now) }
        case .reading(var own, var peer):
            if isOwn { own = reply } else { peer = reply }
            step = .reading(own: own, peer: peer)
            if let own, let peer { merge(own, peer, now) }
        case .merging(let left):
            repaired += 1
            step = .merging(left: left - 1)
            if left <= 1 { readNextSlice(now) }
        }
        drain(&out)
    }

    /// The ask could not be sent, or its connection broke.
    package mutating func fail(id: UInt64) {
        if asked.contains(where: { $0.id == id }) { fail() }
    }

    // MARK: Steps

    private mutating func fail() {
        abandoned += 1
        breakOff()
    }

    private mutating func breakOff() {
        current = nil
        step = .idle
        asked = []
        slices = []
        resumeAt = nil
    }

    private mutating func begin(_ index: Int, _ now: Instant) {
        current = index
        let (first, last) = TokenRange.partition(shared[index].partition, of: ring.document.partitions)
        let request = CompareRequest(
            first: first, last: last, slices: Limits.compareSlices, placement: shared[index].placement)
        self.request = request
        step = .comparing(own: nil, peer: nil)
        askBoth(.compare(request), now)
    }

    private mutating func compared(_ own: [UInt64], _ peer: [UInt64], _ now: Instant) {
        guard let request else { return breakOff() }
        slices = own.indices.filter { own[$0] != peer[$0] }.reversed().compactMap { index in
            Fingerprints.slice(index, of: request).map { TokenRange.keys(first: $0.first, last: $0.last) }
        }
        readNextSlice(now)
    }

    private mutating func readNextSlice(_ now: Instant) {
        guard let range = resumeAt ?? slices.popLast() else {
            completed += 1
            return breakOff()
        }
        resumeAt = range
        step = .reading(own: nil, peer: nil)
        askBoth(
            .range(
                RangeRequest(start: range.start, end: range.end ?? [], limit: Limits.exchangeWindow, reverse: false)),
            now)
    }

    /// Up to the nearest end of the two pages both sides are known; what differs there is sent across.
    private mutating func merge(_ own: ReplicaReply, _ peer: ReplicaReply, _ now: Instant) {
        guard case .page(let ownItems, let ownMore) = own, case .page(let peerItems, let peerMore) = peer,
            let current, let range = resumeAt
        else { return fail() }
        let cuts = [ownMore ? ownItems.last?.key : nil, peerMore ? peerItems.last?.key : nil].compactMap { $0 }
        let cut = cuts.min { $0.lexicographicallyPrecedes($1) }
        resumeAt = cut.map { KeyRange(start: $0 + [0], end: range.end) }
        let inside: (RangeItem) -> Bool = { item in cut.map { !$0.lexicographicallyPrecedes(item.key) } ?? true }
        let ownObjects = ownItems.filter(inside)
        let peerObjects = peerItems.filter(inside)
        let placement = shared[current].placement
        var sent = 0
        for (item, other, target) in differing(ownObjects, peerObjects, shared[current].peer)
            + differing(peerObjects, ownObjects, identity)
        {
            guard let bucket = StoredKey.bucket(of: item.key),
                ring.properties(ofBucket: bucket).placement == placement, !covers(other, item.object)
            else { continue }
            ask(target, .merge(key: item.key, object: item.object, repair: true), now)
            sent += 1
        }
        step = .merging(left: sent)
        if sent == 0 { readNextSlice(now) }
    }

    /// The items of `from` that `to` (a page over the same keys, also ascending) does not have in these very bytes.
    private func differing(
        _ from: [RangeItem], _ to: [RangeItem], _ target: NodeID
    ) -> [(item: RangeItem, other: [UInt8]?, target: NodeID)] {
        let others = Dictionary(to.map { ($0.key, $0.object) }) { first, _ in first }
        return from.filter { others[$0.key] != $0.object }.map { ($0, others[$0.key], target) }
    }

    /// Whether a merge would leave `held` as it is.
    private func covers(_ held: [UInt8]?, _ object: [UInt8]) -> Bool {
        guard let held, let old = try? StoredObject(decoding: held), let new = try? StoredObject(decoding: object)
        else {
            return false
        }
        var merged = old
        merged.merge(new, rule: .siblings)
        return merged == old
    }

    private mutating func askBoth(_ request: ReplicaRequest, _ now: Instant) {
        guard let current else { return }
        ask(identity, request, now)
        ask(shared[current].peer, request, now)
    }

    private mutating func ask(_ node: NodeID, _ request: ReplicaRequest, _ now: Instant) {
        serial += 1
        askedAt = now
        asked.append((serial, node, node == identity))
        effects.emit(.ask(id: serial, node, request))
    }

    private mutating func drain(_ out: inout Outbox<AntiEntropyEffect>) {
        for effect in effects.take() { out.emit(effect) }
    }
}
