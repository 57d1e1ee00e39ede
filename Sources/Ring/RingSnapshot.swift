// One ring epoch as a node's parts use it: everything that a request needs, worked out once and shared by all threads.

package import World

/// Where the replicas of a key are, and how its bucket is to be treated.
package struct Route: Sendable {
    package let properties: BucketProperties
    package let primaries: [NodeID]
    /// Of the primaries, in their order.
    package let countries: [String]
    /// In the order in which they stand in for primaries; all of them inside the placement's residency rule.
    package let fallbacks: [NodeID]
}

/// Immutable; a new epoch is a new snapshot.
package final class RingSnapshot: Sendable {
    package let document: RingDocument
    package let digest: [UInt8]
    private let lists: [String: [(list: PreferenceList, countries: [String])]]

    package init(_ document: RingDocument) {
        self.document = document
        digest = document.digest
        var lists: [String: [(list: PreferenceList, countries: [String])]] = [:]
        for placement in document.placements.map(\.name) {
            lists[placement] = (0..<document.partitions).map {
                let list = document.preferenceList(placement: placement, partition: $0)
                return (list, list.primaries.map { document.node($0)?.country ?? "" })
            }
        }
        self.lists = lists
    }

    package func properties(ofBucket bucket: [UInt8]) -> BucketProperties { document.properties(ofBucket: bucket) }

    package func route(bucket: [UInt8], token: Token) -> Route {
        let properties = document.properties(ofBucket: bucket)
        guard let (list, countries) = lists[properties.placement]?[token.partition(of: document.partitions)] else {
            return Route(properties: properties, primaries: [], countries: [], fallbacks: [])
        }
        return Route(
            properties: properties, primaries: list.primaries, countries: countries, fallbacks: list.fallbacks)
    }

    /// Whether the residency rule lets `node` keep a copy of the bucket's data, as a primary or with a hint.
    package func mayHold(_ node: NodeID, bucket: [UInt8]) -> Bool {
        guard let described = document.node(node) else { return false }
        let rule = document.placementRule(document.properties(ofBucket: bucket).placement)
        return described.capacityBytes > 0 && rule?.allows(country: described.country) ?? false
    }

    package func country(of node: NodeID) -> String { document.node(node)?.country ?? "" }
}
