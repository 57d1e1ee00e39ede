// Which of its lives a node is in, and how the next one begins (docs/formats/data-directory.md).
//
// No incarnation is above the generation of its life: whoever knows the generations of all lives knows a number that
// none of them has minted under.

package import World

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

    /// The cluster knows a later life than this one, of that generation: the next is above it. An incarnation above it
    /// is nobody's, even if the clock stands still before all those lives.
    package mutating func rise(above generation: UInt64) {
        self.generation = max(self.generation, generation)
        incarnation = max(incarnation, generation)
    }
}
