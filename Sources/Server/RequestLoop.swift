// One event loop's share of the node: its gateway, its connections to every peer, its cache of hot objects. Nothing
// here is shared with another loop, so nothing on the way of a request takes a lock but the mailbox of a storage
// thread.

import Causality
import Gateway
import Logging
import NIOCore
import Node
import Ring
import Wire
import World

final class RequestLoop: @unchecked Sendable {
    // Safe to share: all state is only touched on `eventLoop`; the methods that other threads call hop there first.
    let eventLoop: any EventLoop
    private let port: Int
    private let identity: NodeID
    private let storage: StorageFront
    private var gateway: GatewayState
    private var links: [NodeID: PeerLink] = [:]
    private var alive: Set<NodeID> = []
    private var cache: ReadCache
    /// Requests of this turn, begun together at its end. Each step of a request is many times what the processor's
    /// first cache of instructions holds; one step for all of them and then the next finds more of it there.
    private var arrivals: [(request: ClientRequest, outcome: (ClientOutcome) -> Void, at: Instant)] = []
    private var clients = SlotTable<(outcome: (ClientOutcome) -> Void, startedAt: Instant)>()
    private var ownReads = SlotTable<(ReplicaReply) -> Void>()
    private var connections: [Int: PeerReturn] = [:]
    private var nextConnection = 1
    private var dirtyConnections: Set<Int> = []
    private var effects = Outbox<GatewayEffect>()
    /// Empty between turns.
    private var taken: [GatewayEffect] = []
    private var isDraining = false
    private var isFlushScheduled = false
    private var wakeAt: Instant?
    private(set) var statistics = LoopStatistics()
    let memory = ClientMemory()

    init(
        _ eventLoop: any EventLoop, port: Int, identity: NodeID, storage: StorageFront, random: SeededRandom,
        cacheBytes: Int
    ) {
        self.eventLoop = eventLoop
        self.port = port
        self.identity = identity
        self.storage = storage
        gateway = GatewayState(
            identity: identity, ring: storage.environment.ring, random: random, now: MachineClock.instant())
        cache = ReadCache(limit: cacheBytes)
    }

    /// Opens a link to every other node. Call on the loop.
    func connect(hello: @escaping @Sendable (Lane) -> Hello, logger: Logger) {
        for node in storage.environment.ring.document.nodes where node.id != identity {
            let link = PeerLink(to: node, lane: .data, on: eventLoop, hello: hello, owner: self, logger: logger)
            links[node.id] = link
            link.start()
        }
    }

    func disconnect() { for link in links.values { link.close() } }

    // MARK: Clients

    /// Takes a request of a client of this loop; `outcome` is called once, on the loop, later.
    func submit(_ request: ClientRequest, _ outcome: @escaping (ClientOutcome) -> Void) {
        arrivals.append((request, outcome, MachineClock.instant()))
        scheduleFlush()
    }

    private func beginArrivals() {
        guard !arrivals.isEmpty else { return }
        let now = MachineClock.now()
        let begun = arrivals
        // Before any answer, which may let the next request of its connection in.
        arrivals = []
        for (request, outcome, arrivedAt) in begun {
            gateway.begin(clients.insert((outcome, arrivedAt)), request, now: now, &effects)
        }
        drain(now)
    }

    var requestsInFlight: Int { gateway.requestsInFlight + arrivals.count }

    private func drain(_ now: Now) {
        guard !isDraining else { return }
        isDraining = true
        var unwanted: Set<UInt64> = []
        while !effects.isEmpty || !unwanted.isEmpty {
            if effects.isEmpty {
                for id in storage.takeBack(unwanted, port: port) {
                    gateway.fail(id, from: identity, wasSent: false, now: now, &effects)
                }
                unwanted = []
            }
            effects.take(into: &taken)
            for effect in taken {
                switch effect {
                case .ask(let node, let envelope): ask(node, envelope, now)
                case .takeBack(let id): unwanted.insert(id)
                case .answer(let id, let outcome):
                    guard let client = clients.remove(id) else { continue }
                    statistics.note(outcome, MachineClock.instant() - client.startedAt)
                    client.outcome(outcome)
                }
            }
        }
        taken.removeAll(keepingCapacity: true)
        isDraining = false
        armTimer()
    }

