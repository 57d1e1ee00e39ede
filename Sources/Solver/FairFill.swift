// A. Targets: how many replicas each node should get.
//
// All partitions are alike, so one network scaled by Q decides. One unit after the other goes to the node with the
// smallest (t + 1)/capacity that an augmenting path still reaches; those without one are frozen. Greedy on a
// polymatroid is the lexicographically fairest fill (Federgruen and Groenevelt, "The greedy procedure for resource
// allocation problems", 1986).

import Ring

package struct FairFill {
    private let problem: PlacementProblem
    private var slots: SlotFlow
    /// Units that fill one node, one zone, one country.
    private let nodeCap: Int
    private let zoneCap: Int
    private let countryCap: Int
    private let total: Int
    /// Units by node index.
    package private(set) var granted: [Int]
    private var zoneUse: [Int]
    private var countryUse: [Int]
    private var isStuck: [Bool]

    /// - Parameter scale: units per slot: Q for whole replicas, a multiple of it for fractions, 1 for one partition.
    package init(_ problem: PlacementProblem, groups: SlotGroups, scale: Int) {
        self.problem = problem
        slots = SlotFlow(groups, countries: problem.domains.countries.count, scale: scale)
        nodeCap = scale
        zoneCap = problem.maxPerZone * scale
        countryCap = problem.maxPerCountry * scale
        total = groups.slots * scale
        granted = Array(repeating: 0, count: problem.weights.count)
        zoneUse = Array(repeating: 0, count: problem.domains.zones.count)
        countryUse = Array(repeating: 0, count: problem.domains.countries.count)
        isStuck = Array(repeating: false, count: problem.domains.countries.count)
    }

    /// Grants all units. False where some find no place: the rule is infeasible, and `bottleneck` says why.
    package mutating func run(loads: [Int]? = nil) -> Bool {
        let base = loads ?? Array(repeating: 0, count: granted.count)
        var heap = WeightHeap(problem.weights.indices.filter { problem.weights[$0] > 0 }) {
            [weights = problem.weights] in
            (base[$0] + 1, weights[$0])
        }
        var given = 0
        while given < total, let node = heap.first {
            guard grant(node) else {
                heap.removeFirst()
                continue
            }
            given += 1
            heap.replaceFirst(key: base[node] + granted[node] + 1)
        }
        return given == total
    }

    private mutating func grant(_ node: Int) -> Bool {
        let (zone, country) = (problem.domains.zone[node], problem.domains.country[node])
        guard granted[node] < nodeCap, zoneUse[zone] < zoneCap, countryUse[country] < countryCap, !isStuck[country]
        else {
            return false
        }
        guard slots.grant(country) else {
            isStuck[country] = true
            return false
        }
        granted[node] += 1
        zoneUse[zone] += 1
        countryUse[country] += 1
        return true
    }

    /// After a failed run: the source side of the min cut.
    package func bottleneck() -> (groups: [Int], countries: [Int]) { slots.stuck() }
}

/// A binary heap of nodes by units/weight, compared exactly; equal quotients go by node index.
struct WeightHeap {
    private struct Entry {
        let node: Int
        let weight: UInt64
        var units: Int
    }
    private var entries: [Entry]

    init(_ nodes: [Int], _ key: (Int) -> (units: Int, weight: UInt64)) {
        entries = nodes.map { node in
            let key = key(node)
            return Entry(node: node, weight: key.weight, units: key.units)
        }
        for at in stride(from: entries.count / 2 - 1, through: 0, by: -1) { sift(at) }
    }

    var first: Int? { entries.first?.node }

    mutating func replaceFirst(key: Int) {
        entries[0].units = key
        sift(0)
    }

    mutating func removeFirst() {
        entries.swapAt(0, entries.count - 1)
        entries.removeLast()
        if !entries.isEmpty { sift(0) }
    }

    private func isBefore(_ a: Entry, _ b: Entry) -> Bool {
        // units and weights fit into 63 bits each: the products are compared in full.
        let x = UInt64(a.units).multipliedFullWidth(by: b.weight)
        let y = UInt64(b.units).multipliedFullWidth(by: a.weight)
        return (x.high, x.low, UInt64(a.node)) < (y.high, y.low, UInt64(b.node))
    }

    private mutating func sift(_ start: Int) {
        var at = start
        while true {
            var least = at
            for child in [2 * at + 1, 2 * at + 2]
            where child < entries.count && isBefore(entries[child], entries[least]) {
                least = child
            }
            guard least != at else { return }
            entries.swapAt(at, least)
            at = least
        }
    }
}
