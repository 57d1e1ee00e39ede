// `atoll ring …` as an operator uses it: files in, tables, states and pictures out, statuses, and a running cluster
// that agrees with its file.

import Foundation
import Testing

/// A directory with a ring file, and `atoll ring` run in it.
struct RingDesk {
    let directory: TemporaryDirectory

    /// - Parameter zones: zones of `de`; the rule of placement german wants three.
    init(zones: [String] = ["fra1", "ber1", "muc1"]) throws {
        directory = try TemporaryDirectory()
        var text = """
            cluster = "testing"
            partitions = 64
            [defaults]
            placement = "world"
            [placement.world]
            rule = "any:3"
            min_countries = 3
            max_per_country = 1
            [placement.german]
            rule = "de:3"
            only = ["de"]
            max_per_zone = 1
            [country.de]
            [country.us]
            [country.jp]
            [growth]
            data = "1TB"
            per_month = "5%"

            """
        let places = zones.map { ("de", $0) } + [("us", "iad1"), ("jp", "tyo1")]
        for (number, (country, zone)) in places.enumerated() {
            text += """
                [[node]]
                id = "\(country)-\(zone)"
                country = "\(country)"
                zone = "\(zone)"
                peer = "127.0.0.1:\(7171 + number)"
                http = "127.0.0.1:\(7071 + number)"
                capacity = "8TB"
                mbit = 1000

                """
        }
        try write(text, "ring.toml")
    }

    func path(_ name: String) -> String { directory.path + "/" + name }
    func write(_ text: String, _ name: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path(name)))
    }
    func text(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }

    func run(_ arguments: String...) throws -> CommandRun {
        try CommandRun(
            ["ring"] + arguments.map { $0.replacingOccurrences(of: "@", with: directory.path + "/") }, within: 60)
    }
}

extension Integration {
    @Suite struct RingToolTests {
        @Test func everyCommandWorksOnFilesAlone() throws {
            let desk = try RingDesk()
            let runs: [(CommandRun, String)] = [
                (try desk.run("check", "@ring.toml"), "fine: every rule can be kept"),
                (try desk.run("plan", "@ring.toml", "--to", "@state.json"), "filled for the first time"),
                (try desk.run("plan", "@ring.toml", "--from", "@state.json"), "from 5 nodes to 5"),
                (try desk.run("dispersion", "@ring.toml", "--state", "@state.json"), "de/fra1"),
                (try desk.run("whatif", "@ring.toml", "--add", "2:us/iad1:8TB"), "AFTER THE REBUILD"),
                (try desk.run("durability", "@ring.toml"), "COPYSETS"),
                (try desk.run("explain", "posts/1", "@ring.toml"), "fallback 1"),
                (try desk.run("verify", "@ring.toml", "--state", "@state.json"), "proven: every rule is kept"),
                (try desk.run("diff", "@ring.toml", "@state.json"), "no difference"),
                (try desk.run("diff", "@ring.toml", "@state.json", "--json"), "\"tables_alone\": true"),
                (try desk.run("draw", "@ring.toml", "--from", "@state.json", "--out", "@pictures"), "growth.svg"),
            ]
            for (run, words) in runs {
                #expect(run.status == .exited(0) && run.output.contains(words), "\(run.status)\n\(run.output)")
                #expect(!run.output.contains("\u{1B}"), "colours without a terminal")
                let widest = run.output.split(separator: "\n").map(\.count).max() ?? 0
                #expect(widest <= 100 || run.output.contains("/pictures/"), "\(widest) columns\n\(run.output)")
            }
            for name in ["fills", "flows", "growth"] {
                #expect(try desk.text("pictures/\(name).svg").hasPrefix("<svg"))
            }
            let capacity = try desk.run("capacity", "@ring.toml", "--months", "60", "--start", "2026-01-01")
            #expect(capacity.status == .exited(1) && capacity.output.contains("2030-12-01"))
        }

        @Test func everyTableIsAlsoJSON() throws {
            let desk = try RingDesk()
            _ = try desk.run("plan", "@ring.toml", "--to", "@state.json")
            for command in [
                ["check", "@ring.toml"], ["plan", "@ring.toml"], ["dispersion", "@ring.toml"],
                ["whatif", "@ring.toml", "--lose", "node:de-fra1"], ["capacity", "@ring.toml"],
                ["durability", "@ring.toml"], ["explain", "posts/1", "@ring.toml"], ["verify", "@ring.toml"],
                ["diff", "@ring.toml", "@state.json"], ["draw", "@ring.toml", "--out", "@p"],
            ] {
                let words = (command + ["--json"]).map {
                    $0.replacingOccurrences(of: "@", with: desk.directory.path + "/")
                }
                let run = try CommandRun(["ring"] + words, within: 60)
                let document = try? JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any]
                #expect(document?.isEmpty == false, "\(command): \(run.output.prefix(300))")
            }
        }

