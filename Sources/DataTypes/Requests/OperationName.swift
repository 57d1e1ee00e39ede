// The header `Atoll-Operation: WRITER.NUMBER[; again][; after=DOT]`: by which a request that is sent twice counts once.
//
// A writer is 128 random bits, a tab or a process; it numbers its requests of a key from 1, one in flight. A request
// whose answer was lost is sent `again` under its number. `after` names the answer to the last request that was:
// whoever takes this one must know of it.

package import Causality
import World

package struct Writer: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// 32 hexadecimal digits in lower case; nil for anything else.
    package init?(spelled text: some StringProtocol) {
        let digits = Array(text.utf8)
        guard digits.count == 32 else { return nil }
        var halves: [UInt64] = [0, 0]
        for (place, digit) in digits.enumerated() {
            let value: UInt8
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
            default: return nil
            }
            halves[place / 16] = halves[place / 16] << 4 | UInt64(value)
        }
        self.init(high: halves[0], low: halves[1])
    }

    package static func < (a: Writer, b: Writer) -> Bool { a.high == b.high ? a.low < b.low : a.high < b.high }

    package var description: String {
        [high, low].map { half in
            let digits = String(half, radix: 16)
            return String(repeating: "0", count: 16 - digits.utf8.count) + digits
        }.joined()
    }
}

package struct OperationName: Hashable, Sendable, CustomStringConvertible {
    package let writer: Writer
    /// From 1 to `Limits.requestNumber`.
    package let number: UInt64
    package let isAgain: Bool
    package let after: Dot?

    package init(writer: Writer, number: UInt64, isAgain: Bool = false, after: Dot? = nil) {
        self.writer = writer
        self.number = number
        self.isAgain = isAgain
        self.after = after
    }

    package init(header text: String) throws(PatchError) {
        // By bytes: Unicode's blanks are none here.
        func trimmed(_ part: Substring.UTF8View) -> Substring {
            func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
            var part = part.drop(while: isBlank)
            while let last = part.last, isBlank(last) { part.removeLast() }
            return Substring(part)
        }
        let parts = text[...].utf8.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false).map(trimmed)
        let name = parts[0].utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard name.count == 2, let writer = Writer(spelled: Substring(name[0])) else {
            throw PatchError(
                .malformed, "Atoll-Operation begins with WRITER.NUMBER, the writer in 32 digits of 0-9 and a-f")
        }
        guard let number = UInt64(plain: name[1]), (1...Limits.requestNumber).contains(number) else {
            throw PatchError(.malformed, "the number in Atoll-Operation is one from 1 to 2^53")
        }
        var isAgain = false
        var after: Dot?
        for part in parts.dropFirst() {
            if part.utf8.elementsEqual("again".utf8), !isAgain {
                isAgain = true
            } else if part.utf8.starts(with: "after=".utf8), after == nil,
                let dot = Dot(spelled: Substring(part.utf8.dropFirst("after=".utf8.count)))
            {
                after = dot
            } else {
                throw PatchError(
                    .malformed,
                    "behind WRITER.NUMBER Atoll-Operation has ; again and ; after=NODE~INCARNATION:COUNTER, each once")
            }
        }
        self.init(writer: writer, number: number, isAgain: isAgain, after: after)
    }

    package var description: String {
        "\(writer).\(number)\(isAgain ? "; again" : "")\(after.map { "; after=\($0)" } ?? "")"
    }
}
