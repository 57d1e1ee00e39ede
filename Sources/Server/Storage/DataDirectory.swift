// A node's directory: who it is, in which life, and where its stores lie (docs/formats/data-directory.md).
//
//     identity.json   cluster, node, incarnation, gossip generation, and how the last stop went
//     ring.bin        the ring document last used, for a node that was started from a seed
//     objects/        LevelDB: the objects
//     hints/          LevelDB: hints for others
//
// A store that LevelDB finds damaged is moved aside (`objects.damaged-…`), never repaired: RepairDB keeps what it can
// read, and a replica that silently lost some keys is worse than one that knows it lost all and asks its peers.

import Foundation
import Storage
import World

/// What stops a node before it runs, in words for the operator.
package struct StartFailure: Error, CustomStringConvertible {
    package let description: String
    /// It may be over at the next try (a full disk): whoever watches the node should start it again.
    package let isPassing: Bool

    init(_ description: String, isPassing: Bool = false) {
        self.description = description
        self.isPassing = isPassing
    }
}

struct NodeIdentity: Codable, Equatable {
    /// Of this file.
    var format = 1
    var cluster: String
    var node: String
    /// Under which dots are minted.
    var incarnation: UInt64
    /// Greater at every start; what gossip calls the generation.
    var generation: UInt64
    /// Set by a clean stop, gone while the node runs.
    var cleanStop: CleanStop?
    /// Set when a store was found damaged: it is moved aside at the next start.
    var damaged: [String]?

    struct CleanStop: Codable, Equatable {
        /// The highest counter minted.
        var counter: UInt64
        /// Of the directory `objects`: a restored copy has another, and must not mint the same dots again.
        var device: UInt64
        var inode: UInt64
    }
}

struct DataDirectory: Sendable {
    let path: String

    var objects: String { path + "/objects" }
    var hints: String { path + "/hints" }
    var identityFile: String { path + "/identity.json" }
    var ringFile: String { path + "/ring.bin" }

