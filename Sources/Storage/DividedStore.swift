// Large values apart from what stands beside them: a list of small items, or a compaction of their tables, should not
// carry a megabyte with each key (Lu, Pillai, Arpaci-Dusseau, Arpaci-Dusseau, "WiscKey: Separating Keys from Values in
// SSD-conscious Storage", FAST 2016; docs/formats/large-values.md, docs/decisions/0033-large-values-lie-apart.md).
//
// Two stores, each with a log of its own. `small` has all keys, and under some of them not the value but its place in
// `large`, where values lie in the order of their numbers, which rise. A write that brings a large value takes two
// steps:
//
//     1. large, synced:   the new value, under its number and its key
//     2. small, synced:   the key's place; a note that the large value which stood there is dead, if one did; and the
//                         frontier, below which no number is under way. The write is done
//
// So no place is ever without its value, whatever is lost of either log. What a crash leaves over is either noted as
// dead or has a number from the frontier on, and there a start looks where each key leads. A write that ends a large
// value and brings none is step 2 alone; one of small values that takes the place of small ones is a commit of `small`,
// as if there were no other store.
//
// The dead are taken away together, once there are many: to LevelDB a deletion is one more entry, under an old number,
// and a table that has some spans all that lies between them and the newest values. Where they are few and far between,
// tables of values follow each other, and LevelDB merges none of them.

package import Keys
import Synchronization
import Wire
import World

