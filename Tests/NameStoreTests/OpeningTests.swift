// What a store says of itself when it is opened: new, sound, or missing votes that left.

import Testing
import World

@testable import NameStore

@Suite struct OpeningTests {
    private func used(_ votes: Int) -> TestAcceptor {
        let a = TestAcceptor()
        for round in 0..<votes { _ = vote(a, UInt64(round) + 1) }
        return a
    }

    private func vote(_ a: TestAcceptor, _ round: UInt64) -> Vote? {
        let key = RegisterKey(bytes: [1, 0x61]) ?? .configuration
        return a.vote(.prepare(key, Ballot(round: round, node: TestAcceptor.peer, session: 1)))
    }

    @Test func anHonestStopLosesNothing() {
        let a = used(5)
        let opened = a.reopened()
        #expect(opened.acceptor.quarantine == nil)
        #expect(opened.acceptor.header == a.acceptor.header)
        #expect(opened.initial.writes.isEmpty)
    }

    /// The store is synced before its frontier: a crash between the two leaves the store ahead.
    @Test func aCrashBeforeTheFrontierIsHonest() {
        let a = used(4)
        let before = a.frontiers
        _ = vote(a, 9)
        a.frontiers = before
        #expect(a.reopened().acceptor.quarantine == nil)
        // Torn: the copy that was being written is damaged, the other one whole.
        let torn = used(4)
        let earlier = torn.frontiers
        _ = vote(torn, 9)
        for copy in 0..<2 where torn.frontiers[copy] != earlier[copy] { torn.frontiers[copy]?.removeLast(5) }
        #expect(torn.reopened().acceptor.quarantine == nil)
    }

    @Test func aStoreBehindItsFrontierIsQuarantined() {
        let a = used(3)
        let stored = a.records
        _ = vote(a, 9)
        a.records = stored
        guard case .lostVotes(let stored, let left)? = a.reopened().acceptor.quarantine else {
            Issue.record("votes are missing")
            return
        }
        #expect(left == stored + 1)
    }

    @Test func aStoreOfAnotherPastIsQuarantined() {
        let a = used(3)
        let b = used(3)
        _ = vote(a, 10)
        _ = vote(b, 20)
        a.records = b.records
        guard case .divergedVotes? = a.reopened().acceptor.quarantine else {
            Issue.record("two pasts of one length")
            return
        }
    }

    @Test func damagedFrontiersAreQuarantinedUnlessTheStoreIsAhead() {
        let none = used(3)
        none.frontiers = [nil, nil]
        #expect(none.reopened().acceptor.quarantine == .frontierUnreadable)
        let damaged = used(3)
        for copy in 0..<2 { damaged.frontiers[copy]?[4] ^= 1 }
        #expect(damaged.reopened().acceptor.quarantine == .frontierUnreadable)
        // The newest copy is damaged, so votes may be missing, and the older one doesn't tell.
        let rolled = used(3)
        let (stored, older) = (rolled.records, rolled.frontiers)
        _ = vote(rolled, 9)
        rolled.records = stored
        for copy in 0..<2 where rolled.frontiers[copy] != older[copy] { rolled.frontiers[copy]?[4] ^= 1 }
        #expect(rolled.reopened().acceptor.quarantine != nil)
    }

    @Test func damagedHeadersAreQuarantined() {
        let a = used(3)
        a.records.bytes[StoreLayout.header]?[2] ^= 1
        guard case .headerUnreadable? = a.reopened().acceptor.quarantine else {
            Issue.record("a damaged header")
            return
        }
        a.records.bytes[StoreLayout.header] = nil
        #expect(a.reopened().acceptor.quarantine == .headerMissing)
    }

    @Test func aQuarantinedStoreTellsAndCastsNoVote() {
        let a = used(3)
        a.frontiers = [nil, nil]
        a.acceptor = a.reopened().acceptor
        #expect(vote(a, 50) == nil)
        #expect(a.ask(.list(after: nil, limit: 5)) == nil)
        #expect(a.ask(.pledge(founder: AcceptorID(node: TestAcceptor.peer, store: a.store)), epoch: 0) == nil)
        guard case .identity(let identity)? = a.ask(.hello) else {
            Issue.record("no identity")
            return
        }
        #expect(identity.standing == .quarantined)
    }

    /// Whether its frontier went with it or not.
    @Test(arguments: [true, false]) func aLostDiskIsAnotherAcceptor(_ withFrontier: Bool) {
        let a = used(3)
        a.records = TestRecords()
        if withFrontier { a.frontiers = [nil, nil] }
        let fresh = StoreID(high: 5, low: 5)
        let opened = a.reopened(fresh: fresh)
        #expect(opened.acceptor.quarantine == nil)
        #expect(opened.acceptor.header.store == fresh)
        #expect(opened.acceptor.header.configuration == nil)
        #expect(opened.initial.mustSync)
        a.acceptor = opened.acceptor
        a.keep(opened.initial)
        #expect(vote(a, 50) == nil, "it has no vote until it is made an acceptor")
        // Neither has it after a restart, whatever lies beside the store.
        let again = a.reopened()
        #expect(again.acceptor.quarantine == nil)
        #expect(again.acceptor.header.store == fresh)
    }

    @Test func anOldCopyOfTheStoreIsFoundUntilItsFrontierIsPutBackToo() {
        let a = used(3)
        let old = a.records
        _ = vote(a, 30)
        _ = vote(a, 31)
        a.records = old
        #expect(a.reopened().acceptor.quarantine != nil)
    }

    @Test func pledgesAreForEver() {
        let opened = Acceptor.open(
            node: TestAcceptor.node, header: nil, hasRecords: false, frontiers: [nil, nil],
            fresh: StoreID(high: 1, low: 1))
        var acceptor = opened.acceptor
        var records = TestRecords()
        for (key, value) in opened.initial.writes { records.bytes[key] = value }
        func ask(_ founder: AcceptorID) -> NameReply? {
            let message = NameMessage(
                cluster: nil, epoch: 0, store: nil, exchange: 0, body: .request(.pledge(founder: founder)))
            let batch = acceptor.process([Inbound(from: TestAcceptor.peer, message: message)], records: records)
            for (key, value) in batch.writes { records.bytes[key] = value }
            guard case .reply(let reply)? = batch.replies.first?.message.body else { return nil }
            return reply
        }
        let first = AcceptorID(node: TestAcceptor.peer, store: StoreID(high: 2, low: 2))
        let wiped = AcceptorID(node: TestAcceptor.peer, store: StoreID(high: 3, low: 3))
        #expect(ask(first) == .pledged(founder: first))
        #expect(ask(first) == .pledged(founder: first))
        guard case .identity? = ask(wiped) else {
            Issue.record("a founder with another disk is another founder")
            return
        }
    }
}
