// The operations on registers, counters, flags, sets and maps.
//
// Each is checked before it changes anything. What it removes is what the writer has seen; what a replica holds beyond
// that stays (observed-remove; Shapiro et al., "Conflict-free Replicated Data Types", 2011).

import Causality
import JSON
import World

extension TypedObject {
    mutating func perform(_ operation: Operation, _ draft: inout Draft) throws(TypedProblem) -> OperationResult {
        switch operation {
        case .set(let path, let value): try set(path, value, &draft)
        case .remove(let path): try remove(path, &draft)
        case .increment(let path, let amount): return try increment(path, by: amount, &draft)
        case .add(let path, let value): try add(path, value, &draft)
        case .discard(let path, let value): try discard(path, value, &draft)
        case .enable(let path): try setFlag(path, true, &draft)
        case .disable(let path): try setFlag(path, false, &draft)
        case .insert(let path, let position, let values): return try insert(path, position, values, &draft)
        case .splice(let path, let position, let count, let text):
            return try splice(path, position, deleting: count, text, &draft)
        case .move(let path, let place, let to): try move(path, place, to: to, &draft)
        case .test(let path, let value):
            let found = try find(path, draft)
            let standing = found.node.flatMap { viewer.value($0, found.path) }
            guard let standing, standing.equals(value) else { throw .testFailed(operation: draft.operation) }
        }
        return .done
    }

    var viewer: Viewer { Viewer(voids: ledger.voids) }

    // MARK: Any kind

    private mutating func set(_ path: Path, _ value: JSONValue, _ draft: inout Draft) throws(TypedProblem) {
        let found = try find(path, draft)
        let content: Content
        if found.path.steps.isEmpty {
            guard let rooted = Content(value, as: draft.bucket.rootKind) else { throw .wrongType }
            content = rooted
        } else {
            guard let any = Content(value) else { throw draft.refuse(.malformedValue) }
            content = any
            try expectContainers(above: found.path, draft)
        }
        try content.check(under: found.path, draft)
        makeContainers(above: found.path, &draft)
        clear(found.path, &draft)
        make(content, at: found.path, &draft)
    }

    /// Removes what the writer has seen. What is not there, is removed already; of a list's items the writer sees which
    /// there are.
    private mutating func remove(_ path: Path, _ draft: inout Draft) throws(TypedProblem) {
        let found = try find(path, draft)
        if !found.path.steps.isEmpty { try expectContainers(above: found.path, draft) }
        clear(found.path, &draft)
        guard case .item(let item) = found.path.steps.last else { return }
        let above = ObjectPath(steps: found.path.steps.dropLast())
        guard let list = root.node(above.steps)?.lists.first else { return }
        draft.need(item)
        let (slots, gone) = list.slots(of: item, draft)
        draft.leave(gone.map { IDRange(first: $0, count: 1) })
        draft.need(slots)
        if draft.sees(item) { commit(.drop([item]), at: above, &draft) }
        let ranges = slots.map { IDRange(first: $0, count: 1) }
        if !ranges.isEmpty { commit(.deleteSlots(ranges), at: above, &draft) }
    }

    /// Drops all that the writer has seen at a path and below; of counters it cancels the increments that are here.
    mutating func clear(_ path: ObjectPath, _ draft: inout Draft) {
        guard let node = root.node(path.steps) else { return }
        var upTo = [UInt64](repeating: 0, count: actors.counters.count)
        var resets: [(path: ObjectPath, entry: CounterEntry)] = []
        node.forEach(
            path,
            id: { id in
                if draft.sees(id) { upTo[id.place] = max(upTo[id.place], id.counter) }
            }, counter: { resets.append(($0, $1)) })
        let ids = upTo.indices.filter { upTo[$0] > 0 }.map { ElementID(place: $0, counter: upTo[$0]) }
        draft.need(ids)
        for (path, entry) in resets where entry.isAlive {
            draft.need(entry.lastID)
            commit(.reset(actor: entry.actor, upTo: entry.last, entry.total), at: path, &draft)
        }
        if !ids.isEmpty {
            draft.dropsPlaces = draft.dropsPlaces || node.hasPlaces(upTo: upTo)
            commit(.clear(ids), at: path, &draft)
        }
    }

    // MARK: Counters

    private mutating func increment(
        _ path: Path, by amount: Int64, _ draft: inout Draft
    ) throws(TypedProblem) -> OperationResult {
        let found = try find(path, draft)
        try expect(.counter, at: found, draft)
        let before = found.node.map { viewer.count($0, found.path) } ?? 0
        let (after, isOver) = before.addingReportingOverflow(amount)
        // What was added and what was taken off are bounded each, as they are summed each.
        let own = found.node?.counter(of: draft.own)
        let total = (amount > 0 ? own?.total.plus : own?.total.minus) ?? 0
        guard !isOver, max(after.magnitude, total + amount.magnitude) <= UInt64(Limits.counterTotal) else {
            throw draft.refuse(.overflow)
        }
        makeContainers(above: found.path, &draft)
        count(amount, at: found.path, &draft)
        return .value(after)
    }

    /// Who finds its entry wholly reset begins anew. That the total has room was checked.
    private mutating func count(_ amount: Int64, at path: ObjectPath, _ draft: inout Draft) {
        let added = CounterEntry.Amounts(
            plus: amount > 0 ? amount.magnitude : 0, minus: amount < 0 ? amount.magnitude : 0)
        let dot = draft.mint().first.counter
        var entry = CounterEntry(actor: draft.own, birth: dot, last: dot, total: added)
        if let former = root.node(path.steps)?.counter(of: draft.own), former.isAlive {
            entry.birth = former.birth
            entry.total.plus += former.total.plus
            entry.total.minus += former.total.minus
        }
        commit(.count(entry), at: path, &draft)
        draft.amounts.append(CountedAmount(path: path, amounts: added, counter: dot))
    }

