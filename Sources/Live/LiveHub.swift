// The gateway's part in live reads: one watch of a key or range for all who look at it here, at every primary.
//
// Picture: the nearest primary is the source and sends contents; the others are guards and send vectors alone. A guard
// that knows something which the source did not send within a second is read from. So a change arrives once over the
// ocean, and does not depend on one replica having it. A book is kept on each primary: up to which position all that it
// told is known here. From such positions a stream is begun anew, and a client resumes a range.

import Causality
package import DataTypes
import DequeModule
import Keys
package import Ring
package import World

package struct LiveHub: Sendable {
    package enum Input: Sendable {
        /// A client's connection begins; its number is never used twice.
        case subscribe(UInt64, LiveSubscription)
        /// The sockets of these have taken all that was written.
        case drained([UInt64])
        case closed(UInt64)
        /// A connection says something to all others that look at its key: JSON of one line.
        case say(UInt64, Writer, [UInt8])
        case received(LiveMessage, from: NodeID)
        case ring(RingSnapshot)
        /// Nodes from the best on as replicas to read from; others come after them.
        case ranking([NodeID])
        /// Every 50 to 250 ms.
        case tick
    }

    package enum Effect: Hashable, Sendable {
        case send(LiveMessage, to: NodeID)
        /// The next block follows when this one was `drained`.
        case write(UInt64, [ArraySlice<UInt8>])
        /// Nothing follows, nor is `closed` waited for.
        case end(UInt64, LiveEnd)
    }

    let identity: NodeID
    let life: UInt64
    let seams: LiveSeams
    var ring: RingSnapshot
    var ranking: [NodeID: Int] = [:]
    var watches: [UInt32: HubWatch] = [:]
    /// Ascending: those of `watches`.
    var watchIDs: [UInt32] = []
    private var nextWatch: UInt32 = 0
    var index = WatchIndex()
    var keys: [KeyBytes: LiveKey] = [:]
    /// Ascending by node.
    var books: [(node: NodeID, book: PrimaryBook)] = []
    var nextStream: UInt64 = 0
    var subscribers: [UInt64: Subscriber] = [:]
    /// To be looked at with the end of this turn, each once.
    var touched: [UInt64] = []
    /// Some key is better known than at the last look at the books.
    var hasLearned = false
    /// Asked of primaries: what changed since a client's id.
    var asks: [UInt64: (subscriber: UInt64, part: Int)] = [:]
    var nextAsk: UInt64 = 0
    /// Keys whose contents are asked for.
    var missing: [[UInt8]] = []
    /// In the order in which contents are dropped; a stamp that is not the key's is out of date.
    var contentOrder = Deque<(key: [UInt8], stamp: UInt64)>()
    var contentBytes = 0
    var lastStamp: UInt64 = 0
    /// Ascending: when values that are known end. Not all count: that is said by their keys.
    var endings = Deque<(end: WallTime, key: [UInt8])>()
    /// This node's clock, as it was with the last input.
    var wall = WallTime(milliseconds: 0)
    /// Of a state of a document, as it was shown.
    var lastState: UInt64 = 0
    /// Of those that were heard when sources were last chosen.
    var heardNodes: [NodeID] = []
    var lastLook: Instant?
    let contentRoom: Int
    /// How long after their making changes were written, since they were last taken.
    private var delays: [Span] = []

    /// - Parameter life: of this node; greater with each.
    package init(identity: NodeID, life: UInt64, ring: RingSnapshot, room: LiveRoom = LiveRoom()) {
        self.identity = identity
        self.life = life
        self.ring = ring
        seams = room.seams
        contentRoom = room.contentBytes
    }

    package var subscriberCount: Int { subscribers.count }
    package var watchCount: Int { watches.count }

    /// How long after their making changes were told, one for each connection: those since the last call.
    package mutating func takeDelays() -> [Span] {
        guard !delays.isEmpty else { return [] }
        defer { delays = [] }
        return delays
    }

    mutating func noteDelay(of time: HybridTime?, at wall: WallTime) {
        guard let made = time?.wall, made.milliseconds > 0 else { return }
        // Clocks differ, and a write may name any time.
        let late = Int64(clamping: wall.milliseconds - min(made.milliseconds, wall.milliseconds))
        delays.append(.milliseconds(min(late, Int64(Limits.liveLongestDelay.inMilliseconds))))
    }

    package mutating func handle(_ input: Input, _ now: Now, _ out: inout Outbox<Effect>) {
        wall = now.wall
        switch input {
        case .subscribe(let id, let subscription): subscribe(id, subscription, now.instant, &out)
        case .drained(let ids):
            for id in ids {
                subscribers[id]?.writingSince = nil
                touch(id)
            }
        case .closed(let id): remove(id, now.instant)
        case .say(let id, let from, let data): say(id, from, data, &out)
        case .received(let message, let node): receive(message, node, now.instant, &out)
        case .ring(let snapshot):
            ring = snapshot
            followRing(now.instant, &out)
        case .ranking(let nodes):
            ranking = [:]
            for (place, node) in nodes.enumerated() { ranking[node] = place }
            heardNodes = []
        case .tick:
            tellEnds()
            tick(now.instant, &out)
        }
        settle()
        sendOrders(&out)
        write(now, &out)
        dropContents()
    }

    // MARK: Subscribers

    mutating func touch(_ id: UInt64) {
        guard subscribers[id]?.isTouched == false else { return }
        subscribers[id]?.isTouched = true
        touched.append(id)
    }

    private mutating func subscribe(
        _ id: UInt64, _ asked: LiveSubscription, _ now: Instant, _ out: inout Outbox<Effect>
    ) {
        guard subscribers[id] == nil, subscribers.count < Limits.liveSubscribers,
            (1...Limits.liveWatchesOfConnection).contains(asked.watches.count)
        else { return out.emit(.end(id, .overloaded)) }
        var parts: [WatchedPart] = []
        for (place, watch) in asked.watches.enumerated() {
            let resume = asked.resume.flatMap { $0.parts.indices.contains(place) ? $0.parts[place] : nil }
            guard let number = open(watch.target, now) else {
                // What was opened for it is closed as what nobody looks at.
                return out.emit(.end(id, .overloaded))
            }
            parts.append(WatchedPart(number, watch, resume: resume, form: asked.form))
        }
        for part in parts where watches[part.watch]?.subscribers.last != id {
            watches[part.watch]?.subscribers.append(id)
            watches[part.watch]?.idleSince = nil
        }
        subscribers[id] = Subscriber(
            id, parts: parts, tellsPositions: asked.tellsPositions, hears: asked.hears, now: now)
        subscribers[id]?.needsQuorum = asked.needsQuorum
        if asked.needsQuorum { for part in parts { wantQuorum(part.watch) } }
        touch(id)
    }

    mutating func remove(_ id: UInt64, _ now: Instant) {
        guard let subscriber = subscribers.removeValue(forKey: id) else { return }
        for part in subscriber.parts {
            watches[part.watch]?.subscribers.removeAll { $0 == id }
            if watches[part.watch]?.subscribers.isEmpty == true { watches[part.watch]?.idleSince = now }
            if case .resuming(_, let ask, _, _) = part.phase { asks[ask] = nil }
        }
    }

    // MARK: Watches

    /// The watch of `target`, which is begun if there is none. Nil if there are too many.
    private mutating func open(_ target: LiveTarget, _ now: Instant) -> UInt32? {
        if let id = index.id(of: target) { return id }
        guard watches.count < Limits.liveWatches, keys.count < Limits.liveKeys, nextWatch < .max else { return nil }
        let id = nextWatch
        nextWatch += 1
        let primaries = ring.route(bucket: target.bucket, token: target.token).primaries
        var watch = HubWatch(target, primaries: primaries, source: 0, now: now)
        watch.idleSince = now
        watch.source = source(of: watch, now)
        watches[id] = watch
        watchIDs.append(id)
        index.insert(target, id)
        for place in primaries.indices { order(id, place, now) }
        return id
    }

    /// Those who look at it are ended, if it ends for a reason.
    mutating func close(_ id: UInt32, _ reason: LiveEnd?, _ now: Instant, _ out: inout Outbox<Effect>) {
        guard let watch = watches[id] else { return }
        for subscriber in watch.subscribers {
            remove(subscriber, now)
            if let reason { out.emit(.end(subscriber, reason)) }
        }
        for place in watch.primaries.indices { withdraw(id, place, &out) }
        watches[id] = nil
        watchIDs.remove(at: watchIDs.firstPlace { $0 < id })
        index.remove(watch.target, id)
        for key in watch.members {
            let place = KeyBytes(key)
            keys[place]?.watches.removeAll { $0 == id }
            if let state = keys[place], state.watches.isEmpty {
                contentBytes -= state.sizeBytes
                keys[place] = nil
            }
        }
    }
}
