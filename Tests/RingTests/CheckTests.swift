// Checks: infeasible rules name their bottleneck, and what only looks safe is told apart from what is.

import Testing
import World

@testable import Planning
@testable import Ring
@testable import RingFile

@Suite struct CheckTests {
    @Test func aMissingZoneIsNamed() throws {
        let rule = Placement.named("german", 3, perZone: 1, atLeast: [CountryCount(country: "de", count: 3)])
        let check = try RingCheck(Deployment("de/fra1:8,8 de/ber1:8 us/iad1:8", [rule]).file)
        #expect(check.verdicts[0].infeasible == "placement german needs 3 zones in de, there are 2: ber1, fra1")
        #expect(!check.isFine && check.verdicts[0].worst.isEmpty)
    }

    @Test(arguments: [
        (Placement.named("w", 3, countries: 3), "de/a:8,8 us/a:8", "needs 3 countries, there are 2: de, us"),
        (Placement.named("w", 3, perZone: 1), "de/a:8,8,8", "needs 3 zones in de, there is 1: a"),
        (Placement.named("w", 3), "de/a:8,8", "needs 3 nodes in de, there are 2"),
        (Placement.named("w", 4, perCountry: 1), "de/a:8,8 us/a:8,8", "needs 4 countries, there are 2: de, us"),
    ])
    func otherBottlenecksAreNamedToo(rule: Placement, spec: String, message: String) throws {
        let check = try RingCheck(Deployment(spec, [rule]).file)
        #expect(check.verdicts[0].infeasible == "placement w \(message)")
    }

    /// N=3 over two countries with R=W=2: losing the country with two of a partition's replicas takes its quorums.
    @Test(arguments: [Placement.Survival?.none, .country]) func threeReplicasInTwoCountriesAreWarnedOf(
        survive: Placement.Survival?
    ) throws {
        let rule = Placement.named("world", 3, countries: 2, survive: survive)
        let check = try RingCheck(Deployment("de/a:8,8 us/a:8,8", [rule]).file)
        #expect(check.verdicts[0].infeasible == nil && !check.isFine && check.warnings.count == 1)
        let warning = try #require(check.warnings.first)
        for part in [
            "losing country", "writes (W=2) to 50.0%", "reads (R=2) of 50.0%", "1 of 3 replicas would be left",
            "takes 3 countries; there are 2",
        ] { #expect(warning.contains(part), "\(warning)") }
        let worst = try #require(check.verdicts[0].worst.last)
        #expect(worst.effect.domain == .country && worst.effect.withoutWrite == 32 && worst.effect.withoutCopy == 0)
    }

    @Test func threeCountriesAreFine() throws {
        let rule = Placement.named("world", 3, countries: 3, perCountry: 1, survive: .country)
        let check = try RingCheck(Deployment("de/a:8 us/a:8 jp/a:8", [rule]).file)
        #expect(check.isFine && check.warnings.isEmpty)
        #expect(check.verdicts[0].worst.allSatisfy { $0.effect.isHarmless && $0.effect.fewestLeft == 2 })
    }

    @Test func oneCopyIsWarnedOf() throws {
        let check = try RingCheck(Deployment("de/a:8,8", [.named("solo", 1)]).file)
        #expect(check.warnings.count == 1 && check.warnings[0].contains("of its data for good"))
    }

    @Test(arguments: [0, 1, 2, 3]) func fewAcceptorsAreWarnedOf(count: Int) throws {
        var deployment = Deployment("de/a:8 us/a:8 jp/a:8", [.named("world", 3, countries: 3)])
        var draft = deployment.file.draft
        draft.nameAcceptors = draft.nodes.prefix(count).map(\.id)
        deployment.file = RingSpecification(draft: draft, dataShares: [1], fileName: "f", placementPositions: [:])
        let warned = try RingCheck(deployment.file).warnings.contains { $0.contains("\(count) name acceptor") }
        #expect(warned == (1...2).contains(count))
    }

    @Test func whatStaysTogetherIsTold() throws {
        // Most of the room is in one country, so many partitions lie in it alone.
        let crowded = try RingCheck(Deployment("de/a:8,8,8 de/b:8,8 us/a:2", [.named("w", 3)]).file)
        let together = crowded.verdicts[0].together
        #expect(together.map(\.domain) == [.country, .zone])
        #expect((1..<64).contains(together[0].partitions))
        #expect(crowded.notes.contains { $0.contains("of 64 partitions have all 3 replicas in one country") })
        let even = try RingCheck(Deployment("de/a:8,8 us/a:8,8 jp/a:8,8", [.named("w", 3)]).file)
        #expect(even.verdicts[0].together.map(\.partitions) == [0, 0])
        #expect(!even.notes.contains { $0.contains("in one") })
        // The rule itself puts them into one country; its zones are still a choice.
        let german = Placement.named("g", 2, atLeast: [CountryCount(country: "de", count: 2)])
        let check = try RingCheck(Deployment("de/a:8,8 de/b:8,8 us/a:8", [german]).file)
        #expect(check.verdicts[0].together == [RingCheck.Together(domain: .zone, partitions: 0)])
        let solo = try RingCheck(Deployment("de/a:8,8", [.named("w", 2)]).file)
        #expect(solo.verdicts[0].together.isEmpty)
    }

    @Test func acceptorsOfOneCountryAreWarnedOf() throws {
        var deployment = Deployment("de/a:8,8 us/a:8", [.named("world", 3)])
        var draft = deployment.file.draft
        draft.nameAcceptors = draft.nodes.map(\.id)
        deployment.file = RingSpecification(draft: draft, dataShares: [1], fileName: "f", placementPositions: [:])
        #expect(
            try RingCheck(deployment.file).warnings.contains { $0.contains("losing de leaves 1 of 3 name acceptors") })
    }

    @Test func lossesAreCountedByPartition() throws {
        let layout = try Deployment("de/a:8,8 us/a:8", [.named("pair", 2, countries: 2)]).solve()
        let countries = layout.losses(0, .country)
        #expect(
            countries.map(\.name) == ["de", "us"]
                && countries.allSatisfy { $0.fewestLeft == 1 && $0.withoutWrite == 64 })
        let nodes = layout.losses(0, .node)
        #expect(nodes.map(\.withoutWrite) == [32, 32, 64])
        #expect(layout.loss(0, of: [0, 1]).withoutWrite == 64 && layout.loss(0, of: [0, 2]).withoutCopy == 32)
    }

    @Test func dispersionCountsEveryPartitionOnce() throws {
        let layout = try Deployment("de/a:8,8 de/b:8 us/a:8", [.named("w", 3, countries: 2)]).solve()
        let table = Dispersion(layout).tables[0]
        #expect(table.rows.count == 2 + 3 + 4)
        for row in table.rows {
            #expect(row.partitionsWith.reduce(0, +) == 64 && row.partitionsWith.count == 4)
            #expect(row.most == row.partitionsWith.lastIndex { $0 > 0 })
        }
        for tier in Dispersion.Tier.allCases {
            #expect(table.rows.filter { $0.tier == tier }.reduce(0) { $0 + $1.replicas } == 192)
        }
    }
}
