// The thread that owns the namestore's disk: a LevelDB of its own and, beside it, two copies of the frontier. It takes
// all requests that wait as one batch, and lets the votes leave only after the store and then the frontier are synced.

import Dispatch
import Foundation
import Logging
import NIOConcurrencyHelpers
import NameStore
import Storage
import World

/// The acceptor's reads, on LevelDB.
private struct LevelDBNameRecords: NameRecords {
    /// Nil if it doesn't open. The acceptor is in quarantine then, and reads nothing.
    let store: LevelDBStore?

    func record(of key: [UInt8]) throws -> [UInt8]? { try sound().get(key) }

    private func sound() throws -> LevelDBStore {
        guard let store else { throw StorageFailure(.corruption, "the store doesn't open") }
        return store
    }

    func keys(from: [UInt8], upTo: [UInt8], limit: Int) throws -> [[UInt8]] {
        let store = try sound()
        var keys: [[UInt8]] = []
        try store.scan(KeyRange(start: from, end: upTo), reverse: false) { key, _ in
            guard keys.count < limit else { return false }
            keys.append(key)
            return true
        }
        return keys
    }
}

extension Inbound: MailboxWork {
    /// A name and a few numbers: the bound on pieces is enough.
    var byteCount: Int { 0 }
}

final class NameStoreThread: Sendable {
    let mailbox = Mailbox<Inbound>()
    private let directory: DataDirectory
    /// Nil if it doesn't open, and once the thread has it: that closes it when it ends.
    private let opened: NIOLockedValueBox<LevelDBStore?>
    private let logger: Logger
    private let acceptor: Acceptor
    private let initial: VoteBatch
    private let quarantineBox: NIOLockedValueBox<Quarantine?>
    /// The names whose records were found damaged; told once each.
    private let faults = NIOLockedValueBox<Set<RegisterKey>>([])
    private let stop: @Sendable (StorageFailure) -> Never

    /// Opens the store. `fresh`: sixteen random bytes, used if it is new.
    init(
        node: NodeID, directory: DataDirectory, fresh: StoreID, logger: Logger,
        stop: @escaping @Sendable (StorageFailure) -> Never
    ) throws {
        self.directory = directory
        self.logger = logger
        self.stop = stop
        var opened: LevelDBStore?
        do throws(StorageFailure) {
            let store = try LevelDBStore(
                path: directory.names, options: StoreOptions(blockCacheBytes: 4 << 20, writeBufferBytes: 4 << 20))
            let records = LevelDBNameRecords(store: store)
            let header = try store.get(StoreLayout.header)
            let first = KeyRange(start: StoreLayout.following(nil), end: StoreLayout.end)
            var hasRecords = false
            try store.scan(first, reverse: false) { _, _ in
                hasRecords = true
                return false
            }
            let found = Acceptor.open(
                node: node, header: header, hasRecords: hasRecords,
                frontiers: (0..<Frontier.copies).map { directory.frontier($0) }, fresh: fresh)
            (acceptor, initial, opened) = (found.acceptor, found.initial, records.store)
        } catch {
            guard error.kind == .corruption else { throw StartFailure(opening: directory.names, error) }
            // The node goes on without it: its other data are sound, and other acceptors decide the names.
            acceptor = .unreadable(node: node, fresh: fresh, reason: "\(error)")
            initial = VoteBatch()
        }
        self.opened = NIOLockedValueBox(opened)
        quarantineBox = NIOLockedValueBox(acceptor.quarantine)
        if let quarantine = acceptor.quarantine { say(quarantine) }
    }

    private func say(_ quarantine: Quarantine) {
        logger.critical(
            "the namestore casts no votes: it may have lost some",
            metadata: ["store": "\(directory.names)", "reason": "\(quarantine)"])
    }

    var storeID: StoreID { acceptor.header.store }
    var quarantine: Quarantine? { quarantineBox.withLockedValue { $0 } }
    /// How many names' records were found damaged, counted up to a bound.
    var damagedRecords: Int { faults.withLockedValue { $0.count } }

    /// True the first time that this name is heard of.
    private func note(_ key: RegisterKey) -> Bool {
        faults.withLockedValue { $0.count < Limits.namesSeen && $0.insert(key).inserted }
    }

