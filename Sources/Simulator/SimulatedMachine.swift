// One machine of a simulated cluster: its disks and its clock, which outlive a crash, and the node while it runs.

import Node
import Storage
import World

struct SimulatedMachine {
    let identity: NodeID
    let country: String
    var objects = MemoryStore()
    var hints = MemoryStore()
    var names = MemoryStore()
    /// The two copies of the names' frontier, and what of them a loss of power leaves: they are synced once a second.
    private(set) var frontiers: [[UInt8]?] = [nil, nil]
    private var syncedFrontiers: [[UInt8]?] = [nil, nil]
    private var frontiersSyncedAt: Instant?
    /// Of its registry; a mutant begins with it again and again.
    var firstIncarnation: UInt64 = 0
    var node: SimulatedNode?
    /// Starts so far: events for an earlier life are void.
    var life: UInt64 = 0
    /// Never the same twice, even when the disk was lost: what a real node takes from the clock.
    var incarnation: UInt64 = 0
    var slowness: Int64 = 1
    var skewMs: Int64 = 0
    /// Its process does nothing until then, as after SIGSTOP.
    var stoppedUntil = Instant.origin
    private var reportedAt: Instant?
    /// The highest replication delay that it reported.
    private var highestDelayMs = 0.0

    init(identity: NodeID, country: String) {
        self.identity = identity
        self.country = country
    }

    mutating func writeFrontier(_ copy: Int, _ bytes: [UInt8], at now: Instant) {
        frontiers[copy] = bytes
        guard frontiersSyncedAt.map({ now - $0 >= .seconds(1) }) ?? true else { return }
        frontiersSyncedAt = now
        syncedFrontiers = frontiers
    }

    mutating func losePower() { frontiers = syncedFrontiers }

    mutating func loseFrontiers() {
        (frontiers, syncedFrontiers, frontiersSyncedAt) = ([nil, nil], [nil, nil], nil)
    }

    /// What the node says of itself once a second: figures that change, and tell who said them and when.
    mutating func report(at now: Instant, _ mutant: Mutant?) -> NodeReport? {
        guard let node, reportedAt.map({ now - $0 >= .seconds(1) }) ?? true else { return nil }
        reportedAt = now
        var report = NodeReport()
        report.revision = "life \(life)"
        report.hints = node.hintBacklog
        let delay = node.replicationDelayMs(at: now)
        highestDelayMs = max(highestDelayMs, delay)
        report.replicationDelayMs = mutant == .lagSticks ? highestDelayMs : delay
        report.responseMs = Double(slowness)
        return report
    }
}
