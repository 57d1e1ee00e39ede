// Planted bugs prove that the simulator can fail: each is caught within 500 seeds, and the very seed that catches it
// holds without the bug, so that it is the bug that was caught and nothing else.

import Simulator
import Testing

@Suite struct MutantTests {
    private static let lastSeed: UInt64 = 500

    /// Where the search begins: a seed that is known to catch the mutant soon. A change of the protocols moves it, and
    /// then the search simply goes on, up to the last seed and on from the first.
    private static func firstSeed(_ mutant: Mutant) -> UInt64 {
        switch mutant {
        case .ackBeforeSync: 100
        case .droppedHint: 290
        case .forgottenSiblings: 1
        case .reusedDot: 1
        case .fallbackOutsideResidency: 1
        case .staleQuorumCount: 1
        case .lostTombstone: 1
        }
    }

    @Test(arguments: Mutant.allCases) func isCaughtWithin500Seeds(_ mutant: Mutant) throws {
        let first = MutantTests.firstSeed(mutant)
        let seeds = Array(first...MutantTests.lastSeed) + Array(1..<first)
        let caught = try #require(
            seeds.first { !Simulation.run(seed: $0, mutant: mutant).violations.isEmpty },
            "\(mutant.rawValue) lives through \(MutantTests.lastSeed) seeds")
        let clean = Simulation.run(seed: caught)
        #expect(clean.violations.isEmpty, "seed \(caught) is not caught by \(mutant.rawValue) alone")
    }

    @Test func aMutantsRunIsAFunctionOfItsSeedToo() {
        let runs = (0..<2).map { _ in Simulation.run(seed: 3, mutant: .forgottenSiblings) }
        #expect(runs[0].trace == runs[1].trace)
        #expect(runs[0].violations == runs[1].violations)
    }
}
