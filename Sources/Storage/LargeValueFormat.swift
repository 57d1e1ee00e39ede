// The bytes of what leads to a large value, and of what says which of them are to go (docs/formats/large-values.md).

import Keys
import World

/// What stands under a key in the place of a large value: its number in the other store, how long it is, and its
/// checksum, which every read verifies. So a flipped bit is found, and a value from another moment that bears the same
/// number.
struct LargePlace: Hashable {
    let number: UInt64
    let length: Int
    let checksum: UInt64

    /// No object begins so (docs/formats/object.md).
    private static let format: UInt8 = 0x40

    /// Whether what begins with `byte` is no value itself.
    static func begins(with byte: UInt8) -> Bool { byte == format }

    init(number: UInt64, of value: [UInt8]) {
        self.number = number
        length = value.count
        checksum = XXHash64.hash(value)
    }

    /// Nil where `held` is a value itself.
    init?(of held: [UInt8]) throws(StorageFailure) {
        guard let first = held.first, LargePlace.begins(with: first) else { return nil }
        do throws(DecodingFailure) {
            var r = ByteReader(held, from: 1)
            number = try r.varint()
            length = try r.count(atMost: Limits.objectBytes)
            checksum = try r.fixed64()
            try r.finish()
        } catch { throw .unreadable("the place of a large value", error) }
    }

    func encode() -> [UInt8] {
        var w = ByteWriter(capacity: 24)
        w.byte(LargePlace.format)
        w.varint(number)
        w.varint(UInt64(length))
        w.fixed64(checksum)
        return w.bytes
    }

    func isOf(_ value: [UInt8]) -> Bool { value.count == length && XXHash64.hash(value) == checksum }
}

/// A large value by its key in the store of such: its number first, so that they lie in the order in which they were
/// written, and then the key that it was written under.
enum LargeKey {
    static func bytes(_ number: UInt64, under key: [UInt8]) -> [UInt8] {
        var w = ByteWriter(capacity: 8 + key.count)
        w.fixed64(number)
        w.raw(key)
        return w.bytes
    }

    /// All values of this number or a later one.
    static func range(from number: UInt64) -> KeyRange { KeyRange(start: bytes(number, under: []), end: nil) }

    static func parts(_ bytes: [UInt8]) throws(StorageFailure) -> (number: UInt64, key: [UInt8]) {
        var r = ByteReader(bytes)
        do throws(DecodingFailure) { return (try r.fixed64(), Array(bytes.dropFirst(8))) } catch {
            throw .unreadable("the number of a large value", error)
        }
    }
}

/// What the store of small values knows of the other one: it stands before all stored keys, as none has an empty
/// bucket.
enum LargeNote {
    private static let prefix = [UInt8](repeating: 0, count: 10)
    /// All notes; what clients have begins behind them.
    static let all = KeyRange(prefix: prefix)

    // MARK: The frontier

    /// Under it, the lowest number that may have been under way.
    static let frontier = prefix + [0]

    static func encode(frontier: UInt64) -> [UInt8] {
        var w = ByteWriter(capacity: 8)
        w.fixed64(frontier)
        return w.bytes
    }

    static func frontier(_ bytes: [UInt8]) throws(StorageFailure) -> UInt64 {
        do throws(DecodingFailure) {
            var r = ByteReader(bytes)
            let number = try r.fixed64()
            try r.finish()
            return number
        } catch { throw .unreadable("the frontier of large values", error) }
    }

    // MARK: The dead

    /// One for each large value that no place leads to any more: under its number the key that it was written under.
    static let dead = KeyRange(prefix: prefix + [1])

    static func dead(_ number: UInt64, under key: [UInt8]) -> StoreWrite {
        .put(key: prefix + [1] + LargeKey.bytes(number, under: []), value: key)
    }

    static func number(ofDead note: [UInt8]) throws(StorageFailure) -> UInt64 {
        do throws(DecodingFailure) {
            var r = ByteReader(note, from: prefix.count + 1)
            let number = try r.fixed64()
            try r.finish()
            return number
        } catch { throw .unreadable("the note of a dead large value", error) }
    }
}

extension StorageFailure {
    fileprivate static func unreadable(_ what: String, _ error: DecodingFailure) -> StorageFailure {
        StorageFailure(.corruption, "\(what) cannot be read: \(error)")
    }
}
