// `atoll ring explain|verify|diff`: where a key lies, the proof, and what changed.

import ArgumentParser
import Foundation
import JSON
import Planning
import Ring
import RingFile
import World

struct RingExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Where does a key lie, and why there?",
        discussion: """
            From a ring file:        atoll ring explain posts/1 RING.toml
            From a running node:     atoll ring explain posts/1 --url http://127.0.0.1:7071
            With both they are compared; exit status 1 if they differ.
            """)
    @Argument(help: "BUCKET/KEY or BUCKET/KEY/SORT. Percent-encode a / or other bytes inside a part (%2F).") var key:
        String
    @Argument(help: "The ring file.") var ring: String?
    @Option(help: "A node's HTTP address.") var url: String?
    @OptionGroup var tables: StateOption
    @Flag(help: "Print a JSON document.") var json = false

    func run() async throws {
        let (bucket, partitionKey) = try parts()
        var found: [(origin: String, explanation: KeyExplanation)] = []
        if let ring {
            let document = try offline(ring)
            found.append((ring, KeyExplanation(document, bucket: bucket, partitionKey: partitionKey)))
        } else if tables.state != nil {
            throw CommandFailure.usage("--state needs the ring file beside it")
        }
        if let url {
            let document = try await RingOfNode.document(url)
            found.append((url, KeyExplanation(document, bucket: bucket, partitionKey: partitionKey)))
        }
        guard let first = found.first else {
            throw CommandFailure.usage("say a ring file, or a node with --url http://127.0.0.1:7071")
        }
        let agree = found.count < 2 || found[0].explanation.agrees(with: found[1].explanation)
        if json {
            let both = JSONValue.array(found.map { $0.explanation.json(origin: $0.origin) })
            print(JSONValue.object(["key": .string(key), "agree": .bool(agree), "explanations": both]).text())
        } else {
            var page = Printout()
            for entry in agree ? [first] : found { add(entry.explanation, entry.origin, &page) }
            if found.count == 2 {
                page.add(
                    agree
                        ? Paint.green("\(found[0].origin) and \(found[1].origin) agree")
                        : Paint.red("\(found[0].origin) and \(found[1].origin) DISAGREE")
                            + ": the node has another ring document (epoch \(found[1].explanation.epoch), digest "
                            + "\(found[1].explanation.digest.prefix(12)))")
            }
            page.print()
        }
        if !agree { throw ExitCode(1) }
    }

    private func offline(_ path: String) throws -> RingDocument {
        var options = RingFileOptions()
        options.ring = path
        options.json = json
        do { return try tables.layout(options).layout.document() } catch let error as RingDocumentError {
            throw CommandFailure.usage("\(path): \(error.message)")
        }
    }

    private func parts() throws -> (bucket: [UInt8], partitionKey: [UInt8]) {
        let parts = key.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard (2...3).contains(parts.count), parts.allSatisfy({ !$0.isEmpty }) else {
            throw CommandFailure.usage("\"\(key)\": a key is BUCKET/KEY or BUCKET/KEY/SORT")
        }
        guard let bucket = PercentEncoding.decode(parts[0]), let partitionKey = PercentEncoding.decode(parts[1]) else {
            throw CommandFailure.usage("\"\(key)\": % is followed by two hexadecimal digits")
        }
        return (bucket, partitionKey)
    }

    private func add(_ explanation: KeyExplanation, _ origin: String, _ page: inout Printout) {
        var facts = Table([("KEY", .left), (key, .left)])
        facts.add(["token", explanation.token])
        facts.add([
            "partition",
            "\(explanation.partition) of \(explanation.partitions): tokens \(explanation.firstToken) to "
                + explanation.lastToken,
        ])
        facts.add(["placement", "\(explanation.placement): \(explanation.rule)"])
        facts.add(["levels", "read \(explanation.read), write \(explanation.write)"])
        facts.add(["ring", "\(origin), epoch \(explanation.epoch), digest \(explanation.digest.prefix(12))"])
        page.add(facts.text)
        var places = Table([("", .left), ("NODE", .left), ("WHERE", .left), ("WHY", .left)])
        for place in explanation.primaries {
            places.add(["replica", place.node, "\(place.country)/\(place.zone)", place.reason])
        }
        for (at, place) in explanation.fallbacks.enumerated() {
            places.add(["fallback \(at + 1)", place.node, "\(place.country)/\(place.zone)", place.reason])
        }
        page.add("Preference list: replicas, then who stands in for one, in this order", places)
        page.add(explanation.grounds.map { Printout.wrap($0, "- ", 2) }.joined(separator: "\n"))
    }
}

