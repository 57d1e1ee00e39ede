// The order of texts: the tree in memory against the paper's walk and a plain string, and passages that stay whole.

import Causality
import JSON
import Testing
import World

@testable import DataTypes

@Suite struct FugueTests {
    /// Bursts of typing with errors and jumps, by three minters in turn.
    private func edits(_ count: Int, seed: UInt64) -> [(minter: Int, at: Int, deleted: Int, text: String)] {
        var dice = SeededRandom(seed: seed)
        var edits: [(minter: Int, at: Int, deleted: Int, text: String)] = []
        var (length, cursor, minter) = (0, 0, 0)
        let words = ["the ", "island ", "reef ", "für ", "тихо ", "tide ", "a ", "of "]
        while edits.count < count {
            if dice.chance(0.003) { minter = Int.random(in: 0..<3, using: &dice) }
            if dice.chance(0.15) { cursor = Int.random(in: 0...length, using: &dice) }
            switch dice.unit() {
            case ..<0.86:
                for character in words[Int.random(in: 0..<words.count, using: &dice)].unicodeScalars {
                    edits.append((minter, cursor, 0, String(character)))
                    (cursor, length) = (cursor + 1, length + 1)
                }
                for _ in 0..<Int.random(in: 0...3, using: &dice) where cursor > 0 {
                    (cursor, length) = (cursor - 1, length - 1)
                    edits.append((minter, cursor, 1, ""))
                }
            default:
                let deleted = min(length - cursor, Int.random(in: 0..<60, using: &dice))
                edits.append((minter, cursor, deleted, dice.chance(0.5) ? "sea" : ""))
                let put = edits[edits.count - 1].text.count
                (cursor, length) = (cursor + put, length - deleted + put)
            }
        }
        return Array(edits.prefix(count))
    }

    @Test func treeAndPlainStringAgreeThroughout() throws {
        var object = TypedObject()
        var plain: [Unicode.Scalar] = []
        for (number, edit) in edits(100_000, seed: 7).enumerated() {
            let actor = Actor.numbered(edit.minter)
            let run = MintingRun(
                actor: actor, first: object.versions.counter(of: actor) + 1, time: HybridTime(bits: UInt64(number)))
            let splice = Operation.splice(Path(), .at(edit.at), delete: edit.deleted, text: edit.text)
            _ = try object.apply(TypedRequest([splice]), as: .text, run)
            plain.replaceSubrange(edit.at..<edit.at + edit.deleted, with: edit.text.unicodeScalars)
            guard number % 20_000 == 19_999 else { continue }
            var string = String.UnicodeScalarView()
            string.append(contentsOf: plain)
            #expect(object.value() == .string(String(string)))
            let tree = try #require(object.root.texts.first)
            #expect(tree.ownOrder == tree.naiveOrder)
            #expect(tree.brokenInvariant == nil)
            let bytes = object.encode()
            #expect(try TypedObject(decoding: bytes).encode() == bytes)
        }
    }

    /// Replicas type whole passages at one place, forwards or backwards, unseen by each other.
    @Test func passagesStayWhole() throws {
        var dice = SeededRandom(seed: 3)
        for _ in 0..<300 {
            var base = Minter(.text)
            try base.mint(.splice(Path(), .at(0), delete: 0, text: "XY"))
            if dice.chance(0.5) { try base.mint(.splice(Path(), .at(1), delete: 1, text: "")) }
            var passages: [String] = []
            var replicas: [TypedObject] = []
            for number in 1...Int.random(in: 2...4, using: &dice) {
                var minter = Minter(.text, number: number)
                minter.object = base.object
                let isBackwards = dice.chance(0.5)
                let letters = (0..<Int.random(in: 4...8, using: &dice)).map {
                    String(Character(Unicode.Scalar(UInt8(0x41 + 8 * number + $0))))
                }
                for (offset, letter) in (isBackwards ? letters.reversed() : letters).enumerated() {
                    let place = isBackwards ? 1 : 1 + offset
                    try minter.mint(.splice(Path(), .at(place), delete: 0, text: letter))
                }
                passages.append(letters.joined())
                replicas.append(minter.object)
            }
            for replica in replicas { try base.object.join(replica) }
            let text = base.value?.string ?? ""
            for passage in passages { #expect(text.contains(passage), "\(passage) in \(text)") }
        }
    }

    @Test func anIndexCountsWhatItsWriterSaw() throws {
        var minter = Minter(.text)
        try minter.mint(.splice(Path(), .at(0), delete: 0, text: "abcdef"))
        let seen = minter.object.versions
        try minter.mint(.splice(Path(), .at(1), delete: 2, text: "XYZ"))
        #expect(minter.value == .string("aXYZdef"))
        // Before e, which was the fifth then; and c and d, of which c is gone already.
        try minter.mint(.splice(Path(), .at(4), delete: 0, text: "-"), context: seen)
        #expect(minter.value == .string("aXYZd-ef"))
        try minter.mint(.splice(Path(), .at(2), delete: 2, text: "+"), context: seen)
        #expect(minter.value?.string?.contains("d") == false)
        #expect(throws: TypedProblem.notApplicable(operation: 0, .outOfRange)) {
            try minter.mint(.splice(Path(), .at(7), delete: 0, text: "!"), context: seen)
        }
    }

