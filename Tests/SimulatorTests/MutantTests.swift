// Planted bugs prove that the simulator can fail: each is caught within 500 seeds, and the very seed that catches it
// holds without the bug, so that it is the bug that was caught and nothing else.

import Simulator
import Testing

@Suite struct MutantTests {
    private static let seeds: ClosedRange<UInt64> = 1...500

    @Test(arguments: Mutant.allCases) func isCaughtWithin500Seeds(_ mutant: Mutant) throws {
        let caught = try #require(
            MutantTests.seeds.first { !Simulation.run(seed: $0, mutant: mutant).violations.isEmpty },
            "\(mutant.rawValue) lives through \(MutantTests.seeds.upperBound) seeds")
        let clean = Simulation.run(seed: caught)
        #expect(clean.violations.isEmpty, "seed \(caught) is not caught by \(mutant.rawValue) alone")
    }

    @Test func aMutantsRunIsAFunctionOfItsSeedToo() {
        let runs = (0..<2).map { _ in Simulation.run(seed: 3, mutant: .forgottenSiblings) }
        #expect(runs[0].trace == runs[1].trace)
        #expect(runs[0].violations == runs[1].violations)
    }
}
