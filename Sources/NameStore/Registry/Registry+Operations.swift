// Requests on registers: admitted, queued by name, driven, answered.

import Quorums
package import World

/// One request under way.
struct Pending: Sendable {
    enum Origin: Sendable {
        case client(UInt64)
        case reconfiguration
    }

    let origin: Origin
    let key: RegisterKey
    let operation: RegisterOperation
    /// Nil until a configuration is known.
    var proposal: Proposal?
    /// Counts broadcasts: with the operation's number it makes the exchange.
    var phase: UInt16 = 0
    var timerToken: UInt64 = 0
    var lastRequest: NameRequest?
    /// Members that were sent the epoch and then the request again; once a phase.
    var caughtUp = MemberSet()

    func exchange(_ number: UInt64) -> UInt64 { number << 16 | UInt64(phase) }
}

extension Registry {
    /// Asks `operation` of `name`; answered once, by `deadline` at the latest.
    /// - Parameter request: the caller's own number, unique among those unanswered.
    package mutating func request(
        _ request: UInt64, _ operation: NameOperation, on name: Name, deadline: Instant, now: Instant
    ) {
        submit(.client(request), .name(operation), on: RegisterKey(name), deadline: deadline, now)
    }

    /// Asks `operation` of the configuration register.
    package mutating func request(
        _ request: UInt64, _ operation: ConfigurationOperation, deadline: Instant, now: Instant
    ) {
        submit(.client(request), .configuration(operation), on: .configuration, deadline: deadline, now)
    }

    /// Requests not yet answered.
    package var underWay: Int { operations.count }

    /// Acceptors of which it is not known yet how far they are.
    package var unmeasured: [NodeID] {
        (quorums?.configuration.acceptors ?? []).map(\.node).filter { latencies.isNew($0) }
    }

    mutating func submit(
        _ origin: Pending.Origin, _ operation: RegisterOperation, on key: RegisterKey, deadline: Instant,
        _ now: Instant
    ) {
        if case .client(let request) = origin,
            operations.count >= Limits.nameRequests || queues.waiting(for: key) >= Limits.nameQueue
        {
            figures.refused += 1
            return outbox.emit(.answer(request: request, .overloaded))
        }
        let number = makeNumber()
        operations[number] = Pending(origin: origin, key: key, operation: operation)
        timers.insert(.deadline(number), at: deadline)
        if quorums == nil { unstarted.append(number) } else { begin(number, now) }
    }

    /// Reads ask at once; whatever may write waits for its turn.
    mutating func begin(_ number: UInt64, _ now: Instant) {
        guard let quorums, let pending = operations[number] else { return }
        operations[number]?.proposal = Proposal(pending.operation, on: pending.key, quorums: quorums)
        switch pending.operation {
        case .name(.read), .configuration(.read): perform(number, now) { $0.begin(.look, &$1) }
        default: if queues.enter(number, for: pending.key) { takeTurn(number, now) }
        }
    }

    private mutating func takeTurn(_ number: UInt64, _ now: Instant) {
        guard let pending = operations[number] else { return }
        let start = firstStep(of: pending)
        if start == .fast { figures.fastAttempts += 1 }
        perform(number, now) { $0.begin(start, &$1) }
    }

    private func firstStep(of pending: Pending) -> Proposal.Start {
        guard case .name(.register(_, _, let expected)) = pending.operation, (expected ?? 0) == 0, let quorums else {
            return .classic
        }
        if seen.contains(pending.key) { return .look }
        let silent = quorums.configuration.acceptors.count { latencies.isSuspected($0.node) }
        let isFast =
            quorums.allowsFast && quorums.size >= pace.leastForFast && quorums.size - silent >= quorums.fastCount
            && pace.prefersFast(quorums, latencies)
        return isFast ? .fast : .classic
    }

    /// Runs one event of a proposal and carries out what it asks for.
    mutating func perform(
        _ number: UInt64, _ now: Instant, _ event: (inout Proposal, inout ProposerContext) -> Void
    ) {
        guard let quorums, var proposal = operations[number]?.proposal else { return }
        var context = ProposerContext(
            now: now, quorums: quorums, latencies: latencies, pace: pace, rounds: rounds, random: random)
        operations[number]?.proposal = nil
        event(&proposal, &context)
        operations[number]?.proposal = proposal
        rounds = context.rounds
        random = context.random
        for command in context.commands { carryOut(command, of: number, now) }
    }

