// The order of a text's characters and of a list's slots (Weidner, Kleppmann, "The Art of the Fugue: Minimizing
// Interleaving in Collaborative Text Editing", 2023).
//
// Picture: a tree in which each element hangs on another, on its left or its right side, or on the root; elements that
// hang on one side of one are sorted by dot. The shown order is the walk: what hangs left, the element, what hangs
// right. So order follows from the set of elements alone, whatever came first. An element whose parent is not there
// stands at the end.
//
// In memory: pieces. A piece is a chain: each element hangs right on the one before it, with the next id of the same
// actor, and nothing stands between them. Only the first element of a piece has others on its left, only the last has
// others on its right. Beside Fugue's tree the pieces form a treap in shown order (Seidel, Aragon, "Randomized Search
// Trees", 1996), which counts what is shown, and for each actor an array by id; so to find a position or a dot takes
// O(log n). A piece's place in `pieces` never changes, and gives its priority in the treap.

import World

struct FugueTree: Sendable {
    /// A place in `pieces`, or `nowhere`.
    typealias Link = Int32
    static let nowhere: Link = -1

    enum Side: UInt8, Sendable {
        case left, right
    }

    struct Piece: Sendable {
        var first: ElementID
        var count: Int
        /// Of the first element; `none` is the root.
        var parent: ElementID
        var side: Side
        var deletion = Deletion()
        /// Of a text: where the characters' UTF-8 begins in `contents`, and its length, 0 once they are deleted.
        var content = 0
        var contentBytes = 0
        /// Of a list: the item that the first slot holds; further slots hold those that follow.
        var item = ElementID.none
        /// A text shows what is not deleted; a list shows the slot where an item's newest position is.
        var isShown = false

        // Fugue's tree: the first of those on the left of the first element, and on the right of the last; the next
        // with the same parent.
        var firstLeft = FugueTree.nowhere
        var firstRight = FugueTree.nowhere
        var sibling = FugueTree.nowhere
        // The shown order.
        var next = FugueTree.nowhere
        var previous = FugueTree.nowhere
        // The treap.
        var up = FugueTree.nowhere
        var lower = FugueTree.nowhere
        var upper = FugueTree.nowhere
        /// Elements shown in this part of the treap.
        var shown = 0

        var last: ElementID { first.advanced(by: count - 1) }
        var ownShown: Int { isShown ? count : 0 }
    }

    /// By which dots elements were deleted.
    struct Deletion: Hashable, Sendable {
        /// Of the first element; `none` where nothing is deleted.
        var dot = ElementID.none
        /// What that of the next element is larger by: -1, 0, 1. Who deletes backwards, one by one, makes -1.
        var step = 0
        /// Further ones, of each element; then `step` is 0. All are sorted.
        var others: [ElementID] = []

        var isDeleted: Bool { dot != .none }

        /// Of an element within the piece.
        func shifted(by offset: Int) -> Deletion {
            var shifted = self
            if step != 0 { shifted.dot = dot.advanced(by: step * offset) }
            return shifted
        }

        var dots: [ElementID] { isDeleted ? [dot] + others : [] }

        init() {}

        init(sorted dots: [ElementID]) {
            guard let first = dots.first else { return }
            dot = first
            others = Array(dots.dropFirst())
        }

        func union(_ other: Deletion) -> Deletion {
            if self == other || !other.isDeleted { return self }
            if !isDeleted { return other }
            return Deletion(sorted: Set(dots + other.dots).sorted())
        }

        func moved(_ to: Relocation) -> Deletion {
            var moved = self
            moved.dot = dot.moved(to)
            moved.others = others.map { $0.moved(to) }
            return moved
        }
    }

    /// An element, by its piece.
    struct Place: Hashable {
        var piece: Link
        var offset: Int
    }

    /// Whether elements are characters, or slots of a list.
    let isText: Bool
    var pieces: [Piece] = []
    /// UTF-8 of all that was ever inserted here; what was deleted goes with the next rebuilding.
    var contents: [UInt8] = []
    /// For each actor the pieces by id.
    var byActor: [[Link]] = []
    var head = FugueTree.nowhere
    var tail = FugueTree.nowhere
    var top = FugueTree.nowhere
    /// Those that hang on the root, and those whose parent is not there.
    var firstRoot = FugueTree.nowhere
    var firstOrphan = FugueTree.nowhere

