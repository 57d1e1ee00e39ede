// `atoll ring whatif|capacity|durability`: what comes, and what may come.

import ArgumentParser
import Foundation
import JSON
import Planning
import Ring
import RingFile

struct RingWhatIfCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "whatif", abstract: "What if a node, a zone, a country were lost, or nodes were added?",
        discussion: """
            --lose and --add may be repeated and mixed: all of it happens at once.
              atoll ring whatif RING.toml --lose country:de
              atoll ring whatif RING.toml --lose node:de-fra-1 --add 3:de/fra1:8TB
            Exit status 1 if a rule can no longer be kept, a quorum is gone, or a disk would be fuller than full_at.
            """)
    @OptionGroup var options: RingFileOptions
    @OptionGroup var tables: StateOption
    @Option(help: "country:NAME, zone:COUNTRY/NAME or node:ID.") var lose: [String] = []
    @Option(help: "COUNT:COUNTRY/ZONE:CAPACITY, such as 3:de/fra1:8TB.") var add: [String] = []

    func run() throws {
        let imagined =
            try lose.map { text in
                guard let loss = Imagined.loss(text) else {
                    throw CommandFailure.usage(
                        "--lose \"\(text)\": say country:NAME, zone:COUNTRY/NAME or node:ID, such as country:de")
                }
                return loss
            }
            + add.map { text in
                guard let addition = Imagined.addition(text) else {
                    throw CommandFailure.usage(
                        "--add \"\(text)\": say COUNT:COUNTRY/ZONE:CAPACITY, such as 3:de/fra1:8TB")
                }
                return addition
            }
        guard !imagined.isEmpty else {
            throw CommandFailure.usage("say what to imagine: --lose country:de, --add 3:de/fra1:8TB")
        }
        let (file, layout) = try tables.layout(options)
        let result: WhatIf
        do {
            result = try WhatIf(layout, shares: file.dataShares, imagined, progress: ProgressLine().report)
        } catch { throw CommandFailure.usage("\(error)") }
        if options.json { print(result.json.text()) } else { page(result).print() }
        if !result.isFine { throw ExitCode(1) }
    }

    private func page(_ result: WhatIf) -> Printout {
        var page = Printout()
        page.add("the cluster " + result.imagined.map(\.description).joined(separator: ", "))
        var atOnce = Table([
            ("PLACEMENT", .left), ("COPIES LEFT", .right), ("READ QUORUM", .right), ("WRITE QUORUM", .right),
            ("DATA LOST", .right), ("RULE AFTERWARDS", .left),
        ])
        for verdict in result.verdicts {
            let effect = verdict.atOnce
            func kept(_ without: Int) -> String {
                let text = Quantity.percent(effect.partitions - without, of: effect.partitions)
                return without > 0 ? Paint.red(text) : text
            }
            atOnce.add([
                verdict.placement, "\(effect.fewestLeft) of \(verdict.replicas)", kept(effect.withoutRead),
                kept(effect.withoutWrite), Quantity.percent(effect.withoutCopy, of: effect.partitions),
                verdict.infeasible == nil ? "can be kept" : Paint.red("CANNOT BE KEPT"),
            ])
        }
        page.add("At once: the fewest copies of a partition, and the partitions that have their quorums", atOnce)
        var after = Table([("AFTER THE REBUILD", .left), ("", .left)])
        after.add(["replicas to copy", Quantity.count(result.verdicts.reduce(0) { $0 + $1.moves })])
        after.add([
            "bytes to copy",
            "\(Quantity.bytes(result.rebuildBytes)), \(Quantity.bytes(result.crossBorderBytes)) of them across borders"
                + (result.euros.map { ", \(Quantity.euros($0))" } ?? ""),
        ])
        let bottleneck = result.bottleneck.map { "; the bottleneck is \($0)" } ?? ""
        after.add([
            "time, at least",
            result.rebuildBytes == 0
                ? "-"
                : result.seconds.map { Quantity.span(seconds: $0) + bottleneck }
                    ?? "unknown: give nodes mbit and countries [link.A-B] mbit",
        ])
        if let before = result.fullestBefore, let now = result.fullestAfter {
            let text = "\(Quantity.percent(now.fill)) (\(now.node))"
            after.add([
                "fullest node",
                "\(Quantity.percent(before.fill)) (\(before.node)) → "
                    + (now.fill > result.fullAt ? Paint.red(text) : text),
            ])
        }
        page.add(after.text)
        for verdict in result.verdicts { if let message = verdict.infeasible { page.fail(message) } }
        if let now = result.fullestAfter, now.fill > result.fullAt {
            page.warn(
                "\(now.node) would be \(Quantity.percent(now.fill)) full, above full_at "
                    + "\(Quantity.percent(result.fullAt, digits: 0))"
                    + (now.fill > 1 ? ": the rebuild does not fit" : ""))
        }
        page.note(result.sizeNote)
        return page
    }
}

