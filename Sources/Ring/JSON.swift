// JSON without Foundation: what the ring tool prints and reads back, and the ring document's form at the edge.

import World

/// A JSON value; objects keep the order in which they were made, so equal values print alike.
package indirect enum JSON: Hashable, Sendable {
    case null
    case bool(Bool)
    case int(Int)
    case number(Double)
    case string(String)
    case array([JSON])
    case object([Member])

    package struct Member: Hashable, Sendable {
        package let name: String
        package let value: JSON
        package init(_ name: String, _ value: JSON) {
            self.name = name
            self.value = value
        }
    }

    package static func object(_ members: KeyValuePairs<String, JSON>) -> JSON {
        .object(members.map { Member($0.key, $0.value) })
    }
    package static func optional(_ value: Double?) -> JSON { value.map(JSON.number) ?? .null }
    package static func optional(_ value: Int?) -> JSON { value.map(JSON.int) ?? .null }
    package static func optional(_ value: String?) -> JSON { value.map(JSON.string) ?? .null }
    package static func strings(_ values: some Sequence<String>) -> JSON { .array(values.map(JSON.string)) }

    package subscript(name: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name.isSpelled(name) }?.value
    }
    package var string: String? { if case .string(let s) = self { s } else { nil } }
    package var array: [JSON]? { if case .array(let a) = self { a } else { nil } }
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

// MARK: Writing

extension JSON {
    /// One line, or with each member on a line of its own; arrays of scalars stay on one line. Ends without a line end.
    package func encode(pretty: Bool = false) -> [UInt8] {
        var out: [UInt8] = []
        write(&out, indent: pretty ? 0 : nil)
        return out
    }

    package func text(pretty: Bool = true) -> String { String(decoding: encode(pretty: pretty), as: UTF8.self) }

    private func write(_ out: inout [UInt8], indent: Int?) {
        switch self {
        case .null: out += Array("null".utf8)
        case .bool(let b): out += Array((b ? "true" : "false").utf8)
        case .int(let i): out += Array("\(i)".utf8)
        // JSON has no word for what is not finite.
        case .number(let d): out += Array((d.isFinite ? JSON.text(d) : "null").utf8)
        case .string(let s): JSON.quote(s, &out)
        case .array(let elements):
            let isFlat = elements.allSatisfy(\.isScalar)
            JSON.list(elements, "[", "]", &out, indent: isFlat ? nil : indent, spaced: indent != nil) {
                $0.write(&$1, indent: $2)
            }
        case .object(let members):
            JSON.list(members, "{", "}", &out, indent: indent, spaced: indent != nil) { member, out, inner in
                JSON.quote(member.name, &out)
                out += Array((indent == nil ? ":" : ": ").utf8)
                member.value.write(&out, indent: inner)
            }
        }
    }

    private var isScalar: Bool {
        switch self {
        case .array, .object: false
        default: true
        }
    }

    /// Whole numbers without a fraction: 8000000000000, not 8e+12.
    private static func text(_ d: Double) -> String {
        d.rounded() == d && abs(d) < 0x1p53 ? "\(Int(d))" : "\(d)"
    }

    private static func list<T>(
        _ elements: [T], _ open: String, _ close: String, _ out: inout [UInt8], indent: Int?, spaced: Bool,
        _ write: (T, inout [UInt8], Int?) -> Void
    ) {
        out += Array(open.utf8)
        let inner = indent.map { $0 + 2 }
        for (at, element) in elements.enumerated() {
            if at > 0 { out.append(UInt8(ascii: ",")) }
            if let inner {
                out.append(0x0A)
                out += Array(repeating: 0x20, count: inner)
            } else if spaced, at > 0 {
                out.append(0x20)
            }
            write(element, &out, inner)
        }
        if let indent, !elements.isEmpty {
            out.append(0x0A)
            out += Array(repeating: 0x20, count: indent)
        }
        out += Array(close.utf8)
    }

    private static func quote(_ text: String, _ out: inout [UInt8]) {
        let hex = Array("0123456789abcdef".utf8)
        out.append(0x22)
        for byte in text.utf8 {
            switch byte {
            case 0x22, 0x5C: out += [0x5C, byte]
            case 0x0A: out += [0x5C, 0x6E]
            case 0x0D: out += [0x5C, 0x72]
            case 0x09: out += [0x5C, 0x74]
            case 0..<0x20, 0x7F: out += Array("\\u00".utf8) + [hex[Int(byte >> 4)], hex[Int(byte & 15)]]
            default: out.append(byte)
            }
        }
        out.append(0x22)
    }
}
