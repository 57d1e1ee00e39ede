// One exchange: two replicas of a partition become the same.
//
//     comparing ──▶ reading ──▶ merging        piece by piece: fingerprints; where a slice of the piece differs,
//         ▲            ▲           │           its keys on both sides, page by page; each merged into the other
//         ╰────────────┴───────────┴──▶ finished
//
// A pure value; the asks are numbered, so that what comes for an exchange that is over is nobody's.

import Keys
import Causality
import Ring
import Wire
import World

struct Exchange: Sendable {
    enum Step {
        /// Both count the piece that begins at the request's `from`. `until`: the one that is still awaited was asked
        /// to stop there.
        case comparing(CompareRequest, until: [UInt8]?, Awaited<FingerprintPiece>)
        case reading(KeyRange, of: Piece, Awaited<ReplicaReply>)
        /// `rest`: of the range that is being made the same, what lies behind these merges.
        case merging(rest: KeyRange?, of: Piece)
        case finished
        case failed
    }

    /// Whose answer a step waits for, and what the other one has said.
    enum Awaited<Answer: Sendable>: Sendable {
        case both
        case own(peer: Answer)
        case peer(own: Answer)

        /// The two answers when this is the last.
        mutating func take(_ answer: Answer, isOwn: Bool) -> (own: Answer, peer: Answer)? {
            switch self {
            case .both: self = isOwn ? .peer(own: answer) : .own(peer: answer)
            case .own(let peer): if isOwn { return (answer, peer) }
            case .peer(let own): if !isOwn { return (own, answer) }
            }
            return nil
        }
    }

    /// What both sides have counted, and found to differ.
    struct Piece {
        let request: CompareRequest
        /// Where the piece ends; nil: with the partition.
        let end: [UInt8]?
        /// Those that differ and have not been read, the first at the end.
        var slices: [KeyRange]
    }

    struct Counts {
        /// Keys that were sent to one side or the other, and those that it would not take.
        var repaired: UInt64 = 0
        var refused: UInt64 = 0
    }

    let peer: NodeID
    private let identity: NodeID
    private(set) var step: Step
    /// Up to there both sides have the same, but for what one would not take; empty: it is at the beginning.
    private(set) var reached: [UInt8] = []
    private(set) var apart: KeysApart
    private(set) var counts = Counts()
    private var asked: [(id: UInt64, node: NodeID, key: [UInt8])] = []
    /// When something was last asked or answered.
    private(set) var movedAt: Instant
    /// The number of the last ask.
    private(set) var serial: UInt64

    /// Begins with what `request` tells of the partition. `peer` may be `identity`: a replica without another counts
    /// alone. `serial`: the number of the last ask of the exchange before.
    init(
        _ request: CompareRequest, of partition: Int, between identity: NodeID, and peer: NodeID, serial: UInt64,
        now: Instant, _ out: inout Outbox<AntiEntropyEffect>
    ) {
        self.identity = identity
        self.peer = peer
        self.serial = serial
        movedAt = now
        apart = KeysApart(peer: peer, partition: partition)
        step = .comparing(request, until: nil, .both)
        compare(request, now, &out)
    }

    func awaits(_ id: UInt64) -> Bool { asked.contains { $0.id == id } }

    mutating func receive(
        _ reply: ReplicaReply, id: UInt64, ring: RingSnapshot, now: Instant, _ out: inout Outbox<AntiEntropyEffect>
    ) {
        guard let place = asked.firstIndex(where: { $0.id == id }) else { return }
        let ask = asked.remove(at: place)
        movedAt = now
        switch step {
        case .comparing(let request, let until, var awaited):
            guard let piece = Exchange.piece(reply, of: request, until: until) else { return step = .failed }
            if peer == identity { return compared(piece, piece, request, now, &out) }
            let both = awaited.take(piece, isOwn: ask.node == identity)
            step = .comparing(request, until: until, awaited)
            if let (own, peer) = both { compared(own, peer, request, now, &out) }
        case .reading(let range, let piece, var awaited):
            let both = awaited.take(reply, isOwn: ask.node == identity)
            step = .reading(range, of: piece, awaited)
            if let (own, peer) = both { merge(own, peer, range, piece, ring, now, &out) }
        case .merging(let rest, let piece):
            guard note(reply, ask.key, ask.node) else { return step = .failed }
            if asked.isEmpty { read(rest, of: piece, now, &out) }
        case .finished, .failed: break
        }
    }

    // MARK: Comparing

    private mutating func compare(_ request: CompareRequest, _ now: Instant, _ out: inout Outbox<AntiEntropyEffect>) {
        reached = request.from
        step = .comparing(request, until: nil, .both)
        askBoth(.compare(request), now, &out)
    }

    /// Nil if the answer makes no sense.
    private static func piece(_ reply: ReplicaReply, of request: CompareRequest, until: [UInt8]?) -> FingerprintPiece? {
        guard case .fingerprints(let sums, let end) = reply, sums.count == request.slices,
            precedes(request.from, end), until == nil || !precedes(until, end)
        else { return nil }
        return FingerprintPiece(sums: sums, end: end)
    }

