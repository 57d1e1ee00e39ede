// The replica's part in live reads: who watches what of the keys that this node keeps, and telling them.
//
// Picture: a watching node has a set of dirty keys here, and no queue. While it takes what it is sent, dirty keys leave
// as they are at that moment; while it does not, they stay in the set, each once, however often they change. A node
// that is lost costs a set for the rest of its lease.
//
//     changed ──▶ dirty sets ──▶ read (one turn of a shard at a time, for all nodes) ──▶ notices

import Causality
package import Keys
package import Ring
package import World

package struct WatchTable: Sendable {
    package enum Input: Sendable {
        /// A shard has committed: what is read from now on has it.
        case changed(Changes)
        case received(LiveMessage, from: NodeID)
        /// The stored objects of the first keys of a read, nil where there is none: as many as the bytes allowed, at
        /// least one.
        case read(UInt64, [[UInt8]?])
        /// The stored keys that a list found, ascending; complete if there are no more in its range.
        case listed(UInt64, [[UInt8]], isComplete: Bool)
        /// A read or a list that came to nothing.
        case failed(UInt64)
        case ring(RingSnapshot)
        /// Every 50 to 250 ms.
        case tick
    }

    package enum Effect: Hashable, Sendable {
        case send(LiveMessage, to: NodeID)
        /// To be answered by `read` or `failed`. Nothing is read after `atMostBytes` are.
        case read(UInt64, shard: Int, keys: [[UInt8]], atMostBytes: Int)
        /// To be answered by `listed` or `failed`; keys alone.
        case list(UInt64, shard: Int, KeyRange, limit: Int)
    }

    /// What is read for one node in a turn.
    struct Share: Sendable {
        let node: NodeID
        let stream: LiveStream
        let keys: [[UInt8]]
        let opened: [UInt32]
        /// Nil if more is dirty than was taken.
        let reached: UInt64?
    }

    enum Work: Sendable {
        case turn(shard: Int, keys: [[UInt8]], [Share])
        case answer(key: [UInt8], to: NodeID)
        case list(shard: Int, to: NodeID, LiveStream, watch: UInt32)
    }

    let identity: NodeID
    let life: UInt64
    let seams: LiveSeams
    var ring: RingSnapshot
    var rings: [ChangeRing]
    /// Ascending by node.
    var sessions: [(node: NodeID, session: WatchSession)] = []
    private(set) var work: [UInt64: Work] = [:]
    private var nextWork: UInt64 = 0
    /// Shards with a turn under way.
    var isTurning: [Bool]
    var answersDue = 0

    /// - Parameter life: of this node; greater with each.
    package init(identity: NodeID, life: UInt64, shards: Int, ring: RingSnapshot, room: LiveRoom = LiveRoom()) {
        self.identity = identity
        self.life = life
        self.ring = ring
        seams = room.seams
        rings = Array(repeating: ChangeRing(capacity: room.ringKeys, seams: seams), count: max(1, shards))
        isTurning = Array(repeating: false, count: max(1, shards))
    }

    /// Nodes that watch something here, and what they watch.
    package var nodeCount: Int { sessions.count }
    package var watchCount: Int { sessions.reduce(0) { $0 + $1.session.count } }

    package mutating func handle(_ input: Input, _ now: Now, _ out: inout Outbox<Effect>) {
        let now = now.instant
        switch input {
        case .changed(let changes): note(changes, now, &out)
        case .received(let message, let node): receive(message, node, now, &out)
        case .read(let id, let objects): finish(work.removeValue(forKey: id), objects, now, &out)
        case .listed(let id, let keys, let isComplete):
            if case .list(let shard, let node, let stream, let watch)? = work.removeValue(forKey: id) {
                gather(keys, isComplete, shard, (node, stream, watch), &out)
                advance(shard, now, &out)
            }
        case .failed(let id): giveBack(work.removeValue(forKey: id))
        case .ring(let snapshot):
            ring = snapshot
            dropStrangers(&out)
        case .tick: tick(now, &out)
        }
    }

    // MARK: What is known of others

    func place(of node: NodeID) -> Int? {
        let place = sessions.firstPlace { $0.node < node }
        return place < sessions.count && sessions[place].node == node ? place : nil
    }

    mutating func begin(_ work: Work) -> UInt64 {
        nextWork += 1
        self.work[nextWork] = work
        return nextWork
    }

    /// Of a key that this node is a primary of; as requests find it.
    func shard(of target: LiveTarget) -> Int? {
        let route = ring.route(bucket: target.bucket, token: target.token)
        guard route.primaries.contains(identity) else { return nil }
        return ring.shard(of: target.token, among: rings.count)
    }

    private mutating func note(_ changes: Changes, _ now: Instant, _ out: inout Outbox<Effect>) {
        guard rings.indices.contains(changes.shard) else { return assertionFailure("a shard that is none") }
        let isWhole = rings[changes.shard].append(changes)
        for place in sessions.indices.reversed() {
            for key in changes.keys where sessions[place].session.isWatched(key) {
                sessions[place].session.shards[changes.shard].dirty.insert(key)
            }
            // What it is to be told is no longer known, or no longer bounded: it begins anew.
            if !isWhole || sessions[place].session.dirtyCount > Limits.liveSessionKeys { drop(place, &out) }
        }
        advance(changes.shard, now, &out)
    }

    private mutating func drop(_ place: Int, _ out: inout Outbox<Effect>) {
        let (node, session) = sessions.remove(at: place)
        out.emit(.send(.unknown(session.stream), to: node))
    }

    /// A ring epoch may have taken partitions from this node.
    private mutating func dropStrangers(_ out: inout Outbox<Effect>) {
        for place in sessions.indices.reversed() {
            let (node, session) = sessions[place]
            guard ring.document.node(node) != nil else {
                drop(place, &out)
                continue
            }
            let strangers = session.strangers { shard(of: $0) != nil }
            for id in strangers { sessions[place].session.remove(id) }
            refuse(strangers, .notReplica, session.stream, node, &out)
        }
    }

    func refuse(
        _ ids: [UInt32], _ reason: WatchRefusal, _ stream: LiveStream, _ node: NodeID, _ out: inout Outbox<Effect>
    ) {
        for start in stride(from: 0, to: ids.count, by: Limits.liveOrders) {
            let some = Array(ids[start..<min(ids.count, start + Limits.liveOrders)])
            out.emit(.send(.refused(stream, some, reason), to: node))
        }
    }

    private mutating func tick(_ now: Instant, _ out: inout Outbox<Effect>) {
        if seams.leasesEnd { sessions.removeAll { now - $0.session.renewed > Limits.liveLease } }
        for shard in rings.indices { advance(shard, now, &out) }
        for place in sessions.indices where now - sessions[place].session.lastNotice >= Limits.liveBeat {
            let session = sessions[place].session
            var beat = sessions[place].session.notice(life: life, sizeBytes: 0, now: now)
            for shard in rings.indices where !isTurning[shard] {
                let part = session.shards[shard]
                guard part.isAll, let told = part.reached, told < rings[shard].position
                else { continue }
                sessions[place].session.shards[shard].reached = rings[shard].position
                beat.reached.append(ReachedPosition(shard: shard, position: rings[shard].position))
            }
            out.emit(.send(.notice(beat), to: sessions[place].node))
        }
    }
}
