// One listing on its way: a page from as many replicas as the level needs, merged item by item.
//
// Each replica cuts its page where it must, so beyond the nearest cut nothing is known to be complete: items are given
// out up to there and no further, and the client goes on from the last. The answer is cut by its bytes as well: a page
// is held here whole. Tombstones and expired values take part in the merge and are left out of the answer. Items that
// differ between replicas are mended afterwards.

import Causality
import DataTypes
import Keys
import Ring
import Wire
import World

struct RangeCoordinator: Sendable {
    enum Role {
        /// `round`: which of the searches it is about.
        case page(Acknowledgement, round: Int)
        case repair
    }

    /// What one replica gave.
    private struct Page {
        let candidate: Acknowledgement
        let items: RangeItems
        let more: Bool
    }

    private enum Phase {
        /// Asks for what the level needs, round by round.
        case gathering
        /// Answered: what differed between replicas is being mended.
        case repairing
        /// No longer looked after.
        case over
    }

    private var range: KeyRange
    private let reverse: Bool
    private let limit: Int
    private let quorum: Quorum
    private let rule: ConflictRule
    private let deadline: Instant
    private let primaries: [NodeID]
    private var phase = Phase.gathering
    private var candidates: [Acknowledgement] = []
    private(set) var asks = AskTable<Role>()
    private var rounds = 0
    private var tally = Tally()
    /// Of this round, in the order in which they were asked for.
    private var pages: [(slot: Int, page: Page)] = []
    private var found: [ListedItem] = []
    private var foundBytes = 0
    private var repairs = 0
    private var repairBytes = 0
    private var retry = Retry()

