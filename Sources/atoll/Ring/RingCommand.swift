// `atoll ring …`: planning a deployment on files alone. The figures are the Planning module's; here they are read,
// printed and judged: 0 fine, 1 warnings or infeasible, 2 wrong usage.

import ArgumentParser
import Foundation
import JSON
import Planning
import Ring
import RingFile
import Solver
import World

struct RingCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ring", abstract: "Plan a deployment: what lies where, what survives, what it costs.",
        discussion: """
            Everything here works on files, with no node running. Begin with
              atoll ring check RING.toml
              atoll ring plan RING.toml --to state.json
            and, after a change of the ring file,
              atoll ring plan RING.toml --from state.json --to next.json
            docs/RING.md works an example through. Exit status: 0 fine, 1 warnings or infeasible, 2 wrong usage.
            """,
        subcommands: [
            RingCheckCommand.self, RingPlanCommand.self, RingDispersionCommand.self, RingWhatIfCommand.self,
            RingCapacityCommand.self, RingDurabilityCommand.self, RingExplainCommand.self, RingVerifyCommand.self,
            RingDiffCommand.self, RingDrawCommand.self, RingBenchCommand.self,
        ])
}

/// The ring file and how to print.
struct RingFileOptions: ParsableArguments {
    @Argument(help: "The ring file.") var ring: String
    @Flag(help: "Print a JSON document with every figure.") var json = false

    func file() throws -> RingSpecification { try RingFiles.file(ring) }
}

/// Tables that are in force, instead of those that would be made from nothing.
struct StateOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Take the tables of this state, or of what GET /v1/ring answered, instead of making them from nothing.",
            valueName: "state.json"))
    var state: String?

    func read() throws -> RingState? { try state.map { try RingFiles.state($0) } }

    func layout(_ options: RingFileOptions) throws -> (file: RingSpecification, layout: Layout) {
        let file = try options.file()
        guard let path = state else {
            return (file, try RingFiles.feasible(file) { try Layout.solve(file, progress: ProgressLine().report) })
        }
        let state = try RingFiles.state(path)
        do { return (file, try RingFiles.feasible(file) { try Layout.read(state, file) }) } catch let error
            as RingDocumentError
        {
            throw CommandFailure.usage("\(path): \(error.message)")
        }
    }
}

extension RingFiles {
    static func file(_ path: String) throws -> RingSpecification {
        let text = try text(path)
        do { return try RingSpecification(text, fileName: path) } catch { throw CommandFailure.usage("\(error)") }
    }

    static func state(_ path: String) throws -> RingState {
        let bytes = try bytes(path, atMost: Limits.jsonBytes)
        do { return try RingState.decode(bytes) } catch {
            throw CommandFailure.usage(error.line > 0 ? "\(path):\(error)" : "\(path): \(error)")
        }
    }

    /// Turns infeasible rules into what the command says of them: each with the place of its placement in the file.
    static func feasible(_ file: RingSpecification, _ body: () throws -> Layout) throws -> Layout {
        do { return try body() } catch let error as InfeasibleLayout {
            let lines = error.placements.map { file.error(inPlacement: $0.placement, $0.message).description }
            throw CommandFailure.no(lines.joined(separator: "\natoll: "))
        }
    }

    static func write(_ bytes: [UInt8], to path: String) throws {
        do { try Data(bytes).write(to: URL(fileURLWithPath: path), options: .atomic) } catch {
            throw CommandFailure.usage("cannot write \(path): \(error.localizedDescription)")
        }
    }
}

// MARK: Printing

/// Colours for a terminal, and nothing for anything else.
enum Paint: String {
    case red = "31"
    case yellow = "33"
    case green = "32"
    case faint = "2"
    case bold = "1"

    private static let isOn =
        Terminal.isInteractive && (ProcessInfo.processInfo.environment["NO_COLOR"] ?? "").isEmpty

    func callAsFunction(_ text: String) -> String {
        Paint.isOn && !text.isEmpty ? "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" : text
    }
}

/// What a report prints: sections with a blank line between, then warnings and notes.
struct Printout {
    private var sections: [String] = []

    mutating func add(_ text: String) { if !text.isEmpty { sections.append(text) } }
    mutating func add(_ title: String, _ table: Table) {
        if !table.isEmpty { sections.append(Paint.bold(title) + "\n" + table.text) }
    }

    mutating func note(_ text: String?) {
        if let text { sections.append(Printout.wrap(text, Paint.faint("note: "), 6)) }
    }
    mutating func warn(_ text: String) { sections.append(Printout.wrap(text, Paint.yellow("WARNING: "), 9)) }
    mutating func fail(_ text: String) { sections.append(Printout.wrap(text, Paint.red("INFEASIBLE: "), 12)) }

    func print() { Swift.print(sections.joined(separator: "\n\n")) }

    /// Lines as wide as tables; those after the first are indented.
    static func wrap(_ text: String, _ lead: String = "", _ indentation: Int = 0) -> String {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ", omittingEmptySubsequences: false) {
            if !line.isEmpty, indentation + line.count + 1 + word.count > Table.columns {
                lines.append(line)
                line = String(word)
            } else {
                line += (line.isEmpty ? "" : " ") + word
            }
        }
        lines.append(line)
        return lead + lines.joined(separator: "\n" + String(repeating: " ", count: indentation))
    }
}

/// Speaks on standard error when a solver has been at work for a second, and then once a second.
final class ProgressLine {
    private let clock = ContinuousClock()
    private let begin: ContinuousClock.Instant
    private var last: ContinuousClock.Instant
    private var isShown = false

    init() {
        begin = clock.now
        last = begin
    }

    func report(_ placement: String, _ share: Double) {
        let now = clock.now
        if isShown, share >= 1, Terminal.showsStatus {
            // The line makes room for what is printed.
            FileHandle.standardError.write(Data("\r\u{1B}[K".utf8))
            isShown = false
        }
        guard now - begin >= .seconds(1), now - last >= .seconds(1), share < 1 else { return }
        last = now
        let text = "solving placement \(placement): \(Int(share * 100))% of its replicas placed"
        if Terminal.showsStatus {
            FileHandle.standardError.write(Data("\r\u{1B}[K\(text)".utf8))
            isShown = true
        } else {
            Terminal.error("atoll: \(text)")
        }
    }
}
