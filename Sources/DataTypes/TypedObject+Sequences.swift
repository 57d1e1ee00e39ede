// The operations on texts and lists. Positions count what the writer saw; what is inserted hangs on what is shown now.

import Causality
import JSON
import World

extension TypedObject {
    // MARK: Texts

    mutating func splice(
        _ path: Path, _ position: Position, deleting count: Int, _ text: String, _ draft: inout Draft
    ) throws(TypedProblem) -> OperationResult {
        let (path, left, dead) = try target(path, position, deleting: count, text, &draft)
        makeContainers(above: path, &draft)
        make(.text, at: path, &draft)
        if !dead.isEmpty {
            draft.need(dead.map(\.last))
            commit(.delete(dead), at: path, &draft)
        }
        let length = text.unicodeScalars.count
        guard length > 0 else { return .done }
        let (parent, side) = parent(behind: left, in: root.node(path.steps)?.texts.first, at: path, &draft)
        let first = put(text, count: length, at: path, parent: parent, side: side, &draft)
        return .inserted(first: actors.dot(first), count: length)
    }

    /// Behind which character, by name, since pieces are cut where some are deleted; and what is deleted. Apart from
    /// the change: what is still looked at would be copied.
    private func target(
        _ path: Path, _ position: Position, deleting count: Int, _ text: String, _ draft: inout Draft
    ) throws(TypedProblem) -> (path: ObjectPath, left: ElementID?, dead: [IDRange]) {
        let found = try find(path, draft)
        try expect(.text, at: found, draft)
        if position.isIndex || count > 0 { try draft.expectCountable(found.path) }
        guard text.utf8.count <= Limits.insertedTextBytes, count >= 0 else { throw draft.refuse(.tooMuch) }
        let tree = found.node?.texts.first ?? FugueTree(isText: true)
        let start = try tree.element(before: position, draft) { dot in actors.id(dot).flatMap(tree.find) }
        let (dead, gone) = try tree.seenElements(from: start, count: count, draft)
        draft.leave(gone)
        return (found.path, start.flatMap(tree.lastShown).map(tree.id), dead)
    }

    private func parent(
        behind left: ElementID?, in tree: FugueTree?, at path: ObjectPath, _ draft: inout Draft
    ) -> (ElementID, FugueTree.Side) {
        guard let tree else { return (.none, .right) }
        let place = left.flatMap(tree.find)
        let next = tree.nextShown(after: place)
        if tree.hidesSeen(between: place, and: next, draft) { draft.displaced.insert(path) }
        return tree.parent(between: place, and: next)
    }

    @discardableResult
    mutating func put(
        _ text: String, count: Int, at path: ObjectPath, parent: ElementID, side: FugueTree.Side, _ draft: inout Draft
    ) -> ElementID {
        draft.need(parent)
        let ids = draft.mint(count)
        let chain = FugueTree.Chain(ids: ids, parent: parent, side: side, text: Array(text.utf8))
        commit(.characters(chain), at: path, &draft)
        return ids.first
    }

    // MARK: Lists

    mutating func insert(
        _ path: Path, _ position: Position, _ values: [JSONValue], _ draft: inout Draft
    ) throws(TypedProblem) -> OperationResult {
        let contents = values.compactMap { Content($0) }
        guard contents.count == values.count else { throw draft.refuse(.malformedValue) }
        let (path, left) = try target(path, position, of: contents, draft)
        makeContainers(above: path, &draft)
        make(.list, at: path, &draft)
        guard !values.isEmpty else { return .done }
        let slots = root.node(path.steps)?.lists.first?.slots
        let (parent, side) = parent(behind: left, in: slots, at: path, &draft)
        let first = put(contents, at: path, parent: parent, side: side, &draft)
        return .inserted(first: actors.dot(first), count: contents.count)
    }

    /// Behind which slot.
    private func target(
        _ path: Path, _ position: Position, of contents: [Content], _ draft: Draft
    ) throws(TypedProblem) -> (path: ObjectPath, left: ElementID?) {
        let found = try find(path, draft)
        try expect(.list, at: found, draft)
        if position.isIndex { try draft.expectCountable(found.path) }
        for content in contents { try content.check(under: found.path.appending(.item(.none)), draft) }
        let list = found.node?.lists.first ?? ListRecords()
        guard list.slots.shownCount + contents.count <= Limits.containerEntries else { throw draft.refuse(.tooMuch) }
        let start = try element(before: position, in: list, draft)
        return (found.path, start.flatMap(list.slots.lastShown).map(list.slots.id))
    }

    private func element(
        before position: Position, in list: ListRecords, _ draft: Draft
    ) throws(TypedProblem) -> FugueTree.Place? {
        if case .at(let index) = position { return index == 0 ? nil : try list.seenSlot(at: index - 1, draft) }
        return try list.slots.element(before: position, draft) { dot in
            actors.id(dot).flatMap { list.newestPosition(of: $0) }.flatMap { list.slots.find($0.slot) }
        }
    }

    /// Items, their slots as one chain, their positions, and then what they hold; so the items' dots are neighbours.
    @discardableResult
    mutating func put(
        _ contents: [Content], at path: ObjectPath, parent: ElementID, side: FugueTree.Side, _ draft: inout Draft
    ) -> ElementID {
        guard !contents.isEmpty else { return .none }
        let items = draft.mint(contents.count)
        put(items, at: path, parent: parent, side: side, isNew: true, &draft)
        for (offset, content) in contents.enumerated() {
            make(content, at: path.appending(.item(items.first.advanced(by: offset))), &draft)
        }
        return items.first
    }

