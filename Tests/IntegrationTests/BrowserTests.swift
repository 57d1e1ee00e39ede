// Browsers and WebSockets against real nodes; the parts of /atoll.js that need none by node.

import Foundation
import Testing

extension Integration {
    @Suite struct BrowserTests {
        private static let folder = sourceRoot.path + "/Tests/IntegrationTests/Browser"
        private static let buckets = """
            [bucket.demo]
            type = "document"
            [bucket.shared]
            type = "document"
            cors = ["https://example.org"]
            """

        private func run(
            _ command: String, _ arguments: [String], within seconds: Double
        ) throws -> (status: ExitStatus, output: String) {
            let scratch = try TemporaryDirectory()
            let process = try ChildProcess(command, arguments, output: scratch.path + "/output", input: [])
            return (try process.wait(within: seconds), process.output)
        }

        /// What documents become, however badly the network behaves; and the examples of docs/BROWSER.md.
        @Test func theModuleKeepsItsPromises() throws {
            let tests = ["draft", "page"].map { "\(BrowserTests.folder)/\($0).test.mjs" }
            let (status, output) = try run("node", ["--test"] + tests, within: 120)
            #expect(status == .exited(0), "\(output.suffix(20_000))")
        }

        @Test func socketsSpeakTheProtocol() throws {
            let cluster = try TestCluster.three(buckets: BrowserTests.buckets)
            defer { cluster.end() }
            try cluster.start()
            let (status, output) = try run(
                "/usr/bin/python3", [BrowserTests.folder + "/sockets.py", cluster[0].url, cluster[1].url], within: 120)
            #expect(status == .exited(0), "\(output)")
            #expect(cluster.nodes.allSatisfy { $0.isRunning })
        }

        /// Whose pages may read what; whether a browser lets them is its own affair.
        @Test func namedOriginsMayRead() throws {
            let cluster = try TestCluster.three(buckets: BrowserTests.buckets)
            defer { cluster.end() }
            try cluster.start()
            let page = ["Origin": "https://example.org"]
            #expect(try cluster[0].request("PUT", "/v1/kv/shared/k?w=all", body: Array("{}".utf8)).status == 201)
            #expect(try cluster[0].request("GET", "/atoll.js", page)["access-control-allow-origin"] == "*")
            for node in cluster.nodes {
                let named = try node.get("shared/k", page)
                #expect(named["access-control-allow-origin"] == "https://example.org" && named["vary"] == "origin")
                #expect(try node.get("shared/k/", page)["access-control-allow-origin"] != nil)
                #expect(try node.get("shared/none", page)["access-control-allow-origin"] != nil)
                #expect(try node.get("shared/k")["access-control-allow-origin"] == nil)
                let other = try node.get("shared/k", ["Origin": "https://example.com"])
                #expect(other.status == 200 && other["access-control-allow-origin"] == nil && other["vary"] == "origin")
                #expect(try node.get("demo/k", page)["access-control-allow-origin"] == nil)
                // It may look at a bucket, and change it through a WebSocket: this is neither.
                let put = try node.request("PUT", "/v1/kv/shared/k", page, body: Array("{}".utf8))
                #expect(put.status == 403 && put["access-control-allow-origin"] == nil)
                let events = try node.connect()
                try events.send(
                    "GET /v1/live/shared/k HTTP/1.1\r\nHost: localhost\r\nOrigin: https://example.org\r\n\r\n")
                var head: [String] = []
                while case let line = try events.line(), !line.isEmpty { head.append(line) }
                #expect(head.contains("access-control-allow-origin: https://example.org"), "\(head)")
            }
        }

        /// Six people change one document at random, a node is killed: nothing is lost or doubled.
        @Test func aCrowdLosesNothing() throws {
            let cluster = try TestCluster.three(buckets: BrowserTests.buckets)
            defer { cluster.end() }
            try cluster.start()
            let victim = try #require(cluster[1].process)
            let (status, output) = try run(
                "node",
                [
                    "--no-warnings", "--experimental-websocket", BrowserTests.folder + "/crowd.mjs", "demo/crowd",
                    "\(victim.id)",
                ] + cluster.nodes.map(\.url), within: 300)
            #expect(status == .exited(0), "\(output)")
        }

        /// Two browsers on two nodes write at once; one's node is killed, the other is offline for a while.
        @Test func browsersComeTogetherAgain() throws {
            let cluster = try TestCluster.three(buckets: BrowserTests.buckets, arguments: ["--demo"])
            defer { cluster.end() }
            try cluster.start()
            let victim = try #require(cluster[0].process)
            let scratch = try TemporaryDirectory()
            let (status, output) = try run(
                "/usr/bin/python3",
                [BrowserTests.folder + "/browsers.py"] + cluster.nodes.map(\.url) + ["\(victim.id)", scratch.path],
                within: 300)
            #expect(status == .exited(0), "\(output)")
        }
    }
}
