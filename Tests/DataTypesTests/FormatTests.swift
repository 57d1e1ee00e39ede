// The bytes of objects and deltas: one encoding for one set, and no stranger's bytes break anything.

import Causality
import Testing
import World

@testable import DataTypes

@Suite struct FormatTests {
    private func samples() throws -> (objects: [[UInt8]], deltas: [[UInt8]]) {
        var (objects, deltas): ([[UInt8]], [[UInt8]]) = ([], [])
        for seed in 400..<420 as Range<UInt64> {
            var schedule = Schedule(seed: seed)
            try schedule.play()
            objects += (schedule.replicas + schedule.past).map { $0.encode() }
            for letter in schedule.mail.joined() {
                if case .delta(_, let bytes) = letter { deltas.append(bytes) }
            }
        }
        return (objects, deltas)
    }

    @Test func truncatedOrExtendedBytesAreRefused() throws {
        let (objects, deltas) = try samples()
        for bytes in objects.prefix(4) {
            for length in bytes.indices {
                #expect(throws: DecodingFailure.self) { try TypedObject(decoding: Array(bytes[..<length])) }
            }
            #expect(throws: DecodingFailure.self) { try TypedObject(decoding: bytes + [0]) }
        }
        for bytes in deltas.prefix(20) {
            for length in bytes.indices {
                #expect(throws: DecodingFailure.self) { try TypedDelta(decoding: Array(bytes[..<length])) }
            }
        }
    }

    /// What is taken in is written back as the same bytes, and joins and merges without a trap.
    @Test func mutatedBytesNeverBreakAnInvariant() throws {
        var dice = SeededRandom(seed: 0xF0)
        let (objects, deltas) = try samples()
        var base = try TypedObject(decoding: try #require(objects.first))
        var accepted = 0
        for _ in 0..<20_000 {
            let ofDelta = dice.chance(0.5)
            let sample = ofDelta ? deltas : objects
            let bytes = mutate(sample[Int.random(in: 0..<sample.count, using: &dice)], &dice)
            if ofDelta {
                guard let delta = try? TypedDelta(decoding: bytes) else { continue }
                #expect(delta.encode() == bytes, "two encodings of one delta")
                var fresh = base
                _ = try? fresh.merge(delta)
                let written = fresh.encode()
                #expect(throws: Never.self) { try TypedObject(decoding: written) }
            } else {
                guard let object = try? TypedObject(decoding: bytes) else { continue }
                #expect(object.encode() == bytes, "two encodings of one object")
                _ = object.value()
                _ = try? base.joined(object)
                if dice.chance(0.02) { base = try TypedObject(decoding: objects[accepted % objects.count]) }
            }
            accepted += 1
        }
        #expect(accepted > 500, "the fuzz only ever meets the first check")
    }

    @Test func noiseIsRefused() {
        var dice = SeededRandom(seed: 7)
        for _ in 0..<20_000 {
            var noise = (0..<Int.random(in: 0...64, using: &dice)).map { _ in UInt8.random(in: 0...255, using: &dice) }
            if !noise.isEmpty { noise[0] = dice.chance(0.5) ? 8 : 3 }
            _ = try? TypedObject(decoding: noise)
            _ = try? TypedDelta(decoding: noise)
        }
        #expect(throws: DecodingFailure.unknownVersion(9)) { try TypedObject(decoding: [9]) }
        #expect(throws: DecodingFailure.unknownVersion(9)) { try TypedDelta(decoding: [9]) }
    }

    @Test func summariesComeBack() throws {
        for bytes in try samples().objects {
            let summary = try StoredObject(decoding: bytes).summary
            #expect(try ObjectSummary(decoding: summary.encode()) == summary)
        }
    }

    /// An increment and a character, in an object that three nodes have written with names.
    @Test func smallDeltasAreSmall() throws {
        var minters = (0..<3).map { Minter(number: $0) }
        for place in minters.indices {
            if place > 0 { minters[place].object = minters[place - 1].object }
            for _ in 0..<100 {
                try minters[place].mint(.increment(Path("/likes"), by: 1))
                try minters[place].mint(.splice(Path("/body"), .end, delete: 0, text: "word "))
            }
        }
        let name = OperationName(writer: Writer(high: .max, low: .max), number: 1_000)
        let increment = try minters[2].mint(.increment(Path("/likes"), by: 1), name: name).delta
        let character = try minters[2].mint(.splice(Path("/body"), .at(700), delete: 0, text: "x")).delta
        #expect(increment.encode().count <= 90, "\(increment.encode().count)")
        #expect(character.encode().count <= 90, "\(character.encode().count)")
    }

    private func mutate(_ bytes: [UInt8], _ dice: inout SeededRandom) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...2, using: &dice) {
            let place = Int.random(in: 0..<max(1, bytes.count), using: &dice)
            switch Int.random(in: 0..<5, using: &dice) {
            case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &dice)
            case 1: bytes[place] = UInt8.random(in: 0...255, using: &dice)
            case 2: bytes[place] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &dice) ?? 0
            case 3: bytes.insert(UInt8.random(in: 0...255, using: &dice), at: place)
            default: if bytes.count > 1 { bytes.remove(at: place) }
            }
        }
        return bytes
    }
}
