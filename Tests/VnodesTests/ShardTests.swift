// One replica's batches: what is read, minted and merged, and that one synced write serves all of a batch.

import Causality
import DataTypes
import Keys
import Storage
import Testing
import Vnodes
import Wire
import World

@Suite struct ShardTests {
    private var replica: Replica
    private let key: [UInt8]

    init() throws {
        replica = Replica(Fixture.de, ring: try Fixture.ring())
        key = try Fixture.key("alice")
    }

    @Test mutating func aBatchReadsItsOwnWrites() throws {
        let outcome = try replica.batch([
            .read(key: key, summaryOver: 0), Fixture.put(key, "one"), .read(key: key, summaryOver: 0),
            Fixture.put(key, "two"),
            .read(key: key, summaryOver: 0),
        ])
        #expect(outcome.replies[0] == .object(nil))
        #expect(outcome.replies[2] == .object(outcome.replies[1].minted?.encode()))
        #expect(outcome.replies[3].minted?.texts == ["two"])
        #expect(outcome.replies[4] == .object(outcome.replies[3].minted?.encode()))
        #expect(outcome.replies.map(\.wasAbsent) == [nil, true, nil, false, nil])
    }

    @Test mutating func aBatchWritesEachKeyOnce() throws {
        let other = try Fixture.key("bob")
        let outcome = try replica.batch([
            Fixture.put(key, "1"), Fixture.put(other, "1"), Fixture.put(key, "2"), Fixture.put(key, "3"),
            Fixture.put(other, "2"),
        ])
        #expect(outcome.writes.map(\.key) == [key, other])
        #expect(try replica.object(key)?.texts == ["3"])
        #expect(try replica.object(other)?.texts == ["2"])
    }

    @Test mutating func aBatchIsSyncedIfAnyOfItsBucketsAsksForIt() throws {
        let fast = try Fixture.key("x", bucket: "fast")
        #expect(try !replica.batch([Fixture.put(fast, "1")]).synced)
        #expect(try replica.batch([Fixture.put(fast, "2"), Fixture.put(key, "1")]).synced)
        let reading = try replica.batch([.read(key: key, summaryOver: 0)])
        #expect(!reading.synced && reading.writes.isEmpty)
    }

    @Test mutating func dotsRiseAndNeverRepeat() throws {
        var dots: [Dot] = []
        for round in 0..<20 {
            let keys = try (0..<5).map { try Fixture.key("k\($0 % 3)\(round % 2)") }
            for reply in try replica.batch(keys.map { Fixture.put($0, "v") }).replies {
                dots.append(try #require(reply.minted?.siblings.last?.dot))
            }
        }
        #expect(zip(dots, dots.dropFirst()).allSatisfy { $0 < $1 })
        #expect(replica.shard.counter == dots.last?.counter)
        // Where a clean stop left off, the next run goes on.
        var next = VnodeShard(actor: Actor(node: Fixture.de, incarnation: 1), counter: replica.shard.counter)
        let outcome = try next.process(
            [Fixture.put(key, "v")], store: replica.store,
            in: BatchSurroundings(now: Fixture.now(), ring: replica.ring))
        #expect(outcome.replies[0].minted?.siblings.last?.dot ?? dots[0] > dots[dots.count - 1])
    }

    @Test mutating func contextsDecideWhatIsSuperseded() throws {
        let first = try #require(try replica.ask(Fixture.put(key, "one")).minted)
        let context = CausalContext(of: first).encode(for: key)
        #expect(try replica.ask(Fixture.put(key, "two", context: context)).minted?.texts == ["two"])
        let both = try #require(try replica.ask(Fixture.put(key, "three", context: context)).minted)
        #expect(Set(both.texts) == ["two", "three"])
        #expect(
            try replica.ask(Fixture.put(key, "four", context: CausalContext(of: both).encode(for: key))).minted?.texts
                == ["four"])
        #expect(try replica.ask(Fixture.put(key, "five")).minted?.texts == ["five"])
        #expect(try replica.object(key)?.siblings.count == 1)
    }

    /// What an attempt of the write made that was handed on is the write's own.
    @Test mutating func aConditionalWriteDoesNotMeetItself() throws {
        func put(_ attempt: UInt64, voids: [UInt64] = []) -> ReplicaRequest {
            var request = MintRequest(key: key, value: Array("v".utf8), onlyIfAbsent: true)
            (request.attempt, request.voids) = (attempt, voids)
            return .mint(request)
        }
        #expect(try replica.ask(put(1)).minted?.texts == ["v"])
        #expect(try replica.ask(put(2)).refusal == .exists)
        let again = try #require(try replica.ask(put(3, voids: [1])).minted)
        #expect(again.texts == ["v"] && again.siblings.map(\.attempt) == [3])
    }

