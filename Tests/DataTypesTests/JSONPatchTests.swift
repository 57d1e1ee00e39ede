// JSON patches (RFC 6902): the examples of its appendix, what is refused, and that the operations which the steps come
// to do to a document what the steps do.

import Causality
import JSON
import Testing
import World

@testable import DataTypes

@Suite struct JSONPatchTests {
    /// Appendix A: a document, a patch, and what becomes of it.
    @Test(
        arguments: [
            (#"{"foo":"bar"}"#, #"[{"op":"add","path":"/baz","value":"qux"}]"#, #"{"foo":"bar","baz":"qux"}"#),
            (
                #"{"foo":["bar","baz"]}"#, #"[{"op":"add","path":"/foo/1","value":"qux"}]"#,
                #"{"foo":["bar","qux","baz"]}"#
            ),
            (#"{"baz":"qux","foo":"bar"}"#, #"[{"op":"remove","path":"/baz"}]"#, #"{"foo":"bar"}"#),
            (#"{"foo":["bar","qux","baz"]}"#, #"[{"op":"remove","path":"/foo/1"}]"#, #"{"foo":["bar","baz"]}"#),
            (
                #"{"baz":"qux","foo":"bar"}"#, #"[{"op":"replace","path":"/baz","value":"boo"}]"#,
                #"{"baz":"boo","foo":"bar"}"#
            ),
            (
                #"{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}"#,
                #"[{"op":"move","from":"/foo/waldo","path":"/qux/thud"}]"#,
                #"{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}"#
            ),
            (
                #"{"foo":["all","grass","cows","eat"]}"#, #"[{"op":"move","from":"/foo/1","path":"/foo/3"}]"#,
                #"{"foo":["all","cows","eat","grass"]}"#
            ),
            (
                #"{"baz":"qux","foo":["a",2,"c"]}"#,
                #"[{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2}]"#,
                #"{"baz":"qux","foo":["a",2,"c"]}"#
            ),
            (
                #"{"foo":"bar"}"#, #"[{"op":"add","path":"/child","value":{"grandchild":{}}}]"#,
                #"{"foo":"bar","child":{"grandchild":{}}}"#
            ),
            (
                #"{"foo":"bar"}"#, #"[{"op":"add","path":"/baz","value":"qux","xyz":123}]"#,
                #"{"foo":"bar","baz":"qux"}"#
            ),
            (#"{"/":9,"~1":10}"#, #"[{"op":"test","path":"/~01","value":10}]"#, #"{"/":9,"~1":10}"#),
            (
                #"{"foo":["bar"]}"#, #"[{"op":"add","path":"/foo/-","value":["abc","def"]}]"#,
                #"{"foo":["bar",["abc","def"]]}"#
            ),
        ])
    func theRFCsExamplesHold(document: String, patch: String, expected: String) throws {
        try JSONPatchTests.expect(document, patch, expected)
    }

    /// Appendix A and section 4, where a patch fails: how, and which operation is named.
    @Test(
        arguments: [
            (#"{"baz":"qux"}"#, #"[{"op":"test","path":"/baz","value":"bar"}]"#, .testFailed, 0),
            (#"{"foo":"bar"}"#, #"[{"op":"add","path":"/baz/bat","value":"qux"}]"#, .notApplicable, 0),
            // A.13 has two members "op".
            (#"{}"#, #"[{"op":"add","path":"/baz","value":"qux","op":"remove"}]"#, .malformed, nil),
            (#"{"/":9,"~1":10}"#, #"[{"op":"test","path":"/~01","value":"10"}]"#, .testFailed, 0),
            (#"{"a":1}"#, #"[{"op":"remove","path":"/a"},{"op":"replace","path":"/a","value":1}]"#, .notApplicable, 1),
            (#"{"a":{}}"#, #"[{"op":"move","from":"/a","path":"/a/b"}]"#, .notApplicable, 0),
            (#"{"a":[]}"#, #"[{"op":"add","path":"/a/1","value":1}]"#, .notApplicable, 0),
            (#"{"a":[1]}"#, #"[{"op":"remove","path":"/a/-"}]"#, .notApplicable, 0),
            (#"{"a":[1]}"#, #"[{"op":"remove","path":""}]"#, .notApplicable, 0),
            (#"{"a":[1]}"#, #"[{"op":"remove","path":"/a/@n~1:1"}]"#, .notApplicable, 0),
            (#"{}"#, #"{"op":"remove","path":"/a"}"#, .malformed, nil), (#"{}"#, "[1]", .malformed, 0),
            (#"{}"#, #"[{"path":"/a"}]"#, .malformed, 0), (#"{}"#, #"[{"op":"splice","path":"/a"}]"#, .malformed, 0),
            (#"{}"#, #"[{"op":"copy","path":"/a"}]"#, .malformed, 0), (#"{}"#, "[", .malformed, nil),
            (#"{}"#, #"[{"op":"add","path":"/a","value":{"$flag":1}}]"#, .notApplicable, 0),
        ] as [(String, String, PatchError.Code, Int?)])
    func whatFailsSaysHowAndWhere(document: String, patch: String, code: PatchError.Code, operation: Int?) throws {
        let error = #expect(throws: PatchError.self) {
            try PatchStep.apply(PatchStep.decode(Array(patch.utf8)), to: json(document))
        }
        #expect(error?.code == code)
        #expect(error?.operation == operation)
    }

    @Test func equalityIsThatOfTheRFC() throws {
        for (a, b) in [
            ("1", "1.0"), (#"{"a":1,"b":[2e0]}"#, #"{"b":[2],"a":1}"#), ("0", "-0.0"), (#""\u00e9""#, #""é""#),
        ] {
            #expect(try json(a).isEqual(to: json(b)) && json(b).isEqual(to: json(a)), "\(a) \(b)")
        }
        for (a, b) in [
            ("1", "true"), ("1", #""1""#), ("[1,2]", "[2,1]"), ("[1]", "[1,1]"), (#"{"a":1}"#, #"{"a":1,"b":1}"#),
            (#"{"a":1}"#, #"{"b":1}"#), ("null", "false"), (#""\u00e9""#, #""e\u0301""#),
            ("9007199254740993", "9007199254740992.0"), ("{}", "[]"),
        ] {
            #expect(try !json(a).isEqual(to: json(b)) && !json(b).isEqual(to: json(a)), "\(a) \(b)")
        }
    }

    /// Patches of a few bytes that put a document into itself, or double a part of it, again and again.
    @Test(
        arguments: [
            (#"{"op":"copy","from":"","path":"/a"}"#, Limits.pathSteps - 2),
            (#"{"op":"copy","from":"/a","path":"/a/-"}"#, 14),
        ])
    func copiesAreBounded(step: String, firstRefused: Int) throws {
        let patch = "[" + Array(repeating: step, count: 100).joined(separator: ",") + "]"
        let error = #expect(throws: PatchError.self) {
            try PatchStep.apply(PatchStep.decode(Array(patch.utf8)), to: json(#"{"a":["0123456789"]}"#))
        }
        #expect(error?.code == .notApplicable)
        #expect(error?.operation == firstRefused)
    }

    /// The operations that each step comes to, done to a plain document, make what the step makes; and they fail where
    /// it fails.
    @Test func stepsComeDownToOperationsThatDoTheSame() throws {
        var random = SeededRandom(seed: 6_902)
        var done: [String: Int] = [:]
        for _ in 0..<50_000 {
            let document = RandomJSON.map(&random)
            let step = JSONPatchTests.step(on: document, &random)
            let expected = Result { () throws(PatchError) in try PatchStep.apply([step], to: document) }
            let result = Result { () throws(PatchError) in
                var lowering = PatchLowering()
                let operations = try lowering.operations(for: step, on: document)
                var value = document
                for operation in operations { value = try value.doing(operation) }
                return value
            }
            switch (expected, result) {
            case (.success(let a), .success(let b)):
                #expect(a.isEqual(to: b), "\(document.text(pretty: false)) \(step)")
                done[String("\(step)".prefix { $0 != "(" }), default: 0] += 1
            case (.failure(let a), .failure(let b)): #expect(a.code == b.code, "\(step)")
            default: Issue.record("\(document.text(pretty: false)) \(step): \(expected), \(result)")
            }
        }
        for name in ["add", "remove", "replace", "move", "copy"] { #expect(done[name, default: 0] > 1_000, "\(name)") }
        #expect(done["test", default: 0] > 300)
    }

    @Test func aMoveWithinAListIsOne() throws {
        let document = try json(#"{"a":[1,2,3],"b":[]}"#)
        func lower(_ from: String, _ to: String) throws -> [Operation] {
            var lowering = PatchLowering()
            return try lowering.operations(
                for: .move(from: Path(pointer: from), to: Path(pointer: to)), on: document)
        }
        let list = try Path(pointer: "/a")
        let dot = try #require(Dot(spelled: "n~1:1"))
        #expect(try lower("/a/0", "/a/2") == [.move(list, .at(0), to: .at(2))])
        #expect(try lower("/a/@n~1:1", "/a/-") == [.move(list, .id(dot), to: .end)])
        #expect(
            try lower("/a/0", "/b/-") == [
                .remove(Path(pointer: "/a/0")), .insert(Path(pointer: "/b"), .end, [.int(1)]),
            ])
        #expect(throws: PatchError.noPlace(try Path(pointer: "/a/3")).of(0)) { try lower("/a/0", "/a/3") }
        #expect(try lower("/a", "/a").isEmpty)
    }

    /// The target of a move is named as it is when the element before it is gone, and looked up where it is now.
    @Test func aMoveIntoALaterElementFindsIt() throws {
        let document = try json(#"{"a":[1,2,[9]]}"#)
        let (from, to) = (try Path(pointer: "/a/0"), try Path(pointer: "/a/1/-"))
        var lowering = PatchLowering()
        let operations = try lowering.operations(for: .move(from: from, to: to), on: document)
        #expect(operations == [.remove(from), .insert(to.parent, .end, [.int(1)])])
    }

    /// The bound is one for all steps of a patch, here too.
    @Test func copiesAreBoundedWhereTheyComeToOperations() throws {
        let document = JSONValue.object(["a": .string(String(repeating: "x", count: Limits.requestOperationBytes / 2))])
        let step = PatchStep.copy(from: try Path(pointer: "/a"), to: try Path(pointer: "/b"))
        func lower(times: Int) throws -> [Operation] {
            var lowering = PatchLowering()
            var operations: [Operation] = []
            for _ in 0..<times { operations += try lowering.operations(for: step, on: document) }
            return operations
        }
        #expect(try lower(times: 1).count == 1)
        let error = #expect(throws: PatchError.self) { try lower(times: 2) }
        #expect(error?.code == .notApplicable)
        #expect(error?.operation == 1)
    }

    @Test func mutatedPatchesAreRefusedOrWhole() throws {
        var random = SeededRandom(seed: 89)
        let patch = Array(
            #"[{"op":"add","path":"/a/-","value":{"b":[1]}},{"op":"move","from":"/a/0","path":"/a/2"}]"#.utf8)
        var taken = 0
        for _ in 0..<20_000 {
            guard let steps = try? PatchStep.decode(mutate(patch, &random)) else { continue }
            taken += 1
            _ = try? PatchStep.apply(steps, to: json(#"{"a":[1,{},3],"b":{"a":1}}"#))
        }
        #expect(taken > 500)
    }

    private static func expect(_ document: String, _ patch: String, _ expected: String) throws {
        let result = try PatchStep.apply(PatchStep.decode(Array(patch.utf8)), to: json(document))
        #expect(result == (try json(expected)))
    }

    private static func step(on document: JSONValue, _ random: inout SeededRandom) -> PatchStep {
        let path = RandomJSON.path(document, &random)
        let value = RandomJSON.value(&random)
        switch Int.random(in: 0..<6, using: &random) {
        case 0: return .add(path, value)
        case 1 where !path.steps.isEmpty: return .remove(path)
        case 2: return .replace(path, value)
        case 3: return .copy(from: path, to: RandomJSON.path(document, &random))
        case 4:
            let to = RandomJSON.path(document, &random)
            return path.isProperPrefix(of: to) ? .copy(from: path, to: to) : .move(from: path, to: to)
        default: return .test(path, random.chance(0.5) ? document.value(at: path) ?? value : value)
        }
    }
}
