// What a write asks of other nodes, and what it has come to: the vocabulary of `WriteCoordinator`.

import Causality
import Wire
import World

extension WriteCoordinator {
    enum Part: Hashable {
        /// `attempt`: its name, at another node than the gateway's own, where siblings are kept.
        case mint(attempt: UInt64?)
        case store
        case hint(for: NodeID)
    }

    /// A part, and which minting of the write it is about.
    struct Role: Hashable {
        let part: Part
        let round: Int

        var isMint: Bool { if case .mint = part { true } else { false } }
    }

    typealias Ask = AskTable<Role>.Ask

    enum Phase {
        /// No replica is known to have given the write its dot.
        case minting(MintRequest)
        /// One has, and the others are to have it.
        case replicating(Replicating)
        /// The client was told that it failed; a mint may still come of it.
        case forsaken
        /// The client has its answer. Whoever has not confirmed the write is waited for, or gets a hint.
        case trailing(Minted)
        /// No longer looked after.
        case over

        var minted: Minted? {
            switch self {
            case .replicating(let replicating): replicating.minted
            case .trailing(let minted): minted
            case .minting, .forsaken, .over: nil
            }
        }

        var isAnswered: Bool {
            switch self {
            case .minting, .replicating: false
            case .forsaken, .trailing, .over: true
            }
        }
    }

    struct Minted {
        let by: NodeID
        let attempt: UInt64?
        let bytes: [UInt8]
    }

    struct Replicating {
        /// Should it be minted anew.
        let request: MintRequest
        let minted: Minted
        let object: StoredObject
        let created: Bool
    }

    /// The primaries that may mint and have not been asked to, since the last try.
    enum Minters {
        /// The gateway's own node comes first, if it is a primary.
        case all
        /// Only ranked once the gateway's own node will not do.
        case others
        /// Best first.
        case ranked([NodeID])
    }
}
