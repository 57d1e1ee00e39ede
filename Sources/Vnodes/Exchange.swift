// One exchange: two replicas of a partition become the same.
//
//     comparing ──▶ mending        piece by piece: fingerprints; where neighbouring slices of the piece differ, their
//         ▲            │           keys are read on both sides, a page at a time, and each merged into the other
//         ╰────────────┴──▶ finished
//
// Where little differs it is a key or two. Where a replica has lost its disk it is all of the partition, so that many
// pages are under way at once: as many bytes as the way to the peer carries (ByteWindow).
//
// A pure value; what it asks has no number yet, which is its owner's (AntiEntropy).

import Keys
import Causality
import DataTypes
import Ring
import Wire
import World

struct Exchange: Sendable {
    enum Step {
        /// Both count the piece that begins at the request's `from`. `until`: the one that is still awaited was asked
        /// to stop there.
        case comparing(CompareRequest, until: [UInt8]?, Awaited<FingerprintPiece>)
        case mending(Piece)
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
        /// What differs and has not been read, the first at the end.
        var stretches: [Stretch]
        /// What has been asked for, and not all merged.
        var mends: [(number: Int, mend: Mend)] = []
    }

    /// A page of one stretch, from its asking until all that differs there is merged.
    struct Mend {
        enum State {
            case reading(KeyRange, Awaited<[RangeItem]>, more: Bool)
            /// So many merges are not answered. `rest`: what lies behind the page.
            case merging(Int, rest: KeyRange?)
        }

        var state: State
        /// What it counts for in the window: what it is taken for, and what it holds as soon as that is more; when both
        /// sides have answered, that.
        private(set) var bytes: Int
        let began: Instant
        /// What the one side has that has answered.
        var held = 0

        init(_ state: State, bytes: Int, began: Instant) {
            self.state = state
            self.bytes = bytes
            self.began = began
        }

        mutating func book(_ count: Int, _ window: inout ByteWindow) {
            window.correct(by: count - bytes)
            bytes = count
        }
    }

    /// To a node, which may be our own.
    struct Question {
        enum Subject {
            case piece
            case page(mend: Int)
            case merge(mend: Int, key: [UInt8])
        }

        let node: NodeID
        let request: ReplicaRequest
        let subject: Subject
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
    /// Questions that are not answered, by this node and by the peer.
    private(set) var open = (own: 0, peer: 0)
    /// When something was last asked or answered.
    private(set) var movedAt: Instant
    private var nextMend = 0

    /// Begins with what `request` tells of the partition. `peer` may be `identity`: a replica without another counts
    /// alone.
    init(
        _ request: CompareRequest, of partition: Int, between identity: NodeID, and peer: NodeID, now: Instant,
        _ out: inout Outbox<Question>
    ) {
        self.identity = identity
        self.peer = peer
        movedAt = now
        apart = KeysApart(peer: peer, partition: partition)
        step = .comparing(request, until: nil, .both)
        compare(request, now, &out)
    }

    /// Whatever it asked for is waited for no more.
    mutating func breakOff(_ window: inout ByteWindow) {
        if case .mending(let piece) = step { fail(piece, &window) } else { step = .failed }
    }

    private mutating func fail(_ piece: Piece, _ window: inout ByteWindow) {
        step = .failed
        for (_, mend) in piece.mends { window.lost(mend.bytes) }
    }

    mutating func receive(
        _ reply: ReplicaReply, to subject: Question.Subject, from node: NodeID, ring: RingSnapshot, now: Instant,
        _ window: inout ByteWindow, _ out: inout Outbox<Question>
    ) {
        count(-1, node)
        movedAt = now
        switch (step, subject) {
        case (.comparing(let request, let until, var awaited), .piece):
            guard let piece = Exchange.piece(reply, of: request, until: until) else { return step = .failed }
            if peer == identity { return compared(piece, piece, request, now, &out) }
            let both = awaited.take(piece, isOwn: node == identity)
            step = .comparing(request, until: until, awaited)
            if let (own, peer) = both { compared(own, peer, request, now, &out) }
        case (.mending(var piece), .page(let number)):
            guard let place = piece.mends.firstIndex(where: { $0.number == number }) else { return }
            // Out of `step`, so that what is changed in place is not copied first.
            step = .finished
            let isWell = read(reply, isOwn: node == identity, &piece, place, ring, now, &window, &out)
            if isWell { step = .mending(piece) } else { fail(piece, &window) }
        case (.mending(var piece), .merge(let number, let key)):
            guard let place = piece.mends.firstIndex(where: { $0.number == number }) else { return }
            step = .finished
            let isWell = note(reply, key, node) && merged(&piece, place, now, &window)
            if isWell { step = .mending(piece) } else { fail(piece, &window) }
        case (.comparing, _), (.mending, .piece), (.finished, _), (.failed, _): break
        }
    }

