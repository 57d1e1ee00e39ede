// `application/vnd.atoll.ops+json`: every operation, every bound, and an error that names what is wrong.

import Causality
import JSON
import Testing
import World

@testable import DataTypes

@Suite struct OperationReaderTests {
    private static let dot = Dot(actor: Actor(node: NodeID(literal: "n"), incarnation: 7), counter: 42)
    private static let path = Path([.name("a"), .name("0")])

    private static func decode(_ text: String) throws(PatchError) -> [Operation] {
        try Operation.decode(Array(text.utf8))
    }

    @Test(
        arguments: [
            (
                #""op":"set","path":"/a/0","value":{"b":[{"$text":"sea"},null]}"#,
                .set(path, .object(["b": .array([.object(["$text": .string("sea")]), .null])]))
            ),
            (#""op":"set","path":"","value":1.5"#, .set(Path(), .number(1.5))),
            (#""op":"remove","path":"/a/0""#, .remove(path)),
            (#""op":"increment","path":"/a/0""#, .increment(path, by: 1)),
            (#""op":"increment","path":"/a/0","by":-4611686018427387904"#, .increment(path, by: -(1 << 62))),
            (#""op":"increment","path":"/a/0","by":5.0"#, .increment(path, by: 5)),
            (#""op":"add","path":"/a/0","value":"x""#, .add(path, .string("x"))),
            (#""op":"discard","path":"/a/0","value":[1]"#, .discard(path, .array([.int(1)]))),
            (#""op":"enable","path":"/a/0""#, .enable(path)),
            (#""op":"disable","path":"/a/0""#, .disable(path)),
            (
                #""op":"insert","path":"/a/0","at":3,"values":[1,[2]]"#,
                .insert(path, .at(3), [.int(1), .array([.int(2)])])
            ),
            (#""op":"insert","path":"/a/0","at":"-","values":[]"#, .insert(path, .end, [])),
            (
                #""op":"splice","path":"/a/0","at":5,"delete":3,"text":"sea""#,
                .splice(path, .at(5), delete: 3, text: "sea")
            ),
            (
                #""op":"splice","path":"/a/0","after":"n~7:42","text":"\ud83c\udf0a""#,
                .splice(path, .after(dot), delete: 0, text: "🌊")
            ),
            (#""op":"splice","path":"/a/0","at":0,"delete":1"#, .splice(path, .at(0), delete: 1, text: "")),
            (#""op":"move","path":"/a/0","from":0,"to":2"#, .move(path, .at(0), to: .at(2))),
            (#""op":"move","path":"/a/0","id":"n~7:42","after":"n~7:42""#, .move(path, .id(dot), to: .after(dot))),
            (#""op":"move","path":"/a/0","id":"n~7:42","to":"-""#, .move(path, .id(dot), to: .end)),
            (#""op":"test","path":"/a/0","value":null"#, .test(path, .null)),
        ] as [(String, Operation)])
    func operationsAreRead(members: String, operation: Operation) throws {
        #expect(try OperationReaderTests.decode("[{\(members)}]") == [operation])
        // One member more is one too many.
        let error = #expect(throws: PatchError.self) {
            try OperationReaderTests.decode(#"[{"op":"remove","path":"/x"},{\#(members),"more":1}]"#)
        }
        #expect(error?.code == .malformed)
        #expect(error?.operation == 1)
        #expect(error?.detail.hasSuffix("takes no \"more\"") == true)
    }

    @Test(
        arguments: [
            ("", .malformed, nil, "the body is no JSON: 1:1: expected a value"),
            ("{}", .malformed, nil, "the body is no array of operations"),
            ("[{},1]", .malformed, 0, #"an operation needs "op""#),
            ("[1]", .malformed, 0, "an operation is a JSON object"),
            (#"[{"op":1}]"#, .malformed, 0, #""op" is no string"#),
            (#"[{"op":"sett","path":""}]"#, .malformed, 0, #"there is no operation "sett""#),
            (#"[{"op":"set","path":"/a"}]"#, .malformed, 0, #"set needs "value""#),
            (
                #"[{"op":"set","path":"a","value":1}]"#, .malformed, 0,
                #"the path "a" is not empty and does not begin with /"#
            ),
            (#"[{"op":"set","path":null,"value":1}]"#, .malformed, 0, #""path" is no string"#),
            (#"[{"op":"set","path":"/a","value":{"$text":1}}]"#, .notApplicable, 0, "$text takes a string"),
            (#"[{"op":"set","path":"/a","value":[{"$flag":null}]}]"#, .notApplicable, 0, "$flag takes true or false"),
            (#"[{"op":"set","path":"/a","value":{"$set":{}}}]"#, .notApplicable, 0, "$set takes an array"),
            (#"[{"op":"set","path":"/a","value":{"$counter":1.5}}]"#, .malformed, 0, "$counter takes a whole number"),
            (
                #"[{"op":"set","path":"/a","value":{"$counter":4611686018427387905}}]"#, .notApplicable, 0,
                "$counter lies beyond ±2^62, which is as far as counters go"
            ),
            (#"[{"op":"increment","path":"/a","by":"1"}]"#, .malformed, 0, #""by" takes a whole number"#),
            (
                #"[{"op":"increment","path":"/a","by":-9223372036854775808}]"#, .notApplicable, 0,
                #""by" lies beyond ±2^62, which is as far as counters go"#
            ),
            (
                #"[{"op":"increment","path":"/a","by":1e30}]"#, .notApplicable, 0,
                #""by" lies beyond ±2^62, which is as far as counters go"#
            ),
            (#"[{"op":"insert","path":"/a","values":[1]}]"#, .malformed, 0, #"insert needs "at" or "after""#),
            (#"[{"op":"insert","path":"/a","at":1,"values":2}]"#, .malformed, 0, #""values" is no array"#),
            (
                #"[{"op":"insert","path":"/a","at":-1,"values":[]}]"#, .notApplicable, 0,
                #""at" is not from 0 to 33554432"#
            ),
            (#"[{"op":"insert","path":"/a","at":0.5,"values":[]}]"#, .malformed, 0, #""at" is no whole number"#),
            (
                #"[{"op":"insert","path":"/a","at":0,"after":"n~1:1","values":[]}]"#, .malformed, 0,
                #"insert takes one of "at" and "after""#
            ),
            (
                #"[{"op":"splice","path":"/a","after":"@n~1:1"}]"#, .malformed, 0,
                #""after" is no id as in "de-1~1795401009350:42""#
            ),
            (
                #"[{"op":"splice","path":"/a","at":0,"delete":33554433}]"#, .notApplicable, 0,
                #""delete" is not from 0 to 33554432"#
            ),
            (#"[{"op":"splice","path":"/a","at":0,"text":1}]"#, .malformed, 0, #""text" is no string"#),
            (
                #"[{"op":"splice","path":"/a","at":0,"text":"\ud83c"}]"#, .malformed, nil,
                "the body is no JSON: 1:50: an escape is no character"
            ),
            (#"[{"op":"move","path":"/a","to":0}]"#, .malformed, 0, #"move needs "from" or "id""#),
            (#"[{"op":"move","path":"/a","from":0}]"#, .malformed, 0, #"move needs "to" or "after""#),
            (#"[{"op":"move","path":"/a","from":"-","to":0}]"#, .malformed, 0, #""from" is no whole number"#),
        ] as [(String, PatchError.Code, Int?, String)])
    func whatIsWrongIsSaid(body: String, code: PatchError.Code, operation: Int?, detail: String) {
        #expect(throws: PatchError(code, detail, operation: operation)) { try OperationReaderTests.decode(body) }
    }

    /// Each bound holds at its edge: what is given is taken, and one more is not.
    @Test func boundsHoldAtTheirEdges() throws {
        func text(_ count: Int) -> String { String(repeating: "x", count: count) }
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        func set(_ value: String) -> String { #"[{"op":"set","path":"/a","value":\#(value)}]"# }
        func expect(_ code: PatchError.Code, _ least: Int, _ body: (Int) -> String) {
            #expect(throws: Never.self) { try OperationReaderTests.decode(body(least)) }
            let error = #expect(throws: PatchError.self) { try OperationReaderTests.decode(body(least + 1)) }
            #expect(error?.code == code, "\(error?.detail ?? "")")
        }
        expect(.tooLarge, Limits.requestOperations) {
            "[" + Array(repeating: #"{"op":"remove","path":"/a"}"#, count: $0).joined(separator: ",") + "]"
        }
        expect(.tooLarge, Limits.requestOperationBytes) { set("\"" + text($0 - set("\"\"").utf8.count) + "\"") }
        expect(.notApplicable, Limits.insertedTextBytes) {
            #"[{"op":"splice","path":"/a","at":0,"text":"\#(text($0))"}]"#
        }
        expect(.notApplicable, Limits.insertedTextBytes - 4) {
            #"[{"op":"insert","path":"/a","at":0,"values":["\#(text($0))"]}]"#
        }
        expect(.notApplicable, Limits.elementBytes - 2) { #"[{"op":"add","path":"/a","value":"\#(text($0))"}]"# }
        expect(.notApplicable, Limits.elementBytes - 2) { set(#"{"$set":["\#(text($0))"]}"#) }
        expect(.notApplicable, Limits.pathBytes - 3) { set(#"{"\#(text($0))":1}"#) }
        // An empty list one level above the deepest scalar; the path has a step of its own.
        expect(.notApplicable, Limits.pathSteps) { set(nested($0)) }
        expect(.malformed, Limits.pathSteps + 1) { #"[{"op":"test","path":"","value":\#(nested($0))}]"# }
        expect(.notApplicable, 1 << 62) { #"[{"op":"increment","path":"/a","by":\#($0)}]"# }
        expect(.notApplicable, Limits.positions) { #"[{"op":"splice","path":"/a","at":\#($0)}]"# }
    }

    /// What a stranger sent is not sent back to him whole.
    @Test func errorsAreShort() {
        let name = String(repeating: "e\u{301}", count: 10_000)
        for body in [
            #"[{"op":"\#(name)"}]"#, #"[{"op":"set","path":"","value":1,"\#(name)":1}]"#,
            #"[{"op":"\#(name)","path":""}]"#,
        ] {
            let error = #expect(throws: PatchError.self) { try OperationReaderTests.decode(body) }
            #expect((error?.detail.utf8.count ?? .max) < 200)
        }
    }

    @Test func mutatedOperationsAreRefusedOrWhole() {
        var random = SeededRandom(seed: 64)
        let body = Array(
            (#"[{"op":"splice","path":"/a/@n~7:42","at":5,"delete":3,"text":"s\ud83c\udf0a"},"#
                + #"{"op":"move","path":"/a","id":"n~7:42","to":2},{"op":"increment","path":"","by":-12}]"#).utf8)
        var taken = 0
        for _ in 0..<20_000 {
            guard let operations = try? Operation.decode(mutate(body, &random)) else { continue }
            taken += 1
            #expect(operations.count <= 12)
        }
        #expect(taken > 200)
    }
}
