// One ring epoch as a node's parts use it: everything that a request needs, worked out once and shared by all threads.

package import Keys
package import World

/// Where the replicas of a key are, and how its bucket is to be treated.
package struct KeyRoute: Sendable {
    package let properties: BucketProperties
    private let holders: Holders

    fileprivate init(properties: BucketProperties, holders: Holders) {
        self.properties = properties
        self.holders = holders
    }

    package var primaries: [NodeID] { holders.list.primaries }
    /// Of the primaries, in their order.
    package var countries: [String] { holders.countries }
    /// In the order in which they stand in for primaries; all of them inside the placement's residency rule.
    package var fallbacks: [NodeID] { holders.list.fallbacks }
}

/// Who keeps a partition. One block: all threads hand the same ones out, and would contend for each count of
/// references.
private final class Holders: Sendable {
    let list: PreferenceList
    /// Of the primaries.
    let countries: [String]

    static let nobody = Holders(PreferenceList(primaries: [], fallbacks: []), countries: [])

    init(_ list: PreferenceList, countries: [String]) {
        self.list = list
        self.countries = countries
    }
}

/// Immutable; a new epoch is a new snapshot.
package final class RingSnapshot: Sendable {
    /// A bucket's properties with its placement's partitions.
    private struct Table: Sendable {
        let properties: BucketProperties
        let holders: [Holders]
    }

    package let document: RingDocument
    package let digest: [UInt8]
    private let partitions: Int
    /// Of the buckets that the ring file names.
    private let named: [[UInt8]: Table]
    private let others: Table
    /// Whether any bucket names origins of other pages (`cors`): most rings do not, and no answer needs to look.
    package let namesOrigins: Bool

    package init(_ document: RingDocument) {
        self.document = document
        digest = document.digest
        partitions = document.partitions
        let placements = document.placements.map(\.name)
        let holders = placements.map { placement in
            (0..<document.partitions).map { partition in
                let list = document.preferenceList(placement: placement, partition: partition)
                return Holders(list, countries: list.primaries.map { document.node($0)?.country ?? "" })
            }
        }
        func table(_ properties: BucketProperties) -> Table {
            let place = placements.firstIndex(of: properties.placement)
            return Table(properties: properties, holders: place.map { holders[$0] } ?? [])
        }
        var named: [[UInt8]: Table] = [:]
        for bucket in document.buckets { named[Array(bucket.name.utf8)] = table(bucket.properties) }
        self.named = named
        others = table(document.defaults)
        namesOrigins = !others.properties.cors.isEmpty || named.values.contains { !$0.properties.cors.isEmpty }
    }

    package func properties(ofBucket bucket: [UInt8]) -> BucketProperties { (named[bucket] ?? others).properties }

    package func route(bucket: [UInt8], token: Token) -> KeyRoute {
        let table = named[bucket] ?? others
        let partition = token.partition(of: partitions)
        return KeyRoute(
            properties: table.properties,
            holders: partition < table.holders.count ? table.holders[partition] : .nobody)
    }

    /// Which of a node's `count` shards writes the keys of this token's partition: neighbouring ones are different
    /// shards'.
    package func shard(of token: Token, among count: Int) -> Int {
        count > 1 ? token.partition(of: partitions) % count : 0
    }

    /// Whether the residency rule lets `node` keep a copy of the bucket's data, as a primary or with a hint.
    package func mayHold(_ node: NodeID, bucket: [UInt8]) -> Bool {
        guard let described = document.node(node) else { return false }
        let rule = document.placementRule(document.properties(ofBucket: bucket).placement)
        return described.capacityBytes > 0 && rule?.allows(country: described.country) ?? false
    }

    package func country(of node: NodeID) -> String { document.node(node)?.country ?? "" }
}
