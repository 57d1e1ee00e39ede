// What replay costs where something is wrong: hints that are refused, targets that take nothing, orders that grow long.

import Keys
import Storage
import Testing
import Wire
import World

@testable import HintedHandoff

@Suite struct ReplayBoundsTests {
    private var bench: HintBench

    init() throws { bench = try HintBench() }

    private mutating func fill(_ count: Int) throws {
        for index in 0..<count { try bench.keep(HintBench.us, try bench.key("k\(index)"), bench.object("v\(index)")) }
    }

    // MARK: What is refused

    /// One that its replica will never take keeps none of the others back, and is tried again after a while.
    @Test mutating func whatIsRefusedForGoodRests() throws {
        try fill(50)
        let bad = try bench.key("k7")
        var refusals = 0
        func bring() throws {
            for delivery in try bench.replay() {
                guard case .merge(bad, _, _) = delivery.request else {
                    _ = try bench.confirm(delivery)
                    continue
                }
                refusals += 1
                bench.keeper.reject(delivery.id, from: HintBench.us, .tooLarge, now: bench.instant)
            }
        }
        try bring()
        try bench.keep(HintBench.us, try bench.key("fresh"), bench.object("v"))
        try bring()
        #expect(bench.keeper.total.hints == 1 && refusals == 1)
        for _ in 0..<50 {
            bench.advance(.seconds(10))
            try bring()
        }
        #expect(bench.keeper.total.hints == 1 && refusals == 1)
        bench.advance(Limits.refusedHintPause)
        try bring()
        #expect(refusals == 2)
        // What it becomes may be taken.
        try bench.keep(HintBench.us, bad, bench.object("again", by: HintBench.jp))
        try bring()
        #expect(refusals == 3 && bench.keeper.total.hints == 1)
    }

    @Test mutating func whoRefusesEverythingIsLeftAlone() throws {
        try fill(Limits.hintsResting + 500)
        var refusals = 0
        for _ in 0..<100 {
            for delivery in try bench.replay() {
                refusals += 1
                bench.keeper.reject(delivery.id, from: HintBench.us, .notReplica, now: bench.instant)
            }
            bench.advance(.milliseconds(100))
        }
        // In ten seconds those that may rest, and some more each time that it is asked again.
        #expect(refusals < Limits.hintsResting + 11 * 500 && bench.keeper.total.hints == Limits.hintsResting + 500)
    }

    // MARK: What it costs

    /// A target that takes nothing for now has no share of what others may have on their way.
    @Test mutating func aPausedTargetHasNoShare() throws {
        var replay = HintReplay()
        #expect(replay.room(of: 1 << 20) == Limits.windowBytes)
        let text = String(repeating: "x", count: 100_000)
        for index in 0..<200 {
            for target in [HintBench.us, HintBench.jp] {
                try bench.keep(target, try bench.key("k\(index)"), bench.object(text))
            }
        }
        let refused = try #require(try bench.replay([HintBench.us]).first)
        bench.keeper.reject(refused.id, from: HintBench.us, .diskFull, now: bench.instant)
        var most = 0
        for _ in 0..<12 {
            let sent = try bench.replay([HintBench.us, HintBench.jp])
            most = max(most, sent.reduce(0) { $0 + $1.request.byteCount })
            bench.advance(.milliseconds(200))
            for delivery in sent { _ = try bench.confirm(delivery) }
        }
        #expect(most > Limits.hintFlightBytes / 2, "\(most)")
    }

    /// However many of those that came last have nothing to send, a step looks at a batch of them.
    @Test mutating func aStepLooksAtABatch() throws {
        try fill(2 * Limits.batchRequests)
        bench.advance(Limits.hintAge + .seconds(1))
        var steps: [UInt64] = []
        for _ in 0..<3 {
            let before = bench.keeper.expired
            _ = try bench.replay()
            steps.append(bench.keeper.expired - before)
        }
        #expect(steps == [512, 512, 0] && bench.keeper.total == HintBacklog())
    }

    /// Where all that is kept is on its way there is nothing to be found in the store.
    @Test mutating func aFinishedWalkRests() throws {
        try fill(200)
        bench.keeper = try HintKeeper(identity: HintBench.de, store: bench.store)
        let counting = CountingStore(bench.store)
        var scans = 0
        func replay() throws -> [HintDelivery] {
            let before = counting.scans
            defer { scans += counting.scans - before }
            return try bench.keeper.replay(to: [HintBench.us], store: counting, now: bench.now).deliveries
        }
        let sent = try replay()
        #expect(sent.count == 200 && scans == 0)
        bench.keeper.reject(sent[0].id, from: HintBench.us, .tooLarge, now: bench.instant)
        for delivery in sent.dropFirst() {
            _ = try bench.confirm(delivery)
            #expect(try replay().isEmpty)
        }
        #expect(scans == 0)
        // One that cannot be read is always left: it is walked for in vain, but seldom.
        try bench.store.commit([.put(key: HintKey.prefix(HintBench.us) + [1], value: [99])], synced: false)
        bench.keeper = try HintKeeper(identity: HintBench.de, store: bench.store)
        for _ in 0..<100 {
            for delivery in try replay() { _ = try bench.confirm(delivery) }
            bench.advance(.milliseconds(50))
        }
        #expect((1...6).contains(scans), "\(scans)")
    }

    /// Targets share what is remembered of their orders as they come, and one for which nothing is kept has none.
    @Test mutating func ordersShareTheirRoom() throws {
        var replay = HintReplay()
        for index in 0..<1_000 { replay.note(Array("key \(index)".utf8), bound: 100_000) }
        #expect(replay.newestBytes > 40_000)
        replay.trim(to: 20_000)
        #expect(replay.newestBytes <= 20_000)
        replay.forgetOrder()
        #expect(replay.newestBytes == 0 && replay.popNewest() == nil)
        try fill(100)
        let alone = bench.keeper.rememberedBytes
        for delivery in try bench.replay() { _ = try bench.confirm(delivery) }
        #expect(alone > 0 && bench.keeper.rememberedBytes == 0)
    }
}
