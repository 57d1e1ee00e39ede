// What one write does to what stands there: the rules of the data model, case by case.

import Causality
import Testing
import World

@Suite struct WriteTests {
    private let a = Actor(node: NodeID(literal: "a"), incarnation: 1)
    private let b = Actor(node: NodeID(literal: "b"), incarnation: 1)

    private func sibling(_ actor: Actor, _ counter: UInt64, _ text: String = "x", at time: UInt64 = 1) -> Sibling {
        Sibling(
            dot: Dot(actor: actor, counter: counter), payload: .value(Array(text.utf8)), time: HybridTime(bits: time))
    }

    private func object(_ writes: (Sibling, VersionVector?)..., rule: ConflictRule = .siblings) -> StoredObject {
        writes.reduce(into: StoredObject()) { $0.write($1.0, context: $1.1, rule: rule) }
    }

    @Test func aWriteWithoutContextOverwritesAllThatStandsThere() {
        let empty = VersionVector()
        let held = object((sibling(a, 1), empty), (sibling(b, 1), empty), (sibling(a, 2), empty), (sibling(a, 3), nil))
        #expect(held.siblings.map(\.dot) == [Dot(actor: a, counter: 3)])
        #expect(held.versions.covers(Dot(actor: b, counter: 1)))
    }

    @Test func aWriteWithContextSupersedesExactlyWhatItSaw() {
        let first = object((sibling(a, 1), nil))
        var second = first
        second.write(sibling(b, 1), context: VersionVector(), rule: .siblings)
        #expect(second.siblings.count == 2)
        second.write(sibling(a, 2), context: first.versions, rule: .siblings)
        #expect(second.siblings.map(\.dot) == [Dot(actor: a, counter: 2), Dot(actor: b, counter: 1)])
    }

    @Test func aStaleContextMakesSiblingsAndAFreshOneEndsThem() {
        let old = object((sibling(a, 1), nil))
        var now = old
        now.write(sibling(a, 2), context: old.versions, rule: .siblings)
        now.write(sibling(a, 3), context: old.versions, rule: .siblings)
        #expect(now.siblings.map(\.dot.counter) == [2, 3])
        now.write(sibling(a, 4), context: now.versions, rule: .siblings)
        #expect(now.siblings.map(\.dot.counter) == [4])
    }

    @Test func aContextFromElsewhereSupersedesWhatArrivesLater() {
        // The context names b:1, which this replica has not heard of; when it comes, it is known to be overwritten.
        var held = object((sibling(a, 1), VersionVector(ascending: [Dot(actor: b, counter: 1)])))
        held.merge(object((sibling(b, 1), nil)), rule: .siblings)
        #expect(held.siblings.map(\.dot) == [Dot(actor: a, counter: 1)])
    }

    @Test func ofOneInstantTheGreaterDotWins() {
        let (x, y) = (
            object((sibling(a, 9), nil), rule: .lastWriteWins), object((sibling(b, 1), nil), rule: .lastWriteWins)
        )
        #expect(x.merged(y, .lastWriteWins).siblings.map(\.dot) == [Dot(actor: b, counter: 1)])
        #expect(y.merged(x, .lastWriteWins).siblings.map(\.dot) == [Dot(actor: b, counter: 1)])
    }

    @Test func anotherIncarnationIsAnotherActor() {
        let reborn = Actor(node: a.node, incarnation: 2)
        let both = object((sibling(a, 5), nil)).merged(object((sibling(reborn, 1), nil)), .siblings)
        #expect(both.siblings.count == 2)
        #expect(a < reborn)
    }

    @Test func aTombstoneSupersedesLikeAnyWriteAndIsNoValue() {
        var held = object((sibling(a, 1), nil))
        held.write(
            Sibling(dot: Dot(actor: a, counter: 2), payload: .tombstone, time: HybridTime(bits: 2)), context: nil,
            rule: .siblings)
        #expect(held.values.isEmpty)
        #expect(held.siblings.count == 1)
        #expect(held.newest?.isTombstone == true)
        // An old replica that still holds the value cannot bring it back.
        held.merge(object((sibling(a, 1), nil)), rule: .siblings)
        #expect(held.values.isEmpty)
    }

    @Test func expiryKeepsTheDotAndDropsTheBytes() {
        let end = WallTime(milliseconds: 1_000)
        var held = StoredObject()
        held.write(
            Sibling(
                dot: Dot(actor: a, counter: 1), payload: .value([1, 2, 3]), contentType: "image/png",
                time: HybridTime(bits: 1), expiresAt: end), context: nil, rule: .siblings)
        #expect(held.expired(WallTime(milliseconds: 999)) == held)
        let gone = held.expired(end)
        #expect(gone.values.isEmpty && gone.payloadBytes == 0)
        #expect(gone.siblings.map(\.dot) == held.siblings.map(\.dot))
        #expect(gone.summary == held.summary)
    }

    @Test func badPartsMakeNoObject() {
        let versions = VersionVector(ascending: [Dot(actor: a, counter: 2)]) ?? VersionVector()
        #expect(StoredObject(versions: versions, siblings: [sibling(a, 3)]) == nil)
        #expect(StoredObject(versions: versions, siblings: [sibling(a, 2), sibling(a, 1)]) == nil)
        #expect(StoredObject(versions: versions, siblings: [sibling(a, 1), sibling(a, 1)]) == nil)
        #expect(StoredObject(versions: versions, siblings: [sibling(b, 1)]) == nil)
        #expect(StoredObject(versions: versions, siblings: [sibling(a, 1), sibling(a, 2)]) != nil)
    }
}
