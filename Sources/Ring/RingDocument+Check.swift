// The invariants of a ring document, in one place: whatever passes here is safe to index and iterate.

import Causality
import World

extension RingDocument {
    static func check(_ draft: RingDraft) throws(RingDocumentError) {
        func demand(_ condition: Bool, _ message: @autoclosure () -> String) throws(RingDocumentError) {
            if !condition { throw RingDocumentError(message()) }
        }
        try demand(RingNames.isLabel(draft.cluster), "the cluster's name is malformed")
        try demand(draft.epoch >= 1 && draft.epoch <= Limits.ringEpoch, "the epoch is out of range")
        try demand(
            draft.partitions >= 1 && draft.partitions <= Limits.partitions && draft.partitions.nonzeroBitCount == 1,
            "partitions must be a power of two of at most \(Limits.partitions)")
        try checkNodes(draft)
        try checkPlacements(draft)
        try checkBuckets(draft)
        try demand(draft.nameAcceptors.count <= Limits.nameAcceptors, "too many name acceptors")
        for (at, id) in draft.nameAcceptors.enumerated() {
            try demand(draft.nodes.contains { $0.id == id }, "acceptor \(id) is no node")
            try demand(!draft.nameAcceptors[..<at].contains(id), "acceptor \(id) is named twice")
        }
        if let fault = draft.social?.fault(in: draft) { throw RingDocumentError(fault) }
        try demand(
            draft.social != nil || draft.nodes.allSatisfy { $0.social == nil }, "a node has a site, and there is none")
        let score = draft.score
        for weight in [score.replicationDelay, score.responseTime, score.distance, score.errorRate] {
            try demand(weight >= 0 && weight.isFinite, "a score weight is negative or not finite")
        }
    }

    private static func checkNodes(_ draft: RingDraft) throws(RingDocumentError) {
        guard draft.countries.count <= Limits.countries, draft.nodes.count <= Limits.nodes, !draft.nodes.isEmpty else {
            throw RingDocumentError("too many countries or nodes, or no node at all")
        }
        guard zip(draft.countries, draft.countries.dropFirst()).allSatisfy({ $0.id < $1.id }),
            draft.countries.allSatisfy({ RingNames.isCountry($0.id) })
        else { throw RingDocumentError("countries are malformed, out of order or named twice") }
        guard zip(draft.nodes, draft.nodes.dropFirst()).allSatisfy({ $0.id < $1.id }) else {
            throw RingDocumentError("nodes are out of order or named twice")
        }
        let countries = Set(draft.countries.map(\.id))
        for node in draft.nodes {
            guard countries.contains(node.country) else {
                throw RingDocumentError("node \(node.id) stands in undeclared country \(node.country)")
            }
            guard RingNames.isLabel(node.zone), node.rack.isEmpty || RingNames.isLabel(node.rack),
                node.capacityBytes <= UInt64(Int64.max), node.mbit.map({ $0 > 0 && $0.isFinite }) ?? true
            else { throw RingDocumentError("a property of node \(node.id) is out of range") }
        }
    }

