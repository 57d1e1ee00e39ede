// Writes that their replica could not take, kept until it can (Dynamo, section 4.6).
//
// Hints have a store and a thread of their own and are bounded in bytes and age, so that they can never fail or slow a
// healthy write: past a bound a hint is refused and counted, and anti-entropy carries what it would have. Replay walks
// a target's hints in key order, a bounded window at a time; a hint is deleted only when its replica has said that it
// is stored, and only if it has not been changed meanwhile.

import Causality
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
    private var replays: [(target: NodeID, replay: Replay)] = []
    private var nextDelivery: UInt64 = 1
    private var budget = 0.0
    private var budgetAt: Instant?
    package private(set) var delivered: UInt64 = 0
    package private(set) var refused: UInt64 = 0
    package private(set) var expired: UInt64 = 0
    /// Hints that this version cannot read: a newer one wrote them. They are kept, and delivered by that one.
    package private(set) var unreadable = 0
    private let identity: NodeID
    private let space: HintSpace

    /// Where the replay of one target's hints stands.
    private struct Replay {
        /// The last hint key sent; the next pass begins after it.
        var cursor: [UInt8]
        var inFlight: [(id: UInt64, hintKey: [UInt8], record: [UInt8], until: Instant)] = []
        /// After a refusal the target is left alone for a while.
        var pausedUntil = Instant.origin
    }

    /// Counts what an earlier run left in `store`.
    package init(
        identity: NodeID, store: any KeyValueStore, space: HintSpace = HintSpace()
    ) throws(StorageFailure) {
        self.identity = identity
        self.space = space
        // In the order of keys, which begin with the target: one sum after the other, however many hints there are.
        var sums: [(target: NodeID, backlog: HintBacklog)] = []
        try store.scan(HintKey.all, reverse: false) { key, value in
            let parsed = HintKey.parse(key)
            if parsed == nil || (try? HintRecord.since(value)) == nil { unreadable += 1 }
            guard let (target, _) = parsed else { return true }
            if sums.last?.target != target { sums.append((target, HintBacklog())) }
            sums[sums.count - 1].backlog.hints += 1
            sums[sums.count - 1].backlog.bytes += HintKeeper.size(key, value)
            return true
        }
        for (target, sum) in sums { account(target, hints: sum.hints, bytes: sum.bytes) }
    }

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
            return fresh
        }
        incoming.merge(
            try StoredObject(decoding: old.object), rule: ring.properties(ofBucket: parsed.bucket).conflict)
        // Beyond its limits no replica would take it, and it would be sent for as long as it lives.
        let bytes: [UInt8]
        do { bytes = try incoming.encodeWithinLimits() } catch {
            throw Refusal(error == .bytes ? .tooLarge : .tooManySiblings)
        }
        let merged = HintRecord(since: old.since, object: bytes)
        try admit(target, merged.object.count - old.object.count)
        account(target, hints: 0, bytes: merged.object.count - old.object.count)
        return merged
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
        }
        backlogs[place].backlog.hints += hints
        backlogs[place].backlog.bytes += bytes
        if backlogs[place].backlog.hints <= 0 { backlogs.remove(at: place) }
    }

    // MARK: Replay

    /// The hints to send now to those of `reachable` that have any. Call every 100 ms or so, and when deliveries end.
    /// `writes` (hints past their age) need no sync: to lose one is to look at it again.
    package mutating func replay(
        to reachable: [NodeID], store: any KeyValueStore, now: Now
    ) throws(StorageFailure) -> (deliveries: [HintDelivery], writes: [StoreWrite]) {
        refill(now.instant)
        var deliveries: [HintDelivery] = []
        var writes: [StoreWrite] = []
        for target in targets where reachable.contains(target) {
            let place = replayIndex(target)
            replays[place].replay.inFlight.removeAll { $0.until <= now.instant }
            guard replays[place].replay.pausedUntil <= now.instant else { continue }
            let room = min(Limits.hintWindow - replays[place].replay.inFlight.count, Int(budget))
            guard room > 0 else { continue }
            let (next, old) = try nextHints(after: replays[place].replay, target, room, store, now.wall)
            for (key, value) in old {
                expired += 1
                account(target, hints: -1, bytes: -HintKeeper.size(key, value))
                writes.append(.delete(key: key))
            }
            for (hintKey, bytes) in next {
                guard let (_, key) = HintKey.parse(hintKey), let record = try? HintRecord(decoding: bytes) else {
                    continue
                }
                budget -= 1
                replays[place].replay.inFlight.append(
                    (nextDelivery, hintKey, bytes, now.instant + Limits.hintPatience))
                deliveries.append(
                    HintDelivery(
                        id: nextDelivery, target: target, request: .merge(key: key, object: record.object, repair: true)
                    ))
                nextDelivery += 1
            }
        }
        return (deliveries, writes)
    }

    /// Up to `room` hints after the replay's cursor that are not in flight; the cursor starts over at the end. Hints
    /// past their age come back as the second part.
    private mutating func nextHints(
        after replay: Replay, _ target: NodeID, _ room: Int, _ store: any KeyValueStore, _ wall: WallTime
    ) throws(StorageFailure) -> (next: [(key: [UInt8], value: [UInt8])], old: [(key: [UInt8], value: [UInt8])]) {
        let prefix = HintKey.prefix(target)
        var range = KeyRange(prefix: prefix)
        if range.start.lexicographicallyPrecedes(replay.cursor) { range.start = replay.cursor + [0] }
        var next: [(key: [UInt8], value: [UInt8])] = []
        var old: [(key: [UInt8], value: [UInt8])] = []
        let oldest = wall.milliseconds - min(wall.milliseconds, UInt64(Limits.hintAge.inMilliseconds))
        var last: [UInt8]?
        var seen = 0
        try store.scan(range, reverse: false) { key, value in
            guard next.count < room, seen < Limits.batchRequests else { return false }
            seen += 1
            last = key
            // Of what cannot be read nobody knows the age.
            guard let since = try? HintRecord.since(value) else { return true }
            if since.milliseconds < oldest {
                old.append((key, value))
            } else if !replay.inFlight.contains(where: { $0.hintKey == key }) {
                next.append((key, value))
            }
            return true
        }
        // At the end of the target's hints the next pass starts over: what was sent and not confirmed is sent again.
        replays[replayIndex(target)].replay.cursor = last ?? []
        return (next, old)
    }

    /// The replica has stored delivery `id`. Returns the write that forgets the hint; nil if the hint has changed
    /// since.
    package mutating func confirm(
        _ id: UInt64, from target: NodeID, store: any KeyValueStore
    ) throws(StorageFailure) -> StoreWrite? {
        let place = replayIndex(target)
        guard let flight = replays[place].replay.inFlight.firstIndex(where: { $0.id == id }) else { return nil }
        let (_, hintKey, record, _) = replays[place].replay.inFlight.remove(at: flight)
        delivered += 1
        guard try store.get(hintKey) == record else { return nil }
        account(target, hints: -1, bytes: -HintKeeper.size(hintKey, record))
        return .delete(key: hintKey)
    }

    /// The delivery failed, or the replica refused it: the target is left alone for a second, or longer if its disk is
    /// full.
    package mutating func reject(_ id: UInt64, from target: NodeID, isFull: Bool, now: Instant) {
        let place = replayIndex(target)
        replays[place].replay.inFlight.removeAll { $0.id == id }
        replays[place].replay.pausedUntil = now + (isFull ? Limits.fullDiskPause : Limits.hintPause)
    }

    private mutating func replayIndex(_ target: NodeID) -> Int {
        if let place = replays.firstIndex(where: { $0.target == target }) { return place }
        replays.append((target, Replay(cursor: [])))
        return replays.count - 1
    }

    private mutating func refill(_ now: Instant) {
        let perSecond = Double(Limits.hintsPerSecond)
        let elapsed = budgetAt.map { (now - $0).inSeconds } ?? 1
        budget = min(perSecond / 4, budget + elapsed * perSecond)
        budgetAt = now
    }
}
