// When the load generator sends what: all on a clock of the tests' own.

import Testing
import World

@testable import atoll

@Suite struct LoadScheduleTests {
    private static let start: UInt64 = 5_000_000_000
    private static let second: UInt64 = 1_000_000_000

    private func plan(_ change: (inout LoadPlan) -> Void = { _ in }) throws -> LoadPlan {
        var plan = LoadPlan(urls: [try NodeURL("http://127.0.0.1:1")])
        change(&plan)
        return plan
    }

    private func schedule(_ plan: LoadPlan, _ share: LoadShare = LoadShare(index: 0, count: 1)) -> LoadSchedule {
        LoadSchedule(
            plan, .uniform(count: plan.keys), share: share, start: LoadScheduleTests.start,
            random: SeededRandom(seed: 1))
    }

    @Test func loadWritesEachKeyOnceOverAllLoops() throws {
        let plan = try plan { $0.keys = 10 }
        var keys: [Int] = []
        for index in 0..<3 {
            var schedule = LoadSchedule(loading: plan, share: LoadShare(index: index, count: 3))
            while let request = schedule.next(now: 1) {
                #expect(request.operation == .put)
                keys.append(request.key)
            }
            #expect(schedule.isOver(now: 1))
        }
        #expect(keys.sorted() == Array(0..<10))
    }

    @Test func openLoopIsDueAtItsRateWhateverIsAnswered() throws {
        let plan = try plan {
            $0.arrival = .open(rate: 1_000)
            $0.extent = .duration(LoadScheduleTests.second)
        }
        var schedule = schedule(plan)
        let start = LoadScheduleTests.start
        #expect(schedule.next(now: start)?.due == start)
        #expect(schedule.next(now: start) == nil)
        #expect(schedule.nextDue == start + 1_000_000)
        // A stall of 10 ms: ten requests are due, each from its own time.
        let late = start + 10_000_000
        for number in 1...10 { #expect(schedule.next(now: late)?.due == start + UInt64(number) * 1_000_000) }
        #expect(schedule.next(now: late) == nil)
        // Nothing more is asked until the end: what was due stays on the account.
        #expect(schedule.isOver(now: start + LoadScheduleTests.second))
        #expect(schedule.unsent == 989)
    }

    @Test func loopsShareTheRateEvenly() throws {
        let plan = try plan {
            $0.arrival = .open(rate: 1_000)
            $0.extent = .duration(LoadScheduleTests.second)
        }
        var due: [UInt64] = []
        for index in 0..<4 {
            var schedule = schedule(plan, LoadShare(index: index, count: 4))
            while let request = schedule.next(now: LoadScheduleTests.start + 8_000_000 - 1) { due.append(request.due) }
        }
        #expect(due.sorted() == (0..<8).map { LoadScheduleTests.start + $0 * 1_000_000 })
    }

    @Test func warmUpDoesNotCount() throws {
        let plan = try plan {
            $0.warmUp = LoadScheduleTests.second
            $0.extent = .duration(2 * LoadScheduleTests.second)
        }
        var schedule = schedule(plan)
        let start = LoadScheduleTests.start
        #expect(schedule.next(now: start)?.counts == false)
        #expect(schedule.next(now: start + LoadScheduleTests.second)?.counts == true)
        #expect(schedule.isInTime(start + 3 * LoadScheduleTests.second - 1))
        #expect(!schedule.isInTime(start + 3 * LoadScheduleTests.second))
        #expect(schedule.next(now: start + 3 * LoadScheduleTests.second) == nil)
    }

    @Test func aNumberOfRequestsIsDividedAndKept() throws {
        let plan = try plan {
            $0.extent = .requests(11)
            $0.warmUp = 10
        }
        var counted = 0
        for index in 0..<4 {
            var schedule = schedule(plan, LoadShare(index: index, count: 4))
            #expect(schedule.next(now: LoadScheduleTests.start)?.counts == false)
            while let request = schedule.next(now: LoadScheduleTests.start + 10) { counted += request.counts ? 1 : 0 }
        }
        #expect(counted == 11)
    }
}
