// The solver against exhaustive search, its own certificate, and the cases that others got wrong.

import Testing
import World

@testable import Ring
@testable import Solver

@Suite struct SolverTests {
    // MARK: Cases to replay

    @Test func fourZonesOfTwoEqualNodes() throws {
        let fleet = Fleet("de/a:1,1 de/b:1,1 de/c:1,1 de/d:1,1")
        let problem = fleet.problem(.any(3, perZone: 1), partitions: 256)
        let solution = try solve(problem)
        #expect(problem.loads(solution.assignment).allSatisfy { $0 == 192 / 2 })
        expectSound(problem, solution)
        let wide = Fleet("de/a:1 de/b:1 de/c:1 de/d:1").problem(.any(3, perZone: 1), partitions: 256)
        #expect(wide.loads(try assign(wide)) == [192, 192, 192, 192])
    }

    @Test func weightedZones() throws {
        let problem = Fleet("de/a:4 de/b:4 de/c:8").problem(.any(3), partitions: 256)
        #expect(problem.loads(try assign(problem)) == [256, 256, 256])
        // Three replicas of 256 over weights 4/4/8 of several nodes each.
        let zones = Fleet("de/a:2,2 de/b:2,2 de/c:2,2,2,2").problem(.any(3, perZone: 2), partitions: 256)
        let loads = zones.loads(try assign(zones))
        #expect([loads[0] + loads[1], loads[2] + loads[3], loads[4...].reduce(0, +)] == [192, 192, 384])
    }

    @Test func aFourthNodeInACrowdedZone() throws {
        let before = Fleet("de/a:1000 de/b:1000 de/c:1000")
        let table = try assign(before.problem(.any(3, perZone: 1), partitions: 256))
        let after = Fleet("de/a:1000,1000 de/b:1000 de/c:1000")
        let problem = after.problem(.any(3, perZone: 1), partitions: 256, held: table, of: before)
        let solution = try solve(problem)
        #expect(problem.loads(solution.assignment) == [128, 128, 256, 256])
        #expect(solution.moves == 128 && problem.moves(to: solution.assignment) == 128)
        expectSound(problem, solution)
    }

    @Test(arguments: [("de/a:1,1,1 de/b:1,1,1 de/c:1,1,1 de/d:1,1,1,1", 4), ("de/a:1,1,1 de/b:1,1,1 de/c:1,1,1", 3)])
    func locationsThatHaveACleanSolution(spec: String, replicas: Int) throws {
        let problem = Fleet(spec).problem(.any(replicas, perZone: 1), partitions: 512)
        let solution = try solve(problem)
        expectSound(problem, solution)
        // Each zone keeps one replica of each partition, shared evenly among its nodes.
        let loads = problem.loads(solution.assignment)
        for zone in problem.domains.zones.indices {
            let inside = loads.indices.filter { problem.domains.zone[$0] == zone }.map { loads[$0] }
            #expect(inside.reduce(0, +) == 512 && (inside.max() ?? 0) - (inside.min() ?? 0) <= 1)
        }
    }

    @Test func fromFourNodesToFive() throws {
        let before = Fleet("de/a:1 de/b:1 de/c:1 de/d:1")
        let table = try assign(before.problem(.any(1), partitions: 32))
        let after = Fleet("de/a:1 de/b:1 de/c:1 de/d:1 de/e:1")
        let problem = after.problem(.any(1), partitions: 32, held: table, of: before)
        let solution = try solve(problem)
        #expect(problem.loads(solution.assignment).sorted() == [6, 6, 6, 7, 7])
        #expect(solution.moves == 6)
    }

    // MARK: Against exhaustive search

