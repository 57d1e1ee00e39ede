// The objects on a simulated node's disk: the store that ships, over two that forget in a crash what was not synced.

import Keys
import Storage
import Vnodes
import World

final class SimulatedObjects {
    private let small: MemoryStore
    private let large: MemoryStore
    /// As the node has it since its last start.
    private(set) var store: DividedStore<MemoryStore>

    /// Of what is played some is larger, and much moves over it and back as siblings come and go; what is dead is taken
    /// away after a few of them.
    private static let bounds = DivisionBounds(apartBytes: 72, deadBytes: 400)

    convenience init() throws(StorageFailure) { try self.init(MemoryStore(), MemoryStore()) }

    private init(_ small: MemoryStore, _ large: MemoryStore) throws(StorageFailure) {
        (self.small, self.large) = (small, large)
        store = try SimulatedObjects.open(small, large)
    }

    private static func open(
        _ small: MemoryStore, _ large: MemoryStore
    ) throws(StorageFailure) -> DividedStore<MemoryStore> {
        try DividedStore(small: small, large: large, bounds)
    }

    /// A start.
    func open() throws(StorageFailure) { store = try SimulatedObjects.open(small, large) }

    /// All that stands there, its changes among it.
    func get(_ key: [UInt8]) throws(StorageFailure) -> [UInt8]? { try FoldedStore(store).get(key) }

    /// A disk that has failed.
    var failure: StorageFailure? { small.failure ?? large.failure }

    func fail(_ failure: StorageFailure, large isLarge: Bool) { (isLarge ? large : small).failure = failure }

    var isSlow: Bool {
        get { small.isSlow }
        set { small.isSlow = newValue }
    }

    // MARK: Crashes

    var unsyncedCommits: Int { small.unsyncedCommits }

    func crash(losing lost: Int) { small.crash(losing: lost) }

    /// What was dropped of large values stands there again: a crash that comes after `crash(losing:)`.
    func loseDrops(_ lost: Int) { large.crash(losing: lost) }

    /// A commit that the crash cut in two: its large values are on the disk, their places are not.
    func beginOnly(_ writes: [StoreWrite]) {
        small.commitsLeft = 0
        try? store.commit(writes, synced: true)
        small.commitsLeft = .max
    }

    func copy() throws(StorageFailure) -> SimulatedObjects {
        try SimulatedObjects(small.copy(), large.copy())
    }
}
