// Big-endian fields in and out of a byte array. Reading is bounded and total: a short or malformed input throws.

struct ByteWriter {
    private(set) var bytes: [UInt8] = []

    mutating func integer<I: FixedWidthInteger>(_ value: I) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }
    mutating func double(_ value: Double) { integer(value.bitPattern) }
    mutating func raw(_ value: [UInt8]) { bytes += value }

    /// At most 65535 bytes: every name of a ring document has a far lower limit.
    mutating func text(_ value: String) {
        let utf8 = Array(value.utf8.prefix(Int(UInt16.max)))
        integer(UInt16(utf8.count))
        bytes += utf8
    }

    mutating func optional<T>(_ value: T?, _ write: (inout ByteWriter, T) -> Void) {
        integer(UInt8(value == nil ? 0 : 1))
        if let value { write(&self, value) }
    }

    /// A count of at most 65535, then each element.
    mutating func list<T>(_ values: [T], _ write: (inout ByteWriter, T) -> Void) {
        integer(UInt16(truncatingIfNeeded: values.count))
        for value in values { write(&self, value) }
    }
}

struct ByteReader {
    private let bytes: [UInt8]
    private var at = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }
    var remaining: Int { bytes.count - at }

    mutating func integer<I: FixedWidthInteger>(_: I.Type = I.self) throws(RingDocumentError) -> I {
        let size = MemoryLayout<I>.size
        guard remaining >= size else { throw RingDocumentError("the ring document ends early") }
        defer { at += size }
        return bytes.withUnsafeBytes { I(bigEndian: $0.loadUnaligned(fromByteOffset: at, as: I.self)) }
    }

    mutating func double() throws(RingDocumentError) -> Double { Double(bitPattern: try integer()) }

    mutating func text(_ largest: Int) throws(RingDocumentError) -> String {
        let count = Int(try integer(UInt16.self))
        guard count <= largest, remaining >= count else { throw RingDocumentError("a name is too long") }
        defer { at += count }
        guard let text = String(validating: bytes[at..<(at + count)], as: UTF8.self) else {
            throw RingDocumentError("a name is not UTF-8")
        }
        return text
    }

    mutating func optional<T>(
        _ read: (inout ByteReader) throws(RingDocumentError) -> T
    ) throws(RingDocumentError) -> T? {
        switch try integer(UInt8.self) {
        case 0: return nil
        case 1: return try read(&self)
        default: throw RingDocumentError("a flag is neither 0 nor 1")
        }
    }

    mutating func list<T>(
        atMost largest: Int, _ read: (inout ByteReader) throws(RingDocumentError) -> T
    ) throws(RingDocumentError) -> [T] {
        let count = Int(try integer(UInt16.self))
        guard count <= largest else { throw RingDocumentError("a list is too long") }
        var values: [T] = []
        for _ in 0..<count { values.append(try read(&self)) }
        return values
    }
}
