// Varints, and a reader that believes nothing.
//
// The writer knows the exact size beforehand; the reader checks every length against what is left, so that a hostile
// length costs nothing and an overlong varint (two spellings of one message) is refused.

import World

/// Bytes that `value` takes as an unsigned LEB128.
func varintSize(_ value: UInt64) -> Int {
    // 7 bits a byte; zero takes one byte as well.
    value < 0x80 ? 1 : (70 - value.leadingZeroBitCount) / 7
}

struct GossipWriter {
    private(set) var bytes: [UInt8] = []

    init(capacity: Int) { bytes.reserveCapacity(capacity) }

    mutating func byte(_ value: UInt8) { bytes.append(value) }

    mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    mutating func fixed64(_ value: UInt64) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    mutating func raw(_ value: [UInt8]) { bytes.append(contentsOf: value) }

    /// A length and the UTF-8 of `text`.
    mutating func text(_ text: String) {
        varint(UInt64(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    mutating func overwrite64(_ value: UInt64, at offset: Int) {
        for i in 0..<8 { bytes[offset + i] = UInt8(truncatingIfNeeded: value >> UInt64(8 * i)) }
    }
}

struct GossipReader {
    private let bytes: [UInt8]
    private var at: Int

    init(_ bytes: [UInt8], from offset: Int) {
        self.bytes = bytes
        self.at = offset
    }

    var remaining: Int { bytes.count - at }

    mutating func byte() throws(GossipRejection) -> UInt8 {
        guard at < bytes.count else { throw .malformed }
        defer { at += 1 }
        return bytes[at]
    }

    /// A canonical LEB128 below `limit`.
    mutating func varint(below limit: UInt64 = Limits.gossipCounter) throws(GossipRejection) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let next = try byte()
            let payload = UInt64(next & 0x7F)
            if shift == 63 && payload > 1 { throw .malformed }
            value |= payload << shift
            if next & 0x80 == 0 {
                guard next != 0 || shift == 0, value < limit else { throw .malformed }
                return value
            }
            shift += 7
            if shift > 63 { throw .malformed }
        }
    }

    /// A number of things that take at least `each` bytes: more than what is left could hold is refused before anything
    /// is reserved.
    mutating func count(each: Int) throws(GossipRejection) -> Int {
        let value = try varint()
        guard value <= UInt64(remaining / each) else { throw .malformed }
        return Int(value)
    }

    mutating func raw(_ length: Int) throws(GossipRejection) -> ArraySlice<UInt8> {
        guard length >= 0, length <= remaining else { throw .malformed }
        defer { at += length }
        return bytes[at..<at + length]
    }

    mutating func text(longest: Int) throws(GossipRejection) -> String {
        let length = try varint(below: UInt64(longest) + 1)
        let slice = try raw(Int(length))
        guard let text = String(validating: slice, as: UTF8.self) else { throw .malformed }
        return text
    }
}
