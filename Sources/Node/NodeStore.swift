// The stores of a node, and what a start does with one that is damaged (docs/formats/data-directory.md).

package import Ring
package import World

package enum NodeStore: String, Hashable, Sendable {
    case objects
    case hints
    /// The votes on names.
    case names

    /// Whether the store may be moved aside where it is damaged, and an empty one begun, for the node's peers to fill.
    /// If not, it is left as it is: for an operator to decide about, or, in the case of names, for a quarantine.
    package func mayBeginAnew(on node: NodeID, in ring: RingDocument) -> Bool {
        switch self {
        case .objects: ring.hasOtherReplicas(ofAllOn: node)
        // They are copies of what the other replicas of their keys have, and a node starts without them.
        case .hints: true
        // An acceptor that comes back empty has forgotten its promises, and nobody could tell it.
        case .names: false
        }
    }
}

extension RingDocument {
    /// Whether `node` has a store of votes: every node that stores anything may be made an acceptor while it runs;
    /// until then its store has no vote.
    package func mayVote(_ id: NodeID) -> Bool {
        nameAcceptors.contains(id) || (node(id).map { $0.capacityBytes > 0 } ?? false)
    }

    /// Whether all that the node holds has another replica.
    fileprivate func hasOtherReplicas(ofAllOn node: NodeID) -> Bool {
        nodes.count > 1
            && !placements.contains { placement in
                (0..<partitions).contains { partition in
                    preferenceList(placement: placement.name, partition: partition).primaries == [node]
                }
            }
    }
}
