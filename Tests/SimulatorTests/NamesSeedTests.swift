// Names alone under many more faults than beside data: every history must be linearizable, name by name, and exactly
// checked.

import Testing

@testable import Simulator

@Suite struct NamesSeedTests {
    private static let perTest: UInt64 = 12

    @Test(arguments: 0..<6 as Range<UInt64>) func seedsHold(_ part: UInt64) {
        var (answered, reconfigurations) = (0, 0)
        let first = 1 + part * NamesSeedTests.perTest
        for seed in first..<(first + NamesSeedTests.perTest) {
            let verdict = Simulation.runNames(seed: seed)
            #expect(
                verdict.violations.isEmpty, "seed \(seed), replay with `atoll simulate --names --seeds \(seed)`")
            answered += verdict.namesAnswered
            reconfigurations += verdict.reconfigurations
        }
        // Runs in which nothing happens find nothing.
        #expect(answered > 150)
        #expect(reconfigurations > 1)
    }

    @Test func aSeedIsTheWholeTruth() {
        let (first, second) = (Simulation.runNames(seed: 7), Simulation.runNames(seed: 7))
        #expect(first.trace == second.trace)
        #expect(first.namesAnswered == second.namesAnswered)
    }

    /// The runs that are made for some mutants are runs like any other.
    @Test(arguments: [Mutant.votesBeforeSync, .ballotsUsedTwice, .damagedIsAbsent, .wipedDiskVotes])
    func runsForMutantsHoldWithoutThem(_ mutant: Mutant) {
        for seed in UInt64(1)...6 {
            let verdict = Simulation.runNames(seed: seed, madeFor: mutant)
            #expect(verdict.violations.isEmpty, "seed \(seed): \(verdict.violations)")
        }
    }
}
