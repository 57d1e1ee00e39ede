// What one request changed, as it goes to the other replicas.
//
// A delta is not a state: it says what it needs to be seen before it, and a replica that lacks that answers with its
// vector and is sent the state instead. Causal only where it matters: what the minter had seen of others, and the
// request does not touch, is not asked for (Almeida, Shoker, Baquero, "Delta State Replicated Data Types", 2018).

package import Causality
import World

/// What a request was called.
struct NamedCall: Hashable, Sendable {
    let named: NamedEffect
    let isAgain: Bool
}

package struct TypedDelta: Hashable, Sendable {
    /// Those whose dots occur, each with the highest that is needed.
    var needs: ActorTable
    /// The minter's place among them, and the run of its dots.
    let own: Int
    let first: UInt64
    let last: UInt64
    let time: HybridTime
    let steps: [PathChange]
    let floor: [UInt64]
    let call: NamedCall?
    /// Nil of what is no write: a sweep, or a note of one that was done before.
    var expiry: Expiry?

    var actor: Actor { needs.actors[own] }
    var firstDot: Dot { Dot(actor: actor, counter: first) }
    package var lastDot: Dot { Dot(actor: actor, counter: last) }

    init(
        needs: ActorTable, own: Int, run: ClosedRange<UInt64>, time: HybridTime, steps: [PathChange], floor: [UInt64],
        call: NamedCall?
    ) {
        (self.needs, self.own, self.time, self.steps) = (needs, own, time, steps)
        (first, last) = (run.lowerBound, run.upperBound)
        (self.floor, self.call) = (floor, call)
    }

    /// `actors` are those of the object that it was minted in.
    init(_ draft: Draft, last: UInt64, call: NamedCall?, actors: [Actor], floor: [UInt64] = []) {
        let used = actors.indices.filter { place in
            place == draft.own || draft.needs[place] > 0 || (place < floor.count && floor[place] > 0)
        }
        var table = ActorTable()
        // The others do not occur; they go nowhere.
        var places = [Int](repeating: 0, count: actors.count)
        for (at, place) in used.enumerated() {
            table.append(actors[place], counter: draft.needs[place])
            places[place] = at
        }
        let to = Relocation(places: places)
        let call = call.map { NamedCall(named: $0.named.moved(to), isAgain: $0.isAgain) }
        self.init(
            needs: table, own: places[draft.own], run: draft.first...last, time: draft.time,
            steps: draft.steps.map { $0.moved(to) }, floor: floor.isEmpty ? [] : used.map { floor[$0] }, call: call)
    }

    var run: RunContext { RunContext(first: ElementID(place: own, counter: first), time: time) }
    var ids: IDRange { IDRange(first: run.first, count: Int(clamping: last - first + 1)) }
}

enum MergeOutcome: Hashable, Sendable {
    case stored
    /// What the delta needs is not here: the state is, or deltas since this vector are.
    case gap(VersionVector)
}

extension TypedObject {
    /// Takes in what a request changed elsewhere: all of it or nothing.
    mutating func merge(_ delta: TypedDelta) throws(TypedProblem) -> MergeOutcome {
        if versions.covers(delta.lastDot) { return .stored }
        let own = actors.place(of: delta.actor).map { actors.counters[$0] } ?? 0
        // Between what it needs of its own actor and its run there is nothing.
        let isNext = own == delta.needs.counters[delta.own]
        let isCovered = zip(delta.needs.actors, delta.needs.counters).allSatisfy { actor, counter in
            actor == delta.actor || counter == 0 || versions.counter(of: actor) >= counter
        }
        guard isNext || mutant == .deltaOverGap, isCovered || mutant == .needsIgnored else { return .gap(versions) }
        var table = actors
        let (moved, to) = table.admit(delta.needs.actors)
        guard table.actors.count <= Limits.versionVectorEntries else { throw .tooManyActors }
        actors = table
        move(moved)
        let run = RunContext(first: delta.run.first.moved(to), time: delta.time)
        for step in delta.steps { perform(step.moved(to), run) }
        actors.counters[to.places[delta.own]] = delta.last
        for (place, counter) in delta.floor.enumerated() {
            floor[to.places[place]] = max(floor[to.places[place]], counter)
        }
        take(delta.expiry)
        if let call = delta.call {
            for void in ledger.record(call.named.moved(to), isAgain: call.isAgain, mutant) { root.void(void.ids) }
        }
        let ids = delta.ids.moved(to)
        for effect in ledger.voids where effect.last == ids.last { root.void(ids) }
        return .stored
    }
}
