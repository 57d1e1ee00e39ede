// Bugs planted in typed keys. Those in the records of an object are its own (`TypedMutant`), planted in every shard;
// such as only show themselves in deltas or sweeps are found by the tests of DataTypes alone.

import DataTypes
import Wire

extension Mutant {
    var typed: TypedMutant? {
        switch self {
        case .typedSiblingsByArrival: .siblingsByArrival
        case .typedCoveredRecordKept: .coveredRecordKept
        case .typedContextIgnored: .contextIgnored
        case .typedResetForgotten: .resetForgotten
        case .typedNoVoid: .noVoid
        case .typedNoNote: .noNote
        case .typedNoAfter: .noAfter
        case .typedMoveAsDeleteAndInsert: .moveAsDeleteAndInsert
        case .typedLedgerCutByWallClock: .ledgerCutByWallClock
        default: nil
        }
    }

    /// Whether a message is sent once more.
    func repeats(_ message: PeerMessage) -> Bool {
        guard self == .unnamedMintedTwice, case .request(let envelope) = message,
            case .mint(let mint) = envelope.request, let call = mint.value.flatMap({ try? TypedCall(decoding: $0) })
        else { return false }
        return call.name == nil
    }
}
