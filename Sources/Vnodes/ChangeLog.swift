// Where the changes of a large typed object lie until they are worth a new base: one row each, behind all notes and
// before all keys, so that a request writes what it changed and not the object (docs/formats/typed.md).
//
//     key                      the base: all that stood there when it was last folded
//     rows ‖ key ‖ number      the changes since, in their order
//
// Whoever reads a key gets both as one object (`FoldedStore`); only the shard that writes it knows of rows.

import Wire
import DataTypes
package import Keys
package import Storage
import World

enum ChangeLog {
    /// Begins a base behind which there may be rows. No object begins so, nor the place of a large value.
    private static let format: UInt8 = 0x41
    /// No stored key begins so: a zero in a bucket's name is escaped. Notes of large values lie before.
    private static let prefix = [UInt8](repeating: 0, count: 9) + [2]
    private static let rows = KeyRange(prefix: prefix)

    /// What an object is in the bytes of a write; nil where these are a change alone.
    static func object(ofWrite key: [UInt8], _ bytes: [UInt8]) -> [UInt8]? {
        guard !key.starts(with: prefix) else { return nil }
        return isBase(bytes) ? object(ofBase: bytes) : bytes
    }

    static func isBase(_ held: some Collection<UInt8>) -> Bool { held.first == format }

    static func base(_ object: [UInt8]) -> [UInt8] { [format] + object }

    static func object(ofBase held: [UInt8]) -> [UInt8] { Array(held.dropFirst()) }

    /// Ends as no key does, so that those of a key that begins with this one lie elsewhere.
    private static func rows(_ key: [UInt8]) -> [UInt8] { prefix + key + [0, 2] }

    static func range(of key: [UInt8]) -> KeyRange { KeyRange(prefix: rows(key)) }

    static func row(_ number: UInt64, of key: [UInt8]) -> [UInt8] {
        var w = ByteWriter(capacity: key.count + 24)
        w.raw(rows(key))
        w.fixed64(number)
        return w.bytes
    }

    /// Nil where it is no row.
    static func number(ofRow bytes: [UInt8]) -> UInt64? {
        guard bytes.starts(with: prefix), bytes.count > prefix.count + 8 else { return nil }
        var r = ByteReader(bytes, from: bytes.count - 8)
        return try? r.fixed64()
    }

    /// The key that a write is about.
    static func key(of write: [UInt8]) -> [UInt8] {
        guard write.starts(with: prefix), write.count > prefix.count + 10 else { return write }
        return Array(write[prefix.count..<write.count - 10])
    }

    /// Without the rows, which lie before all keys.
    static func behindRows(_ range: KeyRange) -> KeyRange {
        guard let end = rows.end, range.start.precedes(end) else { return range }
        return KeyRange(start: end, end: range.end)
    }
}

/// When a change is sent and stored alone.
package struct ChangeBounds: Sendable {
    /// Of objects that have more bytes than this when they are stored,
    let loggedBytes: Int
    /// up to so many rows behind a base, or up to so many bytes of them;
    let changes: Int
    let rowBytes: Int
    /// and of objects that have more bytes than this when they travel.
    let wholeBytes: Int
    /// So many deleted elements make a sweep pay.
    let sweptElements: Int

    package init(
        loggedBytes: Int = Limits.loggedBytes, changes: Int = Limits.loggedChanges,
        rowBytes: Int = Limits.loggedRowBytes, wholeBytes: Int = Limits.wholeChangeBytes,
        sweptElements: Int = Limits.sweptElements
    ) {
        (self.loggedBytes, self.changes) = (loggedBytes, changes)
        (self.rowBytes, self.wholeBytes) = (rowBytes, wholeBytes)
        self.sweptElements = sweptElements
    }
}

/// A typed object as its shard has it in memory, and how it lies on the disk.
struct LoggedObject: Sendable {
    var object: StoredObject
    /// Bytes of the base as it stands in the store; 0 where nothing does.
    var baseBytes = 0
    /// The numbers of its rows.
    var rows: Range<UInt64> = 0..<0
    var rowBytes = 0
    /// About what it takes in memory.
    private(set) var memoryBytes = 0
    /// Elements that were deleted since it was last found out whether a sweep pays; nil where it never was.
    private var deleted: Int?

    init(_ object: StoredObject, baseBytes: Int = 0) {
        self.object = object
        self.baseBytes = baseBytes
        weigh()
    }

    /// Anew, after all of it was read or written.
    mutating func weigh() { memoryBytes = object.memoryBytes }

    /// Counts a change of so many bytes.
    mutating func note(change bytes: Int) { memoryBytes += bytes * 2 }

    /// Whether so much is deleted that a sweep pays; looked for only where much was deleted since it was last.
    mutating func isWorthSweeping(after deletions: Int, _ bounds: ChangeBounds) -> Bool {
        let deleted = (deleted ?? bounds.sweptElements) + deletions
        self.deleted = deleted
        guard deletions > 0, deleted >= bounds.sweptElements / Limits.sweptShare else { return false }
        self.deleted = 0
        return object.typedObject?.isWorthSweeping(from: bounds.sweptElements) == true
    }

