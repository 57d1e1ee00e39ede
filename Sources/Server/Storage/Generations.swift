// How the event loops' caches of hot objects stay honest without a lock.
//
// The ring is folded onto 65,536 stripes, each with a counter. The thread that writes a key raises its stripe's counter
// after the commit and before the answer leaves; a cached object is good only while the counter stands where it stood
// before the object was read. So from the moment a write is acknowledged, no loop gives out what was before.

import Atomics

final class Generations: @unchecked Sendable {
    // Safe to share: the cells are atomics and the pointer never changes.
    private static let count = 1 << 16
    private let cells: UnsafeMutablePointer<UInt64.AtomicRepresentation>

    init() {
        cells = .allocate(capacity: Generations.count)
        cells.initialize(repeating: UInt64.AtomicRepresentation(0), count: Generations.count)
    }

    deinit { cells.deallocate() }

    private func cell(_ key: [UInt8]) -> UnsafeAtomic<UInt64> {
        // Bytes 4 and 5 of the token: the first name the partition, of which a thread may have few.
        let stripe = key.count >= 8 ? Int(key[4]) << 8 | Int(key[5]) : 0
        return UnsafeAtomic(
            at: UnsafeMutableRawPointer(cells + stripe).assumingMemoryBound(to: UnsafeAtomic<UInt64>.Storage.self))
    }

    func current(_ key: [UInt8]) -> UInt64 { cell(key).load(ordering: .acquiring) }
    func raise(_ key: [UInt8]) { cell(key).wrappingIncrement(ordering: .acquiringAndReleasing) }
}
