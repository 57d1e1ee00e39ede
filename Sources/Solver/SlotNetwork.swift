// The part of the flow network that all partitions share: slots to countries.
//
// A rule compiles to groups of slots (placement notes, "The rules"): ℓ_c slots to each named country; D − #named
// further ones, at most one each, to unnamed countries; the rest anywhere allowed. Zones and nodes hang below the
// countries as trees, so an augmenting path ever reroutes between groups and countries alone.

import Ring

/// Slot groups and their arcs to countries, in units of one replica of one partition.
package struct SlotGroups: Sendable {
    package struct Group: Sendable {
        /// Slots per partition.
        let supply: Int
        /// By country index: how many of a partition's slots may go there.
        let limits: [Int]
    }
    package let groups: [Group]

    package init(_ problem: PlacementProblem) {
        let countries = problem.domains.countries.indices
        let n = problem.replicas
        var groups: [Group] = []
        for country in countries where problem.atLeast[country] > 0 {
            let limits = countries.map { $0 == country && problem.isAllowed[$0] ? n : 0 }
            groups.append(Group(supply: problem.atLeast[country], limits: limits))
        }
        let further = max(0, problem.minCountries - groups.count)
        if further > 0 {
            let limits = countries.map { problem.atLeast[$0] == 0 && problem.isAllowed[$0] ? 1 : 0 }
            groups.append(Group(supply: further, limits: limits))
        }
        let rest = n - groups.reduce(0) { $0 + $1.supply }
        if rest > 0 {
            groups.append(Group(supply: rest, limits: countries.map { problem.isAllowed[$0] ? n : 0 }))
        }
        self.groups = groups
    }

    /// Slots of one partition; above N where D and the lower bounds ask for more than N together.
    package var slots: Int { groups.reduce(0) { $0 + $1.supply } }
}

/// A flow from groups to countries that grows one unit at a time.
struct SlotFlow {
    private let groups: [SlotGroups.Group]
    private let countries: Int
    /// Units per slot.
    private let scale: Int
    private var left: [Int]
    /// [group * countries + country]
    private var flow: [Int]

    init(_ groups: SlotGroups, countries: Int, scale: Int) {
        self.groups = groups.groups
        self.countries = countries
        self.scale = scale
        left = groups.groups.map { $0.supply * scale }
        flow = Array(repeating: 0, count: groups.groups.count * countries)
    }

    private func hasRoom(_ group: Int, _ country: Int) -> Bool {
        flow[group * countries + country] < groups[group].limits[country] * scale
    }

    /// Sends one more unit to `country`, rerouting others if need be. False, with nothing changed, where no augmenting
    /// path exists; then none ever will again, because granting only ever shrinks the residual room (a polymatroid).
    mutating func grant(_ country: Int) -> Bool {
        for group in groups.indices where left[group] > 0 && hasRoom(group, country) {
            left[group] -= 1
            flow[group * countries + country] += 1
            return true
        }
        // Backwards from the country: groupBefore[c] feeds c, and takes its unit from countryBefore[group].
        var feeder: [Int?] = Array(repeating: nil, count: countries)
        var target: [Int?] = Array(repeating: nil, count: groups.count)
        var queue = [country]
        var head = 0
        while head < queue.count {
            let c = queue[head]
            head += 1
            for group in groups.indices where target[group] == nil && hasRoom(group, c) {
                target[group] = c
                if left[group] > 0 {
                    apply(group, target: target, feeder: feeder)
                    return true
                }
                for other in 0..<countries where feeder[other] == nil && other != country {
                    if flow[group * countries + other] > 0 {
                        feeder[other] = group
                        queue.append(other)
                    }
                }
            }
        }
        return false
    }

    /// `first` sends a new unit to its target; that country hands a unit of its feeder on, and so to the end.
    private mutating func apply(_ first: Int, target: [Int?], feeder: [Int?]) {
        left[first] -= 1
        var group = first
        while let country = target[group] {
            flow[group * countries + country] += 1
            guard let next = feeder[country] else { return }
            flow[next * countries + country] -= 1
            group = next
        }
    }

    /// The groups with slots that found no country, and everything that could have made room for them: the source side
    /// of the min cut.
    func stuck() -> (groups: [Int], countries: [Int]) {
        var groupSeen = left.map { $0 > 0 }
        var countrySeen = Array(repeating: false, count: countries)
        var changed = true
        while changed {
            changed = false
            for group in groups.indices where groupSeen[group] {
                for country in 0..<countries where !countrySeen[country] && hasRoom(group, country) {
                    countrySeen[country] = true
                    changed = true
                }
            }
            for country in 0..<countries where countrySeen[country] {
                for group in groups.indices where !groupSeen[group] && flow[group * countries + country] > 0 {
                    groupSeen[group] = true
                    changed = true
                }
            }
        }
        return (groupSeen.indices.filter { groupSeen[$0] }, countrySeen.indices.filter { countrySeen[$0] })
    }
}
