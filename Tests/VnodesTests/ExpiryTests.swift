// Values whose time is over give back their bytes, and no replica takes that for a difference.

import Causality
import Ring
import Storage
import Testing
import Vnodes
import Wire
import World

@Suite struct ExpiryTests {
    private let ring: RingSnapshot
    private let whole = CompareRequest(first: 0, last: .max, slices: 64, placement: "world")
    private static let lifeMs: UInt64 = 60_000
    private static let later = lifeMs + UInt64(Limits.expiryGrace.inMilliseconds)

    init() throws { ring = try Fixture.ring() }

    private func write(_ key: [UInt8], bytes: Int, expires: Bool = true) -> ReplicaRequest {
        let end = WallTime(milliseconds: Fixture.epochMs + ExpiryTests.lifeMs)
        return .mint(
            MintRequest(
                key: key, value: [UInt8](repeating: 7, count: bytes), contentType: "a/b", expiresAt: expires ? end : nil
            )
        )
    }

    /// Ten keys of 10 KB, of which every second lives for a minute.
    private func filled() throws -> Replica {
        var replica = Replica(Fixture.de, ring: ring)
        for index in 0..<10 {
            try replica.batch([write(try Fixture.key("k\(index)"), bytes: 10_000, expires: index % 2 == 0)])
        }
        return replica
    }

    private func size(_ replica: Replica) throws -> Int { try replica.contents().reduce(0) { $0 + $1[1].count } }

    @Test func expiredValuesGiveBackTheirBytes() throws {
        var replica = try filled()
        let twin = Replica(Fixture.us, ring: ring)
        try twin.store.commit(replica.contents().map { .put(key: $0[0], value: $0[1]) }, synced: true)
        #expect(try size(replica) > 100_000)
        // Not before their time, and not at once: other clocks may be behind.
        for early in [0, ExpiryTests.lifeMs, ExpiryTests.later - 1] {
            #expect(try replica.batch([.compare(whole)], at: early).expired.isEmpty)
        }
        let found = try replica.batch([.compare(whole)], at: ExpiryTests.later)
        #expect(found.writes.isEmpty && found.expired.count == 5)
        #expect(found.expired.allSatisfy { $0.byteCount > 10_000 })
        let counted = found.replies.compactMap(sums)
        #expect(counted.count == 1)

        let rewritten = try replica.batch(found.expired.map(\.rewrite), at: ExpiryTests.later)
        #expect(rewritten.writes.count == 5 && rewritten.synced)
        #expect(try size(replica) < 51_000)
        #expect(replica.shard.expired == 5)
        // Nothing is found a second time, and a twin that has not done so looks the same.
        let again = try replica.batch([.compare(whole)], at: ExpiryTests.later)
        #expect(again.expired.isEmpty && again.replies.compactMap(sums) == counted)
        var other = twin
        #expect(try sums(other.ask(.compare(whole))) == counted[0])
        // What has expired there comes back from nowhere.
        for entry in try twin.contents() {
            try replica.batch([.merge(key: entry[0], object: entry[1], repair: true)], at: ExpiryTests.later)
        }
        #expect(try size(replica) < 51_000)
    }

    /// Those of an answer; what was read for them is less once values have gone.
    private func sums(_ reply: ReplicaReply) -> [UInt64]? {
        if case .fingerprints(let sums, _, _) = reply { sums } else { nil }
    }

    @Test func whatIsRewrittenTwiceOrHasChangedIsLeftAlone() throws {
        var replica = try filled()
        let found = try replica.batch([.compare(whole)], at: ExpiryTests.later).expired
        try replica.batch([Fixture.put(found[0].key, "new")], at: ExpiryTests.later)
        let requests = found.map(\.rewrite) + found.map(\.rewrite)
        #expect(try replica.batch(requests, at: ExpiryTests.later, disk: .nearlyFull).writes.count == 4)
        #expect(try replica.object(found[0].key)?.texts == ["new"])
    }

    @Test func aReplicaWithoutAnotherIsLookedThroughToo() throws {
        var repair = AntiEntropy(identity: Fixture.de, ring: ring, cycle: .seconds(24), now: .origin)
        var asked: Set<UInt64> = []
        for second in 0..<60 {
            let now = Instant.origin + .seconds(Int64(second))
            var out = Outbox<AntiEntropyEffect>()
            // No peer can be reached.
            repair.tick(reachable: [], now: now, &out)
            for case .ask(let id, let node, .compare(let compare)) in out.take() {
                #expect(node == Fixture.de && compare.placement == "german")
                asked.insert(compare.first)
                let zeros = [UInt64](repeating: 0, count: compare.slices)
                repair.receive(.fingerprints(zeros, end: nil), id: id, now: now, &out)
            }
        }
        #expect(asked.count == 8)
        #expect(repair.completed == 0 && repair.abandoned == 0)
    }
}
