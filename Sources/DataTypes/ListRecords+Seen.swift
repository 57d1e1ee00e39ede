// Counting the items of a list as a writer saw them.
//
// An item that several have moved unseen by each other has several slots and is shown in one. Where the writer has seen
// all of its positions, that is the same one; where a later move has taken their place, what was shown is known only if
// one slot alone comes into question.

import World

extension ListRecords {
    /// The slot with so many items before it.
    func seenSlot(at index: Int, _ draft: Draft) throws(TypedProblem) -> FugueTree.Place {
        guard !draft.isCurrent, index >= 0 else { return try slots.seenElement(at: index, draft) }
        let seen = try seenSlots(draft)
        guard index < seen.count else { throw draft.refuse(.outOfRange) }
        return seen[index]
    }

    /// Those before `end`, or all.
    func seenSlots(_ draft: Draft, before end: FugueTree.Place? = nil) throws(TypedProblem) -> [FugueTree.Place] {
        var seen: [FugueTree.Place] = []
        var guessed: [ElementID] = []
        let removed = itemsChanged(since: draft)
        var (link, isBefore) = (slots.head, true)
        while link >= 0 {
            for offset in 0..<slots[link].count {
                let place = FugueTree.Place(piece: link, offset: offset)
                if place == end { isBefore = false }
                let (slot, item) = (slots.id(place), item(at: place))
                guard draft.sees(slot) else { continue }
                let own = positions(of: item)
                if contains(item), !own.isEmpty, own.allSatisfy({ draft.sees($0.id) }) {
                    guard newestPosition(of: item)?.slot == slot else { continue }
                } else {
                    // An item that is gone, by what the writer had seen, stood nowhere.
                    guard contains(item) || removed.contains(item) || !draft.seesVoid(item),
                        slots.isSeen(place, draft)
                    else { continue }
                    guessed.append(item)
                }
                if isBefore { seen.append(place) }
            }
            link = slots[link].next
        }
        guessed.sort()
        guard zip(guessed, guessed.dropFirst()).allSatisfy({ $0 != $1 }) else { throw .contextTooOld }
        return seen
    }

    /// Items of which a slot was deleted by what the writer has not seen.
    private func itemsChanged(since draft: Draft) -> Set<ElementID> {
        var items: Set<ElementID> = []
        slots.forEach { piece in
            guard piece.deletion.isDeleted else { return }
            for offset in 0..<piece.count {
                let dots = piece.deletion.shifted(by: offset).dots
                if dots.contains(where: { $0 != .void && !draft.sees($0) }) {
                    items.insert(piece.item.advanced(by: offset))
                }
            }
        }
        return items
    }
}
