// Reading the ring document's JSON. Members that are missing or of a wrong kind throw; ranges are RingDocument.check's.

import Causality
package import JSON
import World

extension RingJSON {
    /// The draft as it was written, and the version of its text.
    static func draft(_ value: JSONValue) throws(JSONError) -> (draft: RingDraft, version: UInt16) {
        guard let version = value["version"]?.int.flatMap({ UInt16(exactly: $0) }),
            (1...RingCodec.version).contains(version)
        else { throw JSONError("this is no ring document of version 1 to \(RingCodec.version)") }
        var draft = RingDraft()
        draft.cluster = try string(value, "cluster")
        draft.epoch = try unsigned(value, "epoch")
        draft.partitions = try int(value, "partitions")
        draft.countries = try list(value, "countries") { (entry) throws(JSONError) in
            Country(id: try string(entry, "id"), location: try location(entry, "location"))
        }
        draft.nodes = try list(value, "nodes", node)
        let tables = try list(value, "placements") { (entry) throws(JSONError) in
            let rule = try placement(entry)
            let rows = try list(entry, "assignment") { (row) throws(JSONError) in
                guard let indexes = row.array?.compactMap({ $0.int.flatMap { UInt16(exactly: $0) } }),
                    indexes.count == rule.replicas, indexes.count == row.array?.count
                else { throw JSONError("a row of placement \(rule.name) is malformed") }
                return indexes
            }
            return (rule, Assignment(replicas: rule.replicas, nodes: rows.flatMap { $0 }))
        }
        draft.placements = tables.map(\.0)
        draft.assignments = tables.map(\.1)
        draft.defaults = try properties(try member(value, "defaults"))
        draft.buckets = try list(value, "buckets") { (entry) throws(JSONError) in
            Bucket(name: try string(entry, "name"), properties: try properties(entry))
        }
        draft.nameAcceptors = try list(value, "name_acceptors") { (entry) throws(JSONError) in
            guard let id = entry.string.flatMap({ NodeID($0) }) else { throw JSONError("an acceptor is malformed") }
            return id
        }
        let score = try member(value, "score")
        draft.score = ScoreWeights(
            replicationDelay: try double(score, "replication_delay"), responseTime: try double(score, "response_time"),
            distance: try double(score, "distance"), errorRate: try double(score, "error_rate"))
        if version >= 4 { draft.social = try optional(value, "social", site) }
        if version == 1 { draft.planning = try planning(try member(value, "planning")) }
        return (draft, version)
    }

    // MARK: Members

    static func member(_ value: JSONValue, _ name: String) throws(JSONError) -> JSONValue {
        guard let member = value[name] else { throw JSONError("\(name) is missing") }
        return member
    }

    package static func string(_ value: JSONValue, _ name: String) throws(JSONError) -> String {
        guard let text = try member(value, name).string else { throw JSONError("\(name) must be a string") }
        return text
    }

    package static func int(_ value: JSONValue, _ name: String) throws(JSONError) -> Int {
        guard let number = try member(value, name).int else { throw JSONError("\(name) must be a whole number") }
        return number
    }

    package static func unsigned(_ value: JSONValue, _ name: String) throws(JSONError) -> UInt64 {
        guard let number = UInt64(exactly: try int(value, name)) else {
            throw JSONError("\(name) must not be negative")
        }
        return number
    }

    static func double(_ value: JSONValue, _ name: String) throws(JSONError) -> Double {
        guard let number = try member(value, name).double else { throw JSONError("\(name) must be a number") }
        return number
    }

    package static func list<T>(
        _ value: JSONValue, _ name: String, _ read: (JSONValue) throws(JSONError) -> T
    ) throws(JSONError) -> [T] {
        guard let elements = try member(value, name).array else { throw JSONError("\(name) must be an array") }
        var result: [T] = []
        result.reserveCapacity(elements.count)
        for element in elements { result.append(try read(element)) }
        return result
    }

    private static func optional<T>(
        _ value: JSONValue, _ name: String, _ read: (JSONValue, String) throws(JSONError) -> T
    ) throws(JSONError) -> T? {
        guard let member = value[name], !member.isNull else { return nil }
        return try read(value, name)
    }

    private static func choice<T: RawRepresentable<String>>(
        _ value: JSONValue, _ name: String, _: T.Type
    ) throws(JSONError) -> T {
        guard let choice = T(rawValue: try string(value, name)) else { throw JSONError("\(name) is unknown") }
        return choice
    }

    // MARK: Parts

    private static func location(_ value: JSONValue, _ name: String) throws(JSONError) -> Coordinates? {
        try optional(value, name) { (value, name) throws(JSONError) in
            let pair = value[name]?.array?.compactMap(\.double) ?? []
            guard pair.count == 2, let location = Coordinates(latitude: pair[0], longitude: pair[1]) else {
                throw JSONError("\(name) is malformed")
            }
            return location
        }
    }

