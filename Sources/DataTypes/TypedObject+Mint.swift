// Minting a request: all of its operations or none, under one run of dots.

import Causality
import JSON
import World

extension TypedObject {
    /// Does a request and gives its delta. This object is as before if it throws.
    mutating func apply(
        _ request: TypedRequest, as bucket: TypedBucket, _ run: MintingRun
    ) throws(TypedProblem) -> TypedOutcome {
        if let after = request.name?.after, mutant != .noAfter, !versions.covers(after) { throw .behind }
        if let name = request.name {
            if let known = effect(of: name) {
                // What was tried again leaves a note, also where it finds its work done.
                guard name.isAgain, mutant != .noNote else {
                    return .done(first: actors.dot(known.ids.first), last: actors.dot(known.last))
                }
            } else if try isPast(name, run.time) {
                return .doneLongAgo
            }
        }
        try check(request)
        // One operation throws before it changes anything; a copy would cost as much as the object is large.
        let isOne = request.operations.count <= 1 && actors.place(of: run.actor) != nil && !isExpired(at: run.wall)
        let backup = isOne ? nil : self
        do {
            return try mint(request, as: bucket, run)
        } catch {
            if let backup { self = backup }
            throw error
        }
    }

    /// Whether a request of this name was done, or a later one of its writer.
    package func remembers(_ name: OperationName) -> Bool {
        effect(of: name) != nil || ledger.lastRequest(of: name.writer).map { $0.number > name.number } ?? false
    }

    private func effect(of name: OperationName) -> Effect? {
        if let note = ledger.note(of: name.writer, name.number) { return note.effect }
        guard let last = ledger.lastRequest(of: name.writer), last.number == name.number else { return nil }
        return last.effect
    }

    /// Whether a request that is not remembered came before one that is; throws where that can't be told.
    private func isPast(_ name: OperationName, _ now: HybridTime) throws(TypedProblem) -> Bool {
        if let last = ledger.lastRequest(of: name.writer), last.number > name.number { return true }
        guard name.isAgain else { return false }
        let wall = now.wall.milliseconds
        let window = wall > Limits.retryWindowMilliseconds ? wall - Limits.retryWindowMilliseconds : 0
        if ledger.mayHaveForgotten(since: HybridTime(wall: WallTime(milliseconds: window))) { throw .retryUnknown }
        if ledger.voids.count >= Limits.voidRequests { throw .retryUnknown }
        return false
    }

    private func check(_ request: TypedRequest) throws(TypedProblem) {
        guard request.operations.count <= Limits.requestOperations else { throw .tooLarge }
        let growth = request.operations.reduce(0) { $0 + $1.byteCount }
        guard growth <= min(request.most, max(0, request.room)) else { throw .tooLarge }
        guard let context = request.context else { return }
        guard versions.covers(context) else { throw .behind }
        guard request.operations.contains(where: \.hasIndex) else { return }
        let seen = actors.counters(in: context)
        for (place, counter) in floor.enumerated() where seen[place] < counter { throw .contextTooOld }
    }

    private mutating func mint(
        _ request: TypedRequest, as bucket: TypedBucket, _ run: MintingRun
    ) throws(TypedProblem) -> TypedOutcome {
        var draft = try begin(request, as: bucket, run)
        let known = request.name.flatMap(effect)
        var results: [OperationResult] = []
        var said: Expiry?
        if let known {
            draft.need(known.last)
        } else {
            // Nothing that had its time comes back.
            if isExpired(at: run.wall) { clear(ObjectPath(), &draft) }
            said = request.collects ? nil : Expiry(time: run.time, end: request.expiresAt)
            for (place, operation) in request.operations.enumerated() {
                draft.operation = place
                results.append(try perform(operation, &draft))
            }
        }
        let last = ElementID(place: draft.own, counter: max(draft.next - 1, draft.first))
        actors.counters[draft.own] = last.counter
        var call: NamedCall?
        if let name = request.name {
            let count = Int(clamping: last.counter - draft.first + 1)
            let effect = known ?? Effect(last: last, count: count, amounts: draft.amounts, time: draft.time)
            let named = NamedEffect(writer: name.writer, number: name.number, effect: effect)
            call = NamedCall(named: named, isAgain: name.isAgain)
            for void in ledger.record(named, isAgain: name.isAgain, mutant) { root.void(void.ids) }
            if let after = name.after.flatMap(actors.id) { draft.need(after) }
        }
        var risen: [UInt64] = []
        if draft.dropsPlaces {
            floor[draft.own] = last.counter
            risen = actors.counters.map { _ in 0 }
            risen[draft.own] = last.counter
        }
        take(said)
        var delta = TypedDelta(draft, last: last.counter, call: call, actors: actors.actors, floor: risen)
        delta.expiry = said
        return .minted(delta, results)
    }

