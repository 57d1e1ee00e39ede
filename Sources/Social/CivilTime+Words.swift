// Times as people read them.

import World

extension CivilTime {
    private static let names = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]

    /// `26 November 2026, 05:12 UTC`.
    var words: String { "\(day) \(CivilTime.names[month - 1]) \(year), \(clock.prefix(5)) UTC" }
}
