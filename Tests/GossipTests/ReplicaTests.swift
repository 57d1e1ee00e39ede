// A copy grows by suffixes, is refilled in a shadow, and lets marks of deletions go only when nobody can miss them.

import Testing
import World

@testable import Gossip

private let owner = NodeID(literal: "owner")

/// A digest of what a replica holds, as a peer would get it.
private func digest(_ replica: Replica) -> Digest {
    let t = replica.target
    return Digest(id: owner, generation: t.generation, heartbeat: 1, version: t.version, floor: t.floor)
}

/// What `giver` would send to `taker`, at most `most` entries of it.
private func delta(from giver: Replica, to taker: Replica, most: Int = .max) -> Delta? {
    guard let offer = giver.offer(to: digest(taker)), let state = giver.servable else { return nil }
    return state.cut(offer, of: owner, room: Limits.gossipBytes, most: most)?.delta
}

extension Replica {
    /// The keys that changed, in order.
    @discardableResult
    fileprivate mutating func take(_ delta: Delta?) -> [String] {
        var changes: [String] = []
        if let delta { apply(delta) { changes.append($0) } }
        return changes
    }
}

@Suite struct ReplicaTests {
    @Test func aSuffixBringsWhatIsNew() {
        var source = Replica(owned: 1)
        source.write("a", [1])
        source.write("b", [2])
        var copy = Replica()
        #expect(copy.take(delta(from: source, to: copy)).sorted() == ["a", "b"])
        source.write("a", [3])
        source.write("b", nil)
        let news = delta(from: source, to: copy)
        #expect(news?.from == 3)
        #expect(news?.entries.map(\.key) == ["a", "b"])
        #expect(copy.take(news) == ["a", "b"])
        #expect(copy.state == source.state)
        #expect(delta(from: source, to: copy) == nil)
        // The same again, late, changes nothing.
        #expect(copy.take(news) == [])
        #expect(copy.state == source.state)
    }

    @Test func aGapIsRefused() {
        var source = Replica(owned: 1)
        source.write("a", [1])
        var copy = Replica()
        copy.take(delta(from: source, to: copy))
        let before = copy
        let late = Delta(
            id: owner, generation: 1, from: 5, floor: 0, end: 6, latest: 6,
            entries: [Entry(version: 6, key: "z", value: [9])])
        #expect(copy.take(late) == [])
        #expect(copy == before)
    }

    @Test func anOlderLifeIsRefused() {
        var copy = Replica()
        copy.take(delta(from: Replica(owned: 2), to: copy))
        var old = Replica(owned: 1)
        for i in 0..<9 { old.write("a", [UInt8(i)]) }
        #expect(old.offer(to: digest(copy)) == nil)
        let before = copy
        copy.take(delta(from: old, to: Replica()))
        #expect(copy == before)
    }

    /// A new life's state replaces the old one's as a whole: keys that it doesn't name are gone.
    @Test func aNewLifeReplacesTheOldOne() {
        var old = Replica(owned: 1)
        for key in ["a", "b", "c"] { old.write(key, [1]) }
        var copy = Replica()
        copy.take(delta(from: old, to: copy))
        var new = Replica(owned: 2)
        new.write("b", [2])
        #expect(copy.take(delta(from: new, to: copy)).sorted() == ["a", "b", "c"])
        #expect(copy.state.keys == ["b"])
        #expect(copy.state.value("b") == [2])
    }

    /// The floor has passed what the copy knows: a suffix could lack deletions, so all comes anew, in a shadow. Until
    /// that is whole, the old copy is shown, and neither is passed on.
    @Test func aRefillIsShownWhenItIsWhole() {
        var source = Replica(owned: 1)
        for key in ["a", "b", "c", "d"] { source.write(key, [1]) }
        var copy = Replica()
        copy.take(delta(from: source, to: copy))
        let third = copy
        source.write("b", nil)
        source.write("d", [2])
        source.raiseFloor(to: source.state.version)

        let first = delta(from: source, to: copy, most: 1)
        #expect(first?.from == 0)
        #expect(copy.take(first) == [])
        #expect(copy.state.value("b") == [1])
        #expect(copy.servable == nil)
        #expect(copy.target.floor > copy.target.version)
        // A peer with a copy from before the deletion has no say in a refill, and gets nothing from it.
        #expect(third.offer(to: digest(copy)) == nil)
        let forced = third.state.cut(
            DeltaOffer(from: copy.target.version, depth: 9), of: owner, room: Limits.gossipBytes, most: 9)?.delta
        let before = copy
        #expect(copy.take(forced) == [])
        #expect(copy == before)
        #expect(copy.offer(to: digest(Replica())) == nil)

        #expect(copy.take(delta(from: source, to: copy, most: 1)) == [])
        #expect(copy.take(delta(from: source, to: copy, most: 1)) == ["b", "d"])
        #expect(copy.shadow == nil)
        #expect(copy.state == source.state)
    }

