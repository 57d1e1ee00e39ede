// One request on a typed key on its way: minted by one replica, its change merged by the others, handed to fallbacks
// where a replica can't take it (docs/TYPES.md).
//
//     minting ◀──▶ catching up
//        ╰──▶ replicating ──▶ minting a sweep ──▶ replicating ──▶ over
//
// It differs from a write of an opaque value (`WriteCoordinator`) in what may be tried again. A change merges with
// whatever stands elsewhere, so it is never minted anew over that. But it must take effect once: a request without a
// name, of which a replica was asked that does not answer, is not minted by anybody else; one with a name is, `again`,
// and its records void what the silent one may have made (`OperationName`).
//
// A replica that has not seen what a request's context names refuses to mint it. Where all do, each having what the
// others lack, one is told what they hold together, and mints then.
//
// Once every primary has confirmed a change, all have seen what its minter had: so what is deleted there is deleted for
// all, and may be swept.

import Causality
import DataTypes
import Ring
import Wire
import World

struct OperationCoordinator: Sendable {
    let key: [UInt8]
    private let bucket: [UInt8]
    let primaries: [NodeID]
    private let quorum: Quorum
    private let deadline: Instant
    private var call: TypedCall
    private let context: [UInt8]?
    private let onlyIfAbsent: Bool
    var phase = Phase.minting(Minting())
    var isAnswered = false
    /// When what trails is looked after no longer.
    private var end: Instant
    var asks = AskTable<Role>()
    var tally = Tally()
    private var spares: [NodeID]
    private var retry = Retry()

    init(
        _ request: MintRequest, _ call: TypedCall, bucket: [UInt8], route: KeyRoute, quorum: Quorum, deadline: Instant
    ) {
        key = request.key
        context = request.context
        onlyIfAbsent = request.onlyIfAbsent
        self.call = call
        self.bucket = bucket
        self.quorum = quorum
        self.deadline = deadline
        end = deadline + Limits.replicaTimeout * 2
        primaries = route.primaries
        spares = route.fallbacks
    }

    var progress: Progress {
        let byteCount: Int
        switch phase {
        case .over: return .finished
        case .minting: byteCount = call.body.count
        case .replicating(let change): byteCount = change.byteCount
        }
        return !isAnswered ? .open : asks.hasAwaited || isLagging ? .trailing(byteCount: byteCount) : .finished
    }

    /// A replica is to be sent the change once more.
    private var isLagging: Bool { if case .replicating(let change) = phase { !change.lagging.isEmpty } else { false } }

    /// One that was asked has not said that it will not; at the own node it may be about to be taken back.
    private var mayBeMinting: Bool { asks.contains { $0.role == .mint && $0.isOpen } }

    private var account: Account {
        Account(tally: tally, level: quorum.level, reached: quorum.isReached(by: tally))
    }

    var retryAt: Instant? { isAnswered && !isLagging ? nil : retry.at }

    var nextWake: Instant {
        let last = isAnswered ? end : deadline
        let next = min(last, retryAt ?? last)
        return asks.nextTimeout.map { min($0, next) } ?? next
    }

    // MARK: Events

    mutating func start(
        _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        mintAtNext(&directory, now, &out)
    }

    mutating func receive(
        _ reply: ReplicaReply, slot: Int, _ directory: inout ReplicaDirectory, _ now: Now,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard let ask = asks.close(slot) else { return }
        switch (ask.role, reply) {
        case (.mint, .minted(let bytes, let wasAbsent)):
            // Of one that was given up, a later one under the same name is what counts; it may have been asked.
            if ask.state == .awaited || ask.node == directory.identity || call.name == nil {
                replicate(bytes, wasAbsent, by: ask.node, &directory, now.instant, &out)
            }
            if case .replicating(let change) = phase, change.minter == ask.node { acknowledged(ask, directory) }
        case (.store, .stored), (.store, .storedBeside):
            acknowledged(ask, directory)
            directory.endCatchUp(of: ask.node, key)
        case (.hint(let target), .stored):
            tally.add(Acknowledgement(node: ask.node, country: directory.country(of: ask.node), hintFor: target))
        case (.gather, .object(let bytes)): gathered(bytes)
        case (.teach, .stored), (.teach, .storedBeside): taught(ask.node, &directory, now.instant, &out)
        case (.state, .object(let bytes)): hand(bytes, &directory, now.instant, &out)
        case (.store, .refused(let refusal)) where refusal.code == .behind:
            behind(ask.node, &directory, now.instant, &out)
        case (.mint, .refused(let refusal)): refused(refusal, ask, &directory, now.instant, &out)
        default: failed(ask, &directory, now.instant, &out)
        }
        settle(&directory, now.instant, &out)
    }

