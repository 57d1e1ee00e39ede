// Who wrote what: actors, dots and version vectors.
//
// A dot names one write for ever. Its actor is a node in one incarnation: after an unclean stop, a restored or a lost
// disk the node mints under a new incarnation, so that no dot is ever minted twice even though a counter was lost.
// (Riak lost data for want of this; it called the cure "actor epochs".) Counters of one actor rise, with gaps, over all
// keys of a storage shard; dots are only ever compared within one key, where rising is all that is needed.

package import World

/// A node in one of its lives.
package struct Actor: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let node: NodeID
    package let incarnation: UInt64

    package init(node: NodeID, incarnation: UInt64) {
        self.node = node
        self.incarnation = incarnation
    }

    package static func < (a: Actor, b: Actor) -> Bool {
        a.node == b.node ? a.incarnation < b.incarnation : a.node < b.node
    }

    package var description: String { "\(node)~\(incarnation)" }
}

/// One write event: the `counter`-th (or later) minting of an actor. Counters start at 1.
package struct Dot: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let actor: Actor
    package let counter: UInt64

    package init(actor: Actor, counter: UInt64) {
        self.actor = actor
        self.counter = counter
    }

    package static func < (a: Dot, b: Dot) -> Bool {
        a.actor == b.actor ? a.counter < b.counter : a.actor < b.actor
    }

    package var description: String { "\(actor):\(counter)" }
}

/// The set of all dots up to a counter, for each actor. Invariant: entries are strictly ascending by actor, counters >
/// 0.
package struct VersionVector: Hashable, Sendable {
    package private(set) var entries: [Dot]

    package init() { entries = [] }

    /// Nil if `entries` are not strictly ascending with positive counters.
    package init?(ascending entries: [Dot]) {
        for (i, entry) in entries.enumerated() {
            guard entry.counter > 0, i == 0 || entries[i - 1].actor < entry.actor else { return nil }
        }
        self.entries = entries
    }

    package var isEmpty: Bool { entries.isEmpty }

    private func position(of actor: Actor) -> (index: Int, found: Bool) {
        let place = entries.firstPlace { $0.actor < actor }
        return (place, place < entries.count && entries[place].actor == actor)
    }

    package func counter(of actor: Actor) -> UInt64 {
        let (index, found) = position(of: actor)
        return found ? entries[index].counter : 0
    }

    package func covers(_ dot: Dot) -> Bool { counter(of: dot.actor) >= dot.counter }

    /// Every dot of `other` is in here.
    package func covers(_ other: VersionVector) -> Bool { other.entries.allSatisfy(covers) }

    package mutating func record(_ dot: Dot) {
        let (index, found) = position(of: dot.actor)
        if !found {
            entries.insert(dot, at: index)
        } else if entries[index].counter < dot.counter {
            entries[index] = dot
        }
    }

    /// The union. Commutative, associative, idempotent.
    package mutating func merge(_ other: VersionVector) {
        // One side has most often seen all that the other has.
        if other.covers(self) { return entries = other.entries }
        for entry in other.entries { record(entry) }
    }
}
