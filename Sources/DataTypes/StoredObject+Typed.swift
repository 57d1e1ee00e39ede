// The typed part of an object: what operations have made, beside siblings that were there before the bucket had a type.
//
// Whoever operates on a key covers all that stands there: so an opaque value that a `PUT` of JSON supersedes stays
// superseded wherever it turns up, by the siblings' own rule.

package import Causality
import World

/// Equal where the same requests have taken effect: all else follows from them.
struct TypedPart: Hashable, Sendable {
    private var box: Boxed<TypedObject>
    /// Of its encoding when it was last made or read, and of what was merged since, which is no less.
    var byteCount: Int

    init(_ object: TypedObject, byteCount: Int) {
        box = Boxed(object)
        self.byteCount = byteCount
    }

    var object: TypedObject {
        _read { yield box.value }
        _modify { yield &box.value }
    }

    static func == (a: TypedPart, b: TypedPart) -> Bool { a.object.summary == b.object.summary }
    func hash(into hasher: inout Hasher) { hasher.combine(object.summary) }
}

extension StoredObject {
    /// Nil where nobody has operated on the key.
    package var typedObject: TypedObject? { typed?.object }

    /// A bug, for tests.
    package mutating func plant(_ mutant: TypedMutant) {
        var object = typed?.object ?? TypedObject()
        object.mutant = mutant
        typed = TypedPart(object, byteCount: typed?.byteCount ?? 0)
    }

    /// Does a request on a key of a typed bucket. The object is as before if it throws.
    ///
    /// - Parameter supersedes: what stands here as opaque values is overwritten, as far as the request's context has
    ///   seen it; else such a value is of the wrong type.
    mutating func operate(
        _ request: TypedRequest, as bucket: TypedBucket, supersedes: Bool, _ run: MintingRun
    ) throws(TypedProblem) -> TypedOutcome {
        let seen = request.context ?? versions
        let left = siblings.filter { !$0.isTombstone && !(supersedes && seen.covers($0.dot)) }
        guard supersedes || left.isEmpty else { throw .wrongType }
        let outcome = try withTyped { (object) throws(TypedProblem) in try object.apply(request, as: bucket, run) }
        siblings = left
        return outcome
    }

    /// Changes the typed object where it lies: held twice meanwhile it would be copied, and it may be large.
    private mutating func withTyped<Result>(
        _ body: (inout TypedObject) throws(TypedProblem) -> Result
    ) throws(TypedProblem) -> Result {
        let wasThere = typed != nil
        var part = typed ?? TypedPart(TypedObject(), byteCount: 0)
        typed = nil
        do throws(TypedProblem) {
            try part.object.cover(versions)
            let result = try body(&part.object)
            versions.merge(part.object.versions)
            typed = part
            return result
        } catch {
            if wasThere { typed = part }
            throw error
        }
    }

    /// The same of a call as it came from a client. `room`: bytes that the object may grow by.
    package mutating func carryOut(
        _ call: TypedCall, as bucket: TypedBucket, context: VersionVector?, room: Int, _ run: MintingRun
    ) throws(TypedCallProblem) -> TypedOutcome {
        let operations = try call.operations(on: shown(at: run.wall), as: bucket, run)
        do throws(TypedProblem) {
            let outcome = try operate(
                TypedRequest(
                    operations, context: context, name: call.name, room: room,
                    most: call.kind == .put ? Limits.objectBytes : Limits.requestOperationBytes,
                    expiresAt: call.kind == .delete ? nil : call.expiresAt),
                as: bucket, supersedes: call.supersedes, run)
            typed?.byteCount += call.body.count + 64
            return outcome
        } catch {
            throw .typed(error)
        }
    }

