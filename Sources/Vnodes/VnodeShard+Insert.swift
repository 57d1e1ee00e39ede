// One value under many keys at once, where nothing stands: one dot and one object for all of them.
//
// A dot tells the writes to one key apart, so it may serve many keys: each of them sees it once.

import Causality
import DataTypes
import Keys
import Ring
import Storage
import Wire
import World

extension VnodeShard {
    /// Makes the object, and stores it under those of the keys that this node is a replica of: under all of them, or,
    /// where something stands under one, under none. Asked by the node's own gateway alone, for keys of one shard.
    mutating func insert(
        _ request: InsertRequest, _ batch: inout Batch, _ surroundings: BatchSurroundings
    ) throws -> ReplicaReply {
        var own: [[UInt8]] = []
        var isSynced = false
        for bytes in request.keys {
            let key = try StoredKey(decoding: bytes)
            let route = surroundings.ring.route(bucket: key.bucket, token: key.token)
            guard route.properties.takesInserts, request.value.count <= route.properties.maxValueBytes else {
                throw Refusal(.malformed, "the bucket takes no such values")
            }
            guard route.primaries.contains(actor.node) else { continue }
            guard try current(bytes, batch) == nil else { throw Refusal(.exists) }
            own.append(bytes)
            isSynced = isSynced || route.properties.durability == .synced
        }
        guard surroundings.disk.takes(.value) else { throw Refusal(.diskFull) }
        guard counter < UInt64.max else { throw Refusal(.stopped, "no counter is left for \(actor.node)") }
        counter += 1
        var object = StoredObject()
        let sibling = Sibling(
            dot: Dot(actor: actor, counter: counter), payload: .value(request.value),
            contentType: request.contentType,
            time: clock.tick(surroundings.now.wall, after: HybridTime(bits: 0)), expiresAt: request.expiresAt)
        object.write(sibling, context: nil, rule: .lastWriteWins)
        let bytes = object.encode()
        for key in own { batch.put(key, Written(bytes: bytes, object: object, over: 0), synced: isSynced) }
        return .minted(object: bytes, wasAbsent: true)
    }

    /// Refused as the first of the keys that is, though stored under the others; or else stored beside something, if
    /// that is so under one of them.
    mutating func merge(
        _ bytes: [UInt8], intoEach keys: [[UInt8]], _ batch: inout Batch, _ surroundings: BatchSurroundings
    ) throws -> ReplicaReply {
        let object = try StoredObject(decoding: bytes)
        var refusal: Refusal?
        var isAlone = true
        for key in keys {
            do {
                switch try merge(key, bytes, decoded: object, repair: false, &batch, surroundings) {
                case .refused(let one): refusal = refusal ?? one
                case .storedBeside: isAlone = false
                default: break
                }
            } catch let one as Refusal {
                refusal = refusal ?? one
            }
        }
        if let refusal { throw refusal }
        return isAlone ? .stored : .storedBeside
    }
}
