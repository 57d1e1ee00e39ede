// `atoll ring plan`: what a change moves, how long that takes, what it costs.

import ArgumentParser
import Foundation
import JSON
import Planning
import Ring
import RingFile
import World

struct RingPlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "From the tables in force to those that the ring file asks for, with fewest moves.",
        discussion: """
            Without --from the plan begins from nothing. --to writes the new tables, for the next plan's --from. A running \
            cluster's tables are what GET /v1/ring answers; --from takes that document too.
            Exit status 1 if a rule cannot be kept, survives less than it says, or a disk would be fuller than full_at.
            """)
    @OptionGroup var options: RingFileOptions
    @Option(help: ArgumentHelp("The tables in force.", valueName: "state.json")) var from: String?
    @Option(help: ArgumentHelp("Where to write the planned tables.", valueName: "state.json")) var to: String?
    @Flag(help: "Every zone and node, where there are many.") var all = false

    func run() throws {
        let file = try options.file()
        let before = try from.map(RingFiles.state)
        if let to { try refuseToOverwrite(to) }
        let layout = try RingFiles.feasible(file) {
            try Layout.solve(file, from: before, progress: ProgressLine().report)
        }
        let plan = Plan(from: before, to: layout)
        if let to { try RingFiles.write(layout.state.json.encode() + [0x0A], to: to) }
        let warnings = warnings(plan)
        if options.json {
            print(plan.json(warnings: warnings).text())
        } else {
            page(plan, warnings, cluster: layout.state.cluster, before).print()
        }
        if !warnings.isEmpty { throw ExitCode(1) }
    }

    /// A ring file named by mistake must not become a state.
    private func refuseToOverwrite(_ path: String) throws {
        guard FileManager.default.fileExists(atPath: path) else { return }
        guard (try? RingFiles.state(path)) != nil else {
            throw CommandFailure.usage("--to writes the planned state; \(path) exists and is no ring state")
        }
    }

    private func warnings(_ plan: Plan) -> [String] {
        var warnings: [String] = []
        for effort in plan.efforts {
            if !effort.survives {
                warnings.append(
                    "placement \(effort.placement) does not survive what it says it does: "
                        + "atoll ring check \(options.ring)")
            }
            if effort.withoutSource > 0 {
                warnings.append(
                    "placement \(effort.placement): \(Quantity.count(effort.withoutSource)) replicas have no living "
                        + "copy to be made from: their data is gone")
            }
        }
        if let fullest = plan.fullest, plan.sizeNote == nil, fullest.fill > plan.fullAt {
            warnings.append(
                "\(fullest.node) would be \(Quantity.percent(fullest.fill)) full, above full_at "
                    + "\(Quantity.percent(plan.fullAt, digits: 0))")
        }
        return warnings
    }

    private func page(_ plan: Plan, _ warnings: [String], cluster: String, _ before: RingState?) -> Printout {
        var page = Printout()
        let nodes = plan.nodes.count { !$0.isGone }
        page.add(
            before == nil
                ? "cluster \(cluster): the first tables, for \(nodes) nodes"
                : "cluster \(cluster): from \(before?.nodes.count ?? 0) nodes to \(nodes)")
        page.add("Countries", RingTables.plan("COUNTRY", plan.countries, all: all))
        page.add("Zones", RingTables.plan("ZONE", plan.zones, all: all))
        page.add("Nodes", RingTables.plan("NODE", plan.nodes, all: all, bars: true))
        var efforts = Table([
            ("PLACEMENT", .left), ("REPLICAS", .right), ("MOVES", .right), ("BOUND", .right), ("FORCED", .right),
            ("BORDERS", .right), ("LOST", .right), ("", .left),
        ])
        for effort in plan.efforts {
            efforts.add([
                effort.placement, Quantity.count(effort.replicas), effort.isFirst ? "-" : Quantity.count(effort.moves),
                effort.isFirst ? "-" : Quantity.count(effort.bound),
                effort.isFirst ? "-" : Quantity.count(effort.forced), Quantity.count(effort.crossings),
                Quantity.count(effort.lost), effort.isFirst ? "filled for the first time" : "",
            ])
        }
        page.add("Moves: no table within the fills' bounds has fewer; forced: by the rules, above the bound", efforts)
        page.add("Copies between countries", RingTables.traffic(plan.traffic))
        page.add(
            "Waves: one after the other, at most one replica of a partition in flight", RingTables.waves(plan.waves))
        if !plan.moves.isEmpty { page.add(time(plan)) }
        warnings.forEach { page.warn($0) }
        page.note(plan.sizeNote)
        if let to { page.add("the planned tables are in \(to)") }
        return page
    }

    private func time(_ plan: Plan) -> String {
        let amount = "\(Quantity.count(plan.moves.count)) copies, \(Quantity.bytes(plan.bytes))"
        let cost = plan.euros.map { ", \(Quantity.euros($0))" } ?? ""
        guard let seconds = plan.seconds else {
            return "\(amount)\(cost); how long it takes is unknown: give nodes mbit and countries [link.A-B] mbit"
        }
        let what = plan.bottleneck.map { "; the bottleneck is \($0)" } ?? ""
        let partial = plan.isTimePartial ? " (some nodes or links have no mbit)" : ""
        return Printout.wrap("\(amount)\(cost), at least \(Quantity.span(seconds: seconds))\(what)\(partial)")
    }
}

