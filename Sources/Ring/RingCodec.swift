// The ring document's bytes: docs/formats/ring-document.md is the authority.

import Causality
import Crypto
import World

extension RingDocument {
    /// The canonical encoding: equal documents have equal bytes, on every machine.
    package func encode() -> [UInt8] { contents.index.encoding }

    /// SHA-256 of the encoding. Two nodes whose documents of one epoch differ in it refuse each other.
    package var digest: [UInt8] { contents.index.digest }

    /// Reads what a peer or a disk gave, in this version or a lower one; bounded, and whatever is not the canonical
    /// encoding of a valid document throws.
    package static func decode(_ bytes: [UInt8]) throws(RingDocumentError) -> RingDocument {
        guard bytes.count <= Limits.ringDocumentBytes else { throw RingDocumentError("the ring document is too big") }
        let (draft, version) = try RingCodec.decode(bytes)
        let document = try RingDocument(draft.upgraded(from: version))
        let canonical = version > 1 ? document.encode() : RingCodec.encode(draft, as: version)
        guard canonical == bytes else { throw RingDocumentError("the ring document is not canonical") }
        return document
    }
}

enum RingCodec {
    static let magic: UInt32 = 0x4154_524E  // "ATRN"
    /// The highest that is read.
    static let version: UInt16 = 4

    /// The lowest that has a place for all of it: so that nodes of earlier software, which know no more, agree with
    /// this one on the digest of what they can read.
    static func version(of draft: RingDraft) -> UInt16 {
        if draft.social != nil { return 4 }
        return ([draft.defaults] + draft.buckets.map(\.properties)).contains { $0.type != .opaque || !$0.cors.isEmpty }
            ? 3 : 2
    }

    static func digest(_ bytes: [UInt8]) -> [UInt8] {
        var hash = SHA256()
        bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
        return Array(hash.finalize())
    }

    static func encode(_ draft: RingDraft) -> [UInt8] { encode(draft, as: version(of: draft)) }

    static func encode(_ draft: RingDraft, as version: UInt16) -> [UInt8] {
        var out = ByteWriter()
        out.integer(magic)
        out.integer(version)
        out.name(draft.cluster)
        out.integer(draft.epoch)
        out.integer(UInt32(draft.partitions))
        out.list(draft.countries) { out, country in
            out.name(country.id)
            out.optional(country.location, coordinates)
        }
        out.list(draft.nodes) { out, value in
            node(&out, value)
            if version == 1 { out.optional(value.afr) { $0.double($1) } }
            if version >= 4 { out.optional(value.social, address) }
        }
        out.list(Array(zip(draft.placements, draft.assignments))) { out, pair in
            placement(&out, pair.0)
            for index in pair.1.nodes { out.integer(index) }
        }
        properties(&out, draft.defaults, version)
        out.list(draft.buckets) { out, bucket in
            out.name(bucket.name)
            properties(&out, bucket.properties, version)
        }
        out.list(draft.nameAcceptors) { out, id in out.name(id.name) }
        out.double(draft.score.replicationDelay)
        out.double(draft.score.responseTime)
        out.double(draft.score.distance)
        out.double(draft.score.errorRate)
        if version == 1 { planning(&out, draft.planning) }
        if version >= 4 { out.optional(draft.social, site) }
        return out.bytes
    }

    private static func coordinates(_ out: inout ByteWriter, _ value: Coordinates) {
        out.double(value.latitude)
        out.double(value.longitude)
    }

    private static func address(_ out: inout ByteWriter, _ value: HostPort) {
        out.name(value.host)
        out.integer(UInt16(value.port))
    }

    private static func node(_ out: inout ByteWriter, _ node: RingNode) {
        out.name(node.id.name)
        out.name(node.country)
        out.name(node.zone)
        out.name(node.rack)
        address(&out, node.peer)
        address(&out, node.http)
        out.integer(node.capacityBytes)
        out.integer(UInt8(NodeState.allCases.firstIndex(of: node.state) ?? 0))
        out.optional(node.location, coordinates)
        out.optional(node.mbit) { $0.double($1) }
    }

    private static func placement(_ out: inout ByteWriter, _ rule: Placement) {
        out.name(rule.name)
        out.integer(UInt8(rule.replicas))
        out.list(rule.atLeast) { out, bound in
            out.name(bound.country)
            out.integer(UInt8(bound.count))
        }
        out.integer(UInt8(rule.minCountries))
        out.optional(rule.maxPerCountry) { $0.integer(UInt16(clamping: $1)) }
        out.optional(rule.maxPerZone) { $0.integer(UInt16(clamping: $1)) }
        out.optional(rule.only) { out, only in out.list(only) { $0.name($1) } }
        out.optional(rule.survive) { $0.integer(UInt8(Placement.Survival.allCases.firstIndex(of: $1) ?? 0)) }
    }

    private static func site(_ out: inout ByteWriter, _ value: SocialSettings) {
        out.optional(value.origin) { $0.name($1) }
        out.optional(value.rawOrigin) { $0.name($1) }
        out.list(value.homes) { out, home in
            out.name(home.name)
            out.name(home.placement)
        }
        out.integer(UInt8(SocialSettings.Registration.allCases.firstIndex(of: value.registration) ?? 0))
        out.flag(value.isAnonymousAllowed)
        out.list(value.moderators) { $0.name($1) }
        out.integer(UInt16(clamping: value.publicShards))
        out.list(value.trustedProxies) { $0.name($1) }
        out.list(value.pollFrom) { $0.name($1) }
        out.flag(value.limitsLoopback)
    }

    private static func level(_ out: inout ByteWriter, _ level: ConsistencyLevel) {
        switch level {
        case .count(let n): out.integer(UInt8(n))
        case .one: out.integer(UInt8(0xF1))
        case .quorum: out.integer(UInt8(0xF2))
        case .local: out.integer(UInt8(0xF3))
        case .each: out.integer(UInt8(0xF4))
        case .all: out.integer(UInt8(0xF5))
        }
    }

    private static func properties(_ out: inout ByteWriter, _ value: BucketProperties, _ version: UInt16) {
        out.name(value.placement)
        level(&out, value.read)
        level(&out, value.write)
        out.integer(UInt8(ConflictRule.allCases.firstIndex(of: value.conflict) ?? 0))
        out.integer(UInt8(Durability.allCases.firstIndex(of: value.durability) ?? 0))
        out.optional(value.ttlMilliseconds) { $0.integer($1) }
        out.integer(UInt32(value.maxValueBytes))
        guard version >= 3 else { return }
        out.integer(UInt8(BucketType.allCases.firstIndex(of: value.type) ?? 0))
        out.list(value.cors) { $0.name($1) }
    }
}
