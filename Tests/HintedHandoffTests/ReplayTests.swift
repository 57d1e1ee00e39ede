// Bringing hints home: the newest first, a window at a time, at a bounded rate, and forgotten only when the replica has
// what was sent.

import Causality
import DataTypes
import Keys
import Storage
import Testing
import Wire
import World

@testable import HintedHandoff

@Suite struct ReplayTests {
    private var bench: HintBench

    init() throws { bench = try HintBench() }

    private mutating func fill(_ count: Int, for target: NodeID = HintBench.us) throws {
        for index in 0..<count { try bench.keep(target, try bench.key("k\(index)"), bench.object("v\(index)")) }
    }

    @Test mutating func everyHintIsDeliveredOnceAndForgotten() throws {
        try fill(200)
        var sent: [[UInt8]] = []
        for _ in 0..<20 {
            for delivery in try bench.replay() {
                guard case .merge(let key, let object, repair: true) = delivery.request else {
                    Issue.record("a hint comes home as a repair")
                    continue
                }
                #expect(try StoredObject(decoding: object) == bench.read(HintBench.us, key))
                sent.append(key)
                #expect(try bench.confirm(delivery))
            }
            bench.advance(.milliseconds(100))
        }
        #expect(sent.count == 200 && Set(sent).count == 200)
        #expect(bench.keeper.total == HintBacklog() && bench.keeper.targets.isEmpty)
        #expect(try bench.storedBytes() == 0)
        #expect(bench.keeper.delivered == 200)
    }

    /// The items' names, in the order in which they are sent.
    private func names(_ deliveries: [HintDelivery]) throws -> [String] {
        try deliveries.map { delivery in
            guard case .merge(let key, _, _) = delivery.request else { return "?" }
            return String(decoding: try StoredKey(decoding: key).partitionKey, as: UTF8.self)
        }
    }

    @Test mutating func whatCameLastLeavesFirst() throws {
        try fill(20)
        try bench.keep(HintBench.us, try bench.key("k7"), bench.object("again", by: HintBench.jp))
        let order = ["k7"] + (0..<20).reversed().map { "k\($0)" }.filter { $0 != "k7" }
        #expect(try names(try bench.replay()) == order)
        // And so does what comes while older ones are on their way.
        try bench.keep(HintBench.us, try bench.key("fresh"), bench.object("v"))
        #expect(try names(try bench.replay()) == ["fresh"])
    }

    @Test mutating func theOrderOutlastsARestart() throws {
        for index in 0..<20 {
            bench.advance(.milliseconds(5))
            try bench.keep(HintBench.us, try bench.key("k\(index)"), bench.object("v"))
        }
        bench.keeper = try HintKeeper(identity: HintBench.de, store: bench.store)
        #expect(try names(try bench.replay()) == (0..<20).reversed().map { "k\($0)" })
    }

    /// What is remembered of the order is bounded: the rest leaves last, and none is lost.
    @Test mutating func whatIsNotRememberedLeavesLast() throws {
        var replay = HintReplay()
        for index in 0..<1_000 { replay.note(Array("key \(index % 100) \(index / 500)".utf8), bound: 10_000) }
        var order: [String] = []
        while let key = replay.popNewest() { order.append(String(decoding: key, as: UTF8.self)) }
        #expect(order.first == "key 99 1" && order.count < 400 && Set(order).isSuperset(of: order.prefix(90)))
        #expect(Set(order.prefix(100)).count == 100)
    }

    @Test mutating func aWindowIsInFlightAndNoMore() throws {
        let text = String(repeating: "x", count: 10_000)
        for index in 0..<40 { try bench.keep(HintBench.us, try bench.key("k\(index)"), bench.object(text)) }
        let first = try bench.replay()
        let bytes = first.reduce(0) { $0 + $1.request.byteCount }
        #expect(bytes >= Limits.windowBytes && bytes < Limits.windowBytes + 20_000)
        #expect(try bench.replay().isEmpty)
        bench.advance(.milliseconds(200))
        for delivery in first { _ = try bench.confirm(delivery) }
        // It came home in one round trip, so that more may be tried.
        #expect(try bench.replay().count > first.count)
    }

    @Test mutating func oneLargerThanTheWindowGoesAlone() throws {
        let text = String(repeating: "x", count: 2 * Limits.windowBytes)
        for index in 0..<2 { try bench.keep(HintBench.us, try bench.key("k\(index)"), bench.object(text)) }
        let first = try bench.replay()
        #expect(first.count == 1)
        #expect(try bench.confirm(first[0]))
        #expect(try bench.replay().count == 1)
    }

