// A node's directory: who it is, in which life, and where its stores lie (docs/formats/data-directory.md).
//
//     identity.json   cluster, node, incarnation, gossip generation, and how the last stop went (NodeIdentity.swift)
//     ring.bin        the ring document last used, for a node that was started from a seed
//     objects/        LevelDB: the objects, and the places of large ones
//     objects/large/  LevelDB: the large ones
//     hints/          LevelDB: hints for others
//     names/          LevelDB: votes on names, and beside it names-frontier-0 and -1
//
// A store that LevelDB finds damaged is moved aside (`objects.damaged-…`), never repaired: RepairDB keeps what it can
// read, and a replica that silently lost some keys is worse than one that knows it lost all and asks its peers.

import Foundation
import LevelDB
import Node
import Storage
import World

/// Ends with its last reference, or with the process.
final class DirectoryLock: Sendable {
    private let descriptor: Int32
    init(descriptor: Int32) { self.descriptor = descriptor }
    deinit { close(descriptor) }
}

struct DataDirectory: Sendable {
    let path: String

    var objects: String { path + "/objects" }
    static func large(in objects: String) -> String { objects + "/large" }
    var hints: String { path + "/hints" }
    var identityFile: String { path + "/identity.json" }
    var ringFile: String { path + "/ring.bin" }

