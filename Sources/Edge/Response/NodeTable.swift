// What operators read of nodes: the table of `GET /v1/nodes`, which `atoll status` shows, and `GET /readyz`.

import JSON
import Gossip
package import Node
import Ring
import World

package enum NodeTable {
    package static func json(_ table: [NodeStatus]) -> [UInt8] {
        var text = JSONWriter()
        text.open("{")
        text.key("nodes")
        text.open("[")
        for row in table {
            text.open("{")
            text.member("node", .string(row.node.id.name))
            text.member("country", .string(row.node.country))
            text.member("zone", .string(row.node.zone))
            text.member("status", .string(row.status.rawValue))
            text.member("self", .bool(row.isSelf))
            text.member("http", .string(row.node.http.description))
            text.member("revision", .string(row.report.revision))
            text.member("ring_epoch", .int(Int(clamping: row.report.ringEpoch)))
            text.member("generation", .int(Int(clamping: row.generation)))
            text.member("mean_response_ms", .number(row.report.responseMs))
            text.member("error_rate", .number(row.report.errorRate))
            text.member("replication_delay_ms", .number(row.report.replicationDelayMs))
            let age = row.isSelf ? Span.zero : row.heartbeatAge
            text.member("heartbeat_age_ms", age.map { .number(($0.inMilliseconds * 10).rounded() / 10) } ?? .null)
            text.member("hints", .int(row.report.hints))
            text.member("keys_apart", .int(row.report.keysApart))
            text.member("disk_free", .number(row.report.diskFree))
            let place = row.report.location ?? row.node.location
            text.member("location", place.map { .array([.number($0.latitude), .number($0.longitude)]) } ?? .null)
            text.close("}")
        }
        text.close("]")
        text.close("}")
        return text.bytes + [0x0A]
    }
}

extension HTTPResponse {
    package init(_ readiness: Readiness) {
        var text = "\(readiness.alive) of \(readiness.nodes) nodes alive\n"
        if !readiness.missing.isEmpty {
            text += "not connected: \(readiness.missing.map(\.name).joined(separator: ", "))\n"
        }
        if !readiness.unmeasured.isEmpty {
            text += "distance not known: \(readiness.unmeasured.map(\.name).joined(separator: ", "))\n"
        }
        self = .text(text, readiness.isReady ? 200 : 503)
        if !readiness.isReady { headers.add("retry-after", "1") }
    }
}
