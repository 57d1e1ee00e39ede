// The treap of pieces in shown order: a search tree by order, a heap by priority.

import World

extension FugueTree {
    private func priority(_ link: Link) -> UInt64 { SplitMix64.spread(UInt64(link) &+ 1) }

    /// Puts a piece behind another in the shown order; behind `nowhere`, at the front.
    mutating func place(_ link: Link, after: Link) {
        let next = after < 0 ? head : self[after].next
        self[link].previous = after
        self[link].next = next
        if after < 0 { head = link } else { self[after].next = link }
        if next < 0 { tail = link } else { self[next].previous = link }
        if top < 0 {
            top = link
        } else if after >= 0, self[after].upper < 0 {
            self[after].upper = link
            self[link].up = after
        } else {
            // The next stands in the upper part of `after`, as its lowest; or it is the first of all.
            self[next].lower = link
            self[link].up = next
        }
        addShown(self[link].ownShown, from: link)
        while self[link].up >= 0, priority(link) > priority(self[link].up) { lift(link) }
    }

    mutating func addShown(_ count: Int, from link: Link) {
        guard count != 0 else { return }
        var at = link
        while at >= 0 {
            self[at].shown += count
            at = self[at].up
        }
    }

    /// Turns a piece and the one above it.
    private mutating func lift(_ link: Link) {
        let parent = self[link].up
        let above = self[parent].up
        let moved: Link
        if self[parent].lower == link {
            moved = self[link].upper
            self[parent].lower = moved
            self[link].upper = parent
        } else {
            moved = self[link].lower
            self[parent].upper = moved
            self[link].lower = parent
        }
        if moved >= 0 { self[moved].up = parent }
        self[parent].up = link
        self[link].up = above
        if above < 0 {
            top = link
        } else if self[above].lower == parent {
            self[above].lower = link
        } else {
            self[above].upper = link
        }
        recount(parent)
        recount(link)
    }

    private mutating func recount(_ link: Link) {
        self[link].shown = shown(self[link].lower) + shown(self[link].upper) + self[link].ownShown
    }

    /// Builds the treap of pieces that are linked in their order: the right edge is kept as a stack (Vuillemin, "A
    /// Unifying Look at Data Structures", 1980).
    mutating func buildTreap() {
        var edge: [Link] = []
        var link = head
        while link >= 0 {
            var below = FugueTree.nowhere
            while let last = edge.last, priority(last) < priority(link) {
                recount(last)
                below = last
                edge.removeLast()
            }
            self[link].lower = below
            self[link].upper = FugueTree.nowhere
            if below >= 0 { self[below].up = link }
            self[link].up = edge.last ?? FugueTree.nowhere
            if let last = edge.last { self[last].upper = link }
            edge.append(link)
            link = self[link].next
        }
        top = edge.first ?? FugueTree.nowhere
        while let last = edge.popLast() { recount(last) }
    }
}