package final class DividedStore<Store: KeyValueStore>: KeyValueStore {
    private let small: Store
    private let large: Store
    private let bounds: DivisionBounds
    private let ledger: Mutex<LargeLedger>

    /// Two stores as they were closed, or as a crash left them. No value begins with the first byte of a place.
    package init(small: Store, large: Store, _ bounds: DivisionBounds = DivisionBounds()) throws(StorageFailure) {
        self.small = small
        self.large = large
        self.bounds = bounds
        ledger = Mutex(LargeLedger(next: try DividedStore.recover(small, large)))
    }

    // MARK: Reading

    package func get(_ key: [UInt8]) throws(StorageFailure) -> [UInt8]? {
        while let held = try small.get(key) {
            if let value = try value(of: held, under: key) { return value }
        }
        return nil
    }

    package func scan(
        _ range: KeyRange, reverse: Bool, _ visit: (_ key: [UInt8], _ value: [UInt8]) -> Bool
    ) throws(StorageFailure) {
        try small.scan(
            DividedStore.behindNotes(range), reverse: reverse,
            throwing: { (key, held) throws(StorageFailure) in
                var value = try value(of: held, under: key)
                if value == nil { value = try standing(key) }
                return if let value { visit(key, value) } else { true }
            })
    }

    /// A place says how long its value is: of a page that would be too long no value is read.
    package func page(
        _ range: KeyRange, reverse: Bool, limit: Int, atMost most: Int
    ) throws(StorageFailure) -> StoredPage {
        let held = try small.page(DividedStore.behindNotes(range), reverse: reverse, limit: limit, atMost: most)
        let items = held.items
        guard items.indices.contains(where: { isPlace(items, at: $0) }) else { return held }
        var size = held.bytes
        for index in items.indices where isPlace(items, at: index) {
            guard let place = try LargePlace(of: items[index].object) else { continue }
            size += place.length - items.object(at: index).count
        }
        guard size <= most else { return StoredPage(tooLong: size) }
        var page = StoredPage(limit: limit, atMost: most)
        for item in items {
            var value = try value(of: item.object, under: item.key)
            if value == nil { value = try standing(item.key) }
            if let value { _ = page.add(item.key, value) }
        }
        page.more = held.more
        return page
    }

    /// Without the notes, which lie before all keys.
    private static func behindNotes(_ range: KeyRange) -> KeyRange {
        guard let end = LargeNote.all.end, range.start.precedes(end) else { return range }
        return KeyRange(start: end, end: range.end)
    }

    private func isPlace(_ items: RangeItems, at index: Int) -> Bool {
        let object = items.object(at: index)
        return !object.isEmpty && LargePlace.begins(with: items.block[object.lowerBound])
    }

    /// By a thread that need not be the one which writes the key; so it is scanned for, and not got.
    private func standing(_ key: [UInt8]) throws(StorageFailure) -> [UInt8]? {
        var found: [UInt8]?
        try scan(KeyRange(start: key, end: key + [0]), reverse: false) { _, value in
            found = value
            return false
        }
        return found
    }

    /// What `held` stands for; nil if it is a place that the thread which writes the key has given up meanwhile.
    private func value(of held: [UInt8], under key: [UInt8]) throws(StorageFailure) -> [UInt8]? {
        guard let place = try LargePlace(of: held) else { return held }
        guard let value = try large.get(LargeKey.bytes(place.number, under: key)) else {
            guard try small.get(key) == held else { return nil }
            throw StorageFailure(.corruption, "a large value is missing")
        }
        guard place.isOf(value) else {
            throw StorageFailure(.corruption, "a large value of \(value.count) bytes is not what its place says")
        }
        return value
    }

    // MARK: Writing

    /// By the thread that writes the keys, and none of them twice. What is large is synced in any case.
    package func commit(_ writes: [StoreWrite], synced: Bool) throws(StorageFailure) {
        assert(writes.allSatisfy(tellsItsPlace), "a write over a large value that does not say so")
        guard writes.contains(where: mayConcernLarge) else { return try small.commit(writes, synced: synced) }
        let count = writes.count { if case .put(_, let value, _) = $0 { isLarge(value) } else { false } }
        let first = count > 0 ? ledger.withLock { $0.begin(count) } : nil
        var split = Split(next: first ?? 0)
        for write in writes { try divide(write, into: &split) }
        if let first {
            try large.commit(split.values, synced: true)
            let frontier = ledger.withLock { $0.frontier(besides: first) }
            split.places.append(.put(key: LargeNote.frontier, value: LargeNote.encode(frontier: frontier)))
        }
        try small.commit(split.places, synced: synced || first != nil || split.deadBytes > 0)
        let isDue = ledger.withLock { ledger in
            if let first { ledger.end(first) }
            return split.deadBytes > 0 && ledger.died(split.deadBytes, bound: bounds.deadBytes)
        }
        if isDue { try DividedStore.bury(small, large, and: []) }
    }

    /// What a batch comes to in the two steps.
    private struct Split {
        var next: UInt64
        var values: [StoreWrite] = []
        var places: [StoreWrite] = []
        var deadBytes = 0
    }

    private func isLarge(_ value: [UInt8]) -> Bool { value.count >= bounds.apartBytes }

    private func mayConcernLarge(_ write: StoreWrite) -> Bool {
        switch write {
        case .put(_, let value, let over): isLarge(value) || over >= bounds.apartBytes
        case .delete: true
        }
    }

    private func tellsItsPlace(_ write: StoreWrite) -> Bool {
        mayConcernLarge(write) || (try? DividedStore.place(under: write.key, small)) ?? nil == nil
    }

    private func divide(_ write: StoreWrite, into split: inout Split) throws(StorageFailure) {
        if mayConcernLarge(write), let old = try DividedStore.place(under: write.key, small) {
            split.places.append(LargeNote.dead(old.number, under: write.key))
            split.deadBytes += old.length
        }
        guard case .put(let key, let value, _) = write, isLarge(value) else { return split.places.append(write) }
        let place = LargePlace(number: split.next, of: value)
        split.next += 1
        split.values.append(.put(key: LargeKey.bytes(place.number, under: key), value: value))
        split.places.append(.put(key: key, value: place.encode()))
    }

    private static func place(under key: [UInt8], _ small: Store) throws(StorageFailure) -> LargePlace? {
        guard let held = try small.get(key) else { return nil }
        return try LargePlace(of: held)
    }

    // MARK: What is dead

    /// Takes away what is noted as dead, and `orphans`, which are large values too. The notes go once this is on the
    /// disk; those that come back with the end of a log name what is gone. Returns the highest number noted.
    @discardableResult private static func bury(
        _ small: Store, _ large: Store, and orphans: [StoreWrite]
    ) throws(StorageFailure) -> UInt64 {
        var (drops, notes, highest) = (orphans, [StoreWrite](), UInt64(0))
        try small.scan(
            LargeNote.dead, reverse: false,
            throwing: { (note, key) throws(StorageFailure) in
                highest = try LargeNote.number(ofDead: note)
                drops.append(.delete(key: LargeKey.bytes(highest, under: key)))
                notes.append(.delete(key: note))
                return true
            })
        if !drops.isEmpty { try large.commit(drops, synced: true) }
        if !notes.isEmpty { try small.commit(notes, synced: false) }
        return highest
    }

    /// Takes away what no place leads to, wherever the last run ended, and returns the next number: behind those of all
    /// that is there or was noted.
    private static func recover(_ small: Store, _ large: Store) throws(StorageFailure) -> UInt64 {
        let frontier = try small.get(LargeNote.frontier).map(LargeNote.frontier) ?? 0
        var found: [[UInt8]] = []
        try large.scan(LargeKey.range(from: frontier), reverse: false) { key, _ in
            found.append(key)
            return true
        }
        var (orphans, last) = ([StoreWrite](), frontier)
        for bytes in found {
            let (number, key) = try LargeKey.parts(bytes)
            last = max(last, number)
            if try place(under: key, small)?.number != number { orphans.append(.delete(key: bytes)) }
        }
        last = max(last, try bury(small, large, and: orphans))
        // Nobody has written so many.
        guard last <= .max / 2 else { throw StorageFailure(.corruption, "the number of a large value is \(last)") }
        return last + 1
    }
}

/// What a store of two halves goes by.
package struct DivisionBounds: Sendable {
    /// Values of so many bytes live apart. What is longer and was written before it did stays where it is.
    fileprivate let apartBytes: Int
    /// So many bytes of large values may be dead before they are taken away.
    fileprivate let deadBytes: Int

    package init(
        apartBytes: Int = Limits.apartBytes, deadBytes: Int = Limits.deadBuffers * Limits.largeBufferBytes.lowerBound
    ) {
        self.apartBytes = apartBytes
        self.deadBytes = deadBytes
    }
}
