// Replicas lie apart wherever that costs neither even fills nor moves, also where the rule does not ask for it.

import Testing
import World

@testable import Planning
@testable import Ring
@testable import Solver

@Suite struct SpreadTests {
    /// How many partitions have all replicas in one of the domains; the fewest and the most of one in each domain.
    private func count(_ table: Assignment, _ domain: [Int]) -> (together: Int, spans: [ClosedRange<Int>]) {
        let domains = (domain.max() ?? -1) + 1
        var (fewest, most) = (Array(repeating: Int.max, count: domains), Array(repeating: 0, count: domains))
        var together = 0
        for p in 0..<table.partitions {
            var counts = Array(repeating: 0, count: domains)
            for node in table[p] { counts[domain[Int(node)]] += 1 }
            for (at, count) in counts.enumerated() {
                fewest[at] = min(fewest[at], count)
                most[at] = max(most[at], count)
                if count == table.replicas { together += 1 }
            }
        }
        return (together, zip(fewest, most).map { $0...$1 })
    }

    @Test func nineNodesInThreeCountries() throws {
        let problem = Fleet("de/a:8,8,8 us/a:8,8,8 jp/a:8,8,8").problem(.any(3), partitions: 256)
        let table = try assign(problem)
        let loads = problem.loads(table)
        #expect(loads.allSatisfy { (85...86).contains($0) })
        // 258 replicas in de, for three of its nodes have one more: two partitions have two there.
        #expect(count(table, problem.domains.country).spans == [1...2, 0...1, 0...1])
        let country = problem.domains.country
        #expect((0..<256).count { p in Set(table[p].map { country[Int($0)] }).count < 3 } == 2)
        #expect(count(table, country).together == 0)
    }

    @Test func twoRegionsOfSixtyDisks() throws {
        let disks = Array(repeating: "8", count: 20).joined(separator: ",")
        let spec = ["de", "us"].flatMap { c in ["x", "y", "z"].map { "\(c)/\($0):\(disks)" } }.joined(separator: " ")
        let problem = Fleet(spec).problem(.any(3), partitions: 256, slack: 0.02)
        let table = try assign(problem)
        #expect(count(table, problem.domains.country).together == 0)
        #expect(count(table, problem.domains.zone).spans.allSatisfy { $0 == 0...1 })
    }

    @Test func zonesAndRacksOfOneCountry() throws {
        var fleet = Fleet("de/a:8,8,8,8 de/b:8,8,8,8")
        for at in fleet.nodes.indices { fleet.nodes[at].rack = at % 2 == 0 ? "r1" : "r2" }
        let problem = fleet.problem(.any(4), partitions: 128)
        let table = try assign(problem)
        #expect(count(table, problem.domains.zone).spans == [2...2, 2...2])
        #expect(count(table, problem.racks.map(Int.init)).spans == [1...1, 1...1, 1...1, 1...1])
        // A node without a rack shares none.
        for at in fleet.nodes.indices { fleet.nodes[at].rack = "" }
        #expect(fleet.problem(.any(4), partitions: 128).racks.allSatisfy { $0 == -1 })
    }

    /// From nothing and without a rule in the way the spread is the best that these fills allow: no domain holds two
    /// more replicas of one partition than of another.
    @Test(arguments: 0..<40) func fromNothingItIsTheBest(seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed) &+ 77)
        var spec: [String] = []
        for country in ["a", "b", "c", "d"].prefix(Int.random(in: 1...4, using: &random)) {
            for zone in ["x", "y", "z"].prefix(Int.random(in: 1...3, using: &random)) {
                let weights = (0..<Int.random(in: 1...4, using: &random)).map { _ in
                    "\(Int.random(in: 1...6, using: &random))"
                }
                spec.append("\(country)/\(zone):" + weights.joined(separator: ","))
            }
        }
        let fleet = Fleet(spec.joined(separator: " "))
        let replicas = Int.random(in: 1...min(5, fleet.nodes.count), using: &random)
        let problem = fleet.problem(.any(replicas), partitions: 64)
        let solution = try solve(problem)
        #expect(problem.violations(of: solution.assignment) == [] && solution.certificate.flaw() == nil)
        #expect(problem.loads(solution.assignment) == solution.targets.whole)
        for domain in [problem.domains.country, problem.domains.zone] {
            #expect(count(solution.assignment, domain).spans.allSatisfy { $0.upperBound - $0.lowerBound <= 1 })
        }
    }

    /// Partitions that lie together are the ones that give a replica to a new node elsewhere, at no further move.
    @Test func movesThatComeAnywayPullApart() throws {
        let before = Fleet("de/a:8,8,8,8,8,8")
        let table = try assign(before.problem(.any(3), partitions: 128))
        let after = Fleet("de/a:8,8,8,8,8,8 us/a:8")
        let problem = after.problem(.any(3), partitions: 128, held: table, of: before)
        let solution = try solve(problem)
        #expect(solution.moves == problem.lowerBound(solution.targets))
        let second = Fleet("de/a:8,8,8,8,8,8 us/a:8,8")
        let next = second.problem(.any(3), partitions: 128, held: solution.assignment, of: after)
        let last = try solve(next)
        #expect(last.moves == next.lowerBound(last.targets) && next.moves(to: last.assignment) == last.moves)
        // 96 replicas abroad, in as many partitions.
        #expect(count(last.assignment, next.domains.country).together == 128 - 96)
    }

    @Test func anUnchangedFleetMovesNothing() throws {
        let fleet = Fleet("de/a:8,8,8 us/a:8,8,8")
        let problem = fleet.problem(.any(3), partitions: 64)
        // All in one country, as no solver would leave it.
        let nodes = (0..<64).flatMap { p -> [UInt16] in p % 2 == 0 ? [0, 1, 2] : [3, 4, 5] }
        let table = Assignment(replicas: 3, nodes: nodes)
        let held = fleet.problem(.any(3), partitions: 64, held: table)
        #expect(try solve(held).moves == 0 && held.moves(to: assign(held)) == 0)
        #expect(count(try assign(problem), problem.domains.country).together == 0)
    }
}
