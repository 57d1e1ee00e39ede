// The bytes of objects, summaries and contexts: what was written comes back; what was not is refused and never traps.

import Testing
import World

@testable import Causality
@testable import DataTypes

@Suite struct ObjectFormatTests {
    @Test func objectsAndSummariesComeBack() throws {
        var random = SeededRandom(seed: 1)
        for _ in 0..<2_000 {
            let object = Samples.object(&random)
            #expect(try StoredObject(decoding: object.encode()) == object)
            #expect(try ObjectSummary(decoding: object.summary.encode()) == object.summary)
        }
    }

    @Test func mangledObjectsNeverTrapAndKeepTheInvariants() {
        var random = SeededRandom(seed: 2)
        var accepted = 0
        for _ in 0..<20_000 {
            let bytes = Samples.mangled(Samples.object(&random).encode(), &random)
            guard let object = try? StoredObject(decoding: bytes) else { continue }
            accepted += 1
            #expect(object.siblings.allSatisfy { object.versions.covers($0.dot) })
            #expect(zip(object.siblings, object.siblings.dropFirst()).allSatisfy { $0.dot < $1.dot })
            // What was taken in can be given out again, and merging it can't trap either.
            #expect(try! StoredObject(decoding: object.encode()) == object)
            var merged = Samples.object(&random)
            merged.merge(object, rule: .siblings)
            merged.expire(at: WallTime(milliseconds: random.next()))
            #expect((try? StoredObject(decoding: merged.encode())) == merged)
        }
        // A flipped bit inside a value is nothing that the format itself can see; LevelDB's checksums do.
        #expect(accepted > 100)
    }

    @Test func everyPrefixOfAnObjectIsRefused() {
        var random = SeededRandom(seed: 3)
        for _ in 0..<200 {
            let bytes = Samples.object(&random).encode()
            for length in 0..<bytes.count {
                #expect(throws: DecodingFailure.self) { try StoredObject(decoding: Array(bytes[..<length])) }
            }
        }
    }

    @Test func chanceBytesNeverTrap() {
        var random = SeededRandom(seed: 4)
        for round in 0..<20_000 {
            var bytes = (0..<random.next() % 64).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            // Otherwise almost all would end at the version.
            if !bytes.isEmpty { bytes[0] = UInt8(1 + round % 2) }
            _ = try? StoredObject(decoding: bytes)
            _ = try? ObjectSummary(decoding: bytes)
            _ = try? CausalContext(decoding: bytes, for: [1, 2, 3])
        }
    }

    @Test func mangledSummariesNeverTrap() {
        var random = SeededRandom(seed: 5)
        for _ in 0..<20_000 {
            let bytes = Samples.mangled(Samples.object(&random).summary.encode(), &random)
            guard let summary = try? ObjectSummary(decoding: bytes) else { continue }
            #expect(summary.dots.allSatisfy { summary.versions.covers($0) })
        }
    }
}

@Suite struct ContextTests {
    @Test func contextsComeBackForTheirKeyOnly() throws {
        var random = SeededRandom(seed: 6)
        for _ in 0..<2_000 {
            let context = CausalContext(of: Samples.object(&random))
            let bytes = context.encode(for: [7, 7, 7])
            #expect(try CausalContext(decoding: bytes, for: [7, 7, 7]) == context)
            #expect(throws: DecodingFailure.self) { try CausalContext(decoding: bytes, for: [7, 7]) }
            #expect(throws: DecodingFailure.self) { try CausalContext(decoding: bytes, for: [7, 7, 8]) }
        }
    }

    @Test func changedContextsAreRefused() {
        var random = SeededRandom(seed: 7)
        for _ in 0..<20_000 {
            let bytes = CausalContext(of: Samples.object(&random)).encode(for: [9])
            let changed = Samples.mangled(bytes, &random)
            guard changed != bytes else { continue }
            #expect(throws: DecodingFailure.self) { try CausalContext(decoding: changed, for: [9]) }
        }
    }

    @Test func aContextBeyondTheLimitIsRefusedUnread() {
        let bytes = [UInt8](repeating: 1, count: Limits.contextBytes + 1)
        #expect(throws: DecodingFailure.overlong) { try CausalContext(decoding: bytes, for: []) }
    }
}
