// Two replicas have the same fingerprints if and only if they hold the same writes.

import Causality
import Keys
import Ring
import Storage
import Testing
import Wire
import World

@testable import Vnodes

@Suite struct FingerprintTests {
    private let ring: RingSnapshot
    private let whole = CompareRequest(first: 0, last: .max, slices: 64, placement: "world")

    init() throws { ring = try Fixture.ring() }

    private func filled(_ count: Int) throws -> Replica {
        var replica = Replica(Fixture.de, ring: ring)
        for index in 0..<count { try replica.batch([Fixture.put(try Fixture.key("k\(index)"), "v\(index)")]) }
        return replica
    }

    private func sums(_ replica: Replica, _ request: CompareRequest? = nil) throws -> [UInt64] {
        try Fingerprints.compute(request ?? whole, replica.store, ring, of: Fixture.de, at: Fixture.now().wall).sums
    }

    @Test func equalContentsHaveEqualFingerprints() throws {
        let a = try filled(200)
        let b = Replica(Fixture.us, ring: ring)
        // The same objects, committed in another order.
        try b.store.commit(a.contents().reversed().map { .put(key: $0[0], value: $0[1]) }, synced: true)
        #expect(try sums(a) == sums(b))
        #expect(try sums(Replica(Fixture.us, ring: ring)).allSatisfy { $0 == 0 })
    }

    @Test func anyDifferenceShowsInItsSliceAlone() throws {
        let a = try filled(200)
        let before = try sums(a)
        for index in stride(from: 0, to: 200, by: 7) {
            var b = try filled(0)
            try b.store.commit(a.contents().map { .put(key: $0[0], value: $0[1]) }, synced: true)
            let key = try Fixture.key("k\(index)")
            if index % 2 == 0 {
                try b.store.commit([.delete(key: key)], synced: true)
            } else {
                b.shard = VnodeShard(actor: Actor(node: Fixture.de, incarnation: 2))
                try b.batch([Fixture.put(key, "v\(index)")])
            }
            let after = try sums(b)
            let token = try StoredKey(decoding: key).token.value
            let differing = after.indices.filter { after[$0] != before[$0] }
            #expect(differing.count == 1)
            let slice = try #require(differing.first.flatMap { Fingerprints.slice($0, of: whole) })
            #expect((slice.first...slice.last).contains(token))
        }
    }

    @Test func otherPlacementsDoNotCount() throws {
        var a = try filled(10)
        let before = try sums(a)
        try a.batch([Fixture.put(try Fixture.key("p", bucket: "patients"), "v")])
        #expect(try sums(a) == before)
        var german = whole
        german.placement = "german"
        #expect(try sums(a, german).count { $0 != 0 } == 1)
    }

    @Test func slicesTileTheirRange() {
        let cases: [(first: UInt64, last: UInt64, slices: Int)] = [
            (0, .max, 256), (0, .max, 1), (5, 5, 256), (7, 300, 256), (.max - 3, .max, 2), (0, 254, 255),
        ]
        for (first, last, slices) in cases {
            let request = CompareRequest(first: first, last: last, slices: slices, placement: "world")
            let pieces = (0..<slices).compactMap { Fingerprints.slice($0, of: request) }
            #expect(pieces.first?.first == first && pieces.last?.last == last)
            #expect(pieces.allSatisfy { $0.first <= $0.last })
            #expect(zip(pieces, pieces.dropFirst()).allSatisfy { $0.last + 1 == $1.first })
        }
    }

    @Test func aLargeRangeIsCountedPieceByPiece() throws {
        var replica = Replica(Fixture.de, ring: ring)
        let value = String(repeating: "x", count: 1 << 20)
        // Most lie under one token, so that no slice can be small enough.
        for index in 0..<20 {
            let key = index < 12 ? try Fixture.key("timeline", sort: "\(index + 10)") : try Fixture.key("k\(index)")
            try replica.batch([Fixture.put(key, value)])
        }
        var request = whole
        var pieces: [FingerprintPiece] = []
        repeat {
            let piece = try Fingerprints.compute(request, replica.store, ring, of: Fixture.de, at: Fixture.now().wall)
            pieces.append(piece)
            // The same keys asked for by their bounds are counted the same.
            var bounded = request
            bounded.until = piece.end
            let again = try Fingerprints.compute(
                bounded, replica.store, ring, of: Fixture.de, at: Fixture.now().wall)
            #expect(again == piece)
            request.from = piece.end ?? []
        } while pieces.last?.end != nil && pieces.count < 10
        #expect(pieces.count == 3)
        // Together they have counted each key once: what one key less changes, changes in one piece alone.
        let total = pieces.reduce(UInt64(0)) { sum, piece in piece.sums.reduce(sum, &+) }
        var each = UInt64(0)
        for entry in try replica.contents() {
            let single = Replica(Fixture.us, ring: ring)
            try single.store.commit([.put(key: entry[0], value: entry[1])], synced: true)
            each = try sums(single).reduce(each, &+)
        }
        #expect(total == each)
        // One that asks for nothing, or the wrong way round, gets nothing.
        request.from = [0xFF]
        request.until = [0]
        #expect(
            try Fingerprints.compute(request, replica.store, ring, of: Fixture.de, at: Fixture.now().wall)
                .sums.allSatisfy { $0 == 0 })
    }

    @Test func whatCannotBeReadIsCorruption() throws {
        let a = try filled(1)
        try a.store.commit([.put(key: try Fixture.key("bad"), value: [7])], synced: true)
        #expect(throws: StorageFailure.self) { try sums(a) }
    }
}
