// Whether a node is ready (`GET /readyz`): whoever restarts one node after the other may go on to the next.

import Quorums
package import World

/// Ready: more than half of the ring's nodes are known to live, this one among them, and those have connected to it.
/// One that lives and cannot connect is not waited for longer than `Limits.readyGrace`. Whether a quorum of a given key
/// can be reached depends on its placement.
package struct Readiness: Hashable, Sendable {
    package let nodes: Int
    /// This one among them.
    package let alive: Int
    /// Alive, but not connected to this node; by name.
    package let missing: [NodeID]
    package let isReady: Bool

    /// - Parameters:
    ///   - nodes: how many the ring has.
    ///   - living: the others that gossip holds for alive.
    package init(nodes: Int, living: [NodeID], connected: (NodeID) -> Bool, runningFor: Span) {
        self.nodes = nodes
        alive = living.count + 1
        missing = living.filter { !connected($0) }.sorted { $0.name < $1.name }
        let isWaiting = !missing.isEmpty && runningFor < Limits.readyGrace
        isReady = alive >= QuorumSize.majority(of: nodes) && !isWaiting
    }
}