    private func ask(_ node: NodeID, _ envelope: RequestEnvelope, _ now: Now) {
        if node == identity {
            if let reply = perform(envelope, .gateway) { gateway.receive(reply, from: node, now: now, &effects) }
        } else if links[node]?.send(.request(envelope)) == true {
            scheduleFlush()
        } else {
            gateway.fail(envelope.id, from: node, wasSent: false, now: now, &effects)
        }
    }

    private func armTimer() {
        // An earlier wake takes the place of a later one, whose task then finds little to do.
        guard let next = gateway.nextWake, wakeAt.map({ next < $0 }) ?? true else { return }
        wakeAt = next
        let delay = max(1_000_000, (next - MachineClock.instant()).nanoseconds)
        eventLoop.scheduleTask(in: .nanoseconds(delay)) { [self] in
            if wakeAt == next { wakeAt = nil }
            let now = MachineClock.now()
            gateway.wake(now: now, &effects)
            drain(now)
        }
    }

    // MARK: This node's replicas

    /// A peer's request for one of our replicas. Call on the loop.
    func serve(_ envelope: RequestEnvelope, connection: Int) {
        statistics.peerRequests += 1
        guard let reply = perform(envelope, .peer(connection: connection)) else { return }
        connections[connection]?.send(reply)
        dirtyConnections.insert(connection)
        scheduleFlush()
    }

    /// The answer, if it can be given at once: from the cache, or a refusal because a thread's mailbox is full.
    private func perform(_ envelope: RequestEnvelope, _ asker: ReplyAddress.Asker) -> ReplyEnvelope? {
        if case .read(let key, let summaryOver) = envelope.request {
            let generation = storage.environment.generations.current(key)
            if let object = cache.find(key, generation: generation),
                summaryOver == 0 || (object?.count ?? 0) <= summaryOver
            {
                return ReplyEnvelope(id: envelope.id, inFlight: 0, serviceMicroseconds: 1, reply: .object(object))
            }
        }
        storage.queue(envelope.request, ReplyAddress(port: port, asker: asker, id: envelope.id), on: self)
        return nil
    }

    /// What this very node stores under `key`, past all quorums; or why it cannot say. Call on the loop.
    func readOwn(_ key: StoredKey, _ outcome: @escaping (ReplicaReply) -> Void) {
        let id = ownReads.insert(outcome)
        storage.queue(
            .read(key: key.bytes, summaryOver: 0), ReplyAddress(port: port, asker: .ownRead, id: id), on: self)
    }

    func addConnection(_ connection: PeerReturn) -> Int {
        let number = nextConnection
        nextConnection += 1
        connections[number] = connection
        return number
    }

    func removeConnection(_ number: Int) {
        connections[number] = nil
        dirtyConnections.remove(number)
    }

    /// Work collected during this turn of the loop, handed to the storage threads at its end.
    var pendingJobs = PendingJobs()

    func scheduleFlush() {
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        eventLoop.execute { [self] in
            beginArrivals()
            isFlushScheduled = false
            let refused = storage.submit(&pendingJobs)
            for link in links.values { link.flush() }
            for number in dirtyConnections { connections[number]?.flush() }
            dirtyConnections.removeAll(keepingCapacity: true)
            if !refused.isEmpty { take(refused) }
            if !arrivals.isEmpty { scheduleFlush() }
        }
    }