/// Tables that several commands print.
enum RingTables {
    static func plan(_ title: String, _ rows: [Plan.Row], all: Bool, bars: Bool = false) -> Table {
        var table = Table(
            [
                (title, .left), ("OLD", .right), ("NEW", .right), ("IN", .right), ("OUT", .right), ("SIZE", .right),
                ("FILL", .right), ("IDEAL", .right),
            ] + (bars ? [("", .left)] : []))
        for row in all ? rows[...] : rows.prefix(Limits.tableRows) {
            let fill = row.fill.map { Quantity.percent($0) } ?? "-"
            var cells = [
                row.name + (row.isGone ? " (gone)" : ""), Quantity.count(row.before), Quantity.count(row.after),
                row.arriving == 0 ? "-" : "+\(Quantity.count(row.arriving))",
                row.leaving == 0 ? "-" : "-\(Quantity.count(row.leaving))", Quantity.bytes(row.bytes),
                (row.fill ?? 0) > 1 ? Paint.red(fill) : fill, row.ideal.map { Quantity.percent($0) } ?? "-",
            ]
            if bars { cells.append(bar(row.fill ?? 0, ideal: row.ideal ?? 0)) }
            table.add(cells)
        }
        if !all, rows.count > Limits.tableRows {
            table.add(["… \(rows.count - Limits.tableRows) more: --all"] + Array(repeating: "", count: bars ? 8 : 7))
        }
        return table
    }

    /// Twenty columns for a full disk; the ideal is a bar across.
    static func bar(_ fill: Double, ideal: Double) -> String {
        let width = 20
        let full = min(width, Int((fill * Double(width)).rounded()))
        var cells = (0..<width).map { $0 < full ? "█" : "·" }
        let mark = min(width - 1, max(0, Int((ideal * Double(width)).rounded()) - 1))
        if ideal > 0 { cells[mark] = mark < full ? "▓" : "|" }
        return cells.joined()
    }

    static func traffic(_ rows: [Plan.Traffic]) -> Table {
        var table = Table([
            ("FROM", .left), ("TO", .left), ("COPIES", .right), ("SIZE", .right), ("COST", .right),
        ])
        for row in rows {
            table.add([
                row.from, row.to, Quantity.count(row.copies), Quantity.bytes(row.bytes),
                row.euros.map(Quantity.euros) ?? "no price",
            ])
        }
        return table
    }

    static func waves(_ waves: [Plan.Wave]) -> Table {
        var table = Table([
            ("WAVE", .right), ("COPIES", .right), ("SIZE", .right), ("AT LEAST", .right), ("BOTTLENECK", .left),
        ])
        for (at, wave) in waves.enumerated() {
            table.add([
                "\(at + 1)", Quantity.count(wave.moves), Quantity.bytes(wave.bytes),
                wave.time.map { Quantity.span(seconds: $0.seconds) } ?? "unknown",
                wave.time?.bottleneck.map(\.description) ?? "-",
            ])
        }
        return table
    }
}
