// Drives a reconfiguration: does what its step asks for, again and again until a quorum has answered.

import Quorums
package import World

extension Registry {
    /// Moves the namestore to the acceptors on `nodes`; ends with `.reconfigured`. Registrations go on meanwhile.
    package mutating func reconfigure(_ request: UInt64?, to nodes: [NodeID], now: Instant) {
        func refuse(_ outcome: ReconfigurationOutcome) { outbox.emit(.reconfigured(request: request, outcome)) }
        let targets = nodes.sorted()
        guard reconfiguration == nil else { return refuse(.underWay) }
        guard let configuration else { return refuse(.unknown) }
        guard (1...Limits.nameAcceptors).contains(targets.count), Set(targets).count == targets.count else {
            return refuse(.invalid)
        }
        guard let successors = configuration.successors else {
            let stores = [StoreID?](repeating: nil, count: targets.count)
            return start(request, targets, .identifying(stores: stores, rounds: 0), now)
        }
        guard successors.map(\.node) == targets else {
            return refuse(.conflict(ConfigurationState(configuration: configuration)))
        }
        start(request, targets, .fencing(QuorumSystem(configuration, rules: rules), told: MemberSet()), now)
    }

    /// What the reconfiguration that this node drives is doing.
    package var reconfigurationProgress: ReconfigurationProgress? { reconfiguration?.progress }

    private mutating func start(
        _ request: UInt64?, _ targets: [NodeID], _ step: Reconfiguration.Step, _ now: Instant
    ) {
        guard let configuration else { return }
        reconfiguration = Reconfiguration(
            request: request, targets: targets, from: configuration, number: makeNumber(), step: step)
        enter(step, now)
    }

    /// A joint epoch whose driver died is finished by whichever of its acceptors gets to it first.
    mutating func scheduleResumption(_ now: Instant) {
        guard let configuration, configuration.members.contains(where: { $0.node == node }) else { return }
        let extra = Span(nanoseconds: Int64(random.unit() * Double(pace.resumption.nanoseconds)))
        timers.insert(.resumption(epoch: configuration.epoch), at: now + pace.resumption + extra)
    }

    mutating func resumptionDue(_ epoch: UInt64, _ now: Instant) {
        guard let configuration, configuration.epoch == epoch, let successors = configuration.successors else { return }
        guard reconfiguration == nil else { return scheduleResumption(now) }
        reconfigure(nil, to: successors.map(\.node), now: now)
    }

    // MARK: Steps

    private mutating func enter(_ step: Reconfiguration.Step, _ now: Instant) {
        reconfiguration?.step = step
        if let progress = reconfiguration?.progress { outbox.emit(.progress(progress)) }
        act(now)
    }

    /// Does, or does again, what the step asks for, and comes back in a while.
    private mutating func act(_ now: Instant) {
        guard let driver = reconfiguration else { return }
        reconfiguration?.timerToken += 1
        timers.insert(.reconfiguration(token: driver.timerToken + 1), at: now + pace.reconfiguration)
        switch driver.step {
        case .identifying(let stores, _):
            for (node, store) in zip(driver.targets, stores) where store == nil { ask(.hello, of: node) }
        case .beginning(let joint):
            submitOnce(.begin(from: driver.from, to: joint.successors ?? []), now)
        case .fencing(let quorums, let told):
            for (index, member) in quorums.members.enumerated() where !told.contains(index) {
                ask(.setEpoch(quorums.configuration), of: member.node)
            }
        case .rescanning: rescan(isRetry: true, now)
        case .finishing(let joint): submitOnce(.finish(joint), now)
        case .settling(let quorums, _):
            // Those that leave are told too: they answer late proposers with the epoch in force.
            let everyone = quorums.members + driver.from.members.filter { !quorums.members.contains($0) }
            for member in everyone { ask(.setEpoch(quorums.configuration), of: member.node) }
        }
    }

    private mutating func ask(_ request: NameRequest, of node: NodeID, store: StoreID? = nil) {
        guard let exchange = reconfiguration?.exchange else { return }
        outbox.emit(.send(message(request, to: store, exchange: exchange), to: node))
    }

    /// One question of the configuration register at a time: it ends by itself, answered or not.
    private mutating func submitOnce(_ operation: ConfigurationOperation, _ now: Instant) {
        guard reconfiguration?.isSubmitted == false else { return }
        reconfiguration?.isSubmitted = true
        submit(
            .reconfiguration, .configuration(operation), on: .configuration,
            deadline: now + Limits.defaultRequestTimeout, now)
    }

    private mutating func rescan(isRetry: Bool = false, _ now: Instant) {
        guard var driver = reconfiguration, case .rescanning(let quorums) = driver.step else { return }
        let names = driver.rescan.take()
        let isNewPage = driver.rescan.wantsPage
        if isNewPage {
            driver.page &+= 1
            driver.rescan.ask(size: quorums.size)
        }
        reconfiguration = driver
        if isNewPage || (isRetry && driver.rescan.isAsking) {
            let question = NameRequest.list(after: driver.rescan.cursor, limit: Limits.nameListKeys)
            for member in quorums.configuration.acceptors {
                guard let index = quorums.index(of: member.node, store: member.store) else { continue }
                if !driver.rescan.hasAnswer(from: index) { ask(question, of: member.node, store: member.store) }
            }
        }
        for key in names { pin(key, now) }
        if reconfiguration?.rescan.isComplete == true { enter(.finishing(quorums.configuration), now) }
    }

