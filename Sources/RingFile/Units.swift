// Sizes, spans of time and shares as the ring file writes them.

import World

/// Each returns nil for what does not parse or leaves the range of the type.
package enum Units {
    /// Bytes: `8TB`, `1.5 TiB`, `512`, `0`. Decimal prefixes are powers of 1000, binary ones of 1024. At most 2^63 - 1.
    package static func bytes(_ text: String) -> UInt64? {
        let scales: [(String, Double)] = [
            ("", 1), ("B", 1), ("kB", 1e3), ("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12), ("PB", 1e15),
            ("KiB", 0x1p10), ("MiB", 0x1p20), ("GiB", 0x1p30), ("TiB", 0x1p40), ("PiB", 0x1p50),
        ]
        return scaled(text, scales).flatMap { $0 < 0x1p63 ? UInt64($0.rounded()) : nil }
    }

    /// Milliseconds: `250ms`, `30s`, `5m`, `12h`, `30d`, `2w`.
    package static func milliseconds(_ text: String) -> UInt64? {
        let scales: [(String, Double)] = [
            ("ms", 1), ("s", 1e3), ("m", 60e3), ("min", 60e3), ("h", 3_600e3), ("d", 86_400e3), ("w", 604_800e3),
        ]
        return scaled(text, scales).flatMap { $0 < 0x1p63 ? UInt64($0.rounded()) : nil }
    }

    /// A share: `2%` or `0.02`.
    package static func share(_ text: String) -> Double? { scaled(text, [("", 1), ("%", 0.01)]) }

    /// A number that is not negative, then a unit out of the list, perhaps after a blank.
    private static func scaled(_ text: String, _ scales: [(String, Double)]) -> Double? {
        let end = text.utf8.firstIndex { !((0x30...0x39).contains($0) || $0 == 0x2E || $0 == 0x5F) }
        let digits = text.utf8[..<(end ?? text.utf8.endIndex)].filter { $0 != 0x5F }
        guard let first = digits.first, let last = digits.last, first != 0x2E, last != 0x2E, digits.count <= 30,
            let number = Double(String(decoding: digits, as: UTF8.self)), number.isFinite
        else { return nil }
        let unit = text[(end ?? text.endIndex)...].drop { $0 == " " }
        return scales.first { $0.0.isSpelled(unit) }.map { number * $0.1 }
    }
}
