// One write on its way: minted by one replica, merged by the others, handed to fallbacks where a replica can't take it.
//
//     mint ──▶ replicate ──▶ answered (level reached, or out of time) ──▶ finished (every replica has it, or a hint)
//
// A primary gives the write its dot, the gateway's own node if it is one. That one says so before it commits, and the
// others get the write while its disk is still busy: the client waits for one commit and not for two, one after the
// other. A dot that is lost with its node in between is never given out again (VersionVector.swift: incarnations).
//
// All replicas are written to, always; the level only says when the client hears of it. A replica that is away, fails,
// refuses or is slow gets a hint: at the next fallback of the preference list, else at the gateway's own node. What
// goes on after the answer is what makes the replicas the same again.
//
// A write must take effect once, and not after the client has heard of it (decision 0022). So a mint that waits before
// the own disk is taken back before another replica is asked; one that left for another node is voided by whatever
// takes its place; and where a replica holds what an overwrite did not know of, it mints the write anew before the
// answer.

import Causality
import Ring
import Wire
import World

struct WriteCoordinator: Coordinator {
    private let request: MintRequest
    private let bucket: [UInt8]
    private let primaries: [NodeID]
    private let fallbacks: [NodeID]
    private let quorum: Quorum
    private let rule: ConflictRule
    /// By the gateway's clock: what its attempts are ordered by when some are to be forgotten.
    private let begunAt: WallTime
    private let deadline: Instant
    /// Whatever stood there before it began is to be superseded, seen or not.
    private let overwrites: Bool
    /// The gateway's own node comes first, if it is a primary.
    private var hasTriedOwn = false
    /// Primaries that have not been asked to mint, best first; ranked once the gateway's own node will not do.
    private var minters: [NodeID]?
    private var spares: [NodeID]
    private var asks: [Ask] = []
    private var tally = Tally()
    private var minted: Minted?
    /// How often the write was minted anew.
    private var round = 0
    /// Who knows all forms of it so far, and is to mint the next one.
    private var knowsForms: NodeID?
    /// The attempts that made these forms.
    private var forms: [UInt64] = []
    /// Attempts at other nodes of which nobody knows what became of them.
    private var voids: [UInt64] = []
    /// Until then one of these may still be carried out, over a write that would begin after this one's answer.
    private var answerNotBefore = Instant.origin
    /// Primaries that would not mint because their disks are full, since the last try.
    private var fullDisks = 0
    private var retry = Retry()
    private(set) var isAnswered = false
    private var isAbandoned = false

    init(
        _ request: MintRequest, bucket: [UInt8], route: Route, quorum: Quorum, begunAt: WallTime, deadline: Instant
    ) {
        self.request = request
        self.begunAt = begunAt
        self.bucket = bucket
        self.quorum = quorum
        self.deadline = deadline
        primaries = route.primaries
        fallbacks = route.fallbacks
        spares = route.fallbacks
        rule = route.properties.conflict.rule
        // `If-None-Match` asks not to overwrite, and is judged by one replica alone (decision 0008).
        overwrites =
            !request.onlyIfAbsent && (request.context == nil || rule == .lastWriteWins)
    }

    var isFinished: Bool { isAnswered && (isAbandoned || !asks.contains { $0.isOpen && !$0.isLate }) }

    /// What it holds in memory after its answer.
    var byteCount: Int { minted?.bytes.count ?? request.value?.count ?? 0 }

    var account: Account {
        Account(tally: tally, level: quorum.level, reached: quorum.isReached(by: tally))
    }

    func pending(_ slot: Int) -> (node: NodeID, sentAt: Instant)? {
        guard asks.indices.contains(slot), asks[slot].isOpen else { return nil }
        return (asks[slot].node, asks[slot].sentAt)
    }

    var openAsks: [(slot: Int, node: NodeID)] {
        asks.enumerated().filter { $0.element.isOpen }.map { ($0.offset, $0.element.node) }
    }

    // MARK: Events

    mutating func start(
        _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        asks.reserveCapacity(primaries.count)
        tally.reserveCapacity(primaries.count)
        tryNextMinter(&directory, now, &out)
    }

