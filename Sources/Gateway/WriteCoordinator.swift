// One write on its way: minted by one replica, merged by the others, handed to fallbacks where a replica can't take it.
//
//     mint ──▶ replicate ──▶ answered (level reached, or out of reach) ──▶ finished (every replica has it, or a hint)
//
// A primary gives the write its dot, the gateway's own node if it is one. That one says so before it commits, and the
// others get the write while its disk is still busy: the client waits for one commit and not for two, one after the
// other. A dot that is lost with its node in between is never given out again (VersionVector.swift: incarnations).
//
// All replicas are written to, always; the level only says when the client hears of it. A replica that is away, fails,
// refuses or is slow gets a hint: at the next fallback of the preference list, else at the gateway's own node. What
// goes on after the answer is what makes the replicas the same again.

import Causality
import Ring
import Wire
import World

struct WriteCoordinator: Coordinator {
    private enum Role: Hashable {
        case mint
        case store
        case hint(for: NodeID)
    }

    private struct Ask {
        let node: NodeID
        let role: Role
        let sentAt: Instant
        var isOpen = true
        /// A hint was written elsewhere because this took too long.
        var handedOff = false
    }

    private struct Minted {
        let by: NodeID
        let bytes: [UInt8]
        let object: StoredObject
        let created: Bool
    }

    private let request: MintRequest
    private let bucket: [UInt8]
    private let primaries: [NodeID]
    private let quorum: Quorum
    private let deadline: Instant
    /// Primaries that have not been asked to mint, best first; ranked once the gateway's own node will not do.
    private var minters: [NodeID]?
    private var spares: [NodeID]
    private var asks: [Ask] = []
    private var tally = Tally()
    private var minted: Minted?
    /// Primaries that would not mint because their disks are full.
    private var fullDisks = 0
    private(set) var isAnswered = false
    private var isAbandoned = false

    init(_ request: MintRequest, bucket: [UInt8], route: Route, quorum: Quorum, deadline: Instant) {
        self.request = request
        self.bucket = bucket
        self.quorum = quorum
        self.deadline = deadline
        primaries = route.primaries
        spares = route.fallbacks
    }

