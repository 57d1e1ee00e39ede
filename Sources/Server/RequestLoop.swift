// One event loop's share of the node: its gateway, its connections to every peer, its cache of hot objects. Nothing
// here is shared with another loop, so nothing on the way of a request takes a lock but the mailbox of a storage
// thread.

import Causality
import Edge
import Gateway
import Keys
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
    let storage: StorageFront
    private var core: LoopCore
    private var links: [NodeID: PeerLink] = [:]
    private var clients = SlotTable<(outcome: (ClientOutcome) -> Void, startedAt: Instant)>()
    private var ownReads = SlotTable<(ReplicaReply) -> Void>()
    private var connections: [Int: PeerReturn] = [:]
    private var nextConnection = 1
    private var dirtyConnections: Set<Int> = []
    private var effects = Outbox<LoopCore.Effect>()
    /// Empty between events.
    private var taken: [LoopCore.Effect] = []
    /// Work collected during this turn of the loop, handed to the storage threads at its end.
    private var pending = PendingJobs()
    private var isFlushScheduled = false
    private(set) var requests = RequestFigures()
    let watches: LoopWatches
    /// What its services hold for their clients: bytes, and how many readers were let go.
    var clientFigures: [() -> (bytes: Int, readersCutOff: UInt64)] = []
    /// Told beside the core.
    var livenessChanged: ((NodeID, Bool) -> Void)?

    init(
        _ eventLoop: any EventLoop, port: Int, identity: NodeID, storage: StorageFront, random: SeededRandom
    ) {
        self.eventLoop = eventLoop
        self.port = port
        self.identity = identity
        self.storage = storage
        let environment = storage.environment
        let memory = environment.memory
        watches = LoopWatches(eventLoop, port: port)
        let gateway = GatewayState(
            identity: identity, ring: environment.ring, random: random, trailingBytes: memory.trailingBytes,
            now: MachineClock.instant())
        core = LoopCore(
            gateway: gateway, port: port, shards: storage.shards.count, ring: environment.ring,
            stripes: environment.stripes, cacheBytes: memory.readCacheBytes)
    }

    /// Opens a link to every other node. Call on the loop.
    func connect(greeting: PeerGreeting, logger: Logger) {
        for node in storage.environment.ring.document.nodes where node.id != identity {
            let link = PeerLink(
                to: node, lane: .data, on: eventLoop, greeting: greeting,
                queueBytes: storage.environment.memory.peerQueueBytes,
                owner: self, logger: logger)
            links[node.id] = link
            link.start()
        }
    }

    func disconnect() { for link in links.values { link.close() } }

    var requestsInFlight: Int { core.requestsInFlight }

    // MARK: What comes in

    /// Takes a request of a client of this loop; `outcome` is called once, on the loop, later.
    func submit(_ request: ClientRequest, _ outcome: @escaping (ClientOutcome) -> Void) {
        let now = MachineClock.now()
        core.handle(.client(clients.insert((outcome, now.instant)), request), now, &effects)
        scheduleFlush()
    }

    /// A peer's request for one of our replicas. Call on the loop.
    func serve(_ envelope: RequestEnvelope, connection: Int) {
        requests.peerRequests += 1
        hear(.request(envelope, connection: connection))
    }

    /// What this very node stores under `key`, past all quorums; or why it cannot say. Call on the loop.
    func readOwn(_ key: StoredKey, _ outcome: @escaping (ReplicaReply) -> Void) {
        hear(.ownRead(ownReads.insert(outcome), key: key.bytes))
    }

    private func hear(_ input: LoopCore.Input) {
        let now = MachineClock.now()
        core.handle(input, now, &effects)
        carryOut(now)
    }

    // MARK: What goes out

    private func carryOut(_ now: Now) {
        while !effects.isEmpty {
            var unwanted: Set<UInt64> = []
            var unsent: [(ask: UInt64, to: NodeID)] = []
            effects.take(into: &taken)
            for effect in taken {
                switch effect {
                case .send(let envelope, let node):
                    if links[node]?.send(.request(envelope)) == true {
                        scheduleFlush()
                    } else {
                        unsent.append((envelope.id, node))
                    }
                case .work(let part, let job):
                    storage.add(job, to: part, of: &pending)
                    scheduleFlush()
                case .takeBack(let ask): unwanted.insert(ask)
                case .answerPeer(let envelope, let connection):
                    connections[connection]?.send(envelope)
                    dirtyConnections.insert(connection)
                    scheduleFlush()
                case .answer(let id, let outcome):
                    guard let client = clients.remove(id) else { continue }
                    requests.latency.observe(now.instant - client.startedAt)
                    client.outcome(outcome)
                case .answerOwnRead(let id, let reply): ownReads.remove(id)?(reply)
                case .wakeAt(let instant): wake(at: instant)
                }
            }
            taken.removeAll(keepingCapacity: true)
            for (ask, node) in unsent { core.handle(.unsent([ask], node), now, &effects) }
            if !unwanted.isEmpty {
                core.handle(.tookBack(storage.takeBack(unwanted, port: port)), now, &effects)
            }
        }
    }

    /// Timers that an earlier one has made needless find little to do.
    private func wake(at instant: Instant) {
        let delay = max(1_000_000, (instant - MachineClock.instant()).nanoseconds)
        eventLoop.scheduleTask(in: .nanoseconds(delay)) { [self] in hear(.wake(instant)) }
    }

    func scheduleFlush() {
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        eventLoop.execute { [self] in
            hear(.turnEnds)
            isFlushScheduled = false
            storage.environment.serve(at: core.servedAt)
            let refused = storage.submit(&pending)
            for link in links.values { link.flush() }
            for number in dirtyConnections { connections[number]?.flush() }
            dirtyConnections.removeAll(keepingCapacity: true)
            if !refused.isEmpty { hear(.answers(refused)) }
            // An answer may have let the next request of its connection in.
            if core.hasArrivals { scheduleFlush() }
        }
    }

    // MARK: Connections

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

    // MARK: What the control loop says

    func setLiveness(_ node: NodeID, isAlive: Bool) {
        eventLoop.execute { [self] in
            hear(.liveness(node, isAlive: isAlive))
            livenessChanged?(node, isAlive)
        }
    }

    func greeted(by node: NodeID) { eventLoop.execute { [self] in links[node]?.peerIsThere() } }

    func setReplicationDelay(_ node: NodeID, ms: Double) {
        eventLoop.execute { [self] in hear(.replicationDelay(node, ms: ms)) }
    }

    func deliver(_ news: [LiveNews]) { eventLoop.execute { [self] in watches.take(news) } }

    /// A copy of the loop's figures, for metrics.
    func figures() -> EventLoopFuture<LoopFigures> {
        eventLoop.submit { [self] in
            let clients = clientFigures.map { $0() }
            return LoopFigures(
                requests: requests, answers: core.answers, gateway: core.gateway.figures,
                inFlight: core.requestsInFlight,
                cacheHits: core.cache.hits, cacheMisses: core.cache.misses, linksUp: links.values.count { $0.isUp },
                clientBytes: clients.reduce(0) { $0 + $1.bytes },
                readersCutOff: clients.reduce(0) { $0 + $1.readersCutOff })
        }
    }
}

