// What the loss of a node, a zone or a country leaves: copies of each partition, and quorums of them.

import Ring
import Solver
import World

/// The failure domains that can be lost at one stroke, from small to large.
package enum FailureDomain: String, Hashable, Sendable, CaseIterable {
    case node, zone, country

    package var plural: String { self == .country ? "countries" : rawValue + "s" }
}

/// Something that can be lost, by the draft's node indexes.
struct LostDomain: Sendable {
    let kind: FailureDomain
    /// `de-fra-1`, `de/fra1`, `de`.
    let name: String
    let nodes: [Int]
}

/// One placement after the loss of one domain.
package struct LossEffect: Hashable, Sendable {
    package let domain: FailureDomain
    package let name: String
    /// Of the placement's partitions: how many have too few copies left for R, for W, or none at all.
    package let partitions: Int
    package let withoutRead: Int
    package let withoutWrite: Int
    package let withoutCopy: Int
    /// The fewest copies that any partition keeps.
    package let fewestLeft: Int

    var isHarmless: Bool { withoutRead == 0 && withoutWrite == 0 }
}

extension Layout {
    /// Nodes that store, one by one; their zones; their countries. In the order of names.
    func domains(_ kind: FailureDomain) -> [LostDomain] {
        let storing = draft.nodes.indices.filter { draft.nodes[$0].capacityBytes > 0 }
        switch kind {
        case .node:
            return storing.map { LostDomain(kind: .node, name: draft.nodes[$0].id.name, nodes: [$0]) }
        case .zone:
            return domains.zones.indices.compactMap { zone in
                let inside = storing.filter { domains.zone[$0] == zone }
                let entry = domains.zones[zone]
                let name = "\(domains.countries[entry.country])/\(entry.name)"
                return inside.isEmpty ? nil : LostDomain(kind: .zone, name: name, nodes: inside)
            }
        case .country:
            return domains.countries.indices.compactMap { country in
                let inside = storing.filter { domains.country[$0] == country }
                return inside.isEmpty
                    ? nil : LostDomain(kind: .country, name: domains.countries[country], nodes: inside)
            }
        }
    }

    /// One placement after the loss of each domain of a kind.
    func losses(_ placement: Int, _ kind: FailureDomain) -> [LossEffect] {
        let lost = domains(kind)
        var domainOf = Array(repeating: -1, count: draft.nodes.count)
        for (at, domain) in lost.enumerated() { for node in domain.nodes { domainOf[node] = at } }
        var tally = lost.map { _ in (read: 0, write: 0, copy: 0, fewest: placed[placement].rule.replicas) }
        let need = placed[placement].need
        let table = placed[placement].table
        for partition in 0..<table.partitions {
            let row = table[partition].map { domainOf[Int($0)] }
            for (at, domain) in row.enumerated() where domain >= 0 && !row[..<at].contains(domain) {
                let left = row.count { $0 != domain }
                if left < need.read { tally[domain].read += 1 }
                if left < need.write { tally[domain].write += 1 }
                if left == 0 { tally[domain].copy += 1 }
                tally[domain].fewest = min(tally[domain].fewest, left)
            }
        }
        return zip(lost, tally).map { domain, tally in
            LossEffect(
                domain: kind, name: domain.name, partitions: table.partitions, withoutRead: tally.read,
                withoutWrite: tally.write, withoutCopy: tally.copy, fewestLeft: tally.fewest)
        }
    }

    /// The effect of losing several nodes at once.
    func loss(_ placement: Int, of nodes: Set<Int>) -> LossEffect {
        let table = placed[placement].table
        let need = placed[placement].need
        var effect = (read: 0, write: 0, copy: 0, fewest: placed[placement].rule.replicas)
        for partition in 0..<table.partitions {
            let left = table[partition].count { !nodes.contains(Int($0)) }
            if left < need.read { effect.read += 1 }
            if left < need.write { effect.write += 1 }
            if left == 0 { effect.copy += 1 }
            effect.fewest = min(effect.fewest, left)
        }
        return LossEffect(
            domain: .node, name: "", partitions: table.partitions, withoutRead: effect.read,
            withoutWrite: effect.write, withoutCopy: effect.copy, fewestLeft: effect.fewest)
    }
}
