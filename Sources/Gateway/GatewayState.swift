// One event loop's gateway: its requests in flight, and what it has learned of the replicas. A pure value: requests,
// answers, failures and time go in; asks and answers come out.

import DataTypes
import DequeModule
import Keys
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
package struct GatewayFigures: Hashable, Sendable {
    package var reads: UInt64 = 0
    package var writes: UInt64 = 0
    package var lists: UInt64 = 0
    package var hedges: UInt64 = 0
    package var hintedWrites: UInt64 = 0
    package var repairs: UInt64 = 0
}

package struct GatewayState: Sendable {
    private struct InFlight: Sendable {
        /// Whom it counts with.
        enum Place {
            case client
            /// With so much against what such may hold.
            case trailing(byteCount: Int)
        }

        /// The caller's number.
        let id: UInt64
        var request: CoordinatedRequest
        let startedAt: Instant
        /// When the client's time is over.
        let deadline: Instant
        /// A hedged read is due then; nil where there is none to come.
        var hedgeAt: Instant?
        var place = Place.client
    }

    /// One read in so many asks every replica, so that what is read at the least level is mended too.
    private static let oneInAsksAll = 32.0

    /// Deadlines are looked at in steps of this: a timer a millisecond would cost more than the requests it looks
    /// after.
    private static let deadlineStep = Span.milliseconds(10)

    private(set) var directory: ReplicaDirectory
    /// Each is taken out while something happens to it, and put back.
    private var inFlight = SlotTable<InFlight>()
    private var trailing: TrailingBudget
    /// How many storage shards the own node has.
    package var ownShards = 1
    /// Requests in flight at most, those aside that are answered.
    private let places: Int
    private var wheel: TimerWheel
    private var hedging = HedgePolicy()
    private var effects = Outbox<CoordinatorEffect>()
    /// Empty between events.
    private var taken: [CoordinatorEffect] = []
    package private(set) var figures = GatewayFigures()

    package init(
        identity: NodeID, ring: RingSnapshot, random: SeededRandom, places: Int = Limits.requestsInFlight,
        trailingBytes: Int = Limits.trailingBytes, now: Instant
    ) {
        self.places = places
        trailing = TrailingBudget(bytes: trailingBytes)
        directory = ReplicaDirectory(identity: identity, ring: ring, random: random)
        wheel = TimerWheel(now: now)
    }

    package var identity: NodeID { directory.identity }
    package var requestsInFlight: Int { inFlight.count }
    /// When `wake` has something to do; nil if never. Mutating, so that the question is not asked of a copy.
    package var nextWake: Instant? { mutating get { wheel.next } }

    // MARK: What the gateway is told

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
        guard inFlight.count - trailing.count < places else {
            return out.emit(.answer(id, .failed(.overloaded, nil)))
        }
        let started: InFlight
        do throws(RequestFailure) {
            started = try start(id, request, now)
        } catch {
            return out.emit(.answer(id, .failed(error, nil)))
        }
        let wake = started.request.nextWake
        settle(inFlight.reserve(), started, wake: wake, now.instant, &out)
    }

    private mutating func start(
        _ id: UInt64, _ request: ClientRequest, _ now: Now
    ) throws(RequestFailure) -> InFlight {
        let route = directory.ring.route(bucket: request.key.bucket, token: request.key.token)
        let deadline = now.instant + request.timeout
        let level = request.level ?? (request.operation.isWrite ? route.properties.write : route.properties.read)
        let quorum = try Quorum(
            level, strict: request.strict, countries: route.countries, gatewayCountry: directory.gatewayCountry)
        let rule = route.properties.conflict
        switch request.operation {
        case .read:
            figures.reads += 1
            var read = ReadCoordinator(
                request.key.bytes, route: route, quorum: quorum, rule: rule, location: request.location,
                deadline: deadline)
            let everyone = route.primaries.count > 1 && directory.chance(1 / GatewayState.oneInAsksAll)
            read.start(everyone: everyone, &directory, now.instant, &effects)
            return InFlight(
                id: id, request: .read(Boxed(read)), startedAt: now.instant, deadline: deadline,
                hedgeAt: route.primaries.count > 1 ? hedging.delay.map { now.instant + $0 } : nil)
        case .write(let value, let contentType, let context, let onlyIfAbsent, let ttl):
            figures.writes += 1
            let expiry = GatewayState.expiry(ttl, route.properties, now.wall)
            let mint = MintRequest(
                key: request.key.bytes, value: value, contentType: contentType, context: context,
                onlyIfAbsent: onlyIfAbsent, expiresAt: value == nil ? nil : expiry)
            var write = WriteCoordinator(
                mint, bucket: request.key.bucket, route: route, quorum: quorum, begunAt: now.wall, deadline: deadline)
            write.start(&directory, now.instant, &effects)
            return InFlight(id: id, request: .write(Boxed(write)), startedAt: now.instant, deadline: deadline)
        case .operate(var call, let context, let onlyIfAbsent):
            figures.writes += 1
            call.expiresAt = GatewayState.expiry(call.ttlMs, route.properties, now.wall)
            let mint = MintRequest(key: request.key.bytes, value: [], context: context, onlyIfAbsent: onlyIfAbsent)
            var operation = OperationCoordinator(
                mint, call, bucket: request.key.bucket, route: route, quorum: quorum, deadline: deadline)
            operation.start(&directory, now.instant, &effects)
            return InFlight(id: id, request: .operation(Boxed(operation)), startedAt: now.instant, deadline: deadline)
        case .insert(let keys, let value, let contentType):
            let insert = try insert(keys, value, contentType, route.properties, deadline: deadline, now)
            return InFlight(id: id, request: .insert(Boxed(insert)), startedAt: now.instant, deadline: deadline)
        case .list(let range, let reverse, let limit):
            figures.lists += 1
            var list = RangeCoordinator(
                range, reverse: reverse, limit: limit, route: route, quorum: quorum, rule: rule, deadline: deadline)
            list.start(&directory, now.instant, &effects)
            return InFlight(id: id, request: .list(Boxed(list)), startedAt: now.instant, deadline: deadline)
        }
    }

    private mutating func insert(
        _ keys: [StoredKey], _ value: [UInt8], _ contentType: String, _ properties: BucketProperties,
        deadline: Instant, _ now: Now
    ) throws(RequestFailure) -> InsertCoordinator {
        guard let first = keys.first, keys.count <= Limits.insertedKeys, properties.takesInserts,
            keys.allSatisfy({ $0.bucket == first.bucket }), value.count * keys.count <= Limits.batchBytes / 2
        else { throw .malformed("not what can be inserted under many keys") }
        figures.writes += UInt64(keys.count)
        let ring = directory.ring
        let request = InsertRequest(
            keys: keys.map(\.bytes), value: value, contentType: contentType,
            expiresAt: GatewayState.expiry(nil, properties, now.wall))
        let routes = keys.map { ring.route(bucket: $0.bucket, token: $0.token) }
        var insert = InsertCoordinator(request, bucket: first.bucket, routes: routes, deadline: deadline)
        let shards = keys.map { ring.shard(of: $0.token, among: ownShards) }
        insert.start(shards: shards, directory, now.instant, &effects)
        return insert
    }

    /// When what is written now ends: `ttlMs` from now, or as its bucket says.
    private static func expiry(_ ttlMs: UInt64?, _ properties: BucketProperties, _ now: WallTime) -> WallTime? {
        (ttlMs ?? properties.ttlMilliseconds).map {
            WallTime(milliseconds: now.milliseconds &+ min($0, 1 << 45))
        }
    }

    /// An answer from `node`. One that nobody waits for, or from another node than was asked, is ignored.
    package mutating func receive(
        _ reply: ReplyEnvelope, from node: NodeID, now: Now, _ out: inout Outbox<GatewayEffect>
    ) {
        guard let (found, sentAt) = takeOut(asked: reply.id, of: node) else { return }
        // What holds it twice would copy it when it changes.
        var one = consume found
        let isPage = if case .page = reply.reply { true } else { false }
        let isFailure = if case .refused(let refusal) = reply.reply { refusal.isFailure } else { false }
        directory.change(node) {
            $0.outstanding -= 1
            if isPage { return $0.listed() }
            if isFailure {
                $0.failed()
            } else {
                $0.answered(
                    after: now.instant - sentAt, serviceMicroseconds: reply.serviceMicroseconds,
                    inFlight: reply.inFlight)
            }
            $0.tells(clockMs: reply.clockMs, at: now.instant)
        }
        let ask = AskNumber(reply.id)
        one.request.receive(reply.reply, slot: ask.slot, &directory, now, &effects)
        let wake = one.request.retryAt
        settle(ask.request, one, wake: wake, now.instant, &out)
    }

    /// This gateway's own node has made the write of `ask` and commits it next: it may go to the other replicas
    /// at once. It counts for nothing until its answer comes.
    package mutating func prepared(
        _ ask: UInt64, object: [UInt8], wasAbsent: Bool, now: Now, _ out: inout Outbox<GatewayEffect>
    ) {
        guard var one = takeOut(asked: ask, of: directory.identity)?.one else { return }
        let ask = AskNumber(ask)
        one.request.prepared(object, wasAbsent: wasAbsent, slot: ask.slot, &directory, now, &effects)
        settle(ask.request, one, wake: nil, now.instant, &out)
    }

    /// The ask could not be sent to `node` (`wasSent` is false then), or its connection broke.
    package mutating func fail(
        _ ask: UInt64, from node: NodeID, wasSent: Bool, now: Now, _ out: inout Outbox<GatewayEffect>
    ) {
        guard var one = takeOut(asked: ask, of: node)?.one else { return }
        let ask = AskNumber(ask)
        lost(node)
        one.request.fail(slot: ask.slot, wasSent: wasSent, &directory, now, &effects)
        let wake = one.request.retryAt
        settle(ask.request, one, wake: wake, now.instant, &out)
    }

    /// The request of the ask `id` of `node` whose answer is still to come, taken out, and when that was sent.
    private mutating func takeOut(asked id: UInt64, of node: NodeID) -> (one: InFlight, sentAt: Instant)? {
        let ask = AskNumber(id)
        guard let one = inFlight.take(ask.request) else { return nil }
        guard let pending = one.request.pending(ask.slot), pending.node == node else {
            inFlight.put(one, ask.request)
            return nil
        }
        return (one, pending.sentAt)
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
            guard var one = inFlight.take(key) else { continue }
            let isDue = one.request.nextWake <= now.instant
            if let hedgeAt = one.hedgeAt, hedgeAt <= now.instant { hedge(&one, now) }
            if isDue {
                let open = one.request.openAsks
                one.request.wake(&directory, now, &effects)
                // What was given up is no longer waited for; left counted, it would weigh on the replica for ever.
                for ask in open where one.request.pending(ask.slot) == nil { lost(ask.node) }
            }
            let next = max(one.request.nextWake, now.instant + .milliseconds(1))
            settle(key, one, wake: next, now.instant, &out)
        }
    }

    private mutating func hedge(_ one: inout InFlight, _ now: Now) {
        one.hedgeAt = nil
        guard one.request.canHedge(directory) else { return }
        let elapsed = now.instant - one.startedAt
        let far = (hedging.delay ?? elapsed) * HedgePolicy.farFactor
        guard hedging.spend(isFar: elapsed >= far) else {
            if elapsed < far { one.hedgeAt = one.startedAt + far }
            return
        }
        figures.hedges += 1
        for ask in one.request.openAsks {
            directory.change(ask.node) { $0.unanswered(for: elapsed) }
        }
        one.request.hedge(directory, now.instant, &effects)
    }

    // MARK: Turning coordinator effects into asks and answers

    /// Hands out what the request wants, and puts it back, to be looked at again at `wake` (nil: when it was to be
    /// before); or gives up its place, if nothing more comes of it.
    private mutating func settle(
        _ key: UInt64, _ one: consuming InFlight, wake: Instant?, _ now: Instant, _ out: inout Outbox<GatewayEffect>
    ) {
        flush(key, one.id, startedAt: one.startedAt, deadline: one.deadline, now, &out)
        switch (one.request.progress, one.place) {
        case (.finished, let place):
            for ask in one.request.openAsks { directory.change(ask.node) { $0.outstanding -= 1 } }
            inFlight.release(key)
            if case .trailing(let bytes) = place { trailing.remove(byteCount: bytes) }
        case (.open, _), (.trailing, .trailing):
            if let wake { setTimer(key, coordinator: wake, hedge: one.hedgeAt) }
            inFlight.put(one, key)
        case (.trailing(let bytes), .client):
            if let wake { setTimer(key, coordinator: wake, hedge: one.hedgeAt) }
            one.place = .trailing(byteCount: bytes)
            inFlight.put(one, key)
            trailing.add(key, byteCount: bytes)
            letGo(now, &out)
        }
    }

    /// Of requests that trail, those that are too many.
    private mutating func letGo(_ now: Instant, _ out: inout Outbox<GatewayEffect>) {
        while let key = trailing.next() {
            guard var one = inFlight.take(key) else { continue }
            one.request.letGo(&directory, now, &effects)
            settle(key, one, wake: nil, now, &out)
        }
        trailing.tidy { !inFlight.contains($0) }
    }

    /// For the earlier of what the coordinator and a hedge are due at.
    private mutating func setTimer(_ key: UInt64, coordinator wake: Instant, hedge: Instant?) {
        let step = GatewayState.deadlineStep.nanoseconds
        let stepped = Instant(nanoseconds: (wake.nanoseconds + step - 1) / step * step)
        wheel.set(key, at: hedge.map { min($0, stepped) } ?? stepped)
    }

    private mutating func flush(
        _ key: UInt64, _ id: UInt64, startedAt: Instant, deadline: Instant, _ now: Instant,
        _ out: inout Outbox<GatewayEffect>
    ) {
        effects.take(into: &taken)
        for effect in taken {
            switch effect {
            case .ask(let slot, let node, let request):
                guard let ask = AskNumber(request: key, slot: slot) else { continue }
                if case .hint = request { figures.hintedWrites += 1 }
                if case .merge(_, _, true) = request { figures.repairs += 1 }
                directory.change(node) { $0.outstanding += 1 }
                let timeout = request.isWaitedFor(left: deadline - now, of: deadline - startedAt)
                out.emit(.ask(node, RequestEnvelope(id: ask.id, timeout: timeout, request: request)))
            case .takeBack(let slot): if let ask = AskNumber(request: key, slot: slot) { out.emit(.takeBack(ask.id)) }
            case .answer(let outcome):
                note(outcome, startedAt: startedAt, now)
                out.emit(.answer(id, outcome))
            }
        }
        taken.removeAll(keepingCapacity: true)
    }

    private mutating func note(_ outcome: ClientOutcome, startedAt: Instant, _ now: Instant) {
        if case .object = outcome { hedging.observe(now - startedAt) }
    }
}

/// What an ask is called on its way: the request's place in the table, and the ask's among the request's.
private struct AskNumber {
    let request: UInt64
    let slot: Int

    init(_ id: UInt64) {
        request = id >> 8
        slot = Int(id & 0xFF)
    }

    /// 256 slots are more than replicas, fallbacks and repairs of one request can fill; see RangeCoordinator.
    init?(request: UInt64, slot: Int) {
        guard slot <= 0xFF else { return nil }
        self.request = request
        self.slot = slot
    }

    var id: UInt64 { request << 8 | UInt64(slot) }
}

extension ReplicaRequest {
    /// How long its answer is of use to a client's request with so much time left. What makes replicas the same is of
    /// use to the end; and all merges of usual writes have the same figure, since those travel together.
    fileprivate func isWaitedFor(left: Span, of whole: Span) -> Span {
        switch self {
        case .read, .readHints, .mint, .insert, .mergeEach, .range, .compare: min(Limits.replicaTimeout, left)
        case .merge, .hint: max(Limits.replicaTimeout, whole)
        }
    }
}
