// A keeper with its store in memory, and objects to keep.

import Causality
import DataTypes
import HintedHandoff
import Keys
import Ring
import RingFile
import Storage
import Wire
import World

struct HintBench {
    static let de = NodeID(literal: "de-1")
    static let jp = NodeID(literal: "jp-1")
    static let us = NodeID(literal: "us-1")

    let ring: RingSnapshot
    let store = MemoryStore()
    var keeper: HintKeeper
    var wall = WallTime(milliseconds: 1_767_225_600_000)
    var instant = Instant.origin

    init(at identity: NodeID = HintBench.de) throws {
        let nodes = ["de-1", "jp-1", "us-1"].enumerated().map { index, id in
            """
            [[node]]
            id = "\(id)"
            country = "\(id.prefix(2))"
            zone = "z"
            peer = "10.0.0.\(index + 1):7171"
            http = "10.0.0.\(index + 1):7071"
            capacity = "1TB"

            """
        }
        let text = """
            cluster = "test"
            partitions = 8
            [defaults]
            placement = "world"
            [placement.world]
            rule = "any:2"
            [placement.german]
            rule = "de:1"
            only = ["de"]
            [bucket.patients]
            placement = "german"
            [country.de]
            [country.jp]
            [country.us]

            """
        ring = RingSnapshot(try RingDocument.compile(ringFile: text + nodes.joined(), fileName: "test"))
        keeper = try HintKeeper(identity: identity, store: store)
    }

    var now: Now { Now(instant: instant, wall: wall) }

    mutating func advance(_ span: Span) {
        instant = instant + span
        wall = WallTime(milliseconds: wall.milliseconds + UInt64(span.inMilliseconds))
    }

    func surroundings(disk: DiskState = .roomy) -> BatchSurroundings {
        BatchSurroundings(now: now, ring: ring, disk: disk)
    }

    func key(_ name: String, bucket: String = "posts") throws -> [UInt8] {
        try StoredKey(bucket: Array(bucket.utf8), partitionKey: Array(name.utf8)).bytes
    }

    func object(_ text: String, by node: NodeID = HintBench.de, counter: UInt64 = 1) -> StoredObject {
        var object = StoredObject()
        let dot = Dot(actor: Actor(node: node, incarnation: 1), counter: counter)
        object.write(
            Sibling(dot: dot, payload: .value(Array(text.utf8)), time: HybridTime(bits: counter)), context: nil,
            rule: .siblings)
        return object
    }

    @discardableResult
    mutating func batch(_ requests: [ReplicaRequest], disk: DiskState = .roomy) throws -> BatchOutcome {
        let outcome = try keeper.process(requests, store: store, in: surroundings(disk: disk))
        try store.commit(outcome.writes, synced: outcome.synced)
        return outcome
    }

    @discardableResult
    mutating func keep(_ target: NodeID, _ key: [UInt8], _ object: StoredObject) throws -> ReplicaReply {
        try batch([.hint(target: target, key: key, object: object.encode())]).replies[0]
    }

    mutating func read(_ target: NodeID, _ key: [UInt8]) throws -> StoredObject? {
        guard case .object(let bytes?) = try batch([.readHints(target: target, key: key)]).replies[0] else {
            return nil
        }
        return try StoredObject(decoding: bytes)
    }

    mutating func replay(_ reachable: [NodeID] = [HintBench.us]) throws -> [HintDelivery] {
        let (deliveries, writes) = try keeper.replay(to: reachable, store: store, now: now)
        try store.commit(writes, synced: false)
        return deliveries
    }

    /// True if the hint was forgotten.
    mutating func confirm(_ delivery: HintDelivery) throws -> Bool {
        guard let write = keeper.confirm(delivery.id, from: delivery.target, now: instant) else { return false }
        try store.commit([write], synced: false)
        return true
    }

    func storedBytes() throws -> Int {
        var sum = 0
        try store.scan(.everything, reverse: false) { key, value in
            sum += key.count + value.count
            return true
        }
        return sum
    }
}

/// Shows many large hints without holding them: all share one array.
final class HeavyStore: KeyValueStore {
    private let keys: [[UInt8]]
    private let value: [UInt8]

    init(targets: [NodeID], hints: Int, bytes: Int) {
        // The key's form is fixed by docs/formats/hint.md.
        keys = targets.flatMap { target in (0..<hints).map { [0x68] + Array(target.name.utf8) + [0, UInt8($0)] } }
        value = [UInt8](repeating: 0, count: bytes)
    }

    func get(_ key: [UInt8]) throws(StorageFailure) -> [UInt8]? { nil }
    func commit(_ writes: [StoreWrite], synced: Bool) throws(StorageFailure) {}
    func scan(
        _ range: KeyRange, reverse: Bool, _ visit: (_ key: [UInt8], _ value: [UInt8]) -> Bool
    ) throws(StorageFailure) {
        for key in keys where range.contains(key) { guard visit(key, value) else { return } }
    }
}

/// Counts how often something is looked for.
final class CountingStore: KeyValueStore, @unchecked Sendable {
    // Safe to share: a test has it on one thread.
    private let store: MemoryStore
    private(set) var scans = 0

    init(_ store: MemoryStore) { self.store = store }

    func get(_ key: [UInt8]) throws(StorageFailure) -> [UInt8]? { try store.get(key) }
    func commit(_ writes: [StoreWrite], synced: Bool) throws(StorageFailure) {
        try store.commit(writes, synced: synced)
    }
    func scan(
        _ range: KeyRange, reverse: Bool, _ visit: (_ key: [UInt8], _ value: [UInt8]) -> Bool
    ) throws(StorageFailure) {
        scans += 1
        try store.scan(range, reverse: reverse, visit)
    }
}

extension ReplicaReply {
    var refusal: Refusal.Code? { if case .refused(let refusal) = self { refusal.code } else { nil } }
}
