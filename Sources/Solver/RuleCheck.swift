// Whether a table keeps its rule: counted partition by partition, with nothing of the solver's.

package import Ring

package struct RuleViolation: Hashable, Sendable {
    package let partition: Int
    package let message: String
}

extension PlacementProblem {
    /// Every rule that every partition breaks; empty for a sound table. Node indexes are the problem's.
    package func violations(of table: Assignment) -> [RuleViolation] {
        var found: [RuleViolation] = []
        for p in 0..<table.partitions {
            for message in violations(of: table[p].map(Int.init)) {
                found.append(RuleViolation(partition: p, message: message))
            }
        }
        return found
    }

    private func violations(of row: [Int]) -> [String] {
        var messages: [String] = []
        var perCountry = Array(repeating: 0, count: domains.countries.count)
        var perZone = Array(repeating: 0, count: domains.zones.count)
        for (at, node) in row.enumerated() {
            if row[..<at].contains(node) { messages.append("a node holds it twice") }
            if weights[node] == 0 { messages.append("a node holds it that takes no replicas") }
            perCountry[domains.country[node]] += 1
            perZone[domains.zone[node]] += 1
        }
        if row.count != replicas { messages.append("it has \(row.count) of \(replicas) replicas") }
        for (country, count) in perCountry.enumerated() {
            let name = domains.countries[country]
            if count < atLeast[country] { messages.append("\(name) has \(count) of \(atLeast[country]) replicas") }
            if count > maxPerCountry {
                messages.append("\(name) has \(count) replicas, at most \(maxPerCountry) may be")
            }
            if count > 0, !isAllowed[country] { messages.append("\(name) is not admitted") }
        }
        let used = perCountry.count { $0 > 0 }
        if used < minCountries { messages.append("it lies in \(used) countries, not \(minCountries)") }
        for (zone, count) in perZone.enumerated() where count > maxPerZone {
            messages.append("zone \(domains.zones[zone].name) has \(count) replicas, at most \(maxPerZone) may be")
        }
        return messages
    }
}
