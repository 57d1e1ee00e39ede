// Planted bugs prove that the simulator can fail: each is caught within 2,000 seeds, and the very seed that catches it
// holds without the bug, so that it is the bug that was caught and nothing else.

import Testing

@testable import Simulator

@Suite struct MutantTests {
    private static let seeds: ClosedRange<UInt64> = 1...2_000

    /// The first that catches it, where that is a late one: looked at before all others. After a change of the
    /// simulator another may be the first; `atoll simulate --seeds 1..2000 --mutant NAME` tells.
    private static let firstSeeds: [Mutant: UInt64] = [
        .ackBeforeSync: 269, .wipedDiskKeepsLife: 289, .attemptsUnknown: 21, .restoredDiskKeepsLife: 29,
        .droppedItem: 16, .typedResetForgotten: 94, .typedNoAfter: 648, .typedMoveAsDeleteAndInsert: 253,
        .wipedDiskVotes: 24, .noRescan: 18, .fastReadAtMajority: 177, .noEpochCheck: 918, .fastQuorumIsMajority: 616,
        .ballotsUsedTwice: 48, .damagedIsAbsent: 9, .jointAsksNewSetOnly: 14, .promiseHidesFastVote: 17,
        .socialClaimsFirst: 3, .socialBelievesOneReplica: 1, .socialIgnoresPostID: 1, .socialTakesNothingUp: 17,
    ]

    @Test(arguments: Mutant.allCases) func isCaughtWithin2000Seeds(_ mutant: Mutant) throws {
        let first = MutantTests.firstSeeds[mutant].map { [$0] } ?? []
        let caught = try #require(
            (first + MutantTests.seeds).first { !Simulation.run(seed: $0, mutant: mutant).violations.isEmpty },
            "\(mutant.rawValue) lives through \(MutantTests.seeds.upperBound) seeds")
        let clean =
            mutant.isOfNames
            ? Simulation.runNames(seed: caught, madeFor: mutant)
            : mutant.isOfSocial ? Simulation.runSocial(seed: caught) : Simulation.run(seed: caught)
        #expect(clean.violations.isEmpty, "seed \(caught) is not caught by \(mutant.rawValue) alone")
    }

    @Test func aMutantsRunIsAFunctionOfItsSeedToo() {
        let runs = (0..<2).map { _ in Simulation.run(seed: 3, mutant: .forgottenSiblings) }
        #expect(runs[0].trace == runs[1].trace)
        #expect(runs[0].violations == runs[1].violations)
    }
}
