// Bugs planted on purpose, to prove that the simulator would find them. They are planted at the seams between the parts
// (disk, network, configuration), never in the code under test.

import Causality
import Gateway
import Node
import Ring
import Storage
import Wire
import World

package enum Mutant: String, CaseIterable, Sendable {
    /// Answers leave before the disk has the writes.
    case ackBeforeSync = "ack-before-sync"
    /// A hint is confirmed and not kept.
    case droppedHint = "dropped-hint"
    /// Of several siblings only the newest is stored.
    case forgottenSiblings = "forgotten-siblings"
    /// A node that crashed mints under its old incarnation again, from the start.
    case reusedDot = "reused-dot"
    /// Fallbacks ignore the residency rule.
    case fallbackOutsideResidency = "fallback-outside-residency"
    /// A quorum is reached one answer early.
    case staleQuorumCount = "stale-quorum-count"
    /// Deleting a key removes its record, tombstone and all.
    case lostTombstone = "lost-tombstone"
}

extension Mutant {
    /// What this mutant makes of the writes that a node is about to commit.
    func spoil(_ writes: [StoreWrite], _ disk: Disk, _ store: MemoryStore) -> [StoreWrite] {
        switch (self, disk) {
        case (.forgottenSiblings, .objects): writes.map { rewrite($0) { $0.keepingNewest() } }
        case (.lostTombstone, .objects):
            writes.map { write in
                guard case .put(let key, let bytes) = write, let object = try? StoredObject(decoding: bytes),
                    object.values.isEmpty
                else { return write }
                return .delete(key: key)
            }
        default: writes
        }
    }

    /// The answer that this mutant gives in the addressee's place.
    func answer(_ message: PeerMessage) -> PeerMessage? {
        guard self == .droppedHint, case .request(let envelope) = message, case .hint = envelope.request else {
            return nil
        }
        return .reply(ReplyEnvelope(id: envelope.id, inFlight: 0, serviceMicroseconds: 0, reply: .stored))
    }

    private func rewrite(_ write: StoreWrite, _ change: (StoredObject) -> StoredObject) -> StoreWrite {
        guard case .put(let key, let bytes) = write, let object = try? StoredObject(decoding: bytes) else {
            return write
        }
        return .put(key: key, value: change(object).encode())
    }

    /// What this mutant makes of a client's request.
    func spoil(_ request: ClientRequest) -> ClientRequest {
        guard self == .staleQuorumCount, request.level == .quorum else { return request }
        var request = request
        request.level = .one
        return request
    }
}

extension StoredObject {
    fileprivate func keepingNewest() -> StoredObject {
        guard siblings.count > 1, let newest else { return self }
        return StoredObject(versions: versions, siblings: [newest]) ?? self
    }
}
