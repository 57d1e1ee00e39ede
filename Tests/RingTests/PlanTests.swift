// Plans: what moves adds up, waves keep their promise, times and costs are those worked out by hand.

import Solver
import Testing
import World

@testable import Planning
@testable import Ring

@Suite struct PlanTests {
    private let world = Placement.named("world", 3, countries: 3, perCountry: 1)
    private let three = "de/a:8,8 us/a:8,8 jp/a:8,8"

    @Test func theFirstTablesMoveNothing() throws {
        let plan = Plan(from: nil, to: try Deployment(three, [world]).solve())
        #expect(plan.moves.isEmpty && plan.waves.isEmpty && plan.bytes == 0 && plan.seconds == 0)
        #expect(plan.nodes.allSatisfy { $0.before == 0 && $0.after == 32 && $0.arriving == 32 })
        #expect(plan.countries.map(\.name) == ["de", "jp", "us"])
        // 1 TB on two nodes of 8 TB each.
        #expect(plan.countries.allSatisfy { $0.fill == 1.0 / 16 && $0.ideal == 1.0 / 16 })
        #expect(plan.efforts[0].isFirst && plan.efforts[0].replicas == 192)
    }

    @Test func aNodeThatJoinsIsFilledByItsCountry() throws {
        let before = try Deployment(three, [world]).solve().state
        let links = [CountryLink("de", "us", mbit: 100, eurPerGB: 1)]
        let plan = Plan(
            from: before, to: try Deployment("de/a:8,8,8 us/a:8,8 jp/a:8,8", [world], links: links).solve(from: before))
        let effort = plan.efforts[0]
        // 64 replicas over three nodes: 22, 21, 21.
        #expect(effort.moves == 21 && effort.bound == 21 && effort.forced == 0 && effort.crossings == 0)
        #expect(plan.traffic.map { [$0.from, $0.to] } == [["de", "de"]] && plan.euros == 0)
        #expect(plan.nodes.first { $0.name == "de-a-2" }?.arriving == 21)
        let copy = 1e12 / 64
        #expect(abs(plan.bytes - 21 * copy) < 1)
        #expect(plan.waves.count == 1 && plan.bottleneck == .into(NodeID(literal: "de-a-2")))
        #expect(abs((plan.seconds ?? 0) - 21 * copy * 8 / 1e9) < 1e-6)
    }

    @Test func aLostCountryIsCopiedOverTheCheapestLink() throws {
        let rule = Placement.named("world", 2, countries: 2, perCountry: 1)
        let before = try Deployment("de/a:8 us/a:8", [rule]).solve().state
        let links = [
            CountryLink("de", "jp", mbit: 10, eurPerGB: 0.5), CountryLink("jp", "us", mbit: 1_000, eurPerGB: 0.1),
        ]
        let layout = try Deployment("de/a:8 jp/a:8", [rule], links: links).solve(from: before)
        let plan = Plan(from: before, to: layout)
        #expect(plan.efforts[0].lost == 64 && plan.efforts[0].moves == 64)
        #expect(plan.traffic.map { [$0.from, $0.to] } == [["de", "jp"]])
        #expect(abs((plan.euros ?? 0) - 500) < 1e-6)
        // 1 TB over 10 Mbit/s is slower than into the node.
        #expect(plan.bottleneck == .link("de", "jp") && abs((plan.seconds ?? 0) - 8e5) < 1e-3)
        #expect(plan.nodes.first { $0.name == "us-a-0" }?.isGone == true)
        #expect(plan.moves.allSatisfy { $0.releases.map { plan.crew.members[$0].id.name } == "us-a-0" })
    }

    @Test func whatNobodyHoldsHasNoSource() throws {
        let rule = Placement.named("world", 1)
        let before = try Deployment("de/a:8", [rule]).solve().state
        let plan = Plan(from: before, to: try Deployment("us/a:8", [rule]).solve(from: before))
        #expect(plan.efforts[0].withoutSource == 64 && plan.bytes == 0)
    }

    @Test func withoutBandwidthTheTimeIsUnknown() throws {
        let before = try Deployment(three, [world], mbit: nil).solve().state
        let plan = Plan(
            from: before, to: try Deployment("de/a:8,8,8 us/a:8,8 jp/a:8,8", [world], mbit: nil).solve(from: before))
        #expect(plan.moves.count == 21 && plan.seconds == nil && plan.isTimePartial)
    }

    /// Random changes: every wave keeps at most one replica of a partition in flight, and all of them make the new
    /// table out of the old.
    @Test(arguments: 0..<20) func wavesCarryTheOldTablesToTheNew(seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed))
        func spec() -> String {
            ["de/a", "de/b", "us/a", "us/b", "jp/a"].map { zone in
                zone + ":"
                    + (0..<Int.random(in: 1...3, using: &random)).map { _ in "\(Int.random(in: 1...4, using: &random))"
                    }
                    .joined(separator: ",")
            }.joined(separator: " ")
        }
        let rules = [
            Placement.named("world", 3, countries: 2), Placement.named("pair", 2, perZone: 1),
        ]
        let before = try Deployment(spec(), rules, partitions: 32).solve()
        let layout = try Deployment(spec(), rules, partitions: 32).solve(from: before.state)
        let plan = Plan(from: before.state, to: layout)
        let changes = layout.changes(from: before.state, plan.crew)
        for (at, change) in changes.enumerated() {
            #expect(plan.efforts[at].moves == layout.placed[at].solution?.moves)
            #expect(plan.efforts[at].moves >= plan.efforts[at].bound)
            for partition in 0..<32 {
                let moves = plan.moves.filter { $0.placement == at && $0.partition == partition }
                #expect(Set(moves.map(\.wave)).count == moves.count, "two replicas of a partition in one wave")
                var row = Set(change.before[partition])
                for move in moves.sorted(by: { $0.wave < $1.wave }) {
                    if let source = move.source {
                        #expect(change.before[partition].contains(source) && plan.crew.members[source].isPresent)
                    }
                    row.insert(move.target)
                    if let released = move.releases { row.remove(released) }
                    // Never fewer than before, once the copy is there.
                    #expect(row.count >= layout.placed[at].rule.replicas)
                }
                #expect(row == Set(change.after[partition]))
            }
        }
        #expect(plan.waves.reduce(0) { $0 + $1.moves } == plan.moves.count)
        #expect(abs(plan.waves.reduce(0) { $0 + $1.bytes } - plan.bytes) < 1)
        for row in plan.nodes { #expect(row.before + row.arriving - row.leaving == row.after) }
    }

    @Test func placementsShareTheDataAsTheFileSays() throws {
        let german = Placement.named("german", 1, only: ["de"])
        let layout = try Deployment("de/a:8 us/a:8 jp/a:8", [world, german], shares: [0.25, 0.75]).solve()
        let plan = Plan(from: nil, to: layout)
        #expect(plan.countries.map { ($0.bytes / 1e9).rounded() } == [1_000, 750, 750])
    }

    /// Without [growth] the fullest node stands at full_at.
    @Test func withoutDataTheDisksAreTakenToBeFull() throws {
        let layout = try Deployment(three, [world], data: nil).solve()
        #expect(layout.isDataAssumed && abs((layout.fullest()?.fill ?? 0) - 0.8) < 1e-9)
        #expect(layout.sizeNote?.contains("no [growth] data") == true)
    }
}
