// A run of a simulation as one number.

import Wire
import World

/// Over what happened, in order: two runs of a seed are the same if and only if it is.
struct TraceHash {
    private var hash = StableHash()
    var value: UInt64 { hash.value }

    mutating func add(_ kind: UInt8, _ now: Instant, _ node: UInt64, _ detail: UInt64) {
        hash.add(UInt64(kind))
        hash.add(UInt64(bitPattern: now.nanoseconds))
        hash.add(node)
        hash.add(detail)
    }

    mutating func add(_ kind: UInt8, _ now: Instant, _ node: UInt64, _ message: PeerMessage) {
        switch message {
        case .request(let envelope): add(kind, now, node, envelope.id)
        case .reply(let envelope): add(kind, now, node, envelope.id ^ 1 << 60)
        case .gossip(let bytes): add(kind, now, node, UInt64(bytes.count))
        default: add(kind, now, node, 0)
        }
    }
}
