// One write on its way: minted by one replica, merged by the others, handed to fallbacks where a replica can't take it.
//
//     minting ◀──▶ replicating ──▶ trailing ──▶ finished
//        ╰──▶ forsaken ───────────────▲
//
// The client has its answer when the level is reached, or the time is over; a write of which no replica has been heard
// by then is forsaken. What trails is finished when every replica has it, or a hint.
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
// takes its place, once it can no longer be carried out; and where a replica holds what an overwrite did not know of,
// it mints the write anew before the answer.

import Causality
import DataTypes
import Ring
import Wire
import World

struct WriteCoordinator: Sendable {
    private let key: [UInt8]
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
    private var phase: Phase
    private(set) var asks = AskTable<Role>()
    private var tally = Tally()
    private var spares: [NodeID]
    /// How often the write was minted anew.
    private var round = 0
    private var attempts = Attempts()
    private var retry = Retry()

    init(
        _ request: MintRequest, bucket: [UInt8], route: KeyRoute, quorum: Quorum, begunAt: WallTime, deadline: Instant
    ) {
        phase = .minting(Minting(Boxed(request)))
        key = request.key
        self.begunAt = begunAt
        self.bucket = bucket
        self.quorum = quorum
        self.deadline = deadline
        primaries = route.primaries
        fallbacks = route.fallbacks
        spares = route.fallbacks
        rule = route.properties.conflict
        // `If-None-Match` asks not to overwrite, and is judged by one replica alone (decision 0008).
        overwrites = !request.onlyIfAbsent && (request.context == nil || rule == .lastWriteWins)
    }

    private var minted: Minted? { phase.minted }
    private var isAnswered: Bool { phase.isAnswered }

    var progress: Progress {
        switch phase {
        case .minting, .replicating: .open
        case .over: .finished
        case .forsaken: asks.hasAwaited ? .trailing(byteCount: 0) : .finished
        case .trailing(let minted): asks.hasAwaited ? .trailing(byteCount: minted.bytes.count) : .finished
        }
    }

    private var account: Account {
        Account(tally: tally, level: quorum.level, reached: quorum.isReached(by: tally))
    }

    var retryAt: Instant? {
        switch phase {
        case .minting: retry.at.map { max($0, attempts.mintNotBefore) }
        case .replicating: retry.at
        case .forsaken, .trailing, .over: nil
        }
    }

    /// Hints under way may still be confirmed; after two more timeouts nobody waits for them.
    private var end: Instant { deadline + Limits.replicaTimeout * 2 }