struct RingVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Prove that tables keep the rules and that no others would move less.",
        discussion: """
            The solver's final potentials are a certificate: if no residual arc has negative reduced cost, no flow is \
            cheaper (duality of linear programs). This enumerates the arcs anew from the rules and checks each.
            With --state those tables are judged: rules, fills, and moves from --from against the proven least.
            """)
    @OptionGroup var options: RingFileOptions
    @Option(help: ArgumentHelp("What was held before.", valueName: "state.json")) var from: String?
    @Option(help: ArgumentHelp("The tables to judge; the solver's own by default.", valueName: "state.json"))
    var state: String?

    func run() throws {
        let file = try options.file()
        let before = try from.map(RingFiles.state)
        let best = try RingFiles.feasible(file) {
            try Layout.solve(file, from: before, progress: ProgressLine().report)
        }
        var tables = StateOption()
        tables.state = state
        let verification = Verification(best, given: state == nil ? nil : try tables.layout(options).layout)
        if options.json { print(verification.json.text()) } else { page(verification, isFirst: before == nil).print() }
        if !verification.isProven { throw ExitCode(1) }
    }

    private func page(_ verification: Verification, isFirst: Bool) -> Printout {
        var page = Printout()
        var table = Table([
            ("PLACEMENT", .left), ("REPLICAS", .right), ("VIOLATIONS", .right), ("OUT OF BOUNDS", .right),
            ("MOVES", .right), ("LEAST", .right), ("FULLEST/MEAN", .right), ("CERTIFICATE", .left),
        ])
        for verdict in verification.verdicts {
            table.add([
                verdict.placement, Quantity.count(verdict.replicas), Quantity.count(verdict.violations),
                Quantity.count(verdict.outOfBounds), Quantity.count(verdict.moves), Quantity.count(verdict.fewest),
                Quantity.fixed(verdict.fullestOverMean, 3),
                verdict.flaw == nil
                    ? Paint.green("holds") + " (\(Quantity.count(verdict.arcs)) arcs)" : Paint.red("BROKEN"),
            ])
        }
        page.add(isFirst ? "From nothing, so every replica counts as a move" : "Against the state before", table)
        for verdict in verification.verdicts {
            if let flaw = verdict.flaw { page.warn("placement \(verdict.placement): \(flaw)") }
            if let first = verdict.firstViolation { page.warn("placement \(verdict.placement): \(first)") }
            if verdict.outOfBounds > 0 {
                page.warn(
                    "placement \(verdict.placement): \(verdict.outOfBounds) nodes hold more or fewer replicas than "
                        + "the fairest fill and slack allow")
            }
            if verdict.moves > verdict.fewest {
                page.warn(
                    "placement \(verdict.placement): \(Quantity.count(verdict.moves - verdict.fewest)) moves more "
                        + "than are needed")
            }
        }
        page.add(
            verification.isProven
                ? Paint.green("proven") + ": every rule is kept, and no table within the bounds moves fewer"
                : Paint.red("NOT PROVEN"))
        return page
    }
}

struct RingDiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "What changed between two ring files or states?",
        discussion: """
            Each of the two is a ring file, a state, or what GET /v1/ring answered. The tables of a ring file are planned from \
            nothing, or, for the second, from the first's tables.
            """)
    @Argument(help: "A ring file or a state.") var a: String
    @Argument(help: "A ring file or a state.") var b: String
    @Flag(help: "Print a JSON document.") var json = false

    func run() throws {
        let first = try side(a, from: nil)
        let second = try side(b, from: first.state)
        let diff = RingDiff(first.file, first.state, second.file, second.state)
        if json { return print(diff.json.text()) }
        var page = Printout()
        if diff.isEmpty { page.add("no difference") }
        var long: [String] = []
        for change in diff.changes {
            let sign =
                change.before == nil ? Paint.green("+") : change.after == nil ? Paint.red("-") : Paint.yellow("~")
            long.append("\(sign) \(change.what)")
            if let before = change.before { long.append(Printout.wrap(before, "    was  ", 9)) }
            if let after = change.after { long.append(Printout.wrap(after, "    is   ", 9)) }
        }
        if !long.isEmpty { page.add(Paint.bold("Settings") + "\n" + long.joined(separator: "\n")) }
        var tables = Table([
            ("PLACEMENT", .left), ("PARTITIONS CHANGED", .right), ("OF", .right), ("REPLICAS MOVED", .right),
        ])
        for row in diff.tables where row.partitionsChanged > 0 {
            tables.add([
                row.placement, Quantity.count(row.partitionsChanged), Quantity.count(row.partitions),
                Quantity.count(row.moves),
            ])
        }
        page.add("Tables", tables)
        var nodes = Table([("NODE", .left), ("OLD", .right), ("NEW", .right), ("IN", .right), ("OUT", .right)])
        for row in diff.nodes {
            nodes.add([
                row.node, Quantity.count(row.before), Quantity.count(row.after), "+\(Quantity.count(row.arriving))",
                "-\(Quantity.count(row.leaving))",
            ])
        }
        page.add("Nodes", nodes)
        if diff.isOfTablesAlone {
            page.note(
                "a state and an exported ring document have nodes and tables alone: rules, buckets and what is for "
                    + "planning (prices, growth, full_at, slack, afr) are compared between two ring files")
        }
        page.print()
    }

    private func side(_ path: String, from before: RingState?) throws -> (file: RingSpecification?, state: RingState) {
        let bytes = try RingFiles.bytes(path, atMost: Limits.jsonBytes)
        if bytes.first(where: { $0 > 0x20 }) == UInt8(ascii: "{") { return (nil, try RingFiles.state(path)) }
        let file = try RingFiles.file(path)
        let layout = try RingFiles.feasible(file) {
            try Layout.solve(file, from: before, progress: ProgressLine().report)
        }
        return (file, layout.state)
    }
}