    init(
        _ range: KeyRange, reverse: Bool, limit: Int, route: KeyRoute, quorum: Quorum, rule: ConflictRule,
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

    /// The repairs' bytes have left with their asks.
    var progress: Progress {
        switch phase {
        case .gathering: .open
        case .repairing: asks.hasOpen ? .trailing(byteCount: 0) : .finished
        case .over: .finished
        }
    }

    private var account: Account {
        Account(tally: tally, level: quorum.level, reached: quorum.isReached(by: tally))
    }

    var retryAt: Instant? { phase == .gathering ? retry.at : nil }

    var nextWake: Instant {
        let next = asks.nextTimeout.map { min($0, deadline) } ?? deadline
        return min(next, retryAt ?? next)
    }

    // MARK: Events

    mutating func start(
        _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        rounds += 1
        tally = Tally()
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
        guard let ask = asks.close(slot) else { return }
        if case .page(let items, let more) = reply, case .page(let candidate, round: rounds) = ask.role,
            items.isInOrder(reverse: reverse)
        {
            let place = pages.firstIndex { $0.slot > slot } ?? pages.endIndex
            pages.insert((slot, Page(candidate: candidate, items: items, more: more)), at: place)
            tally.add(candidate)
        }
        settle(&directory, now.instant, now.wall, &out)
    }

    mutating func fail(
        slot: Int, _ directory: inout ReplicaDirectory, _ now: Now, _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard asks.close(slot) != nil else { return }
        settle(&directory, now.instant, now.wall, &out)
    }

    mutating func wake(_ directory: inout ReplicaDirectory, _ now: Now, _ out: inout Outbox<CoordinatorEffect>) {
        asks.closeOverdue(at: now.instant)
        if now.instant >= deadline {
            answer(.failed(.quorumNotReached(mayTakeEffect: false), account), &out)
            phase = .over
        } else if phase == .gathering, retry.take(now.instant) {
            lookForCandidates(&directory)
            let expected = expected
            candidates.removeAll { candidate in expected.contains { $0.node == candidate.node } }
        }
        settle(&directory, now.instant, now.wall, &out)
    }

    /// What it would have mended is left to the next list, or to anti-entropy.
    mutating func letGo() { phase = .over }

    // MARK: Steps

    /// Who has yet to answer in this round.
    private var expected: [Acknowledgement] {
        asks.compactMap { ask in
            if ask.isOpen, case .page(let candidate, round: rounds) = ask.role { candidate } else { nil }
        }
    }

    private mutating func askWhatIsNeeded(_ now: Instant, _ out: inout Outbox<CoordinatorEffect>) {
        while true {
            guard let next = quorum.next(of: candidates, given: tally, expecting: expected),
                let place = candidates.firstIndex(of: next)
            else { return }
            candidates.remove(at: place)
            guard !asks.isFull else { return }
            let request = RangeRequest(
                start: range.start, end: range.end, limit: min(limit - found.count + 1, Limits.rangeItems),
                reverse: reverse)
            out.emit(.ask(slot: asks.endIndex, next.node, .range(request)))
            asks.add(next.node, .page(next, round: rounds), at: now)
        }
    }

    private mutating func settle(
        _ directory: inout ReplicaDirectory, _ now: Instant, _ wall: WallTime, _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard phase == .gathering else { return }
        guard quorum.isReached(by: tally) else {
            askWhatIsNeeded(now, &out)
            if !asks.hasOpen { retry.arm(now) }
            return
        }
        let given = pages.map(\.page)
        pages = []
        var (merged, cut) = merge(given, now, &out)
        let next = take(&merged, wall)
        // Where half a page is there, what one more round brings would mostly be fetched in vain.
        if let cut, next == nil, found.count < limit, foundBytes < Limits.rangeBytes / 2, rounds < Limits.rangeRounds {
            if reverse { range.end = cut } else { range.start = cut + [0] }
            start(&directory, now, &out)
        } else {
            answer(.list(standing(at: wall), next: next ?? cut.map { .after($0) }, account), &out)
        }
    }

    /// Adds what holds a value, as long as the page has room; returns the first item that it has none for.
    private mutating func take(_ merged: inout [ListedItem], _ wall: WallTime) -> ListContinuation? {
        found.reserveCapacity(found.count + merged.count)
        for place in merged.indices where merged[place].stands(at: wall) {
            let bytes = merged[place].byteCount
            guard found.isEmpty || (found.count < limit && foundBytes + bytes <= Limits.rangeBytes) else {
                return .at(merged[place].key)
            }
            foundBytes += bytes
            found.append(merged[place])
        }
        return nil
    }

    /// What was found; rounds take time, and what an earlier one brought may be over.
    private func standing(at wall: WallTime) -> [ListedItem] {
        guard rounds > 1 else { return found }
        var standing = found
        for place in standing.indices.reversed() where !standing[place].stands(at: wall) {
            standing.remove(at: place)
        }
        return standing
    }

    private func precedes(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        reverse ? b.precedes(a) : a.precedes(b)
    }

    /// The items known to be complete, in order, and where the nearest replica cut its page (nil: none did).
    private mutating func merge(
        _ pages: [Page], _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) -> (items: [ListedItem], cut: [UInt8]?) {
        let cut = pages.filter(\.more).compactMap { $0.items.last?.key }.min(by: precedes)
        var items: [ListedItem] = []
        items.reserveCapacity(pages.map(\.items.count).max() ?? 0)
        // Replicas are the same most often, and one alone is.
        if let first = pages.first,
            pages.dropFirst().allSatisfy({ $0.more == first.more && $0.items.isSame(as: first.items) })
        {
            for place in first.items.indices { items.append(listed(place, of: first, pages, now, &out)) }
            return (items, cut)
        }
        var places = Array(repeating: 0, count: pages.count)
        while let (next, place) = nextItem(of: pages, at: places) {
            let key = pages[next].items[place].key
            if let cut, precedes(cut, key) { break }
            var held: [[UInt8]?] = []
            for (index, page) in pages.enumerated() {
                let isThere =
                    places[index] < page.items.count
                    && page.items.hasKey(places[index], of: pages[next].items, place)
                held.append(isThere ? page.items[places[index]].object : nil)
                if isThere { places[index] += 1 }
            }
            if let bytes = held[next], held.allSatisfy({ $0?.isEqual(bytes) ?? false }) {
                items.append(listed(place, of: pages[next], pages, now, &out))
            } else {
                items.append(merged(key, held, pages, now, &out))
            }
        }
        return (items, cut)
    }

    /// What all replicas hold in the same bytes.
    private mutating func listed(
        _ place: Int, of page: Page, _ pages: [Page], _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) -> ListedItem {
        // One value is what is left of it under any rule.
        if let item = ListedItem(plain: place, of: page.items) { return item }
        let item = page.items[place]
        return merged(item.key, pages.map { _ in item.object }, pages, now, &out)
    }

    /// `held`: by the replica of each page.
    private mutating func merged(
        _ key: [UInt8], _ held: [[UInt8]?], _ pages: [Page], _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) -> ListedItem {
        var object = StoredObject()
        var versions: [StoredObject?] = []
        for (index, bytes) in held.enumerated() {
            guard let bytes else {
                versions.append(nil)
                continue
            }
            if let same = held[..<index].firstIndex(where: { $0?.isEqual(bytes) ?? false }) {
                versions.append(versions[same])
                continue
            }
            let version = try? StoredObject(decoding: bytes)
            if let version { object.merge(version, rule: rule) }
            versions.append(version)
        }
        // A page alone is mended as well: of siblings that an earlier rule has left, the last write has won. With what
        // nobody can read nothing is mended.
        if !object.versions.isEmpty {
            for (page, version) in zip(pages, versions) where version != object {
                repair(key, object, at: page.candidate.node, now, &out)
            }
        }
        return ListedItem(key: key, object: object)
    }

    /// Which page has the first key that stands at any page's place, and where; nil if all are through.
    private func nextItem(of pages: [Page], at places: [Int]) -> (page: Int, place: Int)? {
        var next: Int?
        for (index, page) in pages.enumerated() where places[index] < page.items.count {
            guard let best = next else {
                next = index
                continue
            }
            let (items, other) = (page.items, pages[best].items)
            let isFirst =
                reverse
                ? other.keyPrecedes(places[best], items, places[index])
                : items.keyPrecedes(places[index], other, places[best])
            if isFirst { next = index }
        }
        return next.map { ($0, places[$0]) }
    }

    /// Sends what was merged to a replica that had something else; all repairs of a list together hold as much as a
    /// page. What no frame carries is left to whoever writes the key next: sent, it would cost the connection.
    private mutating func repair(
        _ key: [UInt8], _ object: StoredObject, at node: NodeID, _ now: Instant,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard repairs < Limits.rangeRepairs,
            repairs == 0 || repairBytes + object.payloadBytes <= Limits.rangeBytes,
            let bytes = try? object.encodeWithinLimits()
        else { return }
        repairs += 1
        repairBytes += bytes.count
        out.emit(.ask(slot: asks.endIndex, node, .merge(key: key, object: bytes, repair: true)))
        asks.add(node, .repair, at: now)
    }

    private mutating func answer(_ outcome: ClientOutcome, _ out: inout Outbox<CoordinatorEffect>) {
        guard phase == .gathering else { return }
        phase = .repairing
        (pages, found) = ([], [])
        out.emit(.answer(outcome))
    }
}
