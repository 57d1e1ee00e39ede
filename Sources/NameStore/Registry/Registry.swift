// The proposers' side of the namestore on one node: requests in, messages to acceptors out, answers back. No leader, no
// lease: every node's registry drives its own requests, and any of them may die at any point.

package import World

/// What a registry wants done.
package enum NameEffect: Equatable, Sendable {
    /// To a node, this one included: requests go to its acceptor, replies to its registry.
    case send(NameMessage, to: NodeID)
    case answer(request: UInt64, NameAnswer)
    case progress(ReconfigurationProgress)
    /// Nil: a reconfiguration that this node took up by itself.
    case reconfigured(request: UInt64?, ReconfigurationOutcome)
}

/// One node's registry. The owner calls an event, drains `outbox`, and calls `wake` at `nextWake`.
package struct Registry: Sendable {
    package let node: NodeID
    /// In force as far as this node knows; nil until it has heard.
    package internal(set) var configuration: Configuration?
    package internal(set) var cluster: ClusterID?
    package var outbox = Outbox<NameEffect>()
    package internal(set) var figures = Figures()

    /// Counted for metrics; nothing depends on them.
    package struct Figures: Equatable, Sendable {
        var fastAttempts = 0
        package var phases = 0
        package var refused = 0
        var messagesIgnored = 0
    }

    let rules: QuorumRules
    let pace: Pace
    var quorums: QuorumSystem?
    var latencies = Latencies()
    var asked = AskedTimes()
    var rounds: RoundClock
    var random: SeededRandom
    var timers = TimerQueue<Timer>()
    var operations: [UInt64: Pending] = [:]
    /// In order of arrival: for those that came before a configuration was known.
    var unstarted: [UInt64] = []
    var queues = KeyQueues()
    var seen: SeenNames
    var nextNumber: UInt64
    var discovery: Discovery
    var reconfiguration: Reconfiguration?

    enum Timer: Sendable {
        case deadline(UInt64)
        case stage(UInt64, token: UInt64)
        case discovery
        case reconfiguration(token: UInt64)
        case resumption(epoch: UInt64)
    }

    /// - Parameters:
    ///   - session: random at each start of the process. It makes this process's ballots and exchanges its own.
    ///   - random: for back-off.
    ///   - ring: the nodes that the ring file names as acceptors: where to ask for the configuration, and who founds
    ///     the cluster if there is none. 1 to `Limits.nameAcceptors`.
    package init(
        node: NodeID, session: UInt64, random: SeededRandom, ring: [NodeID], pace: Pace = Pace(),
        rules: QuorumRules = .standard
    ) {
        self.node = node
        self.pace = pace
        self.rules = rules
        self.random = random
        rounds = RoundClock(node: node, session: session)
        seen = SeenNames(capacity: Limits.namesSeen)
        nextNumber = session >> 16
        discovery = Discovery(node: node, ring: ring, pace: pace)
    }

    /// Call once, before any other event.
    package mutating func start(now: Instant) { discover(now) }

    /// When `wake` is due; nil if never.
    package var nextWake: Instant? { timers.next }

    package mutating func wake(now: Instant) {
        while let timer = timers.pop(upTo: now) {
            switch timer {
            case .deadline(let number):
                guard let pending = operations[number] else { continue }
                let mayTakeEffect = pending.proposal?.mayTakeEffect ?? false
                conclude(number, .unknown(mayTakeEffect: mayTakeEffect), now)
            case .stage(let number, let token):
                guard operations[number]?.timerToken == token else { continue }
                perform(number, now) { $0.timeUp(&$1) }
            case .discovery: discoveryDue(now)
            case .reconfiguration(let token): reconfigurationDue(token, now)
            case .resumption(let epoch): resumptionDue(epoch, now)
            }
        }
    }

    /// At this node's acceptor the fast ballot is over for these: it would be tried in vain, and a look may be enough.
    package mutating func saw(_ keys: [RegisterKey]) {
        for key in keys where !key.isConfiguration { seen.insert(key) }
    }

    /// This node's acceptor is told of an epoch: its registry listens. A founding epoch may yet come to nothing, and
    /// the first one is learned from whoever has it stored.
    package mutating func overhear(_ message: NameMessage, now: Instant) {
        guard case .request(.setEpoch(let found)) = message.body, let told = message.cluster, cluster == told else {
            return
        }
        learn(found, of: told, now)
    }

    /// A message from a node of the cluster. Requests belong to the acceptor and are ignored here.
    package mutating func receive(_ message: NameMessage, from peer: NodeID, now: Instant) {
        guard case .reply(let reply) = message.body, let store = message.store else { return ignore() }
        latencies.heard(from: peer)
        if case .identity(let identity) = reply {
            let member = AcceptorID(node: peer, store: store)
            receive(identity, of: member, in: message, now)
            // Once more, until the first few are there.
            if measure(member, message.exchange, now), latencies.isNew(peer) { reached(peer, now: now) }
            return
        }
        if case .pledged(let founder) = reply {
            return receivePledge(to: founder, from: AcceptorID(node: peer, store: store), now)
        }
        if case .epochSet = reply, discovery.isFounding(message.cluster) {
            return foundingConfirmed(by: peer, now)
        }
        guard let cluster, message.cluster == cluster else { return ignore() }
        switch reply {
        case .wrongEpoch(let configuration):
            learn(configuration, of: cluster, now)
            restart(message.exchange, now)
        case .behind: catchUp(peer, store: store, exchange: message.exchange)
        case .vote(let vote): receive(vote, of: message, from: AcceptorID(node: peer, store: store), now)
        case .epochSet, .page:
            reconfigurationReceived(reply, of: message, from: AcceptorID(node: peer, store: store), now)
        case .identity, .pledged: break
        }
    }

    mutating func ignore() { figures.messagesIgnored += 1 }

    mutating func makeNumber() -> UInt64 {
        nextNumber = (nextNumber &+ 1) & (1 << 48 - 1)
        return nextNumber
    }

    func message(_ request: NameRequest, to store: StoreID?, exchange: UInt64) -> NameMessage {
        NameMessage(
            cluster: cluster, epoch: configuration?.epoch ?? 0, store: store, exchange: exchange,
            body: .request(request))
    }
}
