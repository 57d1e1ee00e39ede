// `atoll simulate --names`: the namestore alone under the simulator, seed by seed.

import Foundation
import Simulator

/// Runs the namestore's model over seeds and reports like `atoll simulate` does.
struct NamesSimulation {
    let mutant: NamesMutant?
    let keepsGoing: Bool
    let isVerbose: Bool
    let isJSON: Bool

    /// The number of seeds that broke a promise.
    func run(_ seeds: ClosedRange<UInt64>) -> Int {
        var (played, requests, reconfigurations, failed) = (0, 0, 0, 0)
        for seed in seeds {
            let settings = mutant?.settings(seed) ?? .drawn(seed)
            let report = NamesModel.run(settings, seams: mutant?.seams ?? NamesSeams())
            played += 1
            requests += report.requests
            reconfigurations += report.reconfigurationsDone
            describe(seed, report)
            guard !report.violations.isEmpty else { continue }
            failed += 1
            if !keepsGoing { break }
        }
        if !isJSON {
            print(
                "names: \(played) seeds, \(requests) requests, \(reconfigurations) reconfigurations, "
                    + "\(failed) with broken promises")
        }
        return failed
    }

    private func describe(_ seed: UInt64, _ report: NamesReport) {
        if isJSON {
            struct Line: Encodable {
                var seed: UInt64, requests: Int, answered: Int, unknown: Int, crashes: Int, reconfigurations: Int
                var epoch: UInt64, violations: [String]
            }
            let line = Line(
                seed: seed, requests: report.requests, answered: report.answered, unknown: report.unknown,
                crashes: report.crashes, reconfigurations: report.reconfigurationsDone, epoch: report.epoch,
                violations: report.violations)
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            if let data = try? encoder.encode(line) { Terminal.output([UInt8](data) + [0x0A]) }
            return
        }
        guard isVerbose || !report.violations.isEmpty else { return }
        print(
            "seed \(seed): \(report.requests) requests, \(report.answered) answered, \(report.unknown) unknown, "
                + "\(report.crashes) crashes, \(report.wipes) wiped and \(report.corruptions) damaged disks, "
                + "\(report.reconfigurationsDone) reconfigurations, \(report.messages) messages")
        for violation in report.violations { print("  broken: \(violation)") }
        if !report.violations.isEmpty {
            let plant = mutant.map { " --mutant \($0.rawValue)" } ?? ""
            print("  replay: atoll simulate --names --seeds \(seed) --verbose\(plant)")
        }
    }
}
