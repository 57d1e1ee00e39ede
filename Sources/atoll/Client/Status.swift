// `atoll status`: the table of nodes, as one of them sees it.

import ArgumentParser
import Foundation
import JSON
import NIOHTTP1

struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show every node: alive or not, how fast, how far behind.",
        discussion: "Exit status 1 if a node is not alive.")
    @Flag(help: "Print the JSON document as it came.") var json = false
    @OptionGroup var node: NodeOptions

    func run() async throws {
        let response = try await NodeClient.request(.GET, "/v1/nodes", to: try await node.node())
        guard response.status == 200 else { throw Answers.problem(response) }
        let rows = try JSONValue.decode(response.body)["nodes"]?.array ?? []
        if json { Terminal.output(response.body) } else { print(Status.table(rows)) }
        if rows.contains(where: { $0["status"]?.string != "alive" }) { throw ExitCode(1) }
    }

    private static func table(_ rows: [JSONValue]) -> String {
        var table = Table([
            ("NODE", .left), ("WHERE", .left), ("STATUS", .left), ("REV", .left), ("RING", .right), ("BEAT", .right),
            ("RESP", .right), ("ERR", .right), ("LAG", .right), ("HINTS", .right), ("FREE", .right),
        ])
        for row in rows {
            func text(_ name: String) -> String { row[name]?.string ?? "" }
            func number(_ name: String, times factor: Double = 1, _ digits: Int) -> String {
                decimal((row[name]?.double ?? 0) * factor, digits)
            }
            let place = row["location"]?.array?.compactMap(\.double) ?? []
            table.add([
                text("node") + (row["self"] == .bool(true) ? " *" : ""),
                text("country") + (place.isEmpty ? "" : " " + place.map { decimal($0, 1) }.joined(separator: ",")),
                text("status"), text("revision").isEmpty ? "-" : text("revision"), number("ring_epoch", 0),
                row["heartbeat_age_ms"]?.double.map { "\(decimal($0 / 1_000, 1)) s" } ?? "never",
                "\(number("mean_response_ms", 2)) ms", "\(number("error_rate", times: 100, 1))%",
                "\(number("replication_delay_ms", 0)) ms", number("hints", 0),
                "\(number("disk_free", times: 100, 0))%",
            ])
        }
        return table.text
    }

    private static func decimal(_ x: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", x) }
}
