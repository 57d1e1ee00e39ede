// The bytes of objects, summaries and contexts: what was written is read back, and no stranger's bytes break anything.

import Causality
import DataTypes
import Testing
import World

@Suite struct FormatTests {
    private static let key: [UInt8] = [1, 2, 3, 0, 1]

    /// Objects of every kind, the empty one and crowded ones among them.
    private func objects(_ rule: ConflictRule, seeds: Range<UInt64> = 1..<60) -> [StoredObject] {
        seeds.flatMap { seed in
            var history = KeyHistory(seed: seed, rule: rule, replicas: 4)
            history.run(12)
            return history.states
        }
    }

    @Test(arguments: ConflictRule.allCases) func roundTrips(_ rule: ConflictRule) throws {
        for object in objects(rule) {
            #expect(try StoredObject(decoding: object.encode()) == object)
            #expect(try ObjectSummary(decoding: object.summary.encode()) == object.summary)
            let context = CausalContext(of: object)
            #expect(try CausalContext(decoding: context.encode(for: FormatTests.key), for: FormatTests.key) == context)
        }
    }

    @Test func truncatedOrExtendedBytesAreRefused() {
        for object in objects(.siblings, seeds: 1..<6) {
            let bytes = object.encode()
            for length in bytes.indices {
                #expect(throws: DecodingFailure.self) { try StoredObject(decoding: Array(bytes[..<length])) }
            }
            #expect(throws: DecodingFailure.self) { try StoredObject(decoding: bytes + [0]) }
            let summary = object.summary.encode()
            for length in summary.indices {
                #expect(throws: DecodingFailure.self) { try ObjectSummary(decoding: Array(summary[..<length])) }
            }
        }
    }

    /// Flips, inserts, removals and splices of true bytes: the decoder throws, or what it gives keeps every invariant
    /// and is written back as the very same bytes.
    @Test func mutatedBytesNeverBreakAnInvariant() {
        var dice = SeededRandom(seed: 0xF022)
        let samples = objects(.siblings, seeds: 1..<20).map { $0.encode() }
        var accepted = 0
        for _ in 0..<20_000 {
            guard let bytes = samples.randomElement(using: &dice) else { return }
            let mutated = mutate(bytes, samples, &dice)
            if let object = try? StoredObject(decoding: mutated) {
                accepted += 1
                #expect(object.brokenInvariant(.siblings) == nil, "\(mutated)")
                #expect(object.encode() == mutated, "two encodings of one object")
            }
            if let summary = try? ObjectSummary(decoding: mutated) {
                #expect(summary.dots.allSatisfy(summary.versions.covers))
            }
            _ = try? CausalContext(decoding: mutated, for: FormatTests.key)
        }
        #expect(accepted > 100, "the fuzz only ever meets the first check")
    }

    @Test func noiseIsRefused() {
        var dice = SeededRandom(seed: 7)
        for _ in 0..<5_000 {
            var noise = (0..<Int.random(in: 0...64, using: &dice)).map { _ in UInt8.random(in: 0...255, using: &dice) }
            if !noise.isEmpty { noise[0] = UInt8.random(in: 0...3, using: &dice) }
            _ = try? StoredObject(decoding: noise)
            _ = try? ObjectSummary(decoding: noise)
            #expect(throws: DecodingFailure.self) { try CausalContext(decoding: noise, for: FormatTests.key) }
        }
    }

    @Test func unknownVersionsAreNamed() {
        #expect(throws: DecodingFailure.unknownVersion(9)) { try StoredObject(decoding: [9, 0, 0]) }
        #expect(throws: DecodingFailure.unknownVersion(9)) { try ObjectSummary(decoding: [9, 0, 0]) }
        #expect(throws: DecodingFailure.unknownVersion(9)) {
            try CausalContext(decoding: [9, 0, 0, 0, 0, 0, 0, 0, 0, 0], for: [])
        }
    }

    @Test func hugeCountsAllocateNothing() {
        var w = ByteWriter()
        w.byte(1)
        w.varint(.max)
        #expect(throws: DecodingFailure.overlong) { try StoredObject(decoding: w.bytes) }
        #expect(throws: DecodingFailure.overlong) {
            try CausalContext(decoding: [UInt8](repeating: 1, count: Limits.contextBytes + 1), for: [])
        }
    }

    @Test func aContextIsBoundToItsKey() {
        let actor = Actor(node: NodeID(literal: "a"), incarnation: 1)
        let context = CausalContext(
            versions: VersionVector(ascending: [Dot(actor: actor, counter: 7)]) ?? VersionVector(),
            latestTime: HybridTime(bits: 99))
        let token = context.encode(for: FormatTests.key)
        #expect(throws: DecodingFailure.self) { try CausalContext(decoding: token, for: FormatTests.key + [0]) }
        #expect(throws: DecodingFailure.self) { try CausalContext(decoding: token, for: []) }
        for place in token.indices {
            for bit in 0..<8 {
                var changed = token
                changed[place] ^= 1 << UInt8(bit)
                #expect(throws: DecodingFailure.self) { try CausalContext(decoding: changed, for: FormatTests.key) }
            }
        }
    }

    private func mutate(_ bytes: [UInt8], _ samples: [[UInt8]], _ dice: inout SeededRandom) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...3, using: &dice) {
            let place = Int.random(in: 0...max(0, bytes.count - 1), using: &dice)
            switch Int.random(in: 0..<6, using: &dice) {
            case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &dice)
            case 1: bytes[place] = UInt8.random(in: 0...255, using: &dice)
            case 2: bytes[place] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &dice) ?? 0
            case 3: bytes.insert(UInt8.random(in: 0...255, using: &dice), at: place)
            case 4: if bytes.count > 1 { bytes.remove(at: place) }
            default:
                guard let other = samples.randomElement(using: &dice) else { break }
                bytes = Array(bytes[..<place]) + other.suffix(Int.random(in: 0...other.count, using: &dice))
                if bytes.isEmpty { bytes = [1] }
            }
        }
        return bytes
    }
}
