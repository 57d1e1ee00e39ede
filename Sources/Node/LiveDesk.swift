// Live reads of one node: what its gateway keeps open for clients, and what its replicas tell the gateways of others.
//
//     clients ──▶ LiveHub ──▶ other nodes' WatchTables            other nodes' LiveHubs ──▶ WatchTable ──▶ shards
//
// Both speak to this very node as to any other, but for the wire. Reads of the own disks go to the shards like those of
// requests, a few at a time (LiveReads).

package import DataTypes
package import Live
import Gateway
package import Ring
import Wire
package import World

package struct LiveDesk: Sendable {
    package enum Input: Sendable {
        /// A client's connection begins; its number is never used twice in a life.
        case subscribe(UInt64, LiveSubscription)
        /// The sockets of these have taken all that was written.
        case drained([UInt64])
        case closed(UInt64)
        /// A connection says something to all others that look at its key: JSON of one line.
        case say(UInt64, Writer, [UInt8])
        case message(LiveMessage, from: NodeID)
        /// A shard has committed.
        case changed(Changes)
    }

    package enum Effect: Sendable {
        case send(LiveMessage, to: NodeID)
        /// The next block follows when this one was `drained`.
        case write(UInt64, [ArraySlice<UInt8>])
        /// Nothing follows, nor is `closed` waited for.
        case end(UInt64, LiveEnd)
        /// How long after their making changes were written to sockets: one for each.
        case told(after: [Span])
    }

    private let identity: NodeID
    private let positions: ChangePositions
    private var table: WatchTable
    private var hub: LiveHub
    private var reads: LiveReads
    /// Up to there nothing is told of as a change: whatever is read has it. Nil while the shards tell of nothing.
    private var watchedFrom: [UInt64]?
    private var idleSince: Instant?
    private var tableEffects = Outbox<WatchTable.Effect>()
    private var hubEffects = Outbox<LiveHub.Effect>()

    /// - Parameter life: of this node; greater with each.
    package init(
        identity: NodeID, life: UInt64, shards: Int, ring: RingSnapshot, positions: ChangePositions, room: LiveRoom,
        now: Now
    ) {
        self.identity = identity
        self.positions = positions
        table = WatchTable(identity: identity, life: life, shards: shards, ring: ring, room: room)
        hub = LiveHub(identity: identity, life: life, ring: ring, room: room)
        reads = LiveReads(shards: shards)
        hub.handle(.ranking(LiveDesk.ranking(identity, ring.document)), now, &hubEffects)
    }

    package var figures: LiveFigures {
        LiveFigures(
            subscribers: hub.subscriberCount, watches: hub.watchCount, told: table.watchCount)
    }

    /// The own node, then its zone's, its country's, and the others by distance. Where that says nothing they stand in
    /// the order of a key's primaries.
    private static func ranking(_ identity: NodeID, _ ring: RingDocument) -> [NodeID] {
        guard let home = ring.node(identity) else { return [] }
        func cost(_ node: RingNode) -> Double {
            if node.id == identity { return -3 }
            if node.country == home.country { return node.zone == home.zone ? -2 : -1 }
            guard let a = home.location, let b = node.location else { return .infinity }
            return Geography.roundTripMs(a, b)
        }
        let costs = ring.nodes.map { (id: $0.id, cost: cost($0)) }
        return costs.filter { $0.cost < .infinity }.sorted { $0.cost < $1.cost }.map(\.id)
    }

    // MARK: What comes in

    /// `speaks`: which nodes may be sent messages of live reads. What is to be asked of the own disks comes out as
    /// `work`; its answers are for `answer`.
    mutating func handle(
        _ input: Input, _ now: Now, _ out: inout Outbox<Effect>, _ work: inout Outbox<LiveReads.Ask>
    ) {
        switch input {
        case .subscribe(let id, let subscription): hub.handle(.subscribe(id, subscription), now, &hubEffects)
        case .drained(let ids): hub.handle(.drained(ids), now, &hubEffects)
        case .closed(let id): hub.handle(.closed(id), now, &hubEffects)
        case .say(let id, let from, let data): hub.handle(.say(id, from, data), now, &hubEffects)
        case .message(let message, let node): receive(message, node, now)
        case .changed(let changes):
            guard let from = watchedFrom, from.indices.contains(changes.shard), changes.position > from[changes.shard]
            else { return }
            table.handle(.changed(changes), now, &tableEffects)
        }
        drain(now, &out, &work)
    }

    /// Call every 50 to 250 ms.
    mutating func tick(_ now: Now, _ out: inout Outbox<Effect>, _ work: inout Outbox<LiveReads.Ask>) {
        table.handle(.tick, now, &tableEffects)
        hub.handle(.tick, now, &hubEffects)
        drain(now, &out, &work)
        rest(now.instant)
    }

    /// The answer to an ask.
    mutating func answer(
        _ ask: UInt64, _ reply: ReplicaReply, _ now: Now, _ out: inout Outbox<Effect>,
        _ work: inout Outbox<LiveReads.Ask>
    ) {
        guard let input = reads.answered(ask, reply, &work) else { return }
        table.handle(input, now, &tableEffects)
        drain(now, &out, &work)
    }

    private mutating func receive(_ message: LiveMessage, _ node: NodeID, _ now: Now) {
        switch message {
        case .watch, .unwatch, .renew, .read, .changes, .say:
            if case .watch = message { beginWatching(now) }
            table.handle(.received(message, from: node), now, &tableEffects)
        case .notice, .refused, .unknown, .contents, .changed, .said:
            hub.handle(.received(message, from: node), now, &hubEffects)
        }
    }

    private mutating func drain(_ now: Now, _ out: inout Outbox<Effect>, _ work: inout Outbox<LiveReads.Ask>) {
        while !tableEffects.isEmpty || !hubEffects.isEmpty {
            for effect in tableEffects.take() {
                switch effect {
                case .send(let message, let node): send(message, node, now, &out)
                case .read(let id, let shard, let keys, let bytes):
                    reads.read(id, shard: shard, keys: keys, atMostBytes: bytes, &work)
                case .list(let id, _, let range, let limit): reads.list(id, range, limit: limit, &work)
                }
            }
            for effect in hubEffects.take() {
                switch effect {
                case .send(let message, let node): send(message, node, now, &out)
                case .write(let id, let pieces): out.emit(.write(id, pieces))
                case .end(let id, let reason): out.emit(.end(id, reason))
                }
            }
        }
        let delays = hub.takeDelays()
        if !delays.isEmpty { out.emit(.told(after: delays)) }
    }

    private mutating func send(_ message: LiveMessage, _ node: NodeID, _ now: Now, _ out: inout Outbox<Effect>) {
        if node == identity { receive(message, node, now) } else { out.emit(.send(message, to: node)) }
    }

    // MARK: Whether the shards tell

    private mutating func beginWatching(_ now: Now) {
        guard watchedFrom == nil else { return }
        let from = positions.beginWatching()
        watchedFrom = from
        for (shard, position) in from.enumerated() {
            table.handle(.changed(Changes(shard: shard, position: position, keys: [])), now, &tableEffects)
        }
    }

    /// Some time after the last watch was given up the shards go silent.
    private mutating func rest(_ now: Instant) {
        guard watchedFrom != nil, table.nodeCount == 0 else { return idleSince = nil }
        let since = idleSince ?? now
        idleSince = since
        guard now - since >= Limits.liveRingRest else { return }
        positions.endWatching()
        watchedFrom = nil
        idleSince = nil
    }
}

/// Of one node, for metrics.
package struct LiveFigures: Sendable {
    /// Connections of clients, and what they look at together.
    package let subscribers: Int
    package let watches: Int
    /// Watches of all nodes that are told of changes here.
    package let told: Int
}
