// Large values apart from what stands beside them: a list of small items, or a compaction of their tables, should not
// carry a megabyte with each key (Lu, Pillai, Arpaci-Dusseau, Arpaci-Dusseau, "WiscKey: Separating Keys from Values in
// SSD-conscious Storage", FAST 2016; docs/formats/large-values.md, docs/decisions/0033-large-values-lie-apart.md).
//
// Two stores, each with a log of its own. `small` has all keys, and under some of them not the value but its place in
// `large`. A write that brings a large value, or ends one, goes in three steps:
//
//     1. large, synced:   the new value, and an entry of the journal that names the key, the new and the old value
//     2. small, synced:   the key's place, or its small value; the write is done
//     3. large:           the old value and the entry go
//
// So no place is ever without its value, whatever is lost of either log; and what a crash leaves over is named by the
// journal: the next start looks where each key leads, and drops the other value. A write of small values that takes the
// place of small ones is one commit of `small`, as if there were no other store.

package import Keys
import Synchronization
import World

package final class DividedStore<Store: KeyValueStore>: KeyValueStore {
    private let small: Store
    private let large: Store
    /// Values of so many bytes live apart. What is longer and was written before it did stays where it is.
    private let threshold: Int
    /// The last number that was given out. After a start they go on behind the last value, as no place leads farther.
    private let last: Atomic<UInt64>

    /// Two stores as they were closed, or as a crash left them. No value begins with the first byte of a place.
    package init(small: Store, large: Store, threshold: Int = Limits.apartBytes) throws(StorageFailure) {
        self.small = small
        self.large = large
        self.threshold = threshold
        var lastValue: [UInt8]?
        try large.scan(LargeKey.values, reverse: true) { key, _ in
            lastValue = key
            return false
        }
        var last: UInt64 = 0
        if let lastValue { last = try LargeKey.number(ofValue: lastValue) }
        self.last = Atomic(last)
        try recover()
    }

    // MARK: Reading

    package func get(_ key: [UInt8]) throws(StorageFailure) -> [UInt8]? {
        while let held = try small.get(key) {
            if let value = try value(of: held, under: key) { return value }
        }
        return nil
    }

    package func scan(
        _ range: KeyRange, reverse: Bool, _ kind: ScanKind, _ visit: (_ key: [UInt8], _ value: [UInt8]) -> Bool
    ) throws(StorageFailure) {
        var failure: StorageFailure?
        try small.scan(range, reverse: reverse, kind) { key, held in
            do throws(StorageFailure) {
                var value = try value(of: held, under: key)
                if value == nil { value = try standing(key) }
                return if let value { visit(key, value) } else { true }
            } catch {
                failure = error
                return false
            }
        }
        if let failure { throw failure }
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
        guard let value = try large.get(LargeKey.value(place)) else {
            guard try small.get(key) == held else { return nil }
            throw StorageFailure(.corruption, "a large value is missing")
        }
        guard value.count == place.length else {
            throw StorageFailure(.corruption, "a large value has \(value.count) bytes of \(place.length)")
        }
        return value
    }

    // MARK: Writing

    /// By the thread that writes the keys, and none of them twice. What is large is synced in any case.
    package func commit(_ writes: [StoreWrite], synced: Bool) throws(StorageFailure) {
        assert(writes.allSatisfy(tellsItsPlace), "a write over a large value that does not say so")
        guard writes.contains(where: mayConcernLarge) else { return try small.commit(writes, synced: synced) }
        var split = Split()
        for write in writes { try divide(write, into: &split) }
        guard !split.before.isEmpty else { return try small.commit(split.places, synced: synced) }
        try large.commit(split.before, synced: true)
        try small.commit(split.places, synced: true)
        try large.commit(split.after, synced: false)
    }

    /// What a batch comes to in the three steps.
    private struct Split {
        var before: [StoreWrite] = []
        var places: [StoreWrite] = []
        var after: [StoreWrite] = []
    }

    private func isLarge(_ value: [UInt8]) -> Bool { value.count >= threshold }

    private func mayConcernLarge(_ write: StoreWrite) -> Bool {
        switch write {
        case .put(_, let value, let over): isLarge(value) || over >= threshold
        case .delete: true
        }
    }

    private func tellsItsPlace(_ write: StoreWrite) -> Bool {
        mayConcernLarge(write) || (try? place(under: write.key)) ?? nil == nil
    }

    private func divide(_ write: StoreWrite, into split: inout Split) throws(StorageFailure) {
        var (new, old): (LargePlace?, LargePlace?)
        if mayConcernLarge(write) { old = try place(under: write.key) }
        if case .put(let key, let value, _) = write, isLarge(value) {
            let place = LargePlace(number: nextNumber(), of: value)
            new = place
            split.before.append(.put(key: LargeKey.value(place), value: value))
            split.places.append(.put(key: key, value: place.encode()))
        } else {
            split.places.append(write)
            if old == nil { return }
        }
        let entry = LargeKey.journal(new?.number ?? nextNumber())
        split.before.append(
            .put(key: entry, value: JournalEntry(key: write.key, new: new, old: old).encode()))
        split.after.append(.delete(key: entry))
        if let old { split.after.append(.delete(key: LargeKey.value(old))) }
    }

    private func place(under key: [UInt8]) throws(StorageFailure) -> LargePlace? {
        guard let held = try small.get(key) else { return nil }
        return try LargePlace(of: held)
    }

    private func nextNumber() -> UInt64 { last.wrappingAdd(1, ordering: .relaxed).newValue }

    /// Drops what the journal names and no place leads to.
    private func recover() throws(StorageFailure) {
        var entries: [(number: [UInt8], entry: [UInt8])] = []
        try large.scan(LargeKey.journal, reverse: false) { number, entry in
            entries.append((number, entry))
            return true
        }
        var drops: [StoreWrite] = []
        for (number, bytes) in entries {
            let entry = try JournalEntry(decoding: bytes)
            let standing = try place(under: entry.key)
            for place in [entry.new, entry.old].compactMap(\.self) where place != standing {
                drops.append(.delete(key: LargeKey.value(place)))
            }
            drops.append(.delete(key: number))
        }
        if !drops.isEmpty { try large.commit(drops, synced: true) }
    }
}
