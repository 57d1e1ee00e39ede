// What a write asks of other nodes, and what comes of its minting: the vocabulary of `WriteCoordinator`.

import Causality
import World

extension WriteCoordinator {
    enum Role: Hashable {
        /// `attempt`: its name, at another node than the gateway's own, where siblings are kept.
        case mint(attempt: UInt64?)
        case store
        case hint(for: NodeID)
    }

    struct Ask {
        let node: NodeID
        let role: Role
        /// Which minting of the write it is about.
        let round: Int
        let sentAt: Instant
        var isOpen = true
        /// It took too long: a hint was written elsewhere, or another was asked.
        var isLate = false

        var isMint: Bool { if case .mint = role { true } else { false } }
    }

    struct Minted {
        let by: NodeID
        let attempt: UInt64?
        let bytes: [UInt8]
        let object: StoredObject
        let created: Bool
    }
}