    /// Several splices of one request, each counted after those before it, at a context from before what others did:
    /// what its writer would have seen of it stands in that order, or the request is refused.
    @Test func splicesOfOneRequestAreCountedAsItsWriterSawThem() throws {
        var dice = SeededRandom(seed: 11)
        var (done, refused) = (0, 0)
        var next = UInt32(0x4E00)
        func fresh(_ count: Int) -> String {
            next += UInt32(count)
            return String(
                String.UnicodeScalarView((next - UInt32(count)..<next).compactMap { Unicode.Scalar($0) }))
        }
        for _ in 0..<2_000 {
            var minter = Minter(.text)
            try minter.mint(.splice(Path(), .at(0), delete: 0, text: fresh(Int.random(in: 1...6, using: &dice))))
            let context = minter.object.versions
            let base = Array((minter.value?.string ?? "").unicodeScalars)
            var others = base.count
            for _ in 0..<Int.random(in: 1...3, using: &dice) {
                let at = Int.random(in: 0...others, using: &dice)
                let deleted = Int.random(in: 0...min(2, others - at), using: &dice)
                let text = fresh(Int.random(in: 0...2, using: &dice))
                try minter.mint(.splice(Path(), .at(at), delete: deleted, text: text))
                others += text.unicodeScalars.count - deleted
            }
            let before = Set((minter.value?.string ?? "").unicodeScalars)
            var meant = base
            let splices = (0..<Int.random(in: 2...3, using: &dice)).map { _ in
                let at = Int.random(in: 0...meant.count, using: &dice)
                let deleted = Int.random(in: 0...min(2, meant.count - at), using: &dice)
                let text = fresh(Int.random(in: 0...2, using: &dice))
                meant.replaceSubrange(at..<at + deleted, with: text.unicodeScalars)
                return Operation.splice(Path(), .at(at), delete: deleted, text: text)
            }
            do {
                let request = TypedRequest(splices, context: context, name: nil)
                _ = try minter.object.apply(request, as: .text, minter.run())
            } catch TypedProblem.contextTooOld {
                refused += 1
                continue
            }
            done += 1
            let shown = Array((minter.value?.string ?? "").unicodeScalars)
            // What others had deleted of the base is gone; all else that was meant is there, in its order.
            let expected = meant.filter { !base.contains($0) || before.contains($0) }
            #expect(shown.filter(meant.contains) == expected)
            #expect(!shown.contains { base.contains($0) && !meant.contains($0) })
        }
        #expect(done > 1_000 && refused > 20, "\(done) done, \(refused) refused")
    }

    /// However often it is asked, by a context from before: what is deleted already is not deleted again.
    @Test func whatIsDeletedTwiceTakesNoMoreRoom() throws {
        var minter = Minter()
        try minter.mint(.splice(Path("/t"), .at(0), delete: 0, text: "abcdef"))
        try minter.mint(.insert(Path("/l"), .end, [.int(1), .int(2), .int(3)]))
        let before = minter.object.versions
        try minter.mint(.splice(Path("/t"), .at(1), delete: 3, text: ""), .move(Path("/l"), .at(0), to: .end))
        func again() throws {
            try minter.mint(
                .splice(Path("/t"), .at(1), delete: 3, text: ""), .move(Path("/l"), .at(0), to: .end), context: before)
        }
        for _ in 0..<10 { try again() }
        let bytes = minter.object.encode().count
        for _ in 0..<100 { try again() }
        // Each move leaves the slot that it moves from, until that is swept.
        #expect(minter.object.encode().count < bytes + 100 * 12)
        let most = minter.object.root.field(Array("t".utf8))?.texts.first.map { tree in
            var most = 0
            tree.forEach { most = max(most, $0.deletion.dots.count) }
            return most
        }
        #expect(most == 1)
        #expect(minter.object.value(at: Path("/t")) == .string("aef"))
    }

    @Test func sweptTextLosesItsDeletedLeavesAndItsOldContexts() throws {
        var minter = Minter(.text)
        let (_, results) = try minter.mint(.splice(Path(), .at(0), delete: 0, text: "abcdef"))
        let seen = minter.object.versions
        try minter.mint(.splice(Path(), .at(3), delete: 3, text: ""))
        let before = minter.object.encode().count
        var other = minter.object
        let delta = try #require(try minter.object.sweep(reports: [minter.object.versions], minter.run()))
        #expect(minter.object.encode().count < before)
        #expect(try other.merge(TypedDelta(decoding: delta.encode())) == .stored)
        #expect(other.encode() == minter.object.encode())
        #expect(minter.value == .string("abc"))
        #expect(throws: TypedProblem.contextTooOld) {
            try minter.mint(.splice(Path(), .at(5), delete: 0, text: "!"), context: seen)
        }
        // What is deleted behind an element that is named is counted as well; what is inserted there is not.
        guard case .inserted(let first, _)? = results.first else { throw Violation(description: "nothing inserted") }
        #expect(throws: TypedProblem.contextTooOld) {
            try minter.mint(.splice(Path(), .after(first), delete: 1, text: ""), context: seen)
        }
        try minter.mint(.splice(Path(), .after(first), delete: 0, text: "-"), context: seen)
        #expect(minter.value == .string("a-bc"))
    }
}

extension FugueTree {
    /// What does not hold of the links in memory.
    var brokenInvariant: String? {
        var shownSoFar = 0
        var link = head
        var previous = FugueTree.nowhere
        while link >= 0 {
            let piece = self[link]
            if piece.previous != previous { return "previous" }
            if piece.shown != shown(piece.lower) + shown(piece.upper) + piece.ownShown { return "count" }
            if shownBefore(link) != shownSoFar { return "shown before" }
            if piece.isShown, shownElement(at: shownSoFar) != Place(piece: link, offset: 0) { return "position" }
            if find(piece.last) != Place(piece: link, offset: piece.count - 1) { return "dot" }
            shownSoFar += piece.ownShown
            (previous, link) = (link, piece.next)
        }
        return previous == tail && shownSoFar == shownCount ? nil : "end"
    }
}
