// How a node shares out the memory that it may use (`--memory`): every cache, every buffer and every bound on what
// waits has its share here, so that all of them together, each full, stay below it.
//
// Where there is plenty each has what suits it (Limits), and more would be of no use; where there is less, each has its
// part of what is left beside that which does not bend.

import Foundation
import LevelDB
import Ring
import World

struct MemoryBudget: Equatable, Sendable {
    /// What a store of LevelDB holds: blocks of its tables, and its write buffer, which there are two of while one is
    /// written out.
    struct Store: Equatable, Sendable {
        let cacheBytes: Int
        let writeBufferBytes: Int

        var bytes: Int { cacheBytes + 2 * writeBufferBytes }
    }

    let objects: Store
    /// Of large values no blocks are kept.
    let largeObjects: Store
    static let hints = Store(cacheBytes: Limits.hintCacheBytes, writeBufferBytes: Limits.hintBufferBytes)
    static let names = Store(cacheBytes: Limits.nameCacheBytes, writeBufferBytes: Limits.nameBufferBytes)
    /// Each loop's: hot objects, what it holds for clients (and a site for its own), and writes that are answered and
    /// still trail.
    let readCacheBytes: Int
    let clientBytes: Int
    let trailingBytes: Int
    /// What live reads keep at hand.
    let liveContentBytes: Int
    /// Each shard's: typed objects as they are changed.
    let typedCacheBytes: Int
    let httpConnections: Int
    /// Each storage thread's: requests that wait, and repairs.
    let mailboxBytes: Int
    let mailboxRepairBytes: Int
    /// Each connection's to a peer, or a peer's to us: what it is sent and does not take.
    let peerQueueBytes: Int

    /// How many there are of each.
    private struct Counts {
        let loops: Int
        /// What holds clients: each loop, and the site beside the first.
        let services: Int
        let hasSite: Bool
        let shards: Int
        let mailboxes: Int
        let peers: Int
        let peerConnections: Int

        init(nodes: Int, loops: Int, shards: Int, hasSite: Bool) {
            self.loops = loops
            services = loops + (hasSite ? 1 : 0)
            self.hasSite = hasSite
            self.shards = shards
            // The scanner's, the comparer's and the hints' beside those of the shards.
            mailboxes = shards + 3
            peers = max(0, nodes - 1)
            // A connection for each loop and two more lanes, and as many that the peer has made.
            peerConnections = 2 * peers * (loops + 2)
        }

        /// What there is however much memory the node may use.
        var fixedBytes: Int {
            Limits.processBytes + Limits.hintOrderBytes + Limits.hintFlightBytes + peers * Limits.repairFlightBytes
                + MemoryBudget.hints.bytes + MemoryBudget.names.bytes + (hasSite ? Limits.siteBytes : 0)
        }
    }

    /// Of a node that `configuration` describes.
    init(_ configuration: ServerConfiguration) throws(StartFailure) {
        let nodesHere = configuration.sharesCores ? configuration.ring.nodes.count : 1
        try self.init(
            limit: configuration.memoryBytes, usual: MachineMemory.bytes / 2 / nodesHere,
            nodes: configuration.ring.nodes.count, loops: configuration.loops,
            shards: configuration.shards, hasSite: configuration.site != nil)
    }

    /// - Parameter limit: what the node may use, in bytes; nil: `usual`, or what it needs at the least.
    init(
        limit: Int?, usual: Int = 0, nodes: Int, loops: Int, shards: Int, hasSite: Bool = false
    ) throws(StartFailure) {
        let counts = Counts(nodes: nodes, loops: loops, shards: shards, hasSite: hasSite)
        let needed = counts.fixedBytes + MemoryBudget(sharing: 0, counts).bendingBytes(counts)
        let limit = limit ?? max(needed, usual)
        guard limit >= needed else {
            throw StartFailure(
                "a node of this ring, with event loops: \(loops), storage threads: \(shards), needs "
                    + "\((needed >> 20) + 1) MiB of memory, and --memory gives it \(limit >> 20) MiB")
        }
        self.init(sharing: limit - needed, counts)
    }

