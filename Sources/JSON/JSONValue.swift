// A JSON text as a value: what is read is one, and what is small enough to be made whole before it is written.

import World

/// A JSON value; objects keep the order in which they were made, so equal values print alike.
package enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case int(Int)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([Member])

    package struct Member: Hashable, Sendable {
        package let name: String
        package let value: JSONValue
        package init(_ name: String, _ value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    package static func object(_ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
        .object(members.map { Member($0.key, $0.value) })
    }
    package static func optional(_ value: Double?) -> JSONValue { value.map(JSONValue.number) ?? .null }
    package static func optional(_ value: Int?) -> JSONValue { value.map(JSONValue.int) ?? .null }
    package static func optional(_ value: String?) -> JSONValue { value.map(JSONValue.string) ?? .null }
    package static func strings(_ values: some Sequence<String>) -> JSONValue { .array(values.map(JSONValue.string)) }

    package subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name.isSpelled(name) }?.value
    }
    package var string: String? { if case .string(let s) = self { s } else { nil } }
    package var array: [JSONValue]? { if case .array(let a) = self { a } else { nil } }
    package var int: Int? {
        switch self {
        case .int(let i): i
        case .number(let d) where d.rounded() == d && abs(d) < 0x1p53: Int(d)
        default: nil
        }
    }
    package var double: Double? {
        switch self {
        case .int(let i): Double(i)
        case .number(let d): d
        default: nil
        }
    }
    package var isNull: Bool { self == .null }
}

extension JSONValue {
    /// One line, or with each member on a line of its own; arrays of scalars stay on one line. Ends without a line end.
    package func encode(pretty: Bool = false) -> [UInt8] {
        var writer = JSONWriter(pretty: pretty)
        writer.element(self)
        return writer.bytes
    }

    package func text(pretty: Bool = true) -> String { String(decoding: encode(pretty: pretty), as: UTF8.self) }

    var isScalar: Bool {
        switch self {
        case .array, .object: false
        default: true
        }
    }
}
