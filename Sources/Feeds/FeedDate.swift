// Times as feeds and HTTP write them, in any of the usual forms. What is written is `CivilTime`'s: RFC 3339's form,
// which Atom and JSON Feed use, and RFC 822's with four digits for the year, which RSS and HTTP use.

package import World

package enum FeedDate {
    private static let months = CivilTime.months.map { $0.lowercased() }
    /// In minutes east of Greenwich; those of RFC 822 that are not zero.
    private static let zones = [
        ("edt", -240), ("est", -300), ("cdt", -300), ("cst", -360), ("mdt", -360), ("mst", -420), ("pdt", -420),
        ("pst", -480),
    ]

    /// Nil where no time can be made out, or one before 1970.
    package static func read(_ text: String) -> WallTime? {
        let bytes = text.utf8.prefix(64)
        let words = bytes.split { $0 <= 0x20 || $0 == UInt8(ascii: ",") }.map {
            String(decoding: $0, as: UTF8.self).lowercased()
        }
        guard let first = words.first else { return nil }
        let isWritten = words.contains { word in months.contains { word.hasPrefix($0) } }
        return isWritten ? written(words) : numeric(words.count > 1 ? first + "t" + words[1...].joined() : first)
    }

    // MARK: Reading

    /// `Sun, 06 Nov 1994 08:49:37 GMT`, `Nov 6, 1994`, `Sun Nov  6 08:49:37 1994`.
    private static func written(_ words: [String]) -> WallTime? {
        var (day, month, year): (Int?, Int?, Int?) = (nil, nil, nil)
        var clock: (hour: Int, minute: Int, second: Double) = (0, 0, 0)
        var offset = 0
        for word in words {
            if let at = months.firstIndex(where: { word.hasPrefix($0) }) {
                month = month ?? at + 1
            } else if word.contains(":") {
                guard let time = time(word[...]) else { return nil }
                clock = time
            } else if let minutes = zone(word[...]) {
                offset = minutes
            } else if let number = number(word[...], most: 4) {
                if day == nil, word.utf8.count <= 2 {
                    day = number
                } else if year == nil {
                    // RFC 822 has two digits; RFC 2822, 4.3, says how they are meant.
                    year = word.utf8.count == 2 ? number + (number < 50 ? 2_000 : 1_900) : number
                }
            }
        }
        guard let day, let month, let year else { return nil }
        return wall(year: year, month: month, day: day, clock: clock, offset: offset)
    }

    /// `1994-11-06T08:49:37.5+01:00`, with less and less of it.
    private static func numeric(_ text: String) -> WallTime? {
        let parts = text.split(separator: "t", maxSplits: 1)
        guard let date = parts.first else { return nil }
        let numbers = date.split(separator: "-", omittingEmptySubsequences: false).map { number($0, most: 4) }
        guard (1...3).contains(numbers.count), date.prefix(while: { $0 != "-" }).count == 4,
            let year = numbers[0]
        else { return nil }
        guard let month = numbers.count > 1 ? numbers[1] : 1, let day = numbers.count > 2 ? numbers[2] : 1 else {
            return nil
        }
        guard parts.count == 2 else {
            return wall(year: year, month: month, day: day, clock: (0, 0, 0), offset: 0)
        }
        let end = parts[1].firstIndex { !($0.isNumber || $0 == ":" || $0 == ".") } ?? parts[1].endIndex
        guard let clock = time(parts[1][..<end]) else { return nil }
        let offset = zone(parts[1][end...]) ?? 0
        return wall(year: year, month: month, day: day, clock: clock, offset: offset)
    }

    private static func number(_ text: Substring, most: Int) -> Int? {
        guard (1...most).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return text.utf8.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    /// `08:49`, `08:49:37`, `8:49:37.25`. A leap second counts as the one before.
    private static func time(_ text: Substring) -> (hour: Int, minute: Int, second: Double)? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), let hour = number(parts[0], most: 2),
            let minute = number(parts[1], most: 2)
        else { return nil }
        var second = 0.0
        if parts.count == 3 {
            let fraction = parts[2].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
            guard let whole = number(fraction[0], most: 2) else { return nil }
            second = min(Double(whole), 59)
            if fraction.count == 2, let digits = number(fraction[1].prefix(3), most: 3) {
                second += Double(digits) / [10, 100, 1_000][min(fraction[1].utf8.count, 3) - 1]
            }
        }
        return hour < 24 && minute < 60 ? (hour, minute, second) : nil
    }

    /// `+0100`, `-05:30`, `z`, `gmt`, `est`, in minutes.
    private static func zone(_ text: Substring) -> Int? {
        if ["z", "ut", "utc", "gmt"].contains(text) { return 0 }
        if let named = zones.first(where: { $0.0 == text }) { return named.1 }
        guard let sign = text.first, sign == "+" || sign == "-" else { return nil }
        let digits = text.dropFirst().filter { $0 != ":" }
        guard digits.utf8.count == 4, let number = number(digits[...], most: 4), number / 100 < 24, number % 100 < 60
        else { return nil }
        return (number / 100 * 60 + number % 100) * (sign == "-" ? -1 : 1)
    }

    private static func wall(
        year: Int, month: Int, day: Int, clock: (hour: Int, minute: Int, second: Double), offset: Int
    ) -> WallTime? {
        let second = (clock.hour * 60 + clock.minute) * 60
        guard let seconds = CivilTime.seconds(year: year, month: month, day: day, second: second) else { return nil }
        let milliseconds = (seconds - offset * 60) * 1_000 + Int(clock.second * 1_000)
        return milliseconds < 0 ? nil : WallTime(milliseconds: UInt64(milliseconds))
    }
}
