// The records of a list: items that live, slots in Fugue's order, and which slot each item stands in.
//
// Picture: slots are places on a shelf; a position puts an item into one. A move makes a new slot and a position that
// supersedes those seen, so an item stands once, however many have moved it. An item is there while its life is, or
// anything below it: who edits inside an item that another deletes, keeps it.

import Causality
import World

struct ListRecords: Sendable {
    /// Ascending.
    var lives: [ElementID] = []
    /// Ascending by item, then by dot.
    var positions: [ItemPosition] = []
    var slots = FugueTree(isText: false)
    /// What stands below each item, ascending by item; none is empty.
    var contents: [(item: ElementID, node: RecordNode)] = []

    var isEmpty: Bool { lives.isEmpty && positions.isEmpty && slots.isEmpty && contents.isEmpty }

    func contains(_ item: ElementID) -> Bool {
        let place = lives.firstPlace { $0 < item }
        return (place < lives.count && lives[place] == item) || (content(of: item)?.isShown ?? false)
    }

    func content(of item: ElementID) -> RecordNode? {
        let place = contents.firstPlace { $0.item < item }
        return place < contents.count && contents[place].item == item ? contents[place].node : nil
    }

    func positions(of item: ElementID) -> ArraySlice<ItemPosition> {
        let from = positions.firstPlace { $0.item < item }
        return positions[from..<positions.firstPlace(from: from) { $0.item <= item }]
    }

    func newestPosition(of item: ElementID) -> ItemPosition? {
        positions(of: item).max { $1.wins(over: $0) }
    }

    /// The shown items, in order.
    var shownItems: [ElementID] {
        var items: [ElementID] = []
        slots.forEach { slot in
            if slot.isShown { for offset in 0..<slot.count { items.append(slot.item.advanced(by: offset)) } }
        }
        return items
    }

    func item(at place: FugueTree.Place) -> ElementID { slots[place.piece].item.advanced(by: place.offset) }

    /// The slot where an item is shown.
    func slot(of item: ElementID) -> FugueTree.Place? {
        guard contains(item), let position = newestPosition(of: item) else { return nil }
        return slots.find(position.slot)
    }

    mutating func add(_ position: ItemPosition) {
        let place = positions.firstPlace { ($0.item, $0.id) < (position.item, position.id) }
        positions.insert(position, at: place)
    }

    /// Shows an item where its newest position is, and nowhere else. `others`: slots that it stood in before.
    mutating func refresh(_ item: ElementID, others: [ElementID] = []) {
        let shown = contains(item) ? newestPosition(of: item)?.slot : nil
        for slot in others + positions(of: item).map(\.slot) where slot != shown { slots.setShown(slot, false) }
        if let shown, let place = slots.find(shown), self.item(at: place) == item { slots.setShown(shown, true) }
    }

    /// All items anew.
    mutating func refreshAll() {
        for link in slots.pieces.indices { slots.setShown(FugueTree.Link(link), false) }
        var item = ElementID.none
        for position in positions where position.item != item {
            item = position.item
            guard contains(item), let shown = newestPosition(of: item)?.slot, let place = slots.find(shown),
                self.item(at: place) == item
            else { continue }
            slots.setShown(shown, true)
        }
    }

    /// What is below an item, changed; one that becomes empty is dropped.
    mutating func change(_ item: ElementID, _ body: (inout RecordNode) -> Void) {
        let place = contents.firstPlace { $0.item < item }
        if place < contents.count, contents[place].item == item {
            body(&contents[place].node)
            if contents[place].node.isEmpty { contents.remove(at: place) }
        } else {
            var node = RecordNode()
            body(&node)
            if !node.isEmpty { contents.insert((item, node), at: place) }
        }
        refresh(item)
    }

    mutating func move(_ to: Relocation) {
        for place in lives.indices { lives[place] = lives[place].moved(to) }
        for place in positions.indices {
            positions[place].id = positions[place].id.moved(to)
            positions[place].item = positions[place].item.moved(to)
            positions[place].slot = positions[place].slot.moved(to)
        }
        slots.move(to)
        for place in contents.indices {
            contents[place].item = contents[place].item.moved(to)
            contents[place].node.move(to)
        }
    }
}