    /// `finished`: called on this thread with each batch once its replies may leave.
    func start(ended: DispatchGroup, finished: @escaping @Sendable (VoteBatch) -> Void) {
        runThread("atoll-names", ended) { [self] in
            var acceptor = acceptor
            let store = opened.withLockedValue { $0.take() }
            let records = LevelDBNameRecords(store: store)
            let frontiers = openFrontiers()
            carryOut(initial, store, frontiers, &acceptor)
            while let batch = mailbox.take(most: Limits.nameBatch) {
                var votes = acceptor.process(batch, records: records)
                if !carryOut(votes, store, frontiers, &acceptor) {
                    // Mute by now: it says so to whoever asks, and nothing else.
                    votes = acceptor.process(batch, records: records)
                }
                for fault in votes.faults where note(fault.key) {
                    logger.critical(
                        "a name's record is damaged; this acceptor is mute on it",
                        metadata: ["record": "\(fault.key)", "reason": "\(fault.reason)"])
                }
                if !votes.replies.isEmpty || !votes.touched.isEmpty { finished(votes) }
            }
        }
    }

    private func openFrontiers() -> FrontierFiles {
        do { return try FrontierFiles(directory) } catch {
            stop(error as? StorageFailure ?? StorageFailure(.inputOutput, "\(error)"))
        }
    }

    /// The store first, the frontier after it; if either fails no vote leaves. A disk that fails ends the process. A
    /// store that is found damaged puts the acceptor into quarantine, and the node goes on: false.
    @discardableResult
    private func carryOut(
        _ votes: VoteBatch, _ store: LevelDBStore?, _ frontiers: FrontierFiles, _ acceptor: inout Acceptor
    ) -> Bool {
        do {
            if !votes.writes.isEmpty, let store {
                try store.commit(votes.writes.map { .put(key: $0.key, value: $0.value) }, synced: votes.mustSync)
            }
            if let (copy, bytes) = votes.frontier {
                try frontiers.write(copy, bytes, now: MachineClock.instant())
            }
            return true
        } catch let failure as StorageFailure {
            guard failure.kind == .corruption else { stop(failure) }
            acceptor.fallSilent(reason: "\(failure)")
            quarantineBox.withLockedValue { $0 = acceptor.quarantine }
            if let quarantine = acceptor.quarantine { say(quarantine) }
            return false
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
        return [UInt8](data.prefix(4_096))
    }
}

/// The two copies of the frontier beside the store, open for as long as the store is.
///
/// A copy is overwritten in place after each sync of the store and before its votes leave, so it survives the end of
/// the process at any moment; it is synced the first time and then once a second. A power cut can take back a second of
/// frontiers, never of votes: a frontier that is behind is an honest one. It is there to catch a store that was copied
/// back, truncated or repaired, and those do not wait for a power cut.
final class FrontierFiles {
    private var descriptors: [Int32] = []
    /// As written last in this life of the process.
    private var sizes = [Int?](repeating: nil, count: Frontier.copies)
    private var syncedAt = Instant.origin

    private static let syncEvery = Span.seconds(1)

    init(_ directory: DataDirectory) throws {
        for copy in 0..<Frontier.copies {
            let descriptor = open(directory.frontierFile(copy), O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw FrontierFiles.failure() }
            descriptors.append(descriptor)
        }
    }

    deinit { for descriptor in descriptors { close(descriptor) } }

    /// The other copy is whole meanwhile.
    func write(_ copy: Int, _ bytes: [UInt8], now: Instant) throws {
        let descriptor = descriptors[copy]
        let written = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
        guard written == bytes.count else { throw FrontierFiles.failure() }
        if sizes[copy] != bytes.count {
            guard ftruncate(descriptor, off_t(bytes.count)) == 0 else { throw FrontierFiles.failure() }
        }
        defer { sizes[copy] = bytes.count }
        guard sizes[copy] == nil || now - syncedAt >= FrontierFiles.syncEvery else { return }
        syncedAt = now
        for descriptor in descriptors { guard fdatasync(descriptor) == 0 else { throw FrontierFiles.failure() } }
    }

    private static func failure() -> StorageFailure {
        StorageFailure(.inputOutput, "frontier: \(String(cString: strerror(errno)))")
    }
}
