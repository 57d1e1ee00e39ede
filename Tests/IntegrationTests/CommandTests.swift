// The command line against a real node: what it prints, where, and with which status it ends.

import Foundation
import Testing

/// A finished run of `atoll`.
struct CommandRun {
    let status: ExitStatus
    let output: String

    init(
        _ arguments: [String], environment: [String] = [], input: [UInt8] = [], within seconds: Double = 15
    ) throws {
        let directory = try TemporaryDirectory()
        // In a directory of its own: what is left to its default must not land in the sources.
        let process = try ChildProcess(
            "env", ["-C", directory.path] + environment + [AtollBinary.path] + arguments,
            output: directory.path + "/output",
            input: input)
        status = try process.wait(within: seconds)
        output = process.output
    }
}

extension Integration {
    @Suite(.threeNodes) struct CommandTests {
        private func run(_ arguments: String..., node: Int = 0, input: String = "") throws -> CommandRun {
            try CommandRun(arguments + ["--url", try cluster()[node].url], input: Array(input.utf8))
        }

        @Test func putGetAndDelete() throws {
            #expect(try run("put", "cli/k", "hello", "--content-type", "text/plain").status == .exited(0))
            let got = try run("get", "cli/k", node: 1)
            #expect(got.status == .exited(0) && got.output == "hello")
            let json = try run("get", "cli/k", "--json", node: 2)
            #expect(
                json.output.contains("\"value\":\"hello\"") && json.output.contains("\"content_type\":\"text/plain\""))
            #expect(try run("delete", "cli/k", node: 2).status == .exited(0))
            let gone = try run("get", "cli/k")
            #expect(gone.status == .exited(1) && gone.output.contains("deleted"))
            #expect(try run("get", "cli/never").status == .exited(1))
        }

        @Test func putTakesStandardInputAndFiles() throws {
            #expect(try run("put", "cli/in", input: "from a pipe\n").status == .exited(0))
            #expect(try run("get", "cli/in").output == "from a pipe\n")
            let directory = try TemporaryDirectory()
            let path = directory.path + "/file"
            let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            #expect(try run("put", "cli/file", "--file", path).status == .exited(0))
            #expect(try cluster()[1].get("cli/file").body == bytes)
            let gone = try run("put", "cli/file", "--file", path + ".none")
            #expect(gone.status == .exited(2) && gone.output.contains("cannot read"))
        }

        @Test func contextsAndConditions() throws {
            #expect(try run("put", "cli/once", "one", "--if-absent", "-w", "all").status == .exited(0))
            #expect(try run("put", "cli/once", "two", "--if-absent").status == .exited(1))
            let verbose = try run("get", "cli/once", "-v")
            let context = try #require(verbose.output.split(separator: "\n").first { $0.contains("atoll-context: ") })
            let token = String(context.split(separator: " ")[1])
            #expect(try run("put", "cli/once", "two", "--context", token).status == .exited(0))
            #expect(try run("put", "cli/once", "three", "--context", token).status == .exited(0))
            let both = try run("get", "cli/once", node: 1)
            #expect(both.status == .exited(0) && both.output.contains("\"two\"") && both.output.contains("\"three\""))
            #expect(try run("get", "cli/once", "--latest").status == .exited(0))
            #expect(try run("put", "cli/once", "x", "--context", "bogus").status == .exited(2))
        }

        @Test func listPrintsItemsInOrder() throws {
            for sort in ["b", "a", "c"] {
                #expect(try run("put", "cli/list/\(sort)", "value \(sort)", "-w", "3").status == .exited(0))
            }
            let all = try run("list", "cli/list", node: 1)
            #expect(all.status == .exited(0))
            let lines = all.output.split(separator: "\n").map { $0.split(separator: " ").first.map(String.init) ?? "" }
            #expect(lines.suffix(3) == ["a", "b", "c"])
            let some = try run("list", "cli/list", "--reverse", "--limit", "1", "--json")
            #expect(some.output.contains("\"sort\":\"c\"") && some.output.contains("\"next_parameter\":\"end="))
            #expect(try run("list", "cli/list/a").status == .exited(2))
        }

