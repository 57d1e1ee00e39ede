// A ring by hand for the tests of live reads: three replicas of every key, and two gateways that store nothing.

import Keys
import Ring
import World

@testable import Live

enum Cluster {
    static let replicas = ["ra", "rb", "rc"].compactMap { NodeID($0) }
    static let gateways = ["ga", "gb"].compactMap { NodeID($0) }

    /// - Parameter primaries: of `replicas`, by their places.
    static func ring(primaries: [UInt16] = [0, 1, 2], epoch: UInt64 = 1) throws -> RingSnapshot {
        var draft = RingDraft()
        draft.cluster = "test"
        draft.epoch = epoch
        draft.partitions = 4
        draft.countries = [Country(id: "de")]
        // The draft's nodes are sorted by name: the gateways come first.
        for (place, node) in (gateways + replicas).enumerated() {
            guard let http = HostPort(host: "10.0.0.1", port: 7_000 + place),
                let peer = HostPort(host: "10.0.0.1", port: 8_000 + place)
            else { continue }
            draft.nodes.append(
                RingNode(
                    id: node, country: "de", zone: "z\(place)", peer: peer, http: http,
                    capacityBytes: place < gateways.count ? 0 : 1_000_000_000_000))
        }
        draft.placements = [Placement(name: "world", replicas: primaries.count)]
        let row = primaries.map { $0 + UInt16(gateways.count) }
        draft.assignments = [
            Assignment(replicas: primaries.count, nodes: (0..<draft.partitions).flatMap { _ in row })
        ]
        draft.nameAcceptors = [replicas[0]]
        return RingSnapshot(try RingDocument(draft))
    }

    static func key(_ partition: String, _ sort: String? = nil) throws -> StoredKey {
        try StoredKey(
            bucket: Array("b".utf8), partitionKey: Array(partition.utf8), sortKey: sort.map { Array($0.utf8) })
    }

    static func range(_ partition: String) throws -> LiveTarget {
        try LiveTarget(
            bucket: Array("b".utf8), partitionKey: Array(partition.utf8), start: nil, end: nil, prefix: nil)
    }
}
