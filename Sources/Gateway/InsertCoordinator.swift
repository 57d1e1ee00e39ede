// One value under many keys at once, at the least level: what a post is to a thousand inboxes.
//
//     making, by each own shard ──▶ storing, at the other replicas ──▶ trailing ──▶ finished
//
// The gateway's own node makes one object for all keys of a shard, with one dot, and stores it under those that it is a
// replica of (VnodeShard+Insert.swift). Each other replica is sent the object, and those of the keys that it has; where
// one is away, fails or is slow there is a hint for each of them, at a fallback or at last at the own node. The client
// has its answer once each key is at one replica. A key under which the own node knows of something, or which no
// replica is known to have, is left: whoever asked writes it by itself, and `WriteCoordinator` does all that an
// overwrite needs. So this is for what means the same however often it is written, where the last write wins.
//
// What the own disk has not begun in time is taken back (decision 0022): done later, it would win over what was written
// in between.
//
// The dot of an own shard may stand under keys of which this node is no replica: the shard is the one that would have
// them, and its counter goes on from there.

import Ring
import Wire
import World

struct InsertCoordinator: Sendable {
    enum Role {
        case make(part: Int)
        case store(part: Int, places: [Int])
        case hint(part: Int, place: Int, target: NodeID)

        var isMake: Bool { if case .make = self { true } else { false } }
    }

    /// The keys of one own shard, by their places, and what they are given.
    private struct Part {
        let shard: Int
        var places: [Int]
        var object: [UInt8] = []
    }

    private let request: InsertRequest
    /// Of each key.
    private let routes: [KeyRoute]
    private let bucket: [UInt8]
    /// Of all keys, which are held as long as the request.
    private let keyBytes: Int
    private let deadline: Instant
    private var parts: [Part] = []
    /// Of each key, whether a replica is known to have it.
    private var isHeld: [Bool]
    /// Of each key, whether no replica will have it by this.
    private var isLeft: [Bool]
    private var isAnswered = false
    private(set) var asks = AskTable<Role>()

    /// - Parameters:
    ///   - request: for all keys, whichever shards have them.
    ///   - routes: of each key.
    init(_ request: InsertRequest, bucket: [UInt8], routes: [KeyRoute], deadline: Instant) {
        self.request = request
        self.bucket = bucket
        self.routes = routes
        self.deadline = deadline
        keyBytes = request.keys.reduce(0) { $0 + $1.count }
        isHeld = routes.map { _ in false }
        isLeft = routes.map(\.primaries.isEmpty)
    }

    var progress: Progress {
        guard isAnswered else { return .open }
        return asks.hasAwaited ? .trailing(byteCount: parts.reduce(keyBytes) { $0 + $1.object.count }) : .finished
    }

    var nextWake: Instant {
        let next = asks.nextTimeout ?? deadline
        return isAnswered ? next : min(next, deadline)
    }

    // MARK: Events

    /// - Parameter shards: of each key, the own node's shard that has it, or would.
    mutating func start(
        shards: [Int], _ directory: ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        for (place, shard) in shards.enumerated() where !isLeft[place] {
            if let known = parts.firstIndex(where: { $0.shard == shard }) {
                parts[known].places.append(place)
            } else {
                parts.append(Part(shard: shard, places: [place]))
            }
        }
        for part in parts.indices {
            let request = InsertRequest(
                keys: keys(parts[part].places), value: request.value, contentType: request.contentType,
                expiresAt: request.expiresAt)
            ask(directory.identity, .make(part: part), .insert(request), now, &out)
        }
        settle(&out)
    }

    mutating func receive(
        _ reply: ReplicaReply, slot: Int, _ directory: ReplicaDirectory, _ now: Instant,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard let ask = asks.close(slot) else { return }
        switch (ask.role, reply) {
        case (.make(let part), .minted(let object, _)): store(object, part, directory, now, &out)
        case (.store(_, let places), .stored): for place in places { isHeld[place] = true }
        // What this gateway did not know of has won there, or has lost: it counts for nothing.
        case (.store, .storedBeside), (.hint, .stored): break
        default: failed(ask, directory, now, &out)
        }
        settle(&out)
    }

    mutating func fail(
        slot: Int, _ directory: ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard let ask = asks.close(slot) else { return }
        failed(ask, directory, now, &out)
        settle(&out)
    }

