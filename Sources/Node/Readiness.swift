// Whether a node is ready (`GET /readyz`): whoever restarts one node after the other may go on to the next.

import Quorums
package import World

/// Ready: more than half of the ring's nodes are known to live, this one among them, those have connected to it, and it
/// is known how far the namestore's acceptors among them are: a first registration that came before would go the longer
/// way. One that lives and cannot connect, or does not answer, is not waited for longer than `Limits.readyGrace`.
/// Whether a quorum of a given key can be reached depends on its placement.
package struct Readiness: Hashable, Sendable {
    package let nodes: Int
    /// This one among them.
    package let alive: Int
    /// Alive, but not connected to this node; by name.
    package let missing: [NodeID]
    /// Alive, and vote on names, but have not answered often enough to tell how far they are; by name.
    package let unmeasured: [NodeID]
    package let isReady: Bool

    /// - Parameters:
    ///   - nodes: how many the ring has.
    ///   - living: the others that gossip holds for alive.
    ///   - unmeasured: acceptors whose distances are not known.
    package init(
        nodes: Int, living: [NodeID], unmeasured: [NodeID], connected: (NodeID) -> Bool, runningFor: Span
    ) {
        self.nodes = nodes
        alive = living.count + 1
        missing = living.filter { !connected($0) }.sorted { $0.name < $1.name }
        self.unmeasured = unmeasured.filter(living.contains).sorted { $0.name < $1.name }
        let isWaiting = !(missing.isEmpty && self.unmeasured.isEmpty) && runningFor < Limits.readyGrace
        isReady = alive >= QuorumSize.majority(of: nodes) && !isWaiting
    }
}
