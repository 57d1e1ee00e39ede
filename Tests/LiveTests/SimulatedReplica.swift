// A replica of the simulation: objects that outlive its crashes, and a watch table that does not.

import DataTypes
import Causality
import Keys
import Ring
import World

@testable import Live

struct SimulatedReplica {
    let node: NodeID
    let ring: RingSnapshot
    private let room: LiveRoom
    private(set) var table: WatchTable
    private(set) var objects: [[UInt8]: StoredObject] = [:]
    private(set) var isUp = true
    private(set) var life: UInt64 = 1
    private var minted: UInt64 = 0
    private var positions: [UInt64]
    private static let shards = 2

    init(_ node: NodeID, _ ring: RingSnapshot, ringKeys: Int, seams: LiveSeams) {
        (self.node, self.ring) = (node, ring)
        var room = LiveRoom(ringKeys: ringKeys)
        room.seams = seams
        self.room = room
        table = WatchTable(
            identity: node, life: 1, shards: SimulatedReplica.shards, ring: ring, room: room)
        positions = Array(repeating: 0, count: SimulatedReplica.shards)
    }

    mutating func crash() { isUp = false }

    mutating func start() {
        guard !isUp else { return }
        isUp = true
        life += 1
        table = WatchTable(
            identity: node, life: life, shards: SimulatedReplica.shards, ring: ring, room: room)
        positions = Array(repeating: 0, count: SimulatedReplica.shards)
    }

    /// Writes a value, or a tombstone, over all that stands here; returns the object.
    mutating func write(_ key: [UInt8], _ value: String?, at now: Now, _ out: inout Outbox<WatchTable.Effect>)
        -> StoredObject
    {
        minted += 1
        var object = objects[key] ?? StoredObject()
        let dot = Dot(actor: Actor(node: node, incarnation: 1), counter: minted)
        let payload = value.map { Payload.value(Array($0.utf8)) } ?? .tombstone
        object.write(
            Sibling(dot: dot, payload: payload, contentType: "text/plain", time: HybridTime(wall: now.wall)),
            context: nil, rule: .siblings)
        commit(key, object, now, &out)
        return object
    }

    mutating func merge(
        _ key: [UInt8], _ object: StoredObject, at now: Now, _ out: inout Outbox<WatchTable.Effect>
    ) {
        let old = objects[key] ?? StoredObject()
        guard !old.versions.covers(object.versions) else { return }
        var merged = old
        merged.merge(object, rule: .siblings)
        commit(key, merged, now, &out)
    }

    private mutating func commit(
        _ key: [UInt8], _ object: StoredObject, _ now: Now, _ out: inout Outbox<WatchTable.Effect>
    ) {
        objects[key] = object
        let shard = Token(ofStored: key).partition(of: ring.document.partitions) % SimulatedReplica.shards
        positions[shard] += 1
        handle(.changed(Changes(shard: shard, position: positions[shard], keys: [key])), now, &out)
    }

    mutating func handle(_ input: WatchTable.Input, _ now: Now, _ out: inout Outbox<WatchTable.Effect>) {
        table.handle(input, now, &out)
    }

    /// What the disk says, as it stands now.
    func carryOut(_ effect: WatchTable.Effect) -> WatchTable.Input? {
        switch effect {
        case .send: return nil
        case .read(let id, _, let keys, _): return .read(id, keys.map { objects[$0]?.encode() })
        case .list(let id, _, let range, let limit):
            let found = objects.keys.filter { range.contains($0) }.sorted { $0.precedes($1) }
            return .listed(id, Array(found.prefix(limit)), isComplete: found.count <= limit)
        }
    }
}
