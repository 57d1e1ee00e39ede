// The time as HTTP writes it (RFC 9110, 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.

import World

/// The `date` line of answers: written anew when a second is over, as it stands in every one of them.
struct HTTPDate {
    private var second: UInt64 = .max
    private var bytes: [UInt8] = []

    init() {}

    mutating func line(at wall: WallTime) -> [UInt8] {
        let now = wall.milliseconds / 1_000
        if now != second {
            second = now
            bytes = Array("date: \(HTTPDate.text(now))\r\n".utf8)
        }
        return bytes
    }

    /// `second`: since 1970.
    static func text(_ second: UInt64) -> String {
        let days = Int(clamping: second / 86_400)
        let inDay = Int(second % 86_400)
        // Years that begin in March, so that the leap day comes last, in their cycle of 400.
        let shifted = days + 719_468
        let dayOfCycle = shifted % 146_097
        let yearOfCycle = (dayOfCycle - dayOfCycle / 1_460 + dayOfCycle / 36_524 - dayOfCycle / 146_096) / 365
        let dayOfYear = dayOfCycle - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100)
        let month = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * month + 2) / 5 + 1
        let year = yearOfCycle + shifted / 146_097 * 400 + (month >= 10 ? 1 : 0)
        let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][days % 7]
        let name = ["Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb"][month]
        let time = [inDay / 3_600, inDay / 60 % 60, inDay % 60].map(twoDigits).joined(separator: ":")
        return "\(weekday), \(twoDigits(day)) \(name) \(year) \(time) GMT"
    }

    private static func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
