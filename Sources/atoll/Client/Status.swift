// `atoll status`: the table of nodes, as one of them sees it.

import ArgumentParser
import Foundation
import NIOHTTP1

struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show every node: alive or not, how fast, how far behind.",
        discussion: "Exit status 1 if a node is not alive.")
    @Flag(help: "Print the JSON document as it came.") var json = false
    @OptionGroup var node: NodeOptions

    struct Row: Decodable {
        var node: String
        var country: String
        var status: String
        var `self`: Bool
        var revision: String
        var ring_epoch: Int
        var mean_response_ms: Double
        var error_rate: Double
        var replication_delay_ms: Double
        var heartbeat_age_ms: Double?
        var hints: Int
        var disk_free: Double
        var location: [Double]?
    }

    struct Document: Decodable { var nodes: [Row] }

    func run() async throws {
        let response = try await ClientConnection.request(.GET, "/v1/nodes", to: try await node.node())
        guard response.status == 200 else { throw Answers.problem(response) }
        let rows = try JSONDecoder().decode(Document.self, from: Data(response.body)).nodes
        if json { Terminal.output(response.body) } else { print(Status.table(rows)) }
        if rows.contains(where: { $0.status != "alive" }) { throw ExitCode(1) }
    }

    private static func table(_ rows: [Row]) -> String {
        var table = Table([
            ("NODE", .left), ("WHERE", .left), ("STATUS", .left), ("REV", .left), ("RING", .right), ("BEAT", .right),
            ("RESP", .right), ("ERR", .right), ("LAG", .right), ("HINTS", .right), ("FREE", .right),
        ])
        for row in rows {
            let place = row.location.map { " \(decimal($0[0], 1)),\(decimal($0[1], 1))" } ?? ""
            table.add([
                row.node + (row.`self` ? " *" : ""), row.country + place, row.status,
                row.revision.isEmpty ? "-" : row.revision, "\(row.ring_epoch)",
                row.heartbeat_age_ms.map { "\(decimal($0 / 1_000, 1)) s" } ?? "never",
                "\(decimal(row.mean_response_ms, 2)) ms", "\(decimal(row.error_rate * 100, 1))%",
                "\(decimal(row.replication_delay_ms, 0)) ms", "\(row.hints)", "\(decimal(row.disk_free * 100, 0))%",
            ])
        }
        return table.text
    }

    private static func decimal(_ x: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", x) }
}
