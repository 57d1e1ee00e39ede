// What is read where it lies is what decoding finds there, and what decoding refuses is not taken.

import Testing
import World

@testable import Causality
@testable import DataTypes

@Suite struct PlainObjectTests {
    private let key = Array("a key".utf8)

    /// The object that a plain one must be; nil if `bytes` are not plain.
    private func expectSame(_ bytes: [UInt8]) throws -> StoredObject? {
        guard let plain = bytes.withUnsafeBytes({ PlainObject($0) }) else { return nil }
        let object = try StoredObject(decoding: bytes)
        #expect(
            object.siblings.count == 1 && object.voided.isEmpty && plain.entryCount == object.versions.entries.count)
        let sibling = object.siblings[0]
        #expect(sibling.time == plain.time && sibling.expiresAt == plain.expiresAt && sibling.attempt == nil)
        #expect(Array(sibling.contentType.utf8) == Array(bytes[plain.contentType]))
        #expect(sibling.payload == .value(Array(bytes[plain.value])))
        let context = [UInt8](unsafeUninitializedCapacity: plain.contextBytes) { room, count in
            count = bytes.withUnsafeBytes { bytes in
                key.withUnsafeBytes {
                    plain.putContext(of: bytes, under: $0, into: UnsafeMutableRawBufferPointer(room))
                }
            }
        }
        #expect(context == CausalContext(of: object).encode(for: key))
        return object
    }

    /// Whether `object` is of the kind that lists have most of.
    private func isUsual(_ object: StoredObject) -> Bool {
        let nodes = object.versions.entries.map(\.actor.node)
        return object.siblings.count == 1 && object.hasValue && object.voided.isEmpty
            && object.siblings[0].attempt == nil && object.siblings[0].time.bits >> 63 == 0
            && (object.siblings[0].expiresAt?.milliseconds ?? 0) >> 63 == 0 && Set(nodes).count == nodes.count
    }

    private func overwritten(_ object: StoredObject, _ random: inout SeededRandom) -> StoredObject {
        var object = object
        guard let last = object.siblings.last, last.attempt == nil else { return object }
        let dot = Dot(actor: last.dot.actor, counter: object.versions.counter(of: last.dot.actor) + 1)
        object.write(
            Sibling(dot: dot, payload: .value([1, 2, 3]), contentType: "text/plain", time: last.time), context: nil,
            rule: .siblings)
        return object
    }

    @Test func itIsWhatDecodingFinds() throws {
        var random = SeededRandom(seed: 7)
        var (plain, several) = (0, 0)
        for _ in 0..<4_000 {
            let object = overwritten(Samples.object(&random), &random)
            let found = try expectSame(object.encode())
            #expect((found != nil) == isUsual(object))
            plain += found == nil ? 0 : 1
            several += (found?.versions.entries.count ?? 0) > 1 ? 1 : 0
        }
        #expect(plain > 200 && several > 50)
    }

    @Test func whatDecodingRefusesIsNotTaken() throws {
        var random = SeededRandom(seed: 8)
        var taken = 0
        for _ in 0..<40_000 {
            let object = overwritten(Samples.object(&random), &random)
            taken += try expectSame(Samples.mangled(object.encode(), &random)) == nil ? 0 : 1
        }
        #expect(taken > 100)
        for length in 0..<64 {
            _ = try expectSame((0..<length).map { _ in UInt8(truncatingIfNeeded: random.next() % 4) })
        }
    }
}
