// Countries and zones as small integers, in sorted order, for the solver and for counting.

/// Each node's country and zone as indexes. Zones are numbered country by country, so one country's zones are adjacent.
package struct DomainMap: Sendable {
    /// Sorted ids of the countries that have a node or were asked for.
    package let countries: [String]
    /// Sorted (country index, zone name).
    package let zones: [(country: Int, name: String)]
    /// By node index.
    package let country: [Int]
    package let zone: [Int]

    package init(_ nodes: [RingNode], including others: [String] = []) {
        var names: [String] = []
        for name in (nodes.map(\.country) + others).sorted() where names.last != name { names.append(name) }
        var byName: [String: Int] = [:]
        for (at, name) in names.enumerated() { byName[name] = at }
        let country = nodes.map { byName[$0.country] ?? 0 }

        let order = nodes.indices.sorted { (country[$0], nodes[$0].zone) < (country[$1], nodes[$1].zone) }
        var zones: [(country: Int, name: String)] = []
        var zone = Array(repeating: 0, count: nodes.count)
        for at in order {
            if zones.last.map({ $0 != (country[at], nodes[at].zone) }) ?? true {
                zones.append((country[at], nodes[at].zone))
            }
            zone[at] = zones.count - 1
        }
        self.countries = names
        self.zones = zones
        self.country = country
        self.zone = zone
    }
}
