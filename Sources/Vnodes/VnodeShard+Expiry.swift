// Typed objects whose time is over give back their bytes.
//
// Of an opaque value each replica drops the bytes for itself: its dot says that they were there. What a typed object
// is without its records, others would take for what it was with them, so they are removed as a client would remove
// them: one replica mints it, and repair brings it to the others, as anything that they lack.

import Causality
import DataTypes
import Keys
import Ring
import Storage
import Wire
import World

enum TypedExpiry {
    /// Whether it is `node`'s turn to remove what has expired of a typed key.
    static func isDue(
        _ object: StoredObject, _ key: [UInt8], _ ring: RingSnapshot, of node: NodeID, at wall: WallTime
    ) -> Bool {
        guard object.isTypedExpired(at: wall.before(Limits.expiryGrace)), let key = try? StoredKey(decoding: key),
            let turn = ring.route(bucket: key.bucket, token: key.token).primaries.firstIndex(of: node)
        else { return false }
        return object.isTypedExpired(at: wall.before(Limits.expiryGrace + Limits.expiryTurn * Int64(turn + 1)))
    }
}

extension WallTime {
    func before(_ span: Span) -> WallTime {
        WallTime(milliseconds: milliseconds - min(milliseconds, UInt64(max(0, span.nanoseconds) / 1_000_000)))
    }
}

extension VnodeShard {
    /// Removes what has expired under the typed `key`, if that is this replica's to do and its disk takes it.
    mutating func collect(_ key: [UInt8], _ batch: inout Batch, _ surroundings: BatchSurroundings) throws {
        guard typedObjects[key]?.object.isTypedExpired(at: surroundings.now.wall) ?? true,
            let name = StoredKey.bucket(of: key), surroundings.disk.takes(.deletion)
        else { return }
        let properties = surroundings.ring.properties(ofBucket: name)
        guard let bucket = TypedBucket(rawValue: properties.type.rawValue) else { return }
        _ = try changing(key, &batch) { shard, logged, batch in
            let (now, seen) = (surroundings.now.wall, logged.object.versions.counter(of: shard.actor))
            guard TypedExpiry.isDue(logged.object, key, surroundings.ring, of: shard.actor.node, at: now),
                let run = try? shard.run(over: logged.object, nil, surroundings),
                let delta = logged.object.collect(as: bucket, run)
            else { return .stored }
            if seen <= shard.counter { shard.counter = max(shard.counter, delta.lastDot.counter) }
            // Nothing is to be left of it, so not as one more row.
            _ = try shard.store(&logged, key, nil, properties, &batch)
            shard.expired += 1
            return .stored
        }
    }
}
