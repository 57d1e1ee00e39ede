// `atoll names acceptors|reconfigure`: who votes on names, and moving the votes to other nodes while registrations go
// on.

import ArgumentParser
import JSON
import NIOHTTP1
import Ring
import World

/// What `GET /v1/namestore` says.
struct NamestoreAnswer {
    struct Acceptor {
        var node: String
        var store: String
    }
    struct Own {
        var standing: String
        var reason: String?
        var damagedRecords: Int
    }
    struct Progress {
        var step: String
        var acceptors: [String]
        var names: Int
        var listedTo: String?
    }

    var founded: Bool
    var epoch: Int?
    var acceptors: [Acceptor]
    var successors: [Acceptor]
    var own: Own
    var reconfiguration: Progress?
    var lastReconfiguration: String?

    init(from response: ClientResponse) throws {
        guard response.status < 300 else { throw Answers.problem(response) }
        guard let value = try? JSONValue.decode(response.body), case .bool(let founded)? = value["founded"],
            let standing = value["self"]?["standing"]?.string
        else { throw CommandFailure.usage("the node's answer is no status of a namestore") }
        func members(_ name: String) -> [Acceptor] {
            (value[name]?.array ?? []).map {
                Acceptor(node: $0["node"]?.string ?? "", store: $0["store"]?.string ?? "")
            }
        }
        self.founded = founded
        epoch = value["epoch"]?.int
        acceptors = members("acceptors")
        successors = members("successors")
        own = Own(
            standing: standing, reason: value["self"]?["reason"]?.string,
            damagedRecords: value["self"]?["damaged_records"]?.int ?? 0)
        reconfiguration = value["reconfiguration"].map { progress in
            Progress(
                step: progress["step"]?.string ?? "",
                acceptors: progress["acceptors"]?.array?.compactMap(\.string) ?? [],
                names: progress["names"]?.int ?? 0, listedTo: progress["listed_to"]?.string)
        }
        lastReconfiguration = value["last_reconfiguration"]?.string
    }
}

extension NamesCommand {
    struct Acceptors: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show who votes on names, and how this node's own store stands.",
            discussion: "Exit status 1 if the node's own store needs its operator.")
        @Flag(help: "Print the JSON document as it came.") var json = false
        @OptionGroup var node: NodeOptions

        func run() async throws {
            let response = try await NodeClient.request(.GET, "/v1/namestore", to: try await node.node())
            let status = try NamestoreAnswer(from: response)
            if json { Terminal.output(response.body) } else { Acceptors.show(status) }
            let isWell = !["quarantined", "replaced"].contains(status.own.standing)
            if !isWell || status.own.damagedRecords > 0 { throw ExitCode(1) }
        }

        private static func show(_ status: NamestoreAnswer) {
            guard status.founded, let epoch = status.epoch else {
                return print("not founded: every acceptor of the ring file must be up once")
            }
            let successors = status.successors
            print("epoch \(epoch)\(successors.isEmpty ? "" : ", on the way to other acceptors")")
            var table = Table([("ACCEPTOR", .left), ("STORE", .left), ("SET", .left)])
            for member in status.acceptors { table.add([member.node, member.store, "voting"]) }
            for member in successors { table.add([member.node, member.store, "entering"]) }
            print(table.text)
            let own = status.own
            print("this node: \(own.standing)\(own.reason.map { ": \($0)" } ?? "")")
            if own.standing == "replaced" {
                print("its store is not the one that votes: run atoll names reconfigure with the ring file")
            }
            if own.damagedRecords > 0 { print("damaged records: \(own.damagedRecords); replace this acceptor") }
            if let progress = status.reconfiguration { print(Reconfigure.line(progress)) }
        }
    }

    struct Reconfigure: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Move the votes to the acceptors that a ring file names, while registrations go on.",
            discussion: """
                Also with the ring file in use, after an acceptor's disk was lost or replaced. Until it says "done" a \
                majority of the old acceptors and one of the new must run. Interrupted, the change goes on by itself \
                once its joint epoch is chosen; the same command takes it up again.
                Exit status 1 if it was refused, 2 if the node can't be reached.
                """)
        @Argument(help: "The ring file whose [names] acceptors are to vote.") var file: String
        @Flag(help: "Also to acceptors that would not survive a loss: other than 3, 5 or 7 in as many countries.")
        var yes = false
        @OptionGroup var node: NodeOptions

        func run() async throws {
            let ring = try RingFiles.load(file)
            let targets = ring.nameAcceptors
            guard !targets.isEmpty else { throw CommandFailure.usage("\(file) names no acceptors under [names]") }
            if let weakness = ring.weakness(ofAcceptors: targets), !yes {
                throw CommandFailure.usage("\(weakness); say --yes to move the votes there all the same")
            }
            let url = try await node.node()
            let query = QueryText([
                ("nodes", targets.map(\.name).joined(separator: ",")), ("force", yes ? "true" : nil),
            ])
            let response = try await NodeClient.request(.POST, "/v1/namestore/acceptors" + query.text, to: url)
            var status = try NamestoreAnswer(from: response)
            var last = ""
            while let progress = status.reconfiguration {
                let line = Reconfigure.line(progress)
                if line != last { print(line) }
                last = line
                try await Task.sleep(for: .milliseconds(100))
                status = try NamestoreAnswer(from: try await NodeClient.request(.GET, "/v1/namestore", to: url))
            }
            let outcome = status.lastReconfiguration ?? "unknown"
            guard outcome.hasPrefix("done") else { throw CommandFailure.no(outcome) }
            print(outcome)
        }

        static func line(_ progress: NamestoreAnswer.Progress) -> String {
            switch progress.step {
            case "identifying": "asking \(progress.acceptors.joined(separator: ", ")) for their stores"
            case "beginning": "choosing the joint epoch"
            case "fencing": "ending the old epoch"
            case "rescanning":
                "choosing every name again: \(progress.names) done"
                    + (progress.listedTo.map { ", listed to \($0)" } ?? "")
            case "finishing": "choosing the new epoch"
            default: "telling the new acceptors"
            }
        }
    }
}
