// One listing on its way: a page from as many replicas as the level needs, merged item by item.
//
// Each replica cuts its page where it must, so beyond the nearest cut nothing is known to be complete: items are given
// out up to there and no further, and the client goes on from the last. The answer is cut by its bytes as well: a page
// is held here whole. Tombstones and expired values take part in the merge and are left out of the answer. Items that
// differ between replicas are mended afterwards.

import Causality
import Ring
import Wire
import World

struct RangeCoordinator: Coordinator {
    private struct Ask {
        let candidate: Acknowledgement
        let sentAt: Instant
        var isOpen = true
        var page: [RangeItem]?
        var more = false
    }

    private var range: KeyRange
    private let reverse: Bool
    private let limit: Int
    private let quorum: Quorum
    private let rule: ConflictRule
    private let deadline: Instant
    private let primaries: [NodeID]
    private var candidates: [Acknowledgement] = []
    private var asks: [Ask] = []
    private var firstOfRound = 0
    private var rounds = 0
    private var tally = Tally()
    private var found: [ListedItem] = []
    private var foundBytes = 0
    private var repairs = 0
    private var retry = Retry()
    private var repairBytes = 0
    private(set) var isAnswered = false
    private var isAbandoned = false

    init(
        _ range: KeyRange, reverse: Bool, limit: Int, route: Route, quorum: Quorum, rule: ConflictRule,
        deadline: Instant
    ) {
        self.range = range
        self.reverse = reverse
        self.limit = limit
        self.quorum = quorum
        self.rule = rule
        self.deadline = deadline
        primaries = route.primaries
    }

    var isFinished: Bool { isAnswered && (isAbandoned || !asks.contains { $0.isOpen }) }

    var account: Account {
        Account(tally: tally, level: quorum.level, reached: quorum.isReached(by: tally))
    }

    func pending(_ slot: Int) -> (node: NodeID, sentAt: Instant)? {
        guard asks.indices.contains(slot), asks[slot].isOpen else { return nil }
        return (asks[slot].candidate.node, asks[slot].sentAt)
    }

    var openAsks: [(slot: Int, node: NodeID)] {
        asks.enumerated().filter { $0.element.isOpen }.map { ($0.offset, $0.element.candidate.node) }
    }

    // MARK: Events

    mutating func start(
        _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        rounds += 1
        tally = Tally()
        firstOfRound = asks.count
        lookForCandidates(&directory)
        askWhatIsNeeded(now, &out)
    }

    private mutating func lookForCandidates(_ directory: inout ReplicaDirectory) {
        candidates = directory.rank(primaries, near: nil).map {
            Acknowledgement(node: $0, country: directory.country(of: $0))
        }
    }

    mutating func receive(
        _ reply: ReplicaReply, slot: Int, _ directory: inout ReplicaDirectory, _ now: Now,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard asks.indices.contains(slot), asks[slot].isOpen else { return }
        asks[slot].isOpen = false
        if case .page(let items, let more) = reply, slot >= firstOfRound {
            asks[slot].page = items
            asks[slot].more = more
            tally.add(asks[slot].candidate)
        }
        settle(&directory, now.instant, now.wall, &out)
    }

    mutating func fail(
        slot: Int, wasSent: Bool, _ directory: inout ReplicaDirectory, _ now: Now,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard asks.indices.contains(slot), asks[slot].isOpen else { return }
        asks[slot].isOpen = false
        settle(&directory, now.instant, now.wall, &out)
    }

    mutating func wake(
        _ directory: inout ReplicaDirectory, _ now: Now, _ out: inout Outbox<CoordinatorEffect>
    ) -> Instant {
        for slot in asks.indices where asks[slot].isOpen && asks[slot].sentAt + Limits.replicaTimeout <= now.instant {
            asks[slot].isOpen = false
        }
        if now.instant >= deadline {
            isAbandoned = true
            answer(.failed(.quorumNotReached(mayTakeEffect: false), account), &out)
        } else if !isAnswered, retry.take(now.instant) {
            lookForCandidates(&directory)
            candidates.removeAll { candidate in
                asks[firstOfRound...].contains { $0.isOpen && $0.candidate.node == candidate.node }
            }
        }
        settle(&directory, now.instant, now.wall, &out)
        return nextWake
    }

    var nextWake: Instant {
        let slow = asks.filter { $0.isOpen }.map { $0.sentAt + Limits.replicaTimeout }.min()
        let next = slow.map { min($0, deadline) } ?? deadline
        return min(next, retryAt ?? next)
    }

    var retryAt: Instant? { isAnswered ? nil : retry.at }

    // MARK: Steps

