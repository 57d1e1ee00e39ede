// The thread that owns the namestore's disk: a LevelDB of its own and, beside it, two copies of the frontier. It takes
// all requests that wait as one batch, and lets the votes leave only after the store is synced and the frontier written
// (decision 0011).

import Dispatch
import Foundation
import Keys
import LevelDB
import Logging
import NIOConcurrencyHelpers
import NameStore
import Node
import Storage
import World

final class NameStoreThread: Sendable {
    let mailbox = Mailbox<Inbound>()
    private let directory: DataDirectory
    /// What the thread begins with, until it takes it; the store is closed when the thread ends.
    private let core: NIOLockedValueBox<VoteCore?>
    private let store: NIOLockedValueBox<LevelDBStore?>
    private let logger: Logger
    let storeID: StoreID
    private let quarantineBox: NIOLockedValueBox<Quarantine?>
    private let damaged = NIOLockedValueBox(0)
    private let stop: @Sendable (StorageFailure) -> Never

    /// Opens the store. `fresh`: sixteen random bytes, used if it is new.
    init(
        node: NodeID, directory: DataDirectory, fresh: StoreID, logger: Logger,
        stop: @escaping @Sendable (StorageFailure) -> Never
    ) throws {
        self.directory = directory
        self.logger = logger
        self.stop = stop
        let opened: OpenedStore
        var store: LevelDBStore?
        do throws(StorageFailure) {
            let found = try LevelDBStore(path: directory.names, options: StoreOptions(MemoryBudget.names))
            opened = try Acceptor.open(
                node: node, store: found, frontiers: (0..<Frontier.copies).map { directory.frontier($0) }, fresh: fresh)
            store = found
        } catch {
            guard error.kind == .corruption else { throw StartFailure(opening: directory.names, error) }
            // The node goes on without it: its other data are sound, and other acceptors decide the names.
            opened = Acceptor.unreadable(node: node, fresh: fresh, reason: "\(error)")
        }
        core = NIOLockedValueBox(VoteCore(opened, store: store))
        self.store = NIOLockedValueBox(store)
        storeID = opened.acceptor.header.store
        quarantineBox = NIOLockedValueBox(nil)
        if let quarantine = opened.acceptor.quarantine { say(quarantine) }
    }

    private func say(_ quarantine: Quarantine) {
        quarantineBox.withLockedValue { $0 = quarantine }
        logger.critical(
            "the namestore casts no votes: it may have lost some",
            metadata: ["store": "\(directory.names)", "reason": "\(quarantine)"])
    }

    var quarantine: Quarantine? { quarantineBox.withLockedValue { $0 } }
    /// How many names' records were found damaged, counted up to a bound.
    var damagedRecords: Int { damaged.withLockedValue { $0 } }

    /// `votes`: called on this thread with what may leave.
    func start(ended: DispatchGroup, votes: @escaping @Sendable (VoteCore.Votes) -> Void) {
        runThread("atoll-names", ended) { [self] in
            guard var core = core.withLockedValue({ $0.take() }) else { return }
            let store = store.withLockedValue { $0.take() }
            let frontiers = openFrontiers()
            var effects = Outbox<VoteCore.Effect>()
            func hear(_ input: VoteCore.Input) {
                core.handle(input, MachineClock.instant(), &effects)
                while !effects.isEmpty {
                    for effect in effects.take() {
                        switch effect {
                        case .commit(let writes, let synced, let frontier):
                            let done = commit(writes, synced, frontier, store, frontiers)
                            core.handle(done, MachineClock.instant(), &effects)
                        case .votes(let cast): votes(cast)
                        case .quarantined(let quarantine): say(quarantine)
                        case .damaged(let fault): say(fault)
                        }
                    }
                }
            }
            hear(.start)
            while let batch = mailbox.take(most: Limits.nameBatch) { hear(.asked(batch)) }
        }
    }

    private func say(_ fault: RecordFault) {
        damaged.withLockedValue { $0 += 1 }
        logger.critical(
            "a name's record is damaged; this acceptor is mute on it",
            metadata: ["record": "\(fault.key)", "reason": "\(fault.reason)"])
    }

    private func openFrontiers() -> FrontierFiles {
        do { return try FrontierFiles(directory) } catch {
            stop(error as? StorageFailure ?? StorageFailure(.inputOutput, "\(error)"))
        }
    }

    /// The store first, the frontier after it. A disk that fails ends the process.
    private func commit(
        _ writes: [StoreWrite], _ synced: Bool, _ frontier: VoteCore.FrontierCopy?, _ store: LevelDBStore?,
        _ frontiers: FrontierFiles
    ) -> VoteCore.Input {
        do {
            if !writes.isEmpty, let store { try store.commit(writes, synced: synced) }
            if let frontier { try frontiers.write(frontier) }
            return .committed
        } catch let failure as StorageFailure {
            guard failure.kind == .corruption else { stop(failure) }
            return .damaged("\(failure)")
        } catch {
            stop(StorageFailure(.inputOutput, "\(error)"))
        }
    }
}

extension DataDirectory {
    var names: String { path + "/names" }
    func frontierFile(_ copy: Int) -> String { path + "/names-frontier-\(copy)" }

    /// A copy as found; nil if it was never written.
    func frontier(_ copy: Int) -> [UInt8]? {
        guard let data = try? Data(contentsOf: URL(fileURLWithPath: frontierFile(copy))), !data.isEmpty else {
            return nil
        }
        return [UInt8](data.prefix(Limits.frontierBytes))
    }
}

/// The two copies of the frontier beside the store, open for as long as the store is.
final class FrontierFiles {
    private var descriptors: [Int32] = []
    /// As written last in this life of the process.
    private var sizes = [Int?](repeating: nil, count: Frontier.copies)

    init(_ directory: DataDirectory) throws {
        for copy in 0..<Frontier.copies {
            let descriptor = open(directory.frontierFile(copy), O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw FrontierFiles.failure() }
            descriptors.append(descriptor)
        }
    }

    deinit { for descriptor in descriptors { close(descriptor) } }

    /// The other copy is whole meanwhile.
    func write(_ frontier: VoteCore.FrontierCopy) throws {
        let (copy, bytes) = (frontier.copy, frontier.bytes)
        let descriptor = descriptors[copy]
        let written = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
        guard written == bytes.count else { throw FrontierFiles.failure() }
        if sizes[copy] != bytes.count {
            guard ftruncate(descriptor, off_t(bytes.count)) == 0 else { throw FrontierFiles.failure() }
        }
        sizes[copy] = bytes.count
        guard frontier.mustSync else { return }
        for descriptor in descriptors { guard fdatasync(descriptor) == 0 else { throw FrontierFiles.failure() } }
    }

    private static func failure() -> StorageFailure {
        StorageFailure(.inputOutput, "frontier: \(String(cString: strerror(errno)))")
    }
}