struct RingCapacityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "capacity", abstract: "When are the disks full, in good days and after a loss, and what to buy?",
        discussion: """
            The ring file's [growth] says how much data there is and how it grows:
              [growth]
              data = "20TB"          # one copy of it, on the day --start
              per_month = "5%"       # or a size, "500GB"
            Exit status 1 if full_at is reached within the months, in good days or after a loss that is rebuilt. What to buy \
            for a line includes what the lines above it need.
            """)
    @OptionGroup var options: RingFileOptions
    @OptionGroup var tables: StateOption
    @Option(help: "How far to look, 1 to 600.") var months = 24
    @Option(help: ArgumentHelp("The day of the data in [growth]; today by default.", valueName: "yyyy-mm-dd"))
    var start: String?

    func run() throws {
        guard (1...600).contains(months) else { throw CommandFailure.usage("--months is 1 to 600, not \(months)") }
        let start = try RingCapacityCommand.date(start)
        let (file, layout) = try tables.layout(options)
        guard !layout.isDataAssumed else {
            throw CommandFailure.usage(
                "\(options.ring) does not say how much data there is: add [growth] data = \"20TB\", per_month = \"5%\"")
        }
        let forecast = CapacityForecast(layout, shares: file.dataShares, start: start, months: months)
        if options.json { print(forecast.json.text()) } else { page(forecast).print() }
        if forecast.reachesLimit { throw ExitCode(1) }
    }

    static func date(_ text: String?) throws -> CalendarDate {
        if let text {
            guard let date = CalendarDate(text) else {
                throw CommandFailure.usage("--start takes a day such as 2026-11-24, not \"\(text)\"")
            }
            return date
        }
        var now = time(nil)
        var parts = tm()
        gmtime_r(&now, &parts)
        let date = CalendarDate(year: Int(parts.tm_year) + 1900, month: Int(parts.tm_mon) + 1, day: Int(parts.tm_mday))
        guard let date else { throw CommandFailure.usage("this machine's clock is off: say --start yyyy-mm-dd") }
        return date
    }

    private func page(_ forecast: CapacityForecast) -> Printout {
        var page = Printout()
        // More countries than these do not fit into 100 columns; the fullest are shown.
        let last = forecast.months.last?.fills ?? []
        let shown = last.indices.sorted { (-last[$0], $0) < (-last[$1], $1) }.prefix(6).sorted()
        var table = Table(
            [("MONTH", .left), ("DATA", .right), ("FULLEST NODE", .right)]
                + shown.map { (forecast.countries[$0], .right) })
        for month in forecast.months {
            func paint(_ fill: Double) -> String {
                let text = Quantity.percent(fill)
                return fill >= 1 ? Paint.red(text) : fill >= forecast.fullAt ? Paint.yellow(text) : text
            }
            table.add(
                [month.date.description, Quantity.bytes(month.dataBytes), paint(month.fullest)]
                    + shown.map { paint(month.fills[$0]) })
        }
        let hidden = forecast.countries.count - shown.count
        page.add(
            "Fill by month"
                + (hidden > 0 ? " (the \(shown.count) fullest of \(forecast.countries.count) countries)" : ""),
            table)
        var limits = Table([
            ("AFTER LOSING", .left), ("WORST", .left), ("FULLEST TODAY", .right), ("FULL ON", .left), ("BUY", .left),
        ])
        let start = forecast.months.first?.date
        for limit in forecast.limits {
            let date = limit.fullOn.map { $0 == start ? Paint.red("already") : $0.description } ?? "not in 100 years"
            limits.add([
                limit.domain.map { "a \($0.rawValue)" } ?? "nothing", limit.worst ?? "-",
                limit.fillToday.map { Quantity.percent($0) } ?? "-", limit.fillToday == nil ? "no rebuild" : date,
                limit.isOutOfReach ? "more nodes than a ring may have" : purchases(limit.purchases),
            ])
        }
        let full = Quantity.percent(forecast.fullAt, digits: 0)
        page.add(
            "When the fullest node reaches full_at (\(full)); what to buy to stay below for \(months) months, line by line "
                + "in all", limits)
        for limit in forecast.limits where !limit.cannotRebuild.isEmpty {
            let names = limit.cannotRebuild.prefix(8).joined(separator: ", ")
            let more = limit.cannotRebuild.count > 8 ? " and \(limit.cannotRebuild.count - 8) more" : ""
            page.note(
                "without \(limit.domain?.rawValue ?? "") \(names)\(more) some rule cannot be kept: nothing is rebuilt "
                    + "then, and no disk fills faster, but that many copies are missing until it is replaced")
        }
        if forecast.growth == nil { page.note("[growth] has no per_month: the data stays as it is") }
        return page
    }

    private func purchases(_ list: [CapacityForecast.Purchase]) -> String {
        if list.isEmpty { return "nothing" }
        let shown = list.prefix(6).map {
            "\($0.nodes) × \(Quantity.bytes(Double($0.capacityBytes))) in \($0.country)/\($0.zone)"
        }
        let total = list.reduce(0) { $0 + $1.nodes }
        return shown.joined(separator: ", ")
            + (list.count > 6
                ? ", …: \(Quantity.count(total)) nodes in all, in \(list.count) places and sizes (--json)" : "")
    }
}

