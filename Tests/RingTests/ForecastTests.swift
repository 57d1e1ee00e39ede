// Forecasts against figures worked out by hand: what-ifs, capacity and its dates, durability.

import Testing
import World

@testable import Planning
@testable import Ring
@testable import RingFile

@Suite struct ForecastTests {
    private let world = Placement.named("world", 3, countries: 3, perCountry: 1)

    // MARK: What if

    @Test func losingANodeIsRebuiltByItsCountry() throws {
        let deployment = Deployment("de/a:8,8 us/a:8,8 jp/a:8,8", [world])
        let result = try WhatIf(try deployment.solve(), shares: [1], [.lose(.node, "de-a-0")])
        let verdict = result.verdicts[0]
        #expect(verdict.atOnce.withoutWrite == 0 && verdict.atOnce.fewestLeft == 2 && verdict.moves == 32)
        #expect(verdict.infeasible == nil && result.isFine)
        #expect(abs(result.rebuildBytes - 5e11) < 1 && abs((result.fullestAfter?.fill ?? 0) - 0.125) < 1e-9)
        #expect(result.fullestAfter?.node == "de-a-1" && abs((result.seconds ?? 0) - 4_000) < 1e-3)
    }

    @Test func losingACountryLeavesARuleThatCannotBeKept() throws {
        let deployment = Deployment("de/a:8,8 us/a:8,8 jp/a:8,8", [world])
        let result = try WhatIf(try deployment.solve(), shares: [1], [.lose(.country, "de")])
        #expect(result.verdicts[0].infeasible == "placement world needs 3 countries, there are 2: jp, us")
        #expect(result.verdicts[0].atOnce.isHarmless && result.rebuildBytes == 0 && !result.isFine)
    }

    @Test func newNodesAreFilled() throws {
        let deployment = Deployment("de/a:8 us/a:8 jp/a:8", [world])
        let addition = try #require(Imagined.addition("1:de/b:8TB"))
        let result = try WhatIf(try deployment.solve(), shares: [1], [addition])
        #expect(result.verdicts[0].moves == 32 && result.isFine)
        let both = try WhatIf(try deployment.solve(), shares: [1], [.lose(.node, "de-a-0"), addition])
        #expect(both.verdicts[0].moves == 64 && both.verdicts[0].infeasible == nil)
    }

