// docs/openapi.yaml against three real nodes, and docs/openapi-site.yaml against their sites: schemathesis asks
// everything that they describe, and holds the answers against it.

import Foundation
import Testing

extension Integration {
    @Suite struct InterfaceTests {
        private func check(
            _ url: String, seconds: Int, options: [String] = [], openapi: String? = nil
        ) throws -> (status: ExitStatus, output: String) {
            let scratch = try TemporaryDirectory()
            let description = openapi ?? sourceRoot.path + "/docs/openapi.yaml"
            let process = try ChildProcess(
                "env",
                [
                    "ATOLL_OPENAPI=\(description)", sourceRoot.path + "/scripts/check-interface.sh", url,
                    "\(seconds)",
                ] + options, output: scratch.path + "/output", input: [])
            // The first run may have to install the tools.
            return (try process.wait(within: Double(seconds) + 300), process.output)
        }

        @Test func nodesAnswerAsDescribed() throws {
            let cluster = try Names.three()
            defer { cluster.end() }
            let (status, output) = try check(cluster[0].url, seconds: 60)
            #expect(status == .exited(0), "\(output.suffix(20_000))")
            #expect(cluster.nodes.allSatisfy { $0.isRunning })
        }

        /// Asked by a moderator, whose session only another run may end, and by somebody who has not logged in.
        @Test func sitesAnswerAsDescribed() throws {
            let cluster = try TestCluster.sites("moderators = [\"moda\"]")
            defer { cluster.end() }
            try cluster.start()
            try cluster.awaitSites()
            let url = "http://127.0.0.1:\(try #require(cluster[0].socialPort))"
            let account = try cluster[0].account("moda")
            // What its examples name.
            let ann = try cluster[0].account("ann")
            #expect(try cluster[0].post("title=Hello", "hello", by: ann).status == 201)
            #expect(try cluster[0].post("slug=umbrella", "blue", by: nil).status == 201)
            let openapi = sourceRoot.path + "/docs/openapi-site.yaml"
            let session = ["-H", "Authorization: Bearer \(account.token)"]
            for (seconds, options) in [
                (20, session + ["--exclude-operation-id", "logOut"]), (10, []),
                (6, session + ["--include-operation-id", "logOut"]),
            ] {
                let (status, output) = try check(url, seconds: seconds, options: options, openapi: openapi)
                #expect(status == .exited(0), "\(output.suffix(20_000))")
            }
            #expect(cluster.nodes.allSatisfy { $0.isRunning })
        }

        /// A description that differs from the nodes is found to.
        @Test func aDescriptionThatIsWrongIsFound() throws {
            let cluster = try Names.three()
            defer { cluster.end() }
            let scratch = try TemporaryDirectory()
            let text = try String(contentsOfFile: sourceRoot.path + "/docs/openapi.yaml", encoding: .utf8)
            let wrong = scratch.path + "/openapi.yaml"
            try Data(text.replacing("required: [founded, self, under_way]", with: "required: [founded, leader]").utf8)
                .write(to: URL(fileURLWithPath: wrong))
            let (status, output) = try check(
                cluster[0].url, seconds: 20, options: ["--include-operation-id", "namestore"], openapi: wrong)
            #expect(status == .exited(1) && output.contains("leader"), "\(output)")
        }
    }
}
