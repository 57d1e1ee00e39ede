// One operation on one register, from the request to its answer.
//
//   looking ── chosen, nothing to change ─────────────────────────────► answer
//      │ undecided, or a change is due
//   (turn) ── fast ── fast quorum ────────────────────────────────────► answer
//      │        │ refused, or too slow
//      └──► preparing ── majority ──► accepting ── majority ──────────► answer
//             ▲   │ refused              │ refused
//             └── resting ◄──────────────┘
//
// An answer is given only for what is chosen. Once a proposal of ours left, it may surface through any other proposer
// until a value is chosen at a higher ballot; `sent` remembers what left, and `settle` says what became of it.

import Quorums
import World

struct Proposal: Sendable {
    enum Stage: Sendable {
        case idle
        case looking(VoteCount)
        case fast(RegisterValue, NameAnswer, VoteCount)
        case preparing(Ballot, VoteCount)
        case accepting(Accepted, NameAnswer, VoteCount)
        case resting
    }

    /// A change of ours that left.
    struct Sent: Sendable {
        /// The generation it starts from.
        let base: UInt64
        let ballot: Ballot
    }

    let key: RegisterKey
    let operation: RegisterOperation
    private(set) var stage = Stage.idle
    /// Who votes on the attempt under way. Answers from another epoch are not for it.
    private(set) var quorums: QuorumSystem
    private(set) var sent: [Sent] = []
    private(set) var tries = 0

    init(_ operation: RegisterOperation, on key: RegisterKey, quorums: QuorumSystem) {
        self.operation = operation
        self.key = key
        self.quorums = quorums
    }

    enum Start {
        /// Ask what is chosen before anything is written.
        case look
        /// The fast ballot; falls back by itself.
        case fast
        case classic
    }

    mutating func begin(_ start: Start, _ c: inout ProposerContext) {
        quorums = c.quorums
        switch start {
        case .look:
            stage = .looking(VoteCount(size: quorums.size))
            c.commands.append(.broadcast(.read(key)))
            c.commands.append(.wake(c.now + c.pace.attempt(quorums, c.latencies, tries: tries)))
        case .fast: proposeFast(&c)
        case .classic: prepare(&c)
        }
    }

    /// Drops the attempt: the epoch it ran in is over. What left, left.
    mutating func restart(_ c: inout ProposerContext) {
        switch stage {
        case .idle, .resting: break
        case .looking: begin(.look, &c)
        case .fast, .preparing, .accepting: begin(.classic, &c)
        }
    }

    var mayTakeEffect: Bool { !sent.isEmpty }

    // MARK: Events

    mutating func receive(_ vote: Vote, from index: Int, _ c: inout ProposerContext) {
        if vote.state.promised != nil || vote.state.accepted != nil, !key.isConfiguration { c.commands.append(.seen) }
        switch stage {
        case .idle, .resting: break
        case .looking(var tally):
            tally.insert(vote, from: index)
            stage = .looking(tally)
            look(at: tally, isLast: tally.isComplete, &c)
        case .fast(let value, let answer, var tally):
            tally.insert(vote, from: index)
            stage = .fast(value, answer, tally)
            countFast(value, answer, tally, &c)
        case .preparing(let ballot, var tally):
            // A refusal that names our own ballot answers a duplicate of what was promised.
            guard vote.granted || vote.state.promised != ballot else { return }
            tally.insert(vote, from: index)
            stage = .preparing(ballot, tally)
            if quorums.isMajority(tally.granted) {
                propose(at: ballot, from: tally.recovered(quorums), &c)
            } else if quorums.isBlocked(by: tally.refused) {
                rest(&c)
            }
        case .accepting(let proposal, let answer, var tally):
            tally.insert(vote, from: index)
            stage = .accepting(proposal, answer, tally)
            if quorums.isMajority(tally.granted) {
                conclude(proposal, answer, &c)
            } else if quorums.isBlocked(by: tally.refused) {
                rest(&c)
            }
        }
    }

    mutating func timeUp(_ c: inout ProposerContext) {
        switch stage {
        case .idle: break
        case .resting: prepare(&c)
        case .looking(let tally):
            suspectSilent(tally, &c)
            tries += 1
            if quorums.isMajority(tally.answered) {
                look(at: tally, isLast: true, &c)
            } else {
                begin(.look, &c)
            }
        case .fast(_, _, let tally):
            suspectSilent(tally, &c)
            prepare(&c)
        case .preparing(_, let tally), .accepting(_, _, let tally):
            suspectSilent(tally, &c)
            tries += 1
            prepare(&c)
        }
    }

