// The outcome of a load run, for people and for programs.

import Foundation
import Histogram
import JSON
import Ring

struct BenchReport {
    let plan: LoadPlan
    let loaded: LoadResult?
    let measured: LoadResult?

    private static let percentiles: [(name: String, value: Double)] = [
        ("p50", 50), ("p90", 90), ("p99", 99), ("p99.9", 99.9), ("max", 100),
    ]

    // MARK: For people

    var text: String {
        var parts = [headline, table]
        if let measured {
            parts.append("answers: " + BenchReport.statuses(measured.figures).joined(separator: ", "))
            if measured.figures.unsent > 0 {
                parts.append(
                    "The nodes did not keep up with the rate: \(BenchReport.count(measured.figures.unsent)) requests were due and "
                        + "never sent.")
            }
            if measured.figures.get.statuses[404] > 0 {
                parts.append("Some keys are absent; --load writes all of them first.")
            }
        }
        return parts.joined(separator: "\n\n")
    }

    private var headline: String {
        let load =
            switch plan.arrival {
            case .closed: "\(plan.connections) connections, closed loop"
            case .open(let rate):
                "\(BenchReport.decimal(rate, 0)) req/s over \(plan.connections) connections, open loop"
            }
        return
            "\(load); \(BenchReport.count(plan.keys)) keys, \(plan.distribution.rawValue); \(plan.valueBytes)-byte values; "
            + plan.urls.map(\.description).joined(separator: ", ")
    }

    private var table: String {
        var table = Table(
            [("operation", .left), ("requests", .right), ("s", .right), ("req/s", .right), ("errors", .right)]
                + BenchReport.percentiles.map { ("\($0.name) ms", .right) })
        for (name, part, result) in rows {
            table.add(
                [
                    name, BenchReport.count(part.requests), BenchReport.decimal(result.seconds, 1),
                    BenchReport.decimal(result.rate(part), 0), BenchReport.count(part.errors),
                ] + BenchReport.percentiles.map { BenchReport.ms(part.latencies, $0.value) })
        }
        return table.text
    }

    private var rows: [(String, LoadFigures.OfOperation, LoadResult)] {
        var rows: [(String, LoadFigures.OfOperation, LoadResult)] = []
        if let loaded { rows.append(("load", loaded.figures.put, loaded)) }
        if let measured {
            let used = LoadOperation.allCases.filter { measured.figures[$0].requests > 0 }
            rows += used.map { ($0.name, measured.figures[$0], measured) }
            if used.count != 1 { rows.append(("all", measured.figures.all, measured)) }
        }
        return rows
    }

    /// "get 200 × 12" and so on, of all that occurred.
    static func statuses(_ figures: LoadFigures) -> [String] {
        LoadOperation.allCases.flatMap { operation in
            counts(figures[operation]).map { "\(operation.name) \($0.name) × \(count($0.count))" }
        }
    }

    private static func counts(_ part: LoadFigures.OfOperation) -> [(name: String, count: Int)] {
        let statuses = part.statuses.enumerated().map { (name: "\($0.offset)", count: $0.element) }
        return (statuses + [("lost", part.lost), ("timed out", part.timedOut), ("malformed", part.malformed)])
            .filter { $0.count > 0 }
    }

    // MARK: For programs

    var json: [UInt8] {
        var rate = JSONValue.null
        if case .open(let perSecond) = plan.arrival { rate = .number(perSecond) }
        let document: JSONValue = .object([
            "workload": .string(plan.workload.rawValue),
            "distribution": .string(plan.distribution.rawValue),
            "urls": .strings(plan.urls.map(\.description)),
            "connections": .int(plan.connections),
            "rate": rate,
            "keys": .int(plan.keys),
            "value_bytes": .int(plan.valueBytes),
            "seed": .int(Int(truncatingIfNeeded: plan.seed)),
            "unsent": .int(measured?.figures.unsent ?? 0),
            "operations": .array(rows.map(BenchReport.row)),
        ])
        return document.encode(pretty: true) + [0x0A]
    }

    private static func row(_ name: String, _ part: LoadFigures.OfOperation, _ result: LoadResult) -> JSONValue {
        let latencies = percentiles.map { percentile in
            let field = "\(percentile.name.replacingOccurrences(of: ".", with: "_"))_ms"
            return JSONValue.Member(field, .optional(milliseconds(part.latencies, percentile.value)))
        }
        return .object(
            [
                JSONValue.Member("operation", .string(name)),
                JSONValue.Member("requests", .int(part.requests)),
                JSONValue.Member("seconds", .number(result.seconds)),
                JSONValue.Member("requests_per_second", .number(result.rate(part))),
                JSONValue.Member("errors", .int(part.errors)),
                JSONValue.Member("mean_ms", part.latencies.totalCount > 0 ? .number(part.latencies.mean / 1e6) : .null),
            ] + latencies + [
                JSONValue.Member("answers", .object(counts(part).map { JSONValue.Member($0.name, .int($0.count)) }))
            ])
    }

    // MARK: Numbers

    /// Nil where nothing was measured.
    private static func milliseconds(_ latencies: LoadFigures.Latencies, _ percentile: Double) -> Double? {
        guard latencies.totalCount > 0 else { return nil }
        let nanoseconds = percentile == 100 ? latencies.max : latencies.valueAtPercentile(percentile)
        return Double(nanoseconds) / 1e6
    }

    static func ms(_ latencies: LoadFigures.Latencies, _ percentile: Double) -> String {
        milliseconds(latencies, percentile).map { decimal($0, $0 < 10 ? 3 : 1) } ?? "-"
    }

    static func count(_ number: Int) -> String { decimal(Double(number), 0) }

    /// With a comma between thousands.
    private static func decimal(_ number: Double, _ digits: Int) -> String {
        let text = String(format: "%.\(digits)f", number)
        let whole = text.prefix { $0 != "." }
        var grouped = ""
        for (index, digit) in whole.enumerated() {
            if index > 0, (whole.count - index).isMultiple(of: 3) { grouped.append(",") }
            grouped.append(digit)
        }
        return grouped + text.dropFirst(whole.count)
    }
}
