// Dropping what is deleted for good.
//
// A deleted element is kept while somebody may still hang another on it, or delete it, unaware. Once every primary has
// reported a vector that covers the deletion, and the sweeper has seen all that they had seen, whoever could do so has,
// and it is here. So leaves of the tree that are deleted for all can go; what carries others stays.

import Causality
import World

extension TypedObject {
    /// Whether so much is deleted that a sweep pays: so many elements, and a quarter of all.
    package func isWorthSweeping(from elements: Int) -> Bool {
        var (deleted, all) = (0, 0)
        root.forEachTree { tree in
            tree.forEach { piece in
                all += piece.count
                if piece.deletion.isDeleted { deleted += piece.count }
            }
        }
        return deleted >= elements && deleted * Limits.sweptShare >= all
    }

    /// Drops what all of `reports`, the vectors of every primary, know to be deleted. Nil where there is nothing to
    /// drop, or this replica has not seen all that they have.
    mutating func sweep(
        reports: [VersionVector], _ run: MintingRun
    ) throws(TypedProblem) -> TypedDelta? {
        let reports = mutant == .sweepBeforeAllReported ? [versions] : reports
        guard !reports.isEmpty, reports.allSatisfy(versions.covers), let own = actors.place(of: run.actor) else {
            return nil
        }
        var stable = actors.counters
        for report in reports {
            for (place, actor) in actors.actors.enumerated() {
                stable[place] = min(stable[place], report.counter(of: actor))
            }
        }
        var steps: [PathChange] = []
        root.sweep(ObjectPath(), stable, takesInner: mutant == .sweepOfInnerNodes, into: &steps)
        guard !steps.isEmpty else { return nil }
        let former = actors.counters[own]
        let first = max(run.first, former + 1)
        guard first < Limits.packedCounter else { return nil }
        var needs = [UInt64](repeating: 0, count: actors.counters.count)
        needs[own] = former
        var draft = Draft(
            own: own, first: first, next: first + 1, time: run.time, bucket: .document, seen: actors.counters,
            isCurrent: true, voids: [], needs: needs)
        for step in steps {
            for range in step.change.ranges { draft.need(range.last) }
            if case .sweepCounter(let id) = step.change { draft.need(id) }
            commit(step.change, at: step.path, &draft)
        }
        // Who takes the floor has seen as much.
        for place in stable.indices {
            floor[place] = max(floor[place], stable[place])
            draft.needs[place] = max(draft.needs[place], floor[place])
        }
        actors.counters[own] = first
        return TypedDelta(draft, last: first, call: nil, actors: actors.actors, floor: floor)
    }
}

extension TypedObject {
    /// About what it takes beside its contents: an element of a text or list that stands alone has a piece of its own.
    var memoryBytes: Int {
        var bytes = 0
        root.forEachTree { bytes += $0.memoryBytes }
        return bytes
    }
}

extension TypedDelta {
    /// It adds nothing but what it says is dead.
    package var onlyRemoves: Bool {
        steps.allSatisfy { step in
            switch step.change {
            case .dropElement, .drop, .clear, .reset, .delete, .deleteSlots, .sweep, .sweepSlots, .sweepCounter: true
            case .mark, .register, .flag, .element, .count, .characters, .slots, .lives, .positions: false
            }
        }
    }

    /// How many elements it deletes.
    package var deletedCount: Int {
        steps.reduce(0) { sum, step in
            switch step.change {
            case .delete, .deleteSlots: step.change.ranges.reduce(sum) { $0 + $1.count }
            default: sum
            }
        }
    }
}

extension Change {
    fileprivate var ranges: [IDRange] {
        switch self {
        case .delete(let ranges), .deleteSlots(let ranges), .sweep(let ranges), .sweepSlots(let ranges): ranges
        default: []
        }
    }
}

extension RecordNode {
    fileprivate func forEachTree(_ body: (FugueTree) -> Void) {
        for text in texts { body(text) }
        for list in lists {
            body(list.slots)
            for content in list.contents { content.node.forEachTree(body) }
        }
        for field in fields { field.node.forEachTree(body) }
    }