    mutating func receive(
        _ reply: ReplicaReply, slot: Int, _ directory: inout ReplicaDirectory, _ now: Now,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard asks.indices.contains(slot), asks[slot].isOpen else { return }
        asks[slot].isOpen = false
        let ask = asks[slot]
        switch (ask.role, reply) {
        // Of a form that was minted anew meanwhile; it counts for nothing any more.
        case (.mint, .minted) where !isCurrent(ask), (.store, .stored) where !isCurrent(ask),
            (.store, .storedBeside) where !isCurrent(ask), (.hint, .stored) where !isCurrent(ask):
            break
        case (.mint(let attempt), .minted(let bytes, let wasAbsent)):
            if minted == nil, !isVoid(attempt) {
                replicate(bytes, wasAbsent, by: ask.node, attempt, &directory, now.instant, &out)
            }
            // Two primaries may have minted, the first of them too late; only one write is this request's.
            if let minted, minted.by == ask.node, minted.attempt == attempt { acknowledged(ask, directory) }
        case (.store, .storedBeside) where overwrites && !isAnswered && round < primaries.count:
            mintAnew(at: ask.node, &directory, now.instant, &out)
        // Whatever superseded an overwrite there has not overwritten the rest; so the replica counts for nothing yet.
        case (.store, .refused(let refusal)) where overwrites && refusal.code == .superseded: break
        case (.store, .refused(let refusal)) where refusal.code == .superseded: acknowledged(ask, directory)
        case (.store, .stored), (.store, .storedBeside): acknowledged(ask, directory)
        case (.hint(let target), .stored):
            tally.add(Acknowledgement(node: ask.node, country: directory.country(of: ask.node), hintFor: target))
        case (.mint, .refused(let refusal)): refused(refusal, slot, &directory, now.instant, &out)
        default: failed(ask, &directory, now.instant, &out)
        }
        settle(now.instant, &out)
    }

    mutating func prepared(
        _ object: [UInt8], wasAbsent: Bool, slot: Int, _ directory: inout ReplicaDirectory, _ now: Now,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard minted == nil, asks.indices.contains(slot), asks[slot].isOpen, asks[slot].isMint, isCurrent(asks[slot])
        else { return }
        replicate(object, wasAbsent, by: asks[slot].node, nil, &directory, now.instant, &out)
    }

    mutating func fail(
        slot: Int, wasSent: Bool, _ directory: inout ReplicaDirectory, _ now: Now,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard asks.indices.contains(slot), asks[slot].isOpen else { return }
        asks[slot].isOpen = false
        if wasSent { void(asks[slot]) }
        failed(asks[slot], &directory, now.instant, &out)
        settle(now.instant, &out)
    }

    mutating func wake(
        _ directory: inout ReplicaDirectory, _ now: Now, _ out: inout Outbox<CoordinatorEffect>
    ) -> Instant {
        for slot in asks.indices where asks[slot].isOpen && !asks[slot].isLate {
            guard asks[slot].sentAt + Limits.replicaTimeout <= now.instant else { continue }
            asks[slot].isLate = true
            overdue(slot, &directory, now.instant, &out)
        }
        if now.instant >= deadline {
            if !isAnswered { answer(.failed(.quorumNotReached(mayTakeEffect: !asks.isEmpty), account), &out) }
            // Hints under way may still be confirmed; after two more timeouts nobody waits for them.
            if now.instant >= deadline + Limits.replicaTimeout * 2 { isAbandoned = true }
        } else if !isAnswered, retry.take(now.instant) {
            askAgain(&directory, now.instant, &out)
        }
        settle(now.instant, &out)
        return nextWake
    }

    var retryAt: Instant? {
        guard !isAnswered else { return nil }
        return minted != nil && quorum.isReached(by: tally) ? answerNotBefore : retry.at
    }

    var nextWake: Instant {
        var next = isAnswered ? deadline + Limits.replicaTimeout * 2 : min(deadline, retryAt ?? deadline)
        for ask in asks where ask.isOpen && !ask.isLate { next = min(next, ask.sentAt + Limits.replicaTimeout) }
        return next
    }

