// Repair with several peers, one of which is slow: whom it holds up, how long it is waited for, and what is held of it.

import Causality
import Keys
import Ring
import Testing
@testable import Wire
import World

@testable import Vnodes

@Suite struct RepairBoundsTests {
    private struct Ask {
        let id: UInt64
        let node: NodeID
        let request: ReplicaRequest
    }

    /// Answers by hand.
    private struct Bench {
        var repair: AntiEntropy
        var now = Instant.origin
        var open: [Ask] = []

        init(atOnce: Int = Limits.exchangesAtOnce) throws {
            repair = AntiEntropy(
                identity: Fixture.de, ring: try Fixture.ring(), cycle: .seconds(3_600), atOnce: atOnce, now: .origin)
        }

        mutating func take(_ out: inout Outbox<AntiEntropyEffect>) {
            for case .ask(let id, let node, let request) in out.take() {
                open.append(Ask(id: id, node: node, request: request))
            }
        }

        mutating func tick(after span: Span = .milliseconds(50)) {
            now = now + span
            var out = Outbox<AntiEntropyEffect>()
            repair.tick(reachable: [Fixture.jp, Fixture.us], now: now, &out)
            take(&out)
        }

        mutating func answer(_ ask: Ask, _ reply: ReplicaReply) {
            open.removeAll { $0.id == ask.id }
            var out = Outbox<AntiEntropyEffect>()
            repair.receive(reply, id: ask.id, now: now, &out)
            take(&out)
        }

        /// Answers what `isMeant`: fingerprints that differ where `differs` says so, and pages with nothing.
        mutating func answer(differing differs: (NodeID) -> Bool = { _ in false }, where isMeant: (Ask) -> Bool) {
            for ask in open where isMeant(ask) {
                switch ask.request {
                case .compare:
                    let sum: UInt64 = differs(ask.node) ? 2 : 1
                    // Pieces are large: two of them keep the disks busy.
                    answer(
                        ask,
                        .fingerprints(
                            [sum] + [UInt64](repeating: 0, count: 255), end: nil, bytes: Limits.comparePieceBytes))
                default: answer(ask, .page(items: [], more: false))
                }
            }
        }
    }

    /// Be it that its pages do not come, or that it does not even count.
    @Test(arguments: [true, false]) func aSlowPeerHoldsUpNobody(_ itCounts: Bool) throws {
        var bench = try Bench()
        let isCompare: (Ask) -> Bool = { if case .compare = $0.request { true } else { false } }
        bench.repair.peerReturned(Fixture.us)
        for _ in 0..<20 {
            bench.tick()
            bench.answer(
                differing: { $0 == Fixture.us }, where: { $0.node == Fixture.de || (itCounts && isCompare($0)) })
        }
        #expect(bench.repair.completed == 0)
        bench.repair.peerReturned(Fixture.jp)
        for _ in 0..<20 {
            bench.tick()
            bench.answer(where: { $0.node != Fixture.us })
        }
        #expect(bench.repair.completed == 8 && bench.repair.abandoned == 0)
    }

    /// However many wait to count their next piece, the own disk counts two large ones at a time.
    @Test func theDiskCountsNoMoreThanItCan() throws {
        var bench = try Bench()
        bench.repair.peerReturned(Fixture.us)
        bench.repair.peerReturned(Fixture.jp)
        var most = 0
        for _ in 0..<60 {
            bench.tick()
            most = max(
                most, bench.open.count { if case .compare = $0.request { $0.node == Fixture.de } else { false } })
            bench.answer(differing: { $0 != Fixture.de }, where: { _ in true })
        }
        #expect(most == 2 && bench.repair.completed == 16)
    }

    /// Who returns while it is compared is compared again, and not twice at once.
    @Test func aPairIsComparedOnceAtATime() throws {
        var bench = try Bench()
        bench.repair.peerReturned(Fixture.us)
        for _ in 0..<10 {
            bench.tick()
            bench.repair.peerReturned(Fixture.us)
        }
        let firsts = bench.open.compactMap { ask -> UInt64? in
            if case .compare(let compare) = ask.request, ask.node == Fixture.us { compare.first } else { nil }
        }
        #expect(!firsts.isEmpty && Set(firsts).count == firsts.count)
        for _ in 0..<20 {
            bench.tick()
            bench.answer(where: { _ in true })
        }
        #expect(bench.repair.completed == UInt64(8 + firsts.count) && bench.repair.isIdle)
    }

    // MARK: Lateness

