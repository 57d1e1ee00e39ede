// Which part of a node takes which request. The request loops and the control loop ask here.

import Keys
import Ring
import Vnodes
import Wire
import World

package enum NodePart: Hashable, Sendable {
    /// The storage shard of this number.
    case shard(Int)
    case hints
    /// Long pages of keys, away from the shards' threads: they must not stand before requests.
    case scanner
    /// Fingerprints and pages of repair, away from the pages that a client waits for.
    case comparer

    /// Jobs that its thread takes at once, for one sync. A page or a compare may read megabytes: one at a time, so that
    /// the last of a batch does not wait for all.
    package var largestBatch: Int {
        switch self {
        case .shard, .hints: Limits.batchRequests
        case .scanner, .comparer: 1
        }
    }
}

enum Routing {
    /// `shards`: how many the node has; at least 1.
    static func part(for request: ReplicaRequest, shards: Int, ring: RingSnapshot) -> NodePart {
        switch request {
        case .hint, .readHints: .hints
        case .range(let request) where request.repair: .comparer
        case .range(let request) where request.isShort: .shard(shard(of: request.start, shards, ring))
        case .range: .scanner
        case .compare: .comparer
        case .read(let key, _), .merge(let key, _, _): .shard(shard(of: key, shards, ring))
        case .mint(let request): .shard(shard(of: request.key, shards, ring))
        // Of keys of one shard.
        case .insert(let request): .shard(shard(of: request.keys.first ?? [], shards, ring))
        case .mergeEach(let keys, _): .shard(shard(of: keys.first ?? [], shards, ring))
        }
    }

    /// The keys that each shard has, of the shards that have any.
    static func parts(of keys: [[UInt8]], shards: Int, ring: RingSnapshot) -> [[[UInt8]]] {
        var parts = Array(repeating: [[UInt8]](), count: shards)
        for key in keys { parts[shard(of: key, shards, ring)].append(key) }
        return parts.filter { !$0.isEmpty }
    }

    private static func shard(of key: [UInt8], _ shards: Int, _ ring: RingSnapshot) -> Int {
        ring.shard(of: Token(ofStored: key), among: shards)
    }
}
