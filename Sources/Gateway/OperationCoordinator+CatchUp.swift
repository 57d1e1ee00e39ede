// Telling one primary what all of them hold together, so that it can mint a request whose context none has seen whole.

import Causality
import DataTypes
import Wire
import World

extension OperationCoordinator {
    /// All have refused to mint it, some since they have not seen its context: what they hold together may be enough.
    mutating func catchUp(
        _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard case .minting(var minting) = phase else { return }
        minting.gathered = StoredObject()
        phase = .minting(minting)
        for node in primaries where directory.isAvailable(node) {
            ask(node, .gather, .read(key: key, summaryOver: 0), now, &out)
        }
    }

    mutating func gathered(_ bytes: [UInt8]?) {
        guard case .minting(var minting) = phase, let bytes, let object = try? StoredObject(decoding: bytes) else {
            return
        }
        minting.gathered?.merge(object, rule: .siblings)
        phase = .minting(minting)
    }

    mutating func teach(
        _ object: StoredObject, _ directory: inout ReplicaDirectory, _ now: Instant,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard case .minting(var minting) = phase else { return }
        minting.gathered = nil
        minting.hasCaughtUp = true
        phase = .minting(minting)
        guard !object.versions.isEmpty, let node = minting.first(of: primaries, &directory) else { return }
        ask(node, .teach, .merge(key: key, object: object.encode(), repair: true), now, &out)
    }

    mutating func taught(
        _ node: NodeID, _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard case .minting = phase, !isAnswered else { return }
        // Whoever has not been told has seen less.
        phase = .minting(Minting(hasCaughtUp: true, minters: .ranked([])))
        mint(at: node, &directory, now, &out)
    }
}
