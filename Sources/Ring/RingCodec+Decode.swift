// Reading the ring document's bytes. Order and sizes mirror RingCodec.encode; ranges are RingDocument.check's.

import World

extension RingCodec {
    /// The draft as it was written, and the version of its bytes.
    static func decode(_ bytes: [UInt8]) throws(RingDocumentError) -> (draft: RingDraft, version: UInt16) {
        var input = ByteReader(bytes)
        guard try input.integer(UInt32.self) == magic else { throw RingDocumentError("this is no ring document") }
        let found = try input.integer(UInt16.self)
        guard (1...version).contains(found) else {
            throw RingDocumentError("ring document version \(found) is unknown; this node reads 1 to \(version)")
        }
        var draft = RingDraft()
        draft.cluster = try input.text(Limits.labelBytes)
        draft.epoch = try input.integer()
        draft.partitions = Int(try input.integer(UInt32.self))
        guard (1...Limits.partitions).contains(draft.partitions) else {
            throw RingDocumentError("the number of partitions is out of range")
        }
        draft.countries = try input.list(atMost: Limits.countries) { (input) throws(RingDocumentError) in
            Country(id: try input.text(Limits.countryNameBytes), location: try input.optional(coordinates))
        }
        draft.nodes = try input.list(atMost: Limits.nodes) { (input) throws(RingDocumentError) in
            var value = try node(&input)
            if found == 1 { value.afr = try input.optional { (i) throws(RingDocumentError) in try i.double() } }
            return value
        }
        let partitions = draft.partitions
        let tables = try input.list(atMost: Limits.placements) { (input) throws(RingDocumentError) in
            let rule = try placement(&input)
            // Compared before anything is reserved: a stranger's header must not make us allocate.
            guard input.remaining >= 2 * partitions * rule.replicas else {
                throw RingDocumentError("the ring document ends early")
            }
            var nodes: [UInt16] = []
            nodes.reserveCapacity(partitions * rule.replicas)
            for _ in 0..<(partitions * rule.replicas) { nodes.append(try input.integer()) }
            return (rule, Assignment(replicas: rule.replicas, nodes: nodes))
        }
        draft.placements = tables.map(\.0)
        draft.assignments = tables.map(\.1)
        draft.defaults = try properties(&input)
        draft.buckets = try input.list(atMost: Limits.namedBuckets) { (input) throws(RingDocumentError) in
            Bucket(name: try input.text(Limits.bucketNameBytes), properties: try properties(&input))
        }
        draft.nameAcceptors = try input.list(atMost: Limits.nameAcceptors, identity)
        draft.score = ScoreWeights(
            replicationDelay: try input.double(), responseTime: try input.double(), distance: try input.double(),
            errorRate: try input.double())
        if found == 1 { draft.planning = try planning(&input) }
        guard input.remaining == 0 else { throw RingDocumentError("the ring document has bytes behind its end") }
        return (draft, found)
    }

    private static func choice<T: CaseIterable>(_ input: inout ByteReader, _: T.Type) throws(RingDocumentError) -> T {
        let cases = Array(T.allCases)
        let at = Int(try input.integer(UInt8.self))
        guard at < cases.count else { throw RingDocumentError("a choice is unknown") }
        return cases[at]
    }

    private static func coordinates(_ input: inout ByteReader) throws(RingDocumentError) -> Coordinates {
        guard let value = Coordinates(latitude: try input.double(), longitude: try input.double()) else {
            throw RingDocumentError("a location is out of range")
        }
        return value
    }

    private static func identity(_ input: inout ByteReader) throws(RingDocumentError) -> NodeID {
        guard let id = NodeID(try input.text(Limits.nodeNameBytes)) else {
            throw RingDocumentError("a node's name is malformed")
        }
        return id
    }

    private static func address(_ input: inout ByteReader) throws(RingDocumentError) -> HostPort {
        guard let value = HostPort(host: try input.text(Limits.hostBytes), port: Int(try input.integer(UInt16.self)))
        else { throw RingDocumentError("an address is malformed") }
        return value
    }

    private static func node(_ input: inout ByteReader) throws(RingDocumentError) -> RingNode {
        RingNode(
            id: try identity(&input), country: try input.text(Limits.countryNameBytes),
            zone: try input.text(Limits.labelBytes), rack: try input.text(Limits.labelBytes),
            peer: try address(&input), http: try address(&input), capacityBytes: try input.integer(),
            state: try choice(&input, NodeState.self), location: try input.optional(coordinates),
            mbit: try input.optional { (i) throws(RingDocumentError) in try i.double() })
    }

    private static func placement(_ input: inout ByteReader) throws(RingDocumentError) -> Placement {
        let name = try input.text(Limits.labelBytes)
        let replicas = Int(try input.integer(UInt8.self))
        guard (1...Limits.replicas).contains(replicas) else { throw RingDocumentError("a rule has too many replicas") }
        return Placement(
            name: name, replicas: replicas,
            atLeast: try input.list(atMost: Limits.replicas) { (input) throws(RingDocumentError) in
                CountryCount(
                    country: try input.text(Limits.countryNameBytes), count: Int(try input.integer(UInt8.self)))
            },
            minCountries: Int(try input.integer(UInt8.self)),
            maxPerCountry: try input.optional { (i) throws(RingDocumentError) in Int(try i.integer(UInt16.self)) },
            maxPerZone: try input.optional { (i) throws(RingDocumentError) in Int(try i.integer(UInt16.self)) },
            only: try input.optional { (i) throws(RingDocumentError) in
                try i.list(atMost: Limits.countries) { (i) throws(RingDocumentError) in
                    try i.text(Limits.countryNameBytes)
                }
            },
            survive: try input.optional { (i) throws(RingDocumentError) in try choice(&i, Placement.Survival.self) })
    }

    private static func level(_ input: inout ByteReader) throws(RingDocumentError) -> ConsistencyLevel {
        switch try input.integer(UInt8.self) {
        case let n where (1...Limits.replicas).contains(Int(n)): .count(Int(n))
        case 0xF1: .one
        case 0xF2: .quorum
        case 0xF3: .local
        case 0xF4: .each
        case 0xF5: .all
        default: throw RingDocumentError("a consistency level is unknown")
        }
    }

    private static func properties(_ input: inout ByteReader) throws(RingDocumentError) -> BucketProperties {
        BucketProperties(
            placement: try input.text(Limits.labelBytes), read: try level(&input), write: try level(&input),
            conflict: try choice(&input, ConflictPolicy.self), durability: try choice(&input, Durability.self),
            ttlMilliseconds: try input.optional { (i) throws(RingDocumentError) in try i.integer() },
            maxValueBytes: Int(try input.integer(UInt32.self)))
    }
}
