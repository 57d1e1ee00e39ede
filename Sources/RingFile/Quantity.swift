// Figures as people read them, the same in tables, messages and pictures: sizes, shares, spans of time, money.

package enum Quantity {
    /// Decimal units, three significant digits: `8 TB`, `1.25 TB`, `640 GB`, `0 B`.
    package static func bytes(_ value: Double) -> String {
        var value = max(0, value)
        for unit in ["B", "kB", "MB", "GB", "TB"] {
            if value < 999.5 { return "\(significant(value)) \(unit)" }
            value /= 1000
        }
        return "\(significant(value)) PB"
    }

    /// `12.5%`
    package static func percent(_ share: Double, digits: Int = 1) -> String { "\(fixed(share * 100, digits))%" }

    /// Of a count, without rounding some to none or nearly all to all: `0%`, `<0.1%`, `99.9%`, `100%`.
    package static func percent(_ part: Int, of whole: Int) -> String {
        guard whole > 0, part > 0 else { return "0%" }
        if part >= whole { return "100%" }
        let share = Double(part) / Double(whole)
        return share < 0.000_5 ? "<0.1%" : percent(min(share, 0.999))
    }

    /// `45 s`, `12 min`, `3.4 h`, `12 d`.
    package static func span(seconds: Double) -> String {
        if seconds < 0.05 { return "0 s" }
        if seconds < 90 { return "\(significant(seconds)) s" }
        if seconds < 5_400 { return "\(significant(seconds / 60)) min" }
        if seconds < 48 * 3_600 { return "\(significant(seconds / 3_600)) h" }
        if seconds < 1_000 * 86_400 { return "\(significant(seconds / 86_400)) d" }
        return "\(significant(seconds / (365.25 * 86_400))) years"
    }

    package static func euros(_ value: Double) -> String { "\(grouped(fixed(value, 2))) EUR" }

    /// With a thin group mark every three digits: `12,288`.
    package static func count(_ value: Int) -> String { grouped("\(value)") }

    /// `digits` behind the point; rounded half away from zero.
    package static func fixed(_ value: Double, _ digits: Int) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return value.isFinite ? "\(value)" : "-" }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let whole = (abs(value) * scale).rounded()
        guard digits > 0, whole < 9e15 else { return (value < 0 && whole > 0 ? "-" : "") + "\(Int(whole / scale))" }
        let (units, rest) = Int(whole).quotientAndRemainder(dividingBy: Int(scale))
        let fraction = String(repeating: "0", count: max(0, digits - "\(rest)".utf8.count)) + "\(rest)"
        return (value < 0 && whole > 0 ? "-" : "") + "\(units).\(fraction)"
    }

    /// Three significant digits without trailing zeros: `8`, `1.25`, `37.5`, `640`.
    package static func significant(_ value: Double) -> String {
        let digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2
        var text = fixed(value, digits)
        while digits > 0, text.last == "0" { text.removeLast() }
        if text.last == "." { text.removeLast() }
        return text
    }

    private static func grouped(_ text: String) -> String {
        let end = text.firstIndex(of: ".") ?? text.endIndex
        var out = String(text[end...])
        for (at, digit) in text[..<end].reversed().enumerated() {
            if at > 0, at % 3 == 0, digit != "-" { out = "," + out }
            out = String(digit) + out
        }
        return out
    }
}
