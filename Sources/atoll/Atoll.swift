// The command-line tool: server, client and planner in one binary.

import ArgumentParser
import Foundation

@main
struct Atoll: AsyncParsableCommand {
    static let revision = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "atoll",
        abstract: "A key/value cluster over several countries.",
        discussion: """
            Start with `atoll up`: three nodes in three countries on this machine. Then, in another shell:
              echo hello | atoll put posts/1
              atoll get posts/1
              atoll status
            """,
        version: revision,
        subcommands: [
            Serve.self, Up.self, Put.self, Get.self, Delete.self, List.self, Patch.self, Increment.self, SetValue.self,
            AddElement.self, DiscardElement.self, RemoveValue.self, Edit.self, Watch.self, Status.self,
            NamesCommand.self, RingCommand.self, Simulate.self, Bench.self,
        ])

    /// Exit status: 0 done, 1 the answer is no, 2 wrong usage or no connection.
    static func main() async {
        // A reader that goes away is no reason to die with a signal's noise; see `Terminal`.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let failure as CommandFailure {
            Terminal.error("atoll: \(failure.message)")
            Foundation.exit(failure.status)
        } catch let code as ExitCode {
            Foundation.exit(code.rawValue)
        } catch {
            let status = exitCode(for: error)
            let text = fullMessage(for: error)
            if status == .success {
                print(text)
                Foundation.exit(0)
            }
            Terminal.error(text)
            Foundation.exit(2)
        }
    }
}

/// Ends a command with a message and a status.
struct CommandFailure: Error {
    let status: Int32
    let message: String

    /// The answer is no.
    static func no(_ message: String) -> CommandFailure { CommandFailure(status: 1, message: message) }
    /// Wrong usage, a file that can't be read, no connection.
    static func usage(_ message: String) -> CommandFailure { CommandFailure(status: 2, message: message) }
}

enum Terminal {
    /// Whoever read the errors may be gone; that stops nothing.
    static func error(_ text: String) { try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8)) }
    /// A reader that goes away (`atoll get … | head`) has had enough: that is no failure.
    static func output(_ bytes: [UInt8]) {
        do { try FileHandle.standardOutput.write(contentsOf: Data(bytes)) } catch { Foundation.exit(0) }
    }
    static let isInteractive = isatty(STDOUT_FILENO) == 1
}
