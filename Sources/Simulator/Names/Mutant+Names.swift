// Bugs planted in the namestore's design, through the seams between its parts.

import NameStore
import World

extension Mutant {
    var isOfNames: Bool {
        switch self {
        case .wipedDiskVotes, .noRescan, .fastReadAtMajority, .noEpochCheck, .fastQuorumIsMajority, .votesBeforeSync,
            .promisesNotStored, .ballotsUsedTwice, .halfIsMajority, .damagedIsAbsent, .jointAsksNewSetOnly,
            .unknownIsFailure, .promiseHidesFastVote, .requestsAreOne:
            true
        default: false
        }
    }

    /// What the mutant breaks, and nothing else.
    var seams: NamesSeams {
        var seams = NamesSeams()
        let standard = QuorumRules.standard
        switch self {
        case .wipedDiskVotes:
            seams.wipeKeepsIdentity = true
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
        case .promisesNotStored: seams.stored = Mutant.withoutNamePromise
        case .ballotsUsedTwice: seams.freshSessions = false
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
        default: break
        }
        return seams
    }

    /// What the disk keeps if promises are held in memory alone.
    private static let withoutNamePromise: @Sendable ([UInt8], [UInt8]) -> [UInt8] = { stored, value in
        guard let key = StoreLayout.register(stored), var state = try? RecordFormat.decode(value, for: key) else {
            return value
        }
        state.promised = state.accepted.flatMap { $0.ballot.isFast ? nil : $0.ballot }
        return RecordFormat.encode(state, for: key)
    }

    /// Changes a run of names alone so that this mutant can show itself in it. Without the mutant it holds.
    func emphasise(_ rates: inout FaultRates, _ names: inout NamePlan, _ slowestSync: inout Span) {
        func onlyCrashes() {
            // Three acceptors that die all the time, and nothing else.
            rates.nodes = 3
            (rates.partitions, rates.pauses, rates.reconfigurations) = (nil, nil, nil)
            (rates.wipes, rates.damages) = (nil, nil)
            rates.crashes = .milliseconds(400)
        }
        switch self {
        case .votesBeforeSync:
            onlyCrashes()
            // An answer leaves long before the sync ends, and then the power fails.
            slowestSync = .milliseconds(300)
        case .ballotsUsedTwice:
            onlyCrashes()
            // A proposer dies between two acceptors, and its next life asks for a name that its last one asked for.
            (names.names, names.clients, names.pause, names.loss) = (12, 5, .milliseconds(30), 0.25)
        case .damagedIsAbsent, .wipedDiskVotes:
            onlyCrashes()
            // The damaged disk is one of the two that held what the third acceptor never saw.
            rates.crashes = nil
            rates.partitions = .milliseconds(400)
            names.loss = 0.35
            if self == .wipedDiskVotes {
                rates.wipes = .milliseconds(500)
            } else {
                rates.damages = .milliseconds(500)
            }
        case .noEpochCheck, .fastQuorumIsMajority:
            // Old votes meet new acceptors.
            rates.nodes = 6
            (rates.reconfigurations, rates.partitions) = (.milliseconds(700), .seconds(1))
        default: break
        }
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
