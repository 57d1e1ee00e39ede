// What a replica does not do, and that it says so without harm to what it holds.

import Causality
import DataTypes
import Keys
import Ring
import Storage
import Testing
import Vnodes
import Wire
import World

enum StoredKeyRange {
    static func items(of partitionKey: String, bucket: String = "posts") throws -> KeyRange {
        try StoredKey.range(
            bucket: Array(bucket.utf8), partitionKey: Array(partitionKey.utf8), start: nil, end: nil, prefix: nil)
    }
}

@Suite struct ShardRefusalTests {
    private var replica: Replica
    private let key: [UInt8]

    init() throws {
        replica = Replica(Fixture.us, ring: try Fixture.ring())
        key = try Fixture.key("alice")
    }

    @Test mutating func tooManySiblingsAreRefusedUntilSomebodyMerges() throws {
        let blind = Fixture.blindContext(key)
        for index in 0..<Limits.siblings {
            #expect(try replica.ask(Fixture.put(key, "\(index)", context: blind)).minted?.siblings.count == index + 1)
        }
        let before = try replica.contents()
        #expect(try replica.ask(Fixture.put(key, "one more", context: blind)).refusal == .tooManySiblings)
        #expect(try replica.contents() == before)
        let held = try #require(try replica.object(key))
        let all = CausalContext(of: held).encode(for: key)
        #expect(try replica.ask(Fixture.put(key, "merged", context: all)).minted?.texts == ["merged"])
    }

    @Test mutating func valuesBeyondTheBucketsLimitAreRefused() throws {
        let small = try Fixture.key("k", bucket: "small")
        #expect(try replica.ask(Fixture.put(small, "0123456789")).minted != nil)
        #expect(try replica.ask(Fixture.put(small, "0123456789a")).refusal == .tooLarge)
        #expect(try replica.object(small)?.texts == ["0123456789"])
    }

    @Test mutating func aKeyOfOthersIsRefused() throws {
        let patient = try Fixture.key("k", bucket: "patients")
        #expect(try replica.ask(Fixture.put(patient, "v")).refusal == .notReplica)
        var german = Replica(Fixture.de, ring: replica.ring)
        let object = try #require(try german.ask(Fixture.put(patient, "v")).minted)
        #expect(try replica.ask(.merge(key: patient, object: object.encode(), repair: true)).refusal == .notReplica)
        #expect(try replica.contents().isEmpty)
    }

    /// What makes room, or keeps replicas together, is taken longer than what only takes room.
    @Test(
        arguments: [
            (DiskState.roomy, [nil, nil, nil, nil, nil, nil]),
            (.nearlyFull, [.diskFull, .diskFull, nil, nil, nil, nil]),
            (.full, [.diskFull, .diskFull, .diskFull, nil, nil, nil]),
            (.exhausted, [.diskFull, .diskFull, .diskFull, .diskFull, .diskFull, nil]),
        ] as [(DiskState, [Refusal.Code?])])
    mutating func aDiskThatFillsRefusesValuesThenRepairsThenDeletions(_ disk: DiskState, _ expected: [Refusal.Code?])
        throws
    {
        var other = Replica(Fixture.de, ring: replica.ring)
        let object = try #require(try other.ask(Fixture.put(key, "v")).minted).encode()
        let deletion = try #require(try other.ask(.mint(MintRequest(key: key, value: nil))).minted).encode()
        let outcome = try replica.batch(
            [
                Fixture.put(key, "w"), .merge(key: key, object: object, repair: false),
                .merge(key: key, object: object, repair: true), .mint(MintRequest(key: key, value: nil)),
                .merge(key: key, object: deletion, repair: false), .read(key: key, summaryOver: 0),
            ], disk: disk)
        #expect(outcome.replies.map(\.refusal) == expected)
    }

    @Test mutating func whatIsThereAlreadyNeedsNoRoom() throws {
        let object = try #require(try replica.ask(Fixture.put(key, "v")).minted).encode()
        let again = ReplicaRequest.merge(key: key, object: object, repair: true)
        #expect(try replica.batch([again], disk: .exhausted).replies == [.stored])
    }

