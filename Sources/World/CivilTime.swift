// Dates and times of the Gregorian calendar in UTC, from the clock's milliseconds and back, and as RFC 3339 and RFC
// 9110 (5.6.7) spell them. The arithmetic is that of Howard Hinnant's "chrono-compatible low-level date algorithms":
// years begin in March, so that the leap day comes last, and repeat after 400.

package struct CivilTime: Hashable, Sendable {
    package let year: Int
    /// From 1 on, as are days.
    package let month: Int
    package let day: Int
    /// From 0, a Sunday, on.
    let weekday: Int
    /// Of the day.
    package let second: Int

    /// Past the year 9999, which has the last four digits, a clock is wrong: it stays in that year's last second.
    package init(_ time: WallTime) {
        let seconds = Int(min(time.milliseconds / 1_000, 253_402_300_799))
        let days = seconds / 86_400
        // From the first of March of the year 0.
        let shifted = days + 719_468
        let dayOfCycle = shifted % 146_097
        let yearOfCycle = (dayOfCycle - dayOfCycle / 1_460 + dayOfCycle / 36_524 - dayOfCycle / 146_096) / 365
        let dayOfYear = dayOfCycle - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100)
        let fromMarch = (5 * dayOfYear + 2) / 153
        month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9
        day = dayOfYear - (153 * fromMarch + 2) / 5 + 1
        year = yearOfCycle + shifted / 146_097 * 400 + (month <= 2 ? 1 : 0)
        // The first of 1970 was a Thursday.
        weekday = (days + 4) % 7
        second = seconds % 86_400
    }

    /// Seconds from 1970 on; days past a month's last are those of the next. Nil before 1970, after 9999, and for
    /// months and days that there are not in any year.
    package static func seconds(year: Int, month: Int, day: Int, second: Int) -> Int? {
        guard (1_970...9_999).contains(year), (1...12).contains(month), (1...31).contains(day) else { return nil }
        let shifted = month > 2 ? year : year - 1
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
        return days * 86_400 + second
    }

    // MARK: Spelled

    package static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]

    /// `2026-11-26T05:12:09Z`.
    package var rfc3339: String {
        "\(CivilTime.padded(year, 4))-\(CivilTime.padded(month, 2))-\(CivilTime.padded(day, 2))T\(clock)Z"
    }

    /// `Thu, 26 Nov 2026 05:12:09 GMT`.
    package var http: String {
        "\(CivilTime.weekdays[weekday]), \(CivilTime.padded(day, 2)) \(CivilTime.months[month - 1]) "
            + "\(CivilTime.padded(year, 4)) \(clock) GMT"
    }

    /// `05:12:09`.
    package var clock: String {
        [second / 3_600, second / 60 % 60, second % 60].map { CivilTime.padded($0, 2) }.joined(separator: ":")
    }

    private static func padded(_ number: Int, _ digits: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }

    /// What is spelled exactly like `rfc3339`; nil for anything else.
    package static func wall(rfc3339 text: String) -> WallTime? {
        let bytes = Array(text.utf8)
        guard bytes.count == 20 else { return nil }
        func number(_ range: Range<Int>) -> Int? {
            guard bytes[range].allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
            return Int(String(decoding: bytes[range], as: UTF8.self))
        }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), let hour = number(11..<13),
            let minute = number(14..<16), let second = number(17..<19), hour < 24, minute < 60, second < 60,
            let seconds = seconds(year: year, month: month, day: day, second: hour * 3_600 + minute * 60 + second)
        else { return nil }
        let time = WallTime(milliseconds: UInt64(seconds) * 1_000)
        // Separators, and days that the month does not have.
        return CivilTime(time).rfc3339.isSpelled(text) ? time : nil
    }
}
