// The replicas of one storage thread: a batch of requests in, the writes and the answers out.
//
// A batch is worked as a whole so that one synced write serves all of it (group commit). The shard only computes: its
// owner commits `writes` and, only when that has returned, hands out `replies`. Should the commit fail, the answers are
// never sent and the process stops; so nothing is acknowledged that is not on the disk.

package import Causality
package import DataTypes
import Keys
import Ring
package import Storage
package import Wire
import World

package struct VnodeShard: Sendable {
    let actor: Actor
    /// The last counter minted. Invariant: no dot of `actor` above it was minted for any key of this shard, but for
    /// keys whose version vector a made-up context had raised above it.
    package internal(set) var counter: UInt64
    var clock = HybridClock()
    /// How long after their making fresh writes arrive here from the replicas that minted them.
    package private(set) var replicationDelay = DelayAverage()
    /// Objects whose expired values have given back their bytes since the start.
    package internal(set) var expired: UInt64 = 0
    /// Merges refused since the start because the object would be beyond its limits.
    package private(set) var unmergeable: UInt64 = 0

    var typedObjects: TypedCache
    let bounds: ChangeBounds
    /// Entries of a version vector that a write may lead to here.
    let mintedEntries: Int

    /// A planted bug, for the simulator.
    package var typedMutant: TypedMutant?

    /// Nil where only such ranges are asked for as would hold a shard.
    private let pages: PageBounds?
    /// Until then all pages are handed on, since one was slow.
    private var pagesFrom = Instant.origin

    /// - Parameters:
    ///   - counter: where an earlier clean stop of the same incarnation left off; 0 for a new one.
    ///   - pages: nil for a thread that reads beside the shards.
    ///   - typedBytes: what decoded typed objects may take of the node's memory.
    package init(
        actor: Actor, counter: UInt64 = 0, mintedEntries: Int = Limits.mintedVersionEntries,
        pages: PageBounds? = PageBounds(), typedBytes: Int = Limits.typedCacheBytes,
        bounds: ChangeBounds = ChangeBounds()
    ) {
        self.bounds = bounds
        typedObjects = TypedCache(most: typedBytes)
        self.pages = pages
        self.actor = actor
        self.counter = counter
        self.mintedEntries = mintedEntries
    }

    package mutating func process(
        _ requests: [ReplicaRequest], store: any KeyValueStore, in surroundings: BatchSurroundings
    ) throws(StorageFailure) -> BatchOutcome {
        var batch = Batch(store: store, size: requests.count)
        batch.pageRoom = surroundings.now.instant < pagesFrom ? 0 : pages?.batch ?? 0
        var outcome = BatchOutcome()
        outcome.replies.reserveCapacity(requests.count)
        for (place, request) in requests.enumerated() {
            do {
                outcome.replies.append(try answer(request, &batch, surroundings))
            } catch is LongPage {
                outcome.handedOn.append(place)
                outcome.replies.append(.refused(Refusal(.busy, "the page is another thread's")))
            } catch let refusal as Refusal {
                outcome.replies.append(.refused(refusal))
            } catch let failure as StorageFailure {
                throw failure
            } catch {
                outcome.replies.append(.refused(Refusal(.malformed, "\(error)")))
            }
        }
        outcome.writes =
            batch.changes.map { .put(key: $0.key, value: $0.written.bytes, over: $0.written.over) } + batch.typed
        outcome.changed = batch.changes.map(\.key) + batch.changedTyped
        typedObjects.trim()
        outcome.synced = batch.synced
        outcome.expired = batch.expired
        return outcome
    }

    /// What stands under `key`, with what the batch has changed.
    func current(_ key: [UInt8], _ batch: Batch) throws -> Written? {
        if let written = batch.change(of: key) { return written }
        return try batch.store.get(key).map { Written(bytes: $0, object: try decode($0), over: $0.count) }
    }

    private mutating func answer(
        _ request: ReplicaRequest, _ batch: inout Batch, _ surroundings: BatchSurroundings
    ) throws -> ReplicaReply {
        switch request {
        case .read(let key, let summaryOver):
            return try read(key, summaryOver: summaryOver, &batch, surroundings)
        case .mint(let request):
            return try mint(request, &batch, surroundings)
        case .insert(let request):
            return try insert(request, &batch, surroundings)
        case .mergeEach(let keys, let object):
            return try merge(object, intoEach: keys, &batch, surroundings)
        case .merge(let key, let object, let repair):
            return try merge(key, object, repair: repair, &batch, surroundings)
        case .range(let request):
            guard let pages, request.isShort else {
                return try longPage(of: request, batch.store)
            }
            return try shortPage(of: request, pages, &batch, surroundings.now.instant)
        case .compare(let request):
            let piece = try Fingerprints.compute(
                request, batch.store, surroundings.ring, of: actor.node, at: surroundings.now.wall)
            batch.expired += piece.expired
            return .fingerprints(piece.sums, end: piece.end, bytes: piece.bytes)
        case .hint, .readHints:
            throw Refusal(.malformed, "hints are not kept here")
        }
    }

    // MARK: Reading

    /// Where the object is taken apart anyway, values whose time is over give back their bytes. A nearly full disk is
    /// no reason against it: it is what makes room.
    private mutating func read(
        _ key: [UInt8], summaryOver: Int, _ batch: inout Batch, _ surroundings: BatchSurroundings
    ) throws -> ReplicaReply {
        let change = batch.change(of: key)
        if summaryOver > 0, typedObjects[key] != nil { try collect(key, &batch, surroundings) }
        if let logged = typedObjects[key] {
            let isLong = summaryOver > 0 && logged.object.payloadBytes > summaryOver
            return isLong ? .summary(logged.object.summary.encode()) : .object(logged.object.encode())
        }
        guard let bytes = try change?.bytes ?? batch.store.get(key) else { return .object(nil) }
        guard summaryOver > 0, bytes.count > summaryOver else { return .object(bytes) }
        var object = try decode(bytes)
        if object.isTypedExpired(at: surroundings.now.wall) {
            try collect(key, &batch, surroundings)
            if let logged = typedObjects[key] { return .summary(logged.object.summary.encode()) }
        }
        let summary = object.summary.encode()
        if object.hasExpiredValues(at: surroundings.now.wall), let bucket = StoredKey.bucket(of: key) {
            object.expire(at: surroundings.now.wall)
            expired += 1
            batch.put(
                key, Written(bytes: object.encode(), object: object, over: change?.over ?? bytes.count),
                synced: surroundings.ring.properties(ofBucket: bucket).durability == .synced)
        }
        return .summary(summary)
    }

    private mutating func shortPage(
        of request: RangeRequest, _ pages: PageBounds, _ batch: inout Batch, _ now: Instant
    ) throws -> ReplicaReply {
        guard batch.pageRoom > 0 else { throw LongPage() }
        let room = min(pages.one, batch.pageRoom)
        do {
            let page = try batch.store.page(
                KeyRange(start: request.start, end: request.end), reverse: request.reverse, limit: request.limit,
                atMost: room)
            batch.pageRoom -= min(page.bytes, room)
            guard page.bytes <= room else { throw LongPage() }
            return .page(items: page.items, more: page.more)
        } catch let failure as StorageFailure where failure.kind == .slow {
            batch.pageRoom = 0
            pagesFrom = now + Limits.pagePause
            throw LongPage()
        }
    }

    private func longPage(of request: RangeRequest, _ store: any KeyValueStore) throws -> ReplicaReply {
        let page = try store.scannedPage(
            KeyRange(start: request.start, end: request.end), reverse: request.reverse, limit: request.limit,
            atMost: request.repair ? Limits.repairPageBytes : Limits.rangeBytes)
        return .page(items: page.items, more: page.more)
    }

    // MARK: Writing

    private mutating func mint(
        _ request: MintRequest, _ batch: inout Batch, _ surroundings: BatchSurroundings
    ) throws -> ReplicaReply {
        if let sentAt = request.sentAtMs, !VnodeShard.isFresh(sentAt, surroundings.now.instant) { throw Refusal(.late) }
        let (key, route) = try owned(request.key, surroundings.ring)
        let properties = route.properties
        if let bucket = TypedBucket(rawValue: properties.type.rawValue) {
            return try operate(request, key, route, as: bucket, &batch, surroundings)
        }
        guard surroundings.disk.takes(request.value == nil ? .deletion : .value) else { throw Refusal(.diskFull) }
        guard (request.value?.count ?? 0) <= properties.maxValueBytes else {
            throw Refusal(.tooLarge, "the bucket takes values of up to \(properties.maxValueBytes) bytes")
        }
        let rule = properties.conflict
        let context = try request.context.map { try CausalContext(decoding: $0, for: key.bytes) }
        let stored = try current(key.bytes, batch)
        var object = stored?.object ?? StoredObject()
        if let attempt = request.attempt, object.voided.contains(attempt) { throw Refusal(.voided) }
        object.expire(at: surroundings.now.wall)
        // What a void attempt of this very write has made stands in no one's way.
        let wasAbsent = object.siblings.allSatisfy { $0.isTombstone || $0.attempt.map(request.voids.contains) ?? false }
        if request.onlyIfAbsent && !wasAbsent { throw Refusal(.exists) }

        let dot = try nextDot(after: object.versions, context?.versions)
        let floor = max(object.latestTime, context?.latestTime ?? HybridTime(bits: 0))
        let sibling = Sibling(
            dot: dot, payload: request.value.map { .value($0) } ?? .tombstone,
            contentType: request.contentType, time: clock.tick(surroundings.now.wall, after: floor),
            expiresAt: request.expiresAt, attempt: request.attempt)
        object.write(sibling, context: context, voiding: request.voids, rule: rule)
        guard object.siblings.count <= Limits.siblings else {
            throw Refusal(.tooManySiblings, "read the key and write with the context of what you read")
        }
        guard object.versions.entries.count <= mintedEntries, VnodeShard.givesContext(object)
        else { throw Refusal(.vectorFull, "too many lives of nodes have written this key") }
        let bytes = object.encode()
        let room = Limits.mintedBytes(replicas: route.primaries.count)
        guard bytes.count <= room else {
            throw Refusal(
                .tooLarge,
                "with \(route.primaries.count) replicas all siblings of a key together may take \(room) bytes")
        }
        batch.put(
            key.bytes, Written(bytes: bytes, object: object, over: stored?.over ?? 0),
            synced: properties.durability == .synced)
        return .minted(object: bytes, wasAbsent: wasAbsent)
    }

    /// Whether the context of `object` has a size that is taken back.
    static func givesContext(_ object: StoredObject) -> Bool {
        // Whatever their names, so few entries stay far below the limit.
        object.versions.entries.count <= 32
            || CausalContext(of: object).encode(for: []).count <= Limits.mintedContextBytes
    }

    /// Whether a mint was surely sent within `Limits.mintAge`, by this node's clock. One dated later than now comes
    /// from before this machine's last start.
    private static func isFresh(_ sentAtMs: UInt64, _ now: Instant) -> Bool {
        let now = UInt64(clamping: now.nanoseconds / 1_000_000)
        return sentAtMs <= now && now - sentAtMs < UInt64(Limits.mintAge.inMilliseconds)
    }

    /// A dot that nothing has covered yet. `held` may be ahead of the counter where a client made a context up: the dot
    /// then goes on from there, for this key alone. (A dot that is covered already would be dropped by every merge, and
    /// the write with it.)
    private mutating func nextDot(after held: VersionVector, _ context: VersionVector?) throws(Refusal) -> Dot {
        let seen = held.counter(of: actor)
        guard (context?.counter(of: actor) ?? 0) <= max(counter, seen) else {
            throw Refusal(.malformed, "the context names a write that never was")
        }
        guard seen < UInt64.max, counter < UInt64.max else {
            throw Refusal(.malformed, "the key's version vector has no counter left for \(actor.node)")
        }
        guard seen <= counter else { return Dot(actor: actor, counter: seen + 1) }
        counter += 1
        return Dot(actor: actor, counter: counter)
    }

    /// - Parameter decoded: `bytes` taken apart, where somebody has done so.
    mutating func merge(
        _ storedKey: [UInt8], _ bytes: [UInt8], decoded: StoredObject? = nil, repair: Bool, _ batch: inout Batch,
        _ surroundings: BatchSurroundings
    ) throws -> ReplicaReply {
        if TypedDelta.isBegun(by: bytes) { return try merge(delta: bytes, storedKey, &batch, surroundings) }
        let (key, route) = try owned(storedKey, surroundings.ring)
        let properties = route.properties
        let stored = properties.type == .opaque ? try current(storedKey, batch) : nil
        if let stored, stored.bytes == bytes { return .stored }
        let incoming = try decoded ?? StoredObject(decoding: bytes)
        let use: DiskState.Use = incoming.hasValue ? (repair ? .repair : .value) : .deletion
        guard surroundings.disk.takes(use) else { throw Refusal(.diskFull) }
        // What hints and repairs bring is as old as the trouble that they mend, and says nothing of what is written
        // now.
        if !repair, incoming.typedObject == nil { noteDelay(of: incoming, at: surroundings.now) }
        if properties.type != .opaque { return try merge(whole: incoming, storedKey, properties, &batch) }
        guard let stored else {
            batch.put(
                key.bytes, Written(bytes: bytes, object: incoming, over: 0),
                synced: properties.durability == .synced)
            return .stored
        }
        var object = stored.object
        object.merge(incoming, rule: properties.conflict)
        if object == stored.object { return VnodeShard.reply(to: incoming, in: object, properties, repair: repair) }
        // What supersedes all that stood here is stored as it came.
        let merged = object == incoming ? bytes : try withinLimits(object)
        batch.put(
            key.bytes, Written(bytes: merged, object: object, over: stored.over),
            synced: properties.durability == .synced)
        return VnodeShard.reply(to: incoming, in: object, properties, repair: repair)
    }

    /// Whether a write stands alone now, or beside what it does not know of (or, by last-write-wins, below); or is gone
    /// already, while something stands of which this replica cannot tell that it is later. One sibling alone is, as
    /// what superseded the write ends in it; and so is what the same replica minted after it.
    private static func reply(
        to write: StoredObject, in object: StoredObject, _ properties: BucketProperties, repair: Bool
    ) -> ReplicaReply {
        if repair { return .stored }
        let others = object.siblings.filter { one in !write.siblings.contains { $0.dot == one.dot } }
        if others.count < object.siblings.count || properties.conflict == .lastWriteWins {
            return others.isEmpty ? .stored : .storedBeside
        }
        let areLater = others.allSatisfy { other in
            write.siblings.contains { $0.dot.actor.node == other.dot.actor.node && $0.dot < other.dot }
        }
        return others.count < 2 || areLater ? .stored : .refused(Refusal(.superseded))
    }

    /// Refusing here keeps replicas apart, so what `mint` takes has room for the merge of all sides (Limits). It does
    /// happen to what was written under other limits, or by more lives of a replica than one.
    mutating func withinLimits(_ object: StoredObject) throws -> [UInt8] {
        do { return try object.encodeWithinLimits() } catch {
            unmergeable += 1
            switch error {
            case .siblings: throw Refusal(.tooManySiblings, "the merge has \(object.siblings.count) siblings")
            case .versions: throw Refusal(.vectorFull, "the version vector of the merge is full")
            case .bytes: throw Refusal(.tooLarge, "the siblings of the merge together are too large")
            }
        }
    }

    /// The key taken apart, if this node is one of its replicas.
    func owned(_ key: [UInt8], _ ring: RingSnapshot) throws -> (key: StoredKey, route: KeyRoute) {
        let key = try StoredKey(decoding: key)
        let route = ring.route(bucket: key.bucket, token: key.token)
        guard route.primaries.contains(actor.node) else {
            throw Refusal(.notReplica, "\(actor.node) is no replica of this key in ring epoch \(ring.document.epoch)")
        }
        return (key, route)
    }

    private mutating func noteDelay(of object: StoredObject, at now: Now) {
        let made = object.latestTime.wall.milliseconds
        let arrived = now.wall.milliseconds
        replicationDelay.observe(arrived > made ? Double(arrived - made) : 0, at: now.instant)
    }
}
