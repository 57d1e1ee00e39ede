// Chance that is a function of its seed, and still chance.

import Testing
import World

@Suite struct SeededRandomTests {
    private func draws(_ seed: UInt64, _ count: Int = 64) -> [UInt64] {
        var random = SeededRandom(seed: seed)
        return (0..<count).map { _ in random.next() }
    }

    /// The second word of SplitMix64 seeded with 0 (its authors' reference code), of which xoshiro256** makes its first
    /// output: rotl(s1 * 5, 7) * 9.
    @Test func agreesWithTheReference() {
        let second: UInt64 = 0x6E78_9E6A_A1B9_65F4
        let x = second &* 5
        #expect(draws(0, 1) == [((x << 7) | (x >> 57)) &* 9])
    }

    @Test func theSeedIsAll() {
        #expect(draws(42) == draws(42))
        #expect(Set((0..<200).map { draws($0, 1)[0] }).count == 200)
    }

    @Test func aForkIsIndependentOfLaterDraws() {
        var a = SeededRandom(seed: 7)
        var b = SeededRandom(seed: 7)
        var forkA = a.fork()
        var forkB = b.fork()
        _ = (0..<10).map { _ in a.next() }
        #expect((0..<10).map { _ in forkA.next() } == (0..<10).map { _ in forkB.next() })
        _ = b.next()
    }

    @Test func unitsAreUniform() {
        var random = SeededRandom(seed: 1)
        let units = (0..<20_000).map { _ in random.unit() }
        #expect(units.allSatisfy { (0..<1).contains($0) })
        #expect(abs(units.reduce(0, +) / 20_000 - 0.5) < 0.01)
        let quarters = units.reduce(into: [0, 0, 0, 0]) { $0[Int($1 * 4)] += 1 }
        #expect(quarters.allSatisfy { abs($0 - 5_000) < 250 })
    }

    @Test func chanceHasItsRate() {
        var random = SeededRandom(seed: 2)
        #expect(!(0..<1_000).contains { _ in random.chance(0) })
        #expect((0..<1_000).allSatisfy { _ in random.chance(1) })
        #expect(abs((0..<20_000).count { _ in random.chance(0.1) } - 2_000) < 200)
    }

    @Test func exponentialGapsHaveTheirMean() {
        var random = SeededRandom(seed: 3)
        let gaps = (0..<20_000).map { _ in random.exponential(mean: .milliseconds(10)) }
        #expect(gaps.allSatisfy { $0 >= .zero })
        let mean = gaps.reduce(0) { $0 + $1.inMilliseconds } / 20_000
        #expect(abs(mean - 10) < 0.3)
        // Of an exponential distribution 1/e lie above the mean.
        #expect(abs(Double(gaps.count { $0 > .milliseconds(10) }) / 20_000 - 0.3679) < 0.02)
    }
}