    /// All of it, full.
    func totalBytes(nodes: Int, loops: Int, shards: Int, hasSite: Bool = false) -> Int {
        let counts = Counts(nodes: nodes, loops: loops, shards: shards, hasSite: hasSite)
        return counts.fixedBytes + bendingBytes(counts)
    }
}

extension MemoryBudget {
    /// Each takes its least, and of `rest` so many eighteenths, until it has enough.
    private init(sharing rest: Int, _ counts: Counts) {
        func share(_ eighteenths: Int, among count: Int, from least: Int, to most: Int) -> Int {
            min(most, least + rest / 18 * eighteenths / max(1, count))
        }
        objects = Store(
            cacheBytes: share(1, among: 1, from: Limits.leastBlockCacheBytes, to: Limits.blockCacheBytes),
            writeBufferBytes: share(2, among: 2, from: Limits.leastWriteBufferBytes, to: Limits.writeBufferBytes))
        largeObjects = Store(
            cacheBytes: 0,
            writeBufferBytes: share(
                2, among: 2, from: Limits.largeBufferBytes.lowerBound, to: Limits.largeBufferBytes.upperBound))
        readCacheBytes = share(1, among: counts.loops, from: Limits.leastReadCacheBytes, to: Limits.readCacheBytes)
        clientBytes = share(3, among: counts.services, from: Limits.leastClientBytes, to: Limits.clientBytes)
        trailingBytes = share(1, among: counts.loops, from: Limits.leastTrailingBytes, to: Limits.trailingBytes)
        liveContentBytes = share(1, among: 1, from: Limits.leastLiveContentBytes, to: Limits.liveContentBytes)
        typedCacheBytes = share(
            1, among: counts.shards, from: Limits.leastTypedCacheBytes,
            to: Limits.typedCacheBytes / max(1, counts.shards))
        httpConnections = share(
            1, among: Limits.connectionBytes, from: Limits.fewestClients, to: Limits.httpConnections)
        mailboxBytes = share(2, among: counts.mailboxes, from: Limits.leastMailboxBytes, to: Limits.mailboxBytes)
        mailboxRepairBytes = share(
            1, among: counts.mailboxes, from: Limits.leastMailboxRepairBytes, to: Limits.mailboxRepairBytes)
        peerQueueBytes = share(
            2, among: counts.peerConnections, from: Limits.leastPeerQueueBytes, to: Limits.peerQueueBytes)
    }

    private func bendingBytes(_ counts: Counts) -> Int {
        objects.bytes + largeObjects.bytes + counts.loops * (readCacheBytes + trailingBytes)
            + counts.services * clientBytes + liveContentBytes + counts.shards * typedCacheBytes + httpConnections
            * Limits.connectionBytes
            + counts.mailboxes * (mailboxBytes + mailboxRepairBytes) + counts.peerConnections * peerQueueBytes
    }

    /// What waits for one storage thread.
    var mailbox: WorkBounds {
        var bounds = WorkBounds()
        (bounds.bytes, bounds.repairBytes) = (mailboxBytes, mailboxRepairBytes)
        return bounds
    }
}

/// What a node may have of its machine, shared out.
struct NodeBudgets: Sendable {
    let files: DescriptorBudget
    let memory: MemoryBudget

    /// Clients' connections, as many as both allow.
    var httpConnections: Int { min(files.httpConnections, memory.httpConnections) }
}

extension StoreOptions {
    init(_ memory: MemoryBudget.Store, openFiles: Int = Limits.leastOpenFiles, fillsLogs: Bool = false) {
        self.init(
            blockCacheBytes: memory.cacheBytes, writeBufferBytes: memory.writeBufferBytes, openFiles: openFiles,
            fillsLogs: fillsLogs)
    }
}

/// What the machine has, or the control group that this process is in.
enum MachineMemory {
    static var bytes: Int {
        let machine = Int(clamping: ProcessInfo.processInfo.physicalMemory)
        let group = try? String(contentsOfFile: "/sys/fs/cgroup/memory.max", encoding: .utf8)
        // "max" where there is no bound.
        return min(machine, group.flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) } ?? machine)
    }
}
