// Planted faults prove that the namestore's model can fail: each is caught within 1,000 seeds, and the seed that
// catches it holds without the fault.

import Simulator
import Testing

@Suite struct NamesMutantTests {
    private static let lastSeed: UInt64 = 1_000

    /// Where the search begins: a seed that is known to catch the mutant. A change of the protocol moves it, and then
    /// the search simply goes on, up to the last seed and on from the first.
    private static func firstSeed(_ mutant: NamesMutant) -> UInt64 {
        switch mutant {
        case .wipedDiskVotes: 5
        case .noRescan: 6
        case .fastReadAtMajority: 270
        case .noEpochCheck: 218
        case .fastQuorumIsMajority: 135
        case .votesBeforeSync: 6
        case .promisesNotStored: 3
        case .ballotsUsedTwice: 458
        case .halfIsMajority: 2
        case .damagedIsAbsent: 2
        case .jointAsksNewSetOnly: 16
        case .unknownIsFailure: 2
        case .promiseHidesFastVote: 1
        case .requestsAreOne: 1
        }
    }

    @Test(arguments: NamesMutant.allCases) func isCaughtWithinItsSeeds(_ mutant: NamesMutant) throws {
        let first = NamesMutantTests.firstSeed(mutant)
        let seeds = Array(first...NamesMutantTests.lastSeed) + Array(1..<first)
        let caught = try #require(
            seeds.first { !NamesModel.run(mutant.settings($0), seams: mutant.seams).violations.isEmpty },
            "\(mutant.rawValue) lives through \(NamesMutantTests.lastSeed) seeds")
        let clean = NamesModel.run(mutant.settings(caught))
        #expect(clean.violations.isEmpty, "seed \(caught) is not caught by \(mutant.rawValue) alone")
    }

    /// The runs that are made for some mutants are runs like any other.
    @Test(arguments: [NamesMutant.votesBeforeSync, .ballotsUsedTwice, .damagedIsAbsent, .wipedDiskVotes])
    func itsRunsHoldWithoutIt(_ mutant: NamesMutant) {
        for seed in UInt64(1)...12 {
            let report = NamesModel.run(mutant.settings(seed))
            #expect(report.violations.isEmpty, "seed \(seed): \(report.violations)")
        }
    }
}
