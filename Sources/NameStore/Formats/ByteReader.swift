// Reads what `ByteWriter` writes, and refuses everything else.

import World

struct ByteReader {
    private let bytes: [UInt8]
    private(set) var index: Int
    private let end: Int

    init(_ bytes: [UInt8], upTo end: Int? = nil) {
        self.bytes = bytes
        index = 0
        self.end = min(end ?? bytes.count, bytes.count)
    }

    var remaining: Int { end - index }

    mutating func byte() throws(FormatError) -> UInt8 {
        guard index < end else { throw .truncated }
        defer { index += 1 }
        return bytes[index]
    }

    mutating func flag() throws(FormatError) -> Bool {
        switch try byte() {
        case 0: false
        case 1: true
        default: throw .invalid("flag")
        }
    }

    mutating func fixed64() throws(FormatError) -> UInt64 {
        guard remaining >= 8 else { throw .truncated }
        var value: UInt64 = 0
        for offset in 0..<8 { value = value << 8 | UInt64(bytes[index + offset]) }
        index += 8
        return value
    }

    /// Shortest form only: one value, one encoding.
    mutating func varint() throws(FormatError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let next = try byte()
            guard shift < 63 || next <= 1 else { throw .invalid("varint") }
            value |= UInt64(next & 0x7F) << shift
            if next < 0x80 {
                guard next != 0 || shift == 0 else { throw .invalid("varint") }
                return value
            }
            shift += 7
            guard shift <= 63 else { throw .invalid("varint") }
        }
    }

    /// A count of things that follow.
    mutating func count(upTo limit: Int) throws(FormatError) -> Int {
        let value = try varint()
        guard value <= UInt64(limit) else { throw .invalid("count") }
        return Int(value)
    }

    mutating func raw(_ length: Int) throws(FormatError) -> [UInt8] {
        guard length >= 0, remaining >= length else { throw .truncated }
        defer { index += length }
        return Array(bytes[index..<(index + length)])
    }

    mutating func blob(upTo limit: Int) throws(FormatError) -> [UInt8] {
        let length = try count(upTo: limit)
        return try raw(length)
    }

    mutating func node() throws(FormatError) -> NodeID {
        let length = Int(try byte())
        guard let id = NodeID(String(decoding: try raw(length), as: UTF8.self)) else { throw .invalid("node") }
        return id
    }

    mutating func identifier<Kind>() throws(FormatError) -> Identifier<Kind> {
        let high = try fixed64()
        return Identifier(high: high, low: try fixed64())
    }

    mutating func owner() throws(FormatError) -> OwnerDigest {
        let (a, b, c) = (try fixed64(), try fixed64(), try fixed64())
        return OwnerDigest(Digest256(a, b, c, try fixed64()))
    }

    /// Call last.
    func finish() throws(FormatError) {
        guard remaining == 0 else { throw .trailing }
    }
}
