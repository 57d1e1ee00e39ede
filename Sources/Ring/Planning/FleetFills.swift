// How full a fleet would be at the fairest layout, and which nodes to buy where it would be too full.

import World

/// Stage A of the solver for all placements together, for fleets that are only imagined.
struct FleetFills: Sendable {
    struct Fills: Sendable {
        /// By node.
        let bytes: [Double]
        let fullest: Double
        /// The node with that fill; the first of several.
        let fullestNode: Int
    }

    let draft: RingDraft
    private let copyBytes: [Double]

    init(_ draft: RingDraft, shares: [Double], dataBytes: Double) {
        self.draft = draft
        copyBytes = shares.map { $0 * dataBytes / Double(draft.partitions) }
    }

    /// Nil where the nodes cannot keep some rule.
    func fills(of nodes: [RingNode]) -> Fills? {
        var fleet = draft
        fleet.nodes = nodes
        guard nodes.contains(where: \.takesReplicas) else { return nil }
        var bytes = Array(repeating: 0.0, count: nodes.count)
        for (at, rule) in draft.placements.enumerated() {
            let (problem, _) = PlacementProblem.make(rule, draft: fleet)
            let groups = SlotGroups(problem)
            guard groups.slots <= problem.replicas else { return nil }
            var fill = FairFill(problem, groups: groups, scale: problem.partitions)
            guard fill.run() else { return nil }
            for (node, granted) in fill.granted.enumerated() { bytes[node] += Double(granted) * copyBytes[at] }
        }
        var best = (fill: -1.0, node: 0)
        for (at, node) in nodes.enumerated() where node.takesReplicas {
            let fill = bytes[at] / Double(node.capacityBytes)
            if fill > best.fill { best = (fill, at) }
        }
        return Fills(bytes: bytes, fullest: best.fill, fullestNode: best.node)
    }
}

/// Adds nodes like the fullest one, where that one stands, until the disks suffice: nothing else relieves it more
/// surely, since whatever rule brought the replicas to its zone accepts another node there. More nodes never make a
/// fairest layout fuller, so purchases for one loss help with the next and each loss is looked at once.
struct Buyer {
    private let fleet: FleetFills
    /// How much larger the data will be.
    private let growth: Double
    private var bought: [RingNode] = []
    private var isOutOfReach = false

    init(_ fleet: FleetFills, growth: Double) {
        self.fleet = fleet
        self.growth = growth
    }

    mutating func buy(for left: [RingNode]) {
        var nodes = (left + bought).sorted { $0.id < $1.id }
        while !isOutOfReach, let fills = fleet.fills(of: nodes), fills.fullest * growth > fleet.draft.planning.fullAt {
            let model = nodes[fills.fullestNode]
            // The share by which the zone is over tells how many at the least; one at a time near the end.
            let over = fills.fullest * growth / fleet.draft.planning.fullAt
            let alike = nodes.count { $0.country == model.country && $0.zone == model.zone && $0.takesReplicas }
            let batch = max(1, Int(Double(alike) * (over - 1) / 2))
            for _ in 0..<batch {
                guard nodes.count < Limits.nodes, let id = NodeID("zz-new-\(padded(bought.count))") else {
                    isOutOfReach = true
                    return
                }
                var node = model
                node.id = id
                node.state = .new
                bought.append(node)
                nodes.append(node)
            }
        }
    }

    /// What has been bought so far for all losses up to now, by place and size.
    func take() -> (purchases: [CapacityForecast.Purchase], isOutOfReach: Bool) {
        let sorted = bought.sorted {
            ($0.country, $0.zone, $0.capacityBytes, $0.id) < ($1.country, $1.zone, $1.capacityBytes, $1.id)
        }
        var purchases: [CapacityForecast.Purchase] = []
        for node in sorted {
            let last = purchases.last
            let isMore =
                last?.country == node.country && last?.zone == node.zone
                && last?.capacityBytes == node.capacityBytes
            let count = isMore ? (last?.nodes ?? 0) + 1 : 1
            if isMore { purchases.removeLast() }
            purchases.append(
                CapacityForecast.Purchase(
                    nodes: count, country: node.country, zone: node.zone, capacityBytes: node.capacityBytes))
        }
        return (purchases, isOutOfReach)
    }

    private func padded(_ number: Int) -> String {
        let text = "\(number)"
        return String(repeating: "0", count: max(0, 5 - text.utf8.count)) + text
    }
}
