// The order of a whole set of elements at once: where an object is read, joined or swept.

import World

extension FugueTree {
    /// The tree of these chains, whose texts lie in `contents`. Nil if two have an id in common, or some hang on each
    /// other in a circle. `byArrival`: a bug, for tests.
    init?(isText: Bool, chains: [Piece], contents: [UInt8], byArrival: Bool = false) {
        self.isText = isText
        self.contents = contents
        let sorted = FugueTree.inOrder(chains)
        for (a, b) in zip(sorted, sorted.dropFirst()) where a.last >= b.first { return nil }
        cut(sorted)
        hang(byArrival: byArrival)
        guard linkInOrder() else { return nil }
        buildTreap()
    }

    private static func inOrder(_ chains: [Piece]) -> [Piece] {
        if zip(chains, chains.dropFirst()).allSatisfy({ $0.first < $1.first }) { return chains }
        // By their keys: pieces are too large to be moved about.
        var keys = chains.indices.map { (first: chains[$0].first, place: $0) }
        keys.sort { $0.first < $1.first }
        return keys.map { chains[$0.place] }
    }

    /// Cuts chains where others hang on them.
    private mutating func cut(_ sorted: [Piece]) {
        var cuts: [ElementID] = []
        for chain in sorted where chain.parent != .none {
            cuts.append(chain.side == .left ? chain.parent : chain.parent.advanced(by: 1))
        }
        cuts.sort()
        pieces.reserveCapacity(sorted.count + cuts.count)
        var next = 0
        for chain in sorted {
            while next < cuts.count, cuts[next] <= chain.first { next += 1 }
            var rest = chain
            while next < cuts.count, cuts[next] <= rest.last {
                let offset = Int(cuts[next].counter - rest.first.counter)
                next += 1
                guard offset > 0 else { continue }
                append(part(of: rest, 0..<offset))
                rest = part(of: rest, offset..<rest.count)
            }
            append(rest)
        }
    }

    private mutating func append(_ piece: Piece) {
        let actor = piece.first.place
        while byActor.count <= actor { byActor.append([]) }
        byActor[actor].append(Link(pieces.count))
        pieces.append(piece)
    }

    /// Each piece under its parent. The largest come first, each to the front.
    private mutating func hang(byArrival: Bool) {
        let firsts = pieces.map(\.first)
        for place in byArrival ? Array(pieces.indices) : pieces.indices.reversed() {
            let link = Link(place)
            let (parent, side) = (pieces[place].parent, pieces[place].side)
            let above = parent == .none ? -1 : firsts.firstPlace { $0 <= parent } - 1
            if parent == .none {
                pieces[place].sibling = firstRoot
                firstRoot = link
            } else if above >= 0, parent <= pieces[above].last {
                if side == .left {
                    pieces[place].sibling = pieces[above].firstLeft
                    pieces[above].firstLeft = link
                } else {
                    pieces[place].sibling = pieces[above].firstRight
                    pieces[above].firstRight = link
                }
            } else {
                pieces[place].sibling = firstOrphan
                firstOrphan = link
            }
        }
    }

    /// The walk. False if it does not come to all.
    private mutating func linkInOrder() -> Bool {
        var stack: [(link: Link, isEntered: Bool)] = []
        var count = 0
        var last = FugueTree.nowhere
        for first in [firstRoot, firstOrphan] where first >= 0 {
            stack.append((first, false))
            while let (link, isEntered) = stack.popLast() {
                if isEntered {
                    self[link].previous = last
                    self[link].next = FugueTree.nowhere
                    if last < 0 { head = link } else { self[last].next = link }
                    last = link
                    count += 1
                    if self[link].firstRight >= 0 { stack.append((self[link].firstRight, false)) }
                } else {
                    // A sibling comes after all that hangs on this one: it lies below on the stack.
                    if self[link].sibling >= 0 { stack.append((self[link].sibling, false)) }
                    stack.append((link, true))
                    if self[link].firstLeft >= 0 { stack.append((self[link].firstLeft, false)) }
                }
            }
        }
        tail = last
        return count == pieces.count
    }
}

extension FugueTree {
    /// Without these elements, and without the contents of what was deleted.
    func without(_ ranges: [IDRange]) -> FugueTree {
        var gone = ranges.sorted { $0.first < $1.first }[...]
        var kept: [Piece] = []
        var contents: [UInt8] = []
        for links in byActor {
            for link in links {
                let piece = self[link]
                var offset = 0
                while offset < piece.count {
                    let id = piece.first.advanced(by: offset)
                    while let range = gone.first, range.last < id { gone.removeFirst() }
                    if let range = gone.first, range.first <= id {
                        offset += min(piece.count - offset, Int(range.last.counter - id.counter) + 1)
                        continue
                    }
                    var end = piece.count
                    if let range = gone.first, range.first <= piece.last {
                        end = Int(range.first.counter - piece.first.counter)
                    }
                    keep(part(of: piece, offset..<end), in: &kept, &contents)
                    offset = end
                }
            }
        }
        return FugueTree(isText: isText, chains: kept, contents: contents) ?? FugueTree(isText: isText)
    }

    /// Appends a part, with its content, to what a new tree is made of.
    func keep(_ part: Piece, in kept: inout [Piece], _ into: inout [UInt8]) {
        var part = part
        if part.contentBytes > 0 {
            let begin = into.count
            into += contents[part.content..<part.content + part.contentBytes]
            part.content = begin
        }
        // What is only a continuation in memory becomes one piece again.
        if let last = kept.last, last.continues(with: part, isText: isText), last.deletion.step == 0,
            part.deletion.step == 0, last.deletion == part.deletion
        {
            kept[kept.count - 1].count += part.count
            kept[kept.count - 1].contentBytes += part.contentBytes
        } else {
            kept.append(part)
        }
    }

