// What the ring file says for planning alone: nothing here changes where the cluster keeps a key, and no ring document
// has any of it.

/// How the data grows from month to month.
package enum Growth: Hashable, Sendable {
    /// Compound: 0.05 is five percent more each month.
    case ratio(Double)
    case bytes(UInt64)
}

/// The way between two countries (or within one).
package struct CountryLink: Hashable, Sendable {
    /// The two countries, sorted; equal for a link within one.
    package let a: String
    package let b: String
    /// Mbit/s in each direction; nil where unknown.
    package let mbit: Double?
    package let eurPerGB: Double?

    package init(_ a: String, _ b: String, mbit: Double? = nil, eurPerGB: Double? = nil) {
        (self.a, self.b) = a <= b ? (a, b) : (b, a)
        self.mbit = mbit
        self.eurPerGB = eurPerGB
    }
}

package struct PlanningInputs: Hashable, Sendable {
    /// Plan for no fuller disks than this share.
    package var fullAt: Double
    /// How far fills may differ from the fairest to save moves: a share.
    package var slack: Double
    /// Client data today, one copy of it, in bytes.
    package var dataBytes: UInt64?
    package var growth: Growth?
    /// Sorted by (a, b).
    package var links: [CountryLink]

    package static let usualSlack = 0.02

    init(
        fullAt: Double = 0.8, slack: Double = PlanningInputs.usualSlack, dataBytes: UInt64? = nil,
        growth: Growth? = nil,
        links: [CountryLink] = []
    ) {
        self.fullAt = fullAt
        self.slack = slack
        self.dataBytes = dataBytes
        self.growth = growth
        self.links = links
    }
}
