// One request loop: its gateway, its share of the node's replicas, its cache of hot objects.
//
// Clients' requests and peers' come in, and what storage threads and other nodes say; asks to other nodes, work for the
// threads and answers go out. What comes in one turn of the loop is begun together at its end: each step of a request
// is many times what the processor's first cache of instructions holds, and one step for all of them and then the next
// finds more of it there.

package import Gateway
package import Ring
package import Wire
package import World

package struct LoopCore: Sendable {
    package enum Input: Sendable {
        /// A client's request, under its number, which the answer bears.
        case client(UInt64, ClientRequest)
        /// What this very node stores under a key is asked for, past all quorums.
        case ownRead(UInt64, key: [UInt8])
        /// A peer's request for one of this node's replicas, on a connection of this loop.
        case request(RequestEnvelope, connection: Int)
        case replies([ReplyEnvelope], from: NodeID)
        /// These requests were sent, and will not be answered: their link broke.
        case lost([UInt64], NodeID)
        /// These could not be sent.
        case unsent([UInt64], NodeID)
        case link(NodeID, isUp: Bool)
        /// From the storage threads; or in their place, where a mailbox was full.
        case answers([StorageAnswer])
        /// These were taken out of a storage thread's mailbox again.
        case tookBack([UInt64])
        case liveness(NodeID, isAlive: Bool)
        case replicationDelay(NodeID, ms: Double)
        /// It is the time that a `wakeAt` named.
        case wake(Instant)
        case turnEnds
    }

    package enum Effect: Sendable {
        case send(RequestEnvelope, to: NodeID)
        case work(NodePart, StorageJob)
        /// The storage threads shall not begin this ask of the loop's gateway any more, if they have not yet.
        case takeBack(UInt64)
        case answerPeer(ReplyEnvelope, connection: Int)
        case answer(UInt64, ClientOutcome)
        case answerOwnRead(UInt64, ReplicaReply)
        /// Earlier than the last time that was named, or the first.
        case wakeAt(Instant)
    }

    private let identity: NodeID
    private let port: Int
    private let shards: Int
    private let ring: RingSnapshot
    private let stripes: CacheStripes
    package private(set) var gateway: GatewayState
    package private(set) var cache: ReadCache
    package private(set) var answers = AnswerFigures()
    /// When this loop was last asked for anything that somebody waits for: repair gives way to that (RepairPace).
    package private(set) var servedAt = Instant.origin
    private var joints: JointAnswers
    private var alive: [NodeID] = []
    private var linked: [NodeID] = []
    private var arrivals: [(id: UInt64, request: ClientRequest)] = []
    private var wakeAt: Instant?
    private var effects = Outbox<GatewayEffect>()
    /// Empty between events.
    private var taken: [GatewayEffect] = []

    /// `port`: the loop's number, to which answers come. `shards`: how many the node has.
    package init(
        gateway: GatewayState, port: Int, shards: Int, ring: RingSnapshot, stripes: CacheStripes, cacheBytes: Int
    ) {
        identity = gateway.identity
        self.gateway = gateway
        self.gateway.ownShards = shards
        self.port = port
        joints = JointAnswers(port: port)
        self.shards = shards
        self.ring = ring
        self.stripes = stripes
        cache = ReadCache(limit: cacheBytes)
    }

    /// Whether anything has come since the last turn ended.
    package var hasArrivals: Bool { !arrivals.isEmpty }
    package var requestsInFlight: Int { gateway.requestsInFlight + arrivals.count }

    package mutating func handle(_ input: Input, _ now: Now, _ out: inout Outbox<Effect>) {
        switch input {
        case .client(let id, let request):
            servedAt = now.instant
            return arrivals.append((id, request))
        case .request(let envelope, let connection):
            if !envelope.request.isRepair { servedAt = now.instant }
            if let reply = perform(envelope, .peer(connection: connection), now, &out) {
                out.emit(.answerPeer(reply, connection: connection))
            }
            return
        case .ownRead(let id, let key):
            return work(.read(key: key, summaryOver: 0), ReplyAddress(port: port, asker: .ownRead, id: id), now, &out)
        case .replies(let replies, let node):
            for reply in replies { gateway.receive(reply, from: node, now: now, &effects) }
        case .lost(let asks, let node):
            for ask in asks { gateway.fail(ask, from: node, wasSent: true, now: now, &effects) }
        case .unsent(let asks, let node):
            for ask in asks { gateway.fail(ask, from: node, wasSent: false, now: now, &effects) }
        case .tookBack(let asks):
            for ask in asks { gateway.fail(ask, from: identity, wasSent: false, now: now, &effects) }
        case .answers(let answers): for answer in answers { take(answer, now, &out) }
        case .link(let node, let isUp):
            set(&linked, node, isUp)
            // A link that stands is proof enough until gossip says otherwise: a returning node serves at once.
            if isUp { set(&alive, node, true) }
            gateway.setAvailable(node, isUp && alive.contains(node))
        case .liveness(let node, let isAlive):
            set(&alive, node, isAlive)
            gateway.setAvailable(node, isAlive && linked.contains(node))
        case .replicationDelay(let node, let ms): gateway.setReplicationDelay(node, ms: ms)
        case .wake(let instant):
            // One that an earlier one took the place of asks for no successor: they would never end.
            if wakeAt == instant { wakeAt = nil }
            gateway.wake(now: now, &effects)
        case .turnEnds:
            guard !arrivals.isEmpty else { return }
            let begun = arrivals
            arrivals = []
            for (id, request) in begun { gateway.begin(id, request, now: now, &effects) }
        }
        drain(now, &out)
    }

    private func set(_ nodes: inout [NodeID], _ node: NodeID, _ isMember: Bool) {
        nodes.removeAll { $0 == node }
        if isMember { nodes.append(node) }
    }

    /// What the gateway wants done; where that is done at once, what it wants then.
    private mutating func drain(_ now: Now, _ out: inout Outbox<Effect>) {
        while !effects.isEmpty {
            effects.take(into: &taken)
            for effect in taken {
                switch effect {
                case .ask(let node, let envelope):
                    guard node == identity else {
                        out.emit(.send(envelope, to: node))
                        continue
                    }
                    if let reply = perform(envelope, .gateway, now, &out) {
                        gateway.receive(reply, from: node, now: now, &effects)
                    }
                case .takeBack(let ask): out.emit(.takeBack(ask))
                case .answer(let id, let outcome):
                    answers.note(outcome)
                    out.emit(.answer(id, outcome))
                }
            }
        }
        taken.removeAll(keepingCapacity: true)
        guard let next = gateway.nextWake, wakeAt.map({ next < $0 }) ?? true else { return }
        wakeAt = next
        out.emit(.wakeAt(next))
    }

    // MARK: This node's replicas

    /// The answer, if the cache can give it at once.
    private mutating func perform(
        _ envelope: RequestEnvelope, _ asker: ReplyAddress.Asker, _ now: Now, _ out: inout Outbox<Effect>
    ) -> ReplyEnvelope? {
        if case .read(let key, let summaryOver) = envelope.request,
            let object = cache.find(key, stripe: stripes.current(key)),
            summaryOver == 0 || (object?.count ?? 0) <= summaryOver
        {
            return ReplyEnvelope(id: envelope.id, inFlight: 0, serviceMicroseconds: 1, reply: .object(object))
        }
        // The own gateway takes back what it gives up: a mint must not be dropped without its knowing (takeBack).
        let until = asker == .gateway ? nil : envelope.expiry(from: now.instant)
        work(envelope.request, ReplyAddress(port: port, asker: asker, id: envelope.id), until: until, now, &out)
        return nil
    }

    private mutating func work(
        _ request: ReplicaRequest, _ address: ReplyAddress, until: Instant? = nil, _ now: Now,
        _ out: inout Outbox<Effect>
    ) {
        guard shards > 1, case .mergeEach(let keys, let object) = request else {
            let part = Routing.part(for: request, shards: shards, ring: ring)
            return out.emit(
                .work(part, StorageJob(request: request, address: address, cameAt: now.instant, until: until)))
        }
        let parts = Routing.parts(of: keys, shards: shards, ring: ring)
        let joint = parts.count > 1 ? joints.begin(parts: parts.count, for: address) : address
        for keys in parts {
            let request = ReplicaRequest.mergeEach(keys: keys, object: object)
            let part = Routing.part(for: request, shards: shards, ring: ring)
            out.emit(.work(part, StorageJob(request: request, address: joint, cameAt: now.instant, until: until)))
        }
    }

    private mutating func take(_ answer: StorageAnswer, _ now: Now, _ out: inout Outbox<Effect>) {
        if let (key, stripe) = answer.read, case .object(let object) = answer.envelope.reply {
            cache.insert(key, object: object, stripe: stripe)
        }
        switch answer.address.asker {
        case .gateway:
            if answer.isCommitted {
                gateway.receive(answer.envelope, from: identity, now: now, &effects)
            } else if case .minted(let object, let wasAbsent) = answer.envelope.reply {
                gateway.prepared(answer.address.id, object: object, wasAbsent: wasAbsent, now: now, &effects)
            }
        case .peer(let connection): out.emit(.answerPeer(answer.envelope, connection: connection))
        case .ownRead: out.emit(.answerOwnRead(answer.address.id, answer.envelope.reply))
        case .joint: if let whole = joints.add(answer) { take(whole, now, &out) }
        case .control, .live: break
        }
    }
}
