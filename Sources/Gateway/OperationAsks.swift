// What a request on a typed key asks of other nodes, and what it has come to: the vocabulary of
// `OperationCoordinator`.

import Causality
import DataTypes
import Wire
import World

extension OperationCoordinator {
    enum Role: Hashable {
        case mint
        case store
        case hint(for: NodeID)
        /// What a primary holds, of all that are to mint and can't.
        case gather
        /// What they hold together, for one of them.
        case teach
        /// All that a replica holds which has the change, for whoever can't use that alone.
        case state
    }

    typealias Ask = AskTable<Role>.Ask

    /// Indirect: what it is asked at each event is asked of one word.
    indirect enum Phase {
        case minting(Minting)
        case replicating(Change)
        /// No longer looked after.
        case over
    }

    /// One try to have it minted, by each primary in turn.
    struct Minting {
        var minters: Minters
        var asked = 0
        /// Of those, how many would not because their disks are full, or because they have not seen its context.
        var fullDisks = 0
        var behind = 0
        /// False once somebody may have minted it who does not say so, and it has no name.
        var mayMint = true
        /// While the primaries are asked what they hold.
        var gathered: StoredObject?
        /// One was told: it is not done again.
        var hasCaughtUp = false

        init(hasCaughtUp: Bool = false, minters: Minters = .all) {
            self.hasCaughtUp = hasCaughtUp
            self.minters = minters
        }

        /// Whom the gateway likes best as a minter.
        func first(of primaries: [NodeID], _ directory: inout ReplicaDirectory) -> NodeID? {
            var minters = Minters.all
            return minters.next(of: primaries, &directory)
        }
    }

    struct Change {
        let minter: NodeID
        let minted: TypedMinted
        let created: Bool
        /// All that a replica held which has the change, once it was asked for.
        var state: [UInt8]?
        /// Who waits for that, and as what.
        var waiting: [(role: Role, node: NodeID)] = []
        var askedForState: [NodeID] = []
        /// Who could not use it at first, and was sent it once more.
        var sentAgain: [NodeID] = []
        /// Who can't use the change yet, and is being given all by another request.
        var lagging: [NodeID] = []

        init(minter: NodeID, minted: TypedMinted, created: Bool) {
            self.minter = minter
            self.minted = minted
            self.created = created
            state = minted.isWhole ? minted.change : nil
        }

        var byteCount: Int { minted.change.count + (state?.count ?? 0) }

        /// Whether a replica that holds this has the change.
        func isIn(_ state: [UInt8], _ key: [UInt8]) -> Bool {
            guard let object = try? StoredObject(decoding: state),
                let context = try? CausalContext(decoding: minted.context, for: key)
            else { return false }
            return object.versions.covers(context.versions)
        }

        func outcome(_ account: Account) -> ClientOutcome {
            .operated(minted.context, answer: minted.answer, created: created, account)
        }

        /// What is to be minted after it, if that pays and every primary has confirmed it.
        func sweep(_ primaries: [NodeID], _ tally: Tally) -> TypedCall? {
            guard minted.isWorthSweeping, primaries.allSatisfy(tally.containsPrimary) else { return nil }
            return TypedCall(sweeping: minted.context, heldBy: primaries.map(\.name))
        }
    }
}