    private mutating func askWhatIsNeeded(_ now: Instant, _ out: inout Outbox<CoordinatorEffect>) {
        while true {
            let expected = asks[firstOfRound...].filter { $0.isOpen }.map(\.candidate)
            guard let next = quorum.next(of: candidates, given: tally, expecting: expected),
                let place = candidates.firstIndex(of: next)
            else { return }
            candidates.remove(at: place)
            guard asks.count < Limits.asksPerRequest else { return }
            let request = RangeRequest(
                start: range.start, end: range.end, limit: min(limit - found.count + 1, Limits.rangeItems),
                reverse: reverse)
            out.emit(.ask(slot: asks.count, next.node, .range(request)))
            asks.append(Ask(candidate: next, sentAt: now))
        }
    }

    private mutating func settle(
        _ directory: inout ReplicaDirectory, _ now: Instant, _ wall: WallTime, _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard !isAnswered else { return }
        guard quorum.isReached(by: tally) else {
            askWhatIsNeeded(now, &out)
            if !asks.contains(where: { $0.isOpen }) { retry.arm(now) }
            return
        }
        let pages = asks[firstOfRound...].filter { $0.page != nil }
        // Taken in by what follows, and large.
        for slot in asks.indices { asks[slot].page = nil }
        let (merged, cut) = merge(Array(pages), now, &out)
        let next = take(merged, wall)
        // Where half a page is there, what one more round brings would mostly be fetched in vain.
        if let cut, next == nil, found.count < limit, foundBytes < Limits.rangeBytes / 2, rounds < Limits.rangeRounds {
            if reverse { range.end = cut } else { range.start = cut + [0] }
            start(&directory, now, &out)
        } else {
            answer(.list(found, next: next ?? cut.map { .after($0) }, account), &out)
        }
    }

    /// Adds what holds a value, as long as the page has room; returns the first item that it has none for.
    private mutating func take(_ merged: [ListedItem], _ wall: WallTime) -> ListContinuation? {
        for var item in merged {
            item.expire(at: wall)
            guard !item.object.values.isEmpty else { continue }
            let bytes = item.byteCount
            guard found.isEmpty || (found.count < limit && foundBytes + bytes <= Limits.rangeBytes) else {
                return .at(item.key)
            }
            foundBytes += bytes
            found.append(item)
        }
        return nil
    }

    private func precedes(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        reverse ? b.lexicographicallyPrecedes(a) : a.lexicographicallyPrecedes(b)
    }

    /// The items known to be complete, in order, and where the nearest replica cut its page (nil: none did).
    private mutating func merge(
        _ pages: [Ask], _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) -> (items: [ListedItem], cut: [UInt8]?) {
        let cut = pages.filter(\.more).compactMap { $0.page?.last?.key }.min(by: precedes)
        let keys = pages.flatMap { $0.page ?? [] }.map(\.key).sorted(by: precedes)
        let held = pages.map { Dictionary(($0.page ?? []).map { ($0.key, $0.object) }) { first, _ in first } }
        var items: [ListedItem] = []
        for key in keys where items.last?.key != key {
            if let cut, precedes(cut, key) { break }
            var object = StoredObject()
            var versions: [StoredObject?] = []
            for objects in held {
                let version = objects[key].flatMap { try? StoredObject(decoding: $0) }
                if let version { object.merge(version, rule: rule) }
                versions.append(version)
            }
            items.append(ListedItem(key: key, object: object))
            for (ask, version) in zip(pages, versions) where version != object {
                repair(key, object, at: ask.candidate, now, &out)
            }
        }
        return (items, cut)
    }

    /// Sends what was merged to a replica that had something else; all repairs of a list together hold as much as a
    /// page. What no frame carries is left to whoever writes the key next: sent, it would cost the connection.
    private mutating func repair(
        _ key: [UInt8], _ object: StoredObject, at candidate: Acknowledgement, _ now: Instant,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard repairs < Limits.rangeRepairs,
            repairs == 0 || repairBytes + object.payloadBytes <= Limits.rangeBytes,
            let bytes = try? object.encodeWithinLimits()
        else { return }
        repairs += 1
        repairBytes += bytes.count
        out.emit(.ask(slot: asks.count, candidate.node, .merge(key: key, object: bytes, repair: true)))
        asks.append(Ask(candidate: candidate, sentAt: now))
    }

    private mutating func answer(_ outcome: ClientOutcome, _ out: inout Outbox<CoordinatorEffect>) {
        guard !isAnswered else { return }
        isAnswered = true
        out.emit(.answer(outcome))
    }
}

extension ListedItem {
    /// About what the item takes in an answer, before its bytes become JSON: its context repeats the version vector.
    fileprivate var byteCount: Int {
        key.count + object.payloadBytes + 64 * (object.versions.entries.count + object.siblings.count)
    }

    fileprivate mutating func expire(at wall: WallTime) {
        var object = object
        object.expire(at: wall)
        self = ListedItem(key: key, object: object)
    }
}