    @Test mutating func targetsShareWhatLeaves() throws {
        try fill(2_000)
        try fill(2_000, for: HintBench.jp)
        bench.keeper = try HintKeeper(identity: HintBench.de, store: bench.store)
        var counts: [NodeID: Int] = [:]
        for _ in 0..<8 {
            for delivery in try bench.replay([HintBench.us, HintBench.jp]) {
                counts[delivery.target, default: 0] += 1
                _ = try bench.confirm(delivery)
            }
            bench.advance(.milliseconds(20))
        }
        let (us, jp) = (counts[HintBench.us] ?? 0, counts[HintBench.jp] ?? 0)
        #expect(us > 300 && abs(us - jp) < us / 10, "\(us) and \(jp)")
    }

    @Test mutating func whatItsLinkLostIsSentAgainAtOnce() throws {
        try fill(3)
        let sent = try bench.replay()
        bench.keeper.lose(sent[0].id, to: HintBench.us)
        #expect(try bench.replay().map(\.request) == [sent[0].request])
    }

    @Test mutating func theRateIsBounded() throws {
        try fill(2_000)
        func drain() throws -> Int {
            var count = 0
            while true {
                let deliveries = try bench.replay()
                if deliveries.isEmpty { return count }
                count += deliveries.count
                for delivery in deliveries { _ = try bench.confirm(delivery) }
            }
        }
        let burst = try drain()
        #expect(burst <= Limits.hintsPerSecond / 4 && burst > 0)
        bench.advance(.milliseconds(50))
        #expect(try drain() <= Limits.hintsPerSecond / 20)
    }

    @Test mutating func onlyThoseThatCanBeReachedAreSentTo() throws {
        try fill(3)
        try fill(4, for: HintBench.jp)
        #expect(try bench.replay([]).isEmpty)
        #expect(try bench.replay([HintBench.jp]).map(\.target) == [NodeID](repeating: HintBench.jp, count: 4))
    }

    @Test mutating func aHintThatChangedMeanwhileIsSentAgain() throws {
        let key = try bench.key("a")
        try bench.keep(HintBench.us, key, bench.object("one"))
        let first = try #require(try bench.replay().first)
        try bench.keep(HintBench.us, key, bench.object("two", by: HintBench.jp))
        #expect(try !bench.confirm(first))
        #expect(bench.keeper.total.hints == 1)
        #expect(bench.keeper.total.bytes == (try bench.storedBytes()))
        var again: [HintDelivery] = []
        for _ in 0..<3 where again.isEmpty { again = try bench.replay() }
        let second = try #require(again.first)
        #expect(second.request != first.request)
        #expect(try bench.confirm(second))
        #expect(bench.keeper.total == HintBacklog())
    }

    @Test mutating func aRefusalPausesItsTargetAlone() throws {
        try fill(5)
        try fill(5, for: HintBench.jp)
        let delivery = try #require(try bench.replay([HintBench.us]).first)
        bench.keeper.reject(delivery.id, from: HintBench.us, .busy, now: bench.instant)
        bench.advance(.milliseconds(999))
        let others = try bench.replay([HintBench.us, HintBench.jp])
        #expect(!others.isEmpty && others.allSatisfy { $0.target == HintBench.jp })
        bench.advance(.milliseconds(1))
        var keys: [ReplicaRequest] = []
        for _ in 0..<3 { keys += try bench.replay([HintBench.us]).map(\.request) }
        #expect(keys.contains(delivery.request))
    }

    @Test mutating func aFullDiskPausesItsTargetForLonger() throws {
        try fill(5)
        for delivery in try bench.replay() {
            bench.keeper.reject(delivery.id, from: HintBench.us, .diskFull, now: bench.instant)
        }
        bench.advance(Limits.fullDiskPause - .milliseconds(1))
        #expect(try bench.replay().isEmpty)
        bench.advance(.milliseconds(1))
        #expect(try bench.replay().count + bench.replay().count == 5)
    }

