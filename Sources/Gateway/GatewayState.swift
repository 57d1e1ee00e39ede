// One event loop's gateway: its requests in flight, and what it has learned of the replicas. A pure value: requests,
// answers, failures and time go in; asks and answers come out.

package import Ring
package import Wire
package import World

package enum GatewayEffect: Sendable {
    /// To a node, which may be the gateway's own.
    case ask(NodeID, RequestEnvelope)
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
        /// Boxed, so that an entry is small to move, and changed where it is.
        var coordinator: any Coordinator
        let startedAt: Instant
        /// A hedged read is due then; nil where there is none to come.
        var hedgeAt: Instant?
    }

    /// One read in so many asks every replica, so that what is read at the least level is mended too.
    private static let oneInAsksAll = 32.0

    package private(set) var directory: ReplicaDirectory
    private typealias Requests = [UInt64: InFlight]

    private var inFlight: Requests = [:]
    private var wheel: TimerWheel
    private var hedging = HedgePolicy()
    private var effects = Outbox<CoordinatorEffect>()
    package private(set) var counters = GatewayCounters()

    package init(identity: NodeID, ring: RingSnapshot, random: SeededRandom, now: Instant) {
        directory = ReplicaDirectory(identity: identity, ring: ring, random: random)
        wheel = TimerWheel(now: now)
    }

    package var requestsInFlight: Int { inFlight.count }
    /// When `wake` has something to do; nil if never.
    package var nextWake: Instant? { wheel.next }

    // MARK: What the gateway is told

    package mutating func adopt(_ ring: RingSnapshot) { directory.adopt(ring) }

    package mutating func setAvailable(_ node: NodeID, _ isAvailable: Bool) {
        directory.change(node) { $0.isAvailable = isAvailable }
    }

    package mutating func setReplicationDelay(_ node: NodeID, ms: Double) {
        directory.change(node) { $0.lagMs = ms }
    }

    // MARK: Requests

    /// Starts a request. `id` is the caller's, below 2⁵⁶ and not in use; the answer bears it, and may come at once.
    package mutating func begin(
        _ id: UInt64, _ request: ClientRequest, now: Now, _ out: inout Outbox<GatewayEffect>
    ) {
        guard inFlight.count < Limits.requestsInFlight else {
            return out.emit(.answer(id, .failed(.overloaded, nil)))
        }
        do throws(RequestFailure) {
            try start(id, request, now)
        } catch {
            return out.emit(.answer(id, .failed(error, nil)))
        }
        guard let place = inFlight.index(forKey: id), flush(place, now.instant, &out) else { return }
        let wake = look(place) { $0.nextWake }
        wheel.set(id, at: inFlight.values[place].hedgeAt.map { min($0, wake) } ?? wake)
    }

    private mutating func start(_ id: UInt64, _ request: ClientRequest, _ now: Now) throws(RequestFailure) {
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
            inFlight[id] = InFlight(
                coordinator: read, startedAt: now.instant,
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
                mint, bucket: request.key.bucket, route: route, quorum: quorum, deadline: deadline)
            write.start(&directory, now.instant, &effects)
            inFlight[id] = InFlight(coordinator: write, startedAt: now.instant)
        case .list(let range, let reverse, let limit):
            counters.lists += 1
            var list = RangeCoordinator(
                range, reverse: reverse, limit: limit, route: route, quorum: quorum, rule: rule, deadline: deadline)
            list.start(&directory, now.instant, &effects)
            inFlight[id] = InFlight(coordinator: list, startedAt: now.instant)
        }
    }

    /// An answer from `node`. One that nobody waits for, or from another node than was asked, is ignored.
    package mutating func receive(
        _ reply: ReplyEnvelope, from node: NodeID, now: Now, _ out: inout Outbox<GatewayEffect>
    ) {
        guard let (place, slot, sentAt) = awaited(reply.id, of: node) else { return }
        directory.change(node) {
            $0.outstanding -= 1
            $0.answered(
                after: now.instant - sentAt, serviceMicroseconds: reply.serviceMicroseconds, inFlight: reply.inFlight)
        }
        inFlight.values[place].coordinator.receive(reply.reply, slot: slot, &directory, now, &effects)
        flush(place, now.instant, &out)
    }

    /// This gateway's own node has made the write of `ask` and commits it next: it may go to the other replicas
    /// at once. It counts for nothing until its answer comes.
    package mutating func prepared(
        _ ask: UInt64, object: [UInt8], wasAbsent: Bool, now: Now, _ out: inout Outbox<GatewayEffect>
    ) {
        guard let (place, slot, _) = awaited(ask, of: directory.identity) else { return }
        inFlight.values[place].coordinator.prepared(
            object, wasAbsent: wasAbsent, slot: slot, &directory, now, &effects)
        flush(place, now.instant, &out)
    }

    /// The ask could not be sent to `node`, or its connection broke.
    package mutating func fail(_ ask: UInt64, from node: NodeID, now: Now, _ out: inout Outbox<GatewayEffect>) {
        guard let (place, slot, _) = awaited(ask, of: node) else { return }
        lost(node)
        inFlight.values[place].coordinator.fail(slot: slot, &directory, now, &effects)
        flush(place, now.instant, &out)
    }

    /// The request and the slot of `ask`, and when it was sent; nil unless its answer is still to come, from `node`.
    private mutating func awaited(_ ask: UInt64, of node: NodeID) -> (
        place: Requests.Index, slot: Int, sentAt: Instant
    )? {
        let slot = Int(ask & 0xFF)
        guard let place = inFlight.index(forKey: ask >> 8), let pending = look(place, { $0.pending(slot) }),
            pending.node == node
        else { return nil }
        return (place, slot, pending.sentAt)
    }

    /// Asks a coordinator where it lies: to read it from the dictionary would copy it, with all that it holds.
    private mutating func look<Value>(_ place: Requests.Index, _ question: (inout any Coordinator) -> Value) -> Value {
        question(&inFlight.values[place].coordinator)
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
        for id in wheel.due(now.instant) {
            guard let place = inFlight.index(forKey: id) else { continue }
            var next = inFlight.values[place].coordinator.nextWake
            let isDue = next <= now.instant
            if let hedgeAt = inFlight.values[place].hedgeAt, hedgeAt <= now.instant {
                inFlight.values[place].hedgeAt = nil
                guard hedge(place, now, &out) else { continue }
            }
            if isDue {
                let open = inFlight.values[place].coordinator.openAsks
                next = inFlight.values[place].coordinator.wake(&directory, now, &effects)
                // What was given up is no longer waited for; left counted, it would weigh on the replica for ever.
                for ask in open where inFlight.values[place].coordinator.pending(ask.slot) == nil { lost(ask.node) }
                guard flush(place, now.instant, &out) else { continue }
            }
            let hedgeAt = inFlight.values[place].hedgeAt
            wheel.set(id, at: max(min(next, hedgeAt ?? next), now.instant + .milliseconds(1)))
        }
    }

    /// Returns what `flush` does.
    private mutating func hedge(_ place: Requests.Index, _ now: Now, _ out: inout Outbox<GatewayEffect>) -> Bool {
        guard inFlight.values[place].coordinator.canHedge(directory) else { return true }
        let startedAt = inFlight.values[place].startedAt
        let elapsed = now.instant - startedAt
        let far = (hedging.delay ?? elapsed) * HedgePolicy.farFactor
        guard hedging.spend(isFar: elapsed >= far) else {
            if elapsed < far { inFlight.values[place].hedgeAt = startedAt + far }
            return true
        }
        counters.hedges += 1
        for ask in inFlight.values[place].coordinator.openAsks {
            directory.change(ask.node) { $0.unanswered(for: elapsed) }
        }
        inFlight.values[place].coordinator.hedge(directory, now.instant, &effects)
        return flush(place, now.instant, &out)
    }

    // MARK: Turning coordinator effects into asks and answers

    /// Also takes the request out if nothing more comes of it, and returns false then.
    @discardableResult
    private mutating func flush(_ place: Requests.Index, _ now: Instant, _ out: inout Outbox<GatewayEffect>) -> Bool {
        let id = inFlight.keys[place]
        for effect in effects.take() {
            switch effect {
            case .ask(let slot, let node, let request):
                // 256 slots are more than replicas, fallbacks and repairs of one request can fill; see
                // RangeCoordinator.
                guard slot <= 0xFF else { continue }
                if case .hint = request { counters.hintedWrites += 1 }
                if case .merge(_, _, true) = request { counters.repairs += 1 }
                directory.change(node) { $0.outstanding += 1 }
                let left = UInt32(Limits.replicaTimeout.inMilliseconds)
                out.emit(.ask(node, RequestEnvelope(id: id << 8 | UInt64(slot), timeoutMs: left, request: request)))
            case .answer(let outcome):
                note(outcome, startedAt: inFlight.values[place].startedAt, now)
                out.emit(.answer(id, outcome))
            }
        }
        guard look(place, { $0.isFinished }) else { return true }
        for ask in look(place, { $0.openAsks }) { directory.change(ask.node) { $0.outstanding -= 1 } }
        inFlight.remove(at: place)
        return false
    }

    private mutating func note(_ outcome: ClientOutcome, startedAt: Instant, _ now: Instant) {
        switch outcome {
        case .object: hedging.observe(now - startedAt)
        case .failed(.quorumNotReached, _): counters.quorumFailures += 1
        default: break
        }
    }
}
