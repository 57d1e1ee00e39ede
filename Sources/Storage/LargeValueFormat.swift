// The bytes of what leads to a large value (docs/formats/large-values.md).

import Keys
import World

/// What stands under a key in the place of a large value: which record of the other store that is, how long it is, and
/// its checksum. The blocks of both stores have checksums of their own; this one tells a record from another that bears
/// its number, where the two stores come from different moments.
struct LargePlace: Hashable {
    let number: UInt64
    let length: Int
    let checksum: UInt64

    /// No object begins so (docs/formats/object.md).
    private static let format: UInt8 = 0x40

    init(number: UInt64, of value: [UInt8]) {
        self.number = number
        length = value.count
        checksum = StableHash.ofWords(value)
    }

    /// Nil where `held` is a value itself.
    init?(of held: [UInt8]) throws(StorageFailure) {
        guard held.first == LargePlace.format else { return nil }
        do throws(DecodingFailure) {
            var r = ByteReader(held, from: 1)
            try self.init(&r)
            try r.finish()
        } catch {
            throw StorageFailure(.corruption, "the place of a large value cannot be read: \(error)")
        }
    }

    fileprivate init(_ r: inout ByteReader) throws(DecodingFailure) {
        number = try r.varint()
        length = try r.count(atMost: Limits.objectBytes)
        checksum = try r.fixed64()
    }

    fileprivate func write(_ w: inout ByteWriter) {
        w.varint(number)
        w.varint(UInt64(length))
        w.fixed64(checksum)
    }

    func encode() -> [UInt8] {
        var w = ByteWriter(capacity: 24)
        w.byte(LargePlace.format)
        write(&w)
        return w.bytes
    }
}

/// What is under way: a key, the large value that it is to have, and the one that this takes the place of.
struct JournalEntry {
    let key: [UInt8]
    let new: LargePlace?
    let old: LargePlace?

    init(key: [UInt8], new: LargePlace?, old: LargePlace?) {
        self.key = key
        self.new = new
        self.old = old
    }

    init(decoding bytes: [UInt8]) throws(StorageFailure) {
        do throws(DecodingFailure) {
            var r = ByteReader(bytes)
            key = try r.counted(atMost: Limits.storedKeyBytes)
            new = try r.optional { (r) throws(DecodingFailure) in try LargePlace(&r) }
            old = try r.optional { (r) throws(DecodingFailure) in try LargePlace(&r) }
            try r.finish()
        } catch {
            throw StorageFailure(.corruption, "the journal of large values cannot be read: \(error)")
        }
    }

    func encode() -> [UInt8] {
        var w = ByteWriter(capacity: key.count + 48)
        w.counted(key)
        for place in [new, old] { w.optional(place) { $1.write(&$0) } }
        return w.bytes
    }
}

/// The keys of the store of large values.
enum LargeKey {
    private static let journalPrefix: UInt8 = 1
    private static let valuePrefix: UInt8 = 2

    static let journal = KeyRange(prefix: [journalPrefix])
    static let values = KeyRange(prefix: [valuePrefix])

    static func journal(_ number: UInt64) -> [UInt8] {
        var w = ByteWriter(capacity: 9)
        w.byte(journalPrefix)
        w.fixed64(number)
        return w.bytes
    }

    /// In the order in which they were written.
    static func value(_ place: LargePlace) -> [UInt8] {
        var w = ByteWriter(capacity: 17)
        w.byte(valuePrefix)
        w.fixed64(place.number)
        w.fixed64(place.checksum)
        return w.bytes
    }

    static func number(ofValue key: [UInt8]) throws(StorageFailure) -> UInt64 {
        var r = ByteReader(key, from: 1)
        do throws(DecodingFailure) { return try r.fixed64() } catch {
            throw StorageFailure(.corruption, "the number of a large value cannot be read: \(error)")
        }
    }
}