    // MARK: What may begin

    private var isComparing: Bool { if case .comparing = step { true } else { false } }
    /// Whether a disk counts for it, this node's or the peer's.
    var isOwnDiskCounting: Bool { isComparing && open.own > 0 }
    var isPeersDiskCounting: Bool { isComparing && (open.peer > 0 || peer == identity) }

    /// Where the next piece begins, when all of the last one is mended; nil if there is none, or not yet.
    private var nextPiece: CompareRequest? {
        guard case .mending(let piece) = step, piece.stretches.isEmpty, piece.mends.isEmpty, let end = piece.end
        else { return nil }
        var next = piece.request
        next.from = end
        return next
    }

    var isBetweenPieces: Bool { nextPiece != nil }

    /// Goes on with the next piece, where it is between two.
    mutating func compareOn(_ now: Instant, _ out: inout Outbox<Question>) {
        if let next = nextPiece { compare(next, now, &out) }
    }

    /// Reads on, for as long as the window has room. Call after each answer on the way to the same peer.
    mutating func advance(_ window: inout ByteWindow, _ now: Instant, _ out: inout Outbox<Question>) {
        guard case .mending(var piece) = step,
            piece.mends.isEmpty || (window.hasRoom && !piece.stretches.isEmpty)
        else { return }
        step = .finished
        while window.hasRoom, let stretch = piece.stretches.popLast() {
            nextMend += 1
            let reading = Mend.State.reading(stretch.range, .both, more: false)
            piece.mends.append((nextMend, Mend(reading, bytes: stretch.bytes, began: now)))
            window.sent(stretch.bytes, at: now)
            let page = RangeRequest(
                start: stretch.range.start, end: stretch.range.end, limit: Limits.repairPageItems, reverse: false,
                repair: true)
            askBoth(.range(page), .page(mend: nextMend), now, &out)
        }
        let isDone = piece.stretches.isEmpty && piece.mends.isEmpty && piece.end == nil
        step = isDone ? .finished : .mending(piece)
    }

    // MARK: Comparing

    private mutating func compare(_ request: CompareRequest, _ now: Instant, _ out: inout Outbox<Question>) {
        reached = request.from
        step = .comparing(request, until: nil, .both)
        askBoth(.compare(request), .piece, now, &out)
    }

    /// Nil if the answer makes no sense.
    private static func piece(_ reply: ReplicaReply, of request: CompareRequest, until: [UInt8]?) -> FingerprintPiece? {
        guard case .fingerprints(let sums, let end, let bytes) = reply, sums.count == request.slices,
            precedes(request.from, end),
            // Nobody counts more than it is asked to; the end of what it may count is where it stops at the latest.
            !precedes(until, end)
        else { return nil }
        return FingerprintPiece(sums: sums, end: end, bytes: bytes)
    }

    /// Fingerprints tell something only if both sides have stopped at the same key: the one that came further is asked
    /// again, for no more than the other has counted.
    private mutating func compared(
        _ own: FingerprintPiece, _ other: FingerprintPiece, _ request: CompareRequest, _ now: Instant,
        _ out: inout Outbox<Question>
    ) {
        guard own.end != other.end else {
            return step = .mending(
                Piece(request: request, end: own.end, stretches: Stretch.differing(own, other, request).reversed()))
        }
        let ownIsFurther = Exchange.precedes(other.end, own.end)
        var again = request
        again.until = ownIsFurther ? other.end : own.end
        step = .comparing(request, until: again.until, ownIsFurther ? .own(peer: other) : .peer(own: own))
        ask(ownIsFurther ? identity : peer, .compare(again), .piece, now, &out)
    }

    /// Whether `a` stands before `b`; nil is the end of all.
    private static func precedes(_ a: [UInt8]?, _ b: [UInt8]?) -> Bool {
        guard let a else { return false }
        return b.map { a.precedes($0) } ?? true
    }

    // MARK: Mending

    /// Whether one side may have answered this to a page of `range`: ascending keys in there, no more than were asked
    /// for, and no end that comes to nothing.
    private static func isPage(_ items: [RangeItem], more: Bool, of range: KeyRange) -> Bool {
        guard items.count <= Limits.repairPageItems, !(items.isEmpty && more) else { return false }
        return items.allSatisfy { range.contains($0.key) }
            && zip(items, items.dropFirst()).allSatisfy { $0.key.precedes($1.key) }
    }