    mutating func prepared(
        _ object: [UInt8], wasAbsent: Bool, slot: Int, _ directory: inout ReplicaDirectory, _ now: Now,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard asks.pending(slot) != nil, case .mint = asks[slot].role else { return }
        replicate(object, wasAbsent, by: asks[slot].node, &directory, now.instant, &out)
    }

    mutating func fail(
        slot: Int, wasSent: Bool, _ directory: inout ReplicaDirectory, _ now: Now,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard let ask = asks.close(slot) else { return }
        if wasSent { mayBeMinted(ask) }
        failed(ask, &directory, now.instant, &out)
        settle(&directory, now.instant, &out)
    }

    mutating func wake(_ directory: inout ReplicaDirectory, _ now: Now, _ out: inout Outbox<CoordinatorEffect>) {
        for slot in asks.indices where asks.isOverdue(slot, at: now.instant) {
            overdue(slot, &directory, now.instant, &out)
        }
        if now.instant >= (isAnswered ? end : deadline) {
            answer(failure(at: deadline), &out)
            if now.instant >= end { phase = .over }
        } else if let retryAt, retryAt <= now.instant, retry.take(now.instant) {
            askAgain(&directory, now.instant, &out)
        }
        settle(&directory, now.instant, &out)
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

    private mutating func mintAtNext(
        _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard case .minting(var minting) = phase, minting.mayMint else { return }
        let node = minting.minters.next(of: primaries, &directory)
        phase = .minting(minting)
        if let node { mint(at: node, &directory, now, &out) }
    }

    mutating func mint(
        at node: NodeID, _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard case .minting(var minting) = phase else { return }
        minting.asked += 1
        phase = .minting(minting)
        var mint = MintRequest(key: key, value: call.encode(), context: context, onlyIfAbsent: onlyIfAbsent)
        if node != directory.identity { mint.sentAtMs = directory[node].clockMs(now) }
        ask(node, .mint, .mint(mint), now, &out)
    }

    private mutating func refused(
        _ refusal: Refusal, _ ask: Ask, _ directory: inout ReplicaDirectory, _ now: Instant,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard case .minting(var minting) = phase, !isAnswered else { return }
        if refusal.code == .diskFull { minting.fullDisks += 1 }
        if refusal.code == .behind { minting.behind += 1 }
        phase = .minting(minting)
        if let failure = refusal.isFinal { return answer(.failed(failure, account), &out) }
        // It has told its clock with this, so the next one is dated better; once is enough.
        let isFirst = asks.count { $0.role == .mint && $0.node == ask.node } == 1
        if refusal.code == .late, isFirst {
            mint(at: ask.node, &directory, now, &out)
        } else {
            failed(ask, &directory, now, &out)
        }
    }

    /// Nobody will be asked to mint it under the same name, or without one.
    private mutating func mayBeMinted(_ ask: Ask) {
        guard ask.role == .mint, case .minting(var minting) = phase else { return }
        if let name = call.name {
            call.name = OperationName(writer: name.writer, number: name.number, isAgain: true, after: name.after)
        } else {
            minting.mayMint = false
        }
        phase = .minting(minting)
    }

    // MARK: Replicating

    private mutating func replicate(
        _ bytes: [UInt8], _ wasAbsent: Bool, by minter: NodeID, _ directory: inout ReplicaDirectory, _ now: Instant,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard case .minting = phase, let minted = try? TypedMinted(decoding: bytes) else { return }
        phase = .replicating(Change(minter: minter, minted: minted, created: wasAbsent))
        for node in primaries where node != minter {
            if directory.isAvailable(node) {
                ask(node, .store, .merge(key: key, object: minted.change, repair: false), now, &out)
            } else {
                wantState(.hint(for: node), node, &directory, now, &out)
            }
        }
    }

    /// Not answered for `Limits.replicaTimeout`.
    private mutating func overdue(
        _ slot: Int, _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard let ask = asks.giveUp(slot) else { return }
        // What waits before the own disk can be taken back for certain; what is under way there will be heard of.
        if ask.role == .mint, ask.node == directory.identity, case .minting = phase {
            return out.emit(.takeBack(slot: slot))
        }
        mayBeMinted(ask)
        failed(ask, &directory, now, &out)
    }

    /// `ask`: as it stood before. What was given up earlier has its hint.
    private mutating func failed(
        _ ask: Ask, _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        let needsHint = ask.state == .awaited
        switch (ask.role, phase) {
        case (.mint, .minting): if !isAnswered { mintAtNext(&directory, now, &out) }
        // It made the change and then fell silent: a primary that may lack it, like any other.
        case (.mint, .replicating(let change)):
            if change.minter == ask.node, needsHint { wantState(.hint(for: ask.node), ask.node, &directory, now, &out) }
        case (.store, _): if needsHint { wantState(.hint(for: ask.node), ask.node, &directory, now, &out) }
        case (.hint(let target), .replicating(let change)):
            if needsHint, let state = change.state { handOff(state, for: target, &directory, now, &out) }
        case (.gather, _), (.teach, _), (.state, _), (.hint, _), (.mint, .over): break
        }
    }

    /// Writes a hint for `target` at the next fallback that can be reached, at last at the gateway's own node.
    mutating func handOff(
        _ state: [UInt8], for target: NodeID, _ directory: inout ReplicaDirectory, _ now: Instant,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        let own = directory.identity
        let hint = ReplicaRequest.hint(target: target, key: key, object: state)
        if let place = spares.firstIndex(where: { directory.isAvailable($0) && $0 != own }) {
            return ask(spares.remove(at: place), .hint(for: target), hint, now, &out)
        }
        let isAsked = asks.contains { $0.node == own && $0.role == .hint(for: target) }
        guard own != target, !isAsked, directory.ring.mayHold(own, bucket: bucket) else { return }
        ask(own, .hint(for: target), hint, now, &out)
    }

    mutating func ask(
        _ node: NodeID, _ role: Role, _ request: ReplicaRequest, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard !asks.isFull else { return }
        out.emit(.ask(slot: asks.endIndex, node, request))
        asks.add(node, role, at: now)
    }

    // MARK: Answering

    /// Nobody is left to be waited for, and there is time: whoever has not done its part is asked once more.
    private mutating func askAgain(
        _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        switch phase {
        case .minting(let minting):
            guard minting.mayMint, !asks.hasAwaited else { return }
            if minting.minters.areAsked { phase = .minting(Minting(hasCaughtUp: minting.hasCaughtUp)) }
            mintAtNext(&directory, now, &out)
        case .replicating:
            sendAgain(&directory, now, &out)
            guard !isAnswered, case .replicating(var change) = phase else { return }
            change.askedForState = []
            phase = .replicating(change)
            for node in primaries where directory.isAvailable(node) && !tally.contains(node) {
                let isAsked = asks.contains { $0.isOpen && $0.node == node && $0.role == .store }
                if !isAsked { give(change.state ?? change.minted.change, .store, node, &directory, now, &out) }
            }
        case .over: break
        }
    }

    private mutating func settle(
        _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        switch phase {
        case .replicating(let change):
            askForState(now, &out)
            if quorum.isReached(by: tally) { answer(change.outcome(account), &out) }
            if isAnswered, !asks.hasAwaited, let sweep = change.sweep(primaries, tally) {
                return mint(sweep, at: change.minter, &directory, now, &out)
            }
        case .minting(let minting):
            if isAnswered || asks.hasAwaited { break }
            if let object = minting.gathered {
                teach(object, &directory, now, &out)
            } else if minting.minters.areAsked, minting.behind > 0, !minting.hasCaughtUp {
                catchUp(&directory, now, &out)
            } else if minting.fullDisks == minting.asked, minting.asked > 0, !asks.hasOpen {
                answer(.failed(.diskFull, account), &out)
            } else if minting.minters.areAsked, minting.behind == minting.asked, minting.hasCaughtUp, !mayBeMinting {
                answer(.failed(.behind, account), &out)
            }
        case .over: break
        }
        if !asks.hasAwaited, !isAnswered || isLagging { retry.arm(now) }
    }

    /// The minter drops what is deleted for all, as one request more, of which no client hears.
    private mutating func mint(
        _ sweep: TypedCall, at minter: NodeID, _ directory: inout ReplicaDirectory, _ now: Instant,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        call = sweep
        phase = .minting(Minting())
        tally = Tally()
        end = now + Limits.replicaTimeout * 2
        mint(at: minter, &directory, now, &out)
    }

    /// Once.
    private mutating func answer(_ outcome: ClientOutcome, _ out: inout Outbox<CoordinatorEffect>) {
        guard !isAnswered else { return }
        isAnswered = true
        out.emit(.answer(outcome))
    }

    private func failure(at deadline: Instant) -> ClientOutcome {
        if case .minting(let minting) = phase, minting.behind > 0, minting.mayMint, !mayBeMinting {
            return .failed(.behind, account)
        }
        return .failed(.quorumNotReached(mayTakeEffect: !asks.isEmpty), account)
    }
}
