// Dates without a clock: a day of the Gregorian calendar that comes in, and months that go by.

package struct CalendarDate: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let year: Int
    /// 1 to 12.
    package let month: Int
    package let day: Int

    package init?(year: Int, month: Int, day: Int) {
        guard (1...9_999).contains(year), (1...12).contains(month),
            (1...CalendarDate.days(inMonth: month, of: year)).contains(day)
        else { return nil }
        (self.year, self.month, self.day) = (year, month, day)
    }

    /// `2026-11-24`, or `2026-11` for its first day.
    package init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), parts.allSatisfy({ $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }),
            parts[0].utf8.count == 4, parts[1].utf8.count == 2, parts.count == 2 || parts[2].utf8.count == 2,
            let year = Int(parts[0]), let month = Int(parts[1])
        else { return nil }
        self.init(year: year, month: month, day: parts.count == 3 ? Int(parts[2]) ?? 0 : 1)
    }

    static func days(inMonth month: Int, of year: Int) -> Int {
        switch month {
        case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// The same day so many months later, or the month's last day where it is shorter. Years end at 9999.
    package func adding(months: Int) -> CalendarDate {
        let index = min(max(year * 12 + month - 1 + months, 12), 9_999 * 12 + 11)
        let (year, month) = (index / 12, index % 12 + 1)
        return CalendarDate(year: year, month: month, day: min(day, CalendarDate.days(inMonth: month, of: year)))
            ?? self
    }

    /// The day at a fraction of the way from `months` to `months + 1` later.
    package func adding(months: Int, fraction: Double) -> CalendarDate {
        var date = adding(months: months)
        let length = CalendarDate.days(inMonth: date.month, of: date.year)
        var left = Int((fraction * Double(length)).rounded(.down))
        while left > 0, let next = date.next {
            date = next
            left -= 1
        }
        return date
    }

    private var next: CalendarDate? {
        CalendarDate(year: year, month: month, day: day + 1)
            ?? (month < 12
                ? CalendarDate(year: year, month: month + 1, day: 1) : CalendarDate(year: year + 1, month: 1, day: 1))
    }

    package static func < (a: CalendarDate, b: CalendarDate) -> Bool {
        (a.year, a.month, a.day) < (b.year, b.month, b.day)
    }

    /// `2026-11-24`
    package var description: String { "\(year)-\(month < 10 ? "0" : "")\(month)-\(day < 10 ? "0" : "")\(day)" }
}
