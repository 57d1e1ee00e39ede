// The ring file's buckets, acceptors, score weights and planning inputs.

import Causality
import Ring
import World

extension RingFileCompiler {
    mutating func buckets(
        defaults: RingFileTable?, _ tables: [(name: String, table: RingFileTable)], _ root: RingFileTable
    ) throws(RingFileError) {
        // Without a word in [defaults], buckets take `world`, or the only placement there is.
        let names = draft.placements.map(\.name)
        draft.defaults.placement = names.contains("world") ? "world" : names[0]
        if var table = defaults {
            draft.defaults = try properties(&table, draft.defaults)
        } else if names.count > 1, !names.contains("world") {
            throw root.error(
                "there are \(names.count) placements and none is called world: say which one is the default, "
                    + "[defaults] placement = \"\(names[0])\"")
        }
        guard tables.count <= Limits.namedBuckets else {
            throw tables[Limits.namedBuckets].table.error("more than \(Limits.namedBuckets) buckets")
        }
        for (name, table) in tables {
            var table = table
            guard (1...Limits.bucketNameBytes).contains(name.utf8.count) else {
                throw table.error("a bucket's name is 1 to \(Limits.bucketNameBytes) bytes")
            }
            guard !SocialBuckets.isReserved(name.utf8) else {
                throw table.error(
                    "buckets whose names begin with \(SocialBuckets.prefix) are a site's own: [social] makes them")
            }
            draft.buckets.append(Bucket(name: name, properties: try properties(&table, draft.defaults)))
        }
        draft.buckets.sort { $0.name.isSpelledBefore($1.name) }
    }

    private func properties(
        _ table: inout RingFileTable, _ defaults: BucketProperties
    ) throws(RingFileError) -> BucketProperties {
        var result = defaults
        result.placement = try table.string("placement") ?? defaults.placement
        guard let placement = draft.placements.first(where: { $0.name.isSpelled(result.placement) }) else {
            throw table.error("\(table.name) names the unknown placement \(result.placement)", key: "placement")
        }
        result.read = try level("read", placement, in: &table) ?? defaults.read
        result.write = try level("write", placement, in: &table) ?? defaults.write
        result.conflict = try choice("conflict", in: &table, ConflictRule.self) ?? defaults.conflict
        result.durability = try choice("durability", in: &table, Durability.self) ?? defaults.durability
        if let ttl = try table.string("ttl") {
            guard let milliseconds = Units.milliseconds(ttl),
                (1...Limits.timeToLiveMs).contains(milliseconds)
            else { throw table.error("ttl must be a span such as \"30d\" or \"12h\", not \(ttl)", key: "ttl") }
            result.ttlMilliseconds = milliseconds
        }
        if let size = try bytes("max_value", in: &table) {
            guard (1...UInt64(Limits.largestValueBytes)).contains(size) else {
                throw table.error("max_value must be 1 B to \(Limits.largestValueBytes >> 20) MiB", key: "max_value")
            }
            result.maxValueBytes = Int(size)
        }
        result.type = try choice("type", in: &table, BucketType.self) ?? defaults.type
        guard result.type == .opaque || result.conflict == .siblings else {
            throw table.error(
                "values of type \(result.type.rawValue) merge by themselves: conflict must be \"siblings\"", key: "type"
            )
        }
        result.cors = try origins("cors", in: &table) ?? defaults.cors
        try table.finish()
        // Inherited levels are checked too: `read = 3` in [defaults] does not fit a placement of two replicas.
        for (key, level) in [("read", result.read), ("write", result.write)] {
            if case .count(let n) = level, n > placement.replicas {
                throw table.error(
                    "\(key) = \(n), but placement \(placement.name) has \(placement.replicas) replicas", key: key)
            }
        }
        return result
    }

    /// In the order of their bytes: which one stands first means nothing.
    private func origins(_ key: String, in table: inout RingFileTable) throws(RingFileError) -> [String]? {
        guard let named = try table.strings(key) else { return nil }
        guard named.count <= Limits.bucketOrigins else {
            throw table.error("\(key) names more than \(Limits.bucketOrigins) origins", key: key)
        }
        var origins: [String] = []
        for origin in named {
            guard origin.value != "*" else {
                throw table.error(
                    "\(key) takes no *: any page in the world could change what its visitors can reach; "
                        + "name the origins, such as \"https://example.org\"", at: origin.position)
            }
            guard WebOrigin.isCanonical(origin.value) else {
                throw table.error(
                    "\(key) must hold origins as browsers write them, such as \"https://example.org\" or "
                        + "\"http://localhost:8080\" (small letters, no path, no usual port), not \(origin.value)",
                    at: origin.position)
            }
            guard !origins.contains(where: { $0.isSpelled(origin.value) }) else {
                throw table.error("\(key) names \(origin.value) twice", at: origin.position)
            }
            origins.append(origin.value)
        }
        return origins.sorted { $0.isSpelledBefore($1) }
    }

