// A node's data directory between two starts: filled by the code that serves, stopped or killed, then damaged on
// purpose.

import Causality
import DataTypes
import Foundation
import HintedHandoff
import Keys
import LevelDB
import Logging
import Ring
import RingFile
import Storage
import Wire
import World

@testable import Server

/// What may be found of a file that was whole.
enum Damage: String, CaseIterable, Sendable {
    case missing, empty, cut, flipped

    func apply(to file: String) throws {
        let url = URL(fileURLWithPath: file)
        if self == .missing { return try FileManager.default.removeItem(at: url) }
        var bytes = [UInt8](try Data(contentsOf: url))
        switch self {
        case .missing: break
        case .empty: bytes = []
        case .cut: bytes.removeLast(bytes.count - bytes.count / 2)
        case .flipped:
            // A log may be longer than what is in it.
            let end = (bytes.lastIndex { $0 != 0 } ?? -1) + 1
            if end > 0 { bytes[end / 2] ^= 0x10 }
        }
        // In place: the same file.
        let handle = try FileHandle(forWritingTo: url)
        try handle.truncate(atOffset: 0)
        try handle.write(contentsOf: Data(bytes))
        try handle.close()
    }
}

/// The files of a LevelDB store.
enum StoreFile: String, CaseIterable, Sendable {
    case manifest, current, table, log, lock

    func matches(_ name: String) -> Bool {
        switch self {
        case .manifest: name.hasPrefix("MANIFEST-")
        case .current: name == "CURRENT"
        case .table: name.hasSuffix(".ldb")
        case .log: name.hasSuffix(".log")
        case .lock: name == "LOCK"
        }
    }
}

enum LastStop: String, CaseIterable, Sendable { case clean, crash }

enum Company: String, CaseIterable, Sendable { case peers, alone }

/// A directory with a past of two runs, so that each store has tables and a log.
final class StoppedNode {
    let path: String
    let ring: RingDocument
    let node: NodeID
    private(set) var lastIdentity = NodeIdentity(cluster: "", node: "")
    static let keys = 120
    static let counter: UInt64 = 77
    private var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    /// Solved once for all tests.
    static let threeCountries = Result {
        try RingDocument.compile(ringFile: RingDocument.threeCountries, fileName: "test")
    }

    init(_ company: Company, _ stop: LastStop = .clean) throws {
        path = NSTemporaryDirectory() + "/atoll-directory-\(UUID().uuidString)"
        ring = try company == .alone ? RingDocument.singleNode() : StoppedNode.threeCountries.get()
        node = ring.nodes[0].id
        try run(0..<(StoppedNode.keys / 2), .clean)
        try run((StoppedNode.keys / 2)..<StoppedNode.keys, stop)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    private static func budgets(_ ring: RingDocument) throws -> NodeBudgets {
        let nodes = ring.nodes.count
        return NodeBudgets(
            files: try DescriptorBudget(limit: 4_096, nodes: nodes, loops: 1),
            memory: try MemoryBudget(limit: 1 << 30, nodes: nodes, loops: 1, shards: 1))
    }

    func open() throws -> OpenedDirectory {
        try OpenedDirectory(path: path, ring: ring, node: node, try StoppedNode.budgets(ring), logger)
    }

    private func run(_ keys: Range<Int>, _ stop: LastStop) throws {
        let opened = try open()
        lastIdentity = opened.identity
        // A few records of the log each.
        for first in stride(from: keys.lowerBound, to: keys.upperBound, by: 12) {
            try opened.stores.objects.commit(
                (first..<(first + 12)).map { .put(key: key($0), value: value($0)) }, synced: true)
        }
        var keeper = opened.stores.keeper
        let surroundings = BatchSurroundings(now: MachineClock.now(), ring: RingSnapshot(ring))
        let hints = try keys.map { ReplicaRequest.hint(target: node, key: try stored($0), object: object($0).encode()) }
        let outcome = try keeper.process(hints, store: opened.stores.hints, in: surroundings)
        try opened.stores.hints.commit(outcome.writes, synced: true)
        switch stop {
        case .clean: try opened.end(counter: StoppedNode.counter)
        case .crash:
            // As a killed process leaves it: a copy of what lies there now takes the place of what a stop would leave.
            try FileManager.default.copyItem(atPath: path, toPath: path + ".killed")
            opened.stores.close()
            try FileManager.default.removeItem(atPath: path)
            try FileManager.default.moveItem(atPath: path + ".killed", toPath: path)
        }
    }

    // MARK: Its files

    func files(_ store: String, _ kind: StoreFile) throws -> [String] {
        try names(store).filter(kind.matches).map { "\(path)/\(store)/\($0)" }
    }

    func names(_ store: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(path)/\(store)").sorted()
    }

    func movedAside(_ store: String) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: path).count { $0.hasPrefix("\(store).damaged-") }
    }

    func identity() throws -> NodeIdentity {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path + "/identity.json"))
        var damaged: [String] = []
        return try NodeIdentity(decoding: bytes, damaged: &damaged)
    }

    // MARK: Its data

    func key(_ index: Int) -> [UInt8] { Array("key-\(1_000 + index)".utf8) }

    /// No compressor makes it small, so that a table has many blocks. Some are large; and all begin as an object does.
    func value(_ index: Int) -> [UInt8] {
        var random = SeededRandom(seed: UInt64(index))
        let size = index % 12 == 5 ? Limits.apartBytes : 600
        return [1] + (1..<size).map { _ in UInt8.random(in: 1...255, using: &random) }
    }

    private func stored(_ index: Int) throws -> [UInt8] {
        try StoredKey(bucket: Array("posts".utf8), partitionKey: Array("k\(index)".utf8)).bytes
    }

    private func object(_ index: Int) -> StoredObject {
        var object = StoredObject()
        let dot = Dot(actor: Actor(node: node, incarnation: 1), counter: UInt64(index) + 1)
        object.write(
            Sibling(dot: dot, payload: .value(value(index)), time: HybridTime(bits: 1)), context: nil, rule: .siblings)
        return object
    }

    /// How many keys are there; each has its value. Throws where a damage is met.
    func count(in opened: OpenedDirectory) throws -> Int {
        var found = 0
        for index in 0..<StoppedNode.keys {
            guard let bytes = try opened.stores.objects.get(key(index)) else { continue }
            guard bytes == value(index) else { throw StorageFailure(.inputOutput, "a wrong value") }
            found += 1
        }
        return found
    }
}
