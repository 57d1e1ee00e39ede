// Finding the path of an operation in an object, and making the maps that lead to it.

import Causality
import World

/// A path of the client's in the object's terms, with what stands there.
struct Found {
    var path: ObjectPath
    var node: RecordNode?
}

extension TypedObject {
    /// Indexes are counted in the list as the writer saw it.
    func find(_ path: Path, _ draft: Draft) throws(TypedProblem) -> Found {
        guard path.steps.count <= Limits.pathSteps else { throw draft.refuse(.malformedPath) }
        var found = Found(path: ObjectPath(), node: root)
        for step in path.steps {
            let kind = found.node?.shownKind
            switch step {
            // A root is a list though nothing stands there.
            case .name(let name)
            where kind == .list
                || draft.bucket == .list && found.path.steps.isEmpty && Path.index(name) != nil:
                guard let index = Path.index(name), let list = found.node?.lists.first else {
                    throw draft.refuse(.noSuchElement)
                }
                try draft.expectCountable(found.path)
                let item = list.item(at: try list.seenSlot(at: index, draft))
                guard list.contains(item) else { throw draft.refuse(.noSuchElement) }
                found.path = found.path.appending(.item(item))
                found.node = list.content(of: item)
            case .name(let name):
                let bytes = Array(name.utf8)
                found.path = found.path.appending(.name(bytes))
                found.node = found.node?.field(bytes)
            case .id(let dot):
                guard let item = actors.id(dot), let list = found.node?.lists.first, list.contains(item) else {
                    throw draft.refuse(.noSuchElement)
                }
                found.path = found.path.appending(.item(item))
                found.node = list.content(of: item)
            case .end: throw draft.refuse(.malformedPath)
            }
        }
        guard found.path.byteCount <= Limits.pathBytes else { throw draft.refuse(.malformedPath) }
        return found
    }

    /// Checks that something of a kind stands at the path, or may be made there.
    func expect(_ kind: TypedKind, at found: Found, _ draft: Draft) throws(TypedProblem) {
        let standing = found.path.steps.isEmpty ? draft.bucket.rootKind : found.node?.shownKind
        if let standing, standing != kind { throw found.path.steps.isEmpty ? .wrongType : draft.refuse(.otherKind) }
        try expectContainers(above: found.path, draft)
    }

    /// Names lead through maps alone, or through nothing yet.
    func expectContainers(above path: ObjectPath, _ draft: Draft) throws(TypedProblem) {
        var node: RecordNode? = root
        for (depth, step) in path.steps.enumerated() {
            if case .name(let name) = step {
                let standing = depth == 0 ? draft.bucket.rootKind : node?.shownKind
                guard standing == nil || standing == .map else {
                    throw depth == 0 ? .wrongType : draft.refuse(.otherKind)
                }
                let isNew = node?.field(name) == nil
                guard !isNew || (node?.fields.count ?? 0) < Limits.containerEntries else {
                    throw draft.refuse(.tooMuch)
                }
            }
            node = node?.node([step])
        }
    }

    /// Makes what leads to the path. It was checked.
    mutating func makeContainers(above path: ObjectPath, _ draft: inout Draft) {
        for (depth, step) in path.steps.enumerated() {
            guard case .name = step else { continue }
            let above = ObjectPath(steps: Array(path.steps[..<depth]))
            make(.map, at: above, &draft)
        }
    }

    /// Marks that something of a kind is here, unless it says so already.
    mutating func make(_ kind: TypedKind, at path: ObjectPath, _ draft: inout Draft) {
        let marks = root.node(path.steps)?.marks ?? []
        guard !marks.contains(where: { $0.kind == kind }) else { return }
        commit(.mark(draft.mint().first, kind), at: path, &draft)
    }
}

