// How many keys each shard has changed, and whether anybody wants to hear which.
//
// Where nobody watches, a commit costs an addition and a look. Whoever begins to watch sets the flag first and reads
// the positions after it; a shard raises its position when its commit can be read, and looks at the flag after that. So
// a commit that is not told of was counted before the positions were read, and is seen by whatever is read from then
// on.
//
// Beside the stripes of the cache (CacheStripes) the other thing that the parts of a node share.

import Live
import Synchronization

package final class ChangePositions: @unchecked Sendable {
    // Safe to share: the cells are atomics and the pointer never changes.
    private let positions: UnsafeMutablePointer<Atomic<UInt64>>
    private let count: Int
    private let isWatched = Atomic(false)

    package init(shards: Int) {
        count = max(1, shards)
        positions = .allocate(capacity: count)
        for shard in 0..<count { (positions + shard).initialize(to: Atomic(0)) }
    }

    deinit {
        positions.deinitialize(count: count)
        positions.deallocate()
    }

    /// From now on every commit is told of; returns the positions up to which none may be.
    func beginWatching() -> [UInt64] {
        isWatched.store(true, ordering: .sequentiallyConsistent)
        return (0..<count).map { positions[$0].load(ordering: .sequentiallyConsistent) }
    }

    func endWatching() { isWatched.store(false, ordering: .sequentiallyConsistent) }

    /// The position after so many changes more; nil if nobody wants to know.
    fileprivate func advance(_ shard: Int, by changes: Int) -> UInt64? {
        let position = positions[shard].wrappingAdd(UInt64(changes), ordering: .sequentiallyConsistent).newValue
        return isWatched.load(ordering: .sequentiallyConsistent) ? position : nil
    }
}

/// A shard's part of them.
package struct ShardChanges: Sendable {
    private let positions: ChangePositions
    private let shard: Int

    package init(_ positions: ChangePositions, shard: Int) {
        self.positions = positions
        self.shard = shard
    }

    /// What was just committed; nil if it is nothing, or nobody watches.
    func committed(_ keys: [[UInt8]]) -> Changes? {
        guard !keys.isEmpty, let position = positions.advance(shard, by: keys.count) else { return nil }
        return Changes(shard: shard, position: position, keys: keys)
    }
}
