// What a gossiper wants done, what it shows of each member, and why it refuses a message.

package import World

/// What a gossiper asks of its surroundings, in order.
package enum GossipEffect: Hashable, Sendable {
    /// Carry these bytes, unchanged, to that node. They may be lost, late, doubled or out of order.
    case send([UInt8], to: NodeID)
    /// Two heartbeats of this generation came in: it lives.
    case becameAlive(NodeID, generation: UInt64)
    /// No heartbeat for so long that phi reached `deathPhi`, or a new generation took the old one's place.
    case becameDead(NodeID)
    /// A key of that node has another value than before, or none.
    case changed(NodeID, key: String)
    /// The cluster knew of a later life of this node than this one (a restored or lost disk): the own generation is now
    /// this. Worth keeping on disk, so that the next start begins above it.
    case raisedGeneration(UInt64)
}

package enum MemberStatus: String, Hashable, Sendable {
    case alive, suspect, dead
}

/// One row of the table of nodes, as this node sees it.
package struct MemberView: Hashable, Sendable {
    package struct Value: Hashable, Sendable {
        package var key: String
        package var value: [UInt8]
    }

    package var id: NodeID
    /// The generation last heard of; 0 if none ever was.
    package var generation: UInt64
    /// The version up to which the owner's changes are known here.
    package var version: UInt64
    package var status: MemberStatus
    /// Suspicion: -log10 of the chance that a living node would be silent for so long. Infinite for a dead node.
    var phi: Double
    /// Since the newest heartbeat came in, not counting own pauses. Nil if none ever did.
    package var heartbeatAge: Span?
    /// Sorted by key.
    package var values: [Value]
}

/// Why a message was refused. The state is as it was before.
enum GossipRejection: String, Error, Hashable, Sendable, CaseIterable {
    /// The sender is not in the ring document, or is this very node.
    case stranger
    /// Longer than `Limits.gossipBytes`.
    case oversized
    /// A format version that this build doesn't read.
    case unknownVersion
    /// The seal doesn't match: another cluster, another sender or addressee than the transport says, or damaged bytes.
    case brokenSeal
    /// The seal matches, the contents break the format.
    case malformed
}
