// Dates and times of the Gregorian calendar in UTC (RFC 3339), from milliseconds and back. The arithmetic is Howard
// Hinnant's "chrono-compatible low-level date algorithms": days since 1970 by eras of 400 years.

import World

struct CivilTime: Hashable, Sendable {
    let year: Int
    let month: Int
    let day: Int
    let second: Int

    init(_ time: WallTime) {
        // Past the year 9999 nothing has four digits; a clock that says so is wrong.
        let seconds = Int(min(time.milliseconds / 1_000, 253_402_300_799))
        second = seconds % 86_400
        let days = seconds / 86_400 + 719_468
        let era = days / 146_097
        let dayOfEra = days % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// `2026-11-26T05:12:09Z`.
    var text: String {
        "\(CivilTime.padded(year, 4))-\(CivilTime.padded(month, 2))-\(CivilTime.padded(day, 2))T"
            + "\(CivilTime.padded(second / 3_600, 2)):\(CivilTime.padded(second / 60 % 60, 2)):\(CivilTime.padded(second % 60, 2))Z"
    }

    /// `26 November 2026, 05:12 UTC`, for people.
    var words: String {
        let months = [
            "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
            "November", "December",
        ]
        return
            "\(day) \(months[month - 1]) \(year), \(CivilTime.padded(second / 3_600, 2)):\(CivilTime.padded(second / 60 % 60, 2)) UTC"
    }

    /// `20261126-051209`: of a post without a title.
    var compact: String {
        "\(CivilTime.padded(year, 4))\(CivilTime.padded(month, 2))\(CivilTime.padded(day, 2))-"
            + "\(CivilTime.padded(second / 3_600, 2))\(CivilTime.padded(second / 60 % 60, 2))\(CivilTime.padded(second % 60, 2))"
    }

    private static func padded(_ number: Int, _ digits: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }

    /// Of exactly the form that `text` has; nil for anything else.
    static func parse(_ text: String) -> WallTime? {
        let bytes = Array(text.utf8)
        guard bytes.count == 20 else { return nil }
        func number(_ range: Range<Int>) -> Int? {
            guard bytes[range].allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
            return Int(String(decoding: bytes[range], as: UTF8.self))
        }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), let hour = number(11..<13),
            let minute = number(14..<16), let second = number(17..<19), year >= 1970, (1...12).contains(month),
            (1...31).contains(day), hour < 24, minute < 60, second < 60
        else { return nil }
        let shifted = month <= 2 ? year - 1 : year
        let yearOfEra = shifted % 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = shifted / 400 * 146_097 + dayOfEra - 719_468
        let time = WallTime(milliseconds: UInt64(days * 86_400 + hour * 3_600 + minute * 60 + second) * 1_000)
        // Separators, and days that a month does not have.
        return CivilTime(time).text.isSpelled(text) ? time : nil
    }
}
