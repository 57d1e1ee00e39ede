// `atoll ring check` and `atoll ring dispersion`: what a ring file promises, and how evenly its replicas lie.

import ArgumentParser
import JSON
import Planning
import Ring
import RingFile
import World

struct RingCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Can every rule be kept, and what survives which loss?",
        discussion: "Exit status 1 if a rule cannot be kept or promises more than it holds.")
    @OptionGroup var options: RingFileOptions
    @OptionGroup var tables: StateOption

    func run() throws {
        let file = try options.file()
        // What does not fit together is wrong usage, not a verdict.
        if tables.state != nil { _ = try tables.layout(options) }
        let check = try RingCheck(file, state: try tables.read(), progress: ProgressLine().report)
        if options.json { print(check.json.text()) } else { page(check).print() }
        if !check.isFine { throw ExitCode(1) }
    }

    private func page(_ check: RingCheck) -> Printout {
        var page = Printout()
        page.add("cluster \(check.cluster), \(Quantity.count(check.partitions)) partitions")
        var tiers = Table([
            ("COUNTRY", .left), ("ZONES", .right), ("NODES", .right), ("DRAINING", .right), ("GATEWAYS", .right),
            ("CAPACITY", .right),
        ])
        for tier in check.countries {
            tiers.add([
                tier.country, "\(tier.zones)", "\(tier.nodes)", "\(tier.draining)", "\(tier.gateways)",
                Quantity.bytes(tier.capacityBytes),
            ])
        }
        page.add("What there is", tiers)
        var rules = Table([("PLACEMENT", .left), ("FEASIBLE", .left), ("R", .right), ("W", .right), ("RULE", .left)])
        for verdict in check.verdicts {
            rules.add([
                verdict.placement, verdict.infeasible == nil ? Paint.green("yes") : Paint.red("NO"),
                "\(verdict.read)", "\(verdict.write)", verdict.rule,
            ])
        }
        page.add("Rules", rules)
        var losses = Table([
            ("PLACEMENT", .left), ("LOSS OF A", .left), ("WORST", .left), ("LEFT", .right), ("READS FAIL", .right),
            ("WRITES FAIL", .right), ("DATA LOST", .right),
        ])
        for verdict in check.verdicts {
            for worst in verdict.worst {
                let effect = worst.effect
                func share(_ count: Int) -> String {
                    let text = Quantity.percent(count, of: effect.partitions)
                    return count > 0 ? Paint.red(text) : text
                }
                losses.add([
                    verdict.placement, effect.domain.rawValue, effect.name,
                    "\(effect.fewestLeft) of \(verdict.replicas)", share(effect.withoutRead),
                    share(effect.withoutWrite), share(effect.withoutCopy),
                ])
            }
        }
        page.add("What the worst loss leaves (strict quorums, share of the partitions)", losses)
        for verdict in check.verdicts { if let message = verdict.infeasible { page.fail(message) } }
        check.warnings.forEach { page.warn($0) }
        check.notes.forEach { page.note($0) }
        if check.isFine { page.add(Paint.green("fine: every rule can be kept and holds what it promises")) }
        return page
    }
}

struct RingDispersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dispersion", abstract: "How evenly do the replicas lie, and how many of one partition meet?")
    @OptionGroup var options: RingFileOptions
    @OptionGroup var tables: StateOption
    @Flag(help: "Every node, where there are many.") var all = false

    func run() throws {
        let dispersion = Dispersion(try tables.layout(options).layout)
        if options.json { return print(dispersion.json.text()) }
        var page = Printout()
        for table in dispersion.tables {
            page.add(
                "placement \(table.placement): \(table.rule); \(Quantity.count(table.partitions)) partitions, "
                    + "\(Quantity.count(table.partitions * table.replicas)) replicas")
            var shown = Table(
                [("TIER", .left), ("NAME", .left), ("REPLICAS", .right), ("SHARE", .right), ("MAX", .right)]
                    + (0...table.replicas).map { ("\($0)", .right) })
            for tier in Dispersion.Tier.allCases {
                let rows = table.rows.filter { $0.tier == tier }
                for row in all ? rows[...] : rows.prefix(Limits.tableRows) {
                    shown.add(
                        [
                            tier.rawValue, row.name, Quantity.count(row.replicas), Quantity.percent(row.share),
                            "\(row.most)",
                        ] + row.partitionsWith.map { $0 == 0 ? "-" : Quantity.count($0) })
                }
                if !all, rows.count > Limits.tableRows {
                    shown.add(
                        [tier.rawValue, "… \(rows.count - Limits.tableRows) more: --all", "", "", ""]
                            + row0(table.replicas))
                }
            }
            page.add("Replicas, and how many partitions have 0, 1, 2 … of theirs there", shown)
        }
        page.print()
    }

    private func row0(_ replicas: Int) -> [String] { Array(repeating: "", count: replicas + 1) }
}
