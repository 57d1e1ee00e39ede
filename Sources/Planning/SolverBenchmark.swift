// How fast and how good the solver is on large fleets, beside a weighted rendezvous hash on the same change.

import Ring
package import Solver
import World

/// One synthetic fleet and one change to it. The caller brings the clock: this floor has none.
package struct SolverBenchmark: Sendable {
    package let name: String
    package let partitions: Int
    package let countries: Int
    let zonesPerCountry: Int
    let nodesPerZone: Int
    package let replicas: Int
    /// m; above 1 two replicas of a partition may meet in one zone.
    package let maxPerZone: Int

    package static let all = [
        SolverBenchmark("Q=4096, 1000 nodes, m=1", 4_096, countries: 10, zones: 10, nodes: 10, n: 3, m: 1),
        SolverBenchmark("Q=4096, 1000 nodes, m=2", 4_096, countries: 10, zones: 10, nodes: 10, n: 3, m: 2),
        SolverBenchmark("Q=4096, 1000 zones, m=1", 4_096, countries: 10, zones: 100, nodes: 1, n: 3, m: 1),
        SolverBenchmark("Q=4096, 100 nodes, m=1", 4_096, countries: 5, zones: 4, nodes: 5, n: 3, m: 1),
        SolverBenchmark("Q=32768, 1000 nodes, m=1", 32_768, countries: 10, zones: 10, nodes: 10, n: 3, m: 1),
        SolverBenchmark("Q=32768, 1000 nodes, m=2", 32_768, countries: 10, zones: 10, nodes: 10, n: 3, m: 2),
    ]

    private init(_ name: String, _ partitions: Int, countries: Int, zones: Int, nodes: Int, n: Int, m: Int) {
        self.name = name
        self.partitions = partitions
        self.countries = countries
        self.zonesPerCountry = zones
        self.nodesPerZone = nodes
        self.replicas = n
        self.maxPerZone = m
    }

    /// The figures of one run; times in seconds.
    package struct Result: Hashable, Sendable {
        package let name: String
        /// From nothing, and after a node joined, left, and after a country was lost.
        package let steps: [Step]
    }

    package struct Step: Hashable, Sendable {
        package let name: String
        package let seconds: Double
        package let moves: Int
        /// max(Σ(lo − held)⁺, Σ(held − hi)⁺ + lost).
        package let bound: Int
        /// Fullest fill over the mean fill.
        package let fullest: Double
        package let rendezvousMoves: Int
        package let rendezvousFullest: Double
    }

    /// - Parameter seconds: a monotonic clock.
    package func run(seconds: () -> Double) throws(InfeasiblePlacement) -> Result {
        let start = fleet()
        let added = fleet(extra: 1)
        let fewer = start.filter { $0.id != start[start.count / 2].id }
        let without = start.filter { $0.country != start[0].country }
        var steps: [Step] = []
        let first = try step("from nothing", start, before: nil, seconds, into: &steps)
        _ = try step("a node joins", added, before: (start, first), seconds, into: &steps)
        _ = try step("a node leaves", fewer, before: (start, first), seconds, into: &steps)
        _ = try step("a country is lost", without, before: (start, first), seconds, into: &steps)
        return Result(name: name, steps: steps)
    }

    private var placement: Placement {
        Placement(name: "bench", replicas: replicas, maxPerZone: maxPerZone)
    }

    private func step(
        _ name: String, _ nodes: [RingNode], before: (nodes: [RingNode], table: Assignment)?, _ seconds: () -> Double,
        into steps: inout [Step]
    ) throws(InfeasiblePlacement) -> Assignment {
        let held = before.map {
            HeldTable($0.table, nodes: $0.nodes.map(\.id), in: nodes, partitions: partitions)
        }
        let begin = seconds()
        let problem = PlacementProblem(
            placement: placement, partitions: partitions, nodes: nodes, slack: 0.02, held: held ?? .none)
        let solution = try solve(problem)
        let elapsed = seconds() - begin
        let rendezvous = Rendezvous(placement, partitions: partitions)
        let hashed = rendezvous.table(nodes)
        var hashMoves = partitions * replicas
        if let before {
            let old = rendezvous.table(before.nodes)
            hashMoves = Rendezvous.moves(old, before.nodes, hashed, nodes, replicas: replicas)
        }
        steps.append(
            Step(
                name: name, seconds: elapsed, moves: solution.moves, bound: problem.lowerBound(solution.targets),
                fullest: Rendezvous.fullest(solution.assignment.nodes.map(Int.init), nodes),
                rendezvousMoves: hashMoves, rendezvousFullest: Rendezvous.fullest(hashed, nodes)))
        return solution.assignment
    }

    /// Nodes of three sizes, so that weights matter.
    private func fleet(extra: Int = 0) -> [RingNode] {
        var nodes: [RingNode] = []
        for country in 0..<countries {
            for zone in 0..<zonesPerCountry {
                for at in 0..<(nodesPerZone + (country == 0 && zone == 0 ? extra : 0)) {
                    let port = nodes.count + 1
                    guard let id = NodeID("c\(country)-z\(zone)-n\(at)"), let address = HostPort(host: "h", port: port)
                    else { continue }
                    nodes.append(
                        RingNode(
                            id: id, country: "c\(country)", zone: "z\(zone)", peer: address, http: address,
                            capacityBytes: [4, 8, 8, 16][(country + zone + at) % 4] * 1_000_000_000_000))
                }
            }
        }
        return nodes.sorted { $0.id < $1.id }
    }
}

