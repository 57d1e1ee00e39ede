// How the event loops' caches of hot objects stay honest without a lock.
//
// The ring is folded onto 65,536 stripes (or fewer), each with a counter. The shard that writes a key raises its
// stripe's counter after the commit and before the answer leaves; a cached object is good only while the counter stands
// where it stood before the object was read. So from the moment a write is acknowledged, no loop gives out what was
// before.
//
// The one thing that the parts of a node share rather than tell each other. Whoever plays them in one thread gets the
// same counts in the same order.

import Synchronization

package final class CacheStripes: @unchecked Sendable {
    // Safe to share: the cells are atomics and the pointer never changes.
    private let cells: UnsafeMutablePointer<Atomic<UInt64>>
    private let count: Int
    private let shift: Int

    /// `bits`: of a stripe's number, 16 at most.
    package init(bits: Int = 16) {
        count = 1 << bits
        shift = 16 - bits
        cells = .allocate(capacity: count)
        for i in 0..<count { (cells + i).initialize(to: Atomic(0)) }
    }

    deinit {
        cells.deinitialize(count: count)
        cells.deallocate()
    }

    private func stripe(of key: [UInt8]) -> Int {
        // Bytes 4 and 5 of the token: the first name the partition, of which a thread may have few.
        key.count >= 8 ? (Int(key[4]) << 8 | Int(key[5])) >> shift : 0
    }

    package func current(_ key: [UInt8]) -> UInt64 { cells[stripe(of: key)].load(ordering: .acquiring) }
    package func raise(_ key: [UInt8]) { cells[stripe(of: key)].wrappingAdd(1, ordering: .acquiringAndReleasing) }
}