    private mutating func pin(_ key: RegisterKey, _ now: Instant) {
        submit(.reconfiguration, .name(.pin), on: key, deadline: now + Limits.defaultRequestTimeout, now)
    }

    mutating func reconfigurationDue(_ token: UInt64, _ now: Instant) {
        guard let driver = reconfiguration, driver.timerToken == token else { return }
        if let joint = driver.joint, let configuration, configuration.epoch > joint.epoch {
            return concludeIfReached(configuration)
        }
        if case .identifying(let stores, let rounds) = driver.step {
            let isLast = rounds >= 4
            if let successors = driver.successors(stores, isLastRound: isLast) { return begin(successors, now) }
            if isLast { return end(.unavailable(driver.missing(stores))) }
            reconfiguration?.step = .identifying(stores: stores, rounds: rounds + 1)
        }
        act(now)
    }

    private mutating func concludeIfReached(_ configuration: Configuration) {
        let isReached = configuration.acceptors.map(\.node) == reconfiguration?.targets && !configuration.isJoint
        end(isReached ? .done(configuration) : .conflict(ConfigurationState(configuration: configuration)))
    }

    private mutating func end(_ outcome: ReconfigurationOutcome) {
        guard let driver = reconfiguration else { return }
        reconfiguration = nil
        outbox.emit(.reconfigured(request: driver.request, outcome))
    }

    private mutating func begin(_ successors: [AcceptorID], _ now: Instant) {
        guard let from = reconfiguration?.from else { return }
        if successors == from.acceptors { return end(.done(from)) }
        let joint = Configuration(epoch: from.epoch + 1, acceptors: from.acceptors, successors: successors)
        guard let joint else { return end(.invalid) }
        enter(.beginning(joint), now)
    }

    // MARK: Answers

    mutating func reconfigurationReceived(
        _ reply: NameReply, of message: NameMessage, from member: AcceptorID, _ now: Instant
    ) {
        guard let driver = reconfiguration, message.exchange >> 16 == driver.number else { return }
        switch (driver.step, reply) {
        case (.identifying(var stores, let rounds), .identity(let identity)):
            guard let index = driver.targets.firstIndex(of: member.node), identity.standing != .quarantined else {
                return
            }
            stores[index] = member.store
            reconfiguration?.step = .identifying(stores: stores, rounds: rounds)
            if let successors = driver.successors(stores, isLastRound: false) { begin(successors, now) }
        case (.fencing(let quorums, var told), .epochSet):
            guard let index = quorums.index(of: member.node, store: member.store),
                message.epoch >= quorums.configuration.epoch
            else { return }
            told.insert(index)
            reconfiguration?.step = .fencing(quorums, told: told)
            if quorums.isMajority(told) { enter(.rescanning(quorums), now) }
        case (.rescanning(let quorums), .page(let keys, let isLast)):
            guard message.exchange == driver.exchange, message.epoch == quorums.configuration.epoch,
                let index = quorums.index(of: member.node, store: member.store)
            else { return }
            let isPageDone = reconfiguration?.rescan.receive(keys: keys, isLast: isLast, from: index, quorums) ?? false
            guard isPageDone, let progress = reconfiguration?.progress else { return }
            outbox.emit(.progress(progress))
            rescan(now)
        case (.settling(let quorums, var told), .epochSet):
            guard let index = quorums.index(of: member.node, store: member.store),
                message.epoch >= quorums.configuration.epoch
            else { return }
            told.insert(index)
            reconfiguration?.step = .settling(quorums, told: told)
            if quorums.isMajority(told) { end(.done(quorums.configuration)) }
        default: break
        }
    }

    /// An operation that this driver submitted has ended.
    mutating func reconfigurationAnswered(
        _ operation: RegisterOperation, _ key: RegisterKey, _ answer: NameAnswer, _ now: Instant
    ) {
        guard let driver = reconfiguration else { return }
        if case .name(.pin) = operation {
            guard driver.rescan.underWay.contains(key) else { return }
            guard answer == .pinned else { return pin(key, now) }
            reconfiguration?.rescan.finished(key)
            return rescan(now)
        }
        reconfiguration?.isSubmitted = false
        switch answer {
        case .configuration(let state):
            if let cluster { learn(state.configuration, of: cluster, now) }
            let quorums = QuorumSystem(state.configuration, rules: rules)
            switch driver.step {
            case .beginning: enter(.fencing(quorums, told: MemberSet()), now)
            case .finishing: enter(.settling(quorums, told: MemberSet()), now)
            default: break
            }
        case .conflict(let state):
            if let cluster { learn(state.configuration, of: cluster, now) }
            let isSameAim = state.configuration.successors?.map(\.node) == driver.targets
            if isSameAim, case .beginning = driver.step {
                enter(.fencing(QuorumSystem(state.configuration, rules: rules), told: MemberSet()), now)
            } else {
                concludeIfReached(state.configuration)
            }
        default: break  // No majority answered: the timer asks again.
        }
    }
}
