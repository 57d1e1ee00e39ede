// `atoll names register|show|release|transfer`: the namestore from a shell. The exit status tells: 0 yours or done, 1
// taken or absent, 2 no answer.

import ArgumentParser
import Foundation
import JSON
import NIOHTTP1

struct NamesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "names", abstract: "Register, show, release and transfer unique names; change who votes on them.",
        discussion: """
            An owner token is a secret of at least 128 random bits, for example from: openssl rand -base64 24
            It may be given as ATOLL_OWNER instead of --owner, which keeps it out of the process list.
            """,
        subcommands: [
            Register.self, Show.self, Release.self, Transfer.self, Acceptors.self, Reconfigure.self,
        ])
}

struct NameArgument: ParsableArguments {
    @Argument(help: "The name, for example user:alice.") var name: String
    @Flag(help: "Print the JSON document as it came.") var json = false
    @OptionGroup var node: NodeOptions

    var path: String { "/v1/names/" + PercentEncoding.value(name) }

    func send(_ method: HTTPMethod, _ suffix: String = "", _ headers: [(String, String)] = []) async throws
        -> ClientResponse
    {
        try await NodeClient.request(method, path + suffix, to: try await node.node(), headers: headers)
    }

    /// Prints what came of it; throws where the answer is no, or is none.
    func report(_ response: ClientResponse, _ words: String) throws {
        if json { Terminal.output(response.body) }
        guard response.status < 300 else {
            throw json
                ? CommandFailure(status: Answers.problem(response).status, message: "status \(response.status)")
                : Answers.problem(response)
        }
        let generation =
            (try? JSONValue.decode(response.body))?["generation"]?.int.map(String.init)
            ?? response.headers.first(name: "atoll-generation")
        if !json { print("\(name): \(words)\(generation.map { " (generation \($0))" } ?? "")") }
    }
}

struct OwnerOption: ParsableArguments {
    @Option(help: "The owner's token; also ATOLL_OWNER.") var owner: String?

    func header() throws -> (String, String) {
        guard let token = owner ?? ProcessInfo.processInfo.environment["ATOLL_OWNER"] else {
            throw CommandFailure.usage("say who owns it: --owner TOKEN, or ATOLL_OWNER (try: openssl rand -base64 24)")
        }
        return ("atoll-owner", token)
    }
}

extension NamesCommand {
    struct Register: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Take a name if it is free.")
        @OptionGroup var name: NameArgument
        @OptionGroup var owner: OwnerOption

        func run() async throws {
            let response = try await name.send(.PUT, "", [try owner.header()])
            try name.report(response, response.status == 201 ? "registered now" : "already yours")
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Is a name taken?")
        @OptionGroup var name: NameArgument

        func run() async throws { try name.report(try await name.send(.GET), "taken") }
    }

    struct Release: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Give a name up.")
        @OptionGroup var name: NameArgument
        @OptionGroup var owner: OwnerOption

        func run() async throws { try name.report(try await name.send(.DELETE, "", [try owner.header()]), "released") }
    }

    struct Transfer: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Give a name to another owner.")
        @OptionGroup var name: NameArgument
        @OptionGroup var owner: OwnerOption
        @Option(help: "The new owner's token; also ATOLL_NEW_OWNER.") var to: String?

        func run() async throws {
            guard let token = to ?? ProcessInfo.processInfo.environment["ATOLL_NEW_OWNER"] else {
                throw CommandFailure.usage("say whom it goes to: --to TOKEN, or ATOLL_NEW_OWNER")
            }
            let headers = [try owner.header(), ("atoll-new-owner", token)]
            try name.report(try await name.send(.POST, "/transfer", headers), "transferred")
        }
    }
}