    /// A page of one side has come. False if it makes no sense.
    private mutating func read(
        _ reply: ReplicaReply, isOwn: Bool, _ piece: inout Piece, _ place: Int, _ ring: RingSnapshot, _ now: Instant,
        _ window: inout ByteWindow, _ out: inout Outbox<Question>
    ) -> Bool {
        guard case .reading(let range, var awaited, let otherHasMore) = piece.mends[place].mend.state,
            case .page(let page, let more) = reply, case let items = Array(page),
            Exchange.isPage(items, more: more, of: range)
        else { return false }
        let bytes = items.reduce(0) { $0 + Stretch.weight($1.key, $1.object) }
        let both = awaited.take(items, isOwn: isOwn)
        guard let (own, other) = both else {
            piece.mends[place].mend.book(max(bytes, piece.mends[place].mend.bytes), &window)
            piece.mends[place].mend.held = bytes
            piece.mends[place].mend.state = .reading(range, awaited, more: more)
            return true
        }
        piece.mends[place].mend.book(max(1, bytes + piece.mends[place].mend.held), &window)
        let (ownMore, peerMore) = isOwn ? (more, otherHasMore) : (otherHasMore, more)
        // Up to the nearest end of the two pages both sides are known; what differs there is sent across.
        let cuts = [ownMore ? own.last?.key : nil, peerMore ? other.last?.key : nil].compactMap { $0 }
        let cut = cuts.min { $0.precedes($1) }
        let isInside: (RangeItem) -> Bool = { item in cut.map { !$0.precedes(item.key) } ?? true }
        let (ownItems, peerItems) = (own.filter(isInside), other.filter(isInside))
        var merges = 0
        for (item, held, target) in differing(ownItems, peerItems, peer) + differing(peerItems, ownItems, identity) {
            guard let bucket = StoredKey.bucket(of: item.key),
                ring.properties(ofBucket: bucket).placement == piece.request.placement, !covers(held, item.object)
            else { continue }
            merges += 1
            let subject = Question.Subject.merge(mend: piece.mends[place].number, key: item.key)
            ask(target, .merge(key: item.key, object: item.object, repair: true), subject, now, &out)
        }
        let rest = cut.map { KeyRange(start: $0 + [0], end: range.end) }
        piece.mends[place].mend.state = .merging(merges, rest: rest)
        if merges == 0 { end(&piece, place, now, &window) }
        return true
    }

    /// One merge of a page is done. False if none was asked for.
    private func merged(_ piece: inout Piece, _ place: Int, _ now: Instant, _ window: inout ByteWindow) -> Bool {
        guard case .merging(let left, let rest) = piece.mends[place].mend.state else { return false }
        piece.mends[place].mend.state = .merging(left - 1, rest: rest)
        if left == 1 { end(&piece, place, now, &window) }
        return true
    }

    private func end(_ piece: inout Piece, _ place: Int, _ now: Instant, _ window: inout ByteWindow) {
        let mend = piece.mends.remove(at: place).mend
        window.confirmed(mend.bytes, sentAt: mend.began, now: now)
        // It is read next.
        guard case .merging(_, let rest?) = mend.state else { return }
        piece.stretches.append(Stretch(range: rest, bytes: mend.bytes))
    }

    /// The items of `from` that `to` (a page over the same keys, also ascending) does not have in these very bytes.
    private func differing(
        _ from: [RangeItem], _ to: [RangeItem], _ target: NodeID
    ) -> [(item: RangeItem, held: [UInt8]?, target: NodeID)] {
        let others = Dictionary(to.map { (KeyBytes($0.key), $0.object) }) { first, _ in first }
        return from.compactMap { item in
            let held = others[KeyBytes(item.key)]
            return held == item.object ? nil : (item, held, target)
        }
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
        _ request: ReplicaRequest, _ subject: Question.Subject, _ now: Instant, _ out: inout Outbox<Question>
    ) {
        ask(identity, request, subject, now, &out)
        if peer != identity { ask(peer, request, subject, now, &out) }
    }

    private mutating func ask(
        _ node: NodeID, _ request: ReplicaRequest, _ subject: Question.Subject, _ now: Instant,
        _ out: inout Outbox<Question>
    ) {
        count(1, node)
        movedAt = now
        out.emit(Question(node: node, request: request, subject: subject))
    }

    private mutating func count(_ change: Int, _ node: NodeID) {
        if node == identity { open.own += change } else { open.peer += change }
    }
}
