// What a life of a simulated node begins with, and what the node says of itself while it lasts.

import DataTypes
import HintedHandoff
import Live
import Node
import Ring
import Storage
import World

extension SimulatedNode {
    struct Birth {
        var revision: String
        var incarnation: UInt64
        var counter: UInt64
        var generation: UInt64
        var ring: RingSnapshot
        var disk: SimulatedDisk
        var loops: Int
        var shards: Int
        /// Of clients, at each gateway.
        var places: Int
        /// Of each storage thread.
        var mailbox: WorkBounds
        var ledger: PlayLedger
        var names: NamesBirth
        var mintedEntries: Int
        var hintSpace: HintSpace
        /// Planted in its shards.
        var mutant: TypedMutant?
        var live: LiveRoom
    }

    func diskState(_ now: Now) -> DiskState {
        gauge.look(at: now.instant) { space }
        return gauge.space.state
    }

    func report(at now: Instant) -> NodeReport {
        gauge.look(at: now) { space }
        if gauge.isFull, gauge.space.state == .roomy { ledger.add(.toldFullForMargin) }
        return reporter.report(
            NodeFigures(shards: loads, answers: answers, hints: hintBacklog, disk: gauge), at: now)
    }
}
