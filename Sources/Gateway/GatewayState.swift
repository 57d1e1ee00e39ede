// One event loop's gateway: its requests in flight, and what it has learned of the replicas. A pure value: requests,
// answers, failures and time go in; asks and answers come out.

import DequeModule
package import Ring
package import Wire
package import World

package enum GatewayEffect: Sendable {
    /// To a node, which may be the gateway's own.
    case ask(NodeID, RequestEnvelope)
    /// An ask of the gateway's own node that is to be taken out of what waits there: `fail` it, as not sent, if it was
    /// found; if it has been begun its answer comes.
    case takeBack(UInt64)
    /// To the client that `begin` named.
    case answer(UInt64, ClientOutcome)
}

/// Counts since the start.
package struct GatewayCounters: Hashable, Sendable {
    package var reads: UInt64 = 0
    package var writes: UInt64 = 0
    package var lists: UInt64 = 0
    package var quorumFailures: UInt64 = 0
    package var hedges: UInt64 = 0
    package var hintedWrites: UInt64 = 0
    package var repairs: UInt64 = 0
}

package struct GatewayState: Sendable {
    private struct InFlight: Sendable {
        /// The caller's number.
        let id: UInt64
        /// Boxed, so that an entry is small to move, and changed where it is.
        var coordinator: any Coordinator
        let startedAt: Instant
        /// When the client's time is over.
        let deadline: Instant
        /// A hedged read is due then; nil where there is none to come.
        var hedgeAt: Instant?
        /// What it counts against `Limits.trailingBytes` since its answer; nil before.
        var trailingBytes: Int?

        /// Asks the coordinator where it lies: a getter would be asked of a copy, with all that the coordinator holds.
        mutating func look<Answer>(_ question: (inout any Coordinator) -> Answer) -> Answer { question(&coordinator) }
    }

    /// One read in so many asks every replica, so that what is read at the least level is mended too.
    private static let oneInAsksAll = 32.0

    /// Deadlines are looked at in steps of this: a timer a millisecond would cost more than the requests it looks
    /// after.
    private static let deadlineStep = Span.milliseconds(10)

    package private(set) var directory: ReplicaDirectory
    private var inFlight = SlotTable<InFlight>()
    /// Requests that are answered and not finished, and some that have been since: in the order of their answers.
    private var trailing = Deque<UInt64>()
    private var trailingCount = 0
    private var trailingBytes = 0
    /// Requests in flight at most, those aside that are answered.
    private let places: Int
    private var wheel: TimerWheel
    private var hedging = HedgePolicy()
    private var effects = Outbox<CoordinatorEffect>()
    /// Empty between events.
    private var taken: [CoordinatorEffect] = []
    package private(set) var counters = GatewayCounters()

    package init(
        identity: NodeID, ring: RingSnapshot, random: SeededRandom, places: Int = Limits.requestsInFlight, now: Instant
    ) {
        self.places = places
        directory = ReplicaDirectory(identity: identity, ring: ring, random: random)
        wheel = TimerWheel(now: now)
    }

    package var identity: NodeID { directory.identity }
    package var requestsInFlight: Int { inFlight.count }
    /// When `wake` has something to do; nil if never. Mutating, so that the question is not asked of a copy.
    package var nextWake: Instant? { mutating get { wheel.next } }

    // MARK: What the gateway is told

    package mutating func adopt(_ ring: RingSnapshot) { directory.adopt(ring) }

    package mutating func setAvailable(_ node: NodeID, _ isAvailable: Bool) {
        directory.change(node) { $0.isAvailable = isAvailable }
    }

    package mutating func setReplicationDelay(_ node: NodeID, ms: Double) {
        directory.change(node) { $0.lagMs = ms }
    }

    // MARK: Requests

    /// Starts a request. `id` is the caller's; the answer bears it, and may come at once.
    package mutating func begin(
        _ id: UInt64, _ request: ClientRequest, now: Now, _ out: inout Outbox<GatewayEffect>
    ) {
        guard inFlight.count - trailingCount < places else {
            return out.emit(.answer(id, .failed(.overloaded, nil)))
        }
        let started: InFlight
        do throws(RequestFailure) {
            started = try start(id, request, now)
        } catch {
            return out.emit(.answer(id, .failed(error, nil)))
        }
        let key = inFlight.insert(started)
        guard flush(key, now.instant, &out), let wake = inFlight[key]?.look({ $0.nextWake }) else { return }
        setTimer(key, coordinator: wake)
    }

    /// For the earlier of what the coordinator and a hedge are due at.
    private mutating func setTimer(_ key: UInt64, coordinator wake: Instant) {
        let step = GatewayState.deadlineStep.nanoseconds
        let stepped = Instant(nanoseconds: (wake.nanoseconds + step - 1) / step * step)
        wheel.set(key, at: inFlight[key]?.hedgeAt.map { min($0, stepped) } ?? stepped)
    }

    private mutating func start(
        _ id: UInt64, _ request: ClientRequest, _ now: Now
    ) throws(RequestFailure) -> InFlight {
        let route = directory.ring.route(bucket: request.key.bucket, token: request.key.token)
        let deadline = now.instant + request.timeout
        let isWrite = if case .write = request.operation { true } else { false }
        let level = request.level ?? (isWrite ? route.properties.write : route.properties.read)
        let quorum = try Quorum(
            level, strict: request.strict, countries: route.countries, gatewayCountry: directory.gatewayCountry)
        let rule = route.properties.conflict.rule
        switch request.operation {
        case .read:
            counters.reads += 1
            var read = ReadCoordinator(
                request.key.bytes, route: route, quorum: quorum, rule: rule, location: request.location,
                deadline: deadline)
            let everyone = route.primaries.count > 1 && directory.chance(1 / GatewayState.oneInAsksAll)
            read.start(everyone: everyone, &directory, now.instant, &effects)
            return InFlight(
                id: id, coordinator: read, startedAt: now.instant, deadline: deadline,
                hedgeAt: route.primaries.count > 1 ? hedging.delay.map { now.instant + $0 } : nil)
        case .write(let value, let contentType, let context, let onlyIfAbsent, let ttl):
            counters.writes += 1
            let expiry = (ttl ?? route.properties.ttlMilliseconds).map {
                WallTime(milliseconds: now.wall.milliseconds &+ min($0, 1 << 45))
            }
            let mint = MintRequest(
                key: request.key.bytes, value: value, contentType: contentType, context: context,
                onlyIfAbsent: onlyIfAbsent, expiresAt: value == nil ? nil : expiry)
            var write = WriteCoordinator(
                mint, bucket: request.key.bucket, route: route, quorum: quorum, begunAt: now.wall, deadline: deadline)
            write.start(&directory, now.instant, &effects)
            return InFlight(id: id, coordinator: write, startedAt: now.instant, deadline: deadline)
        case .list(let range, let reverse, let limit):
            counters.lists += 1
            var list = RangeCoordinator(
                range, reverse: reverse, limit: limit, route: route, quorum: quorum, rule: rule, deadline: deadline)
            list.start(&directory, now.instant, &effects)
            return InFlight(id: id, coordinator: list, startedAt: now.instant, deadline: deadline)
        }
    }

    /// An answer from `node`. One that nobody waits for, or from another node than was asked, is ignored.
    package mutating func receive(
        _ reply: ReplyEnvelope, from node: NodeID, now: Now, _ out: inout Outbox<GatewayEffect>
    ) {
        guard let (key, slot, sentAt) = awaited(reply.id, of: node) else { return }
        let isPage = if case .page = reply.reply { true } else { false }
        directory.change(node) {
            $0.outstanding -= 1
            if isPage { return $0.listed() }
            $0.answered(
                after: now.instant - sentAt, serviceMicroseconds: reply.serviceMicroseconds, inFlight: reply.inFlight)
            $0.tells(clockMs: reply.clockMs, at: now.instant)
        }
        inFlight[key]?.coordinator.receive(reply.reply, slot: slot, &directory, now, &effects)
        if flush(key, now.instant, &out) { setEarlierTimer(key) }
    }

    /// This gateway's own node has made the write of `ask` and commits it next: it may go to the other replicas
    /// at once. It counts for nothing until its answer comes.
    package mutating func prepared(
        _ ask: UInt64, object: [UInt8], wasAbsent: Bool, now: Now, _ out: inout Outbox<GatewayEffect>
    ) {
        guard let (key, slot, _) = awaited(ask, of: directory.identity) else { return }
        inFlight[key]?.coordinator.prepared(
            object, wasAbsent: wasAbsent, slot: slot, &directory, now, &effects)
        flush(key, now.instant, &out)
    }

    /// The ask could not be sent to `node` (`wasSent` is false then), or its connection broke.
    package mutating func fail(
        _ ask: UInt64, from node: NodeID, wasSent: Bool, now: Now, _ out: inout Outbox<GatewayEffect>
    ) {
        guard let (key, slot, _) = awaited(ask, of: node) else { return }
        lost(node)
        inFlight[key]?.coordinator.fail(slot: slot, wasSent: wasSent, &directory, now, &effects)
        if flush(key, now.instant, &out) { setEarlierTimer(key) }
    }

    /// Where an event has brought the next look at the request forward; all else is waited for no longer than before.
    private mutating func setEarlierTimer(_ key: UInt64) {
        if let at = inFlight[key]?.look({ $0.retryAt }).flatMap({ $0 }) { setTimer(key, coordinator: at) }
    }

    /// The request and the slot of `ask`, and when it was sent; nil unless its answer is still to come, from `node`.
    private mutating func awaited(_ ask: UInt64, of node: NodeID) -> (key: UInt64, slot: Int, sentAt: Instant)? {
        let (key, slot) = (ask >> 8, Int(ask & 0xFF))
        guard let pending = inFlight[key]?.look({ $0.pending(slot) }).flatMap({ $0 }), pending.node == node else {
            return nil
        }
        return (key, slot, pending.sentAt)
    }

    /// `node` leaves an ask unanswered.
    private mutating func lost(_ node: NodeID) {
        directory.change(node) {
            $0.outstanding -= 1
            $0.failed()
        }
    }

    /// Looks after what is due. Call at `nextWake`, or every few milliseconds.
    package mutating func wake(now: Now, _ out: inout Outbox<GatewayEffect>) {
        for key in wheel.due(now.instant) {
            guard var next = inFlight[key]?.look({ $0.nextWake }) else { continue }
            let isDue = next <= now.instant
            if let hedgeAt = inFlight[key]?.hedgeAt, hedgeAt <= now.instant {
                inFlight[key]?.hedgeAt = nil
                guard hedge(key, now, &out) else { continue }
            }
            if isDue {
                let open = inFlight[key]?.coordinator.openAsks ?? []
                next = inFlight[key]?.coordinator.wake(&directory, now, &effects) ?? next
                // What was given up is no longer waited for; left counted, it would weigh on the replica for ever.
                for ask in open where inFlight[key]?.coordinator.pending(ask.slot) == nil { lost(ask.node) }
                guard flush(key, now.instant, &out) else { continue }
            }
            setTimer(key, coordinator: max(next, now.instant + .milliseconds(1)))
        }
    }

    /// Returns what `flush` does.
    private mutating func hedge(_ key: UInt64, _ now: Now, _ out: inout Outbox<GatewayEffect>) -> Bool {
        guard let request = inFlight[key], request.coordinator.canHedge(directory) else { return true }
        let elapsed = now.instant - request.startedAt
        let far = (hedging.delay ?? elapsed) * HedgePolicy.farFactor
        guard hedging.spend(isFar: elapsed >= far) else {
            if elapsed < far { inFlight[key]?.hedgeAt = request.startedAt + far }
            return true
        }
        counters.hedges += 1
        for ask in request.coordinator.openAsks {
            directory.change(ask.node) { $0.unanswered(for: elapsed) }
        }
        inFlight[key]?.coordinator.hedge(directory, now.instant, &effects)
        return flush(key, now.instant, &out)
    }

    // MARK: Turning coordinator effects into asks and answers

    /// Also takes the request out if nothing more comes of it, and returns false then.
    @discardableResult
    private mutating func flush(_ key: UInt64, _ now: Instant, _ out: inout Outbox<GatewayEffect>) -> Bool {
        effects.take(into: &taken)
        guard let id = inFlight[key]?.id, let startedAt = inFlight[key]?.startedAt,
            let deadline = inFlight[key]?.deadline
        else { return false }
        for effect in taken {
            switch effect {
            case .ask(let slot, let node, let request):
                // 256 slots are more than replicas, fallbacks and repairs of one request can fill; see
                // RangeCoordinator.
                guard slot <= 0xFF else { continue }
                if case .hint = request { counters.hintedWrites += 1 }
                if case .merge(_, _, true) = request { counters.repairs += 1 }
                directory.change(node) { $0.outstanding += 1 }
                let timeout = request.isWaitedFor(left: deadline - now, of: deadline - startedAt)
                out.emit(.ask(node, RequestEnvelope(id: key << 8 | UInt64(slot), timeout: timeout, request: request)))
            case .takeBack(let slot): out.emit(.takeBack(key << 8 | UInt64(slot)))
            case .answer(let outcome):
                note(outcome, startedAt: startedAt, now)
                out.emit(.answer(id, outcome))
            }
        }
        taken.removeAll(keepingCapacity: true)
        guard inFlight[key]?.look({ $0.isFinished }) ?? true else {
            trail(key, now, &out)
            return true
        }
        for ask in inFlight[key]?.look({ $0.openAsks }) ?? [] { directory.change(ask.node) { $0.outstanding -= 1 } }
        if let bytes = inFlight.remove(key)?.trailingBytes {
            trailingCount -= 1
            trailingBytes -= bytes
        }
        return false
    }

    /// A request that has been answered and goes on counts no longer as a client's; of too many of those the oldest are
    /// let go.
    private mutating func trail(_ key: UInt64, _ now: Instant, _ out: inout Outbox<GatewayEffect>) {
        guard let bytes = inFlight[key]?.look({ $0.isAnswered ? $0.byteCount : nil }).flatMap({ $0 }),
            inFlight[key]?.trailingBytes == nil
        else { return }
        inFlight[key]?.trailingBytes = bytes
        trailing.append(key)
        trailingCount += 1
        trailingBytes += bytes
        while trailingCount > Limits.trailingWrites || trailingBytes > Limits.trailingBytes,
            let first = trailing.popFirst()
        {
            guard inFlight[first] != nil else { continue }
            inFlight[first]?.coordinator.letGo(&directory, now, &effects)
            flush(first, now, &out)
        }
        if trailing.count > 2 * Limits.trailingWrites { trailing.removeAll { inFlight[$0] == nil } }
    }

    private mutating func note(_ outcome: ClientOutcome, startedAt: Instant, _ now: Instant) {
        switch outcome {
        case .object: hedging.observe(now - startedAt)
        case .failed(.quorumNotReached, _): counters.quorumFailures += 1
        default: break
        }
    }
}

extension ReplicaRequest {
    /// How long its answer is of use to a client's request with so much time left. What makes replicas the same is of
    /// use to the end; and all merges of usual writes have the same figure, since those travel together.
    fileprivate func isWaitedFor(left: Span, of whole: Span) -> Span {
        switch self {
        case .read, .readHints, .mint, .range, .compare: min(Limits.replicaTimeout, left)
        case .merge, .hint: max(Limits.replicaTimeout, whole)
        }
    }
}
