// One key or range that somebody looks at through this node.

import Keys
import Quorums
import World

/// How it stands with a watch at one of its primaries.
enum PrimaryMark: Hashable, Sendable {
    case asked
    /// All that stood there when it was opened is known; it is of this shard.
    case open(shard: Int)
    /// It says that it is no primary. It is asked again with the next stream, or when the ring changes.
    case refused
}

struct HubWatch: Sendable {
    let target: LiveTarget
    /// Those of the ring, in its order; with how it stands there.
    var primaries: [(node: NodeID, mark: PrimaryMark)]
    /// The primary that sends contents; by its place.
    var source: Int
    /// In the order in which they came.
    var subscribers: [UInt64] = []
    /// Stored keys, ascending.
    private(set) var members: [[UInt8]] = []
    /// All that some primary has is known.
    var isReady = false
    var isLagging = false
    /// Some value in it has ended, or is to.
    var hasEnds = false
    /// Somebody looks at it who is shown what a quorum has.
    var wantsQuorum = false
    /// How many of its keys are known beyond that.
    var withheld = 0
    /// When a primary was last heard; or when the watch began.
    var heard: Instant
    var idleSince: Instant?

    init(_ target: LiveTarget, primaries: [NodeID], source: Int, now: Instant) {
        self.target = target
        self.primaries = primaries.map { ($0, .asked) }
        self.source = source
        heard = now
    }

    func place(of node: NodeID) -> Int? { primaries.firstIndex { $0.node == node } }

    /// All that a quorum of the primaries has is known.
    var hasOpenQuorum: Bool {
        primaries.count { if case .open = $0.mark { true } else { false } } >= QuorumSize.majority(of: primaries.count)
    }

    mutating func insert(_ key: [UInt8]) { members.insert(key, at: members.firstPlace { $0.precedes(key) }) }

    /// The members after `key`.
    func members(after key: [UInt8]?) -> ArraySlice<[UInt8]> {
        guard let key else { return members[...] }
        return members[members.firstPlace { !key.precedes($0) }...]
    }
}