    // MARK: Sets and flags

    private mutating func add(_ path: Path, _ value: JSONValue, _ draft: inout Draft) throws(TypedProblem) {
        let (path, scalar, standing) = try element(path, value, draft, isNew: true)
        makeContainers(above: path, &draft)
        make(.set, at: path, &draft)
        draft.need(standing)
        if !standing.isEmpty { commit(.dropElement(scalar, standing), at: path, &draft) }
        commit(.element(draft.mint().first, scalar), at: path, &draft)
    }

    private mutating func discard(_ path: Path, _ value: JSONValue, _ draft: inout Draft) throws(TypedProblem) {
        let (path, scalar, standing) = try element(path, value, draft, isNew: false)
        let seen = standing.filter(draft.sees)
        guard !seen.isEmpty else { return }
        draft.need(seen)
        commit(.dropElement(scalar, seen), at: path, &draft)
    }

    /// An element of a set, with the dots that it has. Apart from the change: what is still looked at would be copied.
    private func element(
        _ path: Path, _ value: JSONValue, _ draft: Draft, isNew: Bool
    ) throws(TypedProblem) -> (path: ObjectPath, value: Scalar, standing: [ElementID]) {
        let found = try find(path, draft)
        try expect(.set, at: found, draft)
        guard let scalar = Scalar(value) else { throw draft.refuse(.notScalar) }
        let standing = found.node?.element(scalar)?.ids ?? []
        let isFull = isNew && standing.isEmpty && (found.node?.elements.count ?? 0) >= Limits.containerEntries
        guard scalar.bytes.count <= Limits.elementBytes, !isFull else { throw draft.refuse(.tooMuch) }
        return (found.path, scalar, standing)
    }

    private mutating func setFlag(_ path: Path, _ isOn: Bool, _ draft: inout Draft) throws(TypedProblem) {
        let found = try find(path, draft)
        try expect(.flag, at: found, draft)
        makeContainers(above: found.path, &draft)
        make(.flag, at: found.path, &draft)
        let seen = (found.node?.flags ?? []).filter(draft.sees)
        draft.need(seen)
        if !seen.isEmpty { commit(.drop(seen), at: found.path, &draft) }
        if isOn { commit(.flag(draft.mint().first), at: found.path, &draft) }
    }

    // MARK: Whole values

    /// Makes a value where nothing stands that the writer has seen. It was checked.
    mutating func make(_ content: Content, at path: ObjectPath, _ draft: inout Draft) {
        switch content {
        case .register(let value): commit(.register(draft.mint().first, value), at: path, &draft)
        // A new entry, for all increments that were here are cancelled: nothing overflows.
        case .counter(let amount): count(amount, at: path, &draft)
        case .flag(let isOn):
            make(.flag, at: path, &draft)
            if isOn { commit(.flag(draft.mint().first), at: path, &draft) }
        case .set(let values):
            make(.set, at: path, &draft)
            for value in values { commit(.element(draft.mint().first, value), at: path, &draft) }
        case .text(let text):
            make(.text, at: path, &draft)
            let length = text.unicodeScalars.count
            guard length > 0 else { return }
            let parent = root.node(path.steps)?.texts.first.flatMap {
                $0.shownElement(at: $0.shownCount - 1).map($0.id)
            }
            put(text, count: length, at: path, parent: parent ?? .none, side: .right, &draft)
        case .list(let contents):
            make(.list, at: path, &draft)
            let list = root.node(path.steps)?.lists.first
            let last = list.flatMap { $0.slots.shownElement(at: $0.slots.shownCount - 1).map($0.slots.id) }
            put(contents, at: path, parent: last ?? .none, side: .right, &draft)
        case .map(let members):
            make(.map, at: path, &draft)
            for (name, member) in members { make(member, at: path.appending(.name(name)), &draft) }
        }
    }
}

extension RecordNode {
    /// Every dot here and below, but for counters, which come with their paths. Of neighbouring dots the last.
    fileprivate func forEach(
        _ path: ObjectPath, id: (ElementID) -> Void, counter: (ObjectPath, CounterEntry) -> Void
    ) {
        for register in registers { id(register.id) }
        for flag in flags { id(flag) }
        for mark in marks { id(mark.id) }
        for element in elements { for dot in element.ids { id(dot) } }
        for entry in counters { counter(path, entry) }
        for tree in texts + lists.map(\.slots) { tree.forEach { $0.forEachID(id) } }
        for list in lists {
            for life in list.lives { id(life) }
            for position in list.positions { id(position.id) }
            for content in list.contents {
                content.node.forEach(path.appending(.item(content.item)), id: id, counter: counter)
            }
        }
        for field in fields { field.node.forEach(path.appending(.name(field.name)), id: id, counter: counter) }
    }
}

extension FugueTree.Piece {
    fileprivate func forEachID(_ body: (ElementID) -> Void) {
        for offset in 0..<count { body(first.advanced(by: offset)) }
    }
}

extension JSONValue {
    /// Numbers are equal by value, objects whatever the order of their members.
    fileprivate func equals(_ other: JSONValue) -> Bool {
        switch (self, other) {
        case (.array(let a), .array(let b)):
            return a.count == b.count && zip(a, b).allSatisfy { $0.equals($1) }
        case (.object(let a), .object(let b)):
            return a.count == b.count
                && a.allSatisfy { member in other[member.name].map { member.value.equals($0) } ?? false }
        default: return Scalar(self) == Scalar(other) && Scalar(self) != nil
        }
    }
}