    fileprivate func sweep(
        _ path: ObjectPath, _ stable: [UInt64], takesInner: Bool, into steps: inout [PathChange]
    ) {
        func add(_ change: Change) { steps.append(PathChange(path: path, change: change)) }
        for entry in counters where !entry.isAlive && entry.reset.dot.isStable(stable) {
            add(.sweepCounter(entry.lastID))
        }
        for text in texts {
            let (dead, unnamed) = text.sweepable(stable, takesInner: takesInner)
            if !dead.isEmpty { add(.sweep(dead)) }
            if !unnamed.isEmpty { add(.delete(unnamed)) }
        }
        for list in lists {
            let (dead, unnamed) = list.slots.sweepable(stable, takesInner: takesInner, isGone: { !list.contains($0) })
            if !dead.isEmpty { add(.sweepSlots(dead)) }
            if !unnamed.isEmpty { add(.deleteSlots(unnamed)) }
            for content in list.contents {
                let below = path.appending(.item(content.item))
                content.node.sweep(below, stable, takesInner: takesInner, into: &steps)
            }
        }
        for field in fields {
            let below = path.appending(.name(field.name))
            field.node.sweep(below, stable, takesInner: takesInner, into: &steps)
        }
    }
}

extension ElementID {
    fileprivate func isStable(_ stable: [UInt64]) -> Bool { isDot && counter <= stable[place] }
}

extension FugueTree {
    /// What may go, and what is dead without a deletion that others could have seen: what is void, and slots of items
    /// that are gone. These are deleted now, and go with a later sweep.
    fileprivate func sweepable(
        _ stable: [UInt64], takesInner: Bool, isGone: (ElementID) -> Bool = { _ in false }
    ) -> (dead: [IDRange], unnamed: [IDRange]) {
        var swept = [Int](repeating: 0, count: pieces.count)
        var (dead, unnamed): ([IDRange], [IDRange]) = ([], [])
        for link in childrenFirst {
            let piece = self[link]
            for offset in (0..<piece.count).reversed() {
                let isSwept =
                    !piece.isShown
                    && piece.deletion.shifted(by: offset).dots.contains { $0.isStable(stable) }
                guard isSwept, takesInner || !carriesOthers(piece, offset, swept) else { break }
                swept[Int(link)] += 1
            }
            let kept = piece.count - swept[Int(link)]
            if kept < piece.count {
                dead.append(IDRange(first: piece.first.advanced(by: kept), count: piece.count - kept))
            }
            for offset in 0..<kept where !piece.isShown {
                let dots = piece.deletion.shifted(by: offset).dots
                let isDead = dots.isEmpty ? !isText && isGone(piece.item.advanced(by: offset)) : dots == [.void]
                let id = IDRange(first: piece.first.advanced(by: offset), count: 1)
                if isDead { IDRange.append(id, to: &unnamed) }
            }
        }
        return (dead.sorted { $0.first < $1.first }, unnamed)
    }

    /// Whether anything that stays hangs on an element; what comes after it in its piece is swept.
    private func carriesOthers(_ piece: Piece, _ offset: Int, _ swept: [Int]) -> Bool {
        var children: [Link] = []
        if offset + 1 == piece.count { children.append(piece.firstRight) }
        if offset == 0 { children.append(piece.firstLeft) }
        for first in children {
            var child = first
            while child >= 0 {
                if swept[Int(child)] < self[child].count { return true }
                child = self[child].sibling
            }
        }
        return false
    }

    private var childrenFirst: [Link] {
        var order: [Link] = []
        order.reserveCapacity(pieces.count)
        var stack = [firstRoot, firstOrphan]
        while let link = stack.popLast() {
            guard link >= 0 else { continue }
            order.append(link)
            stack += [self[link].sibling, self[link].firstLeft, self[link].firstRight]
        }
        // Parents stand before their children; reversed, after them.
        return order.reversed()
    }
}