    /// Drops what every primary has seen deleted, as a sweep's call says.
    package mutating func sweep(
        _ call: TypedCall, under key: [UInt8], primaries: [String], _ run: MintingRun
    ) throws(TypedCallProblem) -> TypedOutcome {
        do {
            let (seen, confirmed) = try call.reports(for: key)
            guard primaries.allSatisfy(confirmed.contains), versions.covers(seen), typed != nil else {
                return .doneLongAgo
            }
            let delta = try withTyped { (object) throws(TypedProblem) in try object.sweep(reports: [seen], run) }
            return delta.map { .minted($0, []) } ?? .doneLongAgo
        } catch let problem as TypedProblem {
            throw .typed(problem)
        } catch {
            throw .patch(PatchError(.malformed, "\(error)"))
        }
    }

    /// Takes in what a request changed elsewhere. False if what the change needs is not here.
    package mutating func merge(_ delta: TypedDelta) throws(TypedProblem) -> Bool {
        guard typed != nil, siblings.isEmpty else { return versions.covers(delta.lastDot) }
        let merged = try withTyped { (object) throws(TypedProblem) in try object.merge(delta) }
        return merged == .stored
    }

    /// Counts what the last change has added, or all of it where that is known now.
    package mutating func grew(by bytes: Int) { typed?.byteCount += bytes }
    package mutating func measured(_ bytes: Int) { typed?.byteCount = bytes }

    /// About what it takes in memory.
    package var memoryBytes: Int { payloadBytes + 512 + (typed?.object.memoryBytes ?? 0) }

    /// Whether nothing stands here but what operations have made: then what they change travels alone.
    package var isTypedAlone: Bool { typed != nil && siblings.isEmpty && voided.isEmpty }

    mutating func joinTyped(_ other: StoredObject) {
        guard var object = typed?.object ?? other.typed?.object else { return }
        if typed != nil, let others = other.typed?.object {
            // More actors than it has room for are more than the versions have: nobody takes such a merge.
            guard (try? object.join(others)) != nil else { return }
        }
        guard (try? object.cover(versions)) != nil else { return }
        typed = TypedPart(object, byteCount: (typed?.byteCount ?? 0) + (other.typed?.byteCount ?? 0))
    }
}

extension TypedObject {
    /// Counts all of `versions` as seen.
    mutating func cover(_ versions: VersionVector) throws(TypedProblem) {
        var table = actors
        let (own, others) = table.admit(versions.entries.map(\.actor))
        guard table.actors.count <= Limits.versionVectorEntries else { throw .tooManyActors }
        actors = table
        move(own)
        for (place, entry) in zip(others.places, versions.entries) {
            actors.counters[place] = max(actors.counters[place], entry.counter)
        }
    }
}

// MARK: Bytes

extension StoredObject {
    /// One that has a typed part: its bytes alone, or behind the rest.
    func encode(_ typed: TypedPart) -> [UInt8] {
        let bytes = typed.object.encode()
        guard !siblings.isEmpty || !voided.isEmpty else { return bytes }
        var rest = self
        rest.typed = nil
        var w = ByteWriter(capacity: bytes.count + 64)
        w.byte(ObjectFormat.mixed)
        w.counted(rest.encode())
        w.raw(bytes)
        return w.bytes
    }

    init(typed bytes: [UInt8]) throws(DecodingFailure) {
        let object = try TypedObject(decoding: bytes)
        self.init()
        versions = object.versions
        typed = TypedPart(object, byteCount: bytes.count)
    }

    init(mixed bytes: [UInt8]) throws(DecodingFailure) {
        var r = ByteReader(bytes)
        _ = try r.byte()
        let rest = try r.counted(atMost: Limits.objectBytes)
        let other = try TypedObject(decoding: Array(try r.raw(r.remaining)))
        self = try StoredObject(decoding: rest)
        guard typed == nil, !siblings.isEmpty || !voided.isEmpty, versions == other.versions else {
            throw .malformed("a typed part that does not fit its object")
        }
        typed = TypedPart(other, byteCount: bytes.count)
    }
}
