// `atoll simulate --selection`: the choice of replicas, a block for each setting and in it a row for each rule.

import Foundation
import JSON
import Simulator
import World

struct SelectionComparison {
    let seed: UInt64
    let reads: Int
    let json: Bool

    private static let percentiles = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)]

    func run() throws {
        if !json {
            print("seed \(seed), \(reads) reads of each rule in each setting, times in ms")
        }
        var rings: [Int: SelectionRing] = [:]
        for setting in SelectionSetting.all {
            let ring = try rings[setting.clients] ?? SelectionRing(clients: setting.clients)
            rings[setting.clients] = ring
            let trial = SelectionTrial(setting, on: ring, reads: reads, seed: seed)
            let rows = SelectionRule.allCases.map { ($0, trial.run($0)) }
            if json {
                Terminal.output(document(setting, rows) + [0x0A])
            } else {
                print("\n\(title(setting))\n\(table(setting, rows))")
            }
        }
    }

    private func title(_ setting: SelectionSetting) -> String {
        let common = "\(setting.clients) clients, speeds drawn each \(Int(setting.fluctuation.inMilliseconds)) ms"
        return setting.hasFailing
            ? common + "; one of \(SelectionSetting.servers) servers fails at once (SHARE 1 is its fair share)" : common
    }

    private func table(_ setting: SelectionSetting, _ rows: [(SelectionRule, SelectionResult)]) -> String {
        var columns: [(String, Table.Alignment)] = [("RULE", .left)]
        for (name, _) in SelectionComparison.percentiles { columns.append((name.uppercased(), .right)) }
        if setting.hasFailing { columns.append(("SHARE", .right)) }
        var table = Table(columns)
        for (rule, result) in rows {
            let times = SelectionComparison.percentiles.map { decimal(result.percentile($0.1).inMilliseconds, 1) }
            table.add([rule.rawValue] + times + (setting.hasFailing ? [decimal(result.shareOfFirst, 2)] : []))
        }
        return table.text
    }

    private func decimal(_ x: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", x) }

    private func document(_ setting: SelectionSetting, _ rows: [(SelectionRule, SelectionResult)]) -> [UInt8] {
        var line = JSONWriter()
        line.open("{")
        line.member("clients", .int(setting.clients))
        line.member("failing_servers", .int(setting.hasFailing ? 1 : 0))
        line.member("fluctuation_ms", .number(setting.fluctuation.inMilliseconds))
        line.member("reads", .int(reads))
        line.key("rules")
        line.open("[")
        for (rule, result) in rows {
            line.open("{")
            line.member("rule", .string(rule.rawValue))
            for (name, share) in SelectionComparison.percentiles {
                line.member(
                    named: name.replacingOccurrences(of: ".", with: "_") + "_ms",
                    .number(result.percentile(share).inMilliseconds))
            }
            if setting.hasFailing { line.member("share_of_failing", .number(result.shareOfFirst)) }
            line.close("}")
        }
        line.close("]")
        line.member("seed", .int(Int(clamping: seed)))
        line.close("}")
        return line.bytes
    }
}
