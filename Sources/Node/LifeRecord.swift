// Which of its lives a node is in, and how the next one begins (docs/formats/data-directory.md).
//
// No incarnation is above the generation of its life: whoever knows the generations of all lives knows a number that
// none of them has minted under.

package import World

/// How the store of objects lies there at a start, beside what the last clean stop noted of it.
package enum FoundStore: Hashable, Sendable {
    /// The very files that it has left.
    case asLeft
    /// Files of the same contents, at another place or of another time.
    case copied
    case changed
    /// There was no clean stop, or there is no directory.
    case unknown
    /// A directory without data, and nothing to compare it with.
    case vacant
}

package struct LifeRecord: Hashable, Sendable {
    /// Under which dots are minted; 0 until the first life has begun.
    package var incarnation: UInt64
    /// Greater at every start; what gossip tells one life of a node from the next by.
    package var generation: UInt64

    package init(incarnation: UInt64 = 0, generation: UInt64 = 0) {
        self.incarnation = incarnation
        self.generation = generation
    }

    /// Begins the next life, and returns the counter from which it goes on minting.
    ///
    /// The old one goes on only if the store of objects holds all that was ever acknowledged under it. `counter`: the
    /// highest that it has minted, as its clean stop noted it, if the store is still what that stop has left.
    /// `storeIsKept`: it was opened as it lay there, and not begun empty. Anything else makes the incarnation a new
    /// one.
    package mutating func begin(goingOnAt counter: UInt64?, storeIsKept: Bool, wall: WallTime) -> UInt64 {
        // Both numbers are below Limits.gossipCounter, or their file would have been refused.
        generation += 1
        // No wall clock: were this an image of the whole disk from an earlier clean stop, the other nodes know this
        // generation already, and say so.
        if let counter, storeIsKept { return counter }
        generation = max(generation, wall.milliseconds)
        incarnation = max(incarnation + 1, wall.milliseconds)
        return 0
    }

    /// Whether what lies there is what this node has stored; if not, it counts as damaged.
    package func believes(_ found: FoundStore) -> Bool {
        switch found {
        case .asLeft, .copied, .unknown: true
        case .vacant: incarnation == 0
        case .changed: false
        }
    }

    /// Where minting may go on, as the last clean stop noted it: in its very files alone. A copy of them may be older
    /// than what has been acknowledged since.
    package func counter(notedAs counter: UInt64?, _ found: FoundStore) -> UInt64? {
        found == .asLeft ? counter : nil
    }

    /// The cluster knows a later life than this one, of that generation: the next is above it. An incarnation above it
    /// is nobody's, even if the clock stands still before all those lives.
    package mutating func rise(above generation: UInt64) {
        self.generation = max(self.generation, generation)
        incarnation = max(incarnation, generation)
    }
}