    init(isText: Bool) { self.isText = isText }

    var isEmpty: Bool { pieces.isEmpty }
    var memoryBytes: Int { pieces.count * (MemoryLayout<Piece>.stride + MemoryLayout<Link>.stride) + contents.count }
    var shownCount: Int { top < 0 ? 0 : self[top].shown }

    subscript(link: Link) -> Piece {
        _read { yield pieces[Int(link)] }
        _modify { yield &pieces[Int(link)] }
    }

    // MARK: Finding

    func find(_ id: ElementID) -> Place? {
        guard id.isDot, id.place < byActor.count else { return nil }
        let links = byActor[id.place]
        let place = links.firstPlace { self[$0].first <= id }
        guard place > 0 else { return nil }
        let link = links[place - 1]
        let offset = Int(id.counter - self[link].first.counter)
        return offset < self[link].count ? Place(piece: link, offset: offset) : nil
    }

    func id(_ place: Place) -> ElementID { self[place.piece].first.advanced(by: place.offset) }

    /// The element with so many shown before it.
    func shownElement(at index: Int) -> Place? {
        guard index >= 0, index < shownCount else { return nil }
        var (link, rest) = (top, index)
        while true {
            let below = shown(self[link].lower)
            if rest < below {
                link = self[link].lower
            } else if rest - below < self[link].ownShown {
                return Place(piece: link, offset: rest - below)
            } else {
                rest -= below + self[link].ownShown
                link = self[link].upper
            }
        }
    }

    /// How many are shown before this piece.
    func shownBefore(_ link: Link) -> Int {
        var count = shown(self[link].lower)
        var at = link
        while self[at].up >= 0 {
            let parent = self[at].up
            if self[parent].upper == at { count += shown(self[parent].lower) + self[parent].ownShown }
            at = parent
        }
        return count
    }

    func shown(_ link: Link) -> Int { link < 0 ? 0 : self[link].shown }

    /// The last shown element at or before `place`.
    func lastShown(upTo place: Place) -> Place? {
        if self[place.piece].isShown { return place }
        var link = self[place.piece].previous
        while link >= 0, !self[link].isShown { link = self[link].previous }
        return link < 0 ? nil : Place(piece: link, offset: self[link].count - 1)
    }

    /// The first shown element behind `place`; without one, the first of all.
    func nextShown(after place: Place?) -> Place? {
        guard let place else { return shownElement(at: 0) }
        if self[place.piece].isShown, place.offset + 1 < self[place.piece].count {
            return Place(piece: place.piece, offset: place.offset + 1)
        }
        // Many deleted may stand between: the treap passes over them.
        let before = shownBefore(place.piece) + self[place.piece].ownShown
        return shownElement(at: before)
    }

    /// All pieces as they stand.
    func forEach(_ body: (Piece) -> Void) {
        var link = head
        while link >= 0 {
            body(self[link])
            link = self[link].next
        }
    }

    // MARK: Where a new element hangs

    /// Between the shown elements `left` and `right`, which is the next: right of `left`, or left of `right` where that
    /// stands in the right part of `left`'s tree.
    func parent(between left: Place?, and right: Place?) -> (parent: ElementID, side: Side) {
        guard let left else {
            guard let right else { return (.none, .right) }
            return (id(right), .left)
        }
        guard let right, isRightOf(left, right) else { return (id(left), .right) }
        return (id(right), .left)
    }

    /// Whether `right`, the next shown after `left`, hangs below it. All that hangs right of `left` follows it at once;
    /// so what lies between the two, which is not shown, is either all of it or only its beginning.
    private func isRightOf(_ left: Place, _ right: Place) -> Bool {
        let piece = self[left.piece]
        if left.offset + 1 < piece.count { return true }
        guard piece.firstRight >= 0 else { return false }
        var end = piece.firstRight
        while true {
            while self[end].sibling >= 0 { end = self[end].sibling }
            if self[end].isShown { return true }
            if self[end].firstRight < 0 { break }
            end = self[end].firstRight
        }
        var between = piece.next
        while between >= 0, between != right.piece {
            if between == end { return false }
            between = self[between].next
        }
        return true
    }
}
