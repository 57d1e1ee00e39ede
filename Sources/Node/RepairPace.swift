// How repair gives way: a thread that has worked for it rests for longer than that before it does so again, for as long
// as the node serves anybody. A rest follows what the work took, with all its waits for a core and a disk, so that a
// busy machine does less of it; one that nobody asks anything mends as fast as it can.

package import World

struct RepairPace: Hashable, Sendable {
    private var restsUntil = Instant.origin

    init() {}

    /// Repair has just had `took` of the thread's time.
    mutating func worked(_ took: Span, now: Instant) {
        restsUntil = now + min(took * Limits.repairRest, Limits.repairRestLongest)
    }

    /// `servedAt`: when the node was last asked for anything that somebody waits for.
    func share(servedAt: Instant, now: Instant) -> RepairShare {
        guard now - servedAt < Limits.repairQuiet else {
            return RepairShare(from: .origin, atOnce: Limits.repairsInBatch)
        }
        return RepairShare(from: restsUntil, atOnce: Limits.repairsBesideOthers)
    }
}

/// What repair may have of a thread next.
package struct RepairShare: Hashable, Sendable {
    /// Nothing before then.
    package let from: Instant
    /// So many pieces in a batch: whoever comes while that is worked waits for its end.
    package let atOnce: Int
}
