// Reading the ring document's bytes. Order and sizes mirror RingCodec.encode; ranges are RingDocument.check's.

import Causality
import World

extension RingCodec {
    /// The draft as it was written, and the version of its bytes.
    static func decode(_ bytes: [UInt8]) throws(RingDocumentError) -> (draft: RingDraft, version: UInt16) {
        var input = ByteReader(bytes)
        guard let found = try? header(&input) else { throw RingDocumentError("this is no ring document") }
        guard (1...version).contains(found) else {
            throw RingDocumentError("ring document version \(found) is unknown; this node reads 1 to \(version)")
        }
        do { return (try contents(&input, found), found) } catch {
            throw RingDocumentError("the ring document cannot be read: \(error)")
        }
    }

    private static func header(_ input: inout ByteReader) throws(DecodingFailure) -> UInt16 {
        guard try input.integer(UInt32.self) == magic else { throw .malformed("another magic number") }
        return try input.integer()
    }

    private static func contents(_ input: inout ByteReader, _ found: UInt16) throws(DecodingFailure) -> RingDraft {
        var draft = RingDraft()
        draft.cluster = try input.name(atMost: Limits.labelBytes)
        draft.epoch = try input.integer()
        draft.partitions = Int(try input.integer(UInt32.self))
        guard (1...Limits.partitions).contains(draft.partitions) else {
            throw .malformed("the number of partitions is out of range")
        }
        draft.countries = try input.list(atMost: Limits.countries) { (input) throws(DecodingFailure) in
            Country(id: try input.name(atMost: Limits.countryNameBytes), location: try input.optional(coordinates))
        }
        draft.nodes = try input.list(atMost: Limits.nodes) { (input) throws(DecodingFailure) in
            var value = try node(&input)
            if found == 1 { value.afr = try input.optional { (i) throws(DecodingFailure) in try i.double() } }
            if found >= 4 { value.social = try input.optional(address) }
            return value
        }
        let partitions = draft.partitions
        let tables = try input.list(atMost: Limits.placements) { (input) throws(DecodingFailure) in
            let rule = try placement(&input)
            // Compared before anything is reserved: a stranger's header must not make us allocate.
            guard input.remaining >= 2 * partitions * rule.replicas else {
                throw .truncated
            }
            var nodes: [UInt16] = []
            nodes.reserveCapacity(partitions * rule.replicas)
            for _ in 0..<(partitions * rule.replicas) { nodes.append(try input.integer()) }
            return (rule, Assignment(replicas: rule.replicas, nodes: nodes))
        }
        draft.placements = tables.map(\.0)
        draft.assignments = tables.map(\.1)
        draft.defaults = try properties(&input, found)
        draft.buckets = try input.list(atMost: Limits.namedBuckets) { (input) throws(DecodingFailure) in
            Bucket(name: try input.name(atMost: Limits.bucketNameBytes), properties: try properties(&input, found))
        }
        draft.nameAcceptors = try input.list(atMost: Limits.nameAcceptors, identity)
        draft.score = ScoreWeights(
            replicationDelay: try input.double(), responseTime: try input.double(), distance: try input.double(),
            errorRate: try input.double())
        if found == 1 { draft.planning = try planning(&input) }
        if found >= 4 { draft.social = try input.optional(site) }
        try input.finish()
        return draft
    }

    private static func choice<T: CaseIterable>(_ input: inout ByteReader, _: T.Type) throws(DecodingFailure) -> T {
        let cases = Array(T.allCases)
        let at = Int(try input.integer(UInt8.self))
        guard at < cases.count else { throw .malformed("a choice is unknown") }
        return cases[at]
    }

    private static func coordinates(_ input: inout ByteReader) throws(DecodingFailure) -> Coordinates {
        guard let value = Coordinates(latitude: try input.double(), longitude: try input.double()) else {
            throw .malformed("a location is out of range")
        }
        return value
    }

    private static func identity(_ input: inout ByteReader) throws(DecodingFailure) -> NodeID {
        guard let id = NodeID(try input.name(atMost: Limits.nodeNameBytes)) else {
            throw .malformed("a node's name is malformed")
        }
        return id
    }

    private static func address(_ input: inout ByteReader) throws(DecodingFailure) -> HostPort {
        guard
            let value = HostPort(
                host: try input.name(atMost: Limits.hostBytes), port: Int(try input.integer(UInt16.self)))
        else { throw .malformed("an address is malformed") }
        return value
    }

    private static func node(_ input: inout ByteReader) throws(DecodingFailure) -> RingNode {
        RingNode(
            id: try identity(&input), country: try input.name(atMost: Limits.countryNameBytes),
            zone: try input.name(atMost: Limits.labelBytes), rack: try input.name(atMost: Limits.labelBytes),
            peer: try address(&input), http: try address(&input), capacityBytes: try input.integer(),
            state: try choice(&input, NodeState.self), location: try input.optional(coordinates),
            mbit: try input.optional { (i) throws(DecodingFailure) in try i.double() })
    }