    /// Fingerprints tell something only if both sides have stopped at the same key: the one that came further is asked
    /// again, for no more than the other has counted.
    private mutating func compared(
        _ own: FingerprintPiece, _ other: FingerprintPiece, _ request: CompareRequest, _ now: Instant,
        _ out: inout Outbox<AntiEntropyEffect>
    ) {
        guard own.end != other.end else {
            let differing = own.sums.indices.reversed().filter { own.sums[$0] != other.sums[$0] }
            let slices = differing.compactMap { index in
                Fingerprints.slice(index, of: request).map {
                    TokenRange.keys(first: $0.first, last: $0.last).intersection(from: request.from, until: own.end)
                }
            }
            return read(nil, of: Piece(request: request, end: own.end, slices: slices), now, &out)
        }
        let ownIsFurther = Exchange.precedes(other.end, own.end)
        var again = request
        again.until = ownIsFurther ? other.end : own.end
        step = .comparing(request, until: again.until, ownIsFurther ? .own(peer: other) : .peer(own: own))
        ask(ownIsFurther ? identity : peer, .compare(again), now, &out)
    }

    /// Whether `a` stands before `b`; nil is the end of all.
    private static func precedes(_ a: [UInt8]?, _ b: [UInt8]?) -> Bool {
        guard let a else { return false }
        return b.map { a.lexicographicallyPrecedes($0) } ?? true
    }

    // MARK: Reading and merging

    /// Goes on with `rest`, or with the next slice; where the piece has none left, with the next piece.
    private mutating func read(
        _ rest: KeyRange?, of piece: Piece, _ now: Instant, _ out: inout Outbox<AntiEntropyEffect>
    ) {
        var piece = piece
        guard let range = rest ?? piece.slices.popLast() else {
            guard let end = piece.end else { return step = .finished }
            var next = piece.request
            next.from = end
            return compare(next, now, &out)
        }
        step = .reading(range, of: piece, .both)
        let page = RangeRequest(start: range.start, end: range.end, limit: Limits.exchangeWindow, reverse: false)
        askBoth(.range(page), now, &out)
    }

    /// Up to the nearest end of the two pages both sides are known; what differs there is sent across.
    private mutating func merge(
        _ own: ReplicaReply, _ other: ReplicaReply, _ range: KeyRange, _ piece: Piece, _ ring: RingSnapshot,
        _ now: Instant, _ out: inout Outbox<AntiEntropyEffect>
    ) {
        guard case .page(let ownItems, let ownMore) = own, case .page(let peerItems, let peerMore) = other else {
            return step = .failed
        }
        let cuts = [ownMore ? ownItems.last?.key : nil, peerMore ? peerItems.last?.key : nil].compactMap { $0 }
        let cut = cuts.min { $0.lexicographicallyPrecedes($1) }
        let rest = cut.map { KeyRange(start: $0 + [0], end: range.end) }
        let inside: (RangeItem) -> Bool = { item in cut.map { !$0.lexicographicallyPrecedes(item.key) } ?? true }
        let ownObjects = ownItems.filter(inside)
        let peerObjects = peerItems.filter(inside)
        for (item, held, target) in differing(ownObjects, peerObjects, peer)
            + differing(peerObjects, ownObjects, identity)
        {
            guard let bucket = StoredKey.bucket(of: item.key),
                ring.properties(ofBucket: bucket).placement == piece.request.placement, !covers(held, item.object)
            else { continue }
            ask(target, .merge(key: item.key, object: item.object, repair: true), now, key: item.key, &out)
        }
        step = .merging(rest: rest, of: piece)
        if asked.isEmpty { read(rest, of: piece, now, &out) }
    }

    /// The items of `from` that `to` (a page over the same keys, also ascending) does not have in these very bytes.
    private func differing(
        _ from: [RangeItem], _ to: [RangeItem], _ target: NodeID
    ) -> [(item: RangeItem, held: [UInt8]?, target: NodeID)] {
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

    /// What came of a merge; false if it ends the exchange. A key that one side will not have keeps none of the others
    /// from it.
    private mutating func note(_ reply: ReplicaReply, _ key: [UInt8], _ node: NodeID) -> Bool {
        switch reply {
        case .stored: counts.repaired += 1
        case .refused(let refusal) where refusal.code.concernsOnlyThisKey:
            counts.refused += 1
            apart.add(key, refusedBy: node, refusal)
        default: return false
        }
        return true
    }

    // MARK: Asking

    private mutating func askBoth(
        _ request: ReplicaRequest, _ now: Instant, _ out: inout Outbox<AntiEntropyEffect>
    ) {
        ask(identity, request, now, &out)
        if peer != identity { ask(peer, request, now, &out) }
    }

    private mutating func ask(
        _ node: NodeID, _ request: ReplicaRequest, _ now: Instant, key: [UInt8] = [],
        _ out: inout Outbox<AntiEntropyEffect>
    ) {
        serial += 1
        movedAt = now
        asked.append((serial, node, key))
        out.emit(.ask(id: serial, node, request))
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
