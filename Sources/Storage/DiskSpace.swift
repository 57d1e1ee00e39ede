// How much room a node's disk has left, and what follows from it: what is still taken, and what other nodes are told
// (docs/decisions/0018-a-disk-fills-in-steps.md).

package import World

package struct DiskSpace: Hashable, Sendable {
    /// Of the disk, from 0 to 1.
    package let share: Double
    package let bytes: UInt64

    package init(share: Double, bytes: UInt64) {
        self.share = share
        self.bytes = bytes
    }

    package var state: DiskState {
        if isShort(Limits.leastFreeDiskForDeletions, Limits.leastFreeBytesForDeletions) { return .exhausted }
        if isShort(Limits.leastFreeDiskForRepair, Limits.leastFreeBytesForRepair) { return .full }
        return isShort(Limits.leastFreeDisk, Limits.leastFreeBytes) ? .nearlyFull : .roomy
    }

    /// Whether values are taken, with a margin.
    var isAmple: Bool {
        share >= Limits.leastFreeDisk * Limits.freeDiskMargin
            && Double(bytes) >= Double(Limits.leastFreeBytes) * Limits.freeDiskMargin
    }

    private func isShort(_ leastShare: Double, _ leastBytes: UInt64) -> Bool {
        share < leastShare || bytes < leastBytes
    }
}

/// What a node knows of its disk's space, which it looks at now and then.
package struct DiskGauge: Sendable {
    package private(set) var space: DiskSpace
    /// What other nodes are told: from the first value that would be refused until there is room with a margin. Hints
    /// that came home at the bound itself would reach it again at once.
    package private(set) var isFull: Bool
    private var lookedAt: Instant

    package init(_ space: DiskSpace, at now: Instant) {
        self.space = space
        isFull = space.state > .roomy
        lookedAt = now
    }

    /// `space`: called if it is time to look again.
    package mutating func look(at now: Instant, _ space: () -> DiskSpace) {
        guard now - lookedAt > Limits.diskLook else { return }
        lookedAt = now
        self.space = space()
        isFull = self.space.state > .roomy || (isFull && !self.space.isAmple)
    }
}
