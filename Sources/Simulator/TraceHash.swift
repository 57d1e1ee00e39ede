// A run of a simulation as one number.

import Wire
import World

/// FNV-1a over what happened, in order: two runs of a seed are the same if and only if it is.
struct TraceHash {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ kind: UInt8, _ now: Instant, _ node: UInt64, _ detail: UInt64) {
        mix(UInt64(kind))
        mix(UInt64(bitPattern: now.nanoseconds))
        mix(node)
        mix(detail)
    }

    mutating func add(_ kind: UInt8, _ now: Instant, _ node: UInt64, _ message: PeerMessage) {
        switch message {
        case .request(let envelope): add(kind, now, node, envelope.id)
        case .reply(let envelope): add(kind, now, node, envelope.id ^ 1 << 60)
        case .gossip(let bytes): add(kind, now, node, UInt64(bytes.count))
        default: add(kind, now, node, 0)
        }
    }

    private mutating func mix(_ word: UInt64) {
        var rest = word
        for _ in 0..<8 {
            value = (value ^ (rest & 0xFF)) &* 0x100_0000_01B3
            rest >>= 8
        }
    }
}
