// `atoll patch|increment|set|add|discard|remove`: changes of typed keys from a shell.

import ArgumentParser
import Foundation
import JSON
import World

struct PathArgument: ParsableArguments {
    @Argument(help: "Where in the document: /field/0/@ID (RFC 6901). \"\" is all of it.") var path: String
}

extension JSONValue {
    /// What a request of one operation says.
    fileprivate static func operation(
        _ op: String, at path: String, _ members: KeyValuePairs<String, JSONValue> = [:]
    ) -> JSONValue {
        .array([
            .object(
                [Member("op", .string(op)), Member("path", .string(path))] + members.map { Member($0.key, $0.value) })
        ])
    }
}

struct ValueArgument: ParsableArguments {
    @Argument(help: "JSON; what is none, and does not begin like it with {, [ or \", is a string as it stands.")
    var value: String

    func json() throws -> JSONValue {
        do { return try JSONValue.decode(Array(value.utf8), depth: Limits.pathSteps) } catch {
            guard let first = value.utf8.first, "{[\"".utf8.contains(first) else { return .string(value) }
            throw CommandFailure.usage("the value is no JSON: \(error)")
        }
    }
}

struct Patch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Change a typed key by several operations, all or none.",
        discussion: """
            Operations are a JSON array, for example
              [{"op":"increment","path":"/likes"},{"op":"splice","path":"/body","at":5,"delete":3,"text":"sea"}]
            Their results are printed. With --merge it is a document to merge (RFC 7396): null removes a field.
            """)
    @OptionGroup var key: KeyArgument
    @Argument(help: "The operations; without them (and without --file) standard input is read.") var operations: String?
    @Option(name: .shortAndLong, help: "Read them from this file.") var file: String?
    @Flag(help: "It is a merge patch.") var merge = false
    @OptionGroup var change: ChangeOptions

    func run() async throws {
        guard operations == nil || file == nil else {
            throw CommandFailure.usage("give operations or --file, not both")
        }
        let body: [UInt8]
        if let operations {
            body = Array(operations.utf8)
        } else if let file {
            do { body = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file))) } catch {
                throw CommandFailure.usage("cannot read \(file): \(error.localizedDescription)")
            }
        } else {
            body = [UInt8](FileHandle.standardInput.readDataToEndOfFile())
        }
        let response = try await change.send(body, as: merge ? .merge : .operations, to: key)
        if !response.body.isEmpty { Terminal.output(response.body + [0x0A]) }
    }
}

struct Increment: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Raise a counter, by 1 or by BY, and print what it comes to.",
        discussion: "PATH is where in a document it stands, BY may be negative: atoll increment docs/plan /likes -1")
    @OptionGroup var key: KeyArgument
    // A negative number looks like an option.
    @Argument(parsing: .allUnrecognized, help: ArgumentHelp("PATH, BY or both.", valueName: "path-by"))
    var operands: [String] = []
    @OptionGroup var change: ChangeOptions

    func run() async throws {
        let (path, by) = try Increment.operands(operands)
        let response = try await change.send(.operation("increment", at: path, ["by": .int(by)]), to: key)
        if let value = try JSONValue.decode(response.body)["results"]?.array?.first?["value"]?.int { print(value) }
    }

    static func operands(_ texts: [String]) throws -> (path: String, by: Int) {
        var texts = texts[...]
        let path = texts.first.map { $0.isEmpty || $0.hasPrefix("/") } == true ? texts.removeFirst() : ""
        let text = texts.popFirst() ?? "1"
        guard let by = Int(text), texts.isEmpty else {
            throw CommandFailure.usage("increment takes KEY [PATH] [BY]: a path begins with /, BY is a whole number")
        }
        return (path, by)
    }
}

struct SetValue: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Set a field of a typed key.",
        discussion: #"{"$text":"…"}, {"$counter":0}, {"$set":[]} and {"$flag":true} as values choose a kind."#)
    @OptionGroup var key: KeyArgument
    @OptionGroup var path: PathArgument
    @OptionGroup var value: ValueArgument
    @OptionGroup var change: ChangeOptions

    func run() async throws {
        _ = try await change.send(.operation("set", at: path.path, ["value": try value.json()]), to: key)
    }
}

struct AddElement: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "add", abstract: "Add an element to a set.")
    @OptionGroup var key: KeyArgument
    @OptionGroup var path: PathArgument
    @OptionGroup var value: ValueArgument
    @OptionGroup var change: ChangeOptions

    func run() async throws {
        _ = try await change.send(.operation("add", at: path.path, ["value": try value.json()]), to: key)
    }
}

struct DiscardElement: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "discard", abstract: "Take an element out of a set.")
    @OptionGroup var key: KeyArgument
    @OptionGroup var path: PathArgument
    @OptionGroup var value: ValueArgument
    @OptionGroup var change: ChangeOptions

    func run() async throws {
        _ = try await change.send(.operation("discard", at: path.path, ["value": try value.json()]), to: key)
    }
}

struct RemoveValue: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Remove a field or an element of a list of a typed key.",
        discussion: "What the replica that removes, or the context, has not seen stays.")
    @OptionGroup var key: KeyArgument
    @OptionGroup var path: PathArgument
    @OptionGroup var change: ChangeOptions

    func run() async throws { _ = try await change.send(.operation("remove", at: path.path), to: key) }
}
