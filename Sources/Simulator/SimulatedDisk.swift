// What lies in a node's data directory: its stores, and who it is in which life (docs/formats/data-directory.md).

import Keys
import Node
import Storage
import World

struct SimulatedDisk {
    /// Whose directory it is: no other node starts in it.
    let owner: NodeID
    private(set) var objects: SimulatedObjects
    var hints = MemoryStore()
    var names = SimulatedNames()
    var life = LifeRecord()
    /// The highest counter minted, from a clean stop until the next start.
    var cleanStop: UInt64?
    var space = DiskSpace.ample
    /// Everything takes so many times as long.
    var slowness: Int64 = 1 { didSet { objects.isSlow = slowness > 1 } }

    init(owner: NodeID) throws(StorageFailure) {
        self.owner = owner
        objects = try SimulatedObjects()
    }

    /// Of a node that has run since `sinceMs`, and was stopped cleanly.
    init(owner: NodeID, sinceMs: UInt64) throws(StorageFailure) {
        try self.init(owner: owner)
        life = LifeRecord(incarnation: sinceMs, generation: sinceMs)
        cleanStop = 0
    }

    subscript(store: NodeStore) -> any KeyValueStore {
        switch store {
        case .objects: objects.store
        case .hints: hints
        case .names: names.store
        }
    }

    func failure(of store: NodeStore) -> StorageFailure? {
        switch store {
        case .objects: objects.failure
        case .hints: hints.failure
        case .names: names.store.failure
        }
    }

    /// A damaged store is moved aside.
    mutating func begin(_ store: NodeStore) throws(StorageFailure) {
        switch store {
        case .objects: objects = try SimulatedObjects()
        case .hints: hints = MemoryStore()
        case .names: names.store = MemoryStore()
        }
    }

    /// As a backup takes it while the node runs: no clean stop is in it.
    func copy() throws -> SimulatedDisk {
        var copy = self
        copy.objects = try objects.copy()
        copy.hints = hints.copy()
        copy.cleanStop = nil
        return copy
    }
}

extension DiskSpace {
    /// Of a disk that nobody has filled yet.
    static let ample = DiskSpace(share: 0.5, bytes: 1 << 40)

    /// Enough for values, by any margin; never twice the same.
    static func ample(_ random: inout SeededRandom) -> DiskSpace {
        DiskSpace(share: 0.2 + 0.7 * random.unit(), bytes: 1 << 40)
    }

    /// Too little for clients' values, and perhaps for all else: as a share, or as an amount.
    static func short(_ random: inout SeededRandom) -> DiskSpace {
        random.chance(0.5)
            ? DiskSpace(share: Limits.leastFreeDisk * random.unit(), bytes: 1 << 40)
            : DiskSpace(share: 0.5, bytes: UInt64(Double(Limits.leastFreeBytes) * random.unit()))
    }

    /// Enough again, and less than a node wants to have before it says so.
    static func scarce(_ random: inout SeededRandom) -> DiskSpace {
        let margin = (Limits.freeDiskMargin - 1) * random.unit() * 0.99
        return DiskSpace(share: Limits.leastFreeDisk * (1 + margin), bytes: 1 << 40)
    }
}

/// What a node has of the namestore: the store, and the two copies of its frontier beside it.
struct SimulatedNames {
    var store = MemoryStore()
    private(set) var frontiers: [[UInt8]?] = [nil, nil]
    /// What a loss of power leaves of them.
    private var syncedFrontiers: [[UInt8]?] = [nil, nil]

    mutating func write(_ frontier: VoteCore.FrontierCopy) {
        frontiers[frontier.copy] = frontier.bytes
        if frontier.mustSync { syncedFrontiers = frontiers }
    }

    mutating func losePower() { frontiers = syncedFrontiers }
}

/// A batch on its way to a disk.
struct DiskCommit {
    /// Whose it is: each part has one under way at a time.
    let part: NodePart
    let store: NodeStore
    var writes: [StoreWrite]
    let synced: Bool
}