struct RingDurabilityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "durability", abstract: "How likely is it to lose all copies of something within a year?",
        discussion: """
            An upper limit on optimism: failures are taken to be independent. What is lost together with a zone or a country \
            stands beside it. Nodes say afr (failures per year) and mbit in the ring file.
            """)
    @OptionGroup var options: RingFileOptions
    @OptionGroup var tables: StateOption
    @Option(help: "Hours from a failure to the beginning of the rebuild.") var delay = 0.0

    func run() throws {
        guard delay >= 0, delay <= 24 * 365 else { throw CommandFailure.usage("--delay is 0 to 8760 hours") }
        let (file, layout) = try tables.layout(options)
        let estimate = DurabilityEstimate(
            layout, shares: file.dataShares, delaySeconds: delay * 3_600, progress: ProgressLine().report)
        if options.json { print(estimate.json.text()) } else { page(estimate).print() }
    }

    private func page(_ estimate: DurabilityEstimate) -> Printout {
        var page = Printout()
        var table = Table([
            ("PLACEMENT", .left), ("N", .right), ("COPYSETS", .right), ("PEERS MEAN", .right), ("LEAST", .right),
            ("REPAIR", .right), ("LOSSES A YEAR", .right), ("NINES", .right),
        ])
        for row in estimate.rows {
            table.add([
                row.placement, "\(row.replicas)", Quantity.count(row.copysets), Quantity.fixed(row.meanPeers, 1),
                "\(row.fewestPeers)", Quantity.span(seconds: row.repairSeconds), scientific(row.lossPerYear),
                row.nines.isFinite ? Quantity.fixed((row.nines * 10).rounded(.down) / 10, 1) : "-",
            ])
        }
        page.add("Independent failures, \(Quantity.percent(estimate.failuresPerYear)) of the nodes a year", table)
        var losses = Table([
            ("PLACEMENT", .left), ("LOST TOGETHER", .left), ("COPIES LEFT", .right), ("WRITES FAIL", .right),
            ("DATA LOST", .right),
        ])
        for entry in estimate.correlated {
            let lost = Quantity.percent(entry.effect.withoutCopy, of: entry.effect.partitions)
            losses.add([
                entry.placement, "\(entry.effect.domain.rawValue) \(entry.effect.name)", "\(entry.effect.fewestLeft)",
                Quantity.percent(entry.effect.withoutWrite, of: entry.effect.partitions),
                entry.effect.withoutCopy > 0 ? Paint.red(lost) : lost,
            ])
        }
        page.add("Failures that are not independent: the worst zone and country", losses)
        page.add(
            Paint.bold("Assumptions: the figures are no better than these") + "\n"
                + estimate.assumptions.map { Printout.wrap($0, "- ", 2) }.joined(separator: "\n"))
        page.note(estimate.sizeNote)
        return page
    }

    private func scientific(_ value: Double) -> String { value > 0 ? String(format: "%.1e", value) : "0" }
}
