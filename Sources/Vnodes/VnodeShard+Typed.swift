// Minting what is asked of a key in a typed bucket (docs/TYPES.md): all operations of a request or none, under one run
// of dots.

import Causality
import DataTypes
import Keys
import Ring
import Storage
import Wire
import World

extension VnodeShard {
    mutating func operate(
        _ request: MintRequest, _ key: StoredKey, _ route: KeyRoute, as bucket: TypedBucket, _ batch: inout Batch,
        _ surroundings: BatchSurroundings
    ) throws -> ReplicaReply {
        let call = try TypedCall(decoding: request.value ?? [])
        guard surroundings.disk.takes(call.onlyRemoves ? .deletion : .value) else { throw Refusal(.diskFull) }
        let context = try request.context.map { try CausalContext(decoding: $0, for: key.bytes) }
        return try changing(key.bytes, &batch) { shard, logged, batch in
            // What stands there may be what the same request made when it was sent before.
            let isDone = call.name.map { logged.object.typedObject?.remembers($0) ?? false } ?? false
            // Whether opaque values from before the bucket had a type are over is the same for all.
            logged.object.expire(at: surroundings.now.wall)
            let isOver = logged.object.isTypedExpired(at: surroundings.now.wall)
            let wasAbsent = !logged.object.hasValue || isOver || request.onlyIfAbsent && isDone
            if request.onlyIfAbsent && !wasAbsent { throw Refusal(.exists) }
            let (seen, tookDeltas) = (logged.object.versions.counter(of: shard.actor), logged.object.isTypedAlone)
            let run = try shard.run(over: logged.object, context, surroundings)
            let outcome = try shard.carryOut(call, on: &logged.object, key, route, context, as: bucket, run)
            guard case .minted(let delta, _) = outcome else {
                var shown = logged.object
                shown.hideExpired(at: surroundings.now.wall)
                let minted = TypedMinted(
                    outcome, shown, under: key.bytes, change: logged.object.encode(), value: call.wantsValue)
                return .minted(object: minted.encode(), wasAbsent: wasAbsent)
            }
            if seen <= shard.counter { shard.counter = max(shard.counter, delta.lastDot.counter) }
            let deletions = call.kind == .sweep ? 0 : delta.deletedCount
            let change = try shard.store(
                &logged, key.bytes, tookDeltas ? VnodeShard.readable(delta) : nil, route.properties, &batch)
            let isWorthSweeping = logged.isWorthSweeping(after: deletions, shard.bounds)
            let minted = TypedMinted(
                outcome, logged.object, under: key.bytes, change: change, value: call.wantsValue,
                isWorthSweeping: isWorthSweeping)
            return .minted(object: minted.encode(), wasAbsent: wasAbsent)
        }
    }

    /// Nil if nobody could take it in again: a row that can't be read would cost the object.
    private static func readable(_ delta: TypedDelta) -> [UInt8]? {
        let bytes = delta.encode()
        return (try? TypedDelta(decoding: bytes)) == nil ? nil : bytes
    }

    /// A run of dots that nothing has covered yet; refused where a further life of this node has no place in the key.
    mutating func run(
        over object: StoredObject, _ context: CausalContext?, _ surroundings: BatchSurroundings
    ) throws -> MintingRun {
        let seen = object.versions.counter(of: actor)
        guard (context?.versions.counter(of: actor) ?? 0) <= max(counter, seen) else {
            throw Refusal(.malformed, "the context names a write that never was")
        }
        if seen == 0 {
            var versions = object.versions
            versions.record(Dot(actor: actor, counter: max(1, counter)))
            guard versions.entries.count <= mintedEntries,
                let grown = StoredObject(versions: versions, siblings: []), VnodeShard.givesContext(grown)
            else { throw VnodeShard.refusal(.typed(.tooManyActors)) }
        }
        let floor = max(object.typedTime, context?.latestTime ?? HybridTime(bits: 0))
        return MintingRun(
            actor: actor, first: max(counter, seen) + 1, time: clock.tick(surroundings.now.wall, after: floor),
            wall: surroundings.now.wall)
    }

    private func carryOut(
        _ call: TypedCall, on object: inout StoredObject, _ key: StoredKey, _ route: KeyRoute,
        _ context: CausalContext?, as bucket: TypedBucket, _ run: MintingRun
    ) throws -> TypedOutcome {
        // With more replicas than usual the merge of all sides would not fit else.
        let most = min(route.properties.maxValueBytes, Limits.mintedBytes(replicas: route.primaries.count))
        do throws(TypedCallProblem) {
            guard call.kind != .sweep else {
                return try object.sweep(call, under: key.bytes, primaries: route.primaries.map(\.name), run)
            }
            // What stands in the place of all may be as large as all that may stand there.
            let standing = call.supersedes || object.isTypedExpired(at: run.wall) ? 0 : object.payloadBytes
            return try object.carryOut(
                call, as: bucket, context: context?.versions, room: max(0, most - standing), run)
        } catch {
            throw VnodeShard.refusal(error)
        }
    }

