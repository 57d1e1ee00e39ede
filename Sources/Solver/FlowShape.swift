// B. The network of fewest moves: which nodes and arcs there are, as numbers.
//
// source → (partition, group) → (partition, country) in → out, cap u → zone → node → sink with [lo, hi]. It is never
// built: Q × zones arcs are known by arithmetic, so memory goes to flows and potentials only.
//
// A zone that may keep one replica of a partition (m = 1, or a single node) is a hub: which node takes a new replica
// is left open until stage C, since any will do. Where it may keep more, two replicas on one node must be ruled out,
// so partitions and nodes are joined directly, one arc for each pair.
//
// Lower bounds: each node feeds the sink by lo, and an overflow by hi − lo; the overflow feeds the sink by the rest of
// Σ replicas − Σ lo. All replicas arrive only if every lo is full. What a node takes above the fairest fill t¹ goes to
// the overflow by a second arc that costs a little: slack is spent on saving moves, on nothing else.
//
// Costs are in lexicographic order: no number of crossed borders outweighs one move, no excess one border.

import Ring

struct FlowShape: Sendable {
    let partitions: Int
    let replicas: Int
    let groupSupply: [Int32]
    /// [group * countries + country]
    let groupLimit: [Int32]
    let groups: Int
    /// Countries, zones and nodes that may take replicas, renumbered without gaps.
    let countries: Int
    let zones: Int
    let nodes: Int
    let countryCap: Int32
    /// By country: the rule's lower bound; and D, the fewest countries of a partition.
    let atLeast: [Int]
    let minCountries: Int
    /// By zone: its country; the most replicas of one partition; its nodes as a range.
    let zoneCountry: [Int32]
    let zoneCap: [Int32]
    let zoneNodes: [Range<Int>]
    /// By country: its zones as a range.
    let countryZones: [Range<Int>]
    /// By node: its zone; its index in the problem.
    let nodeZone: [Int32]
    /// By node: its rack, -1 where the ring file names none.
    let nodeRack: [Int32]
    let original: [Int]
    let low: [Int32]
    let fair: [Int32]
    let high: [Int32]
    /// Direct zones are numbered from 0 in `directZone`, their nodes in `directNode`; -1 for hubs.
    let directZone: [Int32]
    let directZones: [Int32]
    let directNode: [Int32]
    let directNodes: Int
    /// Held replicas, by partition: entries heldStart[p] ..< heldStart[p + 1], ascending by node.
    let heldStart: [Int32]
    let heldNode: [Int32]
    let heldPartition: [Int32]
    /// By node: the entries it holds.
    let holdsStart: [Int32]
    let holds: [Int32]
    /// Pairs (partition, hub zone) with something held: the zone nodes that hubs need. By partition, as above.
    let pairStart: [Int32]
    let pairZone: [Int32]
    let pairPartition: [Int32]
    /// [partition * countries + country]: what a copy into that country costs.
    let copyCost: [Int]
    /// The cost of one move and of one crossed border; a replica above the fairest fill costs 1.
    let moveCost: Int
    let borderCost: Int

    // Numbering: per partition a block of groups, countries in, countries out, direct zones; then pairs, hubs, nodes,
    // overflow, sink.
    let block: Int
    let firstPair: Int
    let firstHub: Int
    let firstNode: Int
    let overflow: Int
    let sink: Int
    var count: Int { sink + 1 }

    init(_ problem: PlacementProblem, groups slotGroups: SlotGroups, targets: Targets) {
        let map = problem.domains
        let (active, zoneIDs, countryIDs) = FlowShape.active(problem)
        let zoneOf = FlowShape.inverse(zoneIDs, count: map.zones.count)
        let countryOf = FlowShape.inverse(countryIDs, count: map.countries.count)
        partitions = problem.partitions
        replicas = problem.replicas
        groups = slotGroups.groups.count
        countries = countryIDs.count
        zones = zoneIDs.count
        nodes = active.count
        groupSupply = slotGroups.groups.map { Int32($0.supply) }
        groupLimit = slotGroups.groups.flatMap { group in countryIDs.map { Int32(group.limits[$0]) } }
        countryCap = Int32(problem.maxPerCountry)
        atLeast = countryIDs.map { problem.atLeast[$0] }
        minCountries = problem.minCountries
        original = active
        nodeZone = active.map { Int32(zoneOf[map.zone[$0]]) }
        nodeRack = active.map { problem.racks[$0] }
        low = active.map { Int32(targets.low[$0]) }
        fair = active.map { Int32(targets.whole[$0]) }
        high = active.map { Int32(targets.high[$0]) }
        zoneCountry = zoneIDs.map { Int32(countryOf[map.zones[$0].country]) }
        zoneNodes = FlowShape.ranges(nodeZone, count: zones)
        countryZones = FlowShape.ranges(zoneCountry, count: countries)
        zoneCap = zoneNodes.map { Int32(min(problem.maxPerZone, $0.count)) }

        let direct = zoneIDs.indices.filter { [zoneCap] in zoneCap[$0] > 1 }
        directZones = direct.map(Int32.init)
        directZone = FlowShape.inverse(direct, count: zones).map(Int32.init)
        let directNodeList = direct.flatMap { [zoneNodes] in Array(zoneNodes[$0]) }
        directNode = FlowShape.inverse(directNodeList, count: nodes).map(Int32.init)
        directNodes = directNodeList.count

        let held = HeldIndex(
            problem, shape: FlowShape.inverse(active, count: problem.weights.count), nodeZone: nodeZone,
            directZone: directZone)
        heldStart = held.start
        heldNode = held.node
        heldPartition = held.partition
        (holdsStart, holds) = held.byNode(nodes)
        pairStart = held.pairStart
        pairZone = held.pairZone
        pairPartition = held.pairPartition
        borderCost = problem.partitions * problem.replicas + 1
        moveCost = borderCost * borderCost
        copyCost = held.copyCosts(
            problem, countryOf: countryOf, countries: countries, moveCost: moveCost, borderCost: borderCost)

        block = groups + 2 * countries + direct.count
        firstPair = partitions * block
        firstHub = firstPair + pairZone.count
        firstNode = firstHub + zones
        overflow = firstNode + nodes
        sink = overflow + 1
    }

