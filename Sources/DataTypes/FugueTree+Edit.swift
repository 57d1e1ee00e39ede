// Inserting into the order, and deleting.

import World

extension FugueTree {
    /// What is to be inserted: a chain of elements that hangs on `parent`.
    struct Chain: Hashable, Sendable {
        var ids: IDRange
        var parent: ElementID
        var side: Side
        /// UTF-8 of as many scalar values.
        var text: [UInt8] = []
        /// The items of as many slots.
        var firstItem = ElementID.none

        func moved(_ to: Relocation) -> Chain {
            var moved = self
            moved.ids = ids.moved(to)
            moved.parent = parent.moved(to)
            moved.firstItem = firstItem.moved(to)
            return moved
        }
    }

    private enum Home {
        case root, orphan
        case left(Link)
        case right(Link)
    }

    /// None of the chain's ids is here. `byArrival`: a bug, for tests.
    mutating func insert(_ chain: Chain, byArrival: Bool = false) {
        let home = home(of: chain)
        if case .right(let link) = home, extend(link, with: chain) { return }
        var piece = Piece(first: chain.ids.first, count: chain.ids.count, parent: chain.parent, side: chain.side)
        piece.content = contents.count
        piece.contentBytes = chain.text.count
        piece.item = chain.firstItem
        piece.isShown = isText
        contents += chain.text
        pieces.append(piece)
        let link = Link(pieces.count - 1)
        index(link)
        place(link, after: adopt(link, home, byArrival: byArrival))
    }

    /// Typing that goes on makes no new piece.
    private mutating func extend(_ link: Link, with chain: Chain) -> Bool {
        let piece = self[link]
        guard isText, piece.isShown, piece.firstRight < 0, piece.last.advanced(by: 1) == chain.ids.first,
            piece.content + piece.contentBytes == contents.count
        else { return false }
        contents += chain.text
        self[link].count += chain.ids.count
        self[link].contentBytes += chain.text.count
        addShown(chain.ids.count, from: link)
        return true
    }

    /// Cuts pieces so that the parent is the first or last of its own.
    private mutating func home(of chain: Chain) -> Home {
        if chain.parent == .none { return .root }
        guard let parent = find(chain.parent) else { return .orphan }
        switch chain.side {
        case .left: return .left(parent.offset > 0 ? split(parent.piece, at: parent.offset) : parent.piece)
        case .right:
            if parent.offset + 1 < self[parent.piece].count { split(parent.piece, at: parent.offset + 1) }
            return .right(parent.piece)
        }
    }

    private func firstChild(_ home: Home) -> Link {
        switch home {
        case .root: firstRoot
        case .orphan: firstOrphan
        case .left(let link): self[link].firstLeft
        case .right(let link): self[link].firstRight
        }
    }

    private mutating func setFirstChild(_ home: Home, _ child: Link) {
        switch home {
        case .root: firstRoot = child
        case .orphan: firstOrphan = child
        case .left(let link): self[link].firstLeft = child
        case .right(let link): self[link].firstRight = child
        }
    }

    /// Puts the piece among those with the same parent, and says behind which piece it stands in the order.
    private mutating func adopt(_ link: Link, _ home: Home, byArrival: Bool) -> Link {
        let eldest = firstChild(home)
        var before = FugueTree.nowhere
        var at = eldest
        while at >= 0, byArrival || self[at].first < self[link].first {
            before = at
            at = self[at].sibling
        }
        let anchor: Link
        if before >= 0 {
            anchor = lastBelow(before)
            self[link].sibling = self[before].sibling
            self[before].sibling = link
            return anchor
        }
        switch home {
        case .root: anchor = FugueTree.nowhere
        case .orphan: anchor = eldest < 0 ? tail : self[firstBelow(eldest)].previous
        case .left(let parent): anchor = self[firstBelow(parent)].previous
        case .right(let parent): anchor = parent
        }
        self[link].sibling = eldest
        setFirstChild(home, link)
        return anchor
    }

    private func firstBelow(_ link: Link) -> Link {
        var at = link
        while self[at].firstLeft >= 0 { at = self[at].firstLeft }
        return at
    }