    /// What is behind others on a slow line is not late, as long as those come.
    @Test func aPeerThatAnswersIsNotSilent() throws {
        var bench = try Bench()
        bench.repair.peerReturned(Fixture.us)
        bench.tick()
        bench.answer(where: { $0.node == Fixture.de })
        bench.tick()
        let last = try #require(bench.open.last)
        for _ in 0..<6 {
            bench.tick(after: .seconds(3))
            bench.answer(where: { $0.node == Fixture.de })
            bench.answer(where: { $0.id != last.id })
        }
        #expect(bench.repair.abandoned == 0 && bench.repair.completed == 6)
        bench.answer(where: { $0.id == last.id })
        #expect(bench.repair.completed == 7)
    }

    @Test func oneThatIsNeverAnsweredEndsAtLast() throws {
        var bench = try Bench()
        bench.repair.peerReturned(Fixture.us)
        bench.tick()
        bench.answer(where: { $0.node == Fixture.de })
        bench.tick()
        let forgotten = try #require(bench.open.first { $0.node == Fixture.us })
        for _ in 0..<200 where bench.repair.abandoned == 0 {
            bench.tick(after: .seconds(1))
            bench.repair.peerReturned(Fixture.us)
            bench.answer(where: { $0.id != forgotten.id })
        }
        let waited = bench.now - .origin
        #expect(waited > Limits.exchangeSilence && waited < Limits.exchangeSilence + .seconds(5))
    }

    /// One peer's patience is not another's: a near one that answers takes none from one that needs longer.
    @Test func eachPeerHasItsPatience() throws {
        var bench = try Bench(atOnce: 1)
        bench.repair.peerReturned(Fixture.us)
        bench.tick()
        bench.answer(where: { $0.node == Fixture.de })
        bench.tick(after: .seconds(7))
        #expect(bench.repair.abandoned == 1)
        bench.open = []
        bench.repair.peerReturned(Fixture.jp)
        for _ in 0..<20 {
            bench.tick()
            bench.answer(where: { ask in ask.node != Fixture.us })
        }
        #expect(bench.repair.completed == 8)
        bench.tick(after: .seconds(8))
        #expect(bench.repair.abandoned == 1, "it is given twelve seconds by now")
        bench.tick(after: .seconds(5))
        #expect(bench.repair.abandoned == 2)
    }

    // MARK: What is held

    /// A page counts for what it has as soon as one side's is there, and for both when both are.
    @Test func aPageCountsForWhatItHolds() throws {
        var out = Outbox<Exchange.Question>()
        var window = ByteWindow(least: 1 << 20, most: 1 << 20)
        let ring = try Fixture.ring()
        let (first, last) = TokenRange.partition(0, of: 1)
        var exchange = Exchange(
            CompareRequest(first: first, last: last, slices: Limits.compareSlices, placement: "world"), of: 0,
            between: Fixture.de, and: Fixture.us, now: .origin, &out)
        func receive(_ reply: ReplicaReply, _ subject: Exchange.Question.Subject, _ node: NodeID) {
            exchange.receive(reply, to: subject, from: node, ring: ring, now: .origin, &window, &out)
        }
        let sums = [UInt64](repeating: 1, count: Limits.compareSlices)
        receive(.fingerprints(sums, end: nil, bytes: 10), .piece, Fixture.de)
        receive(.fingerprints(sums.map { $0 + 1 }, end: nil, bytes: 10), .piece, Fixture.us)
        _ = out.take()
        exchange.advance(&window, .origin, &out)
        #expect(window.inFlight > 0 && window.inFlight < 1_000)
        let page = try #require(out.take().first)
        let item = RangeItem(key: try Fixture.key("k"), object: [UInt8](repeating: 0, count: 100_000))
        receive(.page(items: [item], more: false), page.subject, Fixture.de)
        #expect((100_000..<110_000).contains(window.inFlight))
        receive(.page(items: [item], more: false), page.subject, Fixture.us)
        #expect(window.inFlight == 0, "both have the same")
    }

    /// A page of repair is little work for each thread, however large the items of the range are.
    @Test func aPageOfRepairIsBounded() throws {
        var replica = Replica(Fixture.de, ring: try Fixture.ring())
        let value = String(repeating: "x", count: 40_000)
        for index in 0..<8 { try replica.batch([Fixture.put(try Fixture.key("k", sort: "\(index)"), value)]) }
        func items(repair: Bool) throws -> (count: Int, more: Bool) {
            let range = RangeRequest(start: [], end: nil, limit: 100, reverse: false, repair: repair)
            guard case .page(let items, let more) = try replica.ask(.range(range)) else { return (0, false) }
            return (items.count, more)
        }
        #expect(try items(repair: true) == (3, true) && items(repair: false) == (8, false))
    }
}
