// One value under many keys at once: what a replica makes, and takes.

import DataTypes
import Storage
import Testing
import Vnodes
import Wire
import World

@Suite struct InsertTests {
    private var replica: Replica
    private let keys: [[UInt8]]

    init() throws {
        replica = Replica(Fixture.us, ring: try Fixture.ring())
        keys = try ["a", "b", "c"].map { try Fixture.key($0, bucket: "latest") }
    }

    private func insert(_ keys: [[UInt8]], _ text: String = "v", until: UInt64? = nil) -> ReplicaRequest {
        .insert(
            InsertRequest(
                keys: keys, value: Array(text.utf8), contentType: "text/plain",
                expiresAt: until.map { WallTime(milliseconds: $0) }))
    }

    @Test mutating func allKeysHaveTheSameObject() throws {
        let object = try #require(try replica.ask(insert(keys, until: 7 + Fixture.epochMs)).minted)
        #expect(object.texts == ["v"] && object.siblings.count == 1)
        #expect(object.siblings.first?.expiresAt?.milliseconds == 7 + Fixture.epochMs)
        for key in keys { #expect(try replica.object(key) == object) }
        // The next write has a dot of its own.
        let next = try #require(try replica.ask(Fixture.put(keys[0], "w")).minted)
        #expect(next.texts == ["w"] && next.siblings.first?.dot != object.siblings.first?.dot)
    }

    @Test mutating func whereSomethingStandsUnderOneNothingIsWritten() throws {
        #expect(try replica.ask(Fixture.put(keys[1], "old")).minted != nil)
        let before = try replica.contents()
        #expect(try replica.ask(insert(keys)).refusal == .exists)
        #expect(try replica.contents() == before)
        // In one batch too, and so twice the same key.
        let fresh = try Fixture.key("d", bucket: "latest")
        let outcome = try replica.batch([Fixture.put(fresh, "old"), insert([keys[0], fresh])])
        #expect(outcome.replies[1].refusal == .exists)
        #expect(try replica.ask(insert([keys[0], keys[0]])).minted != nil)
        #expect(try replica.object(keys[0])?.texts == ["v"])
    }

    @Test mutating func whatCannotBeInsertedIsRefused() throws {
        #expect(try replica.ask(insert([try Fixture.key("a")])).refusal == .malformed)
        #expect(try replica.ask(insert([try Fixture.key("a", bucket: "docs")])).refusal == .malformed)
        #expect(try replica.ask(insert([[1, 2, 3]])).refusal == .malformed)
        #expect(try replica.batch([insert(keys)], disk: .full).replies[0].refusal == .diskFull)
        #expect(try replica.contents().isEmpty)
    }

    /// The object is made for its replicas; the next dot is another's all the same.
    @Test mutating func whatIsOfOthersIsMadeAndNotStored() throws {
        let ward = try Fixture.key("k", bucket: "wards")
        let object = try #require(try replica.ask(insert([ward])).minted)
        #expect(try replica.contents().isEmpty)
        let next = try #require(try replica.ask(insert(keys)).minted)
        #expect(object.siblings.first?.dot != next.siblings.first?.dot)
        var german = Replica(Fixture.de, ring: replica.ring)
        #expect(try german.ask(.mergeEach(keys: [ward], object: object.encode())) == .stored)
        #expect(try german.object(ward)?.texts == ["v"])
    }

    @Test mutating func othersTakeItForAllOfThem() throws {
        let object = try #require(try replica.ask(insert(keys)).minted).encode()
        var other = Replica(Fixture.de, ring: replica.ring)
        #expect(try other.ask(.mergeEach(keys: keys, object: object)) == .stored)
        #expect(try other.contents() == replica.contents())
        // Once more it changes nothing.
        #expect(try other.batch([.mergeEach(keys: keys, object: object)]).writes.isEmpty)
        // Where a later value stands it stays.
        var third = Replica(Fixture.jp, ring: replica.ring)
        #expect(try third.batch([Fixture.put(keys[1], "later")], at: 5_000).replies[0].minted != nil)
        #expect(try third.ask(.mergeEach(keys: keys, object: object), at: 5_001) == .storedBeside)
        #expect(try keys.map { try third.object($0)?.texts } == [["v"], ["later"], ["v"]])
    }

    /// The others' values are stored all the same, and the answer says that not all are.
    @Test mutating func aKeyOfOthersIsRefused() throws {
        let object = try #require(try replica.ask(insert([keys[0]])).minted).encode()
        let ward = try Fixture.key("k", bucket: "wards")
        #expect(try replica.ask(.mergeEach(keys: [ward, keys[1]], object: object)).refusal == .notReplica)
        #expect(try replica.object(ward) == nil && replica.object(keys[1])?.texts == ["v"])
        #expect(try replica.ask(.mergeEach(keys: keys, object: [1, 2])).refusal == .malformed)
    }
}
