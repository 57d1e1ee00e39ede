// A node's stores, opened: what is sound stays, what is damaged is moved aside, and only then the node's life is
// chosen, since whether the old one may go on depends on what the stores still hold.

import HintedHandoff
import LevelDB
import Logging
import Node
import Ring
import Storage
import World

struct NodeStores {
    let objects: DividedStore<LevelDBStore>
    /// Its two halves.
    private let halves: [LevelDBStore]
    let hints: LevelDBStore
    let keeper: HintKeeper
    /// `objects` was opened as it lay there, and not begun empty.
    let objectsAreKept: Bool

    init(
        _ directory: DataDirectory, _ claim: DirectoryClaim, node: NodeID, ring: RingDocument, _ budgets: NodeBudgets,
        _ logger: Logger
    ) throws {
        let buckets = [ring.defaults] + ring.buckets.map(\.properties)
        let memory = budgets.memory
        let shares = StoreShares(
            memory, files: budgets.files.objectFiles, disk: directory.space(),
            fillsLogs: buckets.allSatisfy { $0.durability == .synced })
        let opening = Opening(directory: directory, claim: claim, node: node, ring: ring, logger: logger)
        let divided = try opening.open(.objects) { path throws(StorageFailure) in
            let small = try LevelDBStore(path: path, options: shares.small)
            // Inside, so that what is done to the one is done to both: moved aside, restored, taken away.
            let large = try LevelDBStore(path: DataDirectory.large(in: path), options: shares.large)
            let bounds = DivisionBounds(deadBytes: Limits.deadBuffers * shares.large.writeBufferBytes)
            return (store: try DividedStore(small: small, large: large, bounds), halves: [small, large])
        }
        objects = divided.store.store
        halves = divided.store.halves
        objectsAreKept = divided.isKept
        let found = try opening.open(.hints) { path throws(StorageFailure) in
            let store = try LevelDBStore(path: path, options: StoreOptions(MemoryBudget.hints))
            return (store, try HintKeeper(identity: node, store: store))
        }
        (hints, keeper) = found.store
        if keeper.unreadable > 0 {
            logger.error(
                "hints that this version cannot read are kept, and not delivered",
                metadata: ["hints": "\(keeper.unreadable)", "store": "\(directory.hints)"])
        }
    }

    func close() {
        for half in halves { half.close() }
        hints.close()
    }

    private struct Opening {
        let directory: DataDirectory
        let claim: DirectoryClaim
        let node: NodeID
        let ring: RingDocument
        let logger: Logger

        /// A damaged store is moved aside and begun anew where other replicas can fill it; else the node stops and
        /// leaves it to its operator.
        func open<Store>(
            _ which: NodeStore, _ make: (String) throws(StorageFailure) -> Store
        ) throws -> (store: Store, isKept: Bool) {
            let name = which.rawValue
            let path = directory.path(of: name)
            let isUsed = claim.identity.life.incarnation > 0
            do throws(StorageFailure) {
                if let reason = claim.distrusted[name] { throw StorageFailure(.corruption, reason) }
                let presence = LevelDBStore.presence(at: path)
                let store = try make(path)
                if isUsed, presence != .present {
                    logger.warning("store was taken away; it begins empty", metadata: ["store": "\(path)"])
                }
                return (store, presence == .present)
            } catch {
                guard error.kind == .corruption else { throw StartFailure(opening: path, error) }
                // To be opened once is enough for LevelDB to tidy up what showed the damage.
                try directory.markDamaged(name, "\(error)")
                guard which.mayBeginAnew(on: node, in: ring) else { throw StartFailure(opening: path, error) }
                logger.critical(
                    "store is damaged; it is moved aside and rebuilt from peers",
                    metadata: ["store": "\(path)", "reason": "\(error)"])
            }
            try directory.moveAside(name, MachineClock.wall())
            do throws(StorageFailure) { return (try make(path), false) } catch {
                throw StartFailure(opening: path, error)
            }
        }
    }
}

/// A data directory whose stores are open, and the life that begins in it.
struct OpenedDirectory {
    let directory: DataDirectory
    let stores: NodeStores
    let identity: NodeIdentity
    let counter: UInt64
    private let lock: DirectoryLock?

    init(path: String, ring: RingDocument, node: NodeID, _ budgets: NodeBudgets, _ logger: Logger) throws {
        directory = try DataDirectory(path: path)
        lock = try directory.lock()
        let claim = try directory.claim(cluster: ring.cluster, node: node)
        stores = try NodeStores(directory, claim, node: node, ring: ring, budgets, logger)
        (identity, counter) = try directory.begin(
            claim, objectsAreKept: stores.objectsAreKept, wall: MachineClock.wall())
    }

    /// Closes the stores and notes that the stop was clean. No thread may use them any more.
    func end(counter: UInt64) throws {
        stores.close()
        try directory.end(identity, counter: max(counter, self.counter))
    }
}
