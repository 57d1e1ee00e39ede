// The contract between the parts that keep data and the thread that owns their disk: a batch of requests goes in,
// writes and answers come out, and the answers wait until the writes are committed.

package import Ring
package import Wire
package import World

/// What a batch comes to. `replies` stand in the order of the requests, those of what is handed on among them.
package struct BatchOutcome: Sendable {
    package var writes: [StoreWrite] = []
    /// The keys whose objects these change.
    package var changed: [[UInt8]] = []
    /// False if every write was to a bucket with `durability = "buffered"`.
    package var synced = false
    package var replies: [ReplicaReply] = []
    /// The places of pages that would hold the shard for too long, and that another thread is to read.
    package var handedOn: [Int] = []
    /// What a compare came across.
    package var expired: [ExpiredObject] = []

    package init() {}
}

/// How much room a node's disk has, as far as it decides what is still taken. Each step refuses more than the one
/// before it, so that what helps (a deletion) finds room longest.
package enum DiskState: Int, Comparable, Sendable {
    /// Everything is taken.
    case roomy
    /// No client's value, and no hint with one (`Limits.leastFreeDisk`).
    case nearlyFull
    /// Nor a value that repair brings or a hint that comes home (`Limits.leastFreeDiskForRepair`).
    case full
    /// Nor a deletion (`Limits.leastFreeDiskForDeletions`): LevelDB itself needs what is left.
    case exhausted

    /// What an object would take the room for.
    package enum Use: Sendable {
        case value
        case repair
        case deletion
    }

    package func takes(_ use: Use) -> Bool {
        switch use {
        case .value: self < .nearlyFull
        case .repair: self < .full
        case .deletion: self < .exhausted
        }
    }

    package static func < (a: DiskState, b: DiskState) -> Bool { a.rawValue < b.rawValue }
}

/// A stored object with values whose time is over. Once its shard is asked to look into it (a read of its summary), it
/// drops their bytes.
package struct ExpiredObject: Hashable, Sendable {
    package let key: [UInt8]
    package let byteCount: Int

    package init(key: [UInt8], byteCount: Int) {
        self.key = key
        self.byteCount = byteCount
    }

    package var rewrite: ReplicaRequest { .read(key: key, summaryOver: 1) }
}

/// What a batch may assume of the world around it.
package struct BatchSurroundings: Sendable {
    package var now: Now
    package var ring: RingSnapshot
    package var disk: DiskState

    package init(now: Now, ring: RingSnapshot, disk: DiskState = .roomy) {
        self.now = now
        self.ring = ring
        self.disk = disk
    }
}