    private mutating func carryOut(_ command: ProposalCommand, of number: UInt64, _ now: Instant) {
        guard let pending = operations[number], let members = pending.proposal?.quorums.members else { return }
        switch command {
        case .broadcast(let request): broadcast(request, of: number, now)
        case .learn(let chosen):
            for member in members {
                outbox.emit(.send(message(.learn(pending.key, chosen), to: member.store, exchange: 0), to: member.node))
            }
        case .wake(let time):
            operations[number]?.timerToken += 1
            timers.insert(.stage(number, token: pending.timerToken + 1), at: time)
        case .awaitTurn:
            operations[number]?.timerToken += 1
            let hasTurn = queues.isActive(number, for: pending.key) || queues.enter(number, for: pending.key)
            if hasTurn { perform(number, now) { $0.begin(.classic, &$1) } }
        case .seen: seen.insert(pending.key)
        case .suspect(let silent):
            for member in silent { latencies.suspect(member.node) }
            refreshConfiguration(now)
        case .finish(let answer): conclude(number, answer, now)
        }
    }

    private mutating func broadcast(_ request: NameRequest, of number: UInt64, _ now: Instant) {
        guard var pending = operations[number], let proposal = pending.proposal else { return }
        pending.phase &+= 1
        pending.lastRequest = request
        pending.caughtUp = MemberSet()
        operations[number] = pending
        figures.phases += 1
        asked.note(pending.exchange(number), now)
        for member in proposal.quorums.members {
            var message = message(request, to: member.store, exchange: pending.exchange(number))
            message.epoch = proposal.quorums.configuration.epoch
            outbox.emit(.send(message, to: member.node))
        }
    }

    mutating func conclude(_ number: UInt64, _ answer: NameAnswer, _ now: Instant) {
        guard let pending = operations.removeValue(forKey: number) else { return }
        switch pending.origin {
        case .client(let request): outbox.emit(.answer(request: request, answer))
        case .reconfiguration: reconfigurationAnswered(pending.operation, pending.key, answer, now)
        }
        var next = queues.leave(number, for: pending.key)
        while let number = next, operations[number] == nil { next = queues.leave(number, for: pending.key) }
        if let next { resume(next, now) }
    }

    /// A read that waited for its turn has looked already; whatever else waited has not begun.
    private mutating func resume(_ number: UInt64, _ now: Instant) {
        switch operations[number]?.operation {
        case .name(.read), .configuration(.read): perform(number, now) { $0.begin(.classic, &$1) }
        default: takeTurn(number, now)
        }
    }

    // MARK: Answers from acceptors

    mutating func receive(_ vote: Vote, of message: NameMessage, from member: AcceptorID, _ now: Instant) {
        let number = message.exchange >> 16
        rounds.observe(vote.state.promised)
        rounds.observe(vote.state.accepted?.ballot)
        measure(member, message.exchange, now)
        guard let pending = operations[number], pending.exchange(number) == message.exchange,
            let proposal = pending.proposal, message.epoch == proposal.quorums.configuration.epoch,
            let index = proposal.quorums.index(of: member.node, store: member.store)
        else { return ignore() }
        perform(number, now) { $0.receive(vote, from: index, &$1) }
    }

    /// `member` has answered what was asked under this number. False if that says nothing of an acceptor.
    @discardableResult
    mutating func measure(_ member: AcceptorID, _ exchange: UInt64, _ now: Instant) -> Bool {
        guard let askedAt = asked.time(of: exchange), configuration?.contains(member) == true else { return false }
        latencies.measured(member.node, now - askedAt)
        return true
    }

    mutating func restart(_ exchange: UInt64, _ now: Instant) {
        let number = exchange >> 16
        guard let quorums, let pending = operations[number], pending.exchange(number) == exchange,
            let epoch = pending.proposal?.quorums.configuration.epoch, epoch < quorums.configuration.epoch
        else { return }
        perform(number, now) { $0.restart(&$1) }
    }

    /// An acceptor that doesn't know the epoch yet is told, and asked again.
    mutating func catchUp(_ peer: NodeID, store: StoreID, exchange: UInt64) {
        guard let configuration else { return }
        outbox.emit(.send(message(.setEpoch(configuration), to: nil, exchange: 0), to: peer))
        let number = exchange >> 16
        guard let pending = operations[number], pending.exchange(number) == exchange,
            let request = pending.lastRequest, let quorums = pending.proposal?.quorums,
            let index = quorums.index(of: peer, store: store), !pending.caughtUp.contains(index)
        else { return }
        operations[number]?.caughtUp.insert(index)
        var again = message(request, to: store, exchange: exchange)
        again.epoch = quorums.configuration.epoch
        outbox.emit(.send(again, to: peer))
    }
}
