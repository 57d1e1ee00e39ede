// The seam between the acceptor and its disk: what it reads while it votes, and what it wants written before its votes
// leave.

package import World

/// A store as the acceptor reads it, on the thread that owns it. Reads see what was written by every batch before.
package protocol NameRecords {
    /// The bytes under a stored key, or nil. An error makes the acceptor mute on that name.
    func record(of key: [UInt8]) throws -> [UInt8]?
    /// Up to `limit` stored keys in `from..<upTo`, ascending.
    func keys(from: [UInt8], upTo: [UInt8], limit: Int) throws -> [[UInt8]]
}

/// A message as it reached this node.
package struct Inbound: Equatable, Sendable {
    package let from: NodeID
    package let message: NameMessage

    package init(from: NodeID, message: NameMessage) {
        self.from = from
        self.message = message
    }
}

/// What one batch of requests comes to. In this order, and each step only after the one before succeeded: `writes` as
/// one atomic write, synced if `mustSync`; the frontier copy; the replies. A step that fails ends the process.
package struct VoteBatch: Sendable {
    /// Stored keys, each at most once.
    package var writes: [(key: [UInt8], value: [UInt8])] = []
    /// False if nothing but hints (`learn`) is written: losing those loses nothing.
    package var mustSync = false
    /// Overwrite this copy (0 or 1) with these bytes. Present exactly if `mustSync`.
    package var frontier: (copy: Int, bytes: [UInt8])?
    package var replies: [(to: NodeID, message: NameMessage)] = []
    /// Registers whose fast ballot is over here, for this node's registry.
    package var touched: [RegisterKey] = []
    /// Names whose records could not be read: the acceptor stays mute on them, the operator must be told.
    package var faults: [RecordFault] = []

    init() {}
}

package struct RecordFault: Equatable, Sendable {
    package let key: RegisterKey
    package let reason: String
}
