// The contract between the parts that keep data and the thread that owns their disk: a batch of requests goes in,
// writes and answers come out, and the answers wait until the writes are committed.

package import Ring
package import Wire
package import World

/// What a batch comes to. `replies` stand in the order of the requests.
package struct BatchOutcome: Sendable {
    package var writes: [StoreWrite] = []
    /// False if every write was to a bucket with `durability = "buffered"`.
    package var synced = false
    package var replies: [ReplicaReply] = []

    package init() {}
}

/// What a batch may assume of the world around it.
package struct BatchSurroundings: Sendable {
    package var now: Now
    package var ring: RingSnapshot
    /// Client writes are refused (Limits.leastFreeDisk).
    package var diskIsNearlyFull: Bool

    package init(now: Now, ring: RingSnapshot, diskIsNearlyFull: Bool = false) {
        self.now = now
        self.ring = ring
        self.diskIsNearlyFull = diskIsNearlyFull
    }
}
