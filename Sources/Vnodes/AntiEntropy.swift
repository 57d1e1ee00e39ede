// Making replicas the same again when nothing else did: a hint that was dropped, a gateway that died between two sends,
// a store that was quarantined and begins empty.
//
// For every partition and pair of its replicas, the node with the lesser name leads: piece by piece it compares
// fingerprints with the other, and where a slice of the piece differs reads it on both sides, page by page, and merges
// each into the other. One exchange is under way at a time and each takes small steps, so that repair never stands
// before a request. A pair is due at once when a peer comes back and otherwise once in `cycle`. An exchange that is
// broken off has lost only the piece that it was at: the next one of the pair goes on from there.

import Causality
package import Ring
import Storage
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

    private enum Step {
        case idle
        /// `until`: the one that is still awaited was asked to stop there.
        case comparing(own: FingerprintPiece?, peer: FingerprintPiece?, until: [UInt8]?)
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
    /// The piece that is compared next, or whose slices are being read.
    private var request: CompareRequest?
    private var pieceEnd: [UInt8]?
    private var beganMidway = false
    private var slices: [KeyRange] = []
    private var step = Step.idle
    private var resumeAt: KeyRange?
    private var apart: KeysApart?
    private var asked: [(id: UInt64, node: NodeID, key: [UInt8])] = []
    /// When something was last asked or answered.
    private var movedAt: Instant
    private var patience = Limits.exchangePatience
    private var serial: UInt64 = 0
    private var effects = Outbox<AntiEntropyEffect>()
    /// Keys that were sent to one side or the other since the start and those that it would not take, and exchanges
    /// ended and broken off.
    package private(set) var repaired: UInt64 = 0
    package private(set) var refused: UInt64 = 0
    package private(set) var completed: UInt64 = 0
    package private(set) var abandoned: UInt64 = 0

    /// `cycle`: every pair is compared about once in this time. `now`: the first regular exchange begins a share of it
    /// later.
    package init(identity: NodeID, ring: RingSnapshot, cycle: Span, now: Instant) {
        self.identity = identity
        self.ring = ring
        self.cycle = cycle
        nextRegular = now + cycle / 16
        movedAt = now
        adopt(ring)
    }

    package mutating func adopt(_ ring: RingSnapshot) {
        self.ring = ring
        shared = []
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
        queue = []
        next = 0
        breakOff()
    }

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
        if current != nil {
            guard now - movedAt > patience else { return }
            // A slow link may need longer for a large object than a fast one to be given up.
            patience = min(patience * 2, Limits.exchangePatienceLongest)
            return fail()
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
        begin(queue.remove(at: due), now)
        drain(&out)
    }

    package mutating func receive(
        _ reply: ReplicaReply, id: UInt64, now: Instant, _ out: inout Outbox<AntiEntropyEffect>
    ) {
        guard let place = asked.firstIndex(where: { $0.id == id }) else { return }
        let ask = asked.remove(at: place)
        movedAt = now
        switch step {
        case .idle: break
        case .comparing: compared(reply, isOwn: ask.node == identity, now)
        case .reading(var own, var peer):
            if ask.node == identity { own = reply } else { peer = reply }
            step = .reading(own: own, peer: peer)
            if let own, let peer { merge(own, peer, now) }
        case .merging(let left): merged(reply, ask.key, ask.node, left: left - 1, now)
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
        beganMidway = !shared[index].reached.isEmpty
        apart = KeysApart(peer: shared[index].peer, partition: shared[index].partition)
        let (first, last) = TokenRange.partition(shared[index].partition, of: ring.document.partitions)
        comparePiece(
            CompareRequest(
                first: first, last: last, slices: Limits.compareSlices, placement: shared[index].placement,
                from: shared[index].reached), now)
    }

    private mutating func comparePiece(_ piece: CompareRequest, _ now: Instant) {
        request = piece
        step = .comparing(own: nil, peer: nil, until: nil)
        askBoth(.compare(piece), now)
    }

    /// Fingerprints tell something only if both sides have stopped at the same key: the one that came further is asked
    /// again, for no more than the other has counted.
    private mutating func compared(_ reply: ReplicaReply, isOwn: Bool, _ now: Instant) {
        guard case .comparing(var own, var peer, let until) = step, case .fingerprints(let sums, let end) = reply,
            let request, sums.count == request.slices, AntiEntropy.precedes(request.from, end),
            until == nil || !AntiEntropy.precedes(until, end)
        else { return fail() }
        let piece = FingerprintPiece(sums: sums, end: end)
        if isOwn { own = piece }
        if !isOwn || current.map({ shared[$0].peer }) == identity { peer = piece }
        step = .comparing(own: own, peer: peer, until: until)
        guard let own, let peer, let current else { return }
        guard own.end != peer.end else {
            pieceEnd = end
            slices = own.sums.indices.filter { own.sums[$0] != peer.sums[$0] }.reversed().compactMap { index in
                Fingerprints.slice(index, of: request).map {
                    TokenRange.keys(first: $0.first, last: $0.last).intersection(from: request.from, until: end)
                }
            }
            return readNextSlice(now)
        }
        let ownIsFurther = AntiEntropy.precedes(peer.end, own.end)
        var again = request
        again.until = ownIsFurther ? peer.end : own.end
        step = .comparing(own: ownIsFurther ? nil : own, peer: ownIsFurther ? peer : nil, until: again.until)
        ask(ownIsFurther ? identity : shared[current].peer, .compare(again), now)
    }

    /// Whether `a` stands before `b`; nil is the end of all.
    private static func precedes(_ a: [UInt8]?, _ b: [UInt8]?) -> Bool {
        guard let a else { return false }
        return b.map { a.lexicographicallyPrecedes($0) } ?? true
    }

    /// Both sides have the same up to `pieceEnd` now, but for what one would not take.
    private mutating func finishPiece(_ now: Instant) {
        guard let current, var next = request else { return breakOff() }
        shared[current].reached = pieceEnd ?? []
        if let pieceEnd {
            next.from = pieceEnd
            return comparePiece(next, now)
        }
        if shared[current].peer != identity { completed += 1 }
        patience = Limits.exchangePatience
        // What lies before the place where it began may have changed since the exchange that was broken off there.
        if beganMidway, !queue.contains(current) { queue.append(current) }
        shared[current].keysApart = apart?.keys ?? 0
        if let apart, apart.keys > 0 { effects.emit(.apart(apart)) }
        breakOff()
    }

    private mutating func readNextSlice(_ now: Instant) {
        guard let range = resumeAt ?? slices.popLast() else { return finishPiece(now) }
        resumeAt = range
        step = .reading(own: nil, peer: nil)
        askBoth(
            .range(
                RangeRequest(start: range.start, end: range.end, limit: Limits.exchangeWindow, reverse: false)),
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
            ask(target, .merge(key: item.key, object: item.object, repair: true), now, key: item.key)
            sent += 1
        }
        step = .merging(left: sent)
        if sent == 0 { readNextSlice(now) }
    }

    /// A key that one side will not have keeps none of the others from it.
    private mutating func merged(_ reply: ReplicaReply, _ key: [UInt8], _ node: NodeID, left: Int, _ now: Instant) {
        switch reply {
        case .stored: repaired += 1
        case .refused(let refusal) where refusal.code.concernsOnlyThisKey:
            refused += 1
            apart?.add(key, refusedBy: node, refusal)
        default: return fail()
        }
        step = .merging(left: left)
        if left <= 0 { readNextSlice(now) }
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
        if shared[current].peer != identity { ask(shared[current].peer, request, now) }
    }

    private mutating func ask(_ node: NodeID, _ request: ReplicaRequest, _ now: Instant, key: [UInt8] = []) {
        serial += 1
        movedAt = now
        asked.append((serial, node, key))
        effects.emit(.ask(id: serial, node, request))
    }

    private mutating func drain(_ out: inout Outbox<AntiEntropyEffect>) {
        for effect in effects.take() { out.emit(effect) }
    }
}

extension Refusal.Code {
    /// Asked for another key, the replica may well do it; asked for this one again, it would refuse again.
    fileprivate var concernsOnlyThisKey: Bool {
        switch self {
        case .tooLarge, .tooManySiblings, .vectorFull, .malformed, .notReplica: true
        case .unknown, .busy, .diskFull, .exists, .hintsFull, .stopped, .late, .voided, .superseded: false
        }
    }
}
