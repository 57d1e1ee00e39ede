// Merge patches (RFC 7396): the cases of its appendix, and that the operations they come to do the same.

import JSON
import Testing
import World

@testable import DataTypes

@Suite struct MergePatchTests {
    /// Appendix A, and the document of section 3.
    @Test(
        arguments: [
            (#"{"a":"b"}"#, #"{"a":"c"}"#, #"{"a":"c"}"#), (#"{"a":"b"}"#, #"{"b":"c"}"#, #"{"a":"b","b":"c"}"#),
            (#"{"a":"b"}"#, #"{"a":null}"#, "{}"), (#"{"a":"b","b":"c"}"#, #"{"a":null}"#, #"{"b":"c"}"#),
            (#"{"a":["b"]}"#, #"{"a":"c"}"#, #"{"a":"c"}"#), (#"{"a":"c"}"#, #"{"a":["b"]}"#, #"{"a":["b"]}"#),
            (#"{"a":{"b":"c"}}"#, #"{"a":{"b":"d","c":null}}"#, #"{"a":{"b":"d"}}"#),
            (#"{"a":[{"b":"c"}]}"#, #"{"a":[1]}"#, #"{"a":[1]}"#), (#"["a","b"]"#, #"["c","d"]"#, #"["c","d"]"#),
            (#"{"a":"b"}"#, #"["c"]"#, #"["c"]"#), (#"{"a":"foo"}"#, "null", "null"),
            (#"{"a":"foo"}"#, #""bar""#, #""bar""#), (#"{"e":null}"#, #"{"a":1}"#, #"{"e":null,"a":1}"#),
            ("[1,2]", #"{"a":"b","c":null}"#, #"{"a":"b"}"#),
            ("{}", #"{"a":{"bb":{"ccc":null}}}"#, #"{"a":{"bb":{}}}"#),
            (
                #"{"title":"Goodbye!","author":{"givenName":"John","familyName":"Doe"},"tags":["example","sample"]}"#,
                #"{"title":"Hello!","phoneNumber":"+01","author":{"familyName":null},"tags":["example"]}"#,
                #"{"title":"Hello!","author":{"givenName":"John"},"tags":["example"],"phoneNumber":"+01"}"#
            ),
        ])
    func theRFCsCasesHold(document: String, patch: String, expected: String) throws {
        let (document, expected) = (try json(document), try json(expected))
        let patch = try MergePatch.decode(Array(patch.utf8))
        #expect(MergePatch.apply(patch, to: document) == expected)
        let operations = try MergePatch.operations(patch, on: document)
        #expect(try operations.reduce(document) { try $0.doing($1) }.isEqual(to: expected))
    }

    @Test func operationsDoTheSame() throws {
        var random = SeededRandom(seed: 7_396)
        var changed = 0
        for _ in 0..<10_000 {
            let (document, patch) = (RandomJSON.map(&random), RandomJSON.value(&random))
            let expected = MergePatch.apply(patch, to: document)
            if !expected.isEqual(to: document) { changed += 1 }
            let operations = try MergePatch.operations(patch, on: document)
            let result = try operations.reduce(document) { try $0.doing($1) }
            #expect(result.isEqual(to: expected), "\(document.text(pretty: false)) \(patch.text(pretty: false))")
        }
        #expect(changed > 5_000)
    }

    /// Field by field where a map stands, whole where none does; kinds are values.
    @Test func mapsAreMergedAndOthersReplaced() throws {
        let document = try json(#"{"map":{"x":1},"leaf":1}"#)
        let patch = try MergePatch.decode(
            Array(#"{"map":{"y":{"z":2,"n":null},"x":null},"leaf":{"a":1,"b":null},"body":{"$text":"sea"}}"#.utf8))
        #expect(
            try MergePatch.operations(patch, on: document) == [
                .set(Path(pointer: "/map/y"), json(#"{"z":2}"#)), .remove(Path(pointer: "/map/x")),
                .set(Path(pointer: "/leaf"), json(#"{"a":1}"#)),
                .set(Path(pointer: "/body"), json(#"{"$text":"sea"}"#)),
            ])
    }

    /// An object that chooses a kind takes a map's place.
    @Test func aKindIsAValueWhereAMapStandsToo() throws {
        let patch = try json(#"{"map":{"$text":"sea"}}"#)
        let operations = try MergePatch.operations(patch, on: try json(#"{"map":{"x":1}}"#))
        #expect(operations == [.set(try Path(pointer: "/map"), try json(#"{"$text":"sea"}"#))])
    }

    @Test func whatIsTooMuchIsRefused() throws {
        let many = (0...Limits.requestOperations).map { "\"\($0)\":1" }.joined(separator: ",")
        let patch = try MergePatch.decode(Array("{\(many)}".utf8))
        let error = #expect(throws: PatchError.self) { try MergePatch.operations(patch, on: try json("{}")) }
        #expect(error?.code == .tooLarge)
        // One value where nothing stands yet, however many fields it has.
        #expect(try MergePatch.operations(patch, on: JSONValue.null).count == 1)
        let depth = Limits.pathSteps
        let deepest = String(repeating: #"{"a":"#, count: depth) + "1" + String(repeating: "}", count: depth)
        #expect(throws: Never.self) { try MergePatch.decode(Array(deepest.utf8)) }
        #expect(throws: PatchError.self) { try MergePatch.decode(Array((#"{"a":"# + deepest + "}").utf8)) }
    }
}