    private mutating func put(
        _ items: IDRange, at path: ObjectPath, parent: ElementID, side: FugueTree.Side, isNew: Bool,
        _ draft: inout Draft
    ) {
        draft.need(parent)
        if isNew { commit(.lives(items), at: path, &draft) }
        let slots = draft.mint(items.count)
        let chain = FugueTree.Chain(ids: slots, parent: parent, side: side, firstItem: items.first)
        commit(.slots(chain), at: path, &draft)
        let positions = draft.mint(items.count)
        commit(.positions(positions, firstItem: items.first, firstSlot: slots.first), at: path, &draft)
    }

    /// A new slot, and a position that supersedes those seen: wherever else it is moved to, it stands once.
    mutating func move(
        _ path: Path, _ place: ElementPlace, to position: Position, _ draft: inout Draft
    ) throws(TypedProblem) {
        let found = try find(path, draft)
        try expect(.list, at: found, draft)
        if place.isIndex || position.isIndex { try draft.expectCountable(found.path) }
        guard let list = found.node?.lists.first else { throw draft.refuse(.noSuchElement) }
        let item: ElementID
        switch place {
        case .at(let index): item = list.item(at: try list.seenSlot(at: index, draft))
        case .id(let dot):
            guard let id = actors.id(dot) else { throw draft.refuse(.noSuchElement) }
            item = id
        }
        guard list.contains(item), let standing = list.slot(of: item) else { throw draft.refuse(.noSuchElement) }
        let before: Int
        if case .at(let index) = place {
            before = index
        } else if draft.isCurrent {
            before = list.slots.shownCount(before: standing)
        } else {
            before = try list.seenSlots(draft, before: standing).count
        }
        let start = try element(before: target(position, before), in: list, draft)
        // Behind itself is behind the one before it.
        var left = start.flatMap(list.slots.lastShown)
        if let place = left, list.item(at: place) == item { left = list.slots.shownBefore(place) }
        let leftID = left.map(list.slots.id)
        draft.need(item)
        if mutant == .moveAsDeleteAndInsert { return copy(item, in: found, behind: leftID, &draft) }
        let former = list.positions(of: item)
        draft.need(former.flatMap { [$0.id, $0.slot] })
        commit(.drop(former.map(\.id)), at: found.path, &draft)
        let (slots, gone) = list.slots(of: item, draft)
        draft.leave(gone.map { IDRange(first: $0, count: 1) })
        draft.need(slots)
        if !slots.isEmpty {
            commit(.deleteSlots(slots.map { IDRange(first: $0, count: 1) }), at: found.path, &draft)
        }
        let tree = root.node(found.path.steps)?.lists.first?.slots
        let (parent, side) = parent(behind: leftID, in: tree, at: found.path, &draft)
        put(IDRange(first: item, count: 1), at: found.path, parent: parent, side: side, isNew: false, &draft)
    }

    /// The index counts the other items: one that is beyond the item itself, which its writer saw behind so many, is
    /// one more where that still stands.
    private func target(_ position: Position, _ before: Int) -> Position {
        guard case .at(let index) = position else { return position }
        return .at(index > before ? index + 1 : index)
    }

    /// A bug, for tests: another item with what the first holds, which is removed.
    private mutating func copy(_ item: ElementID, in found: Found, behind left: ElementID?, _ draft: inout Draft) {
        let value = found.node?.lists.first?.content(of: item).flatMap { viewer.value($0, found.path) } ?? .null
        clear(found.path.appending(.item(item)), &draft)
        commit(.drop([item]), at: found.path, &draft)
        let slots = root.node(found.path.steps)?.lists.first?.slots
        let (parent, side) = parent(behind: left, in: slots, at: found.path, &draft)
        put(Content(value).map { [$0] } ?? [], at: found.path, parent: parent, side: side, &draft)
    }
}

extension ListRecords {
    /// Where an item stands, and where its writer saw it: a move that the writer has not seen leaves that place in its
    /// view, and the request's next index would count it.
    func slots(of item: ElementID, _ draft: Draft) -> (standing: [ElementID], gone: [ElementID]) {
        var found = positions(of: item).map(\.slot).filter { slots.find($0) != nil }
        guard !draft.isCurrent else { return (found, []) }
        var gone: [ElementID] = []
        var link = slots.head
        while link >= 0 {
            for offset in slots.seenParts(of: slots[link], draft).joined() {
                let place = FugueTree.Place(piece: link, offset: offset)
                let slot = slots.id(place)
                guard self.item(at: place) == item, !found.contains(slot) else { continue }
                if slots[link].deletion.isDeleted { gone.append(slot) } else { found.append(slot) }
            }
            link = slots[link].next
        }
        return (found, gone)
    }
}

extension FugueTree {
    /// The shown element before a shown one.
    fileprivate func shownBefore(_ place: Place) -> Place? {
        if place.offset > 0 { return Place(piece: place.piece, offset: place.offset - 1) }
        let previous = self[place.piece].previous
        return previous < 0 ? nil : lastShown(upTo: Place(piece: previous, offset: self[previous].count - 1))
    }

    /// How many are shown before a shown one.
    fileprivate func shownCount(before place: Place) -> Int { shownBefore(place.piece) + place.offset }
}
