// A small cluster's ring, keys in it, and shards that commit what they answer.

import Causality
import DataTypes
import Keys
import Ring
import RingFile
import Storage
import Testing
import Vnodes
import Wire
import World

enum Fixture {
    static let de = NodeID(literal: "de-1")
    static let jp = NodeID(literal: "jp-1")
    static let us = NodeID(literal: "us-1")
    static let epochMs: UInt64 = 1_767_225_600_000

    /// Every key of `world` has its replicas in all three countries; `patients` live in Germany alone.
    static func ring() throws -> RingSnapshot {
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
            rule = "any:3"
            [placement.german]
            rule = "de:1"
            only = ["de"]
            [bucket.patients]
            placement = "german"
            [bucket.latest]
            conflict = "last-write-wins"
            [bucket.wards]
            conflict = "last-write-wins"
            placement = "german"
            [bucket.fast]
            durability = "buffered"
            [bucket.docs]
            type = "document"
            [bucket.small]
            max_value = "10B"
            [country.de]
            location = [50.11, 8.68]
            [country.jp]
            location = [35.68, 139.69]
            [country.us]
            location = [38.95, -77.45]

            """
        return RingSnapshot(try RingDocument.compile(ringFile: text + nodes.joined(), fileName: "test"))
    }

    static func key(_ partitionKey: String, bucket: String = "posts", sort: String? = nil) throws -> [UInt8] {
        try StoredKey(
            bucket: Array(bucket.utf8), partitionKey: Array(partitionKey.utf8), sortKey: sort.map { Array($0.utf8) }
        ).bytes
    }

    static func put(_ key: [UInt8], _ text: String, context: [UInt8]? = nil, onlyIfAbsent: Bool = false)
        -> ReplicaRequest
    {
        .mint(MintRequest(key: key, value: Array(text.utf8), context: context, onlyIfAbsent: onlyIfAbsent))
    }

    /// A context that has seen nothing: whoever writes with it writes beside all that stands there.
    static func blindContext(_ key: [UInt8]) -> [UInt8] {
        CausalContext(versions: VersionVector(), latestTime: HybridTime(bits: 0)).encode(for: key)
    }

    static func now(_ ms: UInt64 = 0) -> Now { Now(instant: .origin, wall: WallTime(milliseconds: epochMs + ms)) }
}

/// One node's shard with its disk.
struct Replica {
    var shard: VnodeShard
    let store = MemoryStore()
    let ring: RingSnapshot
    let node: NodeID

    init(_ node: NodeID, ring: RingSnapshot, incarnation: UInt64 = 1) {
        self.node = node
        self.ring = ring
        shard = VnodeShard(actor: Actor(node: node, incarnation: incarnation))
    }

    /// Works a batch and commits it, as its owner would.
    @discardableResult
    mutating func batch(_ requests: [ReplicaRequest], at ms: UInt64 = 0, disk: DiskState = .roomy) throws
        -> BatchOutcome
    {
        let surroundings = BatchSurroundings(now: Fixture.now(ms), ring: ring, disk: disk)
        let outcome = try shard.process(requests, store: store, in: surroundings)
        // Each write tells what it stands over: on that rests that no large value outlives its key.
        for case .put(let key, _, let over) in outcome.writes { #expect(try over == store.get(key)?.count ?? 0) }
        try store.commit(outcome.writes, synced: outcome.synced)
        #expect(outcome.replies.count == requests.count)
        return outcome
    }

    mutating func ask(_ request: ReplicaRequest, at ms: UInt64 = 0) throws -> ReplicaReply {
        try batch([request], at: ms).replies[0]
    }

    func object(_ key: [UInt8]) throws -> StoredObject? { try store.get(key).map { try StoredObject(decoding: $0) } }

    func contents() throws -> [[[UInt8]]] {
        var all: [[[UInt8]]] = []
        try store.scan(.everything, reverse: false) { key, value in
            all.append([key, value])
            return true
        }
        return all
    }
}

extension StoredObject {
    var texts: [String] {
        values.compactMap {
            if case .value(let bytes) = $0.payload { String(decoding: bytes, as: UTF8.self) } else { nil }
        }
    }
}

extension ReplicaReply {
    var refusal: Refusal.Code? { if case .refused(let refusal) = self { refusal.code } else { nil } }
    var minted: StoredObject? {
        if case .minted(let bytes, _) = self { try? StoredObject(decoding: bytes) } else { nil }
    }
    var wasAbsent: Bool? { if case .minted(_, let wasAbsent) = self { wasAbsent } else { nil } }
}
