// Where the model lets a fault of design in: between the parts of a node, in the arithmetic it is given, at its disk.
// The protocol's own code knows nothing of them.

package import NameStore
import World

/// What stands between the parts. The default changes nothing.
package struct NamesSeams: Sendable {
    package var rules = QuorumRules.standard
    /// What a client asks, on its way into a registry.
    package var operation: @Sendable (NameOperation) -> NameOperation = { $0 }
    /// A request on its way to an acceptor whose header is given. Nil drops it.
    package var request: @Sendable (NameMessage, StoreHeader) -> NameMessage? = { message, _ in message }
    /// A reply on its way out of an acceptor to that request.
    package var reply: @Sendable (NameMessage) -> NameMessage? = { $0 }
    /// A reply on its way into a registry that believes in this epoch.
    package var arrival: @Sendable (NameMessage, _ epoch: UInt64) -> NameMessage? = { message, _ in message }
    /// What the disk keeps of what is written.
    package var stored: @Sendable (_ key: [UInt8], _ value: [UInt8]) -> [UInt8] = { _, value in value }
    /// What the acceptor reads of what the disk holds.
    package var read: @Sendable (_ key: [UInt8], _ value: [UInt8]?) -> [UInt8]? = { _, value in value }
    /// A disk that is lost.
    package var wipe: @Sendable (inout SimulatedStore) -> Void = { $0.wipe() }
    /// Replies leave when the batch is handed to the disk, not when it is there.
    package var repliesBeforeSync = false
    /// Every start of a process has an incarnation of its own.
    package var freshIncarnations = true
    package var answer: @Sendable (NameAnswer) -> NameAnswer = { $0 }

    package init() {}
}

/// The store as the acceptor reads it, through the seam.
struct SeamedRecords: NameRecords {
    let store: SimulatedStore
    let read: @Sendable ([UInt8], [UInt8]?) -> [UInt8]?

    func record(of key: [UInt8]) -> [UInt8]? { read(key, store.record(of: key)) }
    func keys(from: [UInt8], upTo: [UInt8], limit: Int) -> [[UInt8]] {
        store.keys(from: from, upTo: upTo, limit: limit)
    }
}