    private static func address(_ value: JSONValue, _ name: String) throws(JSONError) -> HostPort {
        guard let address = HostPort(try string(value, name)) else { throw JSONError("\(name) is no address") }
        return address
    }

    private static func node(_ value: JSONValue) throws(JSONError) -> RingNode {
        guard let id = NodeID(try string(value, "id")) else { throw JSONError("a node's id is malformed") }
        return RingNode(
            id: id, country: try string(value, "country"), zone: try string(value, "zone"),
            rack: try string(value, "rack"), peer: try address(value, "peer"), http: try address(value, "http"),
            social: try optional(value, "social", address), capacityBytes: try unsigned(value, "capacity"),
            state: try choice(value, "state", NodeState.self),
            location: try location(value, "location"), mbit: try optional(value, "mbit", double),
            // Of version 1 alone.
            afr: try optional(value, "afr", double))
    }

    private static func placement(_ value: JSONValue) throws(JSONError) -> Placement {
        let name = try string(value, "name")
        let replicas = try int(value, "replicas")
        guard (1...Limits.replicas).contains(replicas), case .object(let bounds)? = value["at_least"] else {
            throw JSONError("the rule of placement \(name) is malformed")
        }
        return Placement(
            name: name, replicas: replicas,
            atLeast: bounds.map { CountryCount(country: $0.name, count: $0.value.int ?? 0) },
            minCountries: try int(value, "min_countries"), maxPerCountry: try optional(value, "max_per_country", int),
            maxPerZone: try optional(value, "max_per_zone", int),
            only: try optional(value, "only") { (value, name) throws(JSONError) in
                try list(value, name) { (entry) throws(JSONError) in
                    guard let country = entry.string else { throw JSONError("only must hold strings") }
                    return country
                }
            },
            survive: try optional(value, "survive") { (value, name) throws(JSONError) in
                try choice(value, name, Placement.Survival.self)
            })
    }

    private static func properties(_ value: JSONValue) throws(JSONError) -> BucketProperties {
        guard let read = ConsistencyLevel(try string(value, "read")),
            let write = ConsistencyLevel(try string(value, "write"))
        else { throw JSONError("a consistency level is unknown") }
        return BucketProperties(
            placement: try string(value, "placement"), read: read, write: write,
            conflict: try choice(value, "conflict", ConflictRule.self),
            durability: try choice(value, "durability", Durability.self),
            ttlMilliseconds: try optional(value, "ttl_ms", unsigned), maxValueBytes: try int(value, "max_value"),
            type: value["type"] == nil ? .opaque : try choice(value, "type", BucketType.self),
            cors: value["cors"] == nil
                ? []
                : try list(value, "cors") { (entry) throws(JSONError) in
                    guard let origin = entry.string else { throw JSONError("cors must hold strings") }
                    return origin
                })
    }

    private static func site(_ value: JSONValue, _ name: String) throws(JSONError) -> SocialSettings {
        let value = try member(value, name)
        guard case .object(let homes)? = value["homes"] else { throw JSONError("homes must be an object") }
        var site = SocialSettings()
        site.origin = try optional(value, "origin", string)
        site.rawOrigin = try optional(value, "raw_origin", string)
        site.homes = homes.map { SocialHome(name: $0.name, placement: $0.value.string ?? "") }
        site.registration = try choice(value, "registration", SocialSettings.Registration.self)
        site.isAnonymousAllowed = try bool(value, "anonymous")
        site.moderators = try strings(value, "moderators")
        site.publicShards = try int(value, "public_shards")
        site.trustedProxies = try strings(value, "trusted_proxies")
        site.pollFrom = try strings(value, "poll_from")
        site.limitsLoopback = try bool(value, "limit_loopback")
        return site
    }

    private static func bool(_ value: JSONValue, _ name: String) throws(JSONError) -> Bool {
        guard case .bool(let flag) = try member(value, name) else { throw JSONError("\(name) must be true or false") }
        return flag
    }

    private static func strings(_ value: JSONValue, _ name: String) throws(JSONError) -> [String] {
        try list(value, name) { (entry) throws(JSONError) in
            guard let text = entry.string else { throw JSONError("\(name) must hold strings") }
            return text
        }
    }

    private static func planning(_ value: JSONValue) throws(JSONError) -> PlanningInputs {
        PlanningInputs(
            fullAt: try double(value, "full_at"), slack: try double(value, "slack"),
            dataBytes: try optional(value, "data", unsigned),
            growth: try optional(value, "per_month") { (value, name) throws(JSONError) in
                let growth = try member(value, name)
                return growth["ratio"] == nil
                    ? .bytes(try unsigned(growth, "bytes")) : .ratio(try double(growth, "ratio"))
            },
            links: try list(value, "links") { (entry) throws(JSONError) in
                CountryLink(
                    try string(entry, "a"), try string(entry, "b"), mbit: try optional(entry, "mbit", double),
                    eurPerGB: try optional(entry, "eur_per_gb", double))
            })
    }
}