    /// Answered, and no longer to be looked after: whoever has not confirmed it gets its hint at once.
    mutating func letGo(
        _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        for slot in asks.indices where asks[slot].isOpen && !asks[slot].isLate {
            asks[slot].isLate = true
            failed(asks[slot], &directory, now, &out)
        }
        isAbandoned = true
    }

    private mutating func acknowledged(_ ask: Ask, _ directory: ReplicaDirectory) {
        tally.add(Acknowledgement(node: ask.node, country: directory.country(of: ask.node)))
    }

    // MARK: Minting

    private mutating func tryNextMinter(
        _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        let own = directory.identity
        if !hasTriedOwn, primaries.contains(own) {
            hasTriedOwn = true
            return mint(at: own, &directory, now, &out)
        }
        var left = minters ?? directory.rank(primaries.filter { $0 != own }, near: nil)
        // A primary that can't be reached is not worth waiting for while another can.
        let next = left.firstIndex { directory.isAvailable($0) } ?? left.indices.first
        if let next { mint(at: left.remove(at: next), &directory, now, &out) }
        minters = left
    }

    private mutating func mint(
        at node: NodeID, _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        var mint = request
        // No more than a replica remembers, and takes.
        mint.voids = Array((node == knowsForms ? voids : voids + forms).suffix(Limits.voidedAttempts))
        if node != directory.identity {
            mint.attempt = rule == .siblings ? directory.attempt(of: begunAt) : nil
            mint.sentAtMs = directory[node].clockMs(now)
        }
        ask(node, .mint(attempt: mint.attempt), .mint(mint), now, &out)
    }

    private mutating func refused(
        _ refusal: Refusal, _ slot: Int, _ directory: inout ReplicaDirectory, _ now: Instant,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        let ask = asks[slot]
        guard minted == nil, !isAnswered else { return failed(ask, &directory, now, &out) }
        if refusal.code == .diskFull { fullDisks += 1 }
        if let failure = refusal.isFinal { return answer(.failed(failure, account), &out) }
        // It has told its clock with this, so the next one is dated better; once is enough.
        let isFirst = asks.count { $0.isMint && $0.node == ask.node } == 1
        if refusal.code == .late, isFirst {
            mint(at: ask.node, &directory, now, &out)
        } else {
            failed(ask, &directory, now, &out)
        }
    }

    /// `node` holds what this overwrite did not know of, which may have been acknowledged before it began. It mints the
    /// write anew, over that and over the first form of it.
    private mutating func mintAnew(
        at node: NodeID, _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        if let attempt = minted?.attempt { forms.append(attempt) }
        knowsForms = node
        round += 1
        minted = nil
        tally = Tally()
        spares = fallbacks
        tryAllAgain()
        mint(at: node, &directory, now, &out)
    }

    private mutating func tryAllAgain() {
        hasTriedOwn = false
        minters = nil
    }

    private func isCurrent(_ ask: Ask) -> Bool { ask.round == round }

    private func isVoid(_ attempt: UInt64?) -> Bool { attempt.map(voids.contains) ?? false }

    private mutating func void(_ ask: Ask) {
        guard case .mint(let attempt) = ask.role, minted == nil else { return }
        if let attempt, !isVoid(attempt) { voids.append(attempt) }
        answerNotBefore = max(answerNotBefore, ask.sentAt + Limits.replicaTimeout)
    }

    // MARK: Replicating

    private mutating func replicate(
        _ bytes: [UInt8], _ wasAbsent: Bool, by minter: NodeID, _ attempt: UInt64?,
        _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard let object = try? StoredObject(decoding: bytes) else { return }
        minted = Minted(by: minter, attempt: attempt, bytes: bytes, object: object, created: wasAbsent && round == 0)
        for node in primaries where node != minter { store(at: node, bytes, &directory, now, &out) }
    }

