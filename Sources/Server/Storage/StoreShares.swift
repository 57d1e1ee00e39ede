// What each of the two stores of objects may have of the node's memory, disk and files.

import LevelDB
import Storage
import World

struct StoreShares: Equatable {
    let small: StoreOptions
    /// Large values are read once and then kept, if they are hot, by the loops; most are compressed already.
    let large: StoreOptions

    /// `files`: how many each may hold open. `fillsLogs`: all that is written is synced.
    init(_ memory: MemoryBudget, files: Int, disk: DiskSpace, fillsLogs: Bool) {
        small = StoreOptions(memory.objects, openFiles: files, fillsLogs: fillsLogs)
        var large = StoreOptions(
            blockCacheBytes: memory.largeObjects.cacheBytes,
            writeBufferBytes: min(memory.largeObjects.writeBufferBytes, StoreShares.largeBuffer(on: disk)),
            openFiles: files, tableBytes: Limits.largeTableBytes, compresses: false)
        // Each value has a checksum in its place.
        large.verifiesGets = false
        self.large = large
    }

    /// Two of them take half of what is kept free for deletions and for LevelDB itself.
    private static func largeBuffer(on disk: DiskSpace) -> Int {
        let size = disk.share > 0 ? Double(disk.bytes) / disk.share : 0
        let quarter = Int(clamping: UInt64(min(size * Limits.leastFreeDiskForDeletions / 4, 1e15)))
        return min(max(quarter, Limits.largeBufferBytes.lowerBound), Limits.largeBufferBytes.upperBound)
    }
}
