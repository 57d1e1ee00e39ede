// What may be a name, and which spellings are one: tried for every code point, and for random strings of them.

import Testing
import World

@testable import NameStore

@Suite struct NameTests {
    private func name(_ text: String) throws -> String { try Name(Array(text.utf8)).description }

    private static let assigned: [Unicode.Scalar] = (0...0x10FFFF).compactMap { Unicode.Scalar(UInt32($0)) }.filter {
        let category = $0.properties.generalCategory
        return category != .unassigned && category != .privateUse
    }

    @Test func refusals() {
        #expect(throws: Name.Refusal.empty) { try Name([]) }
        for byte: UInt8 in [0x00, 0x0A, 0x0D] {
            #expect(throws: Name.Refusal.controlCharacter) { try Name([0x61, byte, 0x62]) }
        }
        let malformed: [[UInt8]] = [
            [0xFF], [0xC3], [0x61, 0x80], [0xC0, 0xAF], [0xE0, 0x80, 0xAF], [0xED, 0xA0, 0x80],
            [0xF4, 0x90, 0x80, 0x80],
            [0xF8, 0x88, 0x80, 0x80, 0x80],
        ]
        for bytes in malformed { #expect(throws: Name.Refusal.notUTF8) { try Name(bytes) } }
        #expect(throws: Name.Refusal.tooLong) { try Name([UInt8](repeating: 0x61, count: Limits.nameBytes + 1)) }
        #expect(throws: Name.Refusal.unassigned(0x0378)) { try Name(Array("\u{0378}".utf8)) }
    }

    @Test func lengthCountsAfterNormalisationToo() throws {
        #expect(try Name([UInt8](repeating: 0x61, count: Limits.nameBytes)).bytes.count == Limits.nameBytes)
        // U+0958 is composed of two code points in NFC: three bytes become six.
        let growing = String(repeating: "\u{0958}", count: 50)
        #expect(growing.utf8.count <= Limits.nameBytes)
        #expect(throws: Name.Refusal.tooLong) { try Name(Array(growing.utf8)) }
    }

    @Test func spellingsOfOneName() throws {
        #expect(try name("caf\u{E9}") == name("cafe\u{301}"))
        #expect(try name("\u{212B}") == name("\u{C5}"))
        #expect(try name("\u{1100}\u{1161}") == name("\u{AC00}"))
        #expect(try name("q\u{307}\u{323}") == name("q\u{323}\u{307}"))
        #expect(try name("user:Ann") == name("user:ann"))
        #expect(try name("USER:ANN") == name("user:ann"))
        #expect(try name("user:Stra\u{DF}e") == name("user:STRASSE"))
        #expect(try name("user:\u{3A3}\u{3C2}") == name("user:\u{3C3}\u{3A3}"))
        #expect(try name("user:\u{212A}im") == name("user:kim"))
        #expect(try name("user:\u{1E9E}") == name("user:ss"))
        // An iota below, in all its cases: folding what is composed once told these apart.
        #expect(try name("user:\u{1FB7}") == name("user:\u{391}\u{342}\u{345}"))
        #expect(try name("user:\u{1FB7}") == name("user:\u{391}\u{342}\u{399}"))
    }

    @Test func caseCountsWhereTheRegistrySaysNothing() throws {
        #expect(try name("slug:Ann") != name("slug:ann"))
        #expect(try name("Ann") != name("ann"))
        #expect(try name("users:Ann") != name("users:ann"))
    }

    /// Normal forms are fixed points, for every code point there is.
    @Test func everyCodePointsFoldIsItsOwnFold() {
        var unstable: [Unicode.Scalar] = []
        for scalar in NameTests.assigned {
            let folded = Normalisation.folded(String(scalar))
            if !folded.unicodeScalars.elementsEqual(Normalisation.folded(folded).unicodeScalars) {
                unstable.append(scalar)
            }
        }
        #expect(unstable.isEmpty)
    }

    /// A code point and its upper, lower and title case are one name under `user:`.
    @Test func caseVariantsOfEveryCodePointAreOneName() {
        var differing: [Unicode.Scalar] = []
        for scalar in NameTests.assigned {
            let properties = scalar.properties
            let folded = Normalisation.folded(String(scalar))
            for variant in [properties.uppercaseMapping, properties.lowercaseMapping, properties.titlecaseMapping] {
                let other = Normalisation.folded(variant)
                if !folded.unicodeScalars.elementsEqual(other.unicodeScalars) { differing.append(scalar) }
            }
        }
        #expect(differing.isEmpty, "\(differing.prefix(20))")
    }

    /// ASCII has a way of its own to the same end.
    @Test func plainNamesAreFoldedAlike() throws {
        var random = SeededRandom(seed: 12)
        for _ in 0..<2_000 {
            let prefix = ["user:", "USER:", "uSeR:", "slug:", ""].randomElement(using: &random) ?? ""
            let tail = (0..<Int.random(in: 1...12, using: &random)).map { _ in
                UInt8.random(in: 1...0x7F, using: &random)
            }
            let raw = Array(prefix.utf8) + tail.filter { $0 != 0x0A && $0 != 0x0D }
            guard !raw.isEmpty else { continue }
            let text = String(decoding: raw, as: UTF8.self)
            let folded = Array(Normalisation.folded(text).utf8)
            let expected = folded.starts(with: Array("user:".utf8)) ? folded : Array(Normalisation.composed(text).utf8)
            #expect(try Name(raw).bytes == expected)
        }
    }

    /// Random strings, rich in what combines: normalising twice is normalising once, canonical equivalents are one
    /// name, and so are the cases of a user's name.
    @Test func randomStringsHaveOneNormalForm() throws {
        var random = SeededRandom(seed: 10)
        let plain = NameTests.assigned.filter { $0 != "\0" && $0 != "\r" && $0 != "\n" }
        let marks = plain.filter { $0.properties.canonicalCombiningClass != .notReordered }
        let letters = plain.filter { $0.properties.isAlphabetic && $0.value < 0x2000 }
        for round in 0..<3_000 {
            var scalars = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                let kind = random.unit()
                let pool = kind < 0.3 ? marks : kind < 0.8 ? letters : plain
                if let scalar = pool.randomElement(using: &random) { scalars.append(scalar) }
            }
            let prefix = round % 2 == 0 ? "user:" : "slug:"
            let text = prefix + String(scalars)
            let normal = try Name(Array(text.utf8))
            #expect(try Name(normal.bytes) == normal)
            if prefix == "user:" {
                // Upper case of what is composed can leave a mark on another letter than it stood on.
                let apart = Normalisation.decomposed(String(scalars))
                #expect(try Name(Array((prefix + apart.uppercased()).utf8)) == normal)
                #expect(try Name(Array((prefix + apart.lowercased()).utf8)) == normal)
            }
            // Swapping neighbouring marks of different classes leaves a canonically equivalent string.
            var swapped = Array(scalars)
            for index in swapped.indices.dropFirst() {
                let (a, b) = (swapped[index - 1].properties, swapped[index].properties)
                let (x, y) = (a.canonicalCombiningClass.rawValue, b.canonicalCombiningClass.rawValue)
                if x > 0, y > 0, x != y { swapped.swapAt(index - 1, index) }
            }
            var view = String.UnicodeScalarView()
            view.append(contentsOf: swapped)
            #expect(try Name(Array((prefix + String(view)).utf8)) == normal)
        }
    }
}
