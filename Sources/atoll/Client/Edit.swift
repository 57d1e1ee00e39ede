// `atoll edit`: a text of a typed key in an editor; what was changed there goes out as splices, so that what others
// write meanwhile stays.

import ArgumentParser
import Foundation
import JSON
import NIOHTTP1
import World

struct Edit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Change a text of a typed key in an editor ($VISUAL, $EDITOR or vi).",
        discussion: "A line end that the editor puts behind a text that had none is left out.")
    @OptionGroup var key: KeyArgument
    @OptionGroup var path: PathArgument
    @OptionGroup var change: ChangeOptions

    func run() async throws {
        let target = try key.path() + QueryText([("path", path.path)]).text
        let response = try await NodeClient.request(.GET, target, to: try await change.node.node())
        guard response.status == 200 else { throw Answers.problem(response) }
        guard let old = try JSONValue.decode(response.body).string else {
            throw CommandFailure.usage("\"\(path.path)\" is no text")
        }
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("atoll-\(UUID().uuidString).txt")
        guard
            FileManager.default.createFile(
                atPath: file.path, contents: Data(old.utf8), attributes: [.posixPermissions: 0o600])
        else { throw CommandFailure.usage("cannot write \(file.path)") }
        do {
            let operations = try operations(from: old, to: try Edit.edited(file, old))
            if operations.isEmpty {
                Terminal.error("atoll: nothing was changed")
            } else {
                _ = try await change.send(
                    .array(operations), to: key, seen: response.headers.first(name: "atoll-context"))
            }
        } catch let failure as CommandFailure {
            // What a person wrote is not thrown away.
            throw CommandFailure(status: failure.status, message: "\(failure.message); your text is in \(file.path)")
        }
        try? FileManager.default.removeItem(at: file)
    }

    /// The text as the editor leaves it.
    private static func edited(_ file: URL, _ old: String) throws -> String {
        let environment = ProcessInfo.processInfo.environment
        let editor = [environment["VISUAL"], environment["EDITOR"]].compactMap { $0 }.first { !$0.isEmpty } ?? "vi"
        // The shell takes apart what stands in the variable, as git has it; and it leaves the terminal to the editor,
        // which `Process` does not.
        let quoted = "'" + file.path.replacingOccurrences(of: "'", with: #"'\''"#) + "'"
        guard system("\(editor) \(quoted)") == 0 else { throw CommandFailure.usage("\(editor) failed") }
        guard let bytes = try? Data(contentsOf: file), let text = String(validating: bytes, as: UTF8.self) else {
            throw CommandFailure.usage("what \(editor) left is no UTF-8")
        }
        let gainedLineEnd = text.utf8.last == 0x0A && old.utf8.last != 0x0A
        return gainedLineEnd ? String(text.unicodeScalars.dropLast()) : text
    }

    /// From the last to the first, so that no index is shifted by another.
    private func operations(from old: String, to new: String) throws -> [JSONValue] {
        let operations = TextDiff.splices(from: old, to: new).flatMap { splice in
            splice.pieces(ofBytes: Limits.insertedTextBytes).map { piece in
                JSONValue.object([
                    "op": .string("splice"), "path": .string(path.path), "at": .int(piece.at),
                    "delete": .int(piece.delete), "text": .string(piece.text),
                ])
            }
        }
        guard operations.count <= Limits.requestOperations else {
            throw CommandFailure.usage("there are more than \(Limits.requestOperations) changes for one request")
        }
        return operations
    }
}