    private func lastBelow(_ link: Link) -> Link {
        var at = link
        while self[at].firstRight >= 0 {
            at = self[at].firstRight
            while self[at].sibling >= 0 { at = self[at].sibling }
        }
        return at
    }

    /// Cuts a piece in two; gives the second, which hangs right of the first.
    @discardableResult
    mutating func split(_ link: Link, at offset: Int) -> Link {
        var rest = self[link]
        rest.first = rest.first.advanced(by: offset)
        rest.count -= offset
        rest.parent = rest.first.advanced(by: -1)
        rest.side = .right
        rest.deletion = rest.deletion.shifted(by: offset)
        if rest.contentBytes > 0 {
            let bytes = contentOffset(self[link], offset)
            rest.content += bytes
            rest.contentBytes -= bytes
        }
        if isText == false { rest.item = rest.item.advanced(by: offset) }
        (rest.firstLeft, rest.sibling) = (FugueTree.nowhere, FugueTree.nowhere)
        (rest.up, rest.lower, rest.upper, rest.shown) = (FugueTree.nowhere, FugueTree.nowhere, FugueTree.nowhere, 0)
        pieces.append(rest)
        let link2 = Link(pieces.count - 1)
        if rest.isShown { addShown(offset - self[link].count, from: link) }
        self[link].count = offset
        self[link].contentBytes -= rest.contentBytes
        self[link].firstRight = link2
        index(link2)
        place(link2, after: link)
        return link2
    }

    /// The bytes of so many scalar values of a piece.
    func contentOffset(_ piece: Piece, _ count: Int) -> Int {
        if piece.contentBytes == piece.count { return count }
        var rest = count
        var at = piece.content
        while true {
            // Bytes that continue a scalar value are 10xxxxxx.
            if contents[at] & 0xC0 != 0x80 {
                if rest == 0 { break }
                rest -= 1
            }
            at += 1
            if at == piece.content + piece.contentBytes { break }
        }
        return at - piece.content
    }

    /// Adds a deletion to those of the range that are here.
    mutating func delete(_ range: IDRange, by dot: ElementID) {
        var id = range.first
        var rest = range.count
        while rest > 0 {
            guard let place = find(id) else {
                // Swept or removed: on to the next that is here.
                let gap = distance(from: id, atMost: rest)
                id = id.advanced(by: gap)
                rest -= gap
                continue
            }
            var link = place.piece
            if place.offset > 0 { link = split(link, at: place.offset) }
            if self[link].count > rest { split(link, at: rest) }
            if self[link].deletion.step != 0, self[link].count > 1 { split(link, at: 1) }
            id = id.advanced(by: self[link].count)
            rest -= self[link].count
            let deletion = self[link].deletion.union(Deletion(sorted: [dot]))
            self[link].deletion = deletion
            if isText {
                setShown(link, false)
                (self[link].content, self[link].contentBytes) = (0, 0)
            }
        }
    }

    /// From an id that is not here to the next of its actor that is.
    private func distance(from id: ElementID, atMost limit: Int) -> Int {
        guard id.place < byActor.count else { return limit }
        let links = byActor[id.place]
        let place = links.firstPlace { self[$0].first < id }
        guard place < links.count else { return limit }
        let gap = self[links[place]].first.counter - id.counter
        return gap < UInt64(limit) ? Int(gap) : limit
    }

    mutating func setShown(_ link: Link, _ isShown: Bool) {
        guard self[link].isShown != isShown else { return }
        self[link].isShown = isShown
        addShown(isShown ? self[link].count : -self[link].count, from: link)
    }

    /// Shows or hides one slot.
    mutating func setShown(_ id: ElementID, _ isShown: Bool) {
        guard let place = find(id), self[place.piece].isShown != isShown else { return }
        var link = place.piece
        if place.offset > 0 { link = split(link, at: place.offset) }
        if self[link].count > 1 { split(link, at: 1) }
        setShown(link, isShown)
    }

    private mutating func index(_ link: Link) {
        let actor = self[link].first.place
        while byActor.count <= actor { byActor.append([]) }
        let first = self[link].first
        if let last = byActor[actor].last, self[last].first < first { return byActor[actor].append(link) }
        let place = byActor[actor].firstPlace { self[$0].first < first }
        byActor[actor].insert(link, at: place)
    }
}
