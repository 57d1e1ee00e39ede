// Times as feeds and HTTP write them, read from any of the usual forms and written in two: RFC 3339's, which Atom and
// JSON Feed use, and RFC 822's with four digits for the year, which RSS and HTTP use.

package import World

package enum FeedDate {
    private static let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
    private static let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
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
        guard (1_970...9_999).contains(year), (1...12).contains(month), (1...31).contains(day) else { return nil }
        // Days since 1970 by years that begin in March, so that the leap day comes last.
        let shifted = month > 2 ? year : year - 1
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
        let minutes = days * 1_440 + clock.hour * 60 + clock.minute - offset
        let milliseconds = minutes * 60_000 + Int(clock.second * 1_000)
        return milliseconds < 0 ? nil : WallTime(milliseconds: UInt64(milliseconds))
    }

    // MARK: Writing

    /// `1994-11-06T08:49:37Z`: whole seconds, as all readers take them.
    static func rfc3339(_ time: WallTime) -> String {
        let (year, month, day, second) = parts(time)
        return "\(four(year))-\(two(month))-\(two(day))T\(clock(second))Z"
    }

    /// `Sun, 06 Nov 1994 08:49:37 GMT`.
    static func rfc822(_ time: WallTime) -> String {
        let (year, month, day, second) = parts(time)
        let weekday = weekdays[Int(clamped(time) / 86_400) % 7]
        return "\(weekday), \(two(day)) \(months[month - 1].capitalizedASCII) \(four(year)) \(clock(second)) GMT"
    }

    /// Seconds since 1970, before the year 10,000.
    private static func clamped(_ time: WallTime) -> UInt64 { min(time.milliseconds / 1_000, 253_402_300_799) }

    private static func parts(_ time: WallTime) -> (year: Int, month: Int, day: Int, second: Int) {
        let seconds = clamped(time)
        let shifted = Int(seconds / 86_400) + 719_468
        let dayOfCycle = shifted % 146_097
        let yearOfCycle = (dayOfCycle - dayOfCycle / 1_460 + dayOfCycle / 36_524 - dayOfCycle / 146_096) / 365
        let dayOfYear = dayOfCycle - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100)
        let fromMarch = (5 * dayOfYear + 2) / 153
        let month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9
        let year = yearOfCycle + shifted / 146_097 * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * fromMarch + 2) / 5 + 1, Int(seconds % 86_400))
    }

    private static func clock(_ second: Int) -> String {
        "\(two(second / 3_600)):\(two(second / 60 % 60)):\(two(second % 60))"
    }

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    private static func four(_ number: Int) -> String {
        String(repeating: "0", count: max(0, 4 - "\(number)".utf8.count)) + "\(number)"
    }
}

extension String {
    /// The first letter in upper case.
    fileprivate var capitalizedASCII: String { prefix(1).uppercased() + dropFirst() }
}
