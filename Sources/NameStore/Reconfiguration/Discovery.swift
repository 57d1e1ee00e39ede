// How a node learns who votes; and how the first set of acceptors comes to be, once in a cluster's life.
//
// Founding is unanimous and done by one: the acceptor with the lowest name, once every acceptor of its ring file has a
// store and has pledged to follow that very founder's store. Pledges are durable and never change, so a wiped founder,
// or a second list of acceptors, founds no second cluster beside the first. Any answer that a cluster exists ends it.

package import World

struct Discovery: Sendable {
    let node: NodeID
    var ring: [NodeID]
    var interval: Span
    /// No question goes out before this.
    var notBefore = Instant.origin
    var isScheduled = false
    /// Stores that pledged to us, by node.
    private var pledged: [NodeID: StoreID] = [:]
    /// Made by us, on its way to our own store first.
    private(set) var founding: Configuration?

    init(node: NodeID, ring: [NodeID], pace: Pace) {
        self.node = node
        self.ring = Array(ring.prefix(Limits.nameAcceptors))
        interval = pace.discovery
    }

    var isFounder: Bool { ring.min() == node }

    mutating func record(_ member: AcceptorID) -> Configuration? {
        guard isFounder, ring.contains(member.node) else { return nil }
        // Made once: a second one could reach our store after the first reached another's.
        if let founding { return member.node == node ? founding : nil }
        pledged[member.node] = member.store
        let members = ring.compactMap { node in pledged[node].map { AcceptorID(node: node, store: $0) } }
        guard members.count == ring.count else { return nil }
        founding = Configuration(epoch: 1, acceptors: members)
        return founding
    }

    func isFounding(_ cluster: ClusterID?) -> Bool {
        guard let founding, let cluster else { return false }
        return ClusterID(founding: founding) == cluster
    }

    mutating func foundingDone() { founding = nil }
}

extension Registry {
    /// Asks everyone who may know.
    mutating func discover(_ now: Instant) {
        discovery.notBefore = now + discovery.interval
        for peer in whoMayKnow { greet(peer, now) }
        guard configuration == nil, !discovery.isScheduled else { return }
        discovery.isScheduled = true
        timers.insert(.discovery, at: now + discovery.interval)
    }

    /// This node's own acceptor first.
    private var whoMayKnow: [NodeID] {
        let all = [node] + discovery.ring + (configuration?.members ?? []).map(\.node)
        return all.enumerated().filter { place, peer in !all[..<place].contains(peer) }.map(\.element)
    }

    /// A link to `peer` stands again. If it may vote it is asked who it is, so that it is known how far it is before
    /// the first request depends on that.
    package mutating func reached(_ peer: NodeID, now: Instant) {
        if whoMayKnow.contains(peer) { greet(peer, now) }
    }

    private mutating func greet(_ peer: NodeID, _ now: Instant) {
        let exchange = makeNumber() << 16
        asked.note(exchange, now)
        outbox.emit(.send(message(.hello, to: nil, exchange: exchange), to: peer))
    }

    mutating func discoveryDue(_ now: Instant) {
        discovery.isScheduled = false
        guard configuration == nil else { return }
        discovery.interval = min(discovery.interval * 2, pace.longestDiscovery)
        discover(now)
    }

    /// Acceptors are silent: perhaps they are none any more.
    mutating func refreshConfiguration(_ now: Instant) {
        if configuration != nil { discovery.interval = Span.seconds(1) }
        if now >= discovery.notBefore { discover(now) }
    }

    mutating func receive(
        _ identity: StoreIdentity, of member: AcceptorID, in message: NameMessage, _ now: Instant
    ) {
        if let found = identity.configuration, let of = message.cluster { learn(found, of: of, now) }
        reconfigurationReceived(.identity(identity), of: message, from: member, now)
        if let configuration, let cluster {
            let isOurs = message.cluster == nil || message.cluster == cluster
            let isBehind = (identity.configuration?.epoch ?? 0) < configuration.epoch
            guard isOurs, isBehind, identity.standing != .quarantined, configuration.contains(member) else { return }
            outbox.emit(.send(self.message(.setEpoch(configuration), to: nil, exchange: 0), to: member.node))
        } else if discovery.isFounder, member.node == node, identity.standing == .unfounded {
            for peer in discovery.ring {
                outbox.emit(.send(self.message(.pledge(founder: member), to: nil, exchange: 0), to: peer))
            }
        }
    }

    mutating func receivePledge(to founder: AcceptorID, from member: AcceptorID, _ now: Instant) {
        guard configuration == nil, founder.node == node, let founding = discovery.record(member) else { return }
        sendFounding(founding, to: node)
    }

    /// Our own store has it: from here on there is but this one first configuration.
    mutating func foundingConfirmed(by peer: NodeID, _ now: Instant) {
        guard peer == node, let founding = discovery.founding else { return }
        discovery.foundingDone()
        for member in founding.acceptors where member.node != node { sendFounding(founding, to: member.node) }
        learn(founding, of: ClusterID(founding: founding), now)
    }

    private mutating func sendFounding(_ founding: Configuration, to peer: NodeID) {
        let message = NameMessage(
            cluster: ClusterID(founding: founding), epoch: 0, store: nil, exchange: 0,
            body: .request(.setEpoch(founding)))
        outbox.emit(.send(message, to: peer))
    }

    /// Takes up a later configuration, and starts what waited for the first one.
    mutating func learn(_ found: Configuration, of cluster: ClusterID, _ now: Instant) {
        guard self.cluster == nil || self.cluster == cluster else { return ignore() }
        guard found.epoch > configuration?.epoch ?? 0 else { return }
        let isFirst = configuration == nil
        self.cluster = cluster
        configuration = found
        quorums = QuorumSystem(found, rules: rules)
        if isFirst { discover(now) }
        if found.isJoint { scheduleResumption(now) }
        let waiting = unstarted
        unstarted = []
        for number in waiting { begin(number, now) }
    }
}