    /// A newer version wrote it: nothing is damaged, and nothing may be moved aside.
    @Test mutating func anObjectOfANewerFormatIsNoDamage() throws {
        let object = try #require(try replica.ask(Fixture.put(key, "v")).minted).encode()
        try replica.store.commit([.put(key: key, value: [200] + object.dropFirst())], synced: true)
        let surroundings = BatchSurroundings(now: Fixture.now(), ring: replica.ring)
        let failure = #expect(throws: StorageFailure.self) {
            try replica.shard.process([Fixture.put(key, "w")], store: replica.store, in: surroundings)
        }
        #expect(failure?.kind == .inputOutput && failure?.description.contains("format 200") == true)
    }

    @Test mutating func whatIsMalformedIsRefusedAndTheRestOfTheBatchGoesOn() throws {
        let foreign = CausalContext(versions: VersionVector(), latestTime: HybridTime(bits: 0)).encode(for: [1])
        let outcome = try replica.batch([
            Fixture.put([], "v"), Fixture.put([1, 2, 3], "v"), Fixture.put(Array(key.dropLast()), "v"),
            Fixture.put(key, "v", context: foreign),
            .merge(key: key, object: [1, 2, 3], repair: true), .merge(key: key, object: [], repair: true),
            .hint(target: Fixture.de, key: key, object: []), .readHints(target: Fixture.de, key: key),
            Fixture.put(key, "good"),
        ])
        #expect(outcome.replies.dropLast().allSatisfy { $0.refusal == .malformed })
        #expect(outcome.replies.last?.minted?.texts == ["good"])
        #expect(outcome.writes.count == 1)
    }

    @Test mutating func aStoredObjectThatCannotBeReadStopsTheShard() throws {
        try replica.store.commit([.put(key: key, value: [9, 9, 9])], synced: true)
        let surroundings = BatchSurroundings(now: Fixture.now(), ring: replica.ring)
        for request in [Fixture.put(key, "v"), .read(key: key, summaryOver: 1)] {
            #expect(throws: StorageFailure.self) {
                try replica.shard.process([request], store: replica.store, in: surroundings)
            }
        }
    }

    @Test mutating func aFailedDiskIsNoAnswer() throws {
        replica.store.failure = StorageFailure(.inputOutput, "no disk")
        let surroundings = BatchSurroundings(now: Fixture.now(), ring: replica.ring)
        #expect(throws: StorageFailure.self) {
            try replica.shard.process([.read(key: key, summaryOver: 0)], store: replica.store, in: surroundings)
        }
    }

    /// What each of three replicas holds after it alone has written `value` until it was refused.
    private mutating func filledSides(_ value: String) throws -> (sides: [Replica], refusals: [Refusal.Code]) {
        var sides: [Replica] = []
        var refusals: [Refusal.Code] = []
        for node in [Fixture.de, Fixture.us, Fixture.jp] {
            var side = Replica(node, ring: replica.ring)
            var refusal: Refusal.Code?
            for _ in 0...Limits.siblings where refusal == nil {
                refusal = try side.ask(Fixture.put(key, value, context: Fixture.blindContext(key))).refusal
            }
            sides.append(side)
            refusals.append(try #require(refusal))
        }
        return (sides, refusals)
    }

    /// Sends each side's object to each other, twice, as repair does.
    private func meet(_ sides: inout [Replica]) throws {
        for _ in 0..<2 {
            for from in sides.indices {
                let object = try #require(try sides[from].object(key)).encode()
                for to in sides.indices where to != from {
                    #expect(try sides[to].ask(.merge(key: key, object: object, repair: true)) == .stored)
                }
            }
        }
    }

    @Test mutating func whatAllSidesOfACutTakeFitsTogether() throws {
        var (sides, refusals) = try filledSides("v")
        #expect(refusals == Array(repeating: .tooManySiblings, count: 3))
        try meet(&sides)
        #expect(try sides.map { try $0.object(key)?.siblings.count } == Array(repeating: 3 * Limits.siblings, count: 3))
        #expect(try sides[0].contents() == sides[1].contents() && sides[1].contents() == sides[2].contents())
    }

    @Test mutating func theirBytesFitTogetherToo() throws {
        var (sides, refusals) = try filledSides(String(repeating: "v", count: 1 << 20))
        #expect(refusals == Array(repeating: .tooLarge, count: 3))
        try meet(&sides)
        #expect(try sides.map { try $0.object(key)?.siblings.count } == [30, 30, 30])
        #expect(try sides[0].contents() == sides[1].contents() && sides[1].contents() == sides[2].contents())
        #expect(sides.allSatisfy { $0.shard.unmergeable == 0 })
        // Whoever has read them all makes them one again.
        let all = CausalContext(of: try #require(try sides[0].object(key))).encode(for: key)
        #expect(try sides[0].ask(Fixture.put(key, "one", context: all)).minted?.texts == ["one"])
    }

    /// An object of `count` siblings, written by as many actors or by one.
    private func crowd(_ node: NodeID, _ count: Int, actors: Bool) throws -> [UInt8] {
        let dots = (1...UInt64(count)).map {
            Dot(actor: Actor(node: node, incarnation: actors ? $0 : 1), counter: actors ? 1 : $0)
        }
        let versions = try #require(VersionVector(ascending: actors ? dots : [dots[count - 1]]))
        let siblings = (actors ? Array(dots.prefix(1)) : dots).map {
            Sibling(dot: $0, payload: .value([1]), time: HybridTime(bits: $0.counter))
        }
        return try #require(StoredObject(versions: versions, siblings: siblings)).encode()
    }

    @Test(arguments: [true, false]) mutating func whatIsBeyondTheLimitsIsRefusedAndCounted(_ actors: Bool) throws {
        let count = actors ? Limits.versionVectorEntries / 2 + 1 : Limits.mergedSiblings / 2 + 1
        #expect(
            try replica.ask(.merge(key: key, object: crowd(Fixture.de, count, actors: actors), repair: true)) == .stored
        )
        let before = try replica.contents()
        #expect(
            try replica.ask(.merge(key: key, object: crowd(Fixture.jp, count, actors: actors), repair: true)).refusal
                == (actors ? .vectorFull : .tooManySiblings))
        // What stands there can still be read.
        #expect(try replica.contents() == before && replica.object(key) != nil)
        #expect(replica.shard.unmergeable == 1)
    }
}
