// Reading JSON (RFC 8259) from files and peers: bounded in size and depth, with the place of a mistake.

import World

/// Why a text is no JSON, or not the JSON that was wanted.
package struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    /// From 1; 0 where the mistake has no place, such as a member that is missing.
    package let line: Int
    package let column: Int
    package let message: String

    package init(line: Int = 0, column: Int = 0, _ message: String) {
        self.line = line
        self.column = column
        self.message = message
    }

    package var description: String { line > 0 ? "\(line):\(column): \(message)" : message }
}

extension JSONValue {
    /// - depth: of arrays and objects in each other.
    package static func decode(_ bytes: [UInt8], depth: Int = Limits.jsonDepth) throws(JSONError) -> JSONValue {
        guard bytes.count <= Limits.jsonBytes else {
            throw JSONError(line: 1, column: 1, "the text is larger than \(Limits.jsonBytes >> 20) MiB")
        }
        var reader = JSONReader(bytes, deepest: depth)
        return try reader.document()
    }
}

private struct JSONReader {
    private let bytes: [UInt8]
    private let deepest: Int
    private var at = 0

    init(_ bytes: [UInt8], deepest: Int) {
        self.bytes = bytes
        self.deepest = deepest
    }

    mutating func document() throws(JSONError) -> JSONValue {
        let value = try value(depth: 0)
        skipBlanks()
        guard at == bytes.count else { throw error("there is text behind the end") }
        return value
    }

    private var current: UInt8? { at < bytes.count ? bytes[at] : nil }

    private func error(_ message: String) -> JSONError {
        let before = bytes[..<min(at, bytes.count)]
        let line = before.count { $0 == 0x0A } + 1
        let column = before.reversed().prefix { $0 != 0x0A }.count { $0 & 0xC0 != 0x80 } + 1
        return JSONError(line: line, column: column, message)
    }

    private mutating func skipBlanks() {
        while let byte = current, byte == 0x20 || (0x09...0x0A).contains(byte) || byte == 0x0D { at += 1 }
    }

    private mutating func skip(_ byte: UInt8) -> Bool {
        skipBlanks()
        guard current == byte else { return false }
        at += 1
        return true
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        guard depth <= deepest else { throw error("values are nested too deep") }
        skipBlanks()
        switch current {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func word(_ word: String, _ value: JSONValue) throws(JSONError) -> JSONValue {
        guard bytes[at...].starts(with: word.utf8) else { throw error("expected a value") }
        at += word.utf8.count
        return value
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSONValue {
        at += 1
        var members: [JSONValue.Member] = []
        // By their bytes. Only ever asked.
        var names: Set<[UInt8]> = []
        if skip(UInt8(ascii: "}")) { return .object([]) }
        repeat {
            skipBlanks()
            guard current == UInt8(ascii: "\"") else { throw error("expected a member's name in quotes") }
            let name = try string()
            guard names.insert(Array(name.utf8)).inserted else { throw error("member \(name) occurs twice") }
            guard skip(UInt8(ascii: ":")) else { throw error("expected : after the member's name") }
            members.append(JSONValue.Member(name, try value(depth: depth + 1)))
        } while skip(UInt8(ascii: ","))
        guard skip(UInt8(ascii: "}")) else { throw error("expected , or }") }
        return .object(members)
    }

    private mutating func array(depth: Int) throws(JSONError) -> JSONValue {
        at += 1
        var elements: [JSONValue] = []
        if skip(UInt8(ascii: "]")) { return .array([]) }
        repeat { elements.append(try value(depth: depth + 1)) } while skip(UInt8(ascii: ","))
        guard skip(UInt8(ascii: "]")) else { throw error("expected , or ]") }
        return .array(elements)
    }

    private mutating func number() throws(JSONError) -> JSONValue {
        let from = at
        func isNumeric(_ b: UInt8) -> Bool {
            (0x30...0x39).contains(b) || b == 0x2D || b == 0x2B || b == 0x2E || b == 0x65 || b == 0x45
        }
        while at < bytes.count, isNumeric(bytes[at]) { at += 1 }
        let text = String(decoding: bytes[from..<at], as: UTF8.self)
        let digits = text.utf8.drop { $0 == 0x2D }
        let startsWell = digits.first.map { (0x30...0x39).contains($0) } ?? false
        let hasLeadingZero =
            digits.first == 0x30 && (digits.dropFirst().first.map { (0x30...0x39).contains($0) } ?? false)
        if startsWell, !hasLeadingZero, text.utf8.last != 0x2E {
            if let whole = Int(text) { return .int(whole) }
            if let number = Double(text) {
                guard number.isFinite else { throw error("a number is too large") }
                return .number(number)
            }
        }
        at = from
        throw error("expected a value")
    }

    private mutating func string() throws(JSONError) -> String {
        at += 1
        var text: [UInt8] = []
        while let byte = current {
            switch byte {
            case 0x22:
                at += 1
                guard let string = String(validating: text, as: UTF8.self) else { throw error("a string is not UTF-8") }
                return string
            case 0x5C: try escape(&text)
            case 0..<0x20: throw error("a control character is not allowed in a string")
            default:
                text.append(byte)
                at += 1
            }
        }
        throw error("a string never ends")
    }

    private mutating func escape(_ text: inout [UInt8]) throws(JSONError) {
        guard at + 1 < bytes.count else { throw error("a string never ends") }
        let letter = bytes[at + 1]
        at += 2
        switch letter {
        case 0x22, 0x5C, 0x2F: text.append(letter)
        case UInt8(ascii: "b"): text.append(8)
        case UInt8(ascii: "f"): text.append(12)
        case UInt8(ascii: "n"): text.append(10)
        case UInt8(ascii: "r"): text.append(13)
        case UInt8(ascii: "t"): text.append(9)
        case UInt8(ascii: "u"):
            var code = try unit()
            if (0xD800..<0xDC00).contains(code), bytes[at...].starts(with: [0x5C, UInt8(ascii: "u")]) {
                at += 2
                let low = try unit()
                guard (0xDC00..<0xE000).contains(low) else { throw error("an escape is no character") }
                code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw error("an escape is no character") }
            text += Array(String(Character(scalar)).utf8)
        default: throw error("an escape is unknown")
        }
    }

    private mutating func unit() throws(JSONError) -> UInt32 {
        let digits = bytes[min(at, bytes.count)..<min(at + 4, bytes.count)]
        guard digits.count == 4, let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16),
            digits.first != UInt8(ascii: "+"), digits.first != UInt8(ascii: "-")
        else { throw error("an escape is no character") }
        at += 4
        return value
    }
}
