// Dots as clients spell them: `node~incarnation:counter`, what a dot's description prints.

package import Causality
import World

extension Dot {
    /// Nil if the text is no dot. One dot has one spelling. Numbers end at 2^63 - 1, so that adding one never traps.
    package init?(spelled text: some StringProtocol) {
        let bytes = text.utf8
        guard let tilde = bytes.firstIndex(of: UInt8(ascii: "~")), let node = NodeID(String(text[..<tilde])),
            let colon = bytes[tilde...].firstIndex(of: UInt8(ascii: ":")),
            let incarnation = UInt64(plain: bytes[bytes.index(after: tilde)..<colon]),
            let counter = UInt64(plain: bytes[bytes.index(after: colon)...]), counter > 0
        else { return nil }
        self.init(actor: Actor(node: node, incarnation: incarnation), counter: counter)
    }
}

extension UInt64 {
    /// Decimal digits without a sign or leading zeros, below 2^63.
    init?(plain digits: some Collection<UInt8>) {
        guard let first = digits.first, first != UInt8(ascii: "0") || digits.count == 1 else { return nil }
        var value: Int64 = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            let (tens, isTooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflows) = tens.addingReportingOverflow(Int64(digit - UInt8(ascii: "0")))
            guard !isTooLarge, !overflows else { return nil }
            value = sum
        }
        self = UInt64(value)
    }
}