    private static func checkPlacements(_ draft: RingDraft) throws(RingDocumentError) {
        guard !draft.placements.isEmpty, draft.placements.count <= Limits.placements,
            draft.assignments.count == draft.placements.count,
            zip(draft.placements, draft.placements.dropFirst()).allSatisfy({ $0.name < $1.name })
        else { throw RingDocumentError("placements are missing, too many, out of order or named twice") }
        let countries = Set(draft.countries.map(\.id))
        for (placement, table) in zip(draft.placements, draft.assignments) {
            guard RingNames.isLabel(placement.name), (1...Limits.replicas).contains(placement.replicas),
                (1...placement.replicas).contains(placement.minCountries),
                placement.maxPerCountry.map({ $0 >= 1 }) ?? true, placement.maxPerZone.map({ $0 >= 1 }) ?? true,
                placement.atLeast.count <= placement.replicas,
                placement.atLeast.allSatisfy({ (1...Limits.replicas).contains($0.count) }),
                placement.atLeast.reduce(0, { $0 + $1.count }) <= placement.replicas,
                zip(placement.atLeast, placement.atLeast.dropFirst()).allSatisfy({ $0.country < $1.country }),
                placement.atLeast.allSatisfy({ countries.contains($0.country) }),
                placement.only.map({ $0.allSatisfy(countries.contains) && zip($0, $0.dropFirst()).allSatisfy(<) })
                    ?? true
            else { throw RingDocumentError("the rule of placement \(placement.name) is malformed") }
            guard table.replicas == placement.replicas, table.partitions == draft.partitions else {
                throw RingDocumentError("the table of placement \(placement.name) has the wrong size")
            }
            for partition in 0..<draft.partitions {
                let row = table[partition]
                for (at, node) in zip(row.indices, row) {
                    guard Int(node) < draft.nodes.count, !draft.nodes[Int(node)].isGateway, !row[..<at].contains(node)
                    else {
                        throw RingDocumentError("partition \(partition) of placement \(placement.name) is malformed")
                    }
                }
            }
        }
    }

    private static func checkBuckets(_ draft: RingDraft) throws(RingDocumentError) {
        guard draft.buckets.count <= Limits.namedBuckets,
            zip(draft.buckets, draft.buckets.dropFirst()).allSatisfy({ $0.name.isSpelledBefore($1.name) }),
            draft.buckets.allSatisfy({ (1...Limits.bucketNameBytes).contains($0.name.utf8.count) })
        else { throw RingDocumentError("buckets are malformed, too many, out of order or named twice") }
        for properties in [draft.defaults] + draft.buckets.map(\.properties) {
            guard let placement = draft.placements.first(where: { $0.name.isSpelled(properties.placement) }) else {
                throw RingDocumentError("a bucket names the unknown placement \(properties.placement)")
            }
            for case .count(let n) in [properties.read, properties.write] where !(1...placement.replicas).contains(n) {
                throw RingDocumentError("a bucket asks for \(n) of \(placement.replicas) replicas")
            }
            guard (1...Limits.largestValueBytes).contains(properties.maxValueBytes),
                properties.ttlMilliseconds.map({ (1...Limits.timeToLiveMs).contains($0) }) ?? true
            else { throw RingDocumentError("a bucket's max_value or ttl is out of range") }
            guard properties.type == .opaque || properties.conflict == .siblings else {
                throw RingDocumentError("a typed bucket's conflicts end by last-write-wins")
            }
            let origins = properties.cors
            guard origins.count <= Limits.bucketOrigins, origins.allSatisfy(WebOrigin.isCanonical),
                zip(origins, origins.dropFirst()).allSatisfy({ $0.isSpelledBefore($1) })
            else { throw RingDocumentError("a bucket's cors is malformed") }
        }
    }
}

/// The shape of names.
package enum RingNames {
    /// 1 to 64 bytes of `A-Z a-z 0-9 . _ -`, beginning with a letter or a digit: cluster, zone, rack, placement.
    package static func isLabel(_ text: String) -> Bool {
        let bytes = text.utf8
        guard (1...Limits.labelBytes).contains(bytes.count), let first = bytes.first else { return false }
        return isAlphanumeric(first)
            && bytes.allSatisfy { isAlphanumeric($0) || $0 == 0x2E || $0 == 0x5F || $0 == 0x2D }
    }

    /// 1 to 16 bytes of `a-z 0-9 _`.
    package static func isCountry(_ text: String) -> Bool {
        (1...Limits.countryNameBytes).contains(text.utf8.count) && text != "any"
            && text.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F }
    }

    private static func isAlphanumeric(_ b: UInt8) -> Bool {
        (0x61...0x7A).contains(b) || (0x41...0x5A).contains(b) || (0x30...0x39).contains(b)
    }
}
