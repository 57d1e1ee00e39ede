// The load generator's draws: of the right shape, and the same for the same seed.

import Foundation
import Testing
import World

@testable import atoll

@Suite struct KeyChoiceTests {
    private func counts(_ choice: KeyChoice, of keys: Int, draws: Int, seed: UInt64 = 7) -> [Int] {
        var random = SeededRandom(seed: seed)
        var counts = [Int](repeating: 0, count: keys)
        for _ in 0..<draws { counts[choice.next(&random)] += 1 }
        return counts
    }

    @Test func zipfianFollowsItsLaw() {
        let keys = 1_000
        let draws = 1_000_000
        let counts = counts(.zipfian(Zipfian(count: keys)), of: keys, draws: draws)
        let zeta = (1...keys).reduce(0) { $0 + 1 / pow(Double($1), 0.99) }
        // The first two ranks are exact, the rest is the paper's approximation of a sum by an integral.
        for (rank, tolerance) in [(0, 0.02), (1, 0.02), (9, 0.1), (99, 0.15)] {
            let expected = Double(draws) / pow(Double(rank + 1), 0.99) / zeta
            #expect(abs(Double(counts[rank]) / expected - 1) < tolerance, "rank \(rank)")
        }
        let upperHalf = Double(counts[500...].reduce(0, +)) / Double(draws)
        let expectedHalf = (501...keys).reduce(0) { $0 + 1 / pow(Double($1), 0.99) } / zeta
        #expect(abs(upperHalf / expectedHalf - 1) < 0.05)
    }

    @Test func zipfianStaysInRange() {
        for keys in [1, 2, 3, 10_000] {
            let law = Zipfian(count: keys)
            #expect(law.rank(at: 0) == 0)
            #expect(law.rank(at: 1 - 0x1p-53) == keys - 1)
        }
        let two = counts(.zipfian(Zipfian(count: 2)), of: 2, draws: 100_000)
        #expect(abs(Double(two[0]) / Double(two[1]) - pow(2, 0.99)) < 0.05)
    }

    @Test func uniformReachesAllAlike() {
        let counts = counts(.uniform(count: 100), of: 100, draws: 100_000)
        #expect(counts.allSatisfy { (850...1_150).contains($0) })
    }

    @Test(arguments: KeyDistribution.allCases) func aSeedDrawsTheSameKeys(_ distribution: KeyDistribution) {
        let choice = distribution.choice(of: 500)
        #expect(counts(choice, of: 500, draws: 1_000, seed: 3) == counts(choice, of: 500, draws: 1_000, seed: 3))
        #expect(counts(choice, of: 500, draws: 1_000, seed: 3) != counts(choice, of: 500, draws: 1_000, seed: 4))
    }

    @Test func mixesHaveTheirShares() {
        for (workload, share) in [(BenchWorkload.a, 0.5), (.b, 0.95), (.c, 1), (.get, 1), (.put, 0)] {
            var random = SeededRandom(seed: 11)
            let reads = (0..<100_000).count { _ in workload.next(&random) == .get }
            #expect(abs(Double(reads) / 100_000 - share) < 0.01, "\(workload)")
        }
    }
}