    mutating func wake(_ directory: ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>) {
        for slot in asks.indices {
            let isMake = asks[slot].role.isMake
            guard asks.isOverdue(slot, at: now) || isMake && now >= deadline, let ask = asks.giveUp(slot) else {
                continue
            }
            if isMake { out.emit(.takeBack(slot: slot)) } else { failed(ask, directory, now, &out) }
        }
        if now >= deadline { leave(Array(isHeld.indices)) }
        settle(&out)
    }

    /// Whoever has not confirmed it gets its hints at once.
    mutating func letGo(_ directory: ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>) {
        for slot in asks.indices {
            if let ask = asks.giveUp(slot) { failed(ask, directory, now, &out) }
        }
        // Nobody waits for the hints either.
        for slot in asks.indices { _ = asks.giveUp(slot) }
    }

    // MARK: Parts

    private mutating func store(
        _ object: [UInt8], _ part: Int, _ directory: ReplicaDirectory, _ now: Instant,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        parts[part].object = object
        var others: [(node: NodeID, places: [Int])] = []
        for place in parts[part].places {
            for node in routes[place].primaries {
                if node == directory.identity {
                    isHeld[place] = true
                } else if let known = others.firstIndex(where: { $0.node == node }) {
                    others[known].places.append(place)
                } else {
                    others.append((node, [place]))
                }
            }
        }
        for (node, places) in others {
            if directory.isAvailable(node) {
                let request = ReplicaRequest.mergeEach(keys: keys(places), object: object)
                ask(node, .store(part: part, places: places), request, now, &out)
            } else {
                handOff(places, of: part, for: node, directory, now, &out)
            }
        }
    }

    /// `ask`: as it stood before. What was given up earlier has its hints.
    private mutating func failed(
        _ ask: AskTable<Role>.Ask, _ directory: ReplicaDirectory, _ now: Instant,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        switch ask.role {
        case .make(let part): leave(parts[part].places)
        case .store(let part, let places) where ask.state == .awaited:
            handOff(places, of: part, for: ask.node, directory, now, &out)
        case .hint(let part, let place, let target) where ask.state == .awaited && ask.node != directory.identity:
            hint(place, of: part, for: target, at: directory.identity, directory, now, &out)
        case .store, .hint: break
        }
    }

    private mutating func handOff(
        _ places: [Int], of part: Int, for target: NodeID, _ directory: ReplicaDirectory, _ now: Instant,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        for place in places {
            let fallback = routes[place].fallbacks.first { directory.isAvailable($0) && $0 != directory.identity }
            hint(place, of: part, for: target, at: fallback ?? directory.identity, directory, now, &out)
        }
    }

    private mutating func hint(
        _ place: Int, of part: Int, for target: NodeID, at node: NodeID, _ directory: ReplicaDirectory, _ now: Instant,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard node != directory.identity || directory.ring.mayHold(node, bucket: bucket) else { return }
        let request = ReplicaRequest.hint(target: target, key: request.keys[place], object: parts[part].object)
        ask(node, .hint(part: part, place: place, target: target), request, now, &out)
    }

    private mutating func ask(
        _ node: NodeID, _ role: Role, _ request: ReplicaRequest, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard !asks.isFull else { return giveUp(role) }
        out.emit(.ask(slot: asks.endIndex, node, request))
        asks.add(node, role, at: now)
    }

    // MARK: Keys

    private func keys(_ places: [Int]) -> [[UInt8]] { places.map { request.keys[$0] } }

    /// There is no room for one more ask: of these keys too little is done.
    private mutating func giveUp(_ role: Role) {
        let places =
            switch role {
            case .make(let part): parts[part].places
            case .store(_, let places): places
            case .hint(_, let place, _): [place]
            }
        for place in places { (isHeld[place], isLeft[place]) = (false, true) }
    }

    private mutating func leave(_ places: [Int]) { for place in places where !isHeld[place] { isLeft[place] = true } }

    private mutating func settle(_ out: inout Outbox<CoordinatorEffect>) {
        guard !isAnswered else { return }
        // Nobody is left to be waited for. What the own node was asked to let be may be done all the same.
        let isWaiting = asks.contains { $0.state == .awaited || $0.isOpen && $0.role.isMake }
        if !isWaiting { leave(Array(isHeld.indices)) }
        guard isHeld.indices.allSatisfy({ isHeld[$0] || isLeft[$0] }) else { return }
        isAnswered = true
        out.emit(.answer(.inserted(left: isHeld.indices.filter { !isHeld[$0] })))
    }
}
