// The contract of `KeyValueStore` in memory, with the one thing that a real disk hides: what a crash takes away.
// The simulator's disks are made of it, and the tests of the floors above.

package import Keys
import World

/// Not thread-safe: its owner runs everything in one thread.
package final class MemoryStore: KeyValueStore, @unchecked Sendable {
    /// Ascending, each with its value: few enough that to find one by halves is faster than to hash it.
    private var keys: [[UInt8]] = []
    private var values: [[UInt8]] = []
    /// What undoes each commit since the last synced one, newest last.
    private var unsynced: [[(key: [UInt8], before: [UInt8]?)]] = []
    /// Thrown by every call from now on: a disk that has failed.
    package var failure: StorageFailure?
    /// Pages take longer than a shard may be held.
    package var isSlow = false
    /// So many commits are taken before the power fails.
    package var commitsLeft = Int.max

    package init() {}

    package var count: Int { keys.count }

    package func get(_ key: [UInt8]) throws(StorageFailure) -> [UInt8]? {
        if let failure { throw failure }
        return value(of: key)
    }

    private func value(of key: [UInt8]) -> [UInt8]? {
        let place = firstIndex(notBefore: key)
        return place < keys.count && keys[place] == key ? values[place] : nil
    }

    package func commit(_ writes: [StoreWrite], synced: Bool) throws(StorageFailure) {
        if let failure { throw failure }
        guard commitsLeft > 0 else { throw StorageFailure(.inputOutput, "the power is gone") }
        commitsLeft -= 1
        var undo: [(key: [UInt8], before: [UInt8]?)] = []
        for write in writes {
            undo.append((write.key, value(of: write.key)))
            switch write {
            case .put(let key, let value, _): set(key, value)
            case .delete(let key): set(key, nil)
            }
        }
        if synced { unsynced = [] } else { unsynced.append(undo) }
    }

    /// The power fails: of the commits that were not synced the newest `lost` are gone (all of them by default).
    package func crash(losing lost: Int = .max) {
        for undo in unsynced.suffix(lost).reversed() {
            for (key, before) in undo.reversed() { set(key, before) }
        }
        unsynced = []
    }

    package var unsyncedCommits: Int { unsynced.count }

    /// What every reader sees, on a disk of its own.
    package func copy() -> MemoryStore {
        let copy = MemoryStore()
        (copy.keys, copy.values) = (keys, values)
        return copy
    }

    private func set(_ key: [UInt8], _ value: [UInt8]?) {
        let place = firstIndex(notBefore: key)
        let present = place < keys.count && keys[place] == key
        switch (value, present) {
        case (let value?, true): values[place] = value
        case (let value?, false):
            keys.insert(key, at: place)
            values.insert(value, at: place)
        case (nil, true):
            keys.remove(at: place)
            values.remove(at: place)
        case (nil, false): break
        }
    }

    private func firstIndex(notBefore key: [UInt8]) -> Int {
        keys.firstPlace { $0.precedes(key) }
    }

    package func scan(
        _ range: KeyRange, reverse: Bool, _ visit: (_ key: [UInt8], _ value: [UInt8]) -> Bool
    ) throws(StorageFailure) {
        if let failure { throw failure }
        let from = firstIndex(notBefore: range.start)
        let to = max(from, range.end.map(firstIndex(notBefore:)) ?? keys.count)
        func visitAll(_ places: some Sequence<Int>) {
            for place in places where !visit(keys[place], values[place]) { return }
        }
        if reverse { visitAll((from..<to).reversed()) } else { visitAll(from..<to) }
    }

    package func page(
        _ range: KeyRange, reverse: Bool, limit: Int, atMost most: Int
    ) throws(StorageFailure) -> StoredPage {
        if isSlow { throw failure ?? StorageFailure(.slow, "a page took too long") }
        return try scannedPage(range, reverse: reverse, limit: limit, atMost: most)
    }
}
