// What a minter keeps while it works on one request.

import Causality
import World

struct Draft {
    /// The place of the minter.
    let own: Int
    let first: UInt64
    var next: UInt64
    let time: HybridTime
    let bucket: TypedBucket
    /// What the client has seen, by actor.
    let seen: [UInt64]
    /// Whether that is all there is.
    let isCurrent: Bool
    /// Those of the object.
    let voids: [Effect]
    /// The highest dot of each actor without which the request's changes would be misplaced.
    var needs: [UInt64]
    var steps: [PathChange] = []
    var amounts: [CountedAmount] = []
    /// Characters or slots were dropped, and not only marked as deleted: places among them can't be counted any more.
    var dropsPlaces = false
    /// Texts and lists in which something was put elsewhere than where its writer saw it: what that stood behind is
    /// deleted by now. Later places of the request, counted there, would be others than were meant.
    var displaced: Set<ObjectPath> = []
    /// What the request has deleted and others had before: it is not deleted once more, or who repeats that would make
    /// an object grow without end. Ascending.
    var gone: [IDRange] = []
    /// The place of the operation in its request.
    var operation = 0

    var run: RunContext { RunContext(first: ElementID(place: own, counter: first), time: time) }

    /// An own dot counts as seen: later operations of a request follow earlier ones.
    func sees(_ id: ElementID) -> Bool { isOwn(id) || (id.isDot && seen[id.place] >= id.counter) }

    /// Whether the writer has seen that what a void request made is dead: with the request's other side.
    func seesVoid(_ id: ElementID) -> Bool {
        let place = voids.firstPlace { $0.last < id }
        guard place < voids.count, voids[place].ids.first <= id else { return true }
        return sees(voids[place].stays)
    }

    private func isOwn(_ id: ElementID) -> Bool { id.isDot && id.place == own && id.counter >= first }

    mutating func mint(_ count: Int = 1) -> IDRange {
        let range = IDRange(first: ElementID(place: own, counter: next), count: count)
        next += UInt64(count)
        return range
    }

    mutating func need(_ id: ElementID) {
        if id.isDot, !isOwn(id) { needs[id.place] = max(needs[id.place], id.counter) }
    }

    mutating func need(_ ids: some Sequence<ElementID>) { for id in ids { need(id) } }

    mutating func need(_ path: ObjectPath) {
        for case .item(let item) in path.steps { need(item) }
    }

    mutating func leave(_ ranges: [IDRange]) {
        guard !ranges.isEmpty else { return }
        gone = (gone + ranges).sorted { $0.first < $1.first }
    }

    /// Whether the request has deleted it, as its writer sees it, though others had.
    func isGone(_ id: ElementID) -> Bool {
        guard !gone.isEmpty else { return false }
        let place = gone.firstPlace { $0.last < id }
        return place < gone.count && gone[place].first <= id
    }

    func expectCountable(_ path: ObjectPath) throws(TypedProblem) {
        if displaced.contains(path) { throw .contextTooOld }
    }

    func refuse(_ reason: TypedProblem.Reason) -> TypedProblem { .notApplicable(operation: operation, reason) }
}

extension TypedObject {
    /// Does a change here, and takes it into the request's delta.
    mutating func commit(_ change: Change, at path: ObjectPath, _ draft: inout Draft) {
        let step = PathChange(path: path, change: change)
        draft.need(path)
        perform(step, draft.run)
        draft.steps.append(step)
    }
}
