// Instances for the solver's tests, and an optimum found without any flow.

import Testing
import World

@testable import Ring
@testable import Solver

/// A small cluster written down in a line: nodes by country, zone and weight.
struct Fleet {
    var nodes: [RingNode] = []

    /// - Parameter spec: "de/a:4,4 de/b:8 us/a:1": the weights of the nodes in each zone.
    init(_ spec: String) {
        var port = 1
        for part in spec.split(separator: " ") {
            let halves = part.split(separator: ":")
            let place = halves[0].split(separator: "/")
            for (at, weight) in halves[1].split(separator: ",").enumerated() {
                add("\(place[0])-\(place[1])-\(at)", String(place[0]), String(place[1]), UInt64(weight) ?? 0, &port)
            }
        }
        nodes.sort { $0.id < $1.id }
    }

    private mutating func add(_ id: String, _ country: String, _ zone: String, _ weight: UInt64, _ port: inout Int) {
        guard let id = NodeID(id), let peer = HostPort(host: "h", port: port),
            let http = HostPort(host: "h", port: port + 1)
        else { return }
        port += 2
        nodes.append(RingNode(id: id, country: country, zone: zone, peer: peer, http: http, capacityBytes: weight))
    }

    func problem(
        _ placement: Placement, partitions: Int, slack: Double = 0, held: Assignment? = nil, of old: Fleet? = nil
    ) -> PlacementProblem {
        let table = held.map {
            HeldTable($0, nodes: (old ?? self).nodes.map(\.id), in: nodes, partitions: partitions)
        }
        return PlacementProblem(
            placement: placement, partitions: partitions, nodes: nodes, slack: slack, held: table ?? .none)
    }
}

extension Placement {
    static func any(
        _ replicas: Int, countries: Int = 1, perCountry: Int? = nil, perZone: Int? = nil, atLeast: [CountryCount] = []
    ) -> Placement {
        Placement(
            name: "test", replicas: replicas, atLeast: atLeast, minCountries: countries, maxPerCountry: perCountry,
            maxPerZone: perZone)
    }
}

extension PlacementProblem {
    func loads(_ table: Assignment) -> [Int] {
        var loads = Array(repeating: 0, count: weights.count)
        for node in table.nodes { loads[Int(node)] += 1 }
        return loads
    }

    /// Replicas that must be copied, counted from the tables alone.
    func moves(to table: Assignment) -> Int {
        (0..<partitions).reduce(0) { sum, p in
            let old = held[(p * heldWidth)..<((p + 1) * heldWidth)]
            return sum + table[p].count { !old.contains(Int32($0)) }
        }
    }
}

/// Exhaustive: all valid rows, then a table over partitions of every reachable vector of loads.
struct Exhaustive {
    let problem: PlacementProblem
    let rows: [[Int]]

    init(_ problem: PlacementProblem) {
        self.problem = problem
        var rows: [[Int]] = []
        func extend(_ row: [Int], from: Int) {
            if row.count == problem.replicas {
                let table = Assignment(replicas: row.count, nodes: row.map(UInt16.init))
                if problem.violations(of: table).isEmpty { rows.append(row) }
                return
            }
            guard from < problem.weights.count else { return }
            for node in from..<problem.weights.count where problem.weights[node] > 0 {
                extend(row + [node], from: node + 1)
            }
        }
        extend([], from: 0)
        self.rows = rows
    }

    /// The least fullest fill, as (replicas, weight) of the fullest node. Nil if no row is valid.
    func leastFullest() -> Double? {
        var reached: Set<[Int]> = [Array(repeating: 0, count: problem.weights.count)]
        for _ in 0..<problem.partitions {
            var next: Set<[Int]> = []
            for loads in reached {
                for row in rows {
                    var loads = loads
                    for node in row { loads[node] += 1 }
                    next.insert(loads)
                }
            }
            reached = next
        }
        return reached.map { loads in
            loads.indices.map { problem.weights[$0] > 0 ? Double(loads[$0]) / Double(problem.weights[$0]) : 0 }.max()
                ?? 0
        }.min()
    }

    /// The fewest moves within the bounds, with them the fewest crossings, and with both the least above the fairest
    /// fill.
    func fewestMoves(_ targets: Targets) -> [Int]? {
        var best: [[Int]: Int] = [Array(repeating: 0, count: problem.weights.count): 0]
        let (move, border) = (1_000_000, 1_000)
        for p in 0..<problem.partitions {
            let old = problem.held[(p * problem.heldWidth)..<((p + 1) * problem.heldWidth)]
            let sources = Set(old.filter { $0 >= 0 }.map { problem.domains.country[Int($0)] })
            var next: [[Int]: Int] = [:]
            for (loads, cost) in best {
                for row in rows {
                    var loads = loads
                    var cost = cost
                    for node in row {
                        loads[node] += 1
                        guard !old.contains(Int32(node)) else { continue }
                        cost += move
                        if !sources.isEmpty, !sources.contains(problem.domains.country[node]) { cost += border }
                    }
                    if zip(loads, targets.high).allSatisfy({ $0 <= $1 }) {
                        next[loads] = min(next[loads] ?? .max, cost)
                    }
                }
            }
            best = next
        }
        let costs = best.filter { entry in zip(entry.key, targets.low).allSatisfy { $0 >= $1 } }.map { loads, cost in
            cost + zip(loads, targets.whole).reduce(0) { $0 + max(0, $1.0 - $1.1) }
        }
        return costs.min().map { [$0 / move, $0 % move / border, $0 % border] }
    }
}