        @Test func statusShowsEveryNode() throws {
            let table = try run("status", node: 2)
            #expect(table.status == .exited(0))
            for node in try cluster().nodes { #expect(table.output.contains(node.name)) }
            #expect(try run("status", "--json").output.contains("\"heartbeat_age_ms\""))
        }

        @Test func simulateComparesWaysOfChoosingReplicas() throws {
            func compare(_ arguments: String...) throws -> CommandRun {
                try CommandRun(["simulate", "--selection", "--reads", "200"] + arguments, within: 60)
            }
            let table = try compare()
            #expect(table.status == .exited(0))
            for text in [
                "8 clients", "150 clients", "each 50 ms", "random", "C3's ranking", "oracle", "P99.9", "SHARE",
            ] {
                #expect(table.output.contains(text), "\(text): \(table.output)")
            }
            let (json, again, other) = (
                try compare("--json", "--seed", "7"), try compare("--json", "--seed", "7"), try compare("--json")
            )
            #expect(json.status == .exited(0) && json.output.split(separator: "\n").count == 5)
            #expect(json.output.contains("\"p99_9_ms\":") && json.output.contains("\"share_of_failing\":"))
            #expect(json.output == again.output && json.output != other.output)
        }

        @Test func wrongUsageAndNoConnectionEndWithTwo() throws {
            let nobody = "http://127.0.0.1:\(try Ports.free(1)[0])"
            for arguments in [
                ["get"], ["get", "k"], ["get", "a/b/c/d"], ["put", "a//b", "v"], ["frobnicate"],
                ["get", "a/b", "--url", "ftp://x"],
                ["get", "a/b", "--url", nobody], ["status", "--url", nobody],
                ["serve", "--ring", "/nowhere.toml", "--node", "x"],
                ["serve", "--http", "nonsense"], ["serve", "--http", "127.0.0.1:65500"],
                ["serve", "--node", "de-fra-1"],
                ["serve", "--node", "de-fra-1", "--http", "127.0.0.1:7070"], ["serve", "--seed", "127.0.0.1:1"],
                ["serve", "--ring", "x.toml", "--seed", "127.0.0.1:1", "--node", "x"],
                ["serve", "--ring", "x.toml", "--node", "x", "--http", "127.0.0.1:7070"], ["serve", "--loops", "0"],
                ["serve", "--log-level", "loud"],
                ["put", "a/b", "v", "--file", "x"],
                ["simulate", "--selection", "--names"], ["simulate", "--selection", "--seeds", "1..2"],
                ["simulate", "--selection", "--reads", "0"], ["simulate", "--seed", "1"],
                ["simulate", "--reads", "100"],
            ] {
                let run = try CommandRun(arguments)
                #expect(run.status == .exited(2), "\(arguments): \(run.output)")
                #expect(!run.output.isEmpty, "\(arguments)")
            }
            #expect(try CommandRun(["serve", "--node", "x"]).output.contains("--ring"))
            #expect(try CommandRun(["serve", "--http", "127.0.0.1:65436"]).output.contains("65435"))
            #expect(try CommandRun(["serve"], environment: ["ATOLL_NODE=x"]).output.contains("--ring"))
            let both = try CommandRun(["serve"], environment: ["ATOLL_RING=x.toml", "ATOLL_HTTP=127.0.0.1:7070"])
            #expect(both.status == .exited(2) && both.output.contains("--http"))
            // A flag counts more than a variable, which may be meant for other nodes started here.
            let flag = try CommandRun(
                ["serve", "--ring", "x.toml"], environment: ["ATOLL_SEED=127.0.0.1:1", "ATOLL_HTTP=127.0.0.1:7070"])
            #expect(flag.status == .exited(2) && flag.output.contains("cannot read x.toml"))
            #expect(try run("get", "a/%zz").status == .exited(2))
            #expect(try run("get", "a/b", "-r", "9").status == .exited(2))
            #expect(try CommandRun(["--version"]).status == .exited(0))
            #expect(try CommandRun(["--help"]).status == .exited(0))
        }
    }
}