    @Test(arguments: [true, false]) mutating func anUnansweredDeliveryIsRepeated(_ isFirstAnswered: Bool) throws {
        try fill(1)
        let first = try #require(try bench.replay().first)
        for _ in 0..<3 { #expect(try bench.replay().isEmpty) }
        bench.advance(Limits.hintPatience)
        let again = try bench.replay()
        #expect(again.map(\.request) == [first.request])
        // Whichever answer comes first settles it, and the other one is nobody's.
        #expect(try bench.confirm(isFirstAnswered ? first : again[0]))
        #expect(try !bench.confirm(isFirstAnswered ? again[0] : first))
        #expect(bench.keeper.total == HintBacklog())
    }

    /// A line that takes longer than anybody waits: what arrives at last has arrived, and is not sent for ever.
    @Test mutating func aLateAnswerCounts() throws {
        try fill(20)
        var onTheLine: [(delivery: HintDelivery, arrives: Instant)] = []
        var sent = 0
        var isFreeAt = bench.instant
        for _ in 0..<2_000 where bench.keeper.total.hints > 0 {
            for delivery in try bench.replay() {
                sent += 1
                isFreeAt = max(isFreeAt, bench.instant) + .seconds(4)
                onTheLine.append((delivery, isFreeAt))
            }
            bench.advance(.milliseconds(100))
            while let next = onTheLine.first, next.arrives <= bench.instant {
                _ = try bench.confirm(onTheLine.removeFirst().delivery)
            }
        }
        #expect(bench.keeper.total.hints == 0 && bench.keeper.delivered == 20)
        #expect(sent < 4 * 20, "\(sent)")
    }

    /// What changed while its answer was late is not what the replica has.
    @Test mutating func aLateAnswerToWhatHasChangedDoesNotCount() throws {
        let key = try bench.key("a")
        try bench.keep(HintBench.us, key, bench.object("one"))
        let first = try #require(try bench.replay().first)
        bench.advance(Limits.hintPatience)
        _ = try bench.replay([])
        try bench.keep(HintBench.us, key, bench.object("two", by: HintBench.jp))
        let second = try #require(try bench.replay().first)
        #expect(try !bench.confirm(first))
        #expect(second.request != first.request && bench.keeper.total.hints == 1)
        #expect(try bench.confirm(second))
        #expect(bench.keeper.total == HintBacklog())
    }

    @Test mutating func answersOfOthersAndTwiceAreIgnored() throws {
        try fill(1)
        let delivery = try #require(try bench.replay().first)
        #expect(bench.keeper.confirm(delivery.id, from: HintBench.jp, now: bench.instant) == nil)
        #expect(bench.keeper.confirm(delivery.id + 7, from: HintBench.us, now: bench.instant) == nil)
        #expect(bench.keeper.total.hints == 1)
        #expect(try bench.confirm(delivery))
        #expect(try !bench.confirm(delivery))
        #expect(bench.keeper.total == HintBacklog())
    }

    @Test mutating func hintsPastTheirAgeAreDropped() throws {
        try fill(10)
        bench.advance(Limits.hintAge - .seconds(1))
        try bench.keep(HintBench.us, try bench.key("young"), bench.object("v"))
        bench.advance(.seconds(2))
        let deliveries = try bench.replay()
        #expect(deliveries.count == 1 && bench.keeper.expired == 10)
        #expect(try bench.confirm(deliveries[0]))
        #expect(bench.keeper.total == HintBacklog())
        #expect(try bench.storedBytes() == 0)
    }

    /// Anything in any order: what is counted is what is stored.
    @Test(arguments: 1...12 as ClosedRange<UInt64>) mutating func theAccountIsTheStore(_ seed: UInt64) throws {
        var dice = SeededRandom(seed: seed)
        var open: [HintDelivery] = []
        for _ in 0..<400 {
            let target = dice.chance(0.7) ? HintBench.us : HintBench.jp
            switch Int.random(in: 0..<8, using: &dice) {
            case 0...2:
                let key = try bench.key("k\(Int.random(in: 0..<12, using: &dice))")
                let text = String(repeating: "x", count: Int.random(in: 0...40, using: &dice))
                try bench.keep(
                    target, key, bench.object(text, by: target, counter: UInt64.random(in: 1...9, using: &dice)))
            case 3: open += try bench.replay(dice.chance(0.5) ? [target] : [HintBench.us, HintBench.jp])
            case 4...5: if let delivery = open.popLast() { _ = try bench.confirm(delivery) }
            case 6:
                if let delivery = open.popLast() {
                    let code = [Refusal.Code.busy, .tooLarge, .diskFull].randomElement(using: &dice) ?? .busy
                    bench.keeper.reject(delivery.id, from: delivery.target, code, now: bench.instant)
                }
            default: bench.advance(dice.chance(0.1) ? .hours(30) : .milliseconds(700))
            }
            let counted = try HintKeeper(identity: HintBench.de, store: bench.store)
            #expect(counted.total == bench.keeper.total && counted.targets == bench.keeper.targets, "seed \(seed)")
        }
    }
}
