// Frames come out the same however the stream is cut, and a length that lies ends it.

import Testing
import Wire
import World

@Suite struct FrameTests {
    private func framed(_ payload: [UInt8]) -> [UInt8] {
        let length = Frames.prefix(for: payload.count)
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> UInt32($0)) } + payload
    }

    @Test func anyChunkingGivesTheSameFrames() throws {
        var dice = SeededRandom(seed: 1)
        for round in 0..<200 {
            let payloads = (0..<Int.random(in: 0...8, using: &dice)).map { _ in
                (0..<Int.random(in: 0...40, using: &dice)).map { _ in UInt8.random(in: 0...255, using: &dice) }
            }
            let stream = payloads.flatMap(framed)
            var decoder = FrameDecoder(limit: 40)
            var decoded: [[UInt8]] = []
            var place = 0
            while place < stream.count {
                let end = min(stream.count, place + Int.random(in: 1...(round % 2 == 0 ? 3 : 60), using: &dice))
                decoder.feed(Array(stream[place..<end]))
                place = end
                // Frames may be taken at once or left lying.
                while dice.chance(0.8), let frame = try decoder.next() { decoded.append(frame) }
            }
            while let frame = try decoder.next() { decoded.append(frame) }
            #expect(decoded == payloads)
            #expect(decoder.buffered == 0)
        }
    }

    @Test func aPartOfAFrameIsNoFrame() throws {
        let bytes = framed([1, 2, 3])
        for length in 0..<bytes.count {
            var decoder = FrameDecoder(limit: 100)
            decoder.feed(Array(bytes[..<length]))
            #expect(try decoder.next() == nil)
            #expect(decoder.buffered == length)
            decoder.feed(Array(bytes[length...]))
            #expect(try decoder.next() == [1, 2, 3])
        }
    }

    @Test func aLengthBeyondTheLimitIsRefusedBeforeItsBytesArrive() {
        for prefix in [[0, 0, 0, 5], [0xFF, 0xFF, 0xFF, 0xFF], [0x80, 0, 0, 0]] as [[UInt8]] {
            var decoder = FrameDecoder(limit: 4)
            decoder.feed(prefix)
            #expect(throws: DecodingFailure.overlong) { try decoder.next() }
        }
    }

    @Test func theLimitMayRiseAfterTheHandshake() throws {
        var decoder = FrameDecoder(limit: 4)
        decoder.feed(framed([1]) + framed([1, 2, 3, 4, 5, 6]))
        #expect(try decoder.next() == [1])
        decoder.limit = 6
        #expect(try decoder.next() == [1, 2, 3, 4, 5, 6])
    }
}

extension FrameDecoder {
    fileprivate mutating func feed(_ bytes: [UInt8]) { bytes.withUnsafeBytes { feed($0) } }
}
