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

@Suite struct StableHashTests {
    /// The test vectors of draft-eastlake-fnv, and the first number of SplitMix64 from seed 0.
    @Test func isTheOneOfTheBooks() {
        #expect(StableHash("").value == 0xCBF2_9CE4_8422_2325)
        #expect(StableHash("a").value == 0xAF63_DC4C_8601_EC8C)
        #expect(StableHash("foobar").value == 0x8594_4171_F739_67E8)
        #expect(SplitMix64.scatter(0) == 0xE220_A839_7B1D_CDAF)
        var bytes = StableHash()
        bytes.add([1, 0, 0, 0, 0, 0, 0, 0], from: 0)
        var word = StableHash()
        word.add(1 as UInt64)
        #expect(bytes.value == word.value)
    }
}

@Suite struct BinarySearchTests {
    @Test func findsTheFirstPlaceThatIsNotBefore() {
        for count in 0...9 {
            let sorted = (0..<count).map { $0 / 2 }
            for wanted in -1...6 {
                let expected = sorted.firstIndex { $0 >= wanted } ?? count
                #expect(sorted.firstPlace { $0 < wanted } == expected)
                for start in 0...expected { #expect(sorted.firstPlace(from: start) { $0 < wanted } == expected) }
            }
        }
        #expect([9, 1, 3, 5][1...].firstPlace { $0 < 3 } == 2)
    }
}
