// A request on a typed object: what the minter is told, and what it answers.

package import Causality
package import World

/// What the keys of a bucket are.
package enum TypedBucket: String, Hashable, Sendable, CaseIterable {
    case document, counter, flag, register, set, list, text

    /// What stands at the root.
    var rootKind: TypedKind {
        switch self {
        case .document: .map
        case .counter: .counter
        case .flag: .flag
        case .register: .register
        case .set: .set
        case .list: .list
        case .text: .text
        }
    }
}

/// Who mints a request, and when.
package struct MintingRun: Sendable {
    package let actor: Actor
    /// The first counter that the shard has not given to anybody: as many are taken as `TypedDelta.last` says.
    package let first: UInt64
    package let time: HybridTime
    /// The minter's clock, by which it judges what has expired: `time` may be ahead of it.
    package let wall: WallTime

    /// `wall`: that of `time` if it is not said.
    package init(actor: Actor, first: UInt64, time: HybridTime, wall: WallTime? = nil) {
        self.actor = actor
        self.first = first
        self.time = time
        self.wall = wall ?? time.wall
    }
}

struct TypedRequest: Sendable {
    let operations: [Operation]
    /// What the client has seen; without one, all that the minter has.
    let context: VersionVector?
    let name: OperationName?
    /// Bytes that the object may still grow by.
    let room: Int
    /// Bytes that one request may bring.
    let most: Int
    /// When all that stands then is to end.
    let expiresAt: WallTime?
    /// It only takes away what has expired, and says nothing of when anything ends: what others have written meanwhile
    /// stands as they said.
    var collects = false

    init(
        _ operations: [Operation], context: VersionVector? = nil, name: OperationName? = nil,
        room: Int = .max, most: Int = Limits.requestOperationBytes, expiresAt: WallTime? = nil
    ) {
        self.expiresAt = expiresAt
        self.operations = operations
        self.context = context
        self.name = name
        self.room = room
        self.most = most
    }
}

/// What an operation tells its client.
package enum OperationResult: Hashable, Sendable {
    case done
    /// A counter, with the increment.
    case value(Int64)
    /// The first dot of what was inserted; the others follow it.
    case inserted(first: Dot, count: Int)
}

package enum TypedOutcome: Sendable {
    /// The delta goes to the other replicas.
    case minted(TypedDelta, [OperationResult])
    /// It was done before, with these dots where they are still known.
    case done(first: Dot, last: Dot)
    case doneLongAgo
}
