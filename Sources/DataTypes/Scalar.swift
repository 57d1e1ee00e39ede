// A JSON value without parts, as its bytes: registers and elements of sets keep it so, and compare it so.

import JSON
import World

/// A tag, then the number or the text. Equal values have equal bytes: a number that is whole is an integer.
struct Scalar: Hashable, Comparable, Sendable {
    let bytes: [UInt8]

    private enum Tag {
        static let null: UInt8 = 0
        static let no: UInt8 = 1
        static let yes: UInt8 = 2
        /// Eight bytes, the sign turned, so that their order is the numbers'.
        static let integer: UInt8 = 3
        static let number: UInt8 = 4
        static let text: UInt8 = 5
    }

    private static let sign: UInt64 = 1 << 63

    /// Nil of arrays and objects, and of numbers that JSON has not.
    init?(_ value: JSONValue) {
        var w = ByteWriter()
        switch value {
        case .null: w.byte(Tag.null)
        case .bool(let bool): w.byte(bool ? Tag.yes : Tag.no)
        case .string(let text):
            w.byte(Tag.text)
            w.raw(text.utf8)
        case .int, .number:
            if let integer = value.int {
                w.byte(Tag.integer)
                w.fixed64(UInt64(bitPattern: Int64(integer)) ^ Scalar.sign)
            } else if let number = value.double, number.isFinite {
                w.byte(Tag.number)
                w.double(number)
            } else {
                return nil
            }
        case .array, .object: return nil
        }
        bytes = w.bytes
    }

    /// Nil if no value has these bytes.
    init?(bytes: [UInt8]) {
        guard let value = Scalar.read(bytes), Scalar(value)?.bytes == bytes else { return nil }
        self.bytes = bytes
    }

    var json: JSONValue { Scalar.read(bytes) ?? .null }

    private static func read(_ bytes: [UInt8]) -> JSONValue? {
        var r = ByteReader(bytes)
        guard let tag = try? r.byte() else { return nil }
        switch tag {
        case Tag.null: return .null
        case Tag.no: return .bool(false)
        case Tag.yes: return .bool(true)
        case Tag.text: return (try? r.text(r.remaining)).map(JSONValue.string)
        case Tag.integer:
            return (try? r.fixed64()).map { .int(Int(Int64(bitPattern: $0 ^ sign))) }
        case Tag.number: return (try? r.double()).map(JSONValue.number)
        default: return nil
        }
    }

    static func < (a: Scalar, b: Scalar) -> Bool { a.bytes.lexicographicallyPrecedes(b.bytes) }
}