    /// Merges what a request changed elsewhere.
    mutating func merge(
        delta bytes: [UInt8], _ storedKey: [UInt8], _ batch: inout Batch, _ surroundings: BatchSurroundings
    ) throws -> ReplicaReply {
        let route = try owned(storedKey, surroundings.ring).route
        let delta = try TypedDelta(decoding: bytes)
        guard surroundings.disk.takes(delta.onlyRemoves ? .deletion : .value) else { throw Refusal(.diskFull) }
        return try changing(storedKey, &batch) { shard, logged, batch in
            if logged.object.versions.covers(delta.lastDot) { return .stored }
            guard logged.object.payloadBytes + bytes.count <= Limits.objectBytes - Limits.requestOperationBytes else {
                throw Refusal(.tooLarge, "the object would be too large")
            }
            let isMerged: Bool
            do throws(TypedProblem) { isMerged = try logged.object.merge(delta) } catch {
                throw VnodeShard.refusal(.typed(error))
            }
            guard isMerged else { throw Refusal(.behind, "this replica has not seen what the change follows") }
            logged.object.grew(by: bytes.count)
            _ = try shard.store(&logged, storedKey, bytes, route.properties, &batch)
            return .stored
        }
    }

    /// Merges all that another replica holds. The object that stands here is only replaced once it is known to fit.
    mutating func merge(
        whole incoming: StoredObject, _ storedKey: [UInt8], _ properties: BucketProperties, _ batch: inout Batch
    ) throws -> ReplicaReply {
        try changing(storedKey, &batch) { shard, logged, batch in
            var object = logged.object
            object.merge(incoming, rule: properties.conflict)
            guard object != logged.object else { return .stored }
            object.measured(try shard.withinLimits(object).count)
            logged.object = object
            _ = try shard.store(&logged, storedKey, nil, properties, &batch)
            return .stored
        }
    }

    // MARK: Objects in memory

    /// Works on the object under `key`, which is as before if `body` throws.
    mutating func changing(
        _ key: [UInt8], _ batch: inout Batch,
        _ body: (inout VnodeShard, inout LoggedObject, inout Batch) throws -> ReplicaReply
    ) throws -> ReplicaReply {
        var logged = try typedObjects.take(key) ?? batch.store.load(key) ?? LoggedObject(StoredObject())
        // What was refused leaves nothing where nothing was.
        defer { if !logged.object.versions.isEmpty { typedObjects.put(key, logged) } }
        if let typedMutant { logged.object.plant(typedMutant) }
        return try body(&self, &logged, &batch)
    }

    /// Has the object written: as the change alone, where that is less. Returns what the others are to merge.
    func store(
        _ logged: inout LoggedObject, _ key: [UInt8], _ change: [UInt8]?, _ properties: BucketProperties,
        _ batch: inout Batch
    ) throws -> [UInt8] {
        let synced = properties.durability == .synced
        if let change, logged.takesRow(of: change.count, bounds) {
            batch.append(row: ChangeLog.row(logged.rows.upperBound, of: key), of: key, change, synced: synced)
            logged.rows = logged.rows.lowerBound..<logged.rows.upperBound + 1
            logged.rowBytes += change.count
            logged.note(change: change.count)
            return change
        }
        let bytes = logged.object.encode()
        logged.object.measured(bytes.count)
        let base = bytes.count > bounds.loggedBytes ? ChangeLog.base(bytes) : bytes
        batch.replace(key, base, over: logged.baseBytes, synced: synced)
        for number in logged.rows { batch.drop(row: ChangeLog.row(number, of: key)) }
        logged.rows = logged.rows.upperBound..<logged.rows.upperBound
        (logged.baseBytes, logged.rowBytes) = (base.count, 0)
        logged.weigh()
        return if let change, bytes.count > bounds.wholeBytes { change } else { bytes }
    }

    private static func refusal(_ problem: TypedCallProblem) -> Refusal {
        func notApplied(_ code: String, _ detail: String, _ operation: Int? = nil) -> Refusal {
            Refusal(.notApplied, NotApplied(code, operation: operation, detail).text)
        }
        switch problem {
        case .patch(let error):
            switch error.code {
            case .malformed: return Refusal(.malformed, error.detail)
            case .tooLarge: return Refusal(.tooLarge, error.detail)
            case .notApplicable: return notApplied("not-applicable", error.detail, error.operation)
            case .testFailed: return notApplied("test-failed", error.detail, error.operation)
            }
        case .typed(let problem):
            switch problem {
            case .wrongType: return notApplied("wrong-type", "the bucket's keys are of another type")
            case .contextTooOld:
                return notApplied("context-too-old", "its places can't be counted any more: read again")
            case .retryUnknown:
                return notApplied("retry-unknown", "whether this request was done before is not remembered")
            case .tooManyActors: return notApplied("too-many-actors", "too many lives of nodes have written this key")
            case .testFailed(let operation): return notApplied("test-failed", "something else stands there", operation)
            case .notApplicable(let operation, let reason):
                return notApplied("not-applicable", reason.rawValue, operation)
            case .tooLarge: return Refusal(.tooLarge, "the request or the object would be too large")
            case .behind: return Refusal(.behind, "this replica has not seen what the request's context names")
            }
        }
    }
}
