// A placement: the rule by which replicas are spread over countries and zones.

/// How many replicas must stand in one country at the least.
package struct CountryCount: Hashable, Sendable {
    package let country: String
    package let count: Int

    package init(country: String, count: Int) {
        self.country = country
        self.count = count
    }
}

/// N replicas on distinct nodes; lower bounds per country; at least D countries; at most u per country and m per zone;
/// an allowed set. Compiled to slots by the solver.
package struct Placement: Hashable, Sendable {
    /// What the loss of one of must leave R and W reachable. A wish: it tightens `maxPerCountry` (or `maxPerZone`)
    /// where the topology allows, and is warned about where it does not.
    package enum Survival: String, Hashable, Sendable, CaseIterable {
        case node, zone, country
    }

    package let name: String
    /// N, 1 to `Limits.replicas`.
    package let replicas: Int
    /// Lower bounds, sorted by country; their sum is at most N.
    package let atLeast: [CountryCount]
    /// D, 1 to N.
    package let minCountries: Int
    /// u; nil for no bound.
    package let maxPerCountry: Int?
    /// m; nil for no bound.
    package let maxPerZone: Int?
    /// Residency: the only countries where replicas, fallbacks and hints may stand, sorted. Nil for all.
    package let only: [String]?
    package let survive: Survival?

    package init(
        name: String, replicas: Int, atLeast: [CountryCount] = [], minCountries: Int = 1, maxPerCountry: Int? = nil,
        maxPerZone: Int? = nil, only: [String]? = nil, survive: Survival? = nil
    ) {
        self.name = name
        self.replicas = replicas
        self.atLeast = atLeast.sorted { $0.country < $1.country }
        self.minCountries = minCountries
        self.maxPerCountry = maxPerCountry
        self.maxPerZone = maxPerZone
        self.only = only.map { $0.sorted() }
        self.survive = survive
    }

    package func allows(country: String) -> Bool { only?.contains(country) ?? true }

    /// The rule as the ring file writes it: `de:2 us:1`, `any:3`, `de:2 any:1`.
    package var rule: String {
        let named = atLeast.map { "\($0.country):\($0.count)" }
        let rest = replicas - atLeast.reduce(0) { $0 + $1.count }
        return (named + (rest > 0 ? ["any:\(rest)"] : [])).joined(separator: " ")
    }
}
