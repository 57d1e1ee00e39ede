// Writes that their replica could not take, kept until it can (Dynamo, section 4.6).
//
// Hints have a store and a thread of their own and are bounded in bytes and age, so that they can never fail or slow a
// healthy write: past a bound a hint is refused and counted, and anti-entropy carries what it would have. What came
// last is sent home first (HintReplay), as much at once as the way to the target carries (ByteWindow); a hint is
// deleted only when its replica has said that it is stored, and only if it has not been changed meanwhile.

import Causality
import DataTypes
import Keys
import Ring
package import Storage
package import Wire
package import World

/// A hint on its way to its replica.
package struct HintDelivery: Hashable, Sendable {
    package let id: UInt64
    package let target: NodeID
    package let request: ReplicaRequest
}

/// What hints may take, in bytes.
package struct HintSpace: Sendable {
    let perNode: Int
    let total: Int

    package init(perNode: Int = Limits.hintBytesPerNode, total: Int = Limits.hintBytes) {
        self.perNode = perNode
        self.total = total
    }
}

/// What is kept for one node.
package struct HintBacklog: Hashable, Sendable {
    package var hints = 0
    package var bytes = 0

    package init() {}
}

package struct HintKeeper: Sendable {
    /// Ascending by target; a target without hints has no entry.
    private var backlogs: [(target: NodeID, backlog: HintBacklog)] = []
    private var replays: [(target: NodeID, replay: HintReplay)] = []
    /// Calls of `replay`: each target is first in its turn.
    private var turn = 0
    private var budget = 0.0
    private var budgetAt: Instant?
    package private(set) var delivered: UInt64 = 0
    package private(set) var refused: UInt64 = 0
    package private(set) var expired: UInt64 = 0
    /// Hints that this version cannot read: a newer one wrote them. They are kept, and delivered by that one.
    package private(set) var unreadable = 0
    private let identity: NodeID
    private let space: HintSpace

    /// Counts what an earlier run left in `store`, and looks which of it came last.
    package init(
        identity: NodeID, store: any KeyValueStore, space: HintSpace = HintSpace()
    ) throws(StorageFailure) {
        self.identity = identity
        self.space = space
        // In the order of keys, which begin with the target: one sum after the other, however many hints there are.
        var sums: [(target: NodeID, backlog: HintBacklog, order: HintOrder)] = []
        try store.scan(HintKey.all, reverse: false) { key, value in
            let parsed = HintKey.parse(key)
            let since = try? HintRecord.since(value)
            if parsed == nil || since == nil { unreadable += 1 }
            guard let (target, _) = parsed else { return true }
            if sums.last?.target != target { sums.append((target, HintBacklog(), HintOrder())) }
            sums[sums.count - 1].backlog.hints += 1
            sums[sums.count - 1].backlog.bytes += HintKeeper.size(key, value)
            if let since { sums[sums.count - 1].order.add(key, since) }
            return true
        }
        for (target, sum, _) in sums { account(target, hints: sum.hints, bytes: sum.bytes) }
        for (target, _, var order) in sums {
            let place = replayIndex(target)
            for key in order.take() { replays[place].replay.note(key, bound: orderBound) }
        }
    }

    /// What may be remembered of the order of one target's hints.
    private var orderBound: Int { Limits.hintOrderBytes / max(1, backlogs.count) }

    /// What the orders take, all together.
    var rememberedBytes: Int { replays.reduce(0) { $0 + $1.replay.newestBytes } }

    package var total: HintBacklog {
        backlogs.reduce(into: HintBacklog()) { sum, entry in
            sum.hints += entry.backlog.hints
            sum.bytes += entry.backlog.bytes
        }
    }

    package var targets: [NodeID] { backlogs.map(\.target) }

    package func backlog(for target: NodeID) -> HintBacklog {
        backlogs.first { $0.target == target }?.backlog ?? HintBacklog()
    }

    // MARK: Keeping

    /// Takes `.hint` and `.readHints`; see Storage/Batch.swift for the contract.
    package mutating func process(
        _ requests: [ReplicaRequest], store: any KeyValueStore, in surroundings: BatchSurroundings
    ) throws(StorageFailure) -> BatchOutcome {
        var outcome = BatchOutcome()
        var changed: [[UInt8]: HintRecord] = [:]
        var order: [[UInt8]] = []
        for request in requests {
            do {
                switch request {
                case .hint(let target, let key, let object):
                    let hintKey = HintKey.bytes(target: target, key: key)
                    let record = try keep(object, for: target, key, hintKey, changed[hintKey], store, surroundings)
                    if changed.updateValue(record, forKey: hintKey) == nil { order.append(hintKey) }
                    outcome.replies.append(.stored)
                case .readHints(let target, let key):
                    let hintKey = HintKey.bytes(target: target, key: key)
                    let kept = try changed[hintKey]?.object ?? record(hintKey, store)?.object
                    outcome.replies.append(.object(kept))
                default:
                    throw Refusal(.malformed, "only hints are kept here")
                }
            } catch let refusal as Refusal {
                refused += 1
                outcome.replies.append(.refused(refusal))
            } catch let failure as StorageFailure {
                throw failure
            } catch {
                refused += 1
                outcome.replies.append(.refused(Refusal(.malformed, "\(error)")))
            }
        }
        outcome.writes = order.compactMap { key in changed[key].map { .put(key: key, value: $0.encode()) } }
        outcome.synced = !order.isEmpty
        return outcome
    }

    private mutating func keep(
        _ object: [UInt8], for target: NodeID, _ key: [UInt8], _ hintKey: [UInt8], _ pending: HintRecord?,
        _ store: any KeyValueStore, _ surroundings: BatchSurroundings
    ) throws -> HintRecord {
        let parsed = try StoredKey(decoding: key)
        let ring = surroundings.ring
        guard ring.mayHold(identity, bucket: parsed.bucket), ring.mayHold(target, bucket: parsed.bucket) else {
            throw Refusal(.notReplica, "the placement's residency rule keeps this key out of \(identity)")
        }
        var incoming = try StoredObject(decoding: object)
        guard surroundings.disk.takes(incoming.hasValue ? .value : .deletion) else { throw Refusal(.diskFull) }
        guard let old = try pending ?? record(hintKey, store) else {
            let fresh = HintRecord(since: surroundings.now.wall, object: object)
            let size = HintKeeper.size(hintKey, fresh.encode())
            try admit(target, size)
            account(target, hints: 1, bytes: size)
            note(hintKey, for: target)
            return fresh
        }
        incoming.merge(
            try StoredObject(decoding: old.object), rule: ring.properties(ofBucket: parsed.bucket).conflict)
        // Beyond its limits no replica would take it, and it would be sent for as long as it lives.
        let bytes: [UInt8]
        do { bytes = try incoming.encodeWithinLimits() } catch {
            throw Refusal(error == .bytes ? .tooLarge : .tooManySiblings)
        }
        guard bytes != old.object else { return old }
        let merged = HintRecord(since: old.since, object: bytes)
        try admit(target, merged.object.count - old.object.count)
        account(target, hints: 0, bytes: merged.object.count - old.object.count)
        note(hintKey, for: target)
        return merged
    }

    private mutating func note(_ hintKey: [UInt8], for target: NodeID) {
        let place = replayIndex(target)
        replays[place].replay.note(hintKey, bound: orderBound)
    }

    /// What one record counts against the limits.
    private static func size(_ hintKey: [UInt8], _ record: [UInt8]) -> Int { hintKey.count + record.count }

    private func admit(_ target: NodeID, _ bytes: Int) throws(Refusal) {
        guard bytes <= 0 || backlog(for: target).bytes + bytes <= space.perNode,
            bytes <= 0 || total.bytes + bytes <= space.total
        else { throw Refusal(.hintsFull, "hints for \(target) are at their limit") }
    }

    private func record(_ hintKey: [UInt8], _ store: any KeyValueStore) throws -> HintRecord? {
        guard let bytes = try store.get(hintKey) else { return nil }
        do { return try HintRecord(decoding: bytes) } catch {
            throw Refusal(.unknown, "a hint that this version cannot read stands there (\(error))")
        }
    }

    private mutating func account(_ target: NodeID, hints: Int, bytes: Int) {
        let place = backlogs.firstIndex { $0.target >= target } ?? backlogs.endIndex
        if place == backlogs.endIndex || backlogs[place].target != target {
            backlogs.insert((target, HintBacklog()), at: place)
            // The others have less room for their order from now on.
            for place in replays.indices { replays[place].replay.trim(to: orderBound) }
        }
        backlogs[place].backlog.hints += hints
        backlogs[place].backlog.bytes += bytes
        guard backlogs[place].backlog.hints <= 0 else { return }
        backlogs.remove(at: place)
        replays[replayIndex(target)].replay.forgetOrder()
    }

    // MARK: Replay

    /// The hints to send now to those of `reachable` that have any. Call every 100 ms or so, and when deliveries end.
    /// `writes` (hints past their age) need no sync: to lose one is to look at it again.
    package mutating func replay(
        to reachable: [NodeID], store: any KeyValueStore, now: Now
    ) throws(StorageFailure) -> (deliveries: [HintDelivery], writes: [StoreWrite]) {
        refill(now.instant)
        for place in replays.indices { replays[place].replay.lookAtTime(now.instant) }
        var load = Load()
        let wanting = targets.filter { target in
            reachable.contains(target) && replays[replayIndex(target)].replay.pausedUntil <= now.instant
        }
        turn &+= 1
        for step in wanting.indices {
            // Each has its share of what may leave now; what one leaves unused falls to those after it.
            let share = Int((budget / Double(wanting.count - step)).rounded(.up))
            let target = wanting[(turn % wanting.count + step) % wanting.count]
            try send(to: target, most: min(share, Int(budget)), sharedBy: wanting.count, store, now, &load)
        }
        return (load.deliveries, load.writes)
    }

    /// What leaves.
    private struct Load {
        var deliveries: [HintDelivery] = []
        var writes: [StoreWrite] = []
        /// What these drop: until they are committed it is still found.
        var dropped: Set<KeyBytes> = []
    }

    /// `targets`: how many share what may be on its way.
    private mutating func send(
        to target: NodeID, most: Int, sharedBy targets: Int, _ store: any KeyValueStore, _ now: Now, _ load: inout Load
    ) throws(StorageFailure) {
        let place = replayIndex(target)
        let share = Limits.hintFlightBytes / targets
        let end = load.deliveries.count + most
        // However many have nothing to send, other hints wait for this thread.
        var looked = 0
        while load.deliveries.count < end, looked < Limits.batchRequests, replays[place].replay.room(of: share) > 0,
            let key = replays[place].replay.popNewest()
        {
            looked += 1
            // One that is gone has left since, in a later state.
            guard let record = try store.get(key) else { continue }
            send(key, record, to: target, place, now, &load)
        }
        let room = replays[place].replay.room(of: share)
        guard load.deliveries.count < end, looked < Limits.batchRequests, room > 0,
            replays[place].replay.wantsWalk(of: backlog(for: target).hints, at: now.instant)
        else { return }
        let next = try replays[place].replay.walk(
            KeyRange(prefix: HintKey.prefix(target)), most: end - load.deliveries.count, bytes: room, store,
            at: now.instant)
        for (key, record) in next { send(key, record, to: target, place, now, &load) }
    }

    /// Sends it, or drops it if it is past its age. One that cannot be read stays: nobody knows its age.
    private mutating func send(
        _ hintKey: [UInt8], _ bytes: [UInt8], to target: NodeID, _ place: Int, _ now: Now, _ load: inout Load
    ) {
        guard let (_, key) = HintKey.parse(hintKey), let record = try? HintRecord(decoding: bytes) else { return }
        let size = HintKeeper.size(hintKey, bytes)
        let oldest = now.wall.milliseconds - min(now.wall.milliseconds, UInt64(Limits.hintAge.inMilliseconds))
        guard record.since.milliseconds >= oldest else {
            guard load.dropped.insert(KeyBytes(hintKey)).inserted else { return }
            expired += 1
            replays[place].replay.forget(hintKey)
            account(target, hints: -1, bytes: -size)
            return load.writes.append(.delete(key: hintKey))
        }
        budget -= 1
        let id = replays[place].replay.send(hintKey, size: size, at: now.instant)
        load.deliveries.append(
            HintDelivery(id: id, target: target, request: .merge(key: key, object: record.object, repair: true)))
    }

    /// The replica has stored delivery `id`. Returns the write that forgets the hint; nil if the hint has changed
    /// since.
    package mutating func confirm(_ id: UInt64, from target: NodeID, now: Instant) -> StoreWrite? {
        let place = replayIndex(target)
        guard let flight = replays[place].replay.land(id, at: now) else { return nil }
        delivered += 1
        guard !flight.hasChanged else {
            note(flight.hintKey, for: target)
            return nil
        }
        account(target, hints: -1, bytes: -flight.size)
        return .delete(key: flight.hintKey)
    }

    /// The replica refused the delivery. If that is for what the hint is, this one rests, and keeps nothing else back.
    /// Otherwise the target is left alone for a second, or longer if its disk is full; what it refused waits for the
    /// walk.
    package mutating func reject(_ id: UInt64, from target: NodeID, _ code: Refusal.Code, now: Instant) {
        let place = replayIndex(target)
        if code.concernsOnlyThisKey, replays[place].replay.rest(id, at: now) { return }
        replays[place].replay.lose(id)
        replays[place].replay.pause(until: now + (code == .diskFull ? Limits.fullDiskPause : Limits.hintPause))
    }

    /// The delivery could not be sent, or its connection broke: it is sent again as soon as the target can be reached.
    package mutating func lose(_ id: UInt64, to target: NodeID) {
        let place = replayIndex(target)
        if let flight = replays[place].replay.lose(id) { note(flight.hintKey, for: target) }
    }

    private mutating func replayIndex(_ target: NodeID) -> Int {
        if let place = replays.firstIndex(where: { $0.target == target }) { return place }
        replays.append((target, HintReplay()))
        return replays.count - 1
    }

    private mutating func refill(_ now: Instant) {
        let perSecond = Double(Limits.hintsPerSecond)
        let elapsed = budgetAt.map { (now - $0).inSeconds } ?? 1
        budget = min(perSecond / 8, budget + elapsed * perSecond)
        budgetAt = now
    }
}

/// The keys of a target's hints in the order of their coming, as a walk through the store finds them: the last of them,
/// where they are many.
private struct HintOrder {
    private var found: [(since: WallTime, key: [UInt8])] = []
    private var bytes = 0

    mutating func add(_ key: [UInt8], _ since: WallTime) {
        found.append((since, key))
        bytes += key.count
        guard bytes > Limits.hintOrderBytes else { return }
        sort()
        found.removeFirst(found.count / 2)
        bytes = found.reduce(0) { $0 + $1.key.count }
    }

    private mutating func sort() { found.sort { $0.since < $1.since } }

    /// The oldest first.
    mutating func take() -> [[UInt8]] {
        sort()
        return found.map(\.key)
    }
}