    @Test mutating func aContextMadeUpCoversNoWriteThatIsStillToCome() throws {
        func context(_ node: NodeID, _ counter: UInt64) throws -> [UInt8] {
            let dot = Dot(actor: Actor(node: node, incarnation: 1), counter: counter)
            let versions = try #require(VersionVector(ascending: [dot]))
            return CausalContext(versions: versions, latestTime: HybridTime(bits: 0)).encode(for: key)
        }
        // Of its own writes the replica knows which there were.
        for counter in [1, 1 << 40, UInt64.max] as [UInt64] {
            let answer = try replica.ask(Fixture.put(key, "v", context: try context(Fixture.de, counter)))
            #expect(answer.refusal == .malformed)
        }
        // Of another's it does not; that one then mints past what was made up, for this key alone.
        var other = Replica(Fixture.us, ring: replica.ring)
        let poisoned = try #require(
            try replica.ask(Fixture.put(key, "poison", context: try context(Fixture.us, 1 << 40))).minted)
        try other.batch([.merge(key: key, object: poisoned.encode(), repair: false)])
        let next = try #require(try other.ask(Fixture.put(key, "next")).minted)
        #expect(next.texts == ["next"] && next.siblings.map(\.dot.counter) == [1 << 40 + 1])
        try replica.batch([.merge(key: key, object: next.encode(), repair: false)])
        #expect(try replica.object(key)?.texts == ["next"])
        let again = try #require(try other.ask(Fixture.put(key, "again")).minted)
        #expect(again.siblings.map(\.dot.counter) == [1 << 40 + 2])
        #expect(other.shard.counter == 0)
        // Where nothing lies above, the write is refused rather than lost.
        try replica.batch([Fixture.put(key, "last", context: try context(Fixture.us, .max))])
        try other.batch([.merge(key: key, object: try #require(try replica.object(key)).encode(), repair: false)])
        #expect(try other.ask(Fixture.put(key, "beyond")).refusal == .malformed)
    }

    @Test mutating func lastWriteWinsKeepsOneEvenForAStaleContext() throws {
        let latest = try Fixture.key("k", bucket: "latest")
        try replica.batch([Fixture.put(latest, "one")])
        #expect(
            try replica.ask(Fixture.put(latest, "two", context: Fixture.blindContext(latest))).minted?.texts == ["two"])
    }

    @Test mutating func timesFollowWhatWasSeenEvenWhenTheClockIsBehind() throws {
        let seen = HybridTime(wall: WallTime(milliseconds: Fixture.epochMs + 60_000))
        let context = CausalContext(versions: VersionVector(), latestTime: seen).encode(for: key)
        let minted = try #require(try replica.ask(Fixture.put(key, "v", context: context)).minted)
        #expect(minted.latestTime > seen)
        let next = try #require(try replica.ask(Fixture.put(key, "w")).minted)
        #expect(next.latestTime > minted.latestTime)
    }

    @Test mutating func createsOnlyWhereNothingIs() throws {
        #expect(try replica.ask(Fixture.put(key, "1", onlyIfAbsent: true)).wasAbsent == true)
        #expect(try replica.ask(Fixture.put(key, "2", onlyIfAbsent: true)).refusal == .exists)
        #expect(try replica.object(key)?.texts == ["1"])
        try replica.batch([.mint(MintRequest(key: key, value: nil))])
        #expect(try replica.object(key)?.siblings.map(\.isTombstone) == [true])
        #expect(try replica.ask(Fixture.put(key, "3", onlyIfAbsent: true)).wasAbsent == true)
    }

    @Test mutating func valuesExpireAtTheirTime() throws {
        let end = WallTime(milliseconds: Fixture.epochMs + 1_000)
        try replica.batch([.mint(MintRequest(key: key, value: [1, 2, 3], contentType: "a/b", expiresAt: end))])
        #expect(try replica.ask(Fixture.put(key, "x", onlyIfAbsent: true), at: 999).refusal == .exists)
        let beside = try #require(
            try replica.ask(Fixture.put(key, "y", context: Fixture.blindContext(key)), at: 1_000).minted)
        #expect(beside.siblings.map(\.isTombstone) == [true, false])
        #expect(beside.texts == ["y"])
    }

