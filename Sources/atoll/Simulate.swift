// `atoll simulate`: whole clusters under the simulator, seed by seed; or the choice of replicas alone.

import ArgumentParser
import Foundation
import JSON
import Simulator
import World

struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run whole clusters in virtual time with faults, and check what is promised.",
        discussion: """
            Every seed is a cluster, a load and faults: cut networks, connections that hang and break, crashes, lost, \
            damaged, restored, swapped, slow and full disks, slow and stopped nodes, clocks that jump. The same seed \
            gives the same trace hash. At the end stands how often each kind of event and of fault was played. Exit \
            status 1 if a promise was broken.

            With --selection no cluster is played but the choice of replicas: Atoll's own code beside other rules, on \
            the workload of C3's simulations (NSDI 2015).
            """)

    @Option(help: "A..B, or one seed. (default: 1..100)") var seeds: String?
    @Option(help: "Instead of --seeds: so many that were never played, drawn anew each time. Which, is printed.")
    var fresh: Int?
    @Option(
        help: """
            Plant a bug, to see it caught: \(Mutant.allCases.map(\.rawValue).joined(separator: ", ")).
            """)
    var mutant: String?
    @Flag(help: "Load names alone, and let more go wrong with them.") var names = false
    @Flag(help: "Load the sites of the nodes alone: people who register, post, change, delete, follow and read.")
    var social = false
    @Flag(help: "Go on after a seed that fails.") var keepGoing = false
    @Flag(name: .shortAndLong, help: "A line for each seed.") var verbose = false
    @Flag(help: "A JSON document for each seed, and one with the counts of all; or one for each setting.")
    var json = false
    @Flag(help: "Compare ways of choosing replicas instead.") var selection = false
    @Option(help: "With --selection: what all is drawn from. (default: 1)") var seed: UInt64?
    @Option(help: "With --selection: reads of each rule in each setting. (default: 600000)") var reads: Int?

    func run() throws {
        guard !selection else { return try compare() }
        guard seed == nil, reads == nil else {
            throw CommandFailure.usage("--seed and --reads go with --selection")
        }
        let range = try fresh.map(draw) ?? parse(seeds ?? "1..100")
        let planted = try mutant.map { name -> Mutant in
            guard let mutant = Mutant(rawValue: name) else {
                throw CommandFailure.usage("there is no mutant \"\(name)\"")
            }
            return mutant
        }
        guard !(names && social) else { throw CommandFailure.usage("--names and --social are two kinds of runs") }
        var failed = 0
        var played = 0
        var (requests, nameRequests, reconfigurations) = (0, 0, 0)
        var combined: UInt64 = 0
        var counts = PlayCounts()
        for seed in range {
            let verdict =
                names
                ? Simulation.runNames(seed: seed)
                : social
                    ? Simulation.runSocial(seed: seed, mutant: planted) : Simulation.run(seed: seed, mutant: planted)
            played += 1
            requests += verdict.requests
            nameRequests += verdict.nameRequests
            reconfigurations += verdict.reconfigurations
            combined = combined &* 0x100_0000_01B3 ^ verdict.trace
            counts.add(verdict.counts)
            report(verdict)
            if !verdict.violations.isEmpty {
                failed += 1
                if !keepGoing { break }
            }
        }
        report(counts)
        if !json {
            print(
                "\(played) seeds, \(requests) requests, \(nameRequests) for names, \(reconfigurations) reconfigurations, "
                    + "\(failed) with broken promises, trace \(hex(combined))")
        }
        if failed > 0 { throw ExitCode(1) }
    }

    private func compare() throws {
        guard seeds == nil, fresh == nil, mutant == nil, !names, !social, !keepGoing, !verbose else {
            throw CommandFailure.usage("--selection goes with --seed, --reads and --json alone")
        }
        let reads = reads ?? 600_000
        guard (1...100_000_000).contains(reads) else {
            throw CommandFailure.usage("--reads takes a number from 1 to 100000000")
        }
        try SelectionComparison(seed: seed ?? 1, reads: reads, json: json).run()
    }

    /// Seeds that are always the same can only pass, once they have.
    private func draw(_ count: Int) throws -> ClosedRange<UInt64> {
        guard (1...1_000_000_000).contains(count) else { throw CommandFailure.usage("--fresh takes a positive number") }
        let first = UInt64.random(in: 1_000_000_000...UInt64.max / 2)
        let last = first + UInt64(count) - 1
        if !json { print("fresh seeds \(first)..\(last)") }
        return first...last
    }

    private func parse(_ text: String) throws -> ClosedRange<UInt64> {
        let ends = text.components(separatedBy: "..").map { UInt64($0) }
        if ends.count == 1, let only = ends[0] { return only...only }
        guard ends.count == 2, let first = ends[0], let last = ends[1], first <= last else {
            throw CommandFailure.usage("--seeds takes A..B, not \"\(text)\"")
        }
        return first...last
    }

    private func report(_ verdict: Verdict) {
        if json {
            var line = JSONWriter()
            line.open("{")
            line.member("acknowledged", .int(verdict.acknowledged))
            if let healing = verdict.healing { line.member("healing_ms", .number(healing.inMilliseconds)) }
            line.member("nodes", .int(verdict.nodes))
            line.member("requests", .int(verdict.requests))
            line.member("seed", .int(Int(clamping: verdict.seed)))
            line.member("trace", .string(hex(verdict.trace)))
            line.member("violations", .strings(verdict.violations))
            line.close("}")
            Terminal.output(line.bytes + [0x0A])
            return
        }
        guard verbose || !verdict.violations.isEmpty else { return }
        let healing = verdict.healing.map { String(format: "%.1f s", $0.inSeconds) } ?? "never"
        print(
            "seed \(verdict.seed): \(verdict.nodes) nodes, \(verdict.requests) requests, \(verdict.acknowledged) writes "
                + "acknowledged, healed in \(healing), trace \(hex(verdict.trace))")
        for violation in verdict.violations { print("  broken: \(violation)") }
        if !verdict.violations.isEmpty {
            let plant = mutant.map { " --mutant \($0)" } ?? ""
            let kind = names ? " --names" : social ? " --social" : ""
            print("  replay: atoll simulate\(kind) --seeds \(verdict.seed) --verbose\(plant)")
        }
    }

    private func report(_ counts: PlayCounts) {
        if json {
            var line = JSONWriter()
            line.open("{")
            line.key("played")
            line.open("{")
            for (name, count) in counts.table { line.member(named: name, .int(count)) }
            line.close("}")
            line.close("}")
            return Terminal.output(line.bytes + [0x0A])
        }
        print("played, how often:")
        let width = counts.table.map(\.name.count).max() ?? 0
        for (name, count) in counts.table {
            print("  \(name.padding(toLength: width, withPad: " ", startingAt: 0))  \(count)")
        }
    }

    private func hex(_ x: UInt64) -> String {
        let text = String(x, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }
}