    var nextWake: Instant {
        let next = isAnswered ? end : min(deadline, retryAt ?? deadline)
        return asks.nextTimeout.map { min($0, next) } ?? next
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
        guard let ask = asks.close(slot) else { return }
        let isCurrent = ask.role.round == round
        switch (ask.role.duty, reply) {
        // Of a form that was minted anew meanwhile; it counts for nothing any more.
        case (.mint, .minted) where !isCurrent, (.store, .stored) where !isCurrent,
            (.store, .storedBeside) where !isCurrent, (.hint, .stored) where !isCurrent:
            break
        case (.mint(let attempt), .minted(let bytes, let wasAbsent)):
            // Whoever was given up has been taken the place of; but the own node was only asked to let it be.
            if minted == nil, ask.state == .awaited || ask.node == directory.identity {
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
        case (.mint, .refused(let refusal)): refused(refusal, ask, &directory, now.instant, &out)
        default: failed(ask, &directory, now.instant, &out)
        }
        settle(now.instant, &out)
    }

    mutating func prepared(
        _ object: [UInt8], wasAbsent: Bool, slot: Int, _ directory: inout ReplicaDirectory, _ now: Now,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard minted == nil, asks.pending(slot) != nil, asks[slot].role.isMint, asks[slot].role.round == round
        else { return }
        replicate(object, wasAbsent, by: asks[slot].node, nil, &directory, now.instant, &out)
    }

    mutating func fail(
        slot: Int, wasSent: Bool, _ directory: inout ReplicaDirectory, _ now: Now,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard let ask = asks.close(slot) else { return }
        if wasSent { void(ask) }
        failed(ask, &directory, now.instant, &out)
        settle(now.instant, &out)
    }

    mutating func wake(_ directory: inout ReplicaDirectory, _ now: Now, _ out: inout Outbox<CoordinatorEffect>) {
        for slot in asks.indices where asks.isOverdue(slot, at: now.instant) {
            overdue(slot, &directory, now.instant, &out)
        }
        if now.instant >= deadline {
            answer(.failed(.quorumNotReached(mayTakeEffect: !asks.isEmpty), account), &out)
            if now.instant >= end { phase = .over }
        } else if let retryAt, retryAt <= now.instant, retry.take(now.instant) {
            askAgain(&directory, now.instant, &out)
        }
        settle(now.instant, &out)
    }

    /// Whoever has not confirmed it gets its hint at once.
    mutating func letGo(
        _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        for slot in asks.indices {
            if let ask = asks.giveUp(slot) { failed(ask, &directory, now, &out) }
        }
        phase = .over
    }

    private mutating func acknowledged(_ ask: Ask, _ directory: ReplicaDirectory) {
        tally.add(Acknowledgement(node: ask.node, country: directory.country(of: ask.node)))
    }

    // MARK: Minting

    /// Only where it `mayMint`.
    private mutating func tryNextMinter(
        _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard case .minting(var minting) = phase else { return }
        let node = minting.minters.next(of: primaries, &directory)
        if let node { mint(at: node, minting, &directory, now, &out) } else { phase = .minting(minting) }
    }

    private mutating func mint(
        at node: NodeID, _ minting: Minting, _ directory: inout ReplicaDirectory, _ now: Instant,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        var minting = minting
        minting.asked += 1
        phase = .minting(minting)
        var mint = minting.request.value
        mint.voids = attempts.replaced(at: node)
        if node != directory.identity {
            mint.attempt = rule == .siblings ? directory.attempt(of: begunAt) : nil
            mint.sentAtMs = directory[node].clockMs(now)
        }
        ask(node, .mint(attempt: mint.attempt), .mint(mint), now, &out)
    }

    private mutating func refused(
        _ refusal: Refusal, _ ask: Ask, _ directory: inout ReplicaDirectory, _ now: Instant,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard case .minting(var minting) = phase else { return failed(ask, &directory, now, &out) }
        if refusal.code == .diskFull {
            minting.fullDisks += 1
            phase = .minting(minting)
        }
        if let failure = refusal.isFinal { return answer(.failed(failure, account), &out) }
        // It has told its clock with this, so the next one is dated better; once is enough.
        let isFirst = asks.count { $0.role.isMint && $0.node == ask.node } == 1
        if refusal.code == .late, isFirst, mayMint(at: directory.identity, now) {
            mint(at: ask.node, minting, &directory, now, &out)
        } else {
            failed(ask, &directory, now, &out)
        }
    }

    /// `node` holds what this overwrite did not know of, which may have been acknowledged before it began. It mints the
    /// write anew, over that and over the first form of it.
    private mutating func mintAnew(
        at node: NodeID, _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard case .replicating(let replicating) = phase else { return }
        attempts.made(replicating.minted.attempt, knownTo: node)
        round += 1
        tally = Tally()
        spares = fallbacks
        mint(at: node, Minting(replicating.request), &directory, now, &out)
    }

    /// No earlier mint can be made any more that the next would not know of (decision 0022), and none is under way. Two
    /// at a time are never asked: the answer to one would not wait for the other, and whatever comes later would not
    /// know of it. At the own node (`own`) one that is to be taken back is under way until it has been.
    private func mayMint(at own: NodeID, _ now: Instant) -> Bool {
        now >= attempts.mintNotBefore
            && !asks.contains {
                $0.role.isMint && $0.role.round == round && ($0.state == .awaited || $0.isOpen && $0.node == own)
            }
    }

    private mutating func void(_ ask: Ask) {
        guard case .mint(let attempt) = ask.role.duty, minted == nil else { return }
        attempts.void(attempt, sentAt: ask.sentAt)
    }

    // MARK: Replicating

    private mutating func replicate(
        _ bytes: [UInt8], _ wasAbsent: Bool, by minter: NodeID, _ attempt: UInt64?,
        _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard let object = try? StoredObject(decoding: bytes) else { return }
        let minted = Minted(by: minter, attempt: attempt, bytes: bytes)
        switch phase {
        case .minting(let minting):
            phase = .replicating(
                Replicating(request: minting.request, minted: minted, object: object, created: wasAbsent && round == 0))
        case .forsaken: phase = .trailing(minted)
        case .replicating, .trailing, .over: return
        }
        for node in primaries where node != minter { store(at: node, bytes, &directory, now, &out) }
    }

    private mutating func store(
        at node: NodeID, _ bytes: [UInt8], _ directory: inout ReplicaDirectory, _ now: Instant,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        if directory.isAvailable(node) {
            ask(node, .store, .merge(key: key, object: bytes, repair: false), now, &out)
        } else {
            handOff(for: node, &directory, now, &out)
        }
    }

    /// Not answered for `Limits.replicaTimeout`.
    private mutating func overdue(
        _ slot: Int, _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard let ask = asks.giveUp(slot) else { return }
        // What waits before the own disk can be taken back for certain; what is under way there will be heard of.
        if ask.role.isMint, ask.node == directory.identity, minted == nil { return out.emit(.takeBack(slot: slot)) }
        void(ask)
        failed(ask, &directory, now, &out)
    }

    /// `ask`: as it stood before. What was given up earlier has its hint.
    private mutating func failed(
        _ ask: Ask, _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        let needsHint = ask.state == .awaited
        switch ask.role.duty {
        case .mint(let attempt):
            if let minted {
                // It made the write and then fell silent: from here on a primary that may lack it, like any other.
                let isMinter = minted.by == ask.node && minted.attempt == attempt
                if isMinter, needsHint { handOff(for: ask.node, &directory, now, &out) }
            } else if !isAnswered, mayMint(at: directory.identity, now) {
                tryNextMinter(&directory, now, &out)
            }
        case .store: if needsHint, ask.role.round == round { handOff(for: ask.node, &directory, now, &out) }
        case .hint(let target): if needsHint, ask.role.round == round { handOff(for: target, &directory, now, &out) }
        }
    }

    /// Writes a hint for `target` at the next fallback that can be reached, at last at the gateway's own node.
    private mutating func handOff(
        for target: NodeID, _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard let minted else { return }
        let hint = ReplicaRequest.hint(target: target, key: key, object: minted.bytes)
        if let place = spares.firstIndex(where: { directory.isAvailable($0) && $0 != directory.identity }) {
            return ask(spares.remove(at: place), .hint(for: target), hint, now, &out)
        }
        let own = directory.identity
        let role = Role(duty: .hint(for: target), round: round)
        if own != target, !asks.contains(where: { $0.node == own && $0.role == role }),
            directory.ring.mayHold(own, bucket: bucket)
        {
            ask(own, .hint(for: target), hint, now, &out)
        }
    }

    private mutating func ask(
        _ node: NodeID, _ duty: Duty, _ request: ReplicaRequest, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard !asks.isFull else { return }
        out.emit(.ask(slot: asks.endIndex, node, request))
        asks.add(node, Role(duty: duty, round: round), at: now)
    }

    // MARK: Answering

    /// Nobody is left to be waited for, and there is time: whoever has not done its part is asked once more.
    private mutating func askAgain(
        _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        if let minted {
            let role = Role(duty: .store, round: round)
            for node in primaries where directory.isAvailable(node) && !tally.contains(node) {
                let isAsked = asks.contains { $0.isOpen && $0.node == node && $0.role == role }
                if !isAsked { store(at: node, minted.bytes, &directory, now, &out) }
            }
        } else {
            // A retry may have been armed before the mint that is awaited now was asked.
            guard mayMint(at: directory.identity, now) else { return }
            if case .minting(let minting) = phase, minting.hasAskedAll { phase = .minting(Minting(minting.request)) }
            tryNextMinter(&directory, now, &out)
        }
    }

    private mutating func settle(_ now: Instant, _ out: inout Outbox<CoordinatorEffect>) {
        switch phase {
        case .replicating(let replicating) where quorum.isReached(by: tally):
            answer(.written(replicating.object, created: replicating.created, account), &out)
        case .minting(let minting) where minting.fullDisks == minting.asked && !asks.hasOpen:
            answer(.failed(.diskFull, account), &out)
        case .minting, .replicating: if !asks.hasAwaited { retry.arm(now) }
        case .forsaken, .trailing, .over: break
        }
    }

    /// Once. What the client sent is let go with it.
    private mutating func answer(_ outcome: ClientOutcome, _ out: inout Outbox<CoordinatorEffect>) {
        switch phase {
        case .minting: phase = .forsaken
        case .replicating(let replicating): phase = .trailing(replicating.minted)
        case .forsaken, .trailing, .over: return
        }
        out.emit(.answer(outcome))
    }
}
