// Who votes: the numbered sets of acceptors. Epoch e has one set; while it changes, e+1 has two, and both must agree.

package import World

/// One acceptor: a node and the store it votes from. The same node with another store is another acceptor.
package struct AcceptorID: Hashable, Sendable, CustomStringConvertible {
    package let node: NodeID
    package let store: StoreID

    package init(node: NodeID, store: StoreID) {
        self.node = node
        self.store = store
    }

    package var description: String { "\(node)/\(store.description.prefix(8))" }
}

/// An epoch's acceptors. Chosen in the configuration register, except the first, which the founder makes.
package struct Configuration: Hashable, Sendable, CustomStringConvertible {
    /// From 1.
    package let epoch: UInt64
    /// M: 1 to `Limits.nameAcceptors`, sorted by node, no node twice.
    package let acceptors: [AcceptorID]
    /// M′ of a joint epoch.
    package let successors: [AcceptorID]?

    /// Nil if a set is empty, too large or names a node twice, or the epoch is 0.
    init?(epoch: UInt64, acceptors: [AcceptorID], successors: [AcceptorID]? = nil) {
        guard epoch > 0, let old = Configuration.sorted(acceptors) else { return nil }
        self.epoch = epoch
        self.acceptors = old
        guard let successors else {
            self.successors = nil
            return
        }
        guard let new = Configuration.sorted(successors) else { return nil }
        self.successors = new
    }

    private static func sorted(_ members: [AcceptorID]) -> [AcceptorID]? {
        guard (1...Limits.nameAcceptors).contains(members.count) else { return nil }
        let ordered = members.sorted { $0.node < $1.node }
        for (a, b) in zip(ordered, ordered.dropFirst()) where a.node == b.node { return nil }
        return ordered
    }

    var isJoint: Bool { successors != nil }

    /// M, then those of M′ that are not in M.
    package var members: [AcceptorID] {
        guard let successors else { return acceptors }
        return acceptors + successors.filter { !acceptors.contains($0) }
    }

    package func contains(_ member: AcceptorID) -> Bool {
        acceptors.contains(member) || (successors?.contains(member) ?? false)
    }

    package var description: String {
        let names = { (set: [AcceptorID]) in "{" + set.map(\.description).joined(separator: " ") + "}" }
        return "epoch \(epoch) \(names(acceptors))" + (successors.map { " → \(names($0))" } ?? "")
    }
}

/// What the configuration register holds: the acceptors, and the number and digest of the ring document in force, so
/// that two operators can't commit two different rings under one number.
package struct ConfigurationState: Hashable, Sendable {
    package var configuration: Configuration
    /// 0 until the first ring document is committed.
    package var ringEpoch: UInt64
    /// 32 bytes, or none at ring epoch 0.
    package var ringDigest: [UInt8]

    init(configuration: Configuration, ringEpoch: UInt64 = 0, ringDigest: [UInt8] = []) {
        self.configuration = configuration
        self.ringEpoch = ringEpoch
        self.ringDigest = ringDigest
    }
}
