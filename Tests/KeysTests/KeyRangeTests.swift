// What a range of keys holds, and where it ends.

import Keys
import Testing
import World

@Suite struct KeyRangeTests {
    @Test func aPrefixRangeHoldsExactlyItsKeys() {
        var dice = SeededRandom(seed: 1)
        func bytes(_ most: Int) -> [UInt8] {
            (0..<Int.random(in: 0...most, using: &dice)).map { _ in [0, 1, 0xFE, 0xFF].randomElement(using: &dice) ?? 0
            }
        }
        for _ in 0..<5_000 {
            let (prefix, key) = (bytes(3), bytes(6))
            #expect(KeyRange(prefix: prefix).contains(key) == key.starts(with: prefix), "\(prefix) \(key)")
        }
    }

    @Test func theSuccessorIsTheFirstKeyBeyond() {
        #expect(KeyRange.successor(ofPrefix: [1, 2]) == [1, 3])
        #expect(KeyRange.successor(ofPrefix: [1, 0xFF, 0xFF]) == [2])
        #expect(KeyRange.successor(ofPrefix: [0xFF]) == nil)
        #expect(KeyRange.successor(ofPrefix: []) == nil)
    }

    @Test func boundsAreHalfOpen() {
        let range = KeyRange(start: [1], end: [2])
        #expect(range.contains([1]) && range.contains([1, 0xFF]))
        #expect(!range.contains([2]) && !range.contains([0, 0xFF]))
        #expect(KeyRange.everything.contains([]) && KeyRange.everything.contains([0xFF, 0xFF]))
    }
}