extension PlacementProblem {
    /// max(Σ(lo − held)⁺, Σ(held − hi)⁺ + lost): no assignment within the bounds moves fewer.
    func lowerBound(_ targets: Targets) -> Int {
        var load = Array(repeating: 0, count: weights.count)
        for node in held where node >= 0 { load[Int(node)] += 1 }
        var missing = 0
        var excess = 0
        var alive = 0
        for node in weights.indices where weights[node] > 0 {
            missing += max(0, targets.low[node] - load[node])
            excess += max(0, load[node] - targets.high[node])
            alive += load[node]
        }
        return max(missing, excess + max(0, partitions * replicas - alive))
    }
}

/// Weighted rendezvous hashing (Thaler and Ravishankar, 1998; weights by Mosko, 2005): what many systems do.
struct Rendezvous {
    private let placement: Placement
    private let partitions: Int

    init(_ placement: Placement, partitions: Int) {
        self.placement = placement
        self.partitions = partitions
    }

    /// The n nodes with the least −log2(hash)/weight whose zones have room, by partition.
    func table(_ nodes: [RingNode]) -> [Int] {
        let domains = DomainMap(nodes)
        let identities = nodes.map { StableHash($0.id.name).value }
        let perZone = placement.maxPerZone ?? placement.replicas
        var table: [Int] = []
        var scores = Array(repeating: 0.0, count: nodes.count)
        for p in 0..<partitions {
            let salt = SplitMix64.scatter(UInt64(p))
            for at in nodes.indices {
                let u = (Double(SplitMix64.scatter(identities[at] ^ salt) >> 12) + 0.5) * 0x1p-52
                scores[at] = -Logarithm.base2(u) / Double(nodes[at].capacityBytes)
            }
            var row: [Int] = []
            while row.count < placement.replicas {
                var best: Int?
                for at in nodes.indices where !row.contains(at) && (best.map { scores[at] < scores[$0] } ?? true) {
                    if row.count(where: { domains.zone[$0] == domains.zone[at] }) < perZone { best = at }
                }
                guard let best else { break }
                row.append(best)
            }
            table += row
        }
        return table
    }

    static func moves(
        _ old: [Int], _ oldNodes: [RingNode], _ new: [Int], _ newNodes: [RingNode], replicas: Int
    ) -> Int {
        stride(from: 0, to: new.count, by: replicas).reduce(0) { sum, start in
            let before = old[start..<(start + replicas)].map { oldNodes[$0].id }
            return sum + new[start..<(start + replicas)].count { !before.contains(newNodes[$0].id) }
        }
    }

    /// The fullest node's fill over the mean fill.
    static func fullest(_ table: [Int], _ nodes: [RingNode]) -> Double {
        var load = Array(repeating: 0.0, count: nodes.count)
        for node in table { load[node] += 1 }
        let capacity = nodes.reduce(0.0) { $0 + Double($1.capacityBytes) }
        let mean = Double(table.count) / capacity
        return nodes.indices.map {
            nodes[$0].capacityBytes == 0 ? 0 : load[$0] / Double(nodes[$0].capacityBytes) / mean
        }
        .max() ?? 0
    }
}
