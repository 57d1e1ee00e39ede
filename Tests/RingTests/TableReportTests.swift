// Explanations, proofs, differences, pictures and the form of figures.

import JSON
import Keys
import Solver
import Testing
import World

@testable import Planning
@testable import Ring
@testable import RingFile

@Suite struct TableReportTests {
    private let world = Placement.named("world", 3, countries: 3, perCountry: 1)

    @Test func explanationsAgreeWithTheDocument() throws {
        let german = Placement.named("german", 2, atLeast: [CountryCount(country: "de", count: 1)])
        let ring = try Deployment("de/a:8,8 us/a:8,8 jp/a:8,8", [world, german]).solve().document()
        for number in 0..<50 {
            let key = Array("user\(number)".utf8)
            let explanation = KeyExplanation(ring, bucket: Array("posts".utf8), partitionKey: key)
            let token = Token(bucket: Array("posts".utf8), partitionKey: key)
            #expect(explanation.token == token.description && explanation.partition == token.partition(of: 64))
            let list = RingSnapshot(ring).route(bucket: Array("posts".utf8), token: token)
            #expect(explanation.primaries.map(\.node) == list.primaries.map(\.name))
            #expect(explanation.fallbacks.map(\.node) == list.fallbacks.map(\.name))
            #expect(explanation.firstToken <= explanation.token && explanation.token <= explanation.lastToken)
            #expect(Set(explanation.primaries.map(\.reason)).count == 3)
            #expect(explanation.agrees(with: explanation))
        }
        #expect(KeyExplanation(ring, bucket: [1], partitionKey: [2]).firstToken.count == 16)
    }

    @Test func soundTablesAreProven() throws {
        let before = try Deployment("de/a:8,8 us/a:8,8 jp/a:8,8", [world]).solve()
        #expect(Verification(before).isProven)
        let deployment = Deployment("de/a:8,8,8 us/a:8,8 jp/a:8", [world])
        let after = try deployment.solve(from: before.state)
        #expect(Verification(after, given: try Layout.read(after.state, deployment.file)).isProven)
    }

    @Test func wastefulAndBrokenTablesAreNot() throws {
        let deployment = Deployment("de/a:8,8 us/a:8,8 jp/a:8,8", [world])
        let before = try deployment.solve()
        // From itself nothing must move; with two rows exchanged something does.
        let again = try deployment.solve(from: before.state)
        func judged(_ change: (inout [UInt16]) -> Void) throws -> Verification.Verdict {
            var nodes = before.placed[0].table.nodes
            change(&nodes)
            let state = RingState(
                cluster: "testing", partitions: 64, nodes: deployment.file.draft.nodes,
                tables: [RingState.Table(placement: "world", assignment: Assignment(replicas: 3, nodes: nodes))])
            return Verification(again, given: try Layout.read(state, deployment.file)).verdicts[0]
        }
        #expect(try judged { _ in }.isProven)
        let swapped = try judged { nodes in
            let other = stride(from: 3, to: nodes.count, by: 3).first { Set(nodes[$0..<($0 + 3)]) != Set(nodes[0..<3]) }
            for at in 0..<3 { nodes.swapAt(at, (other ?? 3) + at) }
        }
        #expect(!swapped.isProven && swapped.moves > swapped.fewest && swapped.violations == 0)
        let crowded = try judged { nodes in
            for at in 0..<3 { nodes[at] = UInt16(at) }
        }
        #expect(crowded.violations > 0 && crowded.firstViolation?.hasPrefix("partition 0: ") == true)
    }

    @Test func differencesAreFound() throws {
        let a = Deployment("de/a:8,8 us/a:8,8 jp/a:8,8", [world])
        let b = Deployment("de/a:8,8 us/a:8,4 jp/a:8,8,8", [world, .named("pair", 2)])
        let first = try a.solve()
        let second = try b.solve(from: first.state)
        #expect(RingDiff(a.file, first.state, a.file, first.state).isEmpty)
        let diff = RingDiff(a.file, first.state, b.file, second.state)
        let what = diff.changes.map { "\($0.before == nil ? "+" : $0.after == nil ? "-" : "~") \($0.what)" }
        #expect(what == ["~ node us-a-1", "+ node jp-a-2", "+ placement pair"])
        #expect(diff.tables.map(\.placement) == ["pair", "world"])
        #expect(diff.tables.last?.moves == second.placed.last?.solution?.moves)
        let states = RingDiff(nil, first.state, nil, second.state)
        #expect(states.changes.map(\.what) == ["node us-a-1", "node jp-a-2", "placement pair"])
    }

