// How evenly the replicas lie: per country, zone and node, how many partitions have none there, one, two, three.

import Ring
import World

package struct Dispersion: Sendable {
    package enum Tier: String, Hashable, Sendable, CaseIterable { case country, zone, node }

    package struct Row: Hashable, Sendable {
        package let tier: Tier
        package let name: String
        package let replicas: Int
        /// Of all the placement's replicas.
        package let share: Double
        /// The most replicas of one partition.
        package let most: Int
        /// Partitions with k replicas here, for k = 0 … N.
        package let partitionsWith: [Int]
    }

    package struct Table: Hashable, Sendable {
        package let placement: String
        package let rule: String
        package let replicas: Int
        package let partitions: Int
        package let rows: [Row]
    }

    package let tables: [Table]

    package init(_ layout: Layout) {
        tables = layout.placed.indices.map { at in
            let placed = layout.placed[at]
            let rows = Tier.allCases.flatMap { tier in
                let kind: FailureDomain = tier == .country ? .country : tier == .zone ? .zone : .node
                return Dispersion.rows(tier, layout.domains(kind), placed.table, nodes: layout.draft.nodes.count)
            }
            return Table(
                placement: placed.rule.name, rule: placed.rule.sentence, replicas: placed.rule.replicas,
                partitions: placed.table.partitions, rows: rows)
        }
    }

    private static func rows(_ tier: Tier, _ domains: [LostDomain], _ table: Assignment, nodes: Int) -> [Row] {
        var domainOf = Array(repeating: -1, count: nodes)
        for (at, domain) in domains.enumerated() { for node in domain.nodes { domainOf[node] = at } }
        let width = table.replicas + 1
        var histogram = Array(repeating: 0, count: domains.count * width)
        for at in domains.indices { histogram[at * width] = table.partitions }
        for partition in 0..<table.partitions {
            let row = table[partition].map { domainOf[Int($0)] }
            for (at, domain) in row.enumerated() where domain >= 0 && !row[..<at].contains(domain) {
                histogram[domain * width] -= 1
                histogram[domain * width + row.count { $0 == domain }] += 1
            }
        }
        return domains.indices.map { at in
            let counts = Array(histogram[(at * width)..<((at + 1) * width)])
            let replicas = counts.enumerated().reduce(0) { $0 + $1.offset * $1.element }
            return Row(
                tier: tier, name: domains[at].name, replicas: replicas,
                share: Double(replicas) / Double(table.nodes.count),
                most: counts.lastIndex { $0 > 0 } ?? 0, partitionsWith: counts)
        }
    }
}
