// Paths, dots and the names of requests as text: what RFC 6901 says, what is ours, and that nothing else is taken.

import Causality
import JSON
import Testing
import World

@testable import DataTypes

@Suite struct PathTextTests {
    private static let dot = Dot(actor: Actor(node: NodeID(literal: "de-fra-1"), incarnation: 1_795), counter: 42)

    /// The document and the pointers of RFC 6901, section 5.
    @Test(
        arguments: [
            ("/foo", #"["bar","baz"]"#), ("/foo/0", #""bar""#), ("/", "0"), ("/a~1b", "1"), ("/c%d", "2"),
            ("/e^f", "3"), ("/g|h", "4"), (#"/i\j"#, "5"), (#"/k"l"#, "6"), ("/ ", "7"), ("/m~0n", "8"),
        ])
    func theRFCsPointersFindTheirValues(pointer: String, expected: String) throws {
        let document = try json(
            #"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}"#)
        let path = try Path(pointer: pointer)
        #expect(document.value(at: path)?.text(pretty: false) == expected)
        #expect(path.pointer == pointer)
        #expect(document.value(at: try Path(pointer: "")) == document)
    }

    @Test(
        arguments: [
            ("/todo/@de-fra-1~1795:42/done", [.name("todo"), .id(dot), .name("done")]),
            ("/~2de-fra-1~01795:42", [.name("@de-fra-1~1795:42")]), ("/@type/~2id", [.name("@type"), .name("@id")]),
            ("/a@b", [.name("a@b")]), ("/list/-", [.name("list"), .end]), ("/~01", [.name("~1")]),
            ("//", [.name(""), .name("")]),
            // A combining character behind a slash is the beginning of a name.
            ("/\u{301}/e\u{301}", [.name("\u{301}"), .name("e\u{301}")]),
        ] as [(String, [Path.Step])])
    func stepsOfOurOwnAreRead(pointer: String, steps: [Path.Step]) throws {
        let path = try Path(pointer: pointer)
        #expect(path.steps == steps)
        #expect(try Path(pointer: path.pointer) == path)
    }

    @Test(
        arguments: [
            "a", "a/b", "/~", "/~3", "/a~", "/@de-fra-1~5", "/@de-fra-1~x", "/\u{301}~",
            "/" + String(repeating: "a", count: Limits.pathBytes),
            String(repeating: "/a", count: Limits.pathSteps + 1),
        ])
    func noPointersAreRefused(pointer: String) {
        #expect(throws: PatchError.self) { try Path(pointer: pointer) }
    }

    @Test func theLongestPathsAreTaken() throws {
        let long = "/" + String(repeating: "a", count: Limits.pathBytes - 1)
        #expect(try Path(pointer: long).pointer == long)
        #expect(try Path(pointer: String(repeating: "/a", count: Limits.pathSteps)).steps.count == Limits.pathSteps)
    }

    /// Unicode takes the two for equal; they are two fields.
    @Test func namesAreToldApartByTheirBytes() throws {
        let (one, two) = (try Path(pointer: "/\u{e9}"), try Path(pointer: "/e\u{301}"))
        #expect(one != two)
        #expect(Set([one, two, one]).count == 2)
    }

    @Test func indexesHaveOneSpelling() {
        #expect(Path.Step.name("0").index == 0)
        #expect(Path.Step.name("10").index == 10)
        for text in ["00", "01", "-1", "+1", "1e0", "", " 1", "९", "9223372036854775808"] {
            #expect(Path.Step.name(text).index == nil)
        }
        #expect(Path.Step.end.index == nil)
    }

    @Test func dotsHaveOneSpelling() {
        #expect(Dot(spelled: "de-fra-1~1795:42") == PathTextTests.dot)
        #expect(Dot(spelled: PathTextTests.dot.description) == PathTextTests.dot)
        #expect(Dot(spelled: "a~0:9223372036854775807")?.counter == .max >> 1)
        for text in [
            "", "a", "a~1", "a:1", "~1:1", "a~:1", "a~1:", "a~1:0", "a~01:1", "a~1:01", "a~1:+1", "a~1:1 ", "A~1:1",
            "a:1~1", "a~1:9223372036854775808", "a~1:99999999999999999999", "a~1~1:1", "a~1:1:1",
        ] {
            #expect(Dot(spelled: text) == nil, "\(text)")
        }
    }

    /// Any text, and any text of the characters that mean something: refused, or a path with one spelling.
    @Test func everyTextIsRefusedOrComesBack() {
        var random = SeededRandom(seed: 6_901)
        let characters = ["/", "~", "0", "1", "2", "@", "-", ":", "a", "a~1:1", "é", "\u{301}", "\u{0}", "🌊", "%"]
        var taken = 0
        for _ in 0..<20_000 {
            let text = (0..<Int.random(in: 0...12, using: &random)).map { _ in
                characters[Int.random(in: 0..<characters.count, using: &random)]
            }.joined()
            guard let path = try? Path(pointer: (random.chance(0.9) ? "/" : "") + text) else { continue }
            taken += 1
            #expect((try? Path(pointer: path.pointer)) == path, "\(text)")
        }
        #expect(taken > 2_000)
    }
}

@Suite struct OperationNameTests {
    private static let writer = "00112233445566778899aabbccddeeff"

    @Test func namesAreReadAndSpelled() throws {
        let plain = try OperationName(header: "\(OperationNameTests.writer).1")
        #expect(
            plain == OperationName(writer: Writer(high: 0x0011_2233_4455_6677, low: 0x8899_AABB_CCDD_EEFF), number: 1))
        #expect(plain.description == "\(OperationNameTests.writer).1")
        let dot = Dot(actor: Actor(node: NodeID(literal: "a"), incarnation: 7), counter: 9)
        let full = OperationName(writer: Writer(high: 0, low: 1), number: 1 << 53, isAgain: true, after: dot)
        let text = "00000000000000000000000000000001.9007199254740992; again; after=a~7:9"
        #expect(full.description == text)
        #expect(try OperationName(header: text) == full)
        #expect(try OperationName(header: " " + text.replacing("; ", with: " ;\t") + " ") == full)
        #expect(Writer(high: 0, low: .max) < Writer(high: 1, low: 0))
    }

    @Test(
        arguments: [
            "", ".", "1", "\(writer)", "\(writer).", "\(writer).0", "\(writer).01", "\(writer).-1", "\(writer).1.1",
            "\(writer).9007199254740993", "\(writer).99999999999999999999", "\(writer.uppercased()).1",
            "\(writer.dropLast()).1", "\(writer)0.1", "\(writer.dropLast())g.1", "\(writer).1;", "\(writer).1; again;",
            "\(writer).1; again; again", "\(writer).1; Again", "\(writer).1; after=", "\(writer).1; after=a~1:0",
            "\(writer).1; after=a~1:1; after=a~1:1", "\(writer).1; once", "\(writer).1, \(writer).2",
            "\(writer).1\u{a0}", "\(writer.dropLast())\u{301}.1",
        ])
    func nothingElseIsTaken(header: String) {
        #expect(throws: PatchError.self) { try OperationName(header: header) }
    }

    @Test func everyNameComesBackAndMutatedOnesNeverTrap() throws {
        var random = SeededRandom(seed: 53)
        for _ in 0..<5_000 {
            let dot = Dot(
                actor: Actor(node: NodeID(literal: "uk-lon-2"), incarnation: random.next() >> 1),
                counter: random.next() >> 1 | 1)
            let name = OperationName(
                writer: Writer(high: random.next(), low: random.next()),
                number: UInt64.random(in: 1...Limits.requestNumber, using: &random), isAgain: random.chance(0.5),
                after: random.chance(0.5) ? dot : nil)
            #expect(try OperationName(header: name.description) == name)
            let mutated = String(decoding: mutate(Array(name.description.utf8), &random), as: UTF8.self)
            if let other = try? OperationName(header: mutated) {
                #expect(try OperationName(header: other.description) == other)
            }
        }
    }
}
