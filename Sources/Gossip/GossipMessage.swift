// The vocabulary of one exchange.
//
// A tells B what it knows (syn: a digest for each owner). B answers with what A lacks and with digests of what B lacks
// itself (ack). A sends that (ack2). Every message stands alone: any of them may be lost, doubled or late.

import World

/// What one node knows of one owner: heartbeats are read by everybody, the rest says which changes to send.
struct Digest: Hashable, Sendable {
    var id: NodeID
    /// The owner's generation; 0: never heard of.
    var generation: UInt64
    var heartbeat: UInt64
    /// All changes of the owner up to this version are known, except the marks of deletions up to `floor`.
    var version: UInt64
    /// Above `version` while a refill is under way: then the node holds only a part, and asks for the rest.
    var floor: UInt64
}

/// One key's last change, as the owner made it. Versions count the owner's changes; no two entries share one.
struct Entry: Hashable, Sendable {
    var version: UInt64
    var key: String
    /// Nil marks a deleted key.
    var value: [UInt8]?
}

/// Everything the sender holds of one owner with versions in (`from`, `end`], ascending.
struct Delta: Hashable, Sendable {
    var id: NodeID
    var generation: UInt64
    var from: UInt64
    /// The sender no longer holds deletion marks up to here.
    var floor: UInt64
    var end: UInt64
    /// The version up to which the sender knows the owner; equals `end` unless the message was full.
    var latest: UInt64
    var entries: [Entry]
}

struct GossipMessage: Hashable, Sendable {
    enum Kind: UInt8, Sendable {
        case syn = 1
        case ack = 2
        case ack2 = 3
    }

    var kind: Kind
    /// Ascending by id.
    var digests: [Digest] = []
    var deltas: [Delta] = []
}
