// The bytes of a text or of a list's slots: runs in shown order, then the characters in one column.
//
// A run is as long as it can be: elements of one actor with neighbouring dots, each hanging right of the one before it
// and standing next to it, all alive or all deleted alike. Typing makes long ones. What a run says of itself is a
// difference to the run before, so that it is mostly small.

import World

private enum RunFlag {
    static let right: UInt64 = 1
    /// The parent is the last element of the run before, and this hangs on its right.
    static let follows: UInt64 = 2
    static let sameActor: UInt64 = 4
    static let deleted: UInt64 = 8
    static let bits: UInt64 = 4
}

/// How a deletion is written: the step from element to element, or a list of dots.
private enum DeletionForm {
    static let list: UInt64 = 3
    static let forms: UInt64 = 4
}

/// What differences are taken to.
private struct RunTrail {
    var last = ElementID.none
    var deleted: UInt64 = 0
    var item: UInt64 = 0
}

extension FugueTree {
    func encode(to w: inout ByteWriter) {
        var runs = ByteWriter(capacity: pieces.count * 8)
        var (count, trail) = (0, RunTrail())
        forEachRun { run in
            count += 1
            runs.run(run, isText: isText, &trail)
        }
        w.varint(UInt64(count))
        w.raw(runs.bytes)
        guard isText else { return }
        var text: [UInt8] = []
        text.reserveCapacity(contents.count)
        var link = head
        while link >= 0 {
            let (begin, bytes) = (self[link].content, self[link].contentBytes)
            if bytes > 0 { text += contents[begin..<begin + bytes] }
            link = self[link].next
        }
        w.counted(text)
    }

    /// However the elements lie in pieces: each run takes the next element for as long as it can.
    private func forEachRun(_ body: (Piece) -> Void) {
        guard head >= 0 else { return }
        var run = self[head]
        var link = run.next
        while link >= 0 {
            defer { link = self[link].next }
            if run.extend(by: self[link], isText: isText) { continue }
            guard run.deletion.isDeleted, self[link].count > 1, self[link].parent == run.last else {
                body(run)
                run = self[link]
                continue
            }
            var rest = self[link]
            while rest.count > 1, !run.extend(by: rest, isText: isText),
                run.extend(by: part(of: rest, 0..<1), isText: isText)
            {
                rest = part(of: rest, 1..<rest.count)
            }
            if run.last == self[link].last || run.extend(by: rest, isText: isText) { continue }
            body(run)
            run = rest
        }
        body(run)
    }

    init(from r: inout ByteReader, _ bounds: RecordBounds, isText: Bool) throws(DecodingFailure) {
        var runs: [Piece] = []
        let count = try r.count(each: 2)
        runs.reserveCapacity(count)
        var trail = RunTrail()
        var elements = 0
        for _ in 0..<count {
            let run = try r.run(bounds, isText: isText, &trail)
            elements += run.count
            guard elements <= Limits.objectBytes else { throw .overlong }
            runs.append(run)
        }
        var contents: [UInt8] = []
        if isText {
            contents = try r.counted(atMost: Limits.objectBytes)
            guard String(validating: contents, as: UTF8.self) != nil else {
                throw .malformed("a text that is not UTF-8")
            }
            try FugueTree.deal(contents, to: &runs)
        }
        guard let tree = FugueTree(isText: isText, chains: runs, contents: contents) else {
            throw .malformed("elements that are there twice, or hang on each other")
        }
        self = tree
    }

    /// Gives each run its part of the column.
    private static func deal(_ contents: [UInt8], to runs: inout [Piece]) throws(DecodingFailure) {
        let isASCII = contents.allSatisfy { $0 < 0x80 }
        var at = 0
        for place in runs.indices where runs[place].isShown {
            runs[place].content = at
            if isASCII {
                at += min(runs[place].count, contents.count - at + 1)
            } else {
                var rest = runs[place].count
                while rest > 0, at < contents.count {
                    at += 1
                    while at < contents.count, contents[at] & 0xC0 == 0x80 { at += 1 }
                    rest -= 1
                }
                guard rest == 0 else { throw .malformed("a text shorter than its runs") }
            }
            guard at <= contents.count else { throw .malformed("a text shorter than its runs") }
            runs[place].contentBytes = at - runs[place].content
        }
        guard at == contents.count else { throw .malformed("a text longer than its runs") }
    }
}

extension FugueTree.Piece {
    /// Takes the next piece into this run, where they are one.
    fileprivate mutating func extend(by other: FugueTree.Piece, isText: Bool) -> Bool {
        guard other.parent == last, other.side == .right, last.advanced(by: 1) == other.first,
            isText || item.advanced(by: count) == other.item, deletion.isDeleted == other.deletion.isDeleted
        else { return false }
        if deletion.isDeleted {
            guard let step = step(to: other) else { return false }
            deletion.step = step
        }
        count += other.count
        contentBytes += other.contentBytes
        return true
    }

    /// By what deletions go on from this run to the next piece, where that is the same all along.
    private func step(to other: FugueTree.Piece) -> Int? {
        guard deletion.others == other.deletion.others else { return nil }
        if deletion.dot == other.deletion.dot, steadiness(0), other.steadiness(0) { return 0 }
        guard deletion.others.isEmpty, deletion.dot.isDot, other.deletion.dot.isDot,
            deletion.dot.place == other.deletion.dot.place
        else { return nil }
        return [1, -1].first { step in
            steadiness(step) && other.steadiness(step)
                && deletion.dot.advanced(by: step * count) == other.deletion.dot
        }
    }

    /// Whether the deletions go on by so much; those of one element go any way.
    private func steadiness(_ step: Int) -> Bool { count == 1 || deletion.step == step }
}

