// What one write does to what stands there: the rules of the data model, case by case.

import Causality
import DataTypes
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
        writes.reduce(into: StoredObject()) {
            $0.write(
                $1.0, context: $1.1.map { CausalContext(versions: $0, latestTime: HybridTime(bits: 0)) }, rule: rule)
        }
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
        second.write(sibling(b, 1), context: CausalContext(of: StoredObject()), rule: .siblings)
        #expect(second.siblings.count == 2)
        second.write(sibling(a, 2), context: CausalContext(of: first), rule: .siblings)
        #expect(second.siblings.map(\.dot) == [Dot(actor: a, counter: 2), Dot(actor: b, counter: 1)])
    }

    @Test func aStaleContextMakesSiblingsAndAFreshOneEndsThem() {
        let old = object((sibling(a, 1), nil))
        var now = old
        now.write(sibling(a, 2), context: CausalContext(of: old), rule: .siblings)
        now.write(sibling(a, 3), context: CausalContext(of: old), rule: .siblings)
        #expect(now.siblings.map(\.dot.counter) == [2, 3])
        now.write(sibling(a, 4), context: CausalContext(of: now), rule: .siblings)
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

@Suite struct AttemptTests {
    private let a = Actor(node: NodeID(literal: "a"), incarnation: 1)
    private let b = Actor(node: NodeID(literal: "b"), incarnation: 1)

    private func sibling(_ actor: Actor, _ counter: UInt64, time: UInt64, attempt: UInt64? = nil) -> Sibling {
        Sibling(
            dot: Dot(actor: actor, counter: counter), payload: .value([UInt8(counter)]), time: HybridTime(bits: time),
            attempt: attempt)
    }

    /// Made by a, which fell silent; made anew by b; overwritten at b. Then a is heard again.
    @Test func aVoidedAttemptIsGoneWhereverItTurnsUp() {
        let rule = ConflictRule.siblings
        var late = StoredObject()
        late.write(sibling(a, 1, time: 90, attempt: 7), context: nil, rule: rule)
        var present = StoredObject()
        present.write(sibling(b, 1, time: 10, attempt: 8), context: nil, voiding: [7], rule: rule)
        present.write(sibling(b, 2, time: 20), context: nil, rule: rule)
        for merged in [late.merged(present, rule), present.merged(late, rule)] {
            #expect(merged.siblings.map(\.dot) == [Dot(actor: b, counter: 2)])
            #expect(merged.versions.covers(Dot(actor: a, counter: 1)), "or it would come again")
        }
    }

    /// However many writes are handed on, the latest are remembered, the same on every replica.
    @Test func theLatestVoidedAttemptsAreRemembered() {
        let rule = ConflictRule.siblings
        let count = UInt64(Limits.voidedAttempts)
        var left = StoredObject()
        var right = StoredObject()
        for attempt in 1...(2 * count) {
            let (counter, isOdd) = ((attempt + 1) / 2, attempt % 2 == 1)
            let write = sibling(isOdd ? a : b, counter, time: attempt)
            if isOdd { left.write(write, context: nil, voiding: [attempt], rule: rule) }
            if !isOdd { right.write(write, context: nil, voiding: [attempt], rule: rule) }
        }
        #expect(left.voided.count == Limits.voidedAttempts && right.voided.count == Limits.voidedAttempts)
        #expect(left.merged(right, rule).voided == Array(count + 1...2 * count))
        #expect(left.merged(right, rule) == right.merged(left, rule))
    }

    /// Two writers in turn, each with the context of its own last answer: one sibling each.
    @Test func twoWritersWhoNeverReadKeepOneSiblingEach() {
        var object = StoredObject()
        var contexts: [CausalContext?] = [
            CausalContext(of: StoredObject()), CausalContext(of: StoredObject()),
        ]
        for turn in 0..<200 {
            object.write(
                sibling(a, UInt64(turn + 1), time: UInt64(turn + 1)), context: contexts[turn % 2], rule: .siblings)
            contexts[turn % 2] = CausalContext.written(object, after: contexts[turn % 2])
            #expect(object.siblings.count == min(turn + 1, 2))
        }
    }

    /// A dot beyond the vector supersedes its own write and no other of its actor; where it is unknown, nothing.
    @Test func theDotOfAContextStandsForItselfAlone() {
        var object = StoredObject()
        let none = CausalContext(of: StoredObject())
        for counter in 1...3 {
            object.write(sibling(a, UInt64(counter), time: 1), context: none, rule: .siblings)
        }
        let context = CausalContext(
            versions: VersionVector(), latestTime: HybridTime(bits: 1), dot: Dot(actor: a, counter: 2))
        object.write(sibling(b, 1, time: 2), context: context, rule: .siblings)
        #expect(object.siblings.map(\.dot.counter) == [1, 3, 1])
        var elsewhere = StoredObject()
        elsewhere.write(sibling(b, 9, time: 2), context: context, rule: .siblings)
        #expect(!elsewhere.versions.covers(Dot(actor: a, counter: 1)), "that would lose a write nobody has seen")
    }

    /// A node with the longest name and as many lives as a vector takes: its context is taken back.
    @Test func theLongestContextThatIsGivenIsTaken() throws {
        let name = String(repeating: "n", count: Limits.nodeNameBytes)
        let node = try #require(NodeID(name))
        let lives = (0..<Limits.versionVectorEntries).map { life in
            Dot(actor: Actor(node: node, incarnation: 1_795_401_141_332 + UInt64(life)), counter: 1 << 40)
        }
        let versions = try #require(VersionVector(ascending: lives))
        let context = CausalContext(versions: versions, latestTime: HybridTime(bits: .max))
        let token = context.encode(for: [1])
        #expect(token.count <= Limits.mintedContextBytes)
        #expect(try CausalContext(decoding: token, for: [1]) == context)
    }
}
