// The difference of two texts: it makes the one of the other, is the least, and takes no time to speak of.

import Testing
import World

@testable import atoll

@Suite struct TextDiffTests {
    @Test(
        arguments: [
            ("", "", []), ("same", "same", []), ("", "new", [.init(at: 0, delete: 0, text: "new")]),
            ("old", "", [.init(at: 0, delete: 3, text: "")]),
            ("to be", "to see", [.init(at: 3, delete: 1, text: "se")]),
            ("aXbYc", "abZc", [.init(at: 3, delete: 1, text: "Z"), .init(at: 1, delete: 1, text: "")]),
            // Counted in scalar values; what Unicode takes for equal is not.
            ("🌊e\u{301}x", "🌊éx", [.init(at: 1, delete: 2, text: "é")]),
            ("👩‍👧!", "👩!", [.init(at: 1, delete: 2, text: "")]),
            ("a\r\nb", "a\nb", [.init(at: 1, delete: 1, text: "")]),
        ] as [(String, String, [TextDiff.Splice])])
    func splicesAreTheLeast(old: String, new: String, splices: [TextDiff.Splice]) {
        #expect(TextDiff.splices(from: old, to: new) == splices)
    }

    @Test func longInsertionsGoInPieces() {
        let splice = TextDiff.Splice(at: 1, delete: 2, text: "aé🌊bcde")
        let pieces = splice.pieces(ofBytes: 4)
        #expect(pieces.map(\.text) == ["bcde", "🌊", "aé"])
        #expect(TextDiffTests.doing(pieces, to: "<xy>") == TextDiffTests.doing([splice], to: "<xy>"))
        #expect(splice.pieces(ofBytes: 11) == [splice])
        let deletion = TextDiff.Splice(at: 3, delete: 1, text: "")
        #expect(deletion.pieces(ofBytes: 4) == [deletion])
    }

    private static func doing(_ splices: [TextDiff.Splice], to text: String) -> String {
        var scalars = Array(text.unicodeScalars)
        for splice in splices {
            scalars.replaceSubrange(splice.at..<splice.at + splice.delete, with: splice.text.unicodeScalars)
        }
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    /// The length of the longest common subsequence, by the table of every textbook.
    private static func common(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Int {
        var row = [Int](repeating: 0, count: b.count + 1)
        for x in a {
            var diagonal = 0
            for (place, y) in b.enumerated() {
                (diagonal, row[place + 1]) = (row[place + 1], x == y ? diagonal + 1 : max(row[place], row[place + 1]))
            }
        }
        return row[b.count]
    }

    @Test func theyMakeTheNewTextWithTheFewestChanges() {
        var random = SeededRandom(seed: 1_986)
        let letters = Array("ab\né🌊\u{301}".unicodeScalars)
        func text() -> String {
            var view = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 0...24, using: &random) {
                view.append(letters[Int.random(in: 0..<letters.count, using: &random)])
            }
            return String(view)
        }
        for _ in 0..<5_000 {
            let (old, new) = (text(), text())
            let splices = TextDiff.splices(from: old, to: new)
            #expect(Array(TextDiffTests.doing(splices, to: old).unicodeScalars) == Array(new.unicodeScalars))
            let changed = splices.map { $0.delete + $0.text.unicodeScalars.count }.reduce(0, +)
            let (a, b) = (Array(old.unicodeScalars), Array(new.unicodeScalars))
            #expect(changed == a.count + b.count - 2 * TextDiffTests.common(a, b), "\(old) \(new)")
            // From the last to the first, and none touches the next.
            for (later, earlier) in zip(splices, splices.dropFirst()) {
                #expect(earlier.at + earlier.delete < later.at)
            }
        }
    }

    /// Where much is changed the lines that are not stay out of it.
    @Test func largeChangesGoByLines() {
        var random = SeededRandom(seed: 13)
        func line() -> String {
            String((0..<80).map { _ in Character(UnicodeScalar(UInt8.random(in: 97...122, using: &random))) }) + "\n"
        }
        let lines = (0..<2_000).map { _ in line() }
        var changed = lines
        for place in [100, 700, 701, 1_500] { changed[place] = (0..<50).map { _ in line() }.joined() }
        let splices = TextDiff.splices(from: lines.joined(), to: changed.joined())
        #expect(TextDiffTests.doing(splices, to: lines.joined()) == changed.joined())
        let deleted = splices.map(\.delete).reduce(0, +)
        #expect(deleted <= 4 * 81)
        // Nothing in common at all.
        let other = (0..<2_000).map { _ in line() }.joined()
        let all = TextDiff.splices(from: lines.joined(), to: other)
        #expect(TextDiffTests.doing(all, to: lines.joined()) == other)
    }
}
