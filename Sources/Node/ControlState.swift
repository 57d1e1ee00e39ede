// The part of a node that looks after the cluster rather than after requests: who lives, what they say of themselves,
// and which replicas are to be compared. It owns gossip and anti-entropy and tells the other parts what they need to
// know.

package import Gossip
package import Ring
import Vnodes
import Wire
package import World

enum ControlEffect: Sendable {
    /// Gossip, to carry as it is.
    case gossip([UInt8], to: NodeID)
    /// A step of anti-entropy: to a node, which may be our own; the answer is to come back under `id`.
    case ask(id: UInt64, NodeID, ReplicaRequest)
    /// Keys that anti-entropy could not make the same on this node and a peer.
    case keysApart(KeysApart)
    /// A node died or came back: the gateways choose accordingly.
    case liveness(NodeID, isAlive: Bool)
    /// How far a node says it is behind, for the score.
    case replicationDelay(NodeID, ms: Double)
    /// The cluster remembers a later life of this node than its own disk does (a restored backup): no dot may be minted
    /// under the incarnation in use. The node stops and starts again above `generation`.
    case staleGeneration(UInt64)
}

package struct ControlConfiguration: Sendable {
    package var gossip: GossipConfiguration
    /// Every pair of replicas is compared about once in this time.
    package var repairCycle: Span

    package init(gossip: GossipConfiguration = GossipConfiguration(), repairCycle: Span = Limits.repairCycle) {
        self.gossip = gossip
        self.repairCycle = repairCycle
    }
}

