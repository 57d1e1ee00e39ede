// What gateways ask of a replica about live reads.

import Keys
import Ring
import World

extension WatchTable {
    mutating func receive(_ message: LiveMessage, _ node: NodeID, _ now: Instant, _ out: inout Outbox<Effect>) {
        // So there are never more sessions than nodes.
        guard ring.document.node(node) != nil else { return }
        switch message {
        case .watch(let stream, let isFirst, let orders):
            open(orders, stream, isFirst: isFirst, node, now, &out)
        case .unwatch(let stream, let ids):
            guard let place = place(of: node), sessions[place].session.stream == stream else { return }
            for id in ids { sessions[place].session.remove(id) }
        case .renew(let stream, let confirmed, let count, let digest):
            renew(stream, confirmed, count, digest, node, now, &out)
        case .read(let key): answer(key, node, &out)
        case .changes(let ask, let target, let since):
            out.emit(.send(.changed(ask: ask, keys: changed(target, since)), to: node))
        case .say(let words):
            guard let place = place(of: node), sessions[place].session.isWatched(words.key) else { return }
            for (other, session) in sessions where session.isWatched(words.key) {
                out.emit(.send(.said(words), to: other))
            }
        // A gateway's to hear.
        case .notice, .refused, .unknown, .contents, .changed, .said: break
        }
    }

    private mutating func open(
        _ orders: [WatchOrder], _ stream: LiveStream, isFirst: Bool, _ node: NodeID, _ now: Instant,
        _ out: inout Outbox<Effect>
    ) {
        var place = sessions.firstPlace { $0.node < node }
        let known = place < sessions.count && sessions[place].node == node ? sessions[place].session.stream : nil
        if known != stream {
            // Of a stream that is over: nobody waits for an answer.
            if let known, stream < known { return }
            guard isFirst else { return out.emit(.send(.unknown(stream), to: node)) }
            let session = WatchSession(stream, shards: rings.count, now: now)
            if known != nil { sessions[place].session = session } else { sessions.insert((node, session), at: place) }
        }
        place = sessions.firstPlace { $0.node < node }
        var foreign: [UInt32] = []
        var beyond: [UInt32] = []
        var earliest: [UInt64?] = Array(repeating: nil, count: rings.count)
        for order in orders {
            guard let shard = shard(of: order.target) else {
                foreign.append(order.id)
                continue
            }
            guard sessions[place].session.count < Limits.liveWatches else {
                beyond.append(order.id)
                continue
            }
            sessions[place].session.insert(order, shard: shard)
            if let since = order.since, since.life == life, since.shard == shard,
                rings[shard].remembers(after: since.position)
            {
                earliest[shard] = min(earliest[shard] ?? since.position, since.position)
            } else if let range = order.target.range {
                sessions[place].session.shards[shard].opening.append(OpeningRange(id: order.id, rest: range))
            } else {
                sessions[place].session.shards[shard].dirty.insert(order.target.base)
            }
        }
        recall(earliest, place)
        refuse(foreign, .notReplica, stream, node, &out)
        refuse(beyond, .overloaded, stream, node, &out)
        for shard in rings.indices { advance(shard, now, &out) }
    }

    /// What changed after these positions, one for each shard, is dirty again. One pass for all watches of a message:
    /// some are told more than they need.
    private mutating func recall(_ earliest: [UInt64?], _ place: Int) {
        guard !seams.forgetsDirtyKeys else { return }
        for (shard, position) in earliest.enumerated() {
            guard let position else { continue }
            rings[shard].visit(after: position) { key in
                if sessions[place].session.isWatched(key) { sessions[place].session.shards[shard].dirty.insert(key) }
            }
        }
    }

    private mutating func renew(
        _ stream: LiveStream, _ confirmed: UInt64, _ count: UInt64, _ digest: UInt64, _ node: NodeID, _ now: Instant,
        _ out: inout Outbox<Effect>
    ) {
        guard let place = place(of: node) else { return out.emit(.send(.unknown(stream), to: node)) }
        guard sessions[place].session.stream == stream else {
            if sessions[place].session.stream < stream { out.emit(.send(.unknown(stream), to: node)) }
            return
        }
        guard
            sessions[place].session.renew(count: count, digest: digest, confirmed: confirmed, now: now)
        else {
            sessions.remove(at: place)
            return out.emit(.send(.unknown(stream), to: node))
        }
        for shard in rings.indices { advance(shard, now, &out) }
    }

    private mutating func answer(_ key: [UInt8], _ node: NodeID, _ out: inout Outbox<Effect>) {
        // Asked again by who does not hear.
        guard answersDue < Limits.liveReads, let stored = try? StoredKey(decoding: key),
            let shard = shard(of: LiveTarget(key: stored))
        else { return }
        answersDue += 1
        out.emit(
            .read(
                begin(.answer(key: key, to: node)), shard: shard, keys: [key], atMostBytes: Limits.liveNoticeBytes))
    }

    /// Nil if that is more than is remembered, or than a connection waits for.
    private func changed(_ target: LiveTarget, _ since: ChangeMark) -> [[UInt8]]? {
        guard since.life == life, let shard = shard(of: target), since.shard == shard,
            rings[shard].remembers(after: since.position)
        else { return nil }
        var keys = DirtySet()
        rings[shard].visit(after: since.position) { if target.contains($0) { keys.insert($0) } }
        return keys.count <= Limits.liveDirtyKeys ? keys.take(keys.count) : nil
    }
}
