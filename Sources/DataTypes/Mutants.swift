// Bugs that are planted on purpose, to prove that the tests can find them.

import Causality

/// Nothing but a test plants one.
package enum TypedMutant: String, CaseIterable, Sendable {
    case siblingsByArrival
    case deltaOverGap
    case needsIgnored
    case coveredRecordKept
    case contextIgnored
    case resetForgotten
    case noVoid
    case noNote
    /// The client's: its requests do not name the answer that they follow.
    case noAfter
    case sweepBeforeAllReported
    case sweepOfInnerNodes
    case moveAsDeleteAndInsert
    case ledgerCutByWallClock
}

extension TypedMutant {
    /// What the ledger is cut at by a replica that goes by its clock: so little that a short test sees it.
    static func shortMemory(at time: HybridTime) -> HybridTime {
        HybridTime(bits: time.bits > shortTicks ? time.bits - shortTicks : 0)
    }

    private static let shortTicks: UInt64 = 40
}