    init(path: String) throws {
        self.path = path
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw StartFailure("cannot make the data directory \(path): \(error.localizedDescription)")
        }
    }

    /// Begins a new life: reads who this directory belongs to, moves damaged stores aside, and writes the new
    /// incarnation to disk before it is used. `counter`: where minting goes on. `hasPeers`: a damaged store can be
    /// filled again.
    func begin(cluster: String, node: NodeID, hasPeers: Bool, wall: WallTime) throws -> (
        identity: NodeIdentity, counter: UInt64
    ) {
        let old = try loadIdentity()
        if let old, old.cluster != cluster || old.node != node.name {
            throw StartFailure(
                "\(path) belongs to node \(old.node) of cluster \(old.cluster), not to \(node) of \(cluster); "
                    + "give each node a data directory of its own (--data)")
        }
        if let damaged = old?.damaged, !hasPeers {
            throw StartFailure(
                "\(path): the store \(damaged.joined(separator: " and ")) was found damaged, and this node has no peers to "
                    + "rebuild it from; restore a backup, or move the directory away to start empty")
        }
        for store in old?.damaged ?? [] { try moveAside(store, wall) }
        var identity = NodeIdentity(
            cluster: cluster, node: node.name, incarnation: 0,
            generation: max((old?.generation ?? 0) + 1, wall.milliseconds))
        var counter: UInt64 = 0
        if let old, let stop = old.cleanStop, old.damaged == nil, let place = place(of: objects),
            place == (stop.device, stop.inode)
        {
            identity.incarnation = old.incarnation
            counter = stop.counter
        } else {
            identity.incarnation = max((old?.incarnation ?? 0) + 1, wall.milliseconds)
        }
        try save(identity)
        return (identity, counter)
    }

    func end(_ identity: NodeIdentity, counter: UInt64) throws {
        var identity = identity
        if let (device, inode) = place(of: objects) {
            identity.cleanStop = NodeIdentity.CleanStop(counter: counter, device: device, inode: inode)
        }
        try save(identity)
    }

    /// The next start is a new life, above `generation` and under a new incarnation.
    func beginAbove(_ generation: UInt64) throws {
        guard var identity = try loadIdentity() else { return }
        identity.generation = generation
        identity.cleanStop = nil
        try save(identity)
    }

    /// Remembers that `store` cannot be trusted, for the next start.
    func markDamaged(_ store: String) throws {
        guard var identity = try loadIdentity() else { return }
        identity.cleanStop = nil
        identity.damaged = Array(Set((identity.damaged ?? []) + [store])).sorted()
        try save(identity)
    }

    func moveAside(_ store: String, _ wall: WallTime) throws {
        let from = path + "/" + store
        guard FileManager.default.fileExists(atPath: from) else { return }
        do {
            try FileManager.default.moveItem(atPath: from, toPath: "\(from).damaged-\(wall.milliseconds)")
        } catch {
            throw StartFailure("cannot move the damaged store \(from) aside: \(error.localizedDescription)")
        }
    }

    func loadIdentity() throws -> NodeIdentity? {
        guard FileManager.default.fileExists(atPath: identityFile) else {
            // A store without an identity is somebody else's, or half of a copy.
            if FileManager.default.fileExists(atPath: objects) {
                throw StartFailure(
                    "\(path) has a store but no identity.json; restore it, or start with an empty directory")
            }
            return nil
        }
        do {
            let identity = try JSONDecoder().decode(
                NodeIdentity.self, from: Data(contentsOf: URL(fileURLWithPath: identityFile)))
            guard identity.format == 1 else {
                throw StartFailure("\(identityFile) has format \(identity.format); this version reads format 1")
            }
            return identity
        } catch let failure as StartFailure {
            throw failure
        } catch {
            throw StartFailure("cannot read \(identityFile): \(error)")
        }
    }

    private func save(_ identity: NodeIdentity) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try replace(identityFile, with: [UInt8](try encoder.encode(identity)) + [0x0A])
    }

    /// The ring document of the last start, if one was kept.
    func keptRing() -> [UInt8]? {
        guard let data = try? Data(contentsOf: URL(fileURLWithPath: ringFile)), data.count <= Limits.ringDocumentBytes
        else {
            return nil
        }
        return [UInt8](data)
    }

    /// Writes a file so that after a crash there is the old one or the new one: aside, synced, renamed, directory
    /// synced.
    func replace(_ file: String, with bytes: [UInt8]) throws {
        let aside = file + ".new"
        let descriptor = open(aside, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard descriptor >= 0 else { throw StartFailure("cannot write \(aside): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var written = 0
        while written < bytes.count {
            let n = bytes[written...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            guard n > 0 else { throw StartFailure("cannot write \(aside): \(String(cString: strerror(errno)))") }
            written += n
        }
        guard fsync(descriptor) == 0, rename(aside, file) == 0 else {
            throw StartFailure("cannot write \(file): \(String(cString: strerror(errno)))")
        }
        let directory = open(path, O_RDONLY)
        guard directory >= 0 else { throw StartFailure("cannot open \(path)") }
        defer { close(directory) }
        guard fsync(directory) == 0 else { throw StartFailure("cannot sync \(path)") }
    }

    private func place(of directory: String) -> (device: UInt64, inode: UInt64)? {
        var status = stat()
        guard stat(directory, &status) == 0 else { return nil }
        return (UInt64(status.st_dev), UInt64(status.st_ino))
    }

    /// What is left of the disk that holds the directory; all of it where that cannot be told.
    func room() -> DiskRoom {
        var status = statvfs()
        guard statvfs(path, &status) == 0, status.f_blocks > 0 else { return DiskRoom(share: 1, bytes: .max) }
        // A file system in user space may say anything.
        let (bytes, isHuge) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        return DiskRoom(
            share: Double(status.f_bavail) / Double(status.f_blocks), bytes: isHuge ? .max : bytes)
    }
}

struct DiskRoom: Sendable {
    let share: Double
    let bytes: UInt64

    var state: DiskState {
        if isShort(Limits.leastFreeDiskForDeletions, Limits.leastFreeBytesForDeletions) { return .exhausted }
        if isShort(Limits.leastFreeDiskForRepair, Limits.leastFreeBytesForRepair) { return .full }
        return isShort(Limits.leastFreeDisk, Limits.leastFreeBytes) ? .nearlyFull : .roomy
    }

    /// Whether values are taken, with a margin.
    var isAmple: Bool {
        share >= Limits.leastFreeDisk * Limits.freeDiskMargin
            && Double(bytes) >= Double(Limits.leastFreeBytes) * Limits.freeDiskMargin
    }

    private func isShort(_ leastShare: Double, _ leastBytes: UInt64) -> Bool {
        share < leastShare || bytes < leastBytes
    }
}