    var isFinished: Bool { isAnswered && (isAbandoned || !asks.contains { $0.isOpen }) }

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
        if primaries.contains(directory.identity) {
            ask(directory.identity, .mint, .mint(request), now, &out)
        } else {
            tryNextMinter(&directory, now, &out)
        }
    }

    mutating func receive(
        _ reply: ReplicaReply, slot: Int, _ directory: inout ReplicaDirectory, _ now: Now,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard asks.indices.contains(slot), asks[slot].isOpen else { return }
        asks[slot].isOpen = false
        let ask = asks[slot]
        switch (ask.role, reply) {
        case (.mint, .minted(let bytes, let wasAbsent)):
            if minted == nil { replicate(bytes, wasAbsent, from: ask.node, &directory, now.instant, &out) }
            // Two primaries may have minted, the first of them too late; only one write is this request's.
            if minted?.by == ask.node {
                tally.add(Acknowledgement(node: ask.node, country: directory.country(of: ask.node)))
            }
        case (.store, .stored):
            tally.add(Acknowledgement(node: ask.node, country: directory.country(of: ask.node)))
        case (.hint(let target), .stored):
            tally.add(Acknowledgement(node: ask.node, country: directory.country(of: ask.node), hintFor: target))
        case (_, .refused(let refusal)):
            if refusal.code == .diskFull, ask.role == .mint { fullDisks += 1 }
            if let failure = refusal.isFinal, ask.role == .mint, minted == nil {
                return answer(.failed(failure, account), &out)
            }
            failed(ask, &directory, now.instant, &out)
        default:
            failed(ask, &directory, now.instant, &out)
        }
        settle(&out)
    }

    mutating func prepared(
        _ object: [UInt8], wasAbsent: Bool, slot: Int, _ directory: inout ReplicaDirectory, _ now: Now,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard minted == nil, asks.indices.contains(slot), asks[slot].isOpen, asks[slot].role == .mint else { return }
        replicate(object, wasAbsent, from: asks[slot].node, &directory, now.instant, &out)
    }

    mutating func fail(
        slot: Int, _ directory: inout ReplicaDirectory, _ now: Now, _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard asks.indices.contains(slot), asks[slot].isOpen else { return }
        asks[slot].isOpen = false
        failed(asks[slot], &directory, now.instant, &out)
        settle(&out)
    }

    mutating func wake(
        _ directory: inout ReplicaDirectory, _ now: Now, _ out: inout Outbox<CoordinatorEffect>
    ) -> Instant {
        for slot in asks.indices where asks[slot].isOpen && !asks[slot].handedOff {
            guard asks[slot].sentAt + Limits.replicaTimeout <= now.instant else { continue }
            asks[slot].handedOff = true
            failed(asks[slot], &directory, now.instant, &out)
        }
        if now.instant >= deadline {
            if !isAnswered { answer(.failed(.quorumNotReached(mayTakeEffect: !asks.isEmpty), account), &out) }
            // Hints under way may still be confirmed; after two more timeouts nobody waits for them.
            if now.instant >= deadline + Limits.replicaTimeout * 2 { isAbandoned = true }
        }
        settle(&out)
        return nextWake
    }

    var nextWake: Instant {
        var next = isAnswered ? deadline + Limits.replicaTimeout * 2 : deadline
        for ask in asks where ask.isOpen && !ask.handedOff { next = min(next, ask.sentAt + Limits.replicaTimeout) }
        return next
    }

    // MARK: Steps

    private mutating func tryNextMinter(
        _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        var left = minters ?? directory.rank(primaries.filter { $0 != directory.identity }, near: nil)
        // A primary that can't be reached is not worth waiting for while another can.
        let next = left.firstIndex { directory.isAvailable($0) } ?? left.indices.first
        if let next { ask(left.remove(at: next), .mint, .mint(request), now, &out) }
        minters = left
    }

    private mutating func replicate(
        _ bytes: [UInt8], _ wasAbsent: Bool, from minter: NodeID, _ directory: inout ReplicaDirectory, _ now: Instant,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard let object = try? StoredObject(decoding: bytes) else { return }
        minted = Minted(by: minter, bytes: bytes, object: object, created: wasAbsent)
        for node in primaries where node != minter {
            if directory.isAvailable(node) {
                ask(node, .store, .merge(key: request.key, object: bytes, repair: false), now, &out)
            } else {
                handOff(for: node, &directory, now, &out)
            }
        }
    }

    private mutating func failed(
        _ ask: Ask, _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        switch ask.role {
        case .mint where minted?.by == ask.node:
            // It made the write and then fell silent: from here on a primary that may lack it, like any other.
            if !ask.handedOff || ask.isOpen { handOff(for: ask.node, &directory, now, &out) }
        case .mint: if minted == nil && !isAnswered { tryNextMinter(&directory, now, &out) }
        case .store: if !ask.handedOff || ask.isOpen { handOff(for: ask.node, &directory, now, &out) }
        case .hint(let target): if !ask.handedOff || ask.isOpen { handOff(for: target, &directory, now, &out) }
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
        let alreadyAsked = asks.contains { $0.node == own && $0.role == .hint(for: target) }
        if own != target, !alreadyAsked, directory.ring.mayHold(own, bucket: bucket) {
            ask(own, .hint(for: target), hint, now, &out)
        }
    }

    private mutating func ask(
        _ node: NodeID, _ role: Role, _ request: ReplicaRequest, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        out.emit(.ask(slot: asks.count, node, request))
        asks.append(Ask(node: node, role: role, sentAt: now))
    }

    private mutating func settle(_ out: inout Outbox<CoordinatorEffect>) {
        guard !isAnswered else { return }
        if let minted, quorum.isReached(by: tally) {
            answer(.written(minted.object, created: minted.created, account), &out)
        } else if !asks.contains(where: { $0.isOpen }) {
            let full = minted == nil && fullDisks == asks.count
            answer(.failed(full ? .diskFull : .quorumNotReached(mayTakeEffect: !asks.isEmpty), account), &out)
        }
    }

    private mutating func answer(_ outcome: ClientOutcome, _ out: inout Outbox<CoordinatorEffect>) {
        guard !isAnswered else { return }
        isAnswered = true
        out.emit(.answer(outcome))
    }
}

extension Refusal {
    /// The failure to tell the client, where no other replica would answer otherwise.
    var isFinal: RequestFailure? {
        switch code {
        case .exists: .exists
        case .tooManySiblings: .tooManySiblings(detail)
        case .tooLarge: .tooLarge(detail)
        case .malformed: .malformed(detail)
        case .unknown, .busy, .diskFull, .notReplica, .hintsFull, .stopped: nil
        }
    }
}
