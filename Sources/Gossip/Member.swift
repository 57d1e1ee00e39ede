// One row of the roster: what this node knows of another, its life and its state.

import World

struct Member: Sendable {
    /// Where a member stands in its life. `awaited` and `forgotten` hold no keys.
    enum Standing: Hashable, Sendable {
        /// Named by the ring, a seed list or the address book; never heard of.
        case awaited
        case alive
        case dead(since: Instant)
        /// Dead for so long that its keys were dropped. The row itself is the tombstone: while it stands, nobody's copy
        /// of this generation is believed, until the node itself beats twice.
        case forgotten
    }

    let id: NodeID
    var generation: UInt64 = 0
    var heartbeat: UInt64 = 0
    /// Fresh heartbeats in a row while not alive.
    var beats = 0
    var standing = Standing.awaited
    var detector: PhiAccrual
    var replica = Replica()
    /// Changes here are fresh news until this round, and go into digests first.
    var hotUntil: UInt64 = 0
    /// The last page this member was put on: no page names anybody twice.
    var page: UInt64 = 0

    init(_ id: NodeID, now: Instant, interval: Span) {
        self.id = id
        self.detector = PhiAccrual(now: now, interval: interval)
    }

    var isAlive: Bool { standing == .alive }

    var digest: Digest {
        let target = replica.target
        // A new generation that was heard of, but of which nothing has come in, is asked for from the beginning.
        let isOld = target.generation < generation
        return Digest(
            id: id, generation: generation, heartbeat: heartbeat, version: isOld ? 0 : target.version,
            floor: isOld ? 0 : target.floor)
    }

    /// Whether this node talks about the member. The dead are talked about for half the time that they are kept: a peer
    /// that forgets last could otherwise pass a copy on to a newcomer, and so on without end.
    func isTopic(now: Instant, _ c: GossipConfiguration) -> Bool {
        switch standing {
        case .awaited, .alive: true
        case .dead(let since): now - since < c.forgetDeadAfter / 2
        case .forgotten: false
        }
    }

    /// The member's digest for the page of that number; nil if it is on it already, or is no topic.
    func entry(on number: UInt64, evenIfNoted: Bool, now: Instant, _ c: GossipConfiguration) -> Digest? {
        guard evenIfNoted || page != number, isTopic(now: now, c) else { return nil }
        return digest
    }

    /// What one heartbeat meant.
    enum Sign { case nothing, beat, revived, replaced }

    /// Two heartbeats further apart than this many intervals are no pair: stale news trickling in, not a life.
    private static let pairIntervals: Int64 = 20

    /// A heartbeat, heard directly or through others. Only the newest of the newest generation counts.
    mutating func hear(generation g: UInt64, heartbeat h: UInt64, now: Instant, _ c: GossipConfiguration) -> Sign {
        guard (g, h) > (generation, heartbeat) else { return .nothing }
        if g > generation {
            let wasAlive = isAlive
            (generation, heartbeat, beats) = (g, h, 1)
            standing = .dead(since: now)
            detector.restart(now: now, interval: c.interval)
            return wasAlive ? .replaced : .beat
        }
        heartbeat = h
        if isAlive {
            detector.sample(now: now, interval: c.interval, window: c.sampleWindow)
            return .beat
        }
        beats = now - detector.last <= c.interval * Member.pairIntervals ? beats + 1 : 1
        detector.restart(now: now, interval: c.interval)
        guard beats >= 2 else { return .beat }
        standing = .alive
        return .revived
    }

    /// It does not count as alive, and its last heartbeat is fresh.
    func isStirring(at now: Instant, _ c: GossipConfiguration) -> Bool {
        !isAlive && beats > 0 && now - detector.last <= c.interval * Member.stirringIntervals
    }

    /// So long a first sign of life is followed up: a few rounds, some of which may be lost.
    private static let stirringIntervals: Int64 = 5

    /// What a look at the member's silence leads to.
    enum Verdict { case none, died, forgotten }

    mutating func judge(now: Instant, _ c: GossipConfiguration) -> Verdict {
        switch standing {
        case .alive:
            guard detector.phi(now: now, interval: c.interval) >= c.deathPhi else { return .none }
            // What was learned of its rhythm goes, and two heartbeats must come before it lives again.
            standing = .dead(since: now)
            beats = 0
            detector.clearSamples(interval: c.interval)
            return .died
        case .dead(let since):
            guard now - since >= c.forgetDeadAfter else { return .none }
            standing = .forgotten
            return .forgotten
        case .awaited, .forgotten:
            return .none
        }
    }

    /// Drops a forgotten member's keys, and says which there were.
    mutating func dropKeys() -> [String] {
        defer { replica = Replica() }
        let state = replica.state
        return zip(state.keys, state.values).compactMap { key, value in value == nil ? nil : key }
    }

    // MARK: A peer's digest

    /// What a peer's digest means beside our own.
    struct Comparison {
        enum Relation { case same, behind, fresher }

        var sign = Sign.nothing
        /// Whether the peer knows changes that we don't, or we a later heartbeat.
        var relation = Relation.same
        /// What we could send.
        var offer: DeltaOffer?
        /// The size of our own digest, if there is something to say.
        var replySize = 0
    }

    mutating func compare(_ d: Digest, page number: UInt64, now: Instant, _ c: GossipConfiguration) -> Comparison {
        page = number
        var found = Comparison()
        found.sign = hear(generation: d.generation, heartbeat: d.heartbeat, now: now, c)
        guard isTopic(now: now, c) else { return found }
        replica.adoptFloor(d)
        found.offer = replica.offer(to: d)
        if replica.isBehind(d) {
            found.relation = .behind
        } else if (generation, heartbeat) > (d.generation, d.heartbeat) {
            found.relation = .fresher
        }
        if found.relation != .same { found.replySize = GossipCodec.size(digest) }
        return found
    }
}
