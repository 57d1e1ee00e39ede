// Characters, blanks, keys and strings of a TOML text.

import World

/// A cursor over a text's bytes that keeps line and column.
struct TOMLScanner {
    private let bytes: [UInt8]
    private var at = 0
    private(set) var position = TextPosition.start

    init(_ text: String) {
        bytes = Array(text.utf8)
        // Some editors begin a file with a byte order mark; it is no part of the text, and takes no column.
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { at = 3 }
    }

    var current: UInt8? { at < bytes.count ? bytes[at] : nil }

    func peek(_ offset: Int) -> UInt8? { at + offset < bytes.count ? bytes[at + offset] : nil }

    func error(_ message: String, at place: TextPosition? = nil) -> TOMLError {
        TOMLError(position: place ?? position, message: message)
    }

    mutating func advance(_ count: Int = 1) {
        for _ in 0..<count where at < bytes.count {
            if bytes[at] == UInt8(ascii: "\n") {
                position.line += 1
                position.column = 1
            } else if at + 1 == bytes.count || bytes[at + 1] & 0xC0 != 0x80 {
                // Of a character of several bytes only the last one adds a column.
                position.column += 1
            }
            at += 1
        }
    }

    mutating func skipBlanks() {
        while current == 0x20 || current == 0x09 { advance() }
    }

    /// Skips blanks, comments and line ends.
    mutating func skipToContent() throws(TOMLError) {
        while let byte = current {
            switch byte {
            case 0x20, 0x09, 0x0A: advance()
            case 0x0D: try lineEnd()
            case UInt8(ascii: "#"): try comment()
            default: return
            }
        }
    }

    /// What may stand behind a value or a header: blanks, a comment, the end of the line.
    mutating func endOfLine() throws(TOMLError) {
        skipBlanks()
        if current == UInt8(ascii: "#") { try comment() }
        guard current != nil else { return }
        guard current == 0x0A || current == 0x0D else { throw error("expected the end of the line") }
        try lineEnd()
    }

    private mutating func lineEnd() throws(TOMLError) {
        if current == 0x0D {
            guard peek(1) == 0x0A else { throw error("a carriage return stands alone") }
            advance()
        }
        advance()
    }

    private mutating func comment() throws(TOMLError) {
        while let byte = current, byte != 0x0A, !(byte == 0x0D && peek(1) == 0x0A) {
            guard !isControl(byte) else { throw error("a control character is not allowed in a comment") }
            advance()
        }
    }

    private func isControl(_ byte: UInt8) -> Bool { (byte < 0x20 && byte != 0x09) || byte == 0x7F }

    /// The characters up to the next one that cannot belong to a number, date or word.
    mutating func bareWord() -> String {
        let from = at
        while let byte = current, isBareKey(byte) || byte == 0x2B || byte == 0x2E || byte == 0x3A { advance() }
        return String(decoding: bytes[from..<at], as: UTF8.self)
    }

    private func isBareKey(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte) || (0x41...0x5A).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x5F
            || byte == 0x2D
    }

    // MARK: Keys

    struct Key {
        let name: String
        let position: TextPosition
    }

    /// One or more keys with dots between.
    mutating func dottedKey() throws(TOMLError) -> [Key] {
        var keys: [Key] = []
        while true {
            skipBlanks()
            let start = position
            switch current {
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                guard !(peek(1) == current && peek(2) == current) else {
                    throw error("a key cannot be a multi-line string")
                }
                keys.append(Key(name: try string(), position: start))
            default:
                let from = at
                while let byte = current, isBareKey(byte) { advance() }
                guard at > from else { throw error(keys.isEmpty ? "expected a key" : "expected a key after the dot") }
                keys.append(Key(name: String(decoding: bytes[from..<at], as: UTF8.self), position: start))
            }
            guard keys.count <= Limits.tomlDepth else { throw error("keys are nested too deep") }
            skipBlanks()
            guard current == UInt8(ascii: ".") else { return keys }
            advance()
        }
    }

    // MARK: Strings

    /// - Precondition: `current` is a quotation mark.
    mutating func string() throws(TOMLError) -> String {
        let start = position
        let quote = bytes[at]
        let isBasic = quote == UInt8(ascii: "\"")
        let isLong = peek(1) == quote && peek(2) == quote
        advance(isLong ? 3 : 1)
        if isLong {
            // A line end right behind the opening is not part of the text.
            if current == 0x0D, peek(1) == 0x0A { advance(2) } else if current == 0x0A { advance() }
        }
        var text: [UInt8] = []
        while let byte = current {
            if byte == quote {
                guard isLong else {
                    advance()
                    return String(decoding: text, as: UTF8.self)
                }
                var run = 1
                while run < 5, peek(run) == quote { run += 1 }
                advance(run)
                // Three close; one or two more before them belong to the text.
                text += Array(repeating: quote, count: run >= 3 ? run - 3 : run)
                if run >= 3 { return String(decoding: text, as: UTF8.self) }
            } else if byte == UInt8(ascii: "\\"), isBasic {
                try escape(into: &text, isLong: isLong)
            } else if isLong, byte == 0x0A || (byte == 0x0D && peek(1) == 0x0A) {
                text.append(0x0A)
                try lineEnd()
            } else if isControl(byte) {
                throw byte == 0x0A || byte == 0x0D
                    ? error("this string does not end on its line", at: start)
                    : error("a control character is not allowed in a string")
            } else {
                text.append(byte)
                advance()
            }
        }
        throw error("this string never ends", at: start)
    }

    private mutating func escape(into text: inout [UInt8], isLong: Bool) throws(TOMLError) {
        let start = position
        advance()
        let simple: [UInt8: UInt8] = [0x62: 8, 0x74: 9, 0x6E: 10, 0x66: 12, 0x72: 13, 0x22: 0x22, 0x5C: 0x5C]
        guard let byte = current else { throw error("this string never ends", at: start) }
        if let plain = simple[byte] {
            text.append(plain)
            advance()
        } else if byte == UInt8(ascii: "u") || byte == UInt8(ascii: "U") {
            let count = byte == UInt8(ascii: "u") ? 4 : 8
            let digits = (1...count).compactMap { peek($0) }
            guard digits.count == count, digits.allSatisfy(isHexDigit),
                let number = UInt32(String(decoding: digits, as: UTF8.self), radix: 16),
                let scalar = Unicode.Scalar(number)
            else { throw error("this escape is no character", at: start) }
            text += Array(String(Character(scalar)).utf8)
            advance(count + 1)
        } else if isLong, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
            // A backslash at the end of a line swallows the blanks that follow it.
            skipBlanks()
            guard current == 0x0A || current == 0x0D else { throw error("this escape is unknown", at: start) }
            while current == 0x0A || current == 0x0D {
                try lineEnd()
                skipBlanks()
            }
        } else {
            throw error("this escape is unknown", at: start)
        }
    }

    private func isHexDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte) || (0x41...0x46).contains(byte)
    }
}
