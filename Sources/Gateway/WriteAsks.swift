// What a write asks of other nodes, and what it has come to: the vocabulary of `WriteCoordinator`.

import Causality
import DataTypes
import Wire
import World

extension WriteCoordinator {
    enum Duty: Hashable {
        /// `attempt`: its name, at another node than the gateway's own, where siblings are kept.
        case mint(attempt: UInt64?)
        case store
        case hint(for: NodeID)
    }

    /// A duty, and which minting of the write it is about.
    struct Role: Hashable {
        let duty: Duty
        let round: Int

        var isMint: Bool { if case .mint = duty { true } else { false } }
    }

    typealias Ask = AskTable<Role>.Ask

    /// Indirect: what it is asked at each event is asked of one word.
    indirect enum Phase {
        /// No replica is known to have given the write its dot.
        case minting(Minting)
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
        let request: Boxed<MintRequest>
        let minted: Minted
        let object: StoredObject
        let created: Bool
    }

    /// One try to have the write minted, by each primary in turn.
    struct Minting {
        let request: Boxed<MintRequest>
        var minters = Minters.all
        var hasAskedAll: Bool { minters.areAsked }
        var asked = 0
        /// Of those, how many would not because their disks are full.
        var fullDisks = 0

        init(_ request: Boxed<MintRequest>) { self.request = request }
    }

    /// Those at other nodes than the gateway's own, by their names (decision 0022).
    struct Attempts {
        /// Nobody knows what became of these.
        private var voids: [UInt64] = []
        /// These made the forms that the write has had so far.
        private var forms: [UInt64] = []
        /// The node that holds all these forms, and is to mint the next one.
        private var knowsForms: NodeID?
        /// Until then one that nobody knows of may still be carried out. A mint that came before it would be put aside
        /// by it, though it is void: and two writes of which each has such an attempt would each put the other aside.
        private(set) var mintNotBefore = Instant.origin

        mutating func void(_ attempt: UInt64?, sentAt: Instant) {
            if let attempt, !voids.contains(attempt) { voids.append(attempt) }
            mintNotBefore = max(mintNotBefore, sentAt + Limits.replicaTimeout)
        }

        mutating func made(_ form: UInt64?, knownTo node: NodeID) {
            if let form { forms.append(form) }
            knowsForms = node
        }

        /// Those that a mint at `node` takes the place of; no more than a replica remembers, and takes.
        func replaced(at node: NodeID) -> [UInt64] {
            Array((node == knowsForms ? voids : voids + forms).suffix(Limits.voidedAttempts))
        }
    }
}

/// The primaries that have not been asked to mint a write yet.
enum Minters {
    /// The gateway's own node comes first, if it is a primary.
    case all
    /// Only ranked once the gateway's own node will not do.
    case others
    /// Best first.
    case ranked([NodeID])

    var areAsked: Bool { if case .ranked(let left) = self { left.isEmpty } else { false } }

    /// A primary that can't be reached is not worth waiting for while another can. Nil once all were asked.
    mutating func next(of primaries: [NodeID], _ directory: inout ReplicaDirectory) -> NodeID? {
        let own = directory.identity
        var left: [NodeID]
        switch self {
        case .all where primaries.contains(own):
            self = .others
            return own
        case .all, .others: left = directory.rank(primaries.filter { $0 != own }, near: nil)
        case .ranked(let nodes): left = nodes
        }
        let next = left.firstIndex { directory.isAvailable($0) } ?? left.indices.first
        let node = next.map { left.remove(at: $0) }
        self = .ranked(left)
        return node
    }
}
