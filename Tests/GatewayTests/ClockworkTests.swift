// The timer wheel and the hedging policy: the two parts of a gateway that are only about time.

import Testing
import World

@testable import Gateway

@Suite struct TimerWheelTests {
    @Test func nothingComesEarlyNorMoreThanASlotLate() {
        for seed in 1...20 as ClosedRange<UInt64> {
            var dice = SeededRandom(seed: seed)
            var now = Instant(nanoseconds: Int64.random(in: 0...5_000_000_000, using: &dice))
            var wheel = TimerWheel(now: now)
            var due: [UInt64: Instant] = [:]
            var seen: Set<UInt64> = []
            for id in 0..<2_000 as Range<UInt64> {
                let time = now + .microseconds(Int64.random(in: -2_000...4_000_000, using: &dice))
                wheel.set(id, at: time)
                due[id] = max(time, now)
                if dice.chance(0.7) { continue }
                if let next = wheel.next, dice.chance(0.3) { now = max(now, next) }
                now = now + .microseconds(Int64.random(in: 0...3_000, using: &dice))
                let last = now
                for id in wheel.due(now) {
                    guard let time = due.removeValue(forKey: id) else {
                        return #expect(Bool(false), "\(id) came twice")
                    }
                    seen.insert(id)
                    #expect(time <= last, "seed \(seed): \(id) came early")
                }
                for (id, time) in due where time + .milliseconds(1) < now {
                    Issue.record("seed \(seed): \(id) is late")
                }
            }
            now = now + .seconds(10)
            seen.formUnion(wheel.due(now))
            #expect(seen.count == 2_000 && wheel.next == nil)
        }
    }

    @Test func farTimersComeWithinFourSecondsToBeSetAgain() {
        var wheel = TimerWheel(now: .origin)
        wheel.set(1, at: .origin + .seconds(60))
        let (early, late) = (wheel.due(.origin + .milliseconds(4_000)), wheel.due(.origin + .milliseconds(4_096)))
        #expect(early.isEmpty && late == [1])
    }

    @Test func comesInOrderOfTime() {
        var wheel = TimerWheel(now: .origin)
        for (id, ms) in [(1, 30), (2, 10), (3, 20), (4, 10)] as [(UInt64, Int64)] {
            wheel.set(id, at: .origin + .milliseconds(ms))
        }
        #expect(wheel.next == .origin + .milliseconds(10))
        let first = wheel.due(.origin + .milliseconds(25))
        #expect(first == [2, 4, 3])
        #expect(wheel.next == .origin + .milliseconds(30))
        let second = wheel.due(.origin + .seconds(3_600))
        #expect(second == [1])
        #expect(wheel.next == nil)
    }
}

@Suite struct HedgePolicyTests {
    @Test func theDelayIsThe95thPercentileOfTheRecentReads() {
        var policy = HedgePolicy()
        for _ in 0..<63 { policy.observe(.milliseconds(5)) }
        #expect(policy.delay == nil)
        for index in 0..<257 { policy.observe(.milliseconds(Int64(index % 100 + 1))) }
        let delay = policy.delay ?? .zero
        #expect(delay >= .milliseconds(90) && delay <= .milliseconds(100))
        for _ in 0..<320 { policy.observe(.milliseconds(1)) }
        #expect(policy.delay == .milliseconds(1))
    }

    @Test func atMostTwoInAHundredReadsAreHedged() {
        var policy = HedgePolicy()
        var hedges = 0
        for _ in 0..<10_000 {
            if policy.spend(isFar: false) { hedges += 1 }
            policy.observe(.milliseconds(1))
        }
        #expect(hedges >= 195 && hedges <= 201)
    }

    @Test func whatIsSavedIsBounded() {
        var policy = HedgePolicy()
        for _ in 0..<100_000 { policy.observe(.milliseconds(1)) }
        let spent = (0..<100).count { _ in policy.spend(isFar: false) }
        #expect(spent == 8)
        // The rest is for reads that are late several times over.
        let far = (0..<100).count { _ in policy.spend(isFar: true) }
        #expect(far == 2)
    }
}