package struct ControlState: Sendable {
    package let identity: NodeID
    private let ring: RingSnapshot
    private var gossiper: Gossiper
    private var antiEntropy: AntiEntropy
    /// Ascending.
    private var alive: [NodeID] = []
    /// Those whose disks are full, as they say themselves.
    private var fullDisks: [NodeID] = []
    private let gossipInterval: Span
    private var nextGossip: Instant
    private var gossipEffects = Outbox<GossipEffect>()
    private var repairEffects = Outbox<AntiEntropyEffect>()
    /// Of the last time, for their room.
    private var gossipTaken: [GossipEffect] = []
    private var repairTaken: [AntiEntropyEffect] = []

    package init(
        identity: NodeID, generation: UInt64, ring: RingSnapshot, configuration: ControlConfiguration,
        random: SeededRandom, now: Instant
    ) {
        self.identity = identity
        self.ring = ring
        let nodes = ring.document.nodes.map(\.id)
        gossiper = Gossiper(
            identity: identity, generation: generation, cluster: ring.document.cluster,
            configuration: configuration.gossip, seeds: nodes, random: random, now: now)
        gossiper.updateMembership(allowed: nodes)
        antiEntropy = AntiEntropy(identity: identity, ring: ring, cycle: configuration.repairCycle, now: now)
        gossipInterval = configuration.gossip.interval
        nextGossip = now
    }

    package var rejectedGossip: UInt64 { gossiper.rejected }
    package var repairedKeys: UInt64 { antiEntropy.repaired }
    package var refusedRepairs: UInt64 { antiEntropy.refused }
    package var keysApart: Int { antiEntropy.keysApart }
    package var completedExchanges: UInt64 { antiEntropy.completed }
    package var abandonedExchanges: UInt64 { antiEntropy.abandoned }
    /// Other nodes that live, as far as this one knows.
    package var living: [NodeID] { alive }
    /// Those of them that take what is kept for them: what a full disk refuses comes back as another hint.
    var takingHints: [NodeID] { alive.filter { !fullDisks.contains($0) } }

    /// Whether `node` says that it knows what `feature` stands for.
    func speaks(_ feature: String, _ node: NodeID) -> Bool {
        let words = gossiper.value(of: node, "features") ?? []
        return words.split(separator: 0x20).contains { $0.elementsEqual(feature.utf8) }
    }

    /// What this node says of itself from now on.
    mutating func publish(_ report: NodeReport) {
        var report = report
        report.keysApart = antiEntropy.keysApart
        for (key, value) in report.pairs where gossiper.value(of: identity, key) != Array(value.utf8) {
            gossiper.set(key, Array(value.utf8))
        }
        noteDisk(of: identity, isFull: report.isDiskFull)
    }

    /// What a full disk has missed is fetched as soon as there is room again: hints by themselves, and the rest (for
    /// which there was none) by comparing all that is shared with it.
    private mutating func noteDisk(of node: NodeID, isFull: Bool) {
        guard fullDisks.contains(node) != isFull else { return }
        if isFull { return fullDisks.append(node) }
        fullDisks.removeAll { $0 == node }
        for peer in node == identity ? alive : [node] { antiEntropy.peerReturned(peer) }
    }

    /// Call every 50 ms or so. `linked`: those who can be asked.
    mutating func tick(_ now: Instant, linked: [NodeID], _ out: inout Outbox<ControlEffect>) {
        if now >= nextGossip {
            nextGossip = max(nextGossip + gossipInterval, now)
            gossiper.tick(now, into: &gossipEffects)
            drainGossip(&out)
        }
        antiEntropy.tick(reachable: alive.filter { linked.contains($0) }, now: now, &repairEffects)
        drainRepair(&out)
    }

    /// A connection to `node` stands: whoever took the other for dead hears at once that it is not.
    mutating func greet(_ node: NodeID, _ out: inout Outbox<ControlEffect>) {
        gossiper.greet(node, into: &gossipEffects)
        drainGossip(&out)
    }

    mutating func gossip(
        _ bytes: [UInt8], from node: NodeID, _ now: Instant, _ out: inout Outbox<ControlEffect>
    ) {
        gossiper.receive(bytes, from: node, now: now, into: &gossipEffects)
        drainGossip(&out)
    }

    mutating func answer(
        _ reply: ReplicaReply, to id: UInt64, _ now: Instant, _ out: inout Outbox<ControlEffect>
    ) {
        antiEntropy.receive(reply, id: id, now: now, &repairEffects)
        drainRepair(&out)
    }

    mutating func fail(_ id: UInt64, _ now: Instant) { antiEntropy.fail(id: id, now: now) }

    /// Every node of the ring, in the order of their names.
    package var table: [NodeStatus] {
        let members = gossiper.members
        return ring.document.nodes.map { node in
            let member = members.first { $0.id == node.id }
            return NodeStatus(
                node: node, isSelf: node.id == identity, status: member?.status ?? .dead,
                generation: member?.generation ?? 0, heartbeatAge: member?.heartbeatAge,
                report: NodeReport(member?.values ?? []))
        }
    }

    // MARK: Passing on

    private mutating func drainGossip(_ out: inout Outbox<ControlEffect>) {
        gossipEffects.take(into: &gossipTaken)
        for effect in gossipTaken {
            switch effect {
            case .send(let bytes, let node): out.emit(.gossip(bytes, to: node))
            case .becameAlive(let node, _):
                guard node != identity else { continue }
                if !alive.contains(node) { alive.insert(node, at: alive.firstIndex { node < $0 } ?? alive.endIndex) }
                antiEntropy.peerReturned(node)
                out.emit(.liveness(node, isAlive: true))
            case .becameDead(let node):
                alive.removeAll { $0 == node }
                out.emit(.liveness(node, isAlive: false))
            case .changed(let node, let key):
                guard key == "lag" || key == "full", node != identity else { continue }
                var report = NodeReport()
                if let value = gossiper.value(of: node, key) { report.take(key, value) }
                if key == "full" {
                    noteDisk(of: node, isFull: report.isDiskFull)
                } else {
                    out.emit(.replicationDelay(node, ms: report.replicationDelayMs))
                }
            case .raisedGeneration(let generation): out.emit(.staleGeneration(generation))
            }
        }
    }

    private mutating func drainRepair(_ out: inout Outbox<ControlEffect>) {
        repairEffects.take(into: &repairTaken)
        for effect in repairTaken {
            switch effect {
            case .ask(let id, let node, let request): out.emit(.ask(id: id, node, request))
            case .apart(let apart): out.emit(.keysApart(apart))
            }
        }
    }
}