    private func take(_ answers: [StorageAnswer]) {
        let now = MachineClock.now()
        for answer in answers {
            if let (key, generation) = answer.read, case .object(let object) = answer.envelope.reply {
                cache.insert(key, object: object, generation: generation)
            }
            switch answer.address.asker {
            case .gateway:
                if answer.isCommitted {
                    gateway.receive(answer.envelope, from: identity, now: now, &effects)
                } else if case .minted(let object, let wasAbsent) = answer.envelope.reply {
                    gateway.prepared(answer.address.id, object: object, wasAbsent: wasAbsent, now: now, &effects)
                }
            case .peer(let connection):
                connections[connection]?.send(answer.envelope)
                dirtyConnections.insert(connection)
            case .ownRead: ownReads.remove(answer.address.id)?(answer.envelope.reply)
            case .control: break
            }
        }
        drain(now)
        if !dirtyConnections.isEmpty { scheduleFlush() }
    }

    // MARK: What the control loop says

    func setLiveness(_ node: NodeID, isAlive: Bool) {
        eventLoop.execute { [self] in
            if isAlive { alive.insert(node) } else { alive.remove(node) }
            gateway.setAvailable(node, isAlive && links[node]?.isUp == true)
        }
    }

    func greeted(by node: NodeID) { eventLoop.execute { [self] in links[node]?.peerIsThere() } }

    func setReplicationDelay(_ node: NodeID, ms: Double) {
        eventLoop.execute { [self] in gateway.setReplicationDelay(node, ms: ms) }
    }

    /// A copy of the loop's figures, for metrics.
    func figures() -> EventLoopFuture<LoopFigures> {
        eventLoop.submit { [self] in
            LoopFigures(
                statistics: statistics, counters: gateway.counters, inFlight: gateway.requestsInFlight,
                cacheHits: cache.hits, cacheMisses: cache.misses, linksUp: links.values.count { $0.isUp },
                clientBytes: memory.heldBytes, readersCutOff: memory.readersCutOff)
        }
    }
}

extension RequestLoop: AnswerPort {
    func deliver(_ answers: [StorageAnswer]) { eventLoop.execute { [self] in take(answers) } }
}

extension RequestLoop: PeerLinkOwner {
    func linkChanged(_ link: PeerLink, isUp: Bool) {
        // A link that stands is proof enough until gossip says otherwise: a returning node serves at once.
        if isUp { alive.insert(link.node) }
        gateway.setAvailable(link.node, isUp && alive.contains(link.node))
    }

    func link(_ link: PeerLink, answered replies: [ReplyEnvelope]) {
        let now = MachineClock.now()
        for envelope in replies { gateway.receive(envelope, from: link.node, now: now, &effects) }
        drain(now)
    }

    func link(_ link: PeerLink, received message: PeerMessage) {}

    func link(_ link: PeerLink, lost requests: [UInt64]) {
        let now = MachineClock.now()
        for id in requests { gateway.fail(id, from: link.node, wasSent: true, now: now, &effects) }
        drain(now)
    }
}

/// Totals of one loop, for metrics.
struct LoopStatistics: Sendable {
    var peerRequests: UInt64 = 0
    var answered: UInt64 = 0
    var failed: UInt64 = 0
    var latency = LatencyBuckets()
    /// Requests that came in over HTTP, by route and status; a handful of pairs.
    var http: [HTTPCount] = []

    struct HTTPCount: Sendable {
        let route: String
        let status: UInt
        var count: UInt64
    }

    mutating func note(_ outcome: ClientOutcome, _ elapsed: Span) {
        latency.observe(elapsed)
        if case .failed(.quorumNotReached, _) = outcome { failed += 1 } else { answered += 1 }
    }

    mutating func count(_ route: String, _ status: UInt) {
        if let place = http.firstIndex(where: { $0.status == status && $0.route == route }) {
            http[place].count += 1
        } else {
            http.append(HTTPCount(route: route, status: status, count: 1))
        }
    }
}

extension RequestLoop {
    func countHTTP(_ route: String, _ status: UInt) { statistics.count(route, status) }
}

struct LoopFigures: Sendable {
    var statistics: LoopStatistics
    var counters: GatewayCounters
    var inFlight: Int
    var cacheHits: UInt64
    var cacheMisses: UInt64
    var linksUp: Int
    var clientBytes: Int
    var readersCutOff: UInt64
}
