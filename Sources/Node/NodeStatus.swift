// What every node says of itself through gossip, and the table of it that `/v1/nodes` and `atoll status` show.

package import Gossip
package import Ring
package import World

/// A node's own figures, as it last measured them.
package struct NodeReport: Hashable, Sendable {
    /// What this version knows beyond the messages of the first: it is sent to nodes alone that say so
    /// (docs/formats/peer.md).
    static let live = "live"
    private static let features = live

    /// The software's version.
    package var revision = ""
    package var ringEpoch: UInt64 = 0
    /// Mean time from a request's arrival at this node's storage to its answer, ms: wait, work and sync.
    package var responseMs = 0.0
    /// Share of this node's requests that failed.
    package var errorRate = 0.0
    /// How long after their making fresh writes arrive here, ms; 0 where none have come lately.
    package var replicationDelayMs = 0.0
    /// Hints that this node keeps for others.
    package var hints = 0
    /// Keys that this node could not make the same on itself and a peer.
    package var keysApart = 0
    package var diskFree = 1.0
    /// Its disk takes no values: hints for it wait.
    var isDiskFull = false
    package var location: Coordinates?

    init() {}

    /// The keys of one node's gossip, all text: whoever debugs with a packet capture can read them.
    var pairs: [(key: String, value: String)] {
        [
            ("rev", revision), ("epoch", "\(ringEpoch)"), ("rt", NodeReport.text(responseMs)),
            ("err", NodeReport.text(errorRate)), ("lag", NodeReport.text(replicationDelayMs)), ("hints", "\(hints)"),
            ("apart", "\(keysApart)"), ("free", NodeReport.text(diskFree)), ("full", isDiskFull ? "1" : "0"),
            ("features", NodeReport.features), ("loc", location.map { "\($0.latitude),\($0.longitude)" } ?? ""),
        ]
    }

    init(_ values: [MemberView.Value]) {
        for pair in values { take(pair.key, pair.value) }
    }

    /// What a node says under one of the keys.
    mutating func take(_ key: String, _ value: [UInt8]) {
        let text = String(decoding: value, as: UTF8.self)
        switch key {
        case "rev": revision = text
        case "epoch": ringEpoch = UInt64(text) ?? 0
        case "rt": responseMs = NodeReport.number(text)
        case "err": errorRate = NodeReport.number(text)
        case "lag": replicationDelayMs = NodeReport.number(text)
        case "hints": hints = Int(text) ?? 0
        case "apart": keysApart = Int(text) ?? 0
        case "free": diskFree = NodeReport.number(text)
        case "full": isDiskFull = text == "1"
        case "loc":
            let parts = text.split(separator: ",").compactMap { Double($0) }
            if parts.count == 2 { location = Coordinates(latitude: parts[0], longitude: parts[1]) }
        default: break  // a newer node's key
        }
    }

    /// Three digits are more than these averages are worth.
    private static func text(_ x: Double) -> String { "\((x * 1_000).rounded() / 1_000)" }
    /// A peer's number; what is none, or not finite, counts as zero.
    private static func number(_ text: String) -> Double {
        guard let x = Double(text), x.isFinite else { return 0 }
        return x
    }
}

/// One row of the table of nodes.
package struct NodeStatus: Hashable, Sendable {
    package let node: RingNode
    package let isSelf: Bool
    package let status: MemberStatus
    package let generation: UInt64
    package let heartbeatAge: Span?
    package let report: NodeReport
}
