// Bugs planted in typed keys. Those in the records of an object are its own (`TypedMutant`), planted in every shard;
// sweeps too early show themselves in the order of a text alone, which the tests of DataTypes look at.

import DataTypes
import Wire

extension Mutant {
    var typed: TypedMutant? {
        switch self {
        case .typedSiblingsByArrival: .siblingsByArrival
        case .typedDeltaOverGap: .deltaOverGap
        case .typedNeedsIgnored: .needsIgnored
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