    @Test(arguments: 0..<120)
    func equalsTheExhaustiveOptimum(seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed) &+ 1_000)
        let before = randomFleet(&random)
        let replicas = Int.random(in: 1...min(3, before.nodes.count), using: &random)
        let partitions = 1 << Int.random(in: 0...2, using: &random)
        let countries = DomainMap(before.nodes).countries
        let rule = randomRule(replicas, countries, &random)
        let slack = random.chance(0.3) ? 0.25 : 0
        let problem = before.problem(rule, partitions: partitions, slack: slack)
        let search = Exhaustive(problem)
        guard let table = check(problem, search) else { return }

        // The same cluster a little later: a node more, a node less, another weight.
        var after = before
        if random.chance(0.5), after.nodes.count > 1 {
            after.nodes.remove(at: Int.random(in: 0..<after.nodes.count, using: &random))
        }
        if random.chance(0.5) {
            after.nodes = (after.nodes + randomFleet(&random, prefix: "z").nodes.prefix(1)).sorted { $0.id < $1.id }
        }
        if random.chance(0.4) { after.nodes[Int.random(in: 0..<after.nodes.count, using: &random)].capacityBytes = 3 }
        if random.chance(0.2) { after.nodes[0].state = .drain }
        guard after.nodes.count < 7 else { return }
        let again = after.problem(rule, partitions: partitions, slack: slack, held: table, of: before)
        _ = check(again, Exhaustive(again))
    }

    /// Compares moves and fullest node with the search; returns the table, or nil where both say infeasible.
    private func check(_ problem: PlacementProblem, _ search: Exhaustive) -> Assignment? {
        let solution: Solution
        do { solution = try solve(problem) } catch {
            #expect(search.rows.isEmpty, "\(error)")
            return nil
        }
        expectSound(problem, solution)
        let loads = problem.loads(solution.assignment)
        if problem.slack == 0 {
            let fullest = loads.indices.map {
                problem.weights[$0] > 0 ? Double(loads[$0]) / Double(problem.weights[$0]) : 0
            }
            // Without slack a node may be filled to ⌈y⌉ to save moves, but never above the least possible fullest.
            #expect(fullest.max() == search.leastFullest())
        }
        let best = search.fewestMoves(solution.targets)
        let excess = zip(loads, solution.targets.whole).reduce(0) { $0 + max(0, $1.0 - $1.1) }
        let (cost, shape) = (solution.certificate.cost, solution.certificate.shape)
        #expect(best == [solution.moves, cost % shape.moveCost / shape.borderCost, excess])
        // The flow's are the fewest; to lie apart counts more.
        #expect(solution.crossings >= best?[1] ?? 0)
        return solution.assignment
    }

    private func expectSound(_ problem: PlacementProblem, _ solution: Solution) {
        #expect(problem.violations(of: solution.assignment) == [])
        #expect(solution.certificate.flaw() == nil)
        #expect(problem.moves(to: solution.assignment) == solution.moves)
        #expect(solution.certificate.cost / solution.certificate.shape.moveCost == solution.moves)
        let loads = problem.loads(solution.assignment)
        #expect(loads.indices.allSatisfy { (solution.targets.low[$0]...solution.targets.high[$0]).contains(loads[$0]) })
    }

    private func randomFleet(_ random: inout SeededRandom, prefix: String = "") -> Fleet {
        var spec: [String] = []
        for country in ["a", "b", "c"].prefix(Int.random(in: 1...3, using: &random)) {
            for zone in ["x", "y"].prefix(Int.random(in: 1...2, using: &random)) where spec.count < 4 {
                let count = spec.count < 3 ? Int.random(in: 1...2, using: &random) : 1
                let weights = (0..<count).map { _ in "\(Int.random(in: 1...3, using: &random))" }
                spec.append("\(prefix)\(country)/\(zone):" + weights.joined(separator: ","))
            }
        }
        var fleet = Fleet(spec.joined(separator: " "))
        if fleet.nodes.count > 5 { fleet.nodes = Array(fleet.nodes.prefix(5)) }
        // The added node stands in a known country, so that rules name the same ones.
        for at in fleet.nodes.indices where !prefix.isEmpty { fleet.nodes[at].country = "a" }
        return fleet
    }

    private func randomRule(_ replicas: Int, _ countries: [String], _ random: inout SeededRandom) -> Placement {
        var atLeast: [CountryCount] = []
        if random.chance(0.4) {
            atLeast = [CountryCount(country: countries[0], count: Int.random(in: 1...replicas, using: &random))]
        }
        return .any(
            replicas, countries: random.chance(0.4) ? Int.random(in: 1...replicas, using: &random) : 1,
            perCountry: random.chance(0.4) ? Int.random(in: 1...replicas, using: &random) : nil,
            perZone: random.chance(0.5) ? Int.random(in: 1...replicas, using: &random) : nil, atLeast: atLeast)
    }
}
