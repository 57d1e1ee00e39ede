// The figures that the solver must reach on fleets of real size, and that its bytes never change.

import Testing
import World

@testable import Planning
@testable import Ring
@testable import Solver

@Suite struct SolverFigureTests {
    /// Adding or losing a node, a zone, a country: no rule broken, as few moves as the fills alone demand, and no node
    /// of a hundred replicas fuller than the fairest fill and 2%.
    @Test(arguments: ["a node", "a zone", "a country"]) func movesEqualTheirBound(what: String) throws {
        let rule = Placement.any(3, perZone: 1)
        var full: [String] = []
        for country in ["a", "b", "c", "d"] {
            for zone in ["x", "y", "z"] { full.append("\(country)/\(zone):4,8,8,16") }
        }
        let whole = Fleet(full.joined(separator: " "))
        var part = whole
        switch what {
        case "a node": part.nodes.removeAll { $0.id.name == "b-y-1" }
        case "a zone": part.nodes.removeAll { $0.country == "b" && $0.zone == "y" }
        default: part.nodes.removeAll { $0.country == "b" }
        }
        for (before, after) in [(whole, part), (part, whole)] {
            let table = try assign(before.problem(rule, partitions: 2_048, slack: 0.02))
            let problem = after.problem(rule, partitions: 2_048, slack: 0.02, held: table, of: before)
            let solution = try solve(problem)
            #expect(problem.violations(of: solution.assignment).isEmpty && solution.certificate.flaw() == nil)
            #expect(solution.moves == problem.lowerBound(solution.targets), "\(what)")
            let loads = problem.loads(solution.assignment)
            let mean = Double(loads.reduce(0, +)) / Double(problem.weights.reduce(0, +))
            for node in loads.indices where loads[node] >= 100 {
                #expect(Double(loads[node]) / Double(problem.weights[node]) <= 1.02 * mean + 1e-9, "\(what)")
            }
        }
    }

    /// Weighted zones of one node each, N=3 over all: the heaviest zone is capped by m, the others share.
    @Test func riakClaimCases() throws {
        for (nodes, replicas) in [([3, 3, 3, 4], 4), ([3, 3, 3], 3), ([2, 2, 2], 3)] {
            let spec = nodes.enumerated().map { at, count in
                "x/\(at):" + Array(repeating: "1", count: count).joined(separator: ",")
            }.joined(separator: " ")
            let problem = Fleet(spec).problem(.any(replicas, perZone: 1), partitions: 512)
            #expect(problem.violations(of: try assign(problem)).isEmpty)
        }
    }

    /// The same input gives the same bytes, on every machine and in every process.
    @Test func theBytesAreFixed() throws {
        let before = Fleet("de/a:4,8 de/b:8 us/a:8,8 us/b:4 jp/a:8,8,4")
        let rule = Placement.any(3, countries: 2, perZone: 1)
        let table = try assign(before.problem(rule, partitions: 256, slack: 0.02))
        let after = Fleet("de/a:4,8 de/b:8,8 us/a:8 us/b:4 jp/a:8,8,4")
        let next = try assign(after.problem(rule, partitions: 256, slack: 0.02, held: table, of: before))
        func fingerprint(_ table: Assignment) -> UInt64 {
            table.nodes.reduce(0) { SplitMix64.scatter($0 ^ UInt64($1)) }
        }
        #expect([fingerprint(table), fingerprint(next)] == SolverFigureTests.fingerprints)
        #expect(try assign(before.problem(rule, partitions: 256, slack: 0.02)) == table)
    }
    private static let fingerprints: [UInt64] = [3_367_891_038_754_907_073, 18_116_188_788_424_694_333]

    @Test func theBenchmarkRuns() throws {
        var ticks = 0.0
        let small = try #require(SolverBenchmark.all.first { $0.name == "Q=4096, 100 nodes, m=1" })
        let result = try small.run {
            ticks += 1
            return ticks
        }
        #expect(result.steps.count == 4 && result.steps.allSatisfy { $0.moves == $0.bound && $0.seconds == 1 })
        #expect(result.steps.allSatisfy { $0.rendezvousFullest > 1.15 && $0.fullest < 1.03 })
    }
}
