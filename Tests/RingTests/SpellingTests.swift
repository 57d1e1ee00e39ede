// Names that Unicode calls equal but that are written otherwise: "é" in one code point and in two, K and the Kelvin
// sign. Wherever a ring file or a JSON text names something, they are two.

import JSON
import Testing

@testable import Planning
@testable import Ring
@testable import RingFile

@Suite struct SpellingTests {
    static let composed = "caf\u{E9}"
    static let decomposed = "cafe\u{301}"
    static let kelvin = "\u{212A}"

    private func file(_ sections: String, placement: String = "K") -> String {
        """
        cluster = "c"
        partitions = 4
        [placement.\(placement)]
        rule = "any:1"
        [country.de]
        [[node]]
        id = "n1"
        country = "de"
        peer = "127.0.0.1:1"
        http = "127.0.0.1:2"
        capacity = "1TB"

        """ + sections
    }

    @Test func keysOfATableAreTwo() throws {
        let table = try TOMLParser.parse(
            "\"\(SpellingTests.composed)\" = 1\n\"\(SpellingTests.decomposed)\" = 2\n[\"K\"]\n[\"\(SpellingTests.kelvin)\"]"
        )
        #expect(table.entries.count == 4)
        for (key, value) in [(SpellingTests.composed, 1), (SpellingTests.decomposed, 2)] {
            guard case .integer(let found)? = table[key]?.node.value else { return #expect(Bool(false)) }
            #expect(found == value)
        }
    }

    /// Decomposed sorts first: by bytes, whatever their order in the file.
    @Test func bucketsAreTwoInTheDocumentAndItsJSON() throws {
        let ring = try RingDocument.compile(
            ringFile: file(
                "[bucket.\"\(SpellingTests.composed)\"]\nread = \"one\"\n"
                    + "[bucket.\"\(SpellingTests.decomposed)\"]\nwrite = \"one\"\n"), fileName: "f")
        #expect(
            ring.buckets.map { Array($0.name.utf8) } == [
                Array(SpellingTests.decomposed.utf8), Array(SpellingTests.composed.utf8),
            ])
        for copy in [try RingDocument.decode(ring.encode()), try RingDocument.decode(json: ring.json())] {
            #expect(copy.encode() == ring.encode())
            #expect(copy.properties(ofBucket: Array(SpellingTests.composed.utf8)).read == .one)
            #expect(copy.properties(ofBucket: Array(SpellingTests.decomposed.utf8)).read == .quorum)
        }
        let named = KeyExplanation(ring, bucket: Array(SpellingTests.composed.utf8), partitionKey: [1])
        #expect(named.grounds.contains { $0.contains("names placement") })
        let lone = try RingDocument.compile(
            ringFile: file("[bucket.\"\(SpellingTests.composed)\"]\n"), fileName: "f")
        let other = KeyExplanation(lone, bucket: Array(SpellingTests.decomposed.utf8), partitionKey: [1])
        #expect(other.grounds.contains { $0.contains("is not in the ring file") })
    }

    @Test func aDifferenceTellsThemApart() throws {
        func side(_ bucket: String) throws -> (RingSpecification, RingState) {
            let file = try RingSpecification(file("[bucket.\"\(bucket)\"]\n"), fileName: "f")
            return (file, try Layout.solve(file).state)
        }
        let (a, b) = (try side(SpellingTests.composed), try side(SpellingTests.decomposed))
        let diff = RingDiff(a.0, a.1, b.0, b.1)
        #expect(diff.changes.count == 2 && diff.changes.map { $0.before == nil } == [false, true])
    }

    @Test(arguments: [
        ("[defaults]\nplacement = \"\u{212A}\"\n", "unknown placement"),
        ("[growth.share]\n\"\u{212A}\" = \"50%\"\n", "unknown key"),
        ("[bucket.b]\nmax_value = \"1\u{212A}B\"\n", "must be a size"),
    ])
    func lookAlikesOfAKnownWordAreStrangers(sections: String, words: String) throws {
        do {
            _ = try RingDocument.compile(ringFile: file(sections), fileName: "f")
            #expect(Bool(false), "\(sections) was taken")
        } catch { #expect(error.message.contains(words), "\(error)") }
    }

    @Test func membersOfAnObjectAreTwo() throws {
        let text = "{\"\(SpellingTests.composed)\":1,\"\(SpellingTests.decomposed)\":2,\"\(SpellingTests.kelvin)\":3}"
        let value = try JSONValue.decode(Array(text.utf8))
        #expect(value[SpellingTests.composed]?.int == 1 && value[SpellingTests.decomposed]?.int == 2)
        #expect(value[SpellingTests.kelvin]?.int == 3 && value["K"] == nil)
    }
}
