// Bytes as the text of a document: base64, and the inside of a JSON string. Both go through blocks of bytes: values
// have megabytes, and a byte at a time would hold a loop for seconds.

/// RFC 4648, 4. Foundation's goes through a `Data` and a `String`: three blocks, and a thirtieth of all that a write
/// costs.
package enum Base64 {
    private static let digits: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

    package static func length(of count: Int) -> Int { (count + 2) / 3 * 4 }

    /// Writes `length(of: input.count)` bytes to the front of `output`, which has room for them, and returns how many.
    package static func encode(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Int {
        let digits = digits.utf8Start
        var place = 0
        var written = 0
        while place + 3 <= input.count {
            let group = UInt32(input[place]) << 16 | UInt32(input[place + 1]) << 8 | UInt32(input[place + 2])
            output[written] = digits[Int(group >> 18)]
            output[written + 1] = digits[Int(group >> 12 & 63)]
            output[written + 2] = digits[Int(group >> 6 & 63)]
            output[written + 3] = digits[Int(group & 63)]
            place += 3
            written += 4
        }
        let left = input.count - place
        guard left > 0 else { return written }
        let group = UInt32(input[place]) << 16 | (left > 1 ? UInt32(input[place + 1]) << 8 : 0)
        output[written] = digits[Int(group >> 18)]
        output[written + 1] = digits[Int(group >> 12 & 63)]
        output[written + 2] = left > 1 ? digits[Int(group >> 6 & 63)] : 0x3D
        output[written + 3] = 0x3D
        return written + 4
    }

    /// Nil where the text is none: whole groups of four digits, the last of them filled up with one `=` or two.
    package static func decode(_ text: String) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count % 4 == 0 else { return nil }
        let padding = digits.suffix(2).count { $0 == 0x3D }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 4 * 3)
        var group: UInt32 = 0
        for (place, digit) in digits.enumerated() {
            guard place < digits.count - padding || digit == 0x3D else { return nil }
            guard let bits = place < digits.count - padding ? value(of: digit) : 0 else { return nil }
            group = group << 6 | bits
            guard place % 4 == 3 else { continue }
            bytes += [UInt8(group >> 16 & 0xFF), UInt8(group >> 8 & 0xFF), UInt8(group & 0xFF)]
            group = 0
        }
        return bytes.dropLast(padding)
    }

    private static func value(of digit: UInt8) -> UInt32? {
        switch digit {
        case 0x41...0x5A: UInt32(digit) - 0x41
        case 0x61...0x7A: UInt32(digit) - 0x61 + 26
        case 0x30...0x39: UInt32(digit) - 0x30 + 52
        case 0x2B: 62
        case 0x2F: 63
        default: nil
        }
    }
}

/// What stands between the quotes of a JSON string (RFC 8259, 7).
package enum JSONString {
    /// Hands out the text of `bytes`, which are UTF-8 or a part of it, piece by piece.
    package static func escape(_ bytes: UnsafeRawBufferPointer, _ put: (UnsafeRawBufferPointer) -> Void) {
        var start = 0
        while start < bytes.count {
            let place = firstToEscape(in: bytes, from: start)
            if place > start { put(UnsafeRawBufferPointer(rebasing: bytes[start..<place])) }
            guard place < bytes.count else { return }
            let byte = bytes[place]
            withUnsafeBytes(of: escaped(byte)) { put(UnsafeRawBufferPointer(rebasing: $0[..<length(of: byte)])) }
            start = place + 1
        }
    }

    /// Whether the text of `bytes` is they themselves: ASCII without anything to escape.
    package static func isPlain(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var place = 0
        while place + 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)
            guard word & 0x8080_8080_8080_8080 == 0, !hasEscapes(word) else { return false }
            place += 8
        }
        while place < bytes.count {
            guard bytes[place] < 0x80, !isEscaped(bytes[place]) else { return false }
            place += 1
        }
        return true
    }

    /// Whether a byte of the word is a quote, a backslash or a control character. A byte is zero somewhere if the
    /// borrow of subtracting one from each reaches its highest bit (Mycroft's test).
    private static func hasEscapes(_ word: UInt64) -> Bool {
        func hasZero(_ word: UInt64) -> Bool { (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080 != 0 }
        return hasZero(word & 0xE0E0_E0E0_E0E0_E0E0) || hasZero(word ^ 0x2222_2222_2222_2222)
            || hasZero(word ^ 0x5C5C_5C5C_5C5C_5C5C)
    }

    private static func isEscaped(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x22 || byte == 0x5C }

    /// The first place from `start` on of a quote, a backslash or a control character; the end if there is none. Eight
    /// bytes at a time.
    private static func firstToEscape(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var place = start
        while place + 8 <= bytes.count, !hasEscapes(bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)) {
            place += 8
        }
        while place < bytes.count, !isEscaped(bytes[place]) { place += 1 }
        return place
    }

    private typealias Escape = (UInt8, UInt8, UInt8, UInt8, UInt8, UInt8)

    private static func length(of byte: UInt8) -> Int { byte == 0x22 || byte == 0x5C || byte == 0x0A ? 2 : 6 }

    private static func escaped(_ byte: UInt8) -> Escape {
        switch byte {
        case 0x22, 0x5C: (0x5C, byte, 0, 0, 0, 0)
        case 0x0A: (0x5C, 0x6E, 0, 0, 0, 0)
        default: (0x5C, 0x75, 0x30, 0x30, 0x30 + byte >> 4, byte & 15 < 10 ? 0x30 + byte & 15 : 0x57 + byte & 15)
        }
    }
}

/// A number in decimal.
package enum Decimal {
    /// Hands out its text.
    package static func text(of number: Int, _ put: (UnsafeRawBufferPointer) -> Void) {
        // 64 bits are nineteen digits at most, and a sign. The last is found first.
        withUnsafeTemporaryAllocation(byteCount: 20, alignment: 1) { digits in
            var place = digits.endIndex
            var rest = number.magnitude
            repeat {
                place -= 1
                digits[place] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            } while rest > 0
            if number < 0 {
                place -= 1
                digits[place] = 0x2D
            }
            put(UnsafeRawBufferPointer(rebasing: digits[place...]))
        }
    }
}

extension [UInt8] {
    package mutating func append(_ text: StaticString) {
        append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    package mutating func append(base64 input: [UInt8]) { append(base64: input[...]) }

    package mutating func append(base64 input: ArraySlice<UInt8>) {
        let start = count
        append(contentsOf: repeatElement(0, count: Base64.length(of: input.count)))
        withUnsafeMutableBytes { output in
            _ = input.withUnsafeBytes {
                Base64.encode($0, into: UnsafeMutableRawBufferPointer(rebasing: output[start...]))
            }
        }
    }

    package mutating func append(decimal number: Int) { Decimal.text(of: number) { append(contentsOf: $0) } }

    package mutating func append(escaped input: UnsafeRawBufferPointer) {
        JSONString.escape(input) { append(contentsOf: $0) }
    }

}

extension ArraySlice<UInt8> {
    /// Whether all of it is UTF-8.
    package var isUTF8: Bool {
        do {
            _ = try UTF8Span(validating: span)
            return true
        } catch { return false }
    }
}
