// What a bucket asks of its replicas: where, how many must answer, what a conflict is, how durable.

package import Causality
import Quorums
import World

/// How many replicas must answer before a request is answered.
package enum ConsistencyLevel: Hashable, Sendable, CustomStringConvertible {
    /// 1 to `Limits.replicas`.
    case count(Int)
    case one
    /// More than half of the replicas.
    case quorum
    /// A quorum among the replicas in the gateway's own country.
    case local
    /// A quorum in every country that has replicas.
    case each
    case all

    /// A number, or one of the words. Nil for anything else.
    package init?(_ text: String) {
        switch text {
        case "one": self = .one
        case "quorum": self = .quorum
        case "local": self = .local
        case "each": self = .each
        case "all": self = .all
        default:
            guard text.utf8.count <= 3, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let n = Int(text),
                (1...Limits.replicas).contains(n)
            else { return nil }
            self = .count(n)
        }
    }

    package var description: String {
        switch self {
        case .count(let n): "\(n)"
        case .one: "one"
        case .quorum: "quorum"
        case .local: "local"
        case .each: "each"
        case .all: "all"
        }
    }

    /// How many of `replicas` must survive, wherever they stand, for this level to be reachable. `each` and `all` need
    /// everyone's country; `local` needs a quorum of one country only, so nothing of the others.
    package func needed(ofReplicas replicas: Int) -> Int {
        switch self {
        case .count(let n): n
        case .one, .local: 1
        case .quorum: QuorumSize.majority(of: replicas)
        case .each, .all: replicas
        }
    }
}

package enum Durability: String, Hashable, Sendable, CaseIterable {
    /// On disk on W replicas before the client hears of it.
    case synced
    /// In the operating system's hands on W replicas.
    case buffered
}

/// What the values of a bucket are (docs/TYPES.md). The numbers are those of the ring document's format.
package enum BucketType: String, Hashable, Sendable, CaseIterable {
    /// Bytes that only their writers understand.
    case opaque
    /// A JSON object, whose fields may be of all other types.
    case document
    case counter
    case flag
    case register
    case set
    case list
    case text
}

package struct BucketProperties: Hashable, Sendable {
    /// The name of a placement of the same ring document.
    package var placement: String
    package var read: ConsistencyLevel
    package var write: ConsistencyLevel
    package var conflict: ConflictRule
    package var durability: Durability
    /// Time to live given to each write that names none. Nil: kept for ever.
    package var ttlMilliseconds: UInt64?
    package var maxValueBytes: Int
    /// Typed values merge by themselves: not with last-write-wins.
    package var type: BucketType
    /// Of whose pages the live reads and requests of browsers are taken, beside our own: origins, ascending.
    package var cors: [String]

    init(
        placement: String = "world", read: ConsistencyLevel = .quorum, write: ConsistencyLevel = .quorum,
        conflict: ConflictRule = .siblings, durability: Durability = .synced, ttlMilliseconds: UInt64? = nil,
        maxValueBytes: Int = Limits.defaultValueBytes, type: BucketType = .opaque,
        cors: [String] = []
    ) {
        self.placement = placement
        self.read = read
        self.write = write
        self.conflict = conflict
        self.durability = durability
        self.ttlMilliseconds = ttlMilliseconds
        self.maxValueBytes = maxValueBytes
        self.type = type
        self.cors = cors
    }
}

extension BucketProperties {
    /// Whether one value may be inserted under many keys at once: of two writes of the same the last one stands, alone.
    package var takesInserts: Bool { type == .opaque && conflict == .lastWriteWins }
}

/// A bucket that the ring file names.
package struct Bucket: Hashable, Sendable {
    package let name: String
    package let properties: BucketProperties

    package init(name: String, properties: BucketProperties) {
        self.name = name
        self.properties = properties
    }
}

/// The weights i, j, k, l of the gateway's replica score; every term is in milliseconds. Finite and not negative.
package struct ScoreWeights: Hashable, Sendable {
    package var replicationDelay: Double
    package var responseTime: Double
    package var distance: Double
    package var errorRate: Double

    package init(
        replicationDelay: Double = 1, responseTime: Double = 1, distance: Double = 1, errorRate: Double = 1
    ) {
        self.replicationDelay = replicationDelay
        self.responseTime = responseTime
        self.distance = distance
        self.errorRate = errorRate
    }
}
