// An object read where it lies. Nearly every object is one value that no attempt is known of, and a list has many: to
// take each apart, into a vector, a sibling and their arrays, would cost more than all else that is done with it.

package import Causality
package import World

/// Where the parts of an encoded object stand that is one value alone, of ASCII type, by nodes in one life each. It is
/// checked as `StoredObject` is; that one reads whatever else there is.
package struct PlainObject: Hashable, Sendable {
    /// Of its version vector.
    package let entryCount: Int
    /// What these take.
    private let entries: Range<Int>
    package let time: HybridTime
    package let expiresAt: WallTime?
    package let contentType: Range<Int>
    package let value: Range<Int>

    /// Nil if `bytes` are another object, or none.
    package init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count <= Limits.objectBytes else { return nil }
        var reader = RawReader(bytes)
        guard reader.byte() == ObjectFormat.object,
            let count = reader.count(atMost: Limits.versionVectorEntries)
        else { return nil }
        let start = reader.place
        guard let first = PlainObject.vector(count, &reader) else { return nil }
        (entryCount, entries) = (count, start..<reader.place)
        guard reader.number() == 1, let place = reader.count(atMost: count - 1), let counter = reader.number(),
            counter > 0, counter <= (count == 1 ? first : PlainObject.counter(at: place, from: start, bytes)),
            let flags = reader.byte(), flags & ~ObjectFormat.expiryFlag == 0, let time = reader.number()
        else { return nil }
        self.time = HybridTime(bits: time)
        if flags == 0 {
            expiresAt = nil
        } else {
            guard let end = reader.number() else { return nil }
            expiresAt = WallTime(milliseconds: end)
        }
        guard let contentType = reader.counted(atMost: Limits.contentTypeBytes),
            bytes[contentType].allSatisfy({ $0 < 0x80 }),
            let value = reader.counted(atMost: Limits.objectBytes), value.upperBound == bytes.count
        else { return nil }
        self.contentType = contentType
        self.value = value
    }

    /// Takes entries that are strictly ascending by node, with positive counters, and returns the first one's counter;
    /// nil if there are others, or none.
    private static func vector(_ count: Int, _ reader: inout RawReader) -> UInt64? {
        var first: UInt64?
        var last: Range<Int>?
        for _ in 0..<count {
            guard let entry = reader.entry(), entry.counter > 0,
                NodeID.isValid(UnsafeRawBufferPointer(rebasing: reader.bytes[entry.node]))
            else { return nil }
            if let last, !reader.bytes[last].lexicographicallyPrecedes(reader.bytes[entry.node]) { return nil }
            last = entry.node
            first = first ?? entry.counter
        }
        return first
    }

    private static func counter(at place: Int, from start: Int, _ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var reader = RawReader(bytes, from: start)
        for _ in 0..<place { _ = reader.entry() }
        return reader.entry()?.counter ?? 0
    }

    /// The most that `putContext` writes: the vector and a number of lives for each node, four numbers, the seal.
    package var contextBytes: Int { entries.count + entryCount + 48 }

    /// Writes what `CausalContext(of:).encode(for:)` gives, of the object in `bytes` under `key`, and returns how many
    /// bytes these are. `room` has `contextBytes`.
    package func putContext(
        of bytes: UnsafeRawBufferPointer, under key: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer
    ) -> Int {
        var writer = RawWriter(room)
        writer.byte(CausalContext.Format.grouped)
        writer.number(UInt64(entryCount))
        var reader = RawReader(bytes, from: entries.lowerBound)
        while reader.place < entries.upperBound, case let start = reader.place, let entry = reader.entry() {
            writer.raw(bytes, start..<entry.node.upperBound)
            writer.number(1)
            writer.raw(bytes, entry.node.upperBound..<reader.place)
        }
        writer.number(time.bits)
        // No dot beyond the vector, and no voided attempts.
        writer.number(0)
        writer.number(0)
        var hash = StableHash()
        hash.add(UnsafeRawBufferPointer(rebasing: room[..<writer.count]))
        hash.add(key)
        writer.fixed64(hash.value)
        return writer.count
    }
}

/// As `ByteReader`, over memory that stays where it is; nil where there is nothing that `PlainObject` takes.
private struct RawReader {
    struct Entry {
        let node: Range<Int>
        let counter: UInt64
    }

    let bytes: UnsafeRawBufferPointer
    private(set) var place: Int

    init(_ bytes: UnsafeRawBufferPointer, from place: Int = 0) {
        self.bytes = bytes
        self.place = place
    }

    mutating func byte() -> UInt8? {
        guard place < bytes.count else { return nil }
        defer { place += 1 }
        return bytes[place]
    }

    /// Of up to 63 bits.
    mutating func number() -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while place < bytes.count, shift < 63 {
            let byte = bytes[place]
            place += 1
            value |= UInt64(byte & 0x7F) << shift
            // An integer has one encoding: the last group of several is not zero.
            if byte < 0x80 { return byte == 0 && shift > 0 ? nil : value }
            shift += 7
        }
        return nil
    }

    mutating func count(atMost limit: Int) -> Int? {
        guard let number = number(), limit >= 0, number <= UInt64(limit) else { return nil }
        return Int(number)
    }

    mutating func counted(atMost limit: Int) -> Range<Int>? {
        guard let count = count(atMost: limit), count <= bytes.count - place else { return nil }
        defer { place += count }
        return place..<(place + count)
    }

    mutating func entry() -> Entry? {
        guard let node = counted(atMost: Limits.nodeNameBytes), number() != nil, let counter = number() else {
            return nil
        }
        return Entry(node: node, counter: counter)
    }
}

/// As `ByteWriter`, into memory that is there.
private struct RawWriter {
    private let room: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init(_ room: UnsafeMutableRawBufferPointer) { self.room = room }

    mutating func byte(_ byte: UInt8) {
        precondition(count < room.count, "a context is not written beyond its room")
        room[count] = byte
        count += 1
    }

    mutating func number(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            byte(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        byte(UInt8(truncatingIfNeeded: rest))
    }

    mutating func fixed64(_ value: UInt64) {
        for shift in stride(from: UInt64(56), through: 0, by: -8) { byte(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    mutating func raw(_ bytes: UnsafeRawBufferPointer, _ part: Range<Int>) {
        precondition(part.count <= room.count - count, "a context is not written beyond its room")
        UnsafeMutableRawBufferPointer(rebasing: room[count...]).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: bytes[part]))
        count += part.count
    }
}