    @Test mutating func aReadOfALargeObjectIsItsSummary() throws {
        let object = try #require(try replica.ask(Fixture.put(key, String(repeating: "x", count: 3_000))).minted)
        #expect(
            try replica.ask(.read(key: key, summaryOver: Limits.wholeReplyBytes)) == .summary(object.summary.encode()))
        #expect(try replica.ask(.read(key: key, summaryOver: 4_000)) == .object(object.encode()))
        #expect(try replica.ask(.read(key: key, summaryOver: 0)) == .object(object.encode()))
    }

    /// What became of a write that comes late, as far as the replica can tell.
    @Test mutating func aLateWriteLearnsWhatStandsInItsPlace() throws {
        func merge(_ object: StoredObject) -> ReplicaRequest {
            .merge(key: key, object: object.encode(), repair: false)
        }
        var other = Replica(Fixture.us, ring: replica.ring)
        let first = try #require(try other.ask(Fixture.put(key, "first")).minted)
        let second = try #require(try other.ask(Fixture.put(key, "second")).minted)
        // The same replica minted both, so what stands is later.
        #expect(try replica.ask(merge(second)) == .stored)
        #expect(try replica.ask(merge(first)) == .stored)
        // Beside what that replica never knew, neither of the two has overwritten it.
        try replica.batch([Fixture.put(key, "old", context: Fixture.blindContext(key))])
        #expect(try replica.ask(merge(second)) == .storedBeside)
        #expect(try replica.ask(merge(first)).refusal == .superseded)
        #expect(try replica.ask(.merge(key: key, object: first.encode(), repair: true)) == .stored)
        // What has overwritten all is what superseded it.
        try replica.batch([Fixture.put(key, "new")])
        #expect(try replica.ask(merge(first)) == .stored)
    }

    @Test mutating func mergingIsIdempotentAndWritesOnlyNews() throws {
        var other = Replica(Fixture.us, ring: replica.ring)
        let theirs = try #require(try other.ask(Fixture.put(key, "theirs")).minted)
        let merge = ReplicaRequest.merge(key: key, object: theirs.encode(), repair: false)
        #expect(try replica.batch([merge]).writes.count == 1)
        #expect(try replica.batch([merge]).writes.isEmpty)
        let newer = try #require(try replica.ask(Fixture.put(key, "ours")).minted)
        #expect(newer.versions.covers(theirs.versions))
        let again = try replica.batch([merge])
        #expect(again.replies == [.stored] && again.writes.isEmpty)
        // Written over there without having seen ours: both stay.
        let concurrent = try #require(try other.ask(Fixture.put(key, "more")).minted)
        try replica.batch([.merge(key: key, object: concurrent.encode(), repair: true)])
        #expect(Set(try replica.object(key)?.texts ?? []) == ["ours", "more"])
    }

    @Test mutating func replicationDelayIsMeasuredOnMerges() throws {
        var other = Replica(Fixture.us, ring: replica.ring)
        let theirs = try #require(try other.ask(Fixture.put(key, "v")).minted)
        try replica.batch([.merge(key: key, object: theirs.encode(), repair: false)], at: 1_000)
        #expect(abs(replica.shard.replicationDelay.milliseconds(at: .origin) - 50) < 0.1)
    }

    @Test mutating func repairsAndHintsAreNoDelay() throws {
        var other = Replica(Fixture.us, ring: replica.ring)
        for index in 0..<100 {
            let old = try Fixture.key("old \(index)")
            let object = try #require(try other.ask(Fixture.put(old, "v")).minted)
            try replica.batch([.merge(key: old, object: object.encode(), repair: true)], at: 8_000)
        }
        #expect(replica.shard.replicationDelay.milliseconds(at: .origin) == 0)
    }

    @Test func aDelayIsForgottenWithTime() throws {
        func after(_ milliseconds: Int64) -> Instant { Instant.origin + .milliseconds(milliseconds) }
        // A replica was held up: what waited for it comes at once, and is eight seconds old.
        var shard = VnodeShard(actor: Actor(node: Fixture.de, incarnation: 1))
        let ring = replica.ring
        var other = Replica(Fixture.us, ring: ring)
        func deliver(_ name: String, madeAt made: UInt64, at now: Int64) throws {
            let key = try Fixture.key(name)
            guard case .minted(let object, _) = try other.ask(Fixture.put(key, "v"), at: made) else {
                return #expect(Bool(false))
            }
            let wall = WallTime(milliseconds: Fixture.epochMs + UInt64(now))
            _ = try shard.process(
                [.merge(key: key, object: object, repair: false)], store: MemoryStore(),
                in: BatchSurroundings(now: Now(instant: after(now), wall: wall), ring: ring))
        }
        for index in 0..<200 { try deliver("held \(index)", madeAt: 2_000, at: 10_000) }
        #expect(abs(shard.replicationDelay.milliseconds(at: after(10_000)) - 8_000) < 1)
        // Without writes the figure goes.
        let quiet = shard.replicationDelay
        #expect(quiet.milliseconds(at: after(12_000)) < 4_001)
        #expect(quiet.milliseconds(at: after(18_000)) < 501)
        #expect(quiet.milliseconds(at: after(60_000)) < 0.001 && quiet.milliseconds(at: after(1 << 40)) == 0)
        // With few that come in time it goes as fast, and settles where they are.
        for second in 11...40 as ClosedRange<Int64> {
            try deliver("timely \(second)", madeAt: UInt64(second) * 1_000 - 30, at: second * 1_000)
        }
        #expect(abs(shard.replicationDelay.milliseconds(at: after(40_000)) - 30) < 2)
        // With many it takes some dozens.
        for index in 0..<100 { try deliver("held again \(index)", madeAt: 32_000, at: 40_000) }
        for index in 0..<120 { try deliver("many \(index)", madeAt: 39_999, at: 40_000) }
        #expect(shard.replicationDelay.milliseconds(at: after(40_000)) < 25)
    }

    @Test mutating func rangesComeInPages() throws {
        for index in 0..<10 { try replica.batch([Fixture.put(try Fixture.key("list", sort: "s\(index)"), "\(index)")]) }
        try replica.batch([Fixture.put(try Fixture.key("list"), "no item of the list")])
        let range = try StoredKeyRange.items(of: "list")
        func keys(_ reply: ReplicaReply) -> ([[UInt8]], Bool)? {
            if case .page(let items, let more) = reply { (items.map(\.key), more) } else { nil }
        }
        let page = RangeRequest(start: range.start, end: range.end, limit: 4, reverse: false)
        let forward = try #require(keys(try replica.ask(.range(page))))
        let sorted = try (0..<10).map { try Fixture.key("list", sort: "s\($0)") }
        #expect(forward.0 == Array(sorted[..<4]) && forward.1)
        var backward = page
        backward.reverse = true
        let last = try #require(keys(try replica.ask(.range(backward))))
        #expect(last.0.first == sorted[9] && last.1)
        var all = page
        all.limit = 10
        let whole = try #require(keys(try replica.ask(.range(all))))
        #expect(whole.0.count == 10 && !whole.1)
    }

    /// What would be more than a page may have, or all pages of a batch, is another thread's, and whole there.
    @Test mutating func longPagesAreHandedOn() throws {
        for index in 0..<10 { try replica.batch([Fixture.put(try Fixture.key("list", sort: "s\(index)"), "\(index)")]) }
        let range = try StoredKeyRange.items(of: "list")
        let page = ReplicaRequest.range(RangeRequest(start: range.start, end: range.end, limit: 4, reverse: false))
        guard case .page(let items, more: true) = try replica.ask(page) else {
            Issue.record("no page")
            return
        }
        let size = items.reduce(0) { $0 + $1.key.count + $1.object.count }
        let actor = Actor(node: Fixture.de, incarnation: 2)
        replica.shard = VnodeShard(actor: actor, pages: PageBounds(one: size, batch: 2 * size))
        #expect(try replica.batch([page, page]).handedOn.isEmpty)
        let outcome = try replica.batch([page, page, page])
        #expect(outcome.handedOn == [2] && outcome.replies[..<2].allSatisfy { $0 == .page(items: items, more: true) })
        replica.shard = VnodeShard(actor: actor, pages: PageBounds(one: size - 1))
        #expect(try replica.batch([page]).handedOn == [0])
        replica.shard = VnodeShard(actor: actor, pages: PageBounds(one: 1, batch: 1))
        #expect(try replica.batch([page, page]).handedOn == [0, 1])
        replica.shard = VnodeShard(actor: actor, pages: nil)
        #expect(try replica.ask(page) == .page(items: items, more: true))
    }
}
