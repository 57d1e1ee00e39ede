// How full a fleet would be at the fairest layout, and which nodes to buy where it would be too full.

import Ring
import Solver
import World

/// Stage A of the solver for all placements together, for fleets that are only imagined.
struct FleetFills: Sendable {
    struct Fills: Sendable {
        /// By node.
        let bytes: [Double]
        let fullest: Double
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
        let fullest = nodes.indices.filter { nodes[$0].takesReplicas }
            .map { bytes[$0] / Double(nodes[$0].capacityBytes) }.max()
        return Fills(bytes: bytes, fullest: fullest ?? 0)
    }
}

/// Adds nodes where disks are too full, until they suffice: in the zones of those disks, since whatever rule brought
/// the replicas there accepts another node there; evenly over these zones; of the largest size that a zone has. More
/// nodes never make a fairest layout fuller, so purchases for one loss help with the next and each loss is looked at
/// once.
struct Buyer {
    private let fleet: FleetFills
    /// How much larger the data will be.
    private let growth: Double
    private var bought: [RingNode] = []
    private var isOutOfReach = false

    /// A zone with a disk that is too full.
    private struct Shelf {
        let country: String
        let zone: String
        /// What is bought there: the largest node.
        var model: RingNode
        var capacity: Double
        var bought: Double

        var share: Double { bought / capacity }
    }

    init(_ fleet: FleetFills, growth: Double) {
        self.fleet = fleet
        self.growth = growth
    }

    mutating func buy(for left: [RingNode]) {
        let limit = fleet.draft.planning.fullAt
        var nodes = (left + bought).sorted { $0.id < $1.id }
        while !isOutOfReach, let fills = fleet.fills(of: nodes), fills.fullest * growth > limit {
            var shelves = shelves(nodes, fills)
            // An eighth of what is missing at a time, so that the last ones are not too many.
            let missing = nodes.indices.reduce(0.0) { sum, node in
                sum + max(0, fills.bytes[node] * growth / limit - Double(nodes[node].capacityBytes))
            }
            let largest = shelves.map { Double($0.model.capacityBytes) }.max() ?? 1
            for _ in 0..<max(1, Int(missing / largest / 8)) {
                guard let at = shelves.indices.min(by: { (shelves[$0].share, $0) < (shelves[$1].share, $1) }),
                    nodes.count < Limits.nodes, let id = NodeID("zz-new-\(padded(bought.count))")
                else {
                    isOutOfReach = true
                    return
                }
                var node = shelves[at].model
                node.id = id
                node.state = .new
                shelves[at].bought += Double(node.capacityBytes)
                bought.append(node)
                nodes.append(node)
            }
        }
    }

    /// In the order of nodes, which is that of ids.
    private func shelves(_ nodes: [RingNode], _ fills: FleetFills.Fills) -> [Shelf] {
        var shelves: [Shelf] = []
        // Only ever asked.
        var places: [[String]: Int] = [:]
        for (at, node) in nodes.enumerated() where node.takesReplicas {
            let fill = fills.bytes[at] * growth / Double(node.capacityBytes)
            let place = [node.country, node.zone]
            if places[place] == nil, fill > fleet.draft.planning.fullAt {
                places[place] = shelves.count
                shelves.append(Shelf(country: node.country, zone: node.zone, model: node, capacity: 0, bought: 0))
            }
        }
        for node in nodes where node.takesReplicas {
            guard let at = places[[node.country, node.zone]] else { continue }
            if node.capacityBytes > shelves[at].model.capacityBytes { shelves[at].model = node }
            shelves[at].capacity += Double(node.capacityBytes)
        }
        for node in bought {
            if let at = places[[node.country, node.zone]] { shelves[at].bought += Double(node.capacityBytes) }
        }
        return shelves
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