    @Test func picturesAreWellFormed() throws {
        let before = try Deployment("de/a:8,8 us/a:8,8 jp/a:8,8", [world]).solve().state
        let deployment = Deployment("de/a:8,8,8 us/a:8 jp/a:8,8", [world], growth: .ratio(0.1))
        let layout = try deployment.solve(from: before)
        let plan = Plan(from: before, to: layout)
        let start = try #require(CalendarDate("2026-01-01"))
        let forecast = CapacityForecast(layout, shares: [1], start: start, months: 24)
        let bars = FillBars.draw(plan, cluster: "a<b>&\"c")
        for picture in [
            bars, CountryFlows.draw(plan, cluster: "c"), GrowthCurves.draw(forecast, cluster: "c"),
            CountryFlows.draw(Plan(from: nil, to: layout), cluster: "c"),
        ] {
            #expect(picture.hasPrefix("<svg xmlns=") && picture.hasSuffix("</svg>\n"))
            #expect(!picture.contains("nan") && !picture.contains("inf"))
            // Every text element is closed, and no name breaks out of one.
            #expect(count("<text", picture) == count("</text>", picture) && !picture.contains("a<b>"))
            #expect(count("<rect", picture) <= count("/>", picture) + count("</rect>", picture))
        }
        #expect(plan.nodes.allSatisfy { bars.contains(">\($0.name)</text>") } && bars.contains("gone"))
    }

    private func count(_ needle: String, _ text: String) -> Int {
        var (count, rest) = (0, Substring(text))
        while let range = Sample.find(needle, in: String(rest)) {
            count += 1
            rest = Substring(String(String(rest)[range.upperBound...]))
        }
        return count
    }

    @Test func reportsCarryTheirFigures() throws {
        let layout = try Deployment("de/a:8,8 us/a:8,8 jp/a:8,8", [world]).solve()
        let plan = Plan(from: layout.state, to: layout)
        #expect(plan.json(warnings: [])["nodes"]?.array?.count == 6)
        #expect(plan.json(warnings: [])["placements"]?.array?.first?["moves"]?.int == 0)
        #expect(Dispersion(layout).json["placements"]?.array?.first?["rows"]?.array?.count == 12)
        #expect(Verification(layout).json["proven"] == .bool(true))
    }

    @Test func figuresAsPeopleReadThem() {
        #expect(Quantity.bytes(0) == "0 B" && Quantity.bytes(8e12) == "8 TB" && Quantity.bytes(1.25e12) == "1.25 TB")
        #expect(
            Quantity.bytes(999.6) == "1 kB" && Quantity.bytes(12_345) == "12.3 kB" && Quantity.bytes(5e18) == "5000 PB")
        #expect(Quantity.percent(0.125) == "12.5%" && Quantity.percent(0, of: 9) == "0%")
        #expect(Quantity.percent(1, of: 9_999) == "<0.1%" && Quantity.percent(9_999, of: 10_000) == "99.9%")
        #expect(Quantity.percent(9, of: 9) == "100%")
        #expect(Quantity.span(seconds: 45) == "45 s" && Quantity.span(seconds: 600) == "10 min")
        #expect(Quantity.span(seconds: 12_240) == "3.4 h" && Quantity.span(seconds: 10 * 86_400) == "10 d")
        #expect(
            Quantity.count(12_288) == "12,288" && Quantity.count(-1_000) == "-1,000" && Quantity.count(999) == "999")
        #expect(Quantity.euros(1_234.5) == "1,234.50 EUR" && Quantity.fixed(-0.001, 2) == "0.00")
        #expect(
            Quantity.fixed(2.5, 0) == "3" && Quantity.fixed(1.005, 1) == "1.0" && Quantity.fixed(.infinity, 1) == "-")
    }
}