    /// The floor rises once more while a refill is under way: it begins again, under the new floor.
    @Test func aRefillOvertakenByTheFloorBeginsAnew() {
        var source = Replica(owned: 1)
        for key in ["a", "b", "c", "d"] { source.write(key, [1]) }
        var copy = Replica()
        copy.take(delta(from: source, to: copy))
        source.write("a", nil)
        source.raiseFloor(to: source.state.version)
        copy.take(delta(from: source, to: copy, most: 2))
        #expect(copy.shadow?.keys == ["b", "c"])
        source.write("b", nil)
        source.write("d", [2])
        source.raiseFloor(to: source.state.version)
        copy.take(delta(from: source, to: copy, most: 1))
        #expect(copy.shadow?.keys == ["c"])
        copy.take(delta(from: source, to: copy))
        #expect(copy.state == source.state)
        #expect(copy.state.value("b") == nil)
    }

    /// Two contributors, the first of which knows more: a key that changed in between is in neither's part. The copy is
    /// not shown without it.
    @Test func aRefillReachesWhatAnyContributorKnew() {
        var source = Replica(owned: 1)
        for key in ["a", "b", "c"] { source.write(key, [1]) }
        var copy = Replica()
        copy.take(delta(from: source, to: copy))
        source.write("c", nil)
        source.raiseFloor(to: source.state.version)
        var less = Replica()
        less.take(delta(from: source, to: less))
        source.write("a", [2])
        // What is left of the source begins with "b": "a" comes last.
        copy.take(delta(from: source, to: copy, most: 1))
        #expect(copy.shadow?.keys == ["b"])
        #expect(copy.take(delta(from: less, to: copy)) == [])
        #expect(copy.state.value("a") == [1])
        #expect(copy.take(delta(from: source, to: copy)).sorted() == ["a", "c"])
        #expect(copy.state == source.state)
    }

    @Test func aFloorIsAdoptedWhereNothingCanBeMissed() {
        var source = Replica(owned: 1)
        source.write("a", [1])
        source.write("a", nil)
        var behind = Replica()
        behind.take(delta(from: source, to: behind))
        var copy = behind
        source.write("b", [1])
        copy.take(delta(from: source, to: copy))
        source.raiseFloor(to: 4)
        copy.adoptFloor(digest(source))
        #expect(copy.state == source.state)
        #expect(copy.state.count == 1)
        // This one knows less than the floor: it might lack a deletion, so it needs a refill.
        let before = behind
        behind.adoptFloor(digest(source))
        #expect(behind == before)
        #expect(delta(from: source, to: behind)?.from == 0)
    }

    /// A liar may pour entries into a copy, up to a bound; what is passed on of it can still be read by others.
    @Test func aCopyIsBounded() {
        var copy = Replica()
        for batch in UInt64(0)..<4 {
            let from = batch * 256
            let entries = (1...256).map { Entry(version: from + $0, key: "k\(from + $0)", value: []) }
            copy.take(
                Delta(
                    id: owner, generation: 1, from: from, floor: 0, end: from + 256, latest: from + 256,
                    entries: entries))
        }
        #expect(copy.state.count == 2 * Limits.gossipKeys)
        #expect(delta(from: copy, to: Replica())?.entries.count == Limits.gossipKeys)
    }
}

@Suite struct NodeStateTests {
    @Test func lastChangesOnlyInTheOrderOfVersions() {
        var state = GossipState(generation: 1, floor: 0)
        #expect(state.append(Entry(version: 1, key: "a", value: [1])) == nil)
        #expect(state.append(Entry(version: 2, key: "b", value: [2])) == nil)
        #expect(state.append(Entry(version: 5, key: "a", value: [3])) == [1])
        #expect(state.versions == [2, 5])
        #expect(state.keys == ["b", "a"])
        #expect([0, 1, 2, 4, 5, 6].map { state.firstIndex(after: $0) } == [0, 0, 1, 1, 2, 2])
    }

    @Test func theFloorForgetsMarksAndNothingElse() {
        var state = GossipState(generation: 1, floor: 0)
        state.append(Entry(version: 1, key: "a", value: [1]))
        state.append(Entry(version: 2, key: "b", value: nil))
        state.append(Entry(version: 3, key: "c", value: nil))
        state.raiseFloor(to: 2)
        #expect(state.keys == ["a", "c"])
        state.raiseFloor(to: 1)
        #expect(state.floor == 2)
        // A mark that comes later than its floor leaves nothing behind but the absence of its key.
        state.append(Entry(version: 4, key: "d", value: [4]))
        state.raiseFloor(to: 9)
        state.append(Entry(version: 6, key: "a", value: nil))
        #expect(state.keys == ["d"])
        #expect(state.version == 6)
    }
}
