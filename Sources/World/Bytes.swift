// Reading and writing the bytes of every format that is our own: integers of fixed and of variable length, and strings.
//
// A reader never trusts a length: each is checked against what is left before anything is taken or allocated.

/// Why bytes from a disk or a peer could not be read.
public enum DecodingFailure: Error, Hashable, Sendable, CustomStringConvertible {
    case truncated
    case overlong
    case unknownVersion(UInt8)
    case malformed(StaticReason)
    case checksum

    /// A reason fixed in the source, so that an error never carries a stranger's bytes.
    public struct StaticReason: Hashable, Sendable, ExpressibleByStringLiteral {
        public let text: String
        public init(stringLiteral value: StaticString) { text = value.description }
    }

    public var description: String {
        switch self {
        case .truncated: "the bytes end too early"
        case .overlong: "a length exceeds its limit"
        case .unknownVersion(let v): "unknown format version \(v)"
        case .malformed(let reason): reason.text
        case .checksum: "the checksum does not fit the bytes"
        }
    }
}

/// Appends numbers and byte strings to an array.
public struct ByteWriter: Sendable {
    public private(set) var bytes: [UInt8] = []

    public init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    @inline(__always) public mutating func byte(_ b: UInt8) { bytes.append(b) }

    /// LEB128, least significant group first, at most ten bytes.
    public mutating func varint(_ value: UInt64) {
        var v = value
        while v >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: v) | 0x80)
            v >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: v))
    }

    /// The bytes that `varint` appends: 7 bits each; zero takes one as well.
    public static func size(ofVarint value: UInt64) -> Int {
        value < 0x80 ? 1 : (70 - value.leadingZeroBitCount) / 7
    }

    /// Eight bytes, most significant first, so that byte order is numeric order.
    public mutating func fixed64(_ value: UInt64) { integer(value) }

    /// As many bytes as the type has, most significant first.
    @inlinable public mutating func integer<I: FixedWidthInteger>(_ value: I) {
        for place in (0..<I.bitWidth / 8).reversed() { byte(UInt8(truncatingIfNeeded: value >> I(place * 8))) }
    }

    public mutating func double(_ value: Double) { integer(value.bitPattern) }

    /// Puts eight bytes, least significant first, in the place of as many.
    public mutating func overwrite(at place: Int, littleEndian value: UInt64) {
        for offset in 0..<8 { bytes[place + offset] = UInt8(truncatingIfNeeded: value >> UInt64(8 * offset)) }
    }

    public mutating func raw(_ b: some Sequence<UInt8>) { bytes.append(contentsOf: b) }

    /// A length and then the bytes.
    public mutating func counted(_ b: [UInt8]) { counted(b[...]) }

    public mutating func counted(_ b: ArraySlice<UInt8>) {
        varint(UInt64(b.count))
        bytes.append(contentsOf: b)
    }

    public mutating func counted(_ s: String) {
        varint(UInt64(s.utf8.count))
        bytes.append(contentsOf: s.utf8)
    }

    public mutating func flag(_ value: Bool) { byte(value ? 1 : 0) }

    /// A flag whether it is there, then the thing.
    @inlinable public mutating func optional<T>(_ value: T?, _ write: (inout ByteWriter, T) -> Void) {
        flag(value != nil)
        if let value { write(&self, value) }
    }
}

/// Takes numbers and byte strings from an array, in order.
public struct ByteReader: Sendable {
    private let bytes: [UInt8]
    private var position: Int
    private let end: Int

    /// Reads the part in [start, end).
    public init(_ bytes: [UInt8], from start: Int = 0, upTo end: Int? = nil) {
        self.bytes = bytes
        self.end = Swift.min(end ?? bytes.count, bytes.count)
        position = Swift.min(start, self.end)
    }

    public var remaining: Int { end - position }
    public var isAtEnd: Bool { position == end }

    @inline(__always)
    public mutating func byte() throws(DecodingFailure) -> UInt8 {
        guard position < end else { throw .truncated }
        defer { position += 1 }
        return bytes[position]
    }

    /// Refuses padded forms, so that a number has one encoding and equal values have equal bytes.
    public mutating func varint() throws(DecodingFailure) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let b = try byte()
            if b == 0 && shift > 0 { throw .malformed("an integer with padding") }
            if shift == 63 && b > 1 { throw .malformed("an integer of more than 64 bits") }
            value |= UInt64(b & 0x7F) << shift
            if b < 0x80 { return value }
            shift += 7
            if shift > 63 { throw .malformed("an integer of more than 64 bits") }
        }
    }

    public mutating func varint(below limit: UInt64) throws(DecodingFailure) -> UInt64 {
        let value = try varint()
        guard value < limit else { throw .overlong }
        return value
    }

    public mutating func fixed64() throws(DecodingFailure) -> UInt64 { try integer() }

    @inlinable public mutating func integer<I: FixedWidthInteger>(
        _: I.Type = I.self
    ) throws(DecodingFailure) -> I {
        guard remaining >= I.bitWidth / 8 else { throw .truncated }
        var value: I = 0
        for place in (0..<I.bitWidth / 8).reversed() { value |= I(truncatingIfNeeded: try byte()) << I(place * 8) }
        return value
    }

    public mutating func double() throws(DecodingFailure) -> Double { Double(bitPattern: try integer()) }

    public mutating func flag() throws(DecodingFailure) -> Bool {
        switch try byte() {
        case 0: false
        case 1: true
        default: throw .malformed("a flag that is neither 0 nor 1")
        }
    }

    @inlinable public mutating func optional<T>(
        _ read: (inout ByteReader) throws(DecodingFailure) -> T
    ) throws(DecodingFailure) -> T? {
        try flag() ? try read(&self) : nil
    }

    /// A count that is at most `limit`.
    public mutating func count(atMost limit: Int) throws(DecodingFailure) -> Int {
        let n = try varint()
        guard n <= UInt64(limit) else { throw .overlong }
        return Int(n)
    }

    /// A number of things that take at least `each` bytes: more than what is left could hold is refused before anything
    /// is reserved.
    public mutating func count(each: Int) throws(DecodingFailure) -> Int {
        let n = try varint()
        guard n <= UInt64(remaining / each) else { throw .overlong }
        return Int(n)
    }

    public mutating func raw(_ count: Int) throws(DecodingFailure) -> ArraySlice<UInt8> {
        guard count >= 0, count <= remaining else { throw .truncated }
        defer { position += count }
        return bytes[position..<position + count]
    }

    public mutating func counted(atMost limit: Int) throws(DecodingFailure) -> [UInt8] {
        Array(try countedSlice(atMost: limit))
    }

    /// Of the array that is read, and so all of that stays in memory with it.
    public mutating func countedSlice(atMost limit: Int) throws(DecodingFailure) -> ArraySlice<UInt8> {
        try raw(try count(atMost: limit))
    }

    public mutating func countedString(atMost limit: Int) throws(DecodingFailure) -> String {
        try text(try count(atMost: limit))
    }

    /// UTF-8 of a known length.
    public mutating func text(_ count: Int) throws(DecodingFailure) -> String {
        let bytes = try raw(count)
        // ASCII, as nearly all text here is, needs no validation, which costs more than all else that is done with it.
        if bytes.allSatisfy({ $0 < 0x80 }) { return String(decoding: bytes, as: UTF8.self) }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .malformed("text that is not UTF-8") }
        return text
    }

    /// Throws unless everything was read: trailing bytes would let two encodings mean one thing.
    public func finish() throws(DecodingFailure) {
        guard isAtEnd else { throw .malformed("bytes after the end") }
    }
}
