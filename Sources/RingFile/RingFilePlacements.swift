// The ring file's placements.

import Ring
import Solver
import World

extension RingFileCompiler {
    mutating func placements(
        _ tables: [(name: String, table: RingFileTable)], _ root: RingFileTable
    ) throws(RingFileError) {
        guard !tables.isEmpty else {
            draft.placements = [RingDraft.worldPlacement(draft.nodes)]
            return
        }
        guard tables.count <= Limits.placements else {
            throw tables[Limits.placements].table.error("more than \(Limits.placements) placements")
        }
        for (name, table) in tables {
            var table = table
            guard RingNames.isLabel(name) else {
                throw table.error("a placement's name is 1 to \(Limits.labelBytes) letters, digits, '.', '_' or '-'")
            }
            placementPositions[name] = table.position
            draft.placements.append(try placement(name, &table))
        }
        draft.placements.sort { $0.name < $1.name }
    }

    private func placement(_ name: String, _ table: inout RingFileTable) throws(RingFileError) -> Placement {
        let rule = try self.rule(&table)
        let minCountries = try bound("min_countries", atMost: rule.replicas, in: &table) ?? 1
        let maxPerCountry = try bound("max_per_country", atMost: nil, in: &table)
        let maxPerZone = try bound("max_per_zone", atMost: nil, in: &table)
        let only = try self.only(&table)
        let survive = try choice("survive", in: &table, Placement.Survival.self)
        try table.finish()
        for named in rule.atLeast {
            if let only, !only.contains(named.country) {
                throw table.error("the rule names \(named.country), which only leaves out", key: "only")
            }
            if let most = maxPerCountry, named.count > most {
                throw table.error(
                    "the rule wants \(named.count) replicas in \(named.country), max_per_country is \(most)",
                    key: "max_per_country")
            }
        }
        if let only, only.count < minCountries {
            throw table.error(
                "min_countries is \(minCountries), but only admits \(only.count)", key: "min_countries")
        }
        return Placement(
            name: name, replicas: rule.replicas, atLeast: rule.atLeast, minCountries: minCountries,
            maxPerCountry: maxPerCountry, maxPerZone: maxPerZone, only: only, survive: survive)
    }

    private func bound(
        _ key: String, atMost largest: Int?, in table: inout RingFileTable
    ) throws(RingFileError) -> Int? {
        guard let number = try table.integer(key) else { return nil }
        guard number >= 1 else { throw table.error("\(key) must be at least 1, not \(number)", key: key) }
        if let largest, number > largest {
            throw table.error("\(key) is \(number), but the rule has only \(largest) replicas", key: key)
        }
        return min(number, Limits.replicas)
    }

    private func only(_ table: inout RingFileTable) throws(RingFileError) -> [String]? {
        guard let names = try table.strings("only") else { return nil }
        guard !names.isEmpty else { throw table.error("only admits no country at all", key: "only") }
        var only: [String] = []
        for name in names {
            guard isDeclared(name.value) else {
                throw table.error("only names the unknown country \(name.value)", at: name.position)
            }
            guard !only.contains(name.value) else {
                throw table.error("\(name.value) is named twice", at: name.position)
            }
            only.append(name.value)
        }
        return only.sorted()
    }

    /// `de:2 us:1`, `any:3`, `de:2 any:1`; blanks or commas between.
    private func rule(_ table: inout RingFileTable) throws(RingFileError) -> (replicas: Int, atLeast: [CountryCount]) {
        let rule = try table.requiredString("rule")
        var atLeast: [CountryCount] = []
        var total = 0
        var seen: [Substring] = []
        for part in rule.split(whereSeparator: { $0 == " " || $0 == "," || $0 == "\t" }) {
            let halves = part.split(separator: ":", omittingEmptySubsequences: false)
            guard halves.count == 2, halves[1].utf8.count <= 2, let count = Int(halves[1]),
                (1...Limits.replicas).contains(count)
            else {
                throw table.error(
                    "a rule is made of COUNTRY:COUNT or any:COUNT, with 1 to \(Limits.replicas) replicas each, such as "
                        + "\"de:2 us:1\"; \(part) is neither", key: "rule")
            }
            guard !seen.contains(halves[0]) else { throw table.error("the rule names \(halves[0]) twice", key: "rule") }
            seen.append(halves[0])
            if halves[0] != "any" {
                guard isDeclared(String(halves[0])) else {
                    throw table.error("the rule names the unknown country \(halves[0])", key: "rule")
                }
                atLeast.append(CountryCount(country: String(halves[0]), count: count))
            }
            total += count
        }
        guard (1...Limits.replicas).contains(total) else {
            throw table.error("the rule has \(total) replicas; it needs 1 to \(Limits.replicas)", key: "rule")
        }
        return (total, atLeast)
    }

    func isDeclared(_ country: String) -> Bool { draft.countries.contains { $0.id.isSpelled(country) } }
}

extension RingDraft {
    /// What a file without placements gets: up to three replicas in as many countries, then zones, as there are.
    static func worldPlacement(_ nodes: [RingNode]) -> Placement {
        let storing = nodes.filter(\.takesReplicas)
        let replicas = min(3, storing.count)
        let countries = DomainMap(storing).countries.count
        func rule(_ perCountry: Int, _ perZone: Int) -> Placement {
            Placement(
                name: "world", replicas: replicas, minCountries: min(replicas, countries), maxPerCountry: perCountry,
                maxPerZone: perZone)
        }
        // The tightest spread that can be had; one without bounds always can.
        for perCountry in 1...max(1, replicas) {
            for perZone in 1...max(1, replicas) {
                let candidate = rule(perCountry, perZone)
                if Feasibility.isFeasible(PlacementProblem(placement: candidate, partitions: 1, nodes: nodes)) {
                    return candidate
                }
            }
        }
        return Placement(name: "world", replicas: max(1, replicas))
    }
}
