// `atoll up`: a whole cluster from one command, its children looked after, and nothing left behind.

import Foundation
import Glibc
import Testing
import World

extension Integration {
    @Suite struct UpTests {
        /// `atoll up` with a ring file of its own; ends everything it started.
        final class Family {
            let directory: TemporaryDirectory
            let process: ChildProcess
            let nodes: [TestNode]
            /// Of the first node's site.
            let social: Int

            init(_ flags: [String] = [], hasSite: Bool = false) throws {
                directory = try TemporaryDirectory()
                let ports = try Ports.free(7)
                social = ports[6]
                let places = TestCluster.names.enumerated().map {
                    ($1, host: "127.0.0.1", http: ports[$0], peer: ports[$0 + 3])
                }
                let path = directory.path + "/ring.toml"
                var text = TestCluster.ringFile(places, buckets: hasSite ? "[social]" : "")
                if hasSite, let first = text.range(of: "http = ") {
                    text.insert(contentsOf: "social = \"127.0.0.1:\(social)\"\n", at: first.lowerBound)
                }
                try Data(text.utf8).write(to: URL(fileURLWithPath: path))
                nodes = places.map { name, host, http, peer in
                    TestNode(name, host: host, http: http, peer: peer, data: "", in: "", arguments: [])
                }
                process = try ChildProcess(
                    AtollBinary.path, ["up", path, "--data", directory.path + "/data"] + flags,
                    output: directory.path + "/up.log")
            }

            deinit {
                process.signal(SIGTERM)
                _ = try? process.wait(within: 15)
                process.end()
                for id in children().values where Family.exists(id) { kill(id, SIGKILL) }
            }

            /// Process ids by node, the last that the log names.
            func children() -> [String: pid_t] {
                var ids: [String: pid_t] = [:]
                for match in process.output.matches(of: /\[([a-z0-9-]+)\] process (\d+)/) {
                    ids[String(match.1)] = pid_t(match.2)
                }
                return ids
            }

            func awaitReady(within seconds: Double = 20) throws {
                try eventually("all three are ready", within: seconds) {
                    if let status = process.status {
                        throw HarnessFailure("atoll up ended: \(status)\n\(process.output)")
                    }
                    return process.output.contains("3 nodes of cluster testing are up")
                }
            }

            /// A process that runs; one that has ended and is only waited for does not.
            static func exists(_ id: pid_t) -> Bool {
                let stat = try? String(contentsOfFile: "/proc/\(id)/stat", encoding: .utf8)
                return stat.map { !$0.contains(") Z ") } ?? false
            }
        }

        /// Shards, long lists and compares stand behind the loops of all nodes here.
        @Test func storageStepsBackBehindTheLoops() throws {
            let family = try Family()
            try family.awaitReady()
            for (node, process) in family.children() {
                let tasks = "/proc/\(process)/task"
                var loops: Set<Int> = []
                var others: [Int] = []
                for task in try FileManager.default.contentsOfDirectory(atPath: tasks) {
                    // The name in parentheses, then the state and what follows: the 17th of them is the niceness.
                    guard let stat = try? String(contentsOfFile: "\(tasks)/\(task)/stat", encoding: .utf8),
                        let end = stat.lastIndex(of: ")"),
                        let niceness = stat[end...].split(separator: " ").dropFirst(17).first.flatMap({ Int($0) })
                    else { continue }
                    if stat[..<end].contains("NIO-ELT") { loops.insert(niceness) } else { others.append(niceness) }
                }
                let base = try #require(loops.first)
                #expect(loops.count == 1, "\(node)")
                let back = min(19, base + Int(Limits.storageNiceness))
                #expect(others.count { $0 == back } >= 3 && others.contains(base), "\(node): \(others)")
            }
        }

