// A turn: the dirty keys of one shard are read once for all nodes that are to be told, and leave as they are now.

import DataTypes
import Causality
import Keys
import World

extension WatchTable {
    /// Begins what there is to do at a shard, if it has nothing to do.
    mutating func advance(_ shard: Int, _ now: Instant, _ out: inout Outbox<Effect>) {
        list(shard, &out)
        guard !isTurning[shard] else { return }
        let position = rings[shard].position
        var shares: [Share] = []
        var wanted = DirtySet()
        for place in sessions.indices where sessions[place].session.hasRoom {
            guard sessions[place].session.shards[shard].hasNews else { continue }
            let (node, stream) = (sessions[place].node, sessions[place].session.stream)
            let keys = sessions[place].session.shards[shard].dirty.take(Limits.liveTurnKeys)
            let opened = Array(sessions[place].session.shards[shard].opened.prefix(Limits.liveOrders))
            sessions[place].session.shards[shard].opened.removeFirst(opened.count)
            let isAll = sessions[place].session.shards[shard].isAll
            // Of what is taken up while this turn reads another position is owed.
            if isAll { sessions[place].session.shards[shard].owesPosition = false }
            shares.append(
                Share(node: node, stream: stream, keys: keys, opened: opened, reached: isAll ? position : nil))
            for key in keys { wanted.insert(key) }
        }
        guard !shares.isEmpty else { return }
        guard !wanted.isEmpty else {
            for share in shares { tell(share, shard, [:], now, &out) }
            return
        }
        isTurning[shard] = true
        let keys = wanted.take(wanted.count)
        out.emit(
            .read(
                begin(.turn(shard: shard, keys: keys, shares)), shard: shard, keys: keys,
                atMostBytes: 4 * Limits.liveNoticeBytes))
    }

    mutating func finish(_ work: Work?, _ objects: [[UInt8]?], _ now: Instant, _ out: inout Outbox<Effect>) {
        switch work {
        case .turn(let shard, let keys, let shares):
            isTurning[shard] = false
            var found: [KeyBytes: [UInt8]?] = [:]
            for (key, object) in zip(keys, objects) { found[KeyBytes(key)] = .some(object) }
            for share in shares { tell(share, shard, found, now, &out) }
            // An empty answer is a failed one: it is tried again with the next tick.
            if !objects.isEmpty { advance(shard, now, &out) }
        case .answer(let key, let node):
            answersDue -= 1
            guard let object = objects.first else { return }
            let state = object.map { LiveState.object($0) } ?? .versions(.init())
            out.emit(.send(.contents(LiveItem(key: key, state: state)), to: node))
        case .list, nil: break
        }
    }

    mutating func giveBack(_ work: Work?) {
        switch work {
        case .turn(let shard, _, let shares):
            isTurning[shard] = false
            for share in shares {
                guard let place = place(of: share) else { continue }
                for key in share.keys { sessions[place].session.shards[shard].dirty.insert(key) }
                sessions[place].session.shards[shard].opened += share.opened
                if share.reached != nil { sessions[place].session.shards[shard].owesPosition = true }
            }
        case .answer: answersDue -= 1
        case .list(let shard, let node, let stream, let watch):
            guard let place = place(of: node), sessions[place].session.stream == stream,
                sessions[place].session.shards[shard].opening.first?.id == watch
            else { return }
            sessions[place].session.shards[shard].isListing = false
        case nil: break
        }
    }

    private func place(of share: Share) -> Int? {
        place(of: share.node).flatMap { sessions[$0].session.stream == share.stream ? $0 : nil }
    }

    /// Sends a node its share, in notices of about a bound each. What was not read is dirty again.
    private mutating func tell(
        _ share: Share, _ shard: Int, _ found: [KeyBytes: [UInt8]?], _ now: Instant, _ out: inout Outbox<Effect>
    ) {
        guard let place = place(of: share) else { return }
        var items: [LiveItem] = []
        var sizeBytes = 0
        var isAll = true
        for key in share.keys where sessions[place].session.isWatched(key) {
            guard let object = found[KeyBytes(key)] else {
                sessions[place].session.shards[shard].dirty.insert(key)
                isAll = false
                continue
            }
            let state: LiveState
            if let object, sessions[place].session.wantsContents(of: key) {
                state = .object(object)
                sizeBytes += object.count
            } else {
                // A damaged object is told of when repair has mended it, which is a change.
                guard let versions = LiveState.versions(ofObject: object) else { continue }
                state = .versions(versions)
                sizeBytes += 32 * versions.entries.count
            }
            items.append(LiveItem(key: key, state: state))
            sizeBytes += key.count
            if sizeBytes >= Limits.liveNoticeBytes { send(&items, &sizeBytes, place, now, &out) }
        }
        var notice = sessions[place].session.notice(life: life, sizeBytes: sizeBytes, now: now)
        notice.items = items
        notice.opened = share.opened.map { OpenedWatch(id: $0, shard: shard) }
        if isAll, let reached = share.reached {
            notice.reached = [ReachedPosition(shard: shard, position: reached)]
            sessions[place].session.shards[shard].reached = reached
        } else if share.reached != nil {
            sessions[place].session.shards[shard].owesPosition = true
        }
        out.emit(.send(.notice(notice), to: share.node))
    }

    private mutating func send(
        _ items: inout [LiveItem], _ sizeBytes: inout Int, _ place: Int, _ now: Instant, _ out: inout Outbox<Effect>
    ) {
        var notice = sessions[place].session.notice(life: life, sizeBytes: sizeBytes, now: now)
        notice.items = items
        out.emit(.send(.notice(notice), to: sessions[place].node))
        (items, sizeBytes) = ([], 0)
    }

    // MARK: Ranges that are opened

    /// Asks for the next page of each node's first range, while few keys wait for it.
    private mutating func list(_ shard: Int, _ out: inout Outbox<Effect>) {
        for place in sessions.indices {
            let part = sessions[place].session.shards[shard]
            guard !part.isListing, let range = part.opening.first, part.dirty.count < Limits.liveListKeys else {
                continue
            }
            sessions[place].session.shards[shard].isListing = true
            let id = begin(
                .list(shard: shard, to: sessions[place].node, sessions[place].session.stream, watch: range.id))
            out.emit(.list(id, shard: shard, range.rest, limit: Limits.liveListKeys))
        }
    }

    mutating func gather(
        _ keys: [[UInt8]], _ isComplete: Bool, _ shard: Int, _ whose: (node: NodeID, stream: LiveStream, watch: UInt32),
        _ out: inout Outbox<Effect>
    ) {
        guard let place = place(of: whose.node), sessions[place].session.stream == whose.stream,
            var range = sessions[place].session.shards[shard].opening.first, range.id == whose.watch
        else { return }
        sessions[place].session.shards[shard].isListing = false
        for key in keys { sessions[place].session.shards[shard].dirty.insert(key) }
        range.found += keys.count
        guard range.found <= Limits.liveRangeItems else {
            sessions[place].session.remove(range.id)
            return refuse([range.id], .tooLarge, whose.stream, whose.node, &out)
        }
        if !isComplete, let last = keys.last {
            range.rest.start = last + [0]
            sessions[place].session.shards[shard].opening[0] = range
        } else {
            sessions[place].session.shards[shard].opening.removeFirst()
        }
    }
}
