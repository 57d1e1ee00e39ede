// What was changed between two texts, as splices over Unicode scalar values: the least that makes the second of the
// first, so that what others write beside it stays.
//
// Myers, "An O(ND) difference algorithm and its variations" (1986), forward, with what was reached in each round kept.
// Its work and memory grow with the square of the number of differences; past a bound the lines are compared first,
// and then the scalar values of those that differ.

enum TextDiff {
    struct Splice: Hashable {
        /// In scalar values of the old text.
        let at: Int
        let delete: Int
        let text: String

        /// A long insertion as several at the same place, of so many bytes at most, the last first.
        func pieces(ofBytes most: Int) -> [Splice] {
            var pieces: [String] = []
            var piece = String.UnicodeScalarView()
            var bytes = 0
            for scalar in text.unicodeScalars {
                let width = UTF8.width(scalar)
                if bytes + width > most {
                    pieces.append(String(piece))
                    (piece, bytes) = (String.UnicodeScalarView(), 0)
                }
                piece.append(scalar)
                bytes += width
            }
            pieces.append(String(piece))
            return pieces.reversed().enumerated().map { number, text in
                Splice(at: at, delete: number == 0 ? delete : 0, text: text)
            }
        }
    }

    /// The last first: so each is in its place whether the ones before it in the list are done yet or not.
    static func splices(from old: String, to new: String) -> [Splice] {
        let (old, new) = (Array(old.unicodeScalars), Array(new.unicodeScalars))
        return hunks(old, new).reversed().map { hunk in
            var text = String.UnicodeScalarView()
            text.append(contentsOf: new[hunk.new])
            return Splice(at: hunk.old.lowerBound, delete: hunk.old.count, text: String(text))
        }
    }

    /// A stretch of the old text, and what stands in its place. Both of a pair are never empty.
    private struct Hunk {
        var old: Range<Int>
        var new: Range<Int>
    }

    /// Scalar values put in or taken out: 2,048 rounds remember 8 MiB, and take some milliseconds.
    private static let differences = 2_048

    private static func hunks(_ old: [Unicode.Scalar], _ new: [Unicode.Scalar]) -> [Hunk] {
        if let hunks = hunks(old[...], new[...]) { return hunks }
        let (oldLines, newLines) = (lines(old), lines(new))
        let oldTexts = oldLines.map { old[$0] }
        let newTexts = newLines.map { new[$0] }
        let whole = [Hunk(old: oldTexts.indices, new: newTexts.indices)]
        return (hunks(oldTexts[...], newTexts[...]) ?? whole).flatMap { hunk in
            let oldPart = old[place(hunk.old, in: oldLines, old.count)]
            let newPart = new[place(hunk.new, in: newLines, new.count)]
            return hunks(oldPart, newPart) ?? [Hunk(old: oldPart.indices, new: newPart.indices)]
        }
    }

    /// The scalar values of these lines.
    private static func place(_ range: Range<Int>, in lines: [Range<Int>], _ end: Int) -> Range<Int> {
        func start(_ line: Int) -> Int { line < lines.count ? lines[line].lowerBound : end }
        return start(range.lowerBound)..<start(range.upperBound)
    }

    private static func lines(_ text: [Unicode.Scalar]) -> [Range<Int>] {
        var lines: [Range<Int>] = []
        var start = 0
        for (place, scalar) in text.enumerated() where scalar == "\n" {
            lines.append(start..<place + 1)
            start = place + 1
        }
        if start < text.count { lines.append(start..<text.count) }
        return lines
    }

    /// In places of the slices; nil past the bound.
    private static func hunks<Element: Equatable>(
        _ old: ArraySlice<Element>, _ new: ArraySlice<Element>
    ) -> [Hunk]? {
        let head = zip(old, new).prefix { $0 == $1 }.count
        let (oldRest, newRest) = (old.dropFirst(head), new.dropFirst(head))
        let tail = zip(oldRest.reversed(), newRest.reversed()).prefix { $0 == $1 }.count
        let (a, b) = (oldRest.dropLast(tail), newRest.dropLast(tail))
        if a.isEmpty && b.isEmpty { return [] }
        // What was only put in, or only taken out, needs no search.
        if a.isEmpty || b.isEmpty { return [Hunk(old: a.indices, new: b.indices)] }
        guard let rounds = search(Array(a), Array(b)) else { return nil }
        return walkBack(rounds, a, b)
    }

    /// What was reached before each round: at `k + round`, how many of `a` are used up on diagonal `k`, which is how
    /// many more of `a` than of `b` are. Nil past the bound.
    private static func search<Element: Equatable>(_ a: [Element], _ b: [Element]) -> [[Int32]]? {
        var rounds: [[Int32]] = []
        var reached: [Int32] = [0]
        for round in 0...min(differences, a.count + b.count) {
            var next = [Int32](repeating: 0, count: 2 * round + 1)
            for k in stride(from: -round, through: round, by: 2) {
                var x = round == 0 ? 0 : step(reached, k, round).x
                while x < a.count, x - k < b.count, a[x] == b[x - k] { x += 1 }
                next[k + round] = Int32(x)
                if x >= a.count, x - k >= b.count { return rounds + [reached] }
            }
            rounds.append(reached)
            reached = next
        }
        return nil
    }

    /// How diagonal `k` is come to in a round: by an element of `b` from the one above, or by one of `a` from the one
    /// below.
    private static func step(_ reached: [Int32], _ k: Int, _ round: Int) -> (x: Int, inserts: Bool) {
        func x(_ k: Int) -> Int { Int(reached[k + round - 1]) }
        let inserts = k == -round || (k != round && x(k - 1) < x(k + 1))
        return inserts ? (x(k + 1), true) : (x(k - 1) + 1, false)
    }

    private static func walkBack<Element>(
        _ rounds: [[Int32]], _ a: ArraySlice<Element>, _ b: ArraySlice<Element>
    ) -> [Hunk] {
        var hunks: [Hunk] = []
        var k = a.count - b.count
        for round in (1..<rounds.count).reversed() {
            let (x, inserts) = step(rounds[round], k, round)
            let (old, new) = (a.startIndex + x, b.startIndex + x - k)
            let edit = inserts ? Hunk(old: old..<old, new: new - 1..<new) : Hunk(old: old - 1..<old, new: new..<new)
            if let last = hunks.last, last.old.lowerBound == old, last.new.lowerBound == new {
                hunks[hunks.count - 1] = Hunk(
                    old: edit.old.lowerBound..<last.old.upperBound, new: edit.new.lowerBound..<last.new.upperBound)
            } else {
                hunks.append(edit)
            }
            k += inserts ? 1 : -1
        }
        return hunks.reversed()
    }
}