    private mutating func begin(
        _ request: TypedRequest, as bucket: TypedBucket, _ run: MintingRun
    ) throws(TypedProblem) -> Draft {
        if actors.place(of: run.actor) == nil {
            guard actors.actors.count < Limits.mintedVersionEntries else { throw .tooManyActors }
            move(actors.admit([run.actor]).own)
        }
        guard let own = actors.place(of: run.actor) else { throw .tooManyActors }
        let former = actors.counters[own]
        let first = max(run.first, former + 1)
        guard first < Limits.packedCounter - UInt64(Limits.objectBytes) else { throw .tooManyActors }
        // Who writes to what has expired sees nothing, whatever it had seen.
        let context = mutant == .contextIgnored || isExpired(at: run.wall) ? nil : request.context
        let seen = context.map(actors.counters(in:)) ?? actors.counters
        var needs = [UInt64](repeating: 0, count: actors.actors.count)
        needs[own] = former
        return Draft(
            own: own, first: first, next: first, time: run.time, bucket: bucket, seen: seen,
            isCurrent: seen == actors.counters, voids: ledger.voids, needs: needs)
    }
}

extension Operation {
    /// About what it adds to an object; nothing where it only removes, which is done however full an object is.
    fileprivate var byteCount: Int {
        switch self {
        case .set(let path, let value), .add(let path, let value): path.byteCount + value.encode().count
        case .insert(let path, _, let values): values.reduce(path.byteCount) { $0 + 24 + $1.encode().count }
        case .splice(_, _, _, let text): text.isEmpty ? 0 : 16 + text.utf8.count
        case .increment(let path, _), .enable(let path): path.byteCount
        case .move: 48
        case .remove, .discard, .disable, .test: 0
        }
    }

    /// Whether it counts elements as its writer saw them.
    fileprivate var hasIndex: Bool {
        switch self {
        case .insert(let path, let position, _): path.mayHaveIndex || position.isIndex
        // What it deletes is counted from there on, wherever that is.
        case .splice(let path, let position, let deleted, _): path.mayHaveIndex || position.isIndex || deleted > 0
        case .move(let path, let place, let to): path.mayHaveIndex || place.isIndex || to.isIndex
        case .set(let path, _), .remove(let path), .increment(let path, _), .add(let path, _), .discard(let path, _),
            .enable(let path), .disable(let path):
            path.mayHaveIndex
        case .test: false
        }
    }
}

extension Path {
    /// With what a record takes beside.
    fileprivate var byteCount: Int {
        steps.reduce(32) { sum, step in
            if case .name(let name) = step { sum + name.utf8.count } else { sum + 8 }
        }
    }

    /// A name that could be an index: where a list stands it is one.
    fileprivate var mayHaveIndex: Bool {
        steps.contains { if case .name(let name) = $0 { Path.index(name) != nil } else { false } }
    }

    /// Decimal digits without a needless zero (RFC 6901, section 4).
    static func index(_ name: String) -> Int? {
        guard !name.isEmpty, name.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            name == "0" || name.utf8.first != 0x30
        else { return nil }
        return Int(name)
    }
}

extension Position {
    var isIndex: Bool { if case .at = self { true } else { false } }
}

extension ElementPlace {
    var isIndex: Bool { if case .at = self { true } else { false } }
}
