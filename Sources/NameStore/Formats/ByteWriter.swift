// The bytes of every format of this module: big-endian fixed integers, LEB128 varints, length-prefixed strings.

import World

/// Why bytes were refused. They come from disks and peers: a refusal is an answer, never a trap.
package enum FormatError: Error, Equatable, Sendable {
    case truncated
    /// A format version that this build doesn't read.
    case version(UInt8)
    /// A field breaks its bounds or its rule; the word says which.
    case invalid(StaticString)
    case checksum
    /// Bytes are left after the last field.
    case trailing

    package static func == (a: FormatError, b: FormatError) -> Bool { "\(a)" == "\(b)" }
}

struct ByteWriter {
    private(set) var bytes: [UInt8] = []

    init(reserving capacity: Int = 128) { bytes.reserveCapacity(capacity) }

    mutating func byte(_ value: UInt8) { bytes.append(value) }

    mutating func fixed64(_ value: UInt64) {
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    mutating func raw(_ value: some Sequence<UInt8>) { bytes.append(contentsOf: value) }

    mutating func blob(_ value: [UInt8]) {
        varint(UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    mutating func node(_ value: NodeID) {
        byte(UInt8(truncatingIfNeeded: value.name.utf8.count))
        raw(value.name.utf8)
    }

    mutating func identifier<Kind>(_ value: Identifier<Kind>) {
        fixed64(value.high)
        fixed64(value.low)
    }

    mutating func owner(_ value: OwnerDigest) {
        let words = value.digest.words
        for word in [words.0, words.1, words.2, words.3] { fixed64(word) }
    }
}
