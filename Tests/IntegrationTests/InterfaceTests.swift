// docs/openapi.yaml against three real nodes: schemathesis asks everything that it describes, and holds the answers
// against it.

import Foundation
import Testing

extension Integration {
    @Suite struct InterfaceTests {
        private func check(
            _ cluster: TestCluster, seconds: Int, options: [String] = [], openapi: String? = nil
        ) throws -> (status: ExitStatus, output: String) {
            let scratch = try TemporaryDirectory()
            let description = openapi ?? sourceRoot.path + "/docs/openapi.yaml"
            let process = try ChildProcess(
                "env",
                [
                    "ATOLL_OPENAPI=\(description)", sourceRoot.path + "/scripts/check-interface.sh", cluster[0].url,
                    "\(seconds)",
                ] + options, output: scratch.path + "/output", input: [])
            // The first run may have to install the tools.
            return (try process.wait(within: Double(seconds) + 300), process.output)
        }

        @Test func nodesAnswerAsDescribed() throws {
            let cluster = try Names.three()
            defer { cluster.end() }
            let (status, output) = try check(cluster, seconds: 60)
            #expect(status == .exited(0), "\(output.suffix(20_000))")
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
                cluster, seconds: 20, options: ["--include-operation-id", "namestore"], openapi: wrong)
            #expect(status == .exited(1) && output.contains("leader"), "\(output)")
        }
    }
}
