// The rings that scenarios are played on: ordinary ring files, each compiled once.

import DataTypes
import RingFile
import Ring
import Synchronization
import World

enum SimulatedRing {
    /// What tells them apart.
    struct Shape: Hashable, Sendable {
        let nodes: Int
        /// The first so many nodes are named as acceptors.
        let acceptors: Int
        /// Some keys have one replica alone.
        var hasSingle = false
        /// Some keys have five replicas, where there are so many nodes.
        var hasWide = false
        /// The residency rule of the german placement; a mutant leaves it out.
        var germanOnly = true
        /// Nodes have sites for people.
        var site: Site?
        /// A figure that says nothing of where data is differs from what all others have.
        var hasMisprint = false
    }

    enum Site: Hashable, Sendable {
        case everywhere
        /// Some people live in Germany.
        case homes
    }

    static let places = [
        ("de", "fra"), ("us", "iad"), ("jp", "tyo"), ("de", "ber"), ("us", "sfo"), ("de", "muc"), ("jp", "osa"),
    ]

    private static let compiled = Mutex<[Shape: RingSnapshot]>([:])

    static func snapshot(_ shape: Shape) throws -> RingSnapshot {
        if let ring = compiled.withLock({ $0[shape] }) { return ring }
        let ring = RingSnapshot(try RingDocument.compile(ringFile: text(shape), fileName: "simulated"))
        compiled.withLock { $0[shape] = ring }
        return ring
    }

    /// The buckets of a ring, those first of which there is most to learn.
    static func buckets(_ shape: Shape) -> [String] {
        var buckets = ["posts", "posts", "latest", "sessions", "drafts"]
        if germans(shape) > 1 { buckets += ["patients", "patients"] }
        if shape.hasSingle { buckets.append("scraps") }
        if shape.hasWide { buckets.append("archive") }
        return buckets
    }

    /// Those whose values are typed, on every ring.
    static let typedBuckets: [(name: String, type: TypedBucket)] = [
        ("docs", .document), ("likes", .counter), ("switches", .flag), ("settings", .register), ("tags", .set),
        ("tasks", .list), ("texts", .text), ("plans", .document),
    ]

    private static func germans(_ shape: Shape) -> Int { (0..<shape.nodes).count { places[$0].0 == "de" } }

    private static func text(_ shape: Shape) -> String {
        var text = """
            cluster = "simulated"
            partitions = 8
            [defaults]
            placement = "world"
            [placement.world]
            rule = "any:3"
            min_countries = 3
            max_per_country = 1
            [country.de]
            location = [50.11, 8.68]
            [country.us]
            location = [38.95, -77.45]
            [country.jp]
            location = [35.68, \(shape.hasMisprint ? 139.96 : 139.69)]
            [bucket.latest]
            conflict = "last-write-wins"
            [bucket.sessions]
            ttl = "2s"
            [bucket.drafts]
            durability = "buffered"

            """
        for bucket in typedBuckets { text += "[bucket.\(bucket.name)]\ntype = \"\(bucket.type.rawValue)\"\n" }
        text += "durability = \"buffered\"\n"
        let germans = germans(shape)
        if germans > 1 { text += placement("german", "de:\(germans - 1)", of: "patients", only: shape.germanOnly) }
        if shape.hasSingle { text += placement("single", "any:1", of: "scraps") }
        if let site = shape.site {
            // Nobody follows feeds of others; a country without nodes polls for all.
            text += "[country.is]\nlocation = [64.15, -21.94]\n[social]\npublic_shards = 2\npoll_from = [\"is\"]\n"
            if site == .homes { text += "homes = { de = \"german\" }\n" }
        }
        if shape.hasWide { text += placement("wide", "any:5", of: "archive") }
        let names = places.prefix(shape.nodes).enumerated().map { "\($1.0)-\($1.1)-\($0)" }
        let acceptors = names.prefix(shape.acceptors).map { "\"\($0)\"" }.joined(separator: ", ")
        text += "[names]\nacceptors = [\(acceptors)]\n"
        for index in 0..<shape.nodes {
            let (country, zone) = places[index]
            text += """
                [[node]]
                id = "\(names[index])"
                country = "\(country)"
                zone = "\(zone)"
                peer = "10.0.0.\(index + 1):7171"
                http = "10.0.0.\(index + 1):7071"
                capacity = "1TB"

                """
        }
        return text
    }

    private static func placement(_ name: String, _ rule: String, of bucket: String, only: Bool = false) -> String {
        """
        [placement.\(name)]
        rule = "\(rule)"
        \(only ? "only = [\"de\"]" : "")
        [bucket.\(bucket)]
        placement = "\(name)"

        """
    }
}