    private func level(
        _ key: String, _ placement: Placement, in table: inout RingFileTable
    ) throws(RingFileError) -> ConsistencyLevel? {
        guard let text = try table.stringOrNumber(key) else { return nil }
        guard let level = ConsistencyLevel(text) else {
            throw table.error(
                "\(key) must be a number of replicas or one, quorum, local, each or all, not \(text)", key: key)
        }
        return level
    }

    mutating func acceptors(_ table: RingFileTable?) throws(RingFileError) {
        guard var table else { return }
        let names = try table.strings("acceptors") ?? []
        try table.finish()
        guard names.count <= Limits.nameAcceptors else {
            throw table.error("there may be at most \(Limits.nameAcceptors) acceptors", key: "acceptors")
        }
        for name in names {
            guard let id = NodeID(name.value), draft.nodes.contains(where: { $0.id == id }) else {
                throw table.error("acceptor \(name.value) is no node of this file", at: name.position)
            }
            guard !draft.nameAcceptors.contains(id) else {
                throw table.error("acceptor \(id) is named twice", at: name.position)
            }
            draft.nameAcceptors.append(id)
        }
    }

    mutating func score(_ table: RingFileTable?) throws(RingFileError) {
        guard var table else { return }
        func weight(_ key: String, _ table: inout RingFileTable) throws(RingFileError) -> Double {
            guard let number = try table.number(key) else { return 1 }
            guard number >= 0 else { throw table.error("\(key) must not be negative", key: key) }
            return number == 0 ? 0 : number
        }
        draft.score = ScoreWeights(
            replicationDelay: try weight("replication_delay", &table),
            responseTime: try weight("response_time", &table), distance: try weight("distance", &table),
            errorRate: try weight("error_rate", &table))
        try table.finish()
    }

    mutating func growth(_ table: RingFileTable?) throws(RingFileError) {
        guard var table else { return try shares(nil) }
        draft.planning.dataBytes = try bytes("data", in: &table)
        if let text = try table.stringOrNumber("per_month") {
            if let share = Units.share(text), text.hasSuffix("%") || share < 1 {
                guard share <= 10 else { throw table.error("per_month is above 1000%", key: "per_month") }
                draft.planning.growth = .ratio(share)
            } else if let bytes = Units.bytes(text) {
                draft.planning.growth = .bytes(bytes)
            } else {
                throw table.error(
                    "per_month must be a share such as \"5%\" or a size such as \"500GB\", not \(text)",
                    key: "per_month")
            }
        }
        let share = try table.table("share")
        try table.finish()
        try shares(share)
    }

    /// `[growth.share] german = "10%"`: how the data divides among the placements. What is left, or all where nothing
    /// is said, belongs to the default placement.
    private mutating func shares(_ table: RingFileTable?) throws(RingFileError) {
        dataShares = Array(repeating: 0, count: draft.placements.count)
        let rest = draft.placements.firstIndex { $0.name == draft.defaults.placement } ?? 0
        var isNamed = false
        if var table {
            for (at, placement) in draft.placements.enumerated() {
                guard let share = try share(placement.name, in: &table) else { continue }
                dataShares[at] = share
                isNamed = isNamed || at == rest
            }
            try table.finish()
            let sum = dataShares.reduce(0, +)
            guard sum <= 1 + 1e-9, !isNamed || sum >= 1 - 1e-9 else {
                throw table.error("the shares of the data make \(Quantity.percent(sum)) together, not 100%")
            }
        }
        if !isNamed { dataShares[rest] = max(0, 1 - dataShares.reduce(0, +)) }
    }

    mutating func links(_ tables: [(name: String, table: RingFileTable)]) throws(RingFileError) {
        // Only ever asked.
        var seen: Set<[String]> = []
        for (name, table) in tables {
            var table = table
            let ends = name.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
            guard ends.count == 2 else {
                throw table.error("a link is written [link.A-B] with two countries; \(name) is not")
            }
            for end in ends where !isDeclared(end) {
                throw table.error("link \(name) names the unknown country \(end)")
            }
            let mbit = try positive("mbit", in: &table)
            let price = try table.number("eur_per_gb")
            if let price, price < 0 { throw table.error("eur_per_gb must not be negative", key: "eur_per_gb") }
            try table.finish()
            let link = CountryLink(ends[0], ends[1], mbit: mbit, eurPerGB: price)
            guard seen.insert([link.a, link.b]).inserted else {
                throw table.error("the link between \(link.a) and \(link.b) is written twice")
            }
            draft.planning.links.append(link)
        }
        draft.planning.links.sort { ($0.a, $0.b) < ($1.a, $1.b) }
    }
}