extension FugueTree {
    /// What of a piece the writer saw: born and not deleted, as far as its context goes.
    func seenParts(of piece: Piece, _ draft: Draft) -> [Range<Int>] {
        var parts: [Range<Int>] = []
        for offset in 0..<piece.count {
            let id = piece.first.advanced(by: offset)
            guard draft.sees(id) else { break }
            if draft.isGone(id) { continue }
            let isDeleted =
                piece.deletion.isDeleted
                && piece.deletion.shifted(by: offset).dots.contains { dot in
                    dot == .void ? draft.seesVoid(id) : draft.sees(dot)
                }
            if isDeleted { continue }
            if let last = parts.last, last.upperBound == offset {
                parts[parts.count - 1] = last.lowerBound..<offset + 1
            } else {
                parts.append(offset..<offset + 1)
            }
        }
        return parts
    }

    func isSeen(_ place: Place, _ draft: Draft) -> Bool {
        seenParts(of: self[place.piece], draft).contains { $0.contains(place.offset) }
    }

    /// The element with so many before it, as the writer saw them.
    func seenElement(at index: Int, _ draft: Draft) throws(TypedProblem) -> Place {
        guard index >= 0 else { throw draft.refuse(.outOfRange) }
        if draft.isCurrent {
            guard let place = shownElement(at: index) else { throw draft.refuse(.outOfRange) }
            return place
        }
        var rest = index
        var link = head
        while link >= 0 {
            for part in seenParts(of: self[link], draft) {
                if rest < part.count { return Place(piece: link, offset: part.lowerBound + rest) }
                rest -= part.count
            }
            link = self[link].next
        }
        throw draft.refuse(.outOfRange)
    }

    /// So many elements from an index on, as the writer saw them: those to be deleted, and those that others have
    /// deleted by now.
    func seenElements(
        from start: Place?, count: Int, _ draft: Draft
    ) throws(TypedProblem) -> (shown: [IDRange], gone: [IDRange]) {
        var (shown, gone): ([IDRange], [IDRange]) = ([], [])
        var rest = count
        var link = start?.piece ?? head
        var from = start.map { $0.offset + 1 } ?? 0
        while link >= 0, rest > 0 {
            let piece = self[link]
            let parts = draft.isCurrent ? (piece.isShown ? [0..<piece.count] : []) : seenParts(of: piece, draft)
            for part in parts {
                let part = max(part.lowerBound, from)..<max(part.upperBound, from)
                let taken = min(rest, part.count)
                guard taken > 0 else { continue }
                rest -= taken
                let range = IDRange(first: piece.first.advanced(by: part.lowerBound), count: taken)
                if piece.isShown { IDRange.append(range, to: &shown) } else { IDRange.append(range, to: &gone) }
            }
            link = piece.next
            from = 0
        }
        guard rest == 0 else { throw draft.refuse(.outOfRange) }
        return (shown, gone)
    }

    /// Whether something stands between two neighbours that its writer saw there, and that is deleted by now.
    func hidesSeen(between left: Place?, and right: Place?, _ draft: Draft) -> Bool {
        guard !draft.isCurrent else { return false }
        var link = left?.piece ?? head
        var start = left.map { $0.offset + 1 } ?? 0
        while link >= 0 {
            let end = right?.piece == link ? right?.offset ?? 0 : self[link].count
            if start < end, seenParts(of: self[link], draft).contains(where: { $0.overlaps(start..<end) }) {
                return true
            }
            if right?.piece == link { return false }
            link = self[link].next
            start = 0
        }
        return false
    }

    /// The element behind which a position is: nil at the beginning. It may be deleted by now.
    func element(before position: Position, _ draft: Draft, id: (Dot) -> Place?) throws(TypedProblem) -> Place? {
        switch position {
        case .at(let index): return index == 0 ? nil : try seenElement(at: index - 1, draft)
        case .end: return tail < 0 ? nil : Place(piece: tail, offset: self[tail].count - 1)
        case .after(let dot):
            guard let place = id(dot) else { throw draft.refuse(.noSuchElement) }
            return place
        }
    }
}
