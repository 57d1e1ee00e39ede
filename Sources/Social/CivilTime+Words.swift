// Times as people read them, and as the address of a post without a title.

import World

extension CivilTime {
    private static let names = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]

    /// `26 November 2026, 05:12 UTC`.
    var words: String { "\(day) \(CivilTime.names[month - 1]) \(year), \(clock(separator: ":").prefix(5)) UTC" }

    /// `20261126-051209`.
    var compact: String { "\(date(separator: ""))-\(clock(separator: ""))" }
}
