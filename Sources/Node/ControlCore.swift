// The control loop: gossip, hints going home, anti-entropy, names, and what the other parts need to know of the
// cluster.
//
// It asks other nodes over links of its own, for two of its parts; one table says whose an answer is.

package import HintedHandoff
package import Ring
package import Storage
package import Vnodes
package import Wire
package import World

package struct ControlCore: Sendable {
    package enum Input: Sendable {
        case gossip([UInt8], from: NodeID)
        /// The link that gossip and names travel on stands again.
        case gossipLink(NodeID)
        /// What this node says of itself from now on.
        case report(NodeReport)
        /// Answers on the control loop's own links.
        case replies([ReplyEnvelope], from: NodeID)
        /// These asks will not be answered: they could not be sent, or their link broke.
        case lost([UInt64], NodeID)
        /// The link for asks.
        case link(NodeID, isUp: Bool)
        /// From this node's own threads.
        case answers([StorageAnswer])
        /// Hints to carry to their replicas.
        case deliver([HintDelivery])
        /// Found by compares, to be rewritten.
        case expired([ExpiredObject])
        case names(NameDesk.Input)
        case live(LiveDesk.Input)
        /// Every 50 ms or so.
        case tick
    }

    package enum Effect: Sendable {
        case gossip([UInt8], to: NodeID)
        case send(RequestEnvelope, to: NodeID)
        case work(NodePart, StorageJob)
        case hints(HintCore.Job)
        case names(NameDesk.Effect)
        case live(LiveDesk.Effect)
        /// For all request loops.
        case liveness(NodeID, isAlive: Bool)
        case replicationDelay(NodeID, ms: Double)
        /// For the operator.
        case keysApart(KeysApart)
        /// This node must stop and begin again above that life (ControlEffect).
        case staleGeneration(UInt64)
    }

    private enum Asked: Sendable {
        case repair(UInt64)
        case delivery(UInt64)
    }

    package private(set) var state: ControlState
    package private(set) var names: NameDesk
    package private(set) var live: LiveDesk
    private let port: Int
    private let shards: Int
    private let ring: RingSnapshot
    private var asked = SlotTable<Asked>()
    private var linked: [NodeID] = []
    /// Bounded: what finds no room is found again when its partition is compared the next time.
    private var expired: [ExpiredObject] = []
    private var nextReplay: Instant
    private var effects = Outbox<ControlEffect>()
    private var nameEffects = Outbox<NameDesk.Effect>()
    private var liveEffects = Outbox<LiveDesk.Effect>()
    private var liveAsks = Outbox<LiveReads.Ask>()
    /// Of the last time, for their room.
    private var taken: [ControlEffect] = []
    private var namesTaken: [NameDesk.Effect] = []

    package init(
        state: ControlState, names: NameDesk, live: LiveDesk, port: Int, shards: Int, ring: RingSnapshot, now: Instant
    ) {
        self.state = state
        self.names = names
        self.live = live
        self.port = port
        self.shards = shards
        self.ring = ring
        nextReplay = now
    }

    package mutating func handle(_ input: Input, _ now: Now, _ out: inout Outbox<Effect>) {
        switch input {
        case .gossip(let bytes, let node): state.gossip(bytes, from: node, now.instant, &effects)
        case .gossipLink(let node):
            state.greet(node, &effects)
            names.reached(node, now.instant, &nameEffects)
        case .report(let report): state.publish(report)
        case .replies(let replies, let node):
            for reply in replies { answered(reply, node, now, &out) }
        case .lost(let asks, let node):
            for ask in asks { lost(ask, node, now, &out) }
        case .link(let node, let isUp):
            linked.removeAll { $0 == node }
            if isUp { linked.append(node) }
        case .answers(let answers):
            for answer in answers { take(answer, now) }
        case .deliver(let deliveries):
            for delivery in deliveries {
                ask(delivery.target, .delivery(delivery.id), delivery.request, Limits.hintPatience, &out)
            }
        case .expired(let found): expired += found.prefix(max(0, Limits.expiredObjects - expired.count))
        case .names(let input): names.handle(input, now.instant, &nameEffects)
        case .live(let input): live.handle(input, now, &liveEffects, &liveAsks)
        case .tick:
            state.tick(now.instant, linked: linked, &effects)
            names.tick(now.instant, &nameEffects)
            live.tick(now, &liveEffects, &liveAsks)
            if now.instant >= nextReplay { replay(now, &out) }
        }
        drain(now, &out)
    }

    /// An answer of this node's own threads.
    private mutating func take(_ answer: StorageAnswer, _ now: Now) {
        let (reply, id) = (answer.envelope.reply, answer.address.id)
        if answer.address.asker == .live {
            live.answer(id, reply, now, &liveEffects, &liveAsks)
        } else {
            state.answer(reply, to: id, now.instant, &effects)
        }
    }

    private mutating func drain(_ now: Now, _ out: inout Outbox<Effect>) {
        drainLive(now, &out)
        nameEffects.take(into: &namesTaken)
        for effect in namesTaken { out.emit(.names(effect)) }
        effects.take(into: &taken)
        for effect in taken {
            switch effect {
            case .gossip(let bytes, let node): out.emit(.gossip(bytes, to: node))
            case .ask(let id, let node, let request):
                if node == state.identity {
                    work(request, ReplyAddress(port: port, asker: .control, id: id), now, &out)
                } else {
                    ask(node, .repair(id), request, Limits.exchangePatienceLongest, &out)
                }
            case .keysApart(let apart): out.emit(.keysApart(apart))
            case .liveness(let node, let isAlive): out.emit(.liveness(node, isAlive: isAlive))
            case .replicationDelay(let node, let ms): out.emit(.replicationDelay(node, ms: ms))
            case .staleGeneration(let generation): out.emit(.staleGeneration(generation))
            }
        }
    }

    private mutating func drainLive(_ now: Now, _ out: inout Outbox<Effect>) {
        for effect in liveEffects.take() {
            if case .send(_, let node) = effect, !state.speaks(NodeReport.live, node) { continue }
            out.emit(.live(effect))
        }
        for ask in liveAsks.take() {
            work(ask.request, ReplyAddress(port: port, asker: .live, id: ask.id), now, &out)
        }
    }

    // MARK: Asking

    private mutating func ask(
        _ node: NodeID, _ what: Asked, _ request: ReplicaRequest, _ timeout: Span, _ out: inout Outbox<Effect>
    ) {
        out.emit(.send(RequestEnvelope(id: asked.insert(what), timeout: timeout, request: request), to: node))
    }

    private mutating func answered(
        _ envelope: ReplyEnvelope, _ node: NodeID, _ now: Now, _ out: inout Outbox<Effect>
    ) {
        switch asked.remove(envelope.id) {
        case .repair(let id): state.answer(envelope.reply, to: id, now.instant, &effects)
        case .delivery(let id):
            switch envelope.reply {
            case .stored: out.emit(.hints(.confirm(id, node)))
            case .refused(let refusal): out.emit(.hints(.reject(id, node, refusal.code)))
            default: out.emit(.hints(.reject(id, node, .unknown)))
            }
        case nil: break
        }
    }

    private mutating func lost(_ ask: UInt64, _ node: NodeID, _ now: Now, _ out: inout Outbox<Effect>) {
        switch asked.remove(ask) {
        case .repair(let id): state.fail(id, now.instant)
        case .delivery(let id): out.emit(.hints(.lost(id, node)))
        case nil: break
        }
    }

    // MARK: The own disks

    private func work(
        _ request: ReplicaRequest, _ address: ReplyAddress, _ now: Now, _ out: inout Outbox<Effect>
    ) {
        let part = Routing.part(for: request, shards: shards, ring: ring)
        out.emit(.work(part, StorageJob(request: request, address: address, cameAt: now.instant)))
    }

    private mutating func replay(_ now: Now, _ out: inout Outbox<Effect>) {
        nextReplay = now.instant + Limits.replayEvery
        var bytes = 0
        var count = 0
        while count < Limits.expiredAtOnce, bytes < Limits.expiredBytesAtOnce, let next = expired.popLast() {
            bytes += next.byteCount
            count += 1
            work(next.rewrite, .nobody, now, &out)
        }
        out.emit(.hints(.replay(reachable: state.takingHints.filter { linked.contains($0) })))
    }
}