        @Test func whatCannotBeKeptNamesTheBottleneck() throws {
            let desk = try RingDesk(zones: ["fra1", "ber1"])
            let words = "placement german needs 3 zones in de, there are 2: ber1, fra1"
            let check = try desk.run("check", "@ring.toml")
            #expect(check.status == .exited(1) && check.output.contains("INFEASIBLE: " + words), "\(check.output)")
            let plan = try desk.run("plan", "@ring.toml", "--to", "@state.json")
            #expect(plan.status == .exited(1) && plan.output.contains("ring.toml:9:1: " + words), "\(plan.output)")
            #expect(!FileManager.default.fileExists(atPath: desk.path("state.json")))
        }

        @Test func wrongUsageIsToldApart() throws {
            let desk = try RingDesk()
            try desk.write("cluster = \"x\"\npartitions = 3\n", "bad.toml")
            try desk.write("{\"format\": \"atoll ring state\",\n  \"version\": }", "bad.json")
            let cases: [(CommandRun, String)] = [
                (try desk.run("check", "@none.toml"), "cannot read"),
                (try desk.run("check", "@bad.json"), "bad.json is JSON"),
                (try desk.run("check", "@bad.toml"), "bad.toml:2:14: partitions must be a power of two"),
                (try desk.run("plan", "@ring.toml", "--from", "@bad.json"), "bad.json:2:14: expected a value"),
                (try desk.run("plan", "@ring.toml", "--from", "@ring.toml"), "ring.toml:1:1: expected a value"),
                (try desk.run("plan", "@ring.toml", "--to", "@ring.toml"), "exists and is no ring state"),
                (try desk.run("whatif", "@ring.toml"), "say what to imagine"),
                (try desk.run("whatif", "@ring.toml", "--lose", "country:fr"), "there is no country fr"),
                (try desk.run("whatif", "@ring.toml", "--lose", "de"), "say country:NAME"),
                (try desk.run("whatif", "@ring.toml", "--add", "3"), "3:de/fra1:8TB"),
                (try desk.run("capacity", "@ring.toml", "--months", "0"), "--months is 1 to 600"),
                (try desk.run("capacity", "@ring.toml", "--start", "yesterday"), "--start takes a day"),
                (try desk.run("explain", "posts", "@ring.toml"), "a key is BUCKET/KEY"),
                (try desk.run("explain", "posts/1"), "say a ring file"),
                (try desk.run("explain", "posts/%zz", "@ring.toml"), "hexadecimal"),
                (try desk.run("nonsense"), "Unexpected argument"),
            ]
            for (run, words) in cases {
                #expect(
                    run.status == .exited(2) && run.output.contains(words), "\(words): \(run.status)\n\(run.output)")
            }
        }
    }

    @Suite(.threeNodes) struct RingOfNodesTests {
        @Test func theNodesAgreeWithTheirFile() throws {
            let cluster = try cluster()
            let path = try #require(cluster.ringPath)
            for node in cluster.nodes {
                let run = try CommandRun(["ring", "explain", "posts/1", path, "--url", node.url])
                #expect(run.status == .exited(0) && run.output.contains("agree"), "\(run.output)")
            }
            // A running cluster's tables are a state to plan from.
            let desk = try RingDesk()
            try desk.write(try cluster[0].request("GET", "/v1/ring").text, "now.json")
            let plan = try CommandRun(["ring", "plan", path, "--from", desk.path("now.json"), "--json"])
            #expect(plan.status == .exited(0) && plan.output.contains("\"moves\": 0"), "\(plan.output)")
        }

        @Test func anotherFileIsToldApart() throws {
            let cluster = try cluster()
            let desk = try RingDesk()
            let run = try CommandRun(["ring", "explain", "posts/1", desk.path("ring.toml"), "--url", cluster[0].url])
            #expect(run.status == .exited(1) && run.output.contains("DISAGREE"), "\(run.output)")
            let nobody = try CommandRun(["ring", "explain", "posts/1", "--url", "http://127.0.0.1:1"])
            #expect(nobody.status == .exited(2) && nobody.output.contains("no answer from"))
        }
    }
}
