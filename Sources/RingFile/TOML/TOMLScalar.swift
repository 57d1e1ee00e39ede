// Numbers, booleans and dates of TOML: words without quotes.

enum TOMLScalar {
    /// Nil for a word that is no value.
    static func read(_ word: String) -> TOMLNode.Value? {
        switch word {
        case "true": return .boolean(true)
        case "false": return .boolean(false)
        case "inf", "+inf": return .float(.infinity)
        case "-inf": return .float(-.infinity)
        case "nan", "+nan", "-nan": return .float(.nan)
        default: break
        }
        for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where word.hasPrefix(prefix) {
            return digits(word.dropFirst(2), radix: radix).flatMap { Int($0, radix: radix) }.map { .integer($0) }
        }
        if let number = number(word) { return number }
        return isDate(word) || isTime(word) ? .date(word) : nil
    }

    private static func number(_ word: String) -> TOMLNode.Value? {
        let isNegative = word.hasPrefix("-")
        let body = isNegative || word.hasPrefix("+") ? word.dropFirst() : word[...]
        let mantissa = body.split(maxSplits: 1, omittingEmptySubsequences: false) { $0 == "e" || $0 == "E" }
        let parts = mantissa[0].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = digits(parts[0], radix: 10), whole == "0" || !whole.hasPrefix("0") else { return nil }
        if mantissa.count == 1, parts.count == 1 {
            return Int((isNegative ? "-" : "") + whole).map { .integer($0) }
        }
        var text = (isNegative ? "-" : "") + whole
        if parts.count == 2 {
            guard let fraction = digits(parts[1], radix: 10) else { return nil }
            text += "." + fraction
        }
        if mantissa.count == 2 {
            let sign = mantissa[1].hasPrefix("-") ? "-" : ""
            let body = mantissa[1].hasPrefix("-") || mantissa[1].hasPrefix("+") ? mantissa[1].dropFirst() : mantissa[1]
            guard let exponent = digits(body, radix: 10) else { return nil }
            text += "e" + sign + exponent
        }
        return Double(text).map { .float($0) }
    }

    /// The digits without underscores, each of which must stand between two digits. Nil where anything else occurs.
    private static func digits(_ text: Substring, radix: Int) -> String? {
        var result = ""
        var wasDigit = false
        for character in text.unicodeScalars {
            if character == "_" {
                guard wasDigit else { return nil }
                wasDigit = false
            } else {
                guard character.isASCII, let value = Character(character).hexDigitValue, value < radix else {
                    return nil
                }
                result.unicodeScalars.append(character)
                wasDigit = true
            }
        }
        return wasDigit ? result : nil
    }

    /// Begins like 2024-12-31.
    static func isDate(_ word: String) -> Bool { matches(word, "dddd-dd-dd") }
    private static func isTime(_ word: String) -> Bool { matches(word, "dd:dd:dd") }

    private static func matches(_ word: String, _ pattern: String) -> Bool {
        word.utf8.count >= pattern.utf8.count
            && zip(word.utf8, pattern.utf8).allSatisfy { byte, mark in
                mark == UInt8(ascii: "d") ? (0x30...0x39).contains(byte) : byte == mark
            }
    }
}
