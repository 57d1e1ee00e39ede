// One machine of a simulated cluster: its disks and its clock, and the node while it runs.

import HintedHandoff
import Node
import Storage
import Vnodes
import World

/// One node's machine: what outlives a crash, and the node while it runs.
struct SimulatedMachine {
    let identity: NodeID
    let country: String
    var objects = MemoryStore()
    var hints = MemoryStore()
    var core: NodeCore<MemoryStore>?
    /// Starts so far: events for an earlier life are void.
    var life: UInt64 = 0
    /// Never the same twice, even when the disk was lost: what a real node takes from the clock.
    var incarnation: UInt64 = 0
    var slowness: Int64 = 1
    var skewMs: Int64 = 0
    /// Requests sent and not answered, by their numbers on the wire, for when the connection breaks.
    var asked: [(wire: UInt64, to: Int)] = []
    var reportedAt: Instant?
    /// The highest replication delay that it reported.
    var highestDelayMs = 0.0

    /// What the node says of itself once a second: figures that change, and tell who said them and when.
    mutating func report(at now: Instant, _ mutant: Mutant?) -> NodeReport? {
        guard let core, reportedAt.map({ now - $0 >= .seconds(1) }) ?? true else { return nil }
        reportedAt = now
        var report = NodeReport()
        report.revision = "life \(life)"
        report.hints = core.keeper.total.hints
        let delay = core.shard.replicationDelay.milliseconds(at: now)
        highestDelayMs = max(highestDelayMs, delay)
        report.replicationDelayMs = mutant == .lagSticks ? highestDelayMs : delay
        report.responseMs = Double(slowness)
        return report
    }

    /// Lets the node handle something, if it runs. It is changed where it lies.
    mutating func step<Failure: Error>(
        _ body: (inout NodeCore<MemoryStore>) throws(Failure) -> Void
    ) throws(Failure) { try core?.change(body) }
}

extension NodeCore {
    fileprivate mutating func change<Failure: Error>(_ body: (inout Self) throws(Failure) -> Void) throws(Failure) {
        try body(&self)
    }
}