    private static func placement(_ input: inout ByteReader) throws(DecodingFailure) -> Placement {
        let name = try input.name(atMost: Limits.labelBytes)
        let replicas = Int(try input.integer(UInt8.self))
        guard (1...Limits.replicas).contains(replicas) else { throw .malformed("a rule has too many replicas") }
        return Placement(
            name: name, replicas: replicas,
            atLeast: try input.list(atMost: Limits.replicas) { (input) throws(DecodingFailure) in
                CountryCount(
                    country: try input.name(atMost: Limits.countryNameBytes), count: Int(try input.integer(UInt8.self)))
            },
            minCountries: Int(try input.integer(UInt8.self)),
            maxPerCountry: try input.optional { (i) throws(DecodingFailure) in Int(try i.integer(UInt16.self)) },
            maxPerZone: try input.optional { (i) throws(DecodingFailure) in Int(try i.integer(UInt16.self)) },
            only: try input.optional { (i) throws(DecodingFailure) in
                try i.list(atMost: Limits.countries) { (i) throws(DecodingFailure) in
                    try i.name(atMost: Limits.countryNameBytes)
                }
            },
            survive: try input.optional { (i) throws(DecodingFailure) in try choice(&i, Placement.Survival.self) })
    }

    private static func site(_ input: inout ByteReader) throws(DecodingFailure) -> SocialSettings {
        func names(_ count: Int, of bytes: Int) throws(DecodingFailure) -> [String] {
            try input.list(atMost: count) { (i) throws(DecodingFailure) in try i.name(atMost: bytes) }
        }
        var site = SocialSettings()
        site.origin = try input.optional { (i) throws(DecodingFailure) in try i.name(atMost: Limits.originBytes) }
        site.rawOrigin = try input.optional { (i) throws(DecodingFailure) in try i.name(atMost: Limits.originBytes) }
        site.homes = try input.list(atMost: Limits.socialHomes) { (i) throws(DecodingFailure) in
            SocialHome(
                name: try i.name(atMost: Limits.countryNameBytes), placement: try i.name(atMost: Limits.labelBytes))
        }
        site.registration = try choice(&input, SocialSettings.Registration.self)
        site.isAnonymousAllowed = try input.flag()
        site.moderators = try names(Limits.socialModerators, of: Limits.userNameBytes)
        site.publicShards = Int(try input.integer(UInt16.self))
        site.trustedProxies = try names(Limits.trustedProxies, of: Limits.networkBytes)
        site.pollFrom = try names(Limits.countries, of: Limits.countryNameBytes)
        site.limitsLoopback = try input.flag()
        return site
    }

    private static func level(_ input: inout ByteReader) throws(DecodingFailure) -> ConsistencyLevel {
        switch try input.integer(UInt8.self) {
        case let n where (1...Limits.replicas).contains(Int(n)): .count(Int(n))
        case 0xF1: .one
        case 0xF2: .quorum
        case 0xF3: .local
        case 0xF4: .each
        case 0xF5: .all
        default: throw .malformed("a consistency level is unknown")
        }
    }

    private static func properties(
        _ input: inout ByteReader, _ found: UInt16
    ) throws(DecodingFailure) -> BucketProperties {
        BucketProperties(
            placement: try input.name(atMost: Limits.labelBytes), read: try level(&input), write: try level(&input),
            conflict: try choice(&input, ConflictRule.self), durability: try choice(&input, Durability.self),
            ttlMilliseconds: try input.optional { (i) throws(DecodingFailure) in try i.integer() },
            maxValueBytes: Int(try input.integer(UInt32.self)),
            type: found >= 3 ? try choice(&input, BucketType.self) : .opaque,
            cors: found >= 3
                ? try input.list(atMost: Limits.bucketOrigins) { (i) throws(DecodingFailure) in
                    try i.name(atMost: Limits.originBytes)
                } : [])
    }
}

extension ByteWriter {
    /// A length of two bytes, and the UTF-8: every name of a ring document has a far lower limit.
    mutating func name(_ value: String) {
        let utf8 = value.utf8.prefix(Int(UInt16.max))
        integer(UInt16(utf8.count))
        raw(utf8)
    }

    /// A count of at most 65535, then each element.
    mutating func list<T>(_ values: [T], _ write: (inout ByteWriter, T) -> Void) {
        integer(UInt16(truncatingIfNeeded: values.count))
        for value in values { write(&self, value) }
    }
}

extension ByteReader {
    mutating func name(atMost largest: Int) throws(DecodingFailure) -> String {
        let count = Int(try integer(UInt16.self))
        guard count <= largest else { throw .overlong }
        return try text(count)
    }

    mutating func list<T>(
        atMost largest: Int, _ read: (inout ByteReader) throws(DecodingFailure) -> T
    ) throws(DecodingFailure) -> [T] {
        let count = Int(try integer(UInt16.self))
        guard count <= largest else { throw .overlong }
        var values: [T] = []
        for _ in 0..<count { values.append(try read(&self)) }
        return values
    }
}
