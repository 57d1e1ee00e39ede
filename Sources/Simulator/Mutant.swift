// Bugs planted on purpose, to prove that the simulator would find them. They are planted at the seams between the parts
// (disk, network, configuration), never in the code under test; but for those of typed objects, which are these' own.

import Causality
import DataTypes
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
    /// A node that lost its disk goes on minting where it left off, in the life that its new disk knows nothing of.
    case wipedDiskKeepsLife = "wiped-disk-keeps-life"
    /// A replica has never time to compare.
    case compareRefused = "compare-refused"
    /// Writes that are answered hold the places of clients.
    case trailingTakesPlaces = "trailing-takes-places"
    /// A node's replication delay never falls.
    case lagSticks = "lag-sticks"
    /// Nobody knows which attempt of a write is which, nor how old it is.
    case attemptsUnknown = "attempts-unknown"
    /// Nodes read their wall clocks once a minute: what has expired is still served.
    case wallClockStands = "wall-clock-stands"
    /// A replica's page of a list leaves out its first item.
    case droppedItem = "dropped-item"
    /// A conditional write overwrites what is there.
    case conditionIgnored = "condition-ignored"
    /// A disk that was put back to an older state goes on in the life that it had then.
    case restoredDiskKeepsLife = "restored-disk-keeps-life"

    // Of typed keys (Mutant+Typed.swift): those of the records themselves (`TypedMutant`), and of the way there.

    case typedSiblingsByArrival = "typed-siblings-by-arrival"
    case typedDeltaOverGap = "typed-delta-over-gap"
    case typedNeedsIgnored = "typed-needs-ignored"
    case typedCoveredRecordKept = "typed-covered-record-kept"
    case typedContextIgnored = "typed-context-ignored"
    case typedResetForgotten = "typed-reset-forgotten"
    case typedNoVoid = "typed-no-void"
    case typedNoNote = "typed-no-note"
    case typedNoAfter = "typed-no-after"
    case typedMoveAsDeleteAndInsert = "typed-move-as-delete-and-insert"
    case typedLedgerCutByWallClock = "typed-ledger-cut-by-wall-clock"
    /// A request without a name is carried out twice.
    case unnamedMintedTwice = "unnamed-minted-twice"
    /// A gateway forgets what requests are called.
    case namesOfRequestsDropped = "names-of-requests-dropped"

    // Of the social layer (Social/Mutant+Social.swift).

    /// A name is claimed before anything stands that tells what for.
    case socialClaimsFirst = "social-claims-first"
    /// A post is denied on one replica's word.
    case socialBelievesOneReplica = "social-believes-one-replica"
    /// A pointer counts whatever post stands at its path.
    case socialIgnoresPostID = "social-ignores-post-id"
    /// What somebody has left undone stays so.
    case socialTakesNothingUp = "social-takes-nothing-up"

    // Of names (Mutant+Names.swift).

    /// A disk comes back empty and votes under its old identity.
    case wipedDiskVotes = "wiped-disk-votes"
    /// A reconfiguration lists no names.
    case noRescan = "no-rescan"
    /// A reader takes three of five fast votes for chosen.
    case fastReadAtMajority = "fast-read-at-majority"
    /// Acceptors vote in whatever epoch a message names.
    case noEpochCheck = "no-epoch-check"
    /// Three of five fast votes choose.
    case fastQuorumIsMajority = "fast-quorum-is-majority"
    /// Votes leave before they are synced: a crash takes back what was said.
    case votesBeforeSync = "votes-before-sync"
    /// A restarted acceptor has forgotten its promises.
    case promisesNotStored = "promises-not-stored"
    /// A restarted proposer uses its ballots again.
    case ballotsUsedTwice = "ballots-used-twice"
    /// Two quorums need not meet.
    case halfIsMajority = "half-is-majority"
    /// A record whose checksum fails reads as "nothing".
    case damagedIsAbsent = "damaged-is-absent"
    /// In a joint epoch only the new acceptors are asked.
    case jointAsksNewSetOnly = "joint-asks-new-set-only"
    /// A gateway reports as failed what may have taken effect.
    case unknownIsFailure = "unknown-is-failure"
    /// A promise doesn't tell of a fast vote.
    case promiseHidesFastVote = "promise-hides-fast-vote"
    /// All registrations of one owner are one request.
    case requestsAreOne = "requests-are-one"
}

extension Mutant {
    /// What this mutant makes of the writes that a node is about to commit.
    func spoil(_ writes: [StoreWrite], _ store: NodeStore) -> [StoreWrite] {
        switch (self, store) {
        case (.forgottenSiblings, .objects): writes.map { rewrite($0) { $0.keepingNewest() } }
        case (.lostTombstone, .objects):
            writes.map { write in
                guard case .put(let key, let bytes, _) = write, let object = try? StoredObject(decoding: bytes),
                    !object.hasValue
                else { return write }
                return .delete(key: key)
            }
        default: writes
        }
    }

    /// The answer that this mutant gives in the addressee's place.
    func answer(_ envelope: RequestEnvelope) -> ReplyEnvelope? {
        let reply: ReplicaReply
        switch (self, envelope.request) {
        case (.droppedHint, .hint): reply = .stored
        case (.compareRefused, .compare): reply = .refused(Refusal(.busy))
        default: return nil
        }
        return ReplyEnvelope(id: envelope.id, inFlight: 0, serviceMicroseconds: 0, reply: reply)
    }

    /// What this mutant makes of a message on its way.
    func spoil(_ message: PeerMessage) -> PeerMessage {
        switch (self, message) {
        case (.attemptsUnknown, .request(var envelope)):
            guard case .mint(var mint) = envelope.request else { return message }
            (mint.attempt, mint.voids, mint.sentAtMs) = (nil, [], nil)
            envelope.request = .mint(mint)
            return .request(envelope)
        case (.attemptsUnknown, .reply(var envelope)):
            if envelope.reply == .storedBeside { envelope.reply = .stored }
            return .reply(envelope)
        case (.droppedItem, .reply(var envelope)):
            guard case .page(let items, true) = envelope.reply else { return message }
            envelope.reply = .page(items: RangeItems(items.dropFirst()), more: true)
            return .reply(envelope)
        default: return message
        }
    }

    private func rewrite(_ write: StoreWrite, _ change: (StoredObject) -> StoredObject) -> StoreWrite {
        guard case .put(let key, let bytes, let over) = write, let object = try? StoredObject(decoding: bytes) else {
            return write
        }
        return .put(key: key, value: change(object).encode(), over: over)
    }

    /// What this mutant makes of a client's request.
    func spoil(_ request: ClientRequest) -> ClientRequest {
        var request = request
        switch (self, request.operation) {
        case (.staleQuorumCount, _) where request.level == .quorum: request.level = .one
        case (.namesOfRequestsDropped, .operate(var call, let context, let onlyIfAbsent)):
            call.name = nil
            request.operation = .operate(call, context: context, onlyIfAbsent: onlyIfAbsent)
        case (.conditionIgnored, .write(let value, let contentType, let context, true, let ttlMs)):
            request.operation = .write(
                value: value, contentType: contentType, context: context, onlyIfAbsent: false, ttlMs: ttlMs)
        default: break
        }
        return request
    }
}

extension StoredObject {
    fileprivate func keepingNewest() -> StoredObject {
        guard siblings.count > 1, let newest else { return self }
        return StoredObject(versions: versions, siblings: [newest]) ?? self
    }
}
