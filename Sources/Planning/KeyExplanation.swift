// Where a key lives and why: its token, its partition, the nodes that keep it, and those that stand in for them.

import Keys
package import Ring
import World

package struct KeyExplanation: Hashable, Sendable {
    package struct Place: Hashable, Sendable {
        package let node: String
        package let country: String
        package let zone: String
        package let reason: String
    }

    package let bucket: String
    package let token: String
    package let partition: Int
    package let partitions: Int
    /// The partition's first and last token.
    package let firstToken: String
    package let lastToken: String
    package let placement: String
    package let rule: String
    package let read: String
    package let write: String
    package let epoch: UInt64
    package let digest: String
    package let primaries: [Place]
    package let fallbacks: [Place]
    /// Why these, beyond each one's own reason.
    package let grounds: [String]

    /// - Parameters: the parts of a key; a sort key takes no part in where it lies.
    package init(_ ring: RingDocument, bucket: [UInt8], partitionKey: [UInt8]) {
        let token = Token(bucket: bucket, partitionKey: partitionKey)
        let partition = token.partition(of: ring.partitions)
        let properties = ring.properties(ofBucket: bucket)
        let list = ring.preferenceList(placement: properties.placement, partition: partition)
        let rule = ring.placementRule(properties.placement)
        let width = UInt64.max / UInt64(ring.partitions)

        self.bucket = String(decoding: bucket, as: UTF8.self)
        self.token = token.description
        self.partition = partition
        partitions = ring.partitions
        let bits = UInt64(ring.partitions.trailingZeroBitCount)
        let first = bits == 0 ? 0 : UInt64(partition) << (64 - bits)
        firstToken = Token(value: first).description
        lastToken = Token(value: bits == 0 ? .max : first &+ width).description
        placement = properties.placement
        self.rule = rule?.sentence ?? ""
        read = properties.read.description
        write = properties.write.description
        epoch = ring.epoch
        digest = hexadecimal(ring.digest)

        let reasons = ReasonFinder(ring, rule)
        primaries = reasons.primaries(list.primaries)
        fallbacks = reasons.fallbacks(list.fallbacks, after: list.primaries)
        let name = String(decoding: bucket, as: UTF8.self)
        grounds = [
            ring.buckets.contains { $0.name.utf8.elementsEqual(bucket) }
                ? "bucket \(name) names placement \(properties.placement)"
                : "bucket \(name) is not in the ring file: it has the defaults, placement \(properties.placement)",
            "the token's top \(bits) bit\(bits == 1 ? "" : "s") say the partition, and the table of the ring document "
                + "says its nodes; they were chosen so that every node is as full as its capacity and the rule allow, "
                + "with the fewest moves",
        ]
    }

    /// Whether another ring puts the key in the same places, fallbacks included.
    package func agrees(with other: KeyExplanation) -> Bool {
        token == other.token && partition == other.partition && primaries.map(\.node) == other.primaries.map(\.node)
            && fallbacks.map(\.node) == other.fallbacks.map(\.node)
    }
}

private struct ReasonFinder {
    private let ring: RingDocument
    private let rule: Placement?

    init(_ ring: RingDocument, _ rule: Placement?) {
        self.ring = ring
        self.rule = rule
    }

    private func place(_ id: NodeID, _ reason: String) -> KeyExplanation.Place {
        let node = ring.node(id)
        return KeyExplanation.Place(
            node: id.name, country: node?.country ?? "", zone: node?.zone ?? "", reason: reason)
    }

    /// Lower bounds first, then further countries, then the rest: as the rule compiles to slots.
    func primaries(_ ids: [NodeID]) -> [KeyExplanation.Place] {
        var named: [String: Int] = [:]
        for bound in rule?.atLeast ?? [] { named[bound.country] = bound.count }
        let wanted = rule?.minCountries ?? 1
        var countries: [String] = []
        return ids.map { id in
            let country = ring.node(id)?.country ?? ""
            let isFirst = !countries.contains(country)
            if isFirst { countries.append(country) }
            if let left = named[country], left > 0 {
                named[country] = left - 1
                return place(id, "one of the \(country):\(rule?.atLeast.first { $0.country == country }?.count ?? 0)")
            }
            if isFirst, wanted > 1, countries.count <= wanted {
                return place(id, "country \(countries.count) of the \(wanted) at least")
            }
            return place(id, "anywhere the rule allows")
        }
    }

    func fallbacks(_ ids: [NodeID], after primaries: [NodeID]) -> [KeyExplanation.Place] {
        var before = primaries
        return ids.map { id in
            let node = ring.node(id)
            let country = before.count { ring.node($0)?.country == node?.country }
            let zone = before.count {
                ring.node($0)?.country == node?.country && ring.node($0)?.zone == node?.zone
            }
            before.append(id)
            let name = node?.country ?? ""
            if country == 0 { return place(id, "nothing in \(name) yet") }
            return place(id, "\(country) before it in \(name), \(zone) in its zone")
        }
    }
}
