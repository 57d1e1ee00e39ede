// One machine of a simulated cluster: its disk and its clock, which outlive a crash, and the node while it runs.

import Node
import Ring
import Storage
import World

/// One object, since each event asks several things of it.
final class SimulatedMachine {
    let identity: NodeID
    let country: String
    /// As its ring file has it; a node that runs has begun with it.
    var ring: RingSnapshot
    var disk: SimulatedDisk
    /// An older copy of it, for a while.
    var copy: SimulatedDisk?
    var copiedAt = Instant.origin
    /// Under way to the disk, in the order in which they began.
    var commits: [DiskCommit] = []
    var node: SimulatedNode?
    /// Starts so far: events for an earlier life are void.
    var life: UInt64 = 0
    /// Under which this node has minted.
    var incarnations: [UInt64] = []
    /// Of its registry; a mutant begins with it again and again.
    var firstSession: UInt64 = 0
    var slowness: Int64 = 1
    var skewMs: Int64 = 0
    /// Its process does nothing until then, as after SIGSTOP.
    var stoppedUntil = Instant.origin
    private var reportedAt: Instant?
    /// The highest replication delay that it reported.
    private var highestDelayMs = 0.0

    init(identity: NodeID, country: String, ring: RingSnapshot) throws(StorageFailure) {
        self.identity = identity
        self.country = country
        self.ring = ring
        // Clocks that are set back by a minute name no time before the first life.
        let yesterday = UInt64(SimulatedMachine.epochMs - 86_400_000)
        disk = try SimulatedDisk(owner: identity, sinceMs: yesterday)
        incarnations = [yesterday]
    }

    /// 2026-01-01T00:00Z: wall clocks of the nodes start about here.
    private static let epochMs: Int64 = 1_767_225_600_000

    /// What its wall clock says.
    func wall(at now: Instant) -> WallTime {
        WallTime(milliseconds: UInt64(SimulatedMachine.epochMs + now.nanoseconds / 1_000_000 + skewMs))
    }

    /// What the node is told of the time.
    func clock(at now: Instant, _ mutant: Mutant?) -> Now {
        var wall = wall(at: now)
        if mutant == .wallClockStands { wall.milliseconds -= wall.milliseconds % 60_000 }
        return Now(instant: now, wall: wall)
    }

    /// What the node says of itself once a second.
    func report(at now: Instant, _ mutant: Mutant?) -> NodeReport? {
        guard reportedAt.map({ now - $0 >= Limits.reportEvery }) ?? true else { return nil }
        guard var report = node?.report(at: now) else { return nil }
        reportedAt = now
        highestDelayMs = max(highestDelayMs, report.replicationDelayMs)
        if mutant == .lagSticks { report.replicationDelayMs = highestDelayMs }
        return report
    }
}