    /// Some neighbouring elements of a piece, as a piece that is linked to nothing.
    func part(of piece: Piece, _ range: Range<Int>) -> Piece {
        var part = Piece(
            first: piece.first.advanced(by: range.lowerBound), count: range.count, parent: piece.parent,
            side: piece.side)
        if range.lowerBound > 0 { (part.parent, part.side) = (part.first.advanced(by: -1), .right) }
        part.deletion = piece.deletion.shifted(by: range.lowerBound)
        if piece.contentBytes > 0 {
            let begin = contentOffset(piece, range.lowerBound)
            part.content = piece.content + begin
            let end = range.upperBound == piece.count ? piece.contentBytes : contentOffset(piece, range.upperBound)
            part.contentBytes = end - begin
        }
        if !isText { part.item = piece.item.advanced(by: range.lowerBound) }
        part.isShown = piece.isShown
        return part
    }
}

extension FugueTree.Piece {
    /// Whether `other` hangs right of the last element with the next id, and its content too is what follows.
    func continues(with other: FugueTree.Piece, isText: Bool) -> Bool {
        other.parent == last && other.side == .right && last.advanced(by: 1) == other.first
            && isShown == other.isShown && (isText || item.advanced(by: count) == other.item)
    }
}

extension FugueTree {
    /// What two sides have: each has its elements, and says which ids it has seen.
    static func join(
        _ a: FugueTree, seenBy covers: (a: [UInt64], b: [UInt64]), _ b: FugueTree, byArrival: Bool
    ) -> FugueTree {
        var kept: [Piece] = []
        var contents: [UInt8] = []
        for actor in 0..<max(a.byActor.count, b.byActor.count) {
            let mine = actor < a.byActor.count ? a.byActor[actor] : []
            let theirs = actor < b.byActor.count ? b.byActor[actor] : []
            // Up to here the other side has seen them, and lacks what it has not.
            var (i, j) = (0, 0)
            var at: UInt64 = 0
            while i < mine.count || j < theirs.count {
                let x = i < mine.count ? a[mine[i]] : nil
                let y = j < theirs.count ? b[theirs[j]] : nil
                let xFirst = x.map { max($0.first.counter, at) } ?? .max
                let yFirst = y.map { max($0.first.counter, at) } ?? .max
                let first = min(xFirst, yFirst)
                var end = UInt64.max
                if let x { end = min(end, xFirst > first ? xFirst : x.last.counter + 1) }
                if let y { end = min(end, yFirst > first ? yFirst : y.last.counter + 1) }
                let left = x.flatMap { xFirst == first ? a.cut($0, first, end) : nil }
                let right = y.flatMap { yFirst == first ? b.cut($0, first, end) : nil }
                switch (left, right) {
                case (let left?, let right?):
                    for part in merged(left, right, isText: a.isText) { a.keep(part, in: &kept, &contents) }
                case (let left?, nil):
                    if let part = a.unseen(left, covers.b[actor]) { a.keep(part, in: &kept, &contents) }
                case (nil, let right?):
                    if let part = b.unseen(right, covers.a[actor]) { b.keep(part, in: &kept, &contents) }
                case (nil, nil): break
                }
                at = end
                if let x, x.last.counter < at { i += 1 }
                if let y, y.last.counter < at { j += 1 }
            }
        }
        return FugueTree(isText: a.isText, chains: kept, contents: contents, byArrival: byArrival)
            ?? FugueTree(isText: a.isText)
    }

    private func cut(_ piece: Piece, _ first: UInt64, _ end: UInt64) -> Piece {
        part(of: piece, Int(first - piece.first.counter)..<Int(end - piece.first.counter))
    }

    /// What of a piece is beyond `counter`.
    private func unseen(_ piece: Piece, _ counter: UInt64) -> Piece? {
        if piece.first.counter > counter { return piece }
        if piece.last.counter <= counter { return nil }
        return part(of: piece, Int(counter - piece.first.counter) + 1..<piece.count)
    }

    /// The same elements of both sides. Deleted beats not deleted; deletions unite.
    private static func merged(_ a: Piece, _ b: Piece, isText: Bool) -> [Piece] {
        if a.deletion == b.deletion { return [a] }
        let isSteady = a.deletion.step == 0 && b.deletion.step == 0
        return (0..<(isSteady ? 1 : a.count)).map { offset in
            var part = a
            if !isSteady {
                part.first = a.first.advanced(by: offset)
                part.count = 1
                if offset > 0 { (part.parent, part.side) = (part.first.advanced(by: -1), .right) }
                if !isText { part.item = a.item.advanced(by: offset) }
            }
            part.deletion = a.deletion.shifted(by: offset).union(b.deletion.shifted(by: offset))
            if isText { (part.content, part.contentBytes, part.isShown) = (0, 0, false) }
            return part
        }
    }
}

extension FugueTree {
    mutating func move(_ to: Relocation) {
        for place in pieces.indices {
            pieces[place].first = pieces[place].first.moved(to)
            pieces[place].parent = pieces[place].parent.moved(to)
            pieces[place].item = pieces[place].item.moved(to)
            if pieces[place].deletion.isDeleted { pieces[place].deletion = pieces[place].deletion.moved(to) }
        }
        var moved = [[Link]](repeating: [], count: (to.places.last ?? -1) + 1)
        for (actor, links) in byActor.enumerated() where !links.isEmpty { moved[to.places[actor]] = links }
        byActor = moved
    }
}
