// Random schedules hold, and find every planted bug.

import Testing
import World

@testable import DataTypes

@Suite struct ScheduleTests {
    @Test func nothingIsViolated() throws {
        var played = Schedule.Figures()
        for seed in 1...300 as ClosedRange<UInt64> {
            var schedule = Schedule(seed: seed)
            do { try schedule.play() } catch { throw Violation(description: "seed \(seed): \(error)") }
            played.gaps += schedule.figures.gaps
            played.sweeps += schedule.figures.sweeps
            played.retries += schedule.figures.retries
            played.voids += schedule.figures.voids
            played.oldContexts += schedule.figures.oldContexts
        }
        // Nothing that the schedules are for was left out.
        #expect(played.gaps > 100 && played.sweeps > 20 && played.retries > 100)
        #expect(played.voids > 20 && played.oldContexts > 100)
    }

    /// Where the bug is found late, the seed that finds it.
    private static let firstSeeds: [TypedMutant: UInt64] = [:]

    @Test(arguments: TypedMutant.allCases) func everyMutantIsFound(_ mutant: TypedMutant) {
        let first = ScheduleTests.firstSeeds[mutant] ?? 1
        for seed in first..<first + 100 {
            var schedule = Schedule(seed: seed, mutant: mutant)
            do { try schedule.play() } catch { return }
        }
        Issue.record("\(mutant) is not found")
    }
}
