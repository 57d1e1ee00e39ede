// The last changed keys of one shard, by position: from here a reader who was away is told what it missed.

import World

/// What one commit of a shard has changed. Every changed key raises the shard's position by one; positions begin at
/// zero with each life of the node.
package struct Changes: Hashable, Sendable {
    package let shard: Int
    /// That of the last of `keys`.
    package let position: UInt64
    /// Stored keys, in the order of their positions.
    package let keys: [[UInt8]]

    package init(shard: Int, position: UInt64, keys: [[UInt8]]) {
        self.shard = shard
        self.position = position
        self.keys = keys
    }
}

/// A place in the changes of one shard of a node in one of its lives.
package struct ChangeMark: Hashable, Sendable {
    package let life: UInt64
    package let shard: Int
    package let position: UInt64

    init(life: UInt64, shard: Int, position: UInt64) {
        self.life = life
        self.shard = shard
        self.position = position
    }
}

/// In memory alone: a new life knows nothing of what changed in the last.
struct ChangeRing: Sendable {
    private let capacity: Int
    /// The key of position p stands at p modulo the capacity.
    private var keys: [[UInt8]] = []
    private(set) var position: UInt64 = 0
    /// The first position whose key is remembered, or the one after `position`.
    private var first: UInt64 = 1
    private let seams: LiveSeams

    init(capacity: Int, seams: LiveSeams) {
        self.capacity = max(1, capacity)
        self.seams = seams
    }

    /// False if there is a gap before these changes: what came before is forgotten then, since nobody knows it all.
    mutating func append(_ changes: Changes) -> Bool {
        let isNext = changes.position == position &+ UInt64(changes.keys.count)
        if !isNext { first = changes.position &- UInt64(changes.keys.count) &+ 1 }
        position = changes.position &- UInt64(changes.keys.count)
        for key in changes.keys {
            position &+= 1
            let place = Int(position % UInt64(capacity))
            while keys.count <= place { keys.append([]) }
            keys[place] = key
        }
        // None at all, after a jump to a position.
        let remembered = position &+ 1 &- first
        if remembered > UInt64(capacity) { first = position &+ 1 &- UInt64(capacity) }
        return isNext
    }

    /// Whether all that changed after `position` is remembered.
    func remembers(after position: UInt64) -> Bool {
        position <= self.position && (position &+ 1 >= first || seams.trustsAnyPosition)
    }

    /// Hands out the keys that changed after `position`, some more than once.
    func visit(after position: UInt64, _ body: ([UInt8]) -> Void) {
        var place = max(position &+ 1, first)
        while place <= self.position {
            body(keys[Int(place % UInt64(capacity))])
            place &+= 1
        }
    }
}