extension ByteWriter {
    fileprivate mutating func difference(_ a: UInt64, to b: UInt64) {
        let difference = Int64(bitPattern: a &- b)
        varint(UInt64(bitPattern: difference << 1 ^ difference >> 63))
    }

    fileprivate mutating func run(_ run: FugueTree.Piece, isText: Bool, _ trail: inout RunTrail) {
        let follows = run.parent == trail.last && run.parent != .none && run.side == .right
        let isSame = trail.last != .none && trail.last.place == run.first.place
        var head = UInt64(run.count) << RunFlag.bits
        if run.side == .right { head |= RunFlag.right }
        if follows { head |= RunFlag.follows }
        if isSame { head |= RunFlag.sameActor }
        if run.deletion.isDeleted { head |= RunFlag.deleted }
        varint(head)
        if !isSame { varint(UInt64(run.first.place)) }
        difference(run.first.counter, to: trail.last.counter)
        if !follows {
            varint(run.parent == .none ? 0 : UInt64(run.parent.place) + 1)
            if run.parent != .none { difference(run.parent.counter, to: run.first.counter) }
        }
        if run.deletion.isDeleted { deletion(run.deletion, count: run.count, &trail) }
        if !isText {
            varint(UInt64(run.item.place))
            difference(run.item.counter, to: run.first.counter)
        }
        trail.last = run.last
    }

    private mutating func deletion(_ deletion: FugueTree.Deletion, count: Int, _ trail: inout RunTrail) {
        guard deletion.others.isEmpty, deletion.dot.isDot else {
            varint(DeletionForm.list)
            // The void has no dot: it is the last, if it is there.
            let dots = deletion.dots.filter(\.isDot)
            varint(UInt64(dots.count) << 1 | (dots.count < deletion.dots.count ? 1 : 0))
            for dot in dots { id(dot) }
            return
        }
        varint(UInt64(deletion.dot.place) * DeletionForm.forms + UInt64((count > 1 ? deletion.step : 0) + 1))
        difference(deletion.dot.counter, to: trail.deleted)
        trail.deleted = deletion.dot.counter
    }
}

extension ByteReader {
    fileprivate mutating func counter(beside other: UInt64) throws(DecodingFailure) -> UInt64 {
        let folded = try varint()
        let difference = folded >> 1 ^ (0 &- (folded & 1))
        let counter = other &+ difference
        guard counter <= Limits.packedCounter else { throw .overlong }
        return counter
    }

    fileprivate mutating func id(
        place: UInt64, beside other: UInt64, _ bounds: RecordBounds
    ) throws(DecodingFailure) -> ElementID {
        guard place < UInt64(Limits.versionVectorEntries) else { throw .overlong }
        let id = ElementID(place: Int(place), counter: try counter(beside: other))
        guard bounds.allows(id) else { throw .malformed("a dot beyond the version vector") }
        return id
    }

    fileprivate mutating func run(
        _ bounds: RecordBounds, isText: Bool, _ trail: inout RunTrail
    ) throws(DecodingFailure) -> FugueTree.Piece {
        let head = try varint()
        let count = head >> RunFlag.bits
        guard count > 0, count <= UInt64(Limits.objectBytes) else { throw .overlong }
        let place = head & RunFlag.sameActor != 0 ? UInt64(trail.last.place) : try varint()
        let first = try id(place: place, beside: trail.last.counter, bounds)
        guard first.counter <= Limits.packedCounter - count else { throw .overlong }
        var run = FugueTree.Piece(
            first: first, count: Int(count), parent: trail.last, side: head & RunFlag.right != 0 ? .right : .left)
        guard bounds.allows(run.last) else { throw .malformed("dots beyond the version vector") }
        if head & RunFlag.follows == 0 {
            let place = try varint()
            run.parent = place == 0 ? .none : try id(place: place - 1, beside: first.counter, bounds)
        }
        if head & RunFlag.deleted != 0 { run.deletion = try deletion(count: Int(count), bounds, &trail) }
        run.isShown = isText && !run.deletion.isDeleted
        if !isText {
            run.item = try id(place: try varint(), beside: first.counter, bounds)
            guard run.item.counter <= Limits.packedCounter - count else { throw .overlong }
            guard bounds.allows(run.item.advanced(by: run.count - 1)) else {
                throw .malformed("items beyond the version vector")
            }
        }
        trail.last = run.last
        return run
    }

    private mutating func deletion(
        count: Int, _ bounds: RecordBounds, _ trail: inout RunTrail
    ) throws(DecodingFailure) -> FugueTree.Deletion {
        let head = try varint()
        if head == DeletionForm.list {
            let many = try self.count(atMost: 2 * Limits.versionVectorEntries * Limits.mergedShare)
            var dots: [ElementID] = []
            for _ in 0..<many >> 1 { dots.append(try id(bounds)) }
            if many & 1 == 1 { dots.append(.void) }
            guard !dots.isEmpty, zip(dots, dots.dropFirst()).allSatisfy({ $0 < $1 }) else {
                throw .malformed("deletions out of order")
            }
            return FugueTree.Deletion(sorted: dots)
        }
        guard head % DeletionForm.forms != DeletionForm.list else { throw .malformed("an unknown form of deletion") }
        var deletion = FugueTree.Deletion()
        deletion.dot = try id(place: head / DeletionForm.forms, beside: trail.deleted, bounds)
        deletion.step = Int(head % DeletionForm.forms) - 1
        if deletion.step != 0 {
            let (last, span) = (deletion.dot.counter, UInt64(count))
            guard deletion.step > 0 ? last <= Limits.packedCounter - span : last >= span,
                bounds.allows(deletion.dot.advanced(by: deletion.step * (count - 1)))
            else { throw .malformed("deletions beyond the version vector") }
        }
        trail.deleted = deletion.dot.counter
        return deletion
    }
}
