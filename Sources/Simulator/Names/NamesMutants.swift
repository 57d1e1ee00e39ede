// Faults of design, planted at the seams of the model to prove that it would find them. The protocol's code is the same
// with and without them.

import NameStore
import World

package enum NamesMutant: String, CaseIterable, Sendable {
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

extension NamesMutant {
    /// What the mutant breaks, and nothing else.
    package var seams: NamesSeams {
        var seams = NamesSeams()
        let standard = QuorumRules.standard
        switch self {
        case .wipedDiskVotes:
            seams.wipe = { $0.edit { key, value in key == StoreLayout.header ? value : nil } }
        case .noRescan:
            seams.reply = { $0.replacingReply { if case .page = $0 { .page(keys: [], isLast: true) } else { $0 } } }
        case .fastReadAtMajority: seams.rules.fastRead = standard.majority
        case .noEpochCheck:
            seams.request = { message, header in
                // Only votes: how an acceptor learns of an epoch stays as it is.
                guard message.isVoteRequest, header.configuration != nil else { return message }
                var message = message
                message.epoch = header.epoch
                return message
            }
            seams.arrival = { message, epoch in
                guard case .reply(.vote) = message.body else { return message }
                var message = message
                message.epoch = epoch
                return message
            }
        case .fastQuorumIsMajority:
            seams.rules.fast = standard.majority
            seams.rules.fastRead = standard.majority
        case .votesBeforeSync: seams.repliesBeforeSync = true
        case .promisesNotStored: seams.stored = NamesMutant.withoutPromise
        case .ballotsUsedTwice: seams.freshIncarnations = false
        case .halfIsMajority: seams.rules.majority = { max(1, $0 / 2) }
        case .damagedIsAbsent:
            seams.read = { stored, value in
                guard let value, let key = StoreLayout.register(stored) else { return value }
                return (try? RecordFormat.decode(value, for: key)).map { _ in value }
            }
        case .jointAsksNewSetOnly: seams.rules.groups = { [$0.successors ?? $0.acceptors] }
        case .requestsAreOne:
            seams.operation = {
                guard case .register(let owner, _, let expected) = $0 else { return $0 }
                return .register(owner: owner, request: RequestID(high: 0, low: 0), expected: expected)
            }
        case .unknownIsFailure:
            seams.answer = { $0 == .unknown(mayTakeEffect: true) ? .unknown(mayTakeEffect: false) : $0 }
        case .promiseHidesFastVote:
            seams.reply = {
                $0.replacingReply { reply in
                    guard case .vote(let vote) = reply, vote.granted, vote.state.promised != nil,
                        vote.state.accepted?.ballot.isFast == true
                    else { return reply }
                    return .vote(Vote(granted: true, state: RecordState(promised: vote.state.promised)))
                }
            }
        }
        return seams
    }

    /// What the disk keeps if promises are held in memory alone.
    private static let withoutPromise: @Sendable ([UInt8], [UInt8]) -> [UInt8] = { stored, value in
        guard let key = StoreLayout.register(stored), var state = try? RecordFormat.decode(value, for: key) else {
            return value
        }
        state.promised = state.accepted.flatMap { $0.ballot.isFast ? nil : $0.ballot }
        return RecordFormat.encode(state, for: key)
    }

    /// A run in which this mutant can show itself: the faults that it needs happen often. Without the mutant it holds.
    package func settings(_ seed: UInt64) -> NamesSettings {
        var settings = NamesSettings.drawn(seed)
        switch self {
        case .votesBeforeSync:
            settings = NamesMutant.crashing(seed)
            // An answer leaves long before the sync ends, and then the power fails.
            settings.quickestSync = .milliseconds(20)
            settings.slowestSync = .milliseconds(300)
            settings.farthest = .milliseconds(3)
        case .ballotsUsedTwice:
            settings = NamesMutant.crashing(seed)
            // A proposer dies between two acceptors, and its next life asks for a name that its last one asked for.
            settings.nodes = 3
            settings.names = 12
            settings.clients = 5
            settings.requests = 40
            settings.pause = .milliseconds(30)
            settings.loss = 0.25
        case .damagedIsAbsent, .wipedDiskVotes:
            settings = NamesMutant.crashing(seed)
            // The damaged disk is one of the two that held what the third acceptor never saw.
            settings.crashes = nil
            settings.partitions = .milliseconds(400)
            settings.loss = 0.35
            if self == .wipedDiskVotes {
                settings.wipes = .milliseconds(500)
            } else {
                settings.corruptions = .milliseconds(500)
            }
        default: break
        }
        return settings
    }

    /// Three acceptors that die all the time, and nothing else.
    private static func crashing(_ seed: UInt64) -> NamesSettings {
        var settings = NamesSettings(seed: seed)
        settings.nodes = 3
        settings.partitions = nil
        settings.pauses = nil
        settings.crashes = .milliseconds(400)
        return settings
    }
}

extension NameMessage {
    fileprivate func replacingReply(_ change: (NameReply) -> NameReply) -> NameMessage {
        guard case .reply(let reply) = body else { return self }
        var message = self
        message.body = .reply(change(reply))
        return message
    }

    fileprivate var isVoteRequest: Bool {
        switch body {
        case .request(.prepare), .request(.accept), .request(.fastAccept), .request(.learn), .request(.read): true
        default: false
        }
    }
}
