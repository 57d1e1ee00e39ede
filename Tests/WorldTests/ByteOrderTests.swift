// The order of byte strings is the one that the standard library gives them, whatever their lengths.

import Testing

@testable import World

@Suite struct ByteOrderTests {
    @Test func isThatOfTheStandardLibrary() {
        var dice = SeededRandom(seed: 1)
        for _ in 0..<5_000 {
            let shared = (0..<Int.random(in: 0...20, using: &dice)).map { _ in UInt8.random(in: 0...255, using: &dice) }
            func some() -> [UInt8] {
                shared + (0..<Int.random(in: 0...9, using: &dice)).map { _ in UInt8.random(in: 0...2, using: &dice) }
            }
            let (a, b) = (some(), some())
            #expect(a.precedes(b) == a.lexicographicallyPrecedes(b), "\(a) \(b)")
            #expect(!a.precedes(a))
            #expect(a.isEqual(b) == (a == b) && a.isEqual(shared + a.dropFirst(shared.count)))
        }
    }
}