    /// The nodes that take replicas, zone by zone, and the zones and countries that have any; in the problem's numbers.
    private static func active(_ problem: PlacementProblem) -> (nodes: [Int], zones: [Int], countries: [Int]) {
        let map = problem.domains
        let nodes = problem.weights.indices.filter { problem.weights[$0] > 0 }
            .sorted { (map.zone[$0], $0) < (map.zone[$1], $1) }
        var zones: [Int] = []
        var countries: [Int] = []
        for node in nodes {
            if zones.last != map.zone[node] { zones.append(map.zone[node]) }
            if countries.last != map.country[node] { countries.append(map.country[node]) }
        }
        return (nodes, zones, countries)
    }

    var nodeCountry: [Int32] { nodeZone.map { zoneCountry[Int($0)] } }

    /// Where each element of `list` stands; -1 for what is not in it.
    private static func inverse(_ list: [Int], count: Int) -> [Int] {
        var result = Array(repeating: -1, count: count)
        for (at, element) in list.enumerated() { result[element] = at }
        return result
    }

    /// For an ascending list of owners, the range of positions of each owner.
    private static func ranges(_ owners: [Int32], count: Int) -> [Range<Int>] {
        var result: [Range<Int>] = []
        var at = 0
        for owner in 0..<count {
            let start = at
            while at < owners.count, owners[at] == Int32(owner) { at += 1 }
            result.append(start..<at)
        }
        return result
    }

    /// The pair of a partition and a hub zone in which it holds something; -1 if it holds nothing there.
    @inline(__always) func pair(_ partition: Int, _ zone: Int) -> Int {
        var at = Int(pairStart[partition])
        let end = Int(pairStart[partition + 1])
        while at < end {
            if pairZone[at] == Int32(zone) { return at }
            at += 1
        }
        return -1
    }
}

/// What is held today, in the shape's numbers.
private struct HeldIndex {
    var start: [Int32] = [0]
    var node: [Int32] = []
    var partition: [Int32] = []
    var pairStart: [Int32] = [0]
    var pairZone: [Int32] = []
    var pairPartition: [Int32] = []

    init(_ problem: PlacementProblem, shape: [Int], nodeZone: [Int32], directZone: [Int32]) {
        for p in 0..<problem.partitions {
            var row: [Int32] = []
            for at in 0..<problem.heldWidth {
                let old = Int(problem.held[p * problem.heldWidth + at])
                guard old >= 0, shape[old] >= 0, !row.contains(Int32(shape[old])) else { continue }
                row.append(Int32(shape[old]))
            }
            row.sort()
            let first = pairZone.count
            for entry in row {
                node.append(entry)
                partition.append(Int32(p))
                let zone = nodeZone[Int(entry)]
                if directZone[Int(zone)] < 0, !pairZone[first...].contains(zone) {
                    pairZone.append(zone)
                    pairPartition.append(Int32(p))
                }
            }
            start.append(Int32(node.count))
            pairStart.append(Int32(pairZone.count))
        }
    }

    func byNode(_ nodes: Int) -> (start: [Int32], entries: [Int32]) {
        var start = Array(repeating: Int32(0), count: nodes + 1)
        for entry in node { start[Int(entry) + 1] += 1 }
        for at in 0..<nodes { start[at + 1] += start[at] }
        var next = start
        var entries = Array(repeating: Int32(0), count: node.count)
        for (at, owner) in node.enumerated() {
            entries[Int(next[Int(owner)])] = Int32(at)
            next[Int(owner)] += 1
        }
        return (start, entries)
    }

    /// A copy into a country that has a live replica stays inside. A draining node can still be copied from; where no
    /// replica is alive, or none was ever written, no border is counted.
    func copyCosts(_ problem: PlacementProblem, countryOf: [Int], countries: Int, moveCost: Int, borderCost: Int)
        -> [Int]
    {
        var costs = Array(repeating: moveCost, count: problem.partitions * countries)
        var isSource = Array(repeating: false, count: countries)
        for p in 0..<problem.partitions {
            for c in isSource.indices { isSource[c] = false }
            var hasSource = false
            for at in 0..<problem.heldWidth {
                let old = Int(problem.held[p * problem.heldWidth + at])
                guard old >= 0 else { continue }
                hasSource = true
                let country = countryOf[problem.domains.country[old]]
                if country >= 0 { isSource[country] = true }
            }
            guard hasSource else { continue }
            for c in isSource.indices where !isSource[c] { costs[p * countries + c] += borderCost }
        }
        return costs
    }
}