extension RequestLoop: AnswerPort {
    func deliver(_ answers: [StorageAnswer]) { eventLoop.execute { [self] in hear(.answers(answers)) } }
}

extension RequestLoop: PeerLinkOwner {
    func linkChanged(_ link: PeerLink, isUp: Bool) { hear(.link(link.node, isUp: isUp)) }
    func link(_ link: PeerLink, answered replies: [ReplyEnvelope]) { hear(.replies(replies, from: link.node)) }
    func link(_ link: PeerLink, received message: PeerMessage) {}
    func link(_ link: PeerLink, lost requests: [UInt64]) { hear(.lost(requests, link.node)) }
}

/// Totals of one loop, for metrics.
struct RequestFigures: Sendable {
    var peerRequests: UInt64 = 0
    var latency = LatencyBuckets()
    /// Requests that came in over HTTP, by route and status; a handful of pairs.
    var http: [HTTPCount] = []

    struct HTTPCount: Sendable {
        let route: String
        let status: UInt
        var count: UInt64
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
    func countHTTP(_ route: String, _ status: UInt) { requests.count(route, status) }
}

struct LoopFigures: Sendable {
    var requests: RequestFigures
    var answers: AnswerFigures
    var gateway: GatewayFigures
    var inFlight: Int
    var cacheHits: UInt64
    var cacheMisses: UInt64
    var linksUp: Int
    var clientBytes: Int
    var readersCutOff: UInt64
}
