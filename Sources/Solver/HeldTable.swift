// Carrying an older epoch's tables over to a new one's nodes and number of partitions.

package import Ring
package import World

extension HeldTable {
    /// The nodes of `old` by their ids in `new` (sorted by id). A node that is gone becomes -1. Where the number of
    /// partitions has grown, each new partition holds what the one it was cut from held; where it has shrunk, what the
    /// first of those that it was joined from held.
    package init(_ old: Assignment, nodes oldNodes: [NodeID], in new: [RingNode], partitions: Int) {
        self.init(old, nodes: oldNodes, in: new.map(\.id), partitions: partitions)
    }

    package init(_ old: Assignment, nodes oldNodes: [NodeID], in new: [NodeID], partitions: Int) {
        // Only ever asked.
        var indexes: [NodeID: Int32] = [:]
        for (at, id) in new.enumerated() { indexes[id] = Int32(at) }
        let map = oldNodes.map { indexes[$0] ?? -1 }
        width = old.replicas
        nodes = (0..<partitions).flatMap { partition in
            old[partition * old.partitions / partitions].map { map[Int($0)] }
        }
    }
}