    private func suspectSilent(_ tally: VoteCount, _ c: inout ProposerContext) {
        let silent = quorums.members.indices.filter { !tally.answered.contains($0) }
        c.commands.append(.suspect(silent.map { quorums.members[$0] }))
    }

    // MARK: Looking

    private mutating func look(at tally: VoteCount, isLast: Bool, _ c: inout ProposerContext) {
        let current: RegisterValue
        switch tally.verdict(quorums) {
        case .undecided:
            if isLast {
                awaitTurn(&c)
            } else if quorums.isMajority(tally.answered) {
                // A classic ballot can tell by now; whoever is still silent is not waited for as if it were needed.
                c.commands.append(.wake(c.now + c.pace.grace(quorums, c.latencies)))
            }
            return
        case .absent: current = .vacant
        case .chosen(let accepted): current = accepted.value
        }
        if case .keep(let answer) = operation.apply(to: current, of: key, founding: quorums.configuration) {
            finish(answer, &c)
        } else {
            awaitTurn(&c)
        }
    }

    private mutating func awaitTurn(_ c: inout ProposerContext) {
        stage = .idle
        c.commands.append(.awaitTurn)
    }

    // MARK: Fast

    private mutating func proposeFast(_ c: inout ProposerContext) {
        guard quorums.allowsFast,
            case .change(let value, let answer) = operation.apply(
                to: .vacant, of: key, founding: quorums.configuration)
        else { return prepare(&c) }
        sent.append(Sent(base: 0, ballot: .fast))
        stage = .fast(value, answer, VoteCount(size: quorums.size))
        c.commands.append(.broadcast(.fastAccept(key, value)))
        c.commands.append(.wake(c.now + c.pace.hedge(quorums, c.latencies)))
    }

    /// A refusal brings the state with it, so a name that is taken is known to be after the same one round trip.
    private mutating func countFast(
        _ value: RegisterValue, _ answer: NameAnswer, _ tally: VoteCount, _ c: inout ProposerContext
    ) {
        if quorums.isFastQuorum(tally.granted) {
            return conclude(Accepted(ballot: .fast, value: value), answer, &c)
        }
        guard quorums.isFastBlocked(by: tally.refused), quorums.isMajority(tally.answered) else { return }
        if case .chosen(let accepted) = tally.verdict(quorums),
            case .answer(let answer) = settle(accepted.value)
        {
            finish(answer, &c)
        } else {
            prepare(&c)
        }
    }

    // MARK: Classic

    private mutating func prepare(_ c: inout ProposerContext) {
        quorums = c.quorums
        let ballot = c.rounds.next()
        stage = .preparing(ballot, VoteCount(size: quorums.size))
        c.commands.append(.broadcast(.prepare(key, ballot)))
        c.commands.append(.wake(c.now + c.pace.attempt(quorums, c.latencies, tries: tries)))
    }

    private mutating func propose(
        at ballot: Ballot, from recovered: VoteCount.Recovered, _ c: inout ProposerContext
    ) {
        let value: RegisterValue
        let result: NameAnswer
        switch settle(recovered.value) {
        case .undecidable: return finish(.unknown(mayTakeEffect: true), &c)
        case .answer(let answer):
            // Already chosen, and nothing of ours can surface above it: no need to choose it again. A pin asks for
            // that.
            let isSettled = sent.allSatisfy { $0.ballot <= (recovered.ballot ?? .fast) }
            if recovered.isChosen, isSettled, operation != .name(.pin) { return finish(answer, &c) }
            value = recovered.value
            result = answer
        case .change(let next, let answer):
            sent.append(Sent(base: recovered.value.generation, ballot: ballot))
            value = next
            result = answer
        }
        let proposal = Accepted(ballot: ballot, value: value)
        stage = .accepting(proposal, result, VoteCount(size: quorums.size))
        c.commands.append(.broadcast(.accept(key, proposal)))
        c.commands.append(.wake(c.now + c.pace.attempt(quorums, c.latencies, tries: tries)))
    }

    private mutating func rest(_ c: inout ProposerContext) {
        tries += 1
        stage = .resting
        c.commands.append(.wake(c.now + c.pace.backoff(quorums, c.latencies, tries: tries, &c.random)))
    }

    private mutating func conclude(_ chosen: Accepted, _ answer: NameAnswer, _ c: inout ProposerContext) {
        // A pin is one of thousands, and its majority alone shows the next reader that it is chosen.
        if operation != .name(.pin) { c.commands.append(.learn(chosen)) }
        finish(answer, &c)
    }

    private mutating func finish(_ answer: NameAnswer, _ c: inout ProposerContext) {
        stage = .idle
        c.commands.append(.finish(answer))
    }
}
