// Where the simulator lets a fault of the namestore's design in: between the parts of a node, in the arithmetic it is
// given, at its disk. The protocol's own code knows nothing of them.

import Keys
import NameStore
import Storage
import World

/// What stands between the parts. The default changes nothing.
struct NamesSeams: Sendable {
    var rules = QuorumRules.standard
    /// What a client asks, on its way into a registry.
    var operation: @Sendable (NameOperation) -> NameOperation = { $0 }
    /// A request on its way to an acceptor whose header is given.
    var request: @Sendable (NameMessage, StoreHeader) -> NameMessage = { message, _ in message }
    /// A reply on its way out of an acceptor.
    var reply: @Sendable (NameMessage) -> NameMessage = { $0 }
    /// A reply on its way into a registry that believes in this epoch.
    var arrival: @Sendable (NameMessage, _ epoch: UInt64) -> NameMessage = { message, _ in message }
    /// What the disk keeps of what is written.
    var stored: @Sendable (_ key: [UInt8], _ value: [UInt8]) -> [UInt8] = { _, value in value }
    /// What the acceptor reads of what the disk holds.
    var read: @Sendable (_ key: [UInt8], _ value: [UInt8]?) -> [UInt8]? = { _, value in value }
    /// A disk that is lost comes back under its old identity.
    var wipeKeepsIdentity = false
    /// Replies leave when the batch is handed to the disk, not when it is there.
    var repliesBeforeSync = false
    /// Every start of a process has a session of its own.
    var freshSessions = true
    var answer: @Sendable (NameAnswer) -> NameAnswer = { $0 }
}

/// The names' store as an acceptor reads it, through the seam.
final class SeamedStore: KeyValueStore {
    private let disk: MemoryStore
    private let read: @Sendable ([UInt8], [UInt8]?) -> [UInt8]?

    init(_ disk: MemoryStore, _ seams: NamesSeams) {
        self.disk = disk
        read = seams.read
    }

    func get(_ key: [UInt8]) throws(StorageFailure) -> [UInt8]? { read(key, try disk.get(key)) }

    func commit(_ writes: [StoreWrite], synced: Bool) throws(StorageFailure) {
        try disk.commit(writes, synced: synced)
    }

    func scan(
        _ range: KeyRange, reverse: Bool, _ visit: (_ key: [UInt8], _ value: [UInt8]) -> Bool
    ) throws(StorageFailure) { try disk.scan(range, reverse: reverse, visit) }
}