        @Test func aClusterComesUpIsLookedAfterAndGoes() throws {
            let family = try Family()
            try family.awaitReady()
            #expect(try family.nodes[0].put("up/k?w=all", "v").status == 201)
            #expect(try family.nodes[2].get("up/k").text == "v")
            let before = family.children()
            #expect(before.count == 3)
            let victim = try #require(before["us-iad-1"])
            kill(victim, SIGKILL)
            let killedAt = Stopwatch.now
            try eventually("its end is told", within: 3) {
                family.process.output.contains("[us-iad-1] starts again in 5 s")
            }
            try eventually("it starts again", within: 12) {
                try family.nodes[1].request("GET", "/healthz").status == 200
            }
            let pause = Stopwatch.now - killedAt
            #expect(pause > 4.5 && pause < 9)
            let after = family.children()
            #expect(after["us-iad-1"] != victim && after["de-fra-1"] == before["de-fra-1"])
            #expect(try family.nodes[1].get("up/k").text == "v")
            family.process.signal(SIGINT)
            #expect(try family.process.wait(within: 15) == .exited(0))
            for id in after.values { #expect(!Family.exists(id)) }
        }

        @Test func withNoRestartTheDeadStayDead() throws {
            let family = try Family(["--no-restart"])
            try family.awaitReady()
            // When none is left the command ends too, which it would not if it meant to start one again.
            for id in family.children().values { kill(id, SIGKILL) }
            _ = try family.process.wait(within: 10)
            #expect(!family.process.output.contains("starts again"))
        }

        @Test func nothingOutlivesIt() throws {
            let family = try Family()
            try family.awaitReady()
            let children = family.children()
            #expect(children.count == 3)
            family.process.signal(SIGKILL)
            try family.process.wait(within: 5)
            try eventually("its children end by themselves", within: 15) {
                children.values.allSatisfy { !Family.exists($0) }
            }
        }

        @Test func aSignalWhileStartingStopsEverything() throws {
            let family = try Family()
            try eventually("the first child runs", within: 10) { !family.children().isEmpty }
            family.process.signal(SIGTERM)
            _ = try family.process.wait(within: 15)
            for id in family.children().values { #expect(!Family.exists(id)) }
        }

        @Test(arguments: [
            ("cluster = \"x\"\nnonsense = 1\n", 2),
            ("cluster = \"x\"\n[country.de]\n[[node]]\nid = \"a\"\ncountry = \"fr\"\n", 5),
            ("cluster = \"x\"\npartitions = \"many\"\n", 2), ("cluster = \"x\"\n[country.de\n", 2),
        ]) func aBadRingFileIsRefusedWithFileAndLine(_ text: String, _ line: Int) throws {
            let directory = try TemporaryDirectory()
            let path = directory.path + "/bad.toml"
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            for arguments in [
                ["up", path, "--data", directory.path + "/data"], ["serve", "--ring", path, "--node", "a"],
            ] {
                let run = try CommandRun(arguments)
                #expect(run.status == .exited(2), "\(run.output)")
                #expect(run.output.contains("bad.toml:\(line)"), "\(run.output)")
            }
        }

        @Test func theSitesAreTold() throws {
            let family = try Family(hasSite: true)
            try family.awaitReady()
            let output = family.process.output
            #expect(output.contains("(de), its site: http://127.0.0.1:\(family.social)\n"), "\(output)")
            #expect(output.contains("A site for people, in a browser:\n\n  http://127.0.0.1:\(family.social)/  (de)\n"))
            #expect(output.components(separatedBy: "its site").count == 2)
            #expect(try Connection(family.social).request("GET", "/").status == 200)
        }

        @Test func anOpenAddressNeedsToBeInsisted() throws {
            let directory = try TemporaryDirectory()
            let ports = try Ports.free(2)
            let run = try CommandRun(["serve", "--http", "0.0.0.0:\(ports[0])", "--data", directory.path + "/data"])
            #expect(run.status == .exited(2) && run.output.contains("--insecure"))
        }
    }
}