    init(path: String) throws {
        self.path = path
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            let isFull = (error as? CocoaError)?.code == .fileWriteOutOfSpace
            throw StartFailure(
                "cannot make the data directory \(path): \(error.localizedDescription)",
                status: isFull ? .tryAgain : .operator)
        }
    }

    /// Held until it is let go of: by one process at a time, and from before the first file is read until after the
    /// last one is written. Nil on a file system that locks no directories; the stores have locks of their own.
    func lock() throws -> DirectoryLock? {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw StartFailure.system("cannot open \(path)") }
        let lock = DirectoryLock(descriptor: descriptor)
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return lock }
        guard errno != EWOULDBLOCK else { throw StartFailure("\(path) is in use by another process") }
        return nil
    }

    func path(of store: String) -> String { path + "/" + store }

    // MARK: The life of a directory

    /// Looks at what is there before any store is opened, and takes the note of the last clean stop off the disk: from
    /// here on what it says may no longer be so.
    func claim(cluster: String, node: NodeID) throws -> DirectoryClaim {
        let old = try loadIdentity()
        if let old, old.cluster != cluster || old.node != node.name {
            throw StartFailure(
                "\(path) belongs to node \(old.node) of cluster \(old.cluster), not to \(node) of \(cluster); "
                    + "give each node a data directory of its own (--data)")
        }
        var identity = old ?? NodeIdentity(cluster: cluster, node: node.name)
        var distrusted: [String: String] = [:]
        for store in [NodeStore.objects, .hints].map(\.rawValue) { distrusted[store] = damage(of: store) }
        let inventory = try identity.cleanStop == nil ? nil : StoreInventory(of: objects)
        let found = found(inventory, after: identity.cleanStop)
        if distrusted["objects"] == nil, !identity.life.believes(found) {
            distrusted["objects"] = DataDirectory.reason(found, inventory, after: identity.cleanStop)
        }
        let isTrusted = distrusted["objects"] == nil
        let counter = isTrusted ? identity.life.counter(notedAs: identity.cleanStop?.counter, found) : nil
        identity.cleanStop = nil
        // What is not as it was left is noted first, or the next start would not know.
        if let reason = distrusted["objects"] { try markDamaged("objects", reason) }
        try save(identity)
        return DirectoryClaim(identity: identity, distrusted: distrusted, counter: counter)
    }

    /// The store of objects as it lies there, beside what the last clean stop noted.
    private func found(_ inventory: StoreInventory?, after stop: NodeIdentity.CleanStop?) -> FoundStore {
        guard let stop, let inventory else {
            return LevelDBStore.presence(at: objects) == .vacant ? .vacant : .unknown
        }
        if inventory == stop.inventory { return .asLeft }
        return inventory.hasContents(of: stop.inventory) ? .copied : .changed
    }

    /// Why it is not believed.
    private static func reason(
        _ found: FoundStore, _ inventory: StoreInventory?, after stop: NodeIdentity.CleanStop?
    ) -> String {
        guard found == .changed, let inventory, let stop else {
            return "it is empty, though this node has stored in it"
        }
        return "the last clean stop left \(stop.inventory.summary), "
            + "and there are \(inventory.summary) of other contents"
    }

    /// Begins a life, once the stores are open, and writes it to disk before anything is minted in it.
    /// `objectsAreKept`: `objects` was opened as it lay there. `counter`: where minting goes on.
    func begin(_ claim: DirectoryClaim, objectsAreKept: Bool, wall: WallTime) throws -> (
        identity: NodeIdentity, counter: UInt64
    ) {
        var identity = claim.identity
        let counter = identity.life.begin(goingOnAt: claim.counter, storeIsKept: objectsAreKept, wall: wall)
        try save(identity)
        return (identity, counter)
    }

    /// Notes a clean stop. The stores must be closed.
    func end(_ identity: NodeIdentity, counter: UInt64) throws {
        var identity = identity
        identity.cleanStop = try StoreInventory(of: objects).map {
            NodeIdentity.CleanStop(counter: counter, inventory: $0)
        }
        try save(identity)
    }

    /// The next start is a new life, above `generation` and under a new incarnation.
    func beginAbove(_ generation: UInt64) throws {
        guard var identity = try loadIdentity() else { return }
        identity.life.rise(above: generation)
        identity.cleanStop = nil
        try save(identity)
    }

    private func damageFile(_ store: String) -> String { path(of: store) + "/DAMAGED" }

    /// Leaves a mark in the store's directory, for all starts to come. Whoever puts another directory in its place has
    /// taken the mark away with it.
    func markDamaged(_ store: String, _ reason: String) throws {
        guard damage(of: store) == nil else { return }
        try replace(damageFile(store), with: Array((reason + "\n").utf8))
    }

    /// Why a store must not be used as it is, if an earlier start or run has found that.
    private func damage(of store: String) -> String? {
        guard let mark = try? Data(contentsOf: URL(fileURLWithPath: damageFile(store))) else { return nil }
        let reason =
            String(decoding: mark.prefix(Limits.damageReasonBytes), as: UTF8.self).split(separator: "\n").first
            ?? "no reason given"
        return "\(reason), says \(damageFile(store))"
    }

    func moveAside(_ store: String, _ wall: WallTime) throws {
        let from = path(of: store)
        let files = FileManager.default
        guard files.fileExists(atPath: from) else { return }
        var number = wall.milliseconds
        while files.fileExists(atPath: "\(from).damaged-\(number)") { number += 1 }
        do {
            try files.moveItem(atPath: from, toPath: "\(from).damaged-\(number)")
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
        let bytes: Data
        do { bytes = try Data(contentsOf: URL(fileURLWithPath: identityFile)) } catch {
            throw StartFailure("cannot read \(identityFile): \(error.localizedDescription)")
        }
        var damaged: [String] = []
        let identity: NodeIdentity
        do throws(IdentityFailure) { identity = try NodeIdentity(decoding: bytes, damaged: &damaged) } catch {
            throw StartFailure(
                "cannot read \(identityFile): \(error). Restore it together with the stores, or move the whole "
                    + "directory away to begin anew")
        }
        for store in damaged where FileManager.default.fileExists(atPath: path(of: store)) {
            try markDamaged(store, "it was found damaged while the node ran")
        }
        return identity
    }

    private func save(_ identity: NodeIdentity) throws { try replace(identityFile, with: try identity.encode()) }

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
        guard descriptor >= 0 else { throw StartFailure.system("cannot write \(aside)") }
        defer { close(descriptor) }
        var written = 0
        while written < bytes.count {
            let n = bytes[written...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            guard n > 0 else { throw StartFailure.system("cannot write \(aside)") }
            written += n
        }
        guard fsync(descriptor) == 0, rename(aside, file) == 0 else {
            throw StartFailure.system("cannot write \(file)")
        }
        let parent = String(file.prefix(upTo: file.lastIndex(of: "/") ?? file.startIndex))
        let directory = open(parent, O_RDONLY)
        guard directory >= 0 else { throw StartFailure.system("cannot open \(parent)") }
        defer { close(directory) }
        guard fsync(directory) == 0 else { throw StartFailure.system("cannot sync \(parent)") }
    }

    /// What is left of the disk that holds the directory; all of it where that cannot be told.
    func space() -> DiskSpace {
        var status = statvfs()
        guard statvfs(path, &status) == 0, status.f_blocks > 0 else { return DiskSpace(share: 1, bytes: .max) }
        // A file system in user space may say anything.
        let (bytes, isHuge) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        return DiskSpace(
            share: Double(status.f_bavail) / Double(status.f_blocks), bytes: isHuge ? .max : bytes)
    }
}
