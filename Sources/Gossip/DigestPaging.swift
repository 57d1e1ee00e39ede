// Which digests go into a message that cannot hold them all.
//
// This node's own always does: it is the heartbeat. Then the owners with fresh news, for half of the room, because a
// rumour spreads only while it is passed on in every round. The rest is filled by turns, three of the living for one of
// the others: the dead have nothing to say, but a copy of their keys must still be completed.

import World

extension Gossiper {
    /// A page for a syn: at most `budget` bytes of digests, ascending by id.
    mutating func digestPage(budget: Int) -> [Digest] {
        var page = DigestPage(budget: budget, number: nextPage())
        if fillWithAll(&page) { return page.ascending }
        page = DigestPage(budget: budget, number: nextPage())
        put(selfIndex, on: &page)
        page.reserved = page.room / 2
        putSome(of: census.hot, on: &page)
        page.reserved = 0
        fillByTurns(&page)
        return page.ascending
    }

    /// A page for an ack: owners of which the peer knows more (to ask), then those of which it knows older heartbeats
    /// (to tell), then any that its own page left out.
    mutating func replyPage(_ findings: Findings, budget: Int) -> [Digest] {
        var page = DigestPage(budget: budget, number: findings.page)
        // The three have nobody in common, and all were on the peer's page, or might have been.
        put(selfIndex, on: &page, isListed: true)
        putSome(of: findings.behind, on: &page, isListed: true)
        putSome(of: findings.fresher, on: &page, isListed: true)
        if findings.listed < roster.count { fillByTurns(&page) }
        return page.ascending
    }

    mutating func nextPage() -> UInt64 {
        pages += 1
        return pages
    }

    /// False if not all fit.
    private mutating func fillWithAll(_ page: inout DigestPage) -> Bool {
        for i in roster.indices where put(i, on: &page) == .full { return false }
        return true
    }

    private mutating func putSome(of places: [Int], on page: inout DigestPage, isListed: Bool = false) {
        guard !places.isEmpty else { return }
        // From a random point on, so that a page too small for all favours nobody.
        let start = random.below(places.count)
        for k in places.indices {
            let i = places[(start + k) % places.count]
            if put(i, on: &page, isListed: isListed) == .full { return }
        }
    }

    private mutating func fillByTurns(_ page: inout DigestPage) {
        var liveLeft = census.liveTurns.count
        var deadLeft = census.deadTurns.count
        var turn = 0
        while liveLeft + deadLeft > 0 {
            turn += 1
            let isDeadsTurn = liveLeft == 0 || (deadLeft > 0 && turn % 4 == 0)
            let next = isDeadsTurn ? census.deadTurns.next(&random) : census.liveTurns.next(&random)
            if isDeadsTurn { deadLeft -= 1 } else { liveLeft -= 1 }
            guard let next, put(next, on: &page) == .full else { continue }
            if isDeadsTurn { census.deadTurns.putBack() } else { census.liveTurns.putBack() }
            return
        }
    }

    private enum Placing { case placed, skipped, full }

    /// Puts a member on the page unless it is there, or (`isListed` false) was on the peer's page of the same number.
    @discardableResult
    private mutating func put(_ i: Int, on page: inout DigestPage, isListed: Bool = false) -> Placing {
        let entry = roster[i].entry(on: page.number, evenIfNoted: isListed, now: clock.now, configuration)
        guard let digest = entry else { return .skipped }
        let size = GossipCodec.size(digest)
        guard size <= page.room - page.reserved else { return .full }
        page.room -= size
        page.add(digest, at: i)
        roster[i].page = page.number
        return .placed
    }
}

/// A page being filled.
struct DigestPage {
    let number: UInt64
    /// Bytes left, and how many of them are for others than those that are being put.
    var room: Int
    var reserved = 0
    private var digests: [Digest] = []
    private var places: [Int] = []
    private var isAscending = true

    init(budget: Int, number: UInt64) {
        self.number = number
        self.room = budget
    }

    mutating func add(_ digest: Digest, at place: Int) {
        if let last = places.last, last > place { isAscending = false }
        places.append(place)
        digests.append(digest)
    }

    /// By place in the roster, which is by id.
    var ascending: [Digest] {
        guard !isAscending else { return digests }
        return places.indices.sorted { places[$0] < places[$1] }.map { digests[$0] }
    }
}