    /// Another row is cheaper than a new base.
    func takesRow(of bytes: Int, _ bounds: ChangeBounds) -> Bool {
        guard baseBytes > bounds.loggedBytes else { return false }
        return rows.count < bounds.changes || rowBytes + bytes < max(bounds.rowBytes, baseBytes / Limits.loggedShare)
    }
}

/// A store in which each key has one value, whatever rows lie behind its base.
package final class FoldedStore: KeyValueStore {
    private let store: any KeyValueStore

    package init(_ store: any KeyValueStore) { self.store = store }

    /// The key that a write is about, and the object that it puts there; nil where it is a change of it alone.
    package static func parts(ofPut key: [UInt8], _ bytes: [UInt8]) -> (key: [UInt8], object: [UInt8]?) {
        (ChangeLog.key(of: key), ChangeLog.object(ofWrite: key, bytes))
    }

    /// By the thread that writes the keys.
    package func get(_ key: [UInt8]) throws(StorageFailure) -> [UInt8]? {
        guard let held = try store.get(key) else { return nil }
        guard ChangeLog.isBase(held) else { return held }
        return try fold(held, try rows(key)).object.encode()
    }

    /// The same with what the shard needs to write it again.
    func load(_ key: [UInt8]) throws(StorageFailure) -> LoggedObject? {
        guard let held = try store.get(key) else { return nil }
        guard ChangeLog.isBase(held) else {
            return LoggedObject(try decode(held), baseBytes: held.count)
        }
        return try fold(held, try rows(key))
    }

    package func commit(_ writes: [StoreWrite], synced: Bool) throws(StorageFailure) {
        try store.commit(writes, synced: synced)
    }

    package func scan(
        _ range: KeyRange, reverse: Bool, _ visit: (_ key: [UInt8], _ value: [UInt8]) -> Bool
    ) throws(StorageFailure) {
        try store.scan(
            ChangeLog.behindRows(range), reverse: reverse,
            throwing: { (key, held) throws(StorageFailure) in
                guard ChangeLog.isBase(held) else { return visit(key, held) }
                guard let value = try standing(key) else { return true }
                return visit(key, value)
            })
    }

    package func page(
        _ range: KeyRange, reverse: Bool, limit: Int, atMost most: Int
    ) throws(StorageFailure) -> StoredPage {
        let held = try store.page(ChangeLog.behindRows(range), reverse: reverse, limit: limit, atMost: most)
        let items = held.items
        guard items.indices.contains(where: { ChangeLog.isBase(items.block[items.object(at: $0)]) }) else {
            return held
        }
        var page = StoredPage(limit: limit, atMost: most)
        for item in items {
            let value = ChangeLog.isBase(item.object) ? try standing(item.key) : item.object
            if let value, !page.add(item.key, value) { return page }
        }
        page.more = held.more
        return page
    }

    /// By a thread that need not be the one which writes the key: that one may fold it meanwhile, so base and rows are
    /// of one moment only if the base is still the same after the rows were read.
    private func standing(_ key: [UInt8]) throws(StorageFailure) -> [UInt8]? {
        var held = try scanned(key)
        while let base = held, ChangeLog.isBase(base) {
            let rows = try rows(key)
            held = try scanned(key)
            if held == base { return try fold(base, rows).object.encode() }
        }
        return held
    }

    private func scanned(_ key: [UInt8]) throws(StorageFailure) -> [UInt8]? {
        var found: [UInt8]?
        try store.scan(KeyRange(start: key, end: key + [0]), reverse: false) { _, held in
            found = held
            return false
        }
        return found
    }

    private func rows(_ key: [UInt8]) throws(StorageFailure) -> [(number: UInt64, change: [UInt8])] {
        var rows: [(UInt64, [UInt8])] = []
        try store.scan(ChangeLog.range(of: key), reverse: false) { row, change in
            if let number = ChangeLog.number(ofRow: row) { rows.append((number, change)) }
            return true
        }
        return rows
    }

    private func fold(
        _ base: [UInt8], _ rows: [(number: UInt64, change: [UInt8])]
    ) throws(StorageFailure) -> LoggedObject {
        var logged = LoggedObject(try decode(ChangeLog.object(ofBase: base)), baseBytes: base.count)
        guard let first = rows.first, let last = rows.last else { return logged }
        logged.rows = first.number..<last.number + 1
        for row in rows {
            logged.rowBytes += row.change.count
            do {
                guard try logged.object.merge(try TypedDelta(decoding: row.change)) else {
                    throw StorageFailure(.corruption, "a change is stored without what it follows")
                }
            } catch let failure as StorageFailure {
                throw failure
            } catch {
                throw StorageFailure(.corruption, "a stored change cannot be read: \(error)")
            }
        }
        logged.weigh()
        return logged
    }
}

/// What this node wrote itself must decode; if it does not, the disk has lied in a way its checksums did not see.
func decode(_ bytes: [UInt8]) throws(StorageFailure) -> StoredObject {
    do { return try StoredObject(decoding: bytes) } catch .unknownVersion(let version) {
        // No damage: it must not be moved aside as if it were.
        throw StorageFailure(.inputOutput, "a stored object has format \(version), which this version cannot read")
    } catch {
        throw StorageFailure(.corruption, "a stored object cannot be read: \(error)")
    }
}
