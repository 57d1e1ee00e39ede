// Whether a rule can be satisfied at all, and in words what stands in the way.

import Ring

package enum Feasibility {
    /// One partition decides: if one can be placed, all can.
    package static func check(_ problem: PlacementProblem, _ groups: SlotGroups) throws(InfeasiblePlacement) {
        if let message = reason(problem, groups) {
            throw InfeasiblePlacement(placement: problem.name, message: "placement \(problem.name) \(message)")
        }
    }

    package static func isFeasible(_ problem: PlacementProblem) -> Bool { reason(problem, SlotGroups(problem)) == nil }

    private static func reason(_ problem: PlacementProblem, _ groups: SlotGroups) -> String? {
        guard groups.slots <= problem.replicas else {
            return "needs \(problem.minCountries) countries and its lower bounds besides, more than its "
                + "\(problem.replicas) replicas"
        }
        var fill = FairFill(problem, groups: groups, scale: 1)
        if fill.run() { return nil }
        let cut = fill.bottleneck()
        return Bottleneck(problem).describe(cut.countries, demand: cut.groups.map { groups.groups[$0] })
    }
}

/// The min cut in the operator's words.
private struct Bottleneck {
    let problem: PlacementProblem
    /// Names of the zones with a node that takes replicas, by country.
    var zones: [[String]]
    /// Nodes that take replicas, by country.
    var nodes: [Int]
    /// Replicas of one partition that a country can hold.
    var room: [Int]

    init(_ problem: PlacementProblem) {
        self.problem = problem
        zones = problem.domains.countries.map { _ in [] }
        nodes = problem.domains.countries.map { _ in 0 }
        room = nodes
        for (zone, entry) in problem.domains.zones.enumerated() {
            let count = problem.weights.indices.count { problem.weights[$0] > 0 && problem.domains.zone[$0] == zone }
            guard count > 0 else { continue }
            zones[entry.country].append(entry.name)
            nodes[entry.country] += count
            room[entry.country] += min(count, problem.maxPerZone)
        }
        for country in room.indices { room[country] = min(room[country], problem.maxPerCountry) }
    }

    func describe(_ countries: [Int], demand: [SlotGroups.Group]) -> String {
        let needed = demand.reduce(0) { $0 + $1.supply }
        let names = problem.domains.countries
        if countries.count == 1, let only = countries.first, problem.atLeast[only] > 0 || usable.count == 1 {
            return "needs " + want(needed, in: only)
        }
        let open = countries.filter { room[$0] > 0 }
        if demand.contains(where: { $0.limits.contains(1) && !$0.limits.contains(problem.replicas) })
            || (problem.maxPerCountry == 1 && open.count < needed)
        {
            let usable = usable.map { names[$0] }
            let wanted = max(problem.minCountries, problem.maxPerCountry == 1 ? problem.replicas : 0)
            if usable.count < wanted {
                return "needs \(wanted) countries, there \(are(usable.count))\(list(usable))"
            }
        }
        let parts = open.map {
            "\(names[$0]) \(room[$0]) (\(plural(zones[$0].count, "zone")), "
                + "\(plural(nodes[$0], "node")))"
        }
        let total = open.reduce(0) { $0 + room[$1] }
        return "needs \(plural(needed, "replica")) "
            + (open.isEmpty
                ? "and no country has room"
                : "in places that have room for \(total)\(list(parts))")
            + bounds
    }

    private var usable: [Int] { room.indices.filter { room[$0] > 0 } }

    private func want(_ needed: Int, in country: Int) -> String {
        let name = problem.domains.countries[country]
        if problem.maxPerCountry < needed, room[country] == problem.maxPerCountry {
            return
                "\(plural(needed, "replica")) in \(name), but at most \(problem.maxPerCountry) may stand in one country"
        }
        // More nodes in the same zones would not help.
        if problem.maxPerZone == 1, zones[country].count < needed {
            return "\(needed) zones in \(name), there \(are(zones[country].count))\(list(zones[country]))"
        }
        if nodes[country] < needed {
            return "\(plural(needed, "node")) in \(name), there \(are(nodes[country]))"
        }
        return "\(plural(needed, "replica")) in \(name), where its \(plural(zones[country].count, "zone"))"
            + " of at most \(problem.maxPerZone) each have room for \(room[country])\(list(zones[country]))"
    }

    private var bounds: String {
        var words: [String] = []
        if problem.maxPerCountry < problem.replicas { words.append("at most \(problem.maxPerCountry) per country") }
        if problem.maxPerZone < problem.replicas { words.append("at most \(problem.maxPerZone) per zone") }
        return words.isEmpty ? "" : "; " + words.joined(separator: ", ")
    }

    private func are(_ n: Int) -> String { n == 1 ? "is 1" : n == 0 ? "are none" : "are \(n)" }
    private func list(_ names: [String]) -> String { names.isEmpty ? "" : ": " + names.joined(separator: ", ") }
    private func plural(_ n: Int, _ word: String) -> String { "\(n) \(word)\(n == 1 ? "" : "s")" }
}
