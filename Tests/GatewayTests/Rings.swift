// The clusters that scripts are played on. Every node has a place of its own, so that which replica is nearest, and
// with it the order of questions, does not depend on chance.

import Gateway
import Keys
import Ring
import RingFile
import Testing
import World

@testable import Gateway

enum Cluster {
    private static func node(_ id: String, _ place: String, _ index: Int, capacity: String = "1TB") -> String {
        """
        [[node]]
        id = "\(id)"
        country = "\(id.prefix(2))"
        zone = "\(id)"
        peer = "10.0.0.\(index + 1):7171"
        http = "10.0.0.\(index + 1):7071"
        capacity = "\(capacity)"
        location = [\(place)]

        """
    }

    private static func ring(
        _ placement: String, _ nodes: [(id: String, place: String)], stateless: [String] = [],
        conflict: String = "siblings"
    ) throws -> RingSnapshot {
        let countries = Set(nodes.map { $0.id.prefix(2) }).sorted().map { "[country.\($0)]\n" }.joined()
        let text = """
            cluster = "test"
            partitions = 1
            [defaults]
            placement = "main"
            conflict = "\(conflict)"
            [placement.main]
            \(placement)

            """
        let list = nodes.enumerated().map { index, node in
            Cluster.node(node.id, node.place, index, capacity: stateless.contains(node.id) ? "0" : "1TB")
        }
        return RingSnapshot(try RingDocument.compile(ringFile: text + countries + list.joined(), fileName: "test"))
    }

    private static let frankfurt = "50.11, 8.68"
    private static let berlin = "52.52, 13.40"
    private static let munich = "48.14, 11.58"
    private static let ashburn = "38.95, -77.45"
    private static let tokyo = "35.68, 139.69"
    private static let recife = "-8.05, -34.90"
    private static let mumbai = "19.08, 72.88"

    /// de, us, jp: the replicas of every key, from near to far.
    static func three(conflict: String = "siblings") throws -> RingSnapshot {
        try ring(
            "rule = \"any:3\"\nmin_countries = 3", [("de-1", frankfurt), ("us-1", ashburn), ("jp-1", tokyo)],
            conflict: conflict)
    }

    /// The same, with two more countries for hints and a gateway that stores nothing.
    static func withFallbacks(conflict: String = "siblings") throws -> RingSnapshot {
        try ring(
            "rule = \"de:1 us:1 jp:1\"",
            [
                ("de-1", frankfurt), ("us-1", ashburn), ("jp-1", tokyo), ("br-1", recife), ("in-1", mumbai),
                ("de-gw", berlin),
            ],
            stateless: ["de-gw"], conflict: conflict)
    }

    /// Two replicas that may only ever lie in Germany, one more node there, and one abroad.
    static func german(conflict: String = "siblings") throws -> RingSnapshot {
        try ring(
            "rule = \"de:2\"\nonly = [\"de\"]",
            [("de-1", frankfurt), ("de-2", berlin), ("de-3", munich), ("us-1", ashburn)], conflict: conflict)
    }
}

extension Cluster {
    /// What P1 … and F1 … stand for on the ring with fallbacks.
    private static func node(_ alias: String) throws -> String {
        let key = try StoredKey(bucket: Array("posts".utf8), partitionKey: Array("key".utf8))
        let route = try withFallbacks().route(bucket: key.bucket, token: key.token)
        guard let number = Int(alias.dropFirst()) else { return alias }
        return (alias.hasPrefix("P") ? route.primaries : route.fallbacks)[number - 1].name
    }

    static func primary(_ number: Int) throws -> String { try node("P\(number)") }

    /// The countries of nodes or aliases as an account names them.
    static func countries(_ nodes: String...) throws -> String {
        try Set(nodes.map { String(try node($0).prefix(2)) }).sorted().joined(separator: " ")
    }
}

/// Replays `script` and compares; afterwards no question may still be counted as outstanding.
func expectScript(
    _ script: String, on ring: RingSnapshot, at identity: String = "de-1", seed: UInt64 = 1,
    _ location: SourceLocation = #_sourceLocation
) throws {
    let identity = try #require(NodeID(identity))
    var runner = try ScriptRunner(ring: ring, at: identity, seed: seed)
    let played = try ScriptRunner.replay(script, &runner)
    if played != script { Issue.record("the gateway did this:\n\(played)", sourceLocation: location) }
    guard runner.gateway.requestsInFlight == 0 else { return }
    for node in ring.document.nodes {
        #expect(runner.gateway.directory[node.id].outstanding == 0, "\(node.id)", sourceLocation: location)
    }
}
