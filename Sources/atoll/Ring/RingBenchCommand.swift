// `atoll ring bench`: the solver on large synthetic fleets, beside a weighted rendezvous hash on the same changes.

import ArgumentParser
import Foundation
import JSON
import Planning
import Ring
import RingFile
import Solver

struct RingBenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure the solver on large fleets, beside a weighted rendezvous hash.",
        discussion: """
            Each fleet has nodes of three sizes. FULLEST is the fullest node's fill over the mean; BOUND the fewest moves that \
            fills alone allow. Exit status 1 if the solver moves more than the bound.
            """)
    @Option(help: "Only the cases whose name contains this.") var only: String?
    @Flag(help: "Print a JSON document.") var json = false

    func run() throws {
        let cases = SolverBenchmark.all.filter { entry in only.map { entry.name.contains($0) } ?? true }
        guard !cases.isEmpty else {
            throw CommandFailure.usage(
                "no case is called so; there are: " + SolverBenchmark.all.map(\.name).joined(separator: "; "))
        }
        let clock = ContinuousClock()
        let begin = clock.now
        func seconds() -> Double {
            let passed = clock.now - begin
            return Double(passed.components.seconds) + Double(passed.components.attoseconds) * 1e-18
        }
        var results: [SolverBenchmark.Result] = []
        for entry in cases {
            do { results.append(try entry.run(seconds: seconds)) } catch { throw CommandFailure.no(error.message) }
        }
        let memory = peakMemoryBytes()
        if json {
            print(
                JSONValue.object([
                    "cases": .array(results.map(\.json)), "peak_memory": .optional(memory.map { Double($0) }),
                ]).text())
        } else {
            page(results, memory).print()
        }
        if results.contains(where: { $0.steps.contains { $0.moves > $0.bound } }) { throw ExitCode(1) }
    }

    private func page(_ results: [SolverBenchmark.Result], _ memory: Int?) -> Printout {
        var table = Table([
            ("CASE", .left), ("CHANGE", .left), ("TIME", .right), ("MOVES", .right), ("BOUND", .right),
            ("FULLEST", .right), ("HASH MOVES", .right), ("HASH FULLEST", .right),
        ])
        for result in results {
            for (at, step) in result.steps.enumerated() {
                table.add([
                    at == 0 ? result.name : "", step.name, Quantity.fixed(step.seconds, 2) + " s",
                    Quantity.count(step.moves), Quantity.count(step.bound), Quantity.fixed(step.fullest, 3),
                    Quantity.count(step.rendezvousMoves), Quantity.fixed(step.rendezvousFullest, 3),
                ])
            }
        }
        var page = Printout()
        page.add("Placement solver beside a weighted rendezvous hash (HASH), N=3", table)
        if let memory { page.add("largest memory of this process: \(Quantity.bytes(Double(memory)))") }
        return page
    }

    /// What this process had resident at the most; nil where the system does not tell.
    private func peakMemoryBytes() -> Int? {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
            let kibibytes = line.split(separator: " ").compactMap({ Int($0.filter(\.isNumber)) }).first
        else { return nil }
        return kibibytes * 1024
    }
}
