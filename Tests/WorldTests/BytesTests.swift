// The base of every format: what a writer wrote a reader reads, and a reader trusts nothing.

import Testing
import World

@Suite struct BytesTests {
    private static let edges: [UInt64] = [
        0, 1, 0x7F, 0x80, 0x3FFF, 0x4000, 1 << 32, (1 << 63) - 1, 1 << 63, .max - 1, .max,
    ]

    @Test func numbersRoundTripInTheFewestBytes() throws {
        var dice = SeededRandom(seed: 1)
        let numbers = BytesTests.edges + (0..<2_000).map { _ in dice.next() >> UInt64.random(in: 0...63, using: &dice) }
        for number in numbers {
            var w = ByteWriter()
            w.varint(number)
            #expect(w.bytes.count == max(1, (64 - number.leadingZeroBitCount + 6) / 7))
            #expect(w.bytes.count == ByteWriter.size(ofVarint: number))
            w.fixed64(number)
            var r = ByteReader(w.bytes)
            #expect(try r.varint() == number)
            #expect(try r.fixed64() == number)
            try r.finish()
        }
    }

    @Test func fixedNumbersSortAsTheirBytes() {
        var dice = SeededRandom(seed: 2)
        func bytes(_ n: UInt64) -> [UInt8] {
            var w = ByteWriter()
            w.fixed64(n)
            return w.bytes
        }
        for _ in 0..<1_000 {
            let (a, b) = (dice.next(), dice.next())
            #expect((a < b) == bytes(a).lexicographicallyPrecedes(bytes(b)))
        }
    }

    @Test func aNumberHasOneEncoding() {
        for bytes in [[0x80, 0x00], [0xFF, 0x80, 0x00], [UInt8](repeating: 0x80, count: 9) + [0]] as [[UInt8]] {
            var r = ByteReader(bytes)
            #expect(throws: DecodingFailure.self) { try r.varint() }
        }
    }

    @Test func numbersBeyond64BitsAreRefused() {
        for last in [2, 0x7F, 0x81] as [UInt8] {
            var r = ByteReader([UInt8](repeating: 0xFF, count: 9) + [last, 1])
            #expect(throws: DecodingFailure.self) { try r.varint() }
        }
        var r = ByteReader([UInt8](repeating: 0xFF, count: 9) + [1])
        #expect((try? r.varint()) == .max)
    }

    @Test func stringsRoundTripAndLimitsHold() throws {
        var w = ByteWriter()
        w.counted([0, 0xFF, 1])
        w.counted("Zürich")
        w.raw([9, 9])
        var r = ByteReader(w.bytes)
        #expect(try r.counted(atMost: 3) == [0, 0xFF, 1])
        #expect(try r.countedString(atMost: 7) == "Zürich")
        #expect(r.remaining == 2 && !r.isAtEnd)
        #expect(throws: DecodingFailure.self) { try r.finish() }
        #expect(Array(try r.raw(2)) == [9, 9])
        #expect(r.isAtEnd)
        var tight = ByteReader(w.bytes)
        #expect(throws: DecodingFailure.overlong) { try tight.counted(atMost: 2) }
    }

    @Test func fixedPartsRoundTrip() throws {
        var w = ByteWriter()
        w.integer(0xCAFE as UInt16)
        w.integer(-2 as Int32)
        w.double(-0.5)
        w.flag(true)
        w.optional(7 as UInt8) { $0.byte($1) }
        w.optional(nil as UInt8?) { $0.byte($1) }
        #expect(w.bytes.prefix(6) == [0xCA, 0xFE, 0xFF, 0xFF, 0xFF, 0xFE])
        var r = ByteReader(w.bytes)
        #expect(try r.integer(UInt16.self) == 0xCAFE)
        #expect(try r.integer(Int32.self) == -2)
        #expect(try r.double() == -0.5)
        #expect(try r.flag())
        #expect(try r.optional { (r) throws(DecodingFailure) in try r.byte() } == 7)
        #expect(try r.optional { (r) throws(DecodingFailure) in try r.byte() } == nil)
        try r.finish()
        w.overwrite(at: 0, littleEndian: 0x0102)
        #expect(w.bytes.prefix(8) == [2, 1, 0, 0, 0, 0, 0, 0])
        var strange = ByteReader([2])
        #expect(throws: DecodingFailure.self) { try strange.flag() }
        var short = ByteReader([1])
        #expect(throws: DecodingFailure.truncated) { try short.integer(UInt16.self) }
    }

    @Test func aReaderKeepsToItsPart() throws {
        var r = ByteReader([1, 1, 3, 4], from: 1, upTo: 3)
        #expect(try r.count(each: 1) == 1)
        #expect(try r.varint(below: 4) == 3)
        #expect(throws: DecodingFailure.truncated) { try r.byte() }
        #expect(ByteReader([1], from: 5).isAtEnd && ByteReader([1], upTo: 9).remaining == 1)
        var crowd = ByteReader([3, 0, 0])
        #expect(throws: DecodingFailure.overlong) { try crowd.count(each: 1) }
        var large = ByteReader([9])
        #expect(throws: DecodingFailure.overlong) { try large.varint(below: 9) }
    }

    @Test func lengthsThatLieAreRefused() {
        var w = ByteWriter()
        w.varint(.max)
        for limit in [0, 1, Int.max] {
            var r = ByteReader(w.bytes)
            #expect(throws: DecodingFailure.self) { try r.counted(atMost: limit) }
        }
        var r = ByteReader([1, 2])
        #expect(throws: DecodingFailure.truncated) { try r.raw(3) }
        #expect(throws: DecodingFailure.truncated) { try r.raw(-1) }
        #expect(throws: DecodingFailure.truncated) { try r.fixed64() }
        var text = ByteReader([2, 0xC3, 0x28])
        #expect(throws: DecodingFailure.self) { try text.countedString(atMost: 8) }
    }

    @Test func noiseNeverTraps() {
        var dice = SeededRandom(seed: 3)
        for _ in 0..<5_000 {
            var r = ByteReader(
                (0..<Int.random(in: 0...20, using: &dice)).map { _ in UInt8.random(in: 0...255, using: &dice) })
            for _ in 0..<6 {
                switch Int.random(in: 0..<5, using: &dice) {
                case 0: _ = try? r.varint()
                case 1: _ = try? r.counted(atMost: 1 << 20)
                case 2: _ = try? r.countedString(atMost: 1 << 20)
                case 3: _ = try? r.fixed64()
                default: _ = try? r.raw(Int.random(in: -2...30, using: &dice))
                }
                #expect(r.remaining >= 0)
            }
        }
    }
}