    private mutating func store(
        at node: NodeID, _ bytes: [UInt8], _ directory: inout ReplicaDirectory, _ now: Instant,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        if directory.isAvailable(node) {
            ask(node, .store, .merge(key: request.key, object: bytes, repair: false), now, &out)
        } else {
            handOff(for: node, &directory, now, &out)
        }
    }

    /// Not answered for `Limits.replicaTimeout`.
    private mutating func overdue(
        _ slot: Int, _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        let ask = asks[slot]
        // What waits before the own disk can be taken back for certain; what is under way there will be heard of.
        if ask.isMint, ask.node == directory.identity, minted == nil { return out.emit(.takeBack(slot: slot)) }
        void(ask)
        failed(ask, &directory, now, &out)
    }

    private mutating func failed(
        _ ask: Ask, _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        switch ask.role {
        case .mint(let attempt):
            if let minted {
                // It made the write and then fell silent: from here on a primary that may lack it, like any other.
                let isMinter = minted.by == ask.node && minted.attempt == attempt
                if isMinter, !ask.isLate || ask.isOpen { handOff(for: ask.node, &directory, now, &out) }
            } else if !isAnswered, !asks.contains(where: { $0.isMint && $0.isOpen && !$0.isLate }) {
                tryNextMinter(&directory, now, &out)
            }
        case .store where isCurrent(ask): if !ask.isLate || ask.isOpen { handOff(for: ask.node, &directory, now, &out) }
        case .hint(let target) where isCurrent(ask):
            if !ask.isLate || ask.isOpen { handOff(for: target, &directory, now, &out) }
        case .store, .hint: break
        }
    }

    /// Writes a hint for `target` at the next fallback that can be reached, at last at the gateway's own node.
    private mutating func handOff(
        for target: NodeID, _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard let minted else { return }
        let hint = ReplicaRequest.hint(target: target, key: request.key, object: minted.bytes)
        if let place = spares.firstIndex(where: { directory.isAvailable($0) && $0 != directory.identity }) {
            return ask(spares.remove(at: place), .hint(for: target), hint, now, &out)
        }
        let own = directory.identity
        let alreadyAsked = asks.contains { $0.node == own && $0.role == .hint(for: target) && isCurrent($0) }
        if own != target, !alreadyAsked, directory.ring.mayHold(own, bucket: bucket) {
            ask(own, .hint(for: target), hint, now, &out)
        }
    }

    private mutating func ask(
        _ node: NodeID, _ role: Role, _ request: ReplicaRequest, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard asks.count < Limits.asksPerRequest else { return }
        out.emit(.ask(slot: asks.count, node, request))
        asks.append(Ask(node: node, role: role, round: round, sentAt: now))
    }

    // MARK: Answering

    /// Nobody is left to be waited for, and there is time: whoever has not done its part is asked once more.
    private mutating func askAgain(
        _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        if let minted {
            for node in primaries where directory.isAvailable(node) && !tally.contains(node) {
                let isAsked = asks.contains { $0.isOpen && $0.node == node && $0.role == .store && isCurrent($0) }
                if !isAsked { store(at: node, minted.bytes, &directory, now, &out) }
            }
        } else if !asks.contains(where: { $0.isMint && $0.isOpen && $0.node == directory.identity && isCurrent($0) }) {
            tryAllAgain()
            tryNextMinter(&directory, now, &out)
        }
    }

    private mutating func settle(_ now: Instant, _ out: inout Outbox<CoordinatorEffect>) {
        guard !isAnswered else { return }
        if let minted, quorum.isReached(by: tally) {
            guard now >= answerNotBefore else { return }
            answer(.written(minted.object, created: minted.created, account), &out)
        } else if !asks.contains(where: { $0.isOpen }), minted == nil, fullDisks == asks.count {
            answer(.failed(.diskFull, account), &out)
        } else if !asks.contains(where: { $0.isOpen && !$0.isLate }) {
            retry.arm(now)
        }
    }

    private mutating func answer(_ outcome: ClientOutcome, _ out: inout Outbox<CoordinatorEffect>) {
        guard !isAnswered else { return }
        isAnswered = true
        out.emit(.answer(outcome))
    }
}