    @Test func imaginationHasItsGrammar() throws {
        #expect(Imagined.loss("country:de") == .lose(.country, "de"))
        #expect(Imagined.loss("zone:de/fra1") == .lose(.zone, "de/fra1"))
        for text in ["", "de", "planet:earth", "country:"] { #expect(Imagined.loss(text) == nil, "\(text)") }
        #expect(
            Imagined.addition("3:de/fra1:8TB")
                == .add(count: 3, country: "de", zone: "fra1", capacityBytes: 8_000_000_000_000))
        for text in [
            "", "3:de:8TB", "0:de/a:8TB", "x:de/a:8TB", "3:de/a:lots", "3:de/a:0", "99999:de/a:1TB", "3:de/:1TB",
        ] {
            #expect(Imagined.addition(text) == nil, "\(text)")
        }
        let layout = try Deployment("de/a:8 us/a:8 jp/a:8", [world]).solve()
        #expect(throws: RingDocumentError.self) { try WhatIf(layout, shares: [1], [.lose(.country, "fr")]) }
        #expect(throws: RingDocumentError.self) {
            try WhatIf(layout, shares: [1], [.lose(.country, "de"), .lose(.country, "us"), .lose(.country, "jp")])
        }
        #expect(throws: RingDocumentError.self) {
            try WhatIf(layout, shares: [1], [.add(count: 1, country: "fr", zone: "a", capacityBytes: 1)])
        }
    }

    // MARK: Capacity

    @Test func datesComeOutOfTheGrowth() throws {
        // 4 TB on each of three nodes of 8 TB: full_at (6.4 TB) after 2.4 months of 1 TB each.
        let deployment = Deployment(
            "de/a:8 us/a:8 jp/a:8", [world], data: 4_000_000_000_000, growth: .bytes(1_000_000_000_000))
        let start = try #require(CalendarDate("2026-01-01"))
        let forecast = CapacityForecast(try deployment.solve(), shares: [1], start: start, months: 6)
        #expect(forecast.months.map(\.fullest) == [0.5, 0.625, 0.75, 0.875, 1, 1.125, 1.25])
        let normal = forecast.limits[0]
        // 0.4 of March's 31 days.
        #expect(normal.domain == nil && normal.fullOn?.description == "2026-03-13")
        // 10 TB at the end: 2 nodes in each country carry 5 TB each.
        #expect(normal.purchases.map(\.nodes) == [1, 1, 1] && normal.purchases.map(\.country) == ["de", "jp", "us"])
        // With one node a country no loss can be rebuilt; nothing more to buy for it.
        let country = try #require(forecast.limits.last)
        #expect(country.domain == .country && country.fillToday == nil && country.cannotRebuild == ["de", "jp", "us"])
        #expect(forecast.reachesLimit)
    }

    @Test func aLossIsPlannedForBeforeItHappens() throws {
        let rule = Placement.named("world", 2, countries: 2, perCountry: 1)
        let deployment = Deployment("de/a:8 us/a:8 jp/a:8", [rule], data: 6_000_000_000_000, growth: nil)
        let start = try #require(CalendarDate("2026-01"))
        let forecast = CapacityForecast(try deployment.solve(), shares: [1], start: start, months: 12)
        // 4 TB on each, in whole replicas; after a loss 6 TB on each of two.
        #expect(abs((forecast.limits[0].fillToday ?? 0) - 0.5) < 0.01 && forecast.limits[0].fullOn == nil)
        #expect(forecast.limits.dropFirst().allSatisfy { $0.fillToday == 0.75 && $0.purchases.isEmpty })
        #expect(!forecast.reachesLimit)
        // A little more, and the loss of a country needs new nodes while good days do not.
        let more = Deployment("de/a:8 us/a:8 jp/a:8", [rule], data: 7_000_000_000_000)
        let tight = CapacityForecast(try more.solve(), shares: [1], start: start, months: 12)
        #expect(tight.limits[0].purchases.isEmpty && tight.limits[3].fullOn == start)
        #expect(tight.limits[3].purchases.reduce(0) { $0 + $1.nodes } >= 2)
    }

    /// What is bought suffices: with it, the forecast asks for nothing more.
    @Test func purchasesSuffice() throws {
        let rule = Placement.named("world", 3, countries: 2, perZone: 1)
        let spec = "de/a:8,8 de/b:4 us/a:8,8 us/b:8 jp/a:8"
        let growth = Growth.ratio(0.05)
        let start = try #require(CalendarDate("2026-01-01"))
        let small = Deployment(spec, [rule], data: 9_000_000_000_000, growth: growth)
        let forecast = CapacityForecast(try small.solve(), shares: [1], start: start, months: 24)
        let purchases = forecast.limits[0].purchases
        #expect(!purchases.isEmpty)
        let grown =
            spec
            + purchases.map { purchase in
                let size = purchase.capacityBytes / 1_000_000_000_000
                return " \(purchase.country)/\(purchase.zone)x:"
                    + (0..<purchase.nodes).map { _ in "\(size)" }.joined(separator: ",")
            }.joined()
        var large = Deployment(grown, [rule], data: 9_000_000_000_000, growth: growth)
        var draft = large.file.draft
        for at in draft.nodes.indices where draft.nodes[at].zone.hasSuffix("x") { draft.nodes[at].zone.removeLast() }
        large.file = RingSpecification(draft: draft, dataShares: [1], fileName: "f", placementPositions: [:])
        let after = CapacityForecast(try large.solve(), shares: [1], start: start, months: 24)
        #expect(after.limits[0].purchases.isEmpty && (after.months.last?.fullest ?? 2) <= 0.8 + 1e-9)
    }

    @Test func calendarDays() throws {
        let end = try #require(CalendarDate("2024-01-31"))
        #expect(end.adding(months: 1).description == "2024-02-29" && end.adding(months: 13).description == "2025-02-28")
        #expect(end.adding(months: 11).description == "2024-12-31" && end.adding(months: 0) == end)
        let mid = try #require(CalendarDate("2026-12"))
        #expect(mid.description == "2026-12-01" && mid.adding(months: 0, fraction: 0.999).description == "2026-12-31")
        #expect(mid.adding(months: 1, fraction: 0).description == "2027-01-01")
        for text in ["", "2026", "2026-13", "2026-02-29", "26-01-01", "2026-1-1", "2026-01-01-01", "x026-01-01"] {
            #expect(CalendarDate(text) == nil, "\(text)")
        }
    }

    // MARK: Durability

    @Test func lossesPerYear() throws {
        let deployment = Deployment("de/a:8,8 us/a:8,8 jp/a:8,8", [world], afr: 0.1)
        let estimate = DurabilityEstimate(try deployment.solve(), shares: [1], delaySeconds: 3_600)
        let row = estimate.rows[0]
        // Eight sets of three are possible; 500 GB at a gigabit take 4,000 s.
        #expect(row.copysets == 8 && row.fewestPeers == 4 && row.meanPeers == 4)
        #expect(abs(row.repairSeconds - 7_600) < 1e-3)
        let years = 7_600 / (365.25 * 86_400)
        #expect(abs(row.lossPerYear / (8 * 3 * 0.001 * years * years) - 1) < 1e-9)
        #expect(abs(row.nines - 8.856) < 0.01, "\(row.nines)")
        #expect(estimate.correlated.allSatisfy { $0.effect.withoutCopy == 0 })
        #expect(estimate.assumptions.count == 3)
    }

    @Test func whatIsNotSaidIsAssumedAloud() throws {
        let deployment = Deployment("de/a:8 us/a:8 jp/a:8", [world], mbit: nil)
        let estimate = DurabilityEstimate(try deployment.solve(), shares: [1], delaySeconds: 0)
        #expect(estimate.failuresPerYear == 0.04)
        let text = estimate.assumptions.joined(separator: "\n")
        for part in ["3 of 3 nodes have no afr", "1000 Mbit/s", "a new node in its place"] {
            #expect(text.contains(part), "\(text)")
        }
    }

    @Test func logarithms() {
        for (x, y) in [(1.0, 0.0), (2, 1), (0.5, -1), (1024, 10), (3, 1.584_962_500_721_156)] {
            #expect(abs(Logarithm.base2(x) - y) < 1e-12)
        }
        #expect(abs(Logarithm.base10(1e-9) + 9) < 1e-12)
    }
}
