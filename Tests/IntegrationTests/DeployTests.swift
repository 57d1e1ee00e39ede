// What stands in deploy/: each file through its own checker, the compose file against its ring, and a planted fault of
// each kind to prove that the checks can fail.

import Foundation
import Testing

/// The root of the sources.
let sourceRoot: URL = {
    var root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    for _ in 0..<3 { root.deleteLastPathComponent() }
    return root
}()

extension Integration {
    @Suite struct DeployTests {
        private struct Finding: CustomTestStringConvertible {
            let file: String
            let from: String
            let to: String
            /// What the check must speak of.
            let about: String
            var testDescription: String { "\(file): \(to)" }
        }

        private func check(_ directory: String) throws -> (status: ExitStatus, output: String) {
            let scratch = try TemporaryDirectory()
            let process = try ChildProcess(
                sourceRoot.path + "/scripts/check-deploy.sh", [directory], output: scratch.path + "/output", input: [])
            // The first run may have to install the tools.
            return (try process.wait(within: 300), process.output)
        }

        @Test func everythingPassesItsChecks() throws {
            let (status, output) = try check("deploy")
            #expect(status == .exited(0), "\(output)")
        }

        @Test func theRingFileIsOneThatANodeTakes() throws {
            let run = try CommandRun(["ring", "check", sourceRoot.path + "/deploy/islands.toml"])
            #expect(run.status == .exited(0), "\(run.output)")
        }

        private static let faults = [
            Finding(file: "Dockerfile", from: "debian:bookworm-slim", to: "debian", about: "Dockerfile:"),
            Finding(file: "compose.yaml", from: "  image:", to: "  imge:", about: "against its schema"),
            Finding(
                file: "compose.yaml", from: "de: { ipv4_address: 10.77.1.11 }", to: "de: { ipv4_address: 10.77.1.12 }",
                about: "http is 10.77.1.11, its address on de 10.77.1.12"),
            Finding(
                file: "compose.yaml", from: "127.0.0.1:7072:7071", to: "0.0.0.0:7072:7071", about: "beyond loopback"),
            Finding(
                file: "compose.yaml", from: "${ATOLL_INSECURE:?there is neither TLS nor a token yet; set it to 1",
                to: "1 #",
                about: "for the operator to say"),
            Finding(file: "islands.toml", from: "jp-tyo-1", to: "jp-tyo-2", about: "services"),
            Finding(file: "atoll@.service", from: "RestartSec=", to: "RestrtSec=", about: "Unknown key"),
            Finding(file: "atoll@.service", from: "CapabilityBoundingSet=\n", to: "", about: "not hardened"),
            Finding(file: "atoll.sysusers", from: "u atoll", to: "x atoll", about: "atoll.sysusers"),
        ]

        @Test(arguments: faults) private func aPlantedFaultIsFound(_ fault: Finding) throws {
            let scratch = try TemporaryDirectory()
            let copy = scratch.path + "/deploy"
            try FileManager.default.copyItem(atPath: sourceRoot.path + "/deploy", toPath: copy)
            let path = copy + "/" + fault.file
            let text = try String(contentsOfFile: path, encoding: .utf8)
            try #require(text.contains(fault.from), "\(fault.file) has no longer \(fault.from)")
            try Data(text.replacing(fault.from, with: fault.to).utf8).write(to: URL(fileURLWithPath: path))
            let (status, output) = try check(copy)
            #expect(status == .exited(1) && output.contains(fault.about), "\(output)")
        }
    }
}
