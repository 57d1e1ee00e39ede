// JSON: the language, read and written.

import JSON
import Testing

@Suite struct JSONTests {
    @Test(
        arguments: [
            ("null", "null"), (" [1, -2.5e3 ,true,\"a\\u00e9\\n\\\"\"] ", #"[1,-2500,true,"aé\n\""]"#),
            (#"{"a":{"b":[]},"c":{}}"#, #"{"a":{"b":[]},"c":{}}"#), ("0.1", "0.1"), ("\"\\ud83c\\udf0a\"", "\"🌊\""),
            ("9223372036854775807", "9223372036854775807"), ("1e300", "1e+300"),
            ("", nil), ("[1,]", nil), ("{\"a\":1,}", nil), ("{a:1}", nil), ("01", nil), ("1.", nil), ("+1", nil),
            ("-", nil),
            ("nul", nil), ("\"\\x\"", nil), ("\"\\ud800\"", nil), ("\"\\u+123\"", nil), ("\"a", nil), ("[1 2]", nil),
            ("1 2", nil), ("{\"a\":1,\"a\":2}", nil), ("1e999", nil), ("\"\u{1}\"", nil), ("--1", nil),
        ] as [(String, String?)])
    func readsTheLanguage(text: String, expected: String?) throws {
        if let expected {
            #expect(try JSONValue.decode(Array(text.utf8)).text(pretty: false) == expected)
        } else {
            #expect(throws: JSONError.self) { try JSONValue.decode(Array(text.utf8)) }
        }
    }

    @Test func depthIsBoundedAndPlacesAreNamed() throws {
        #expect(throws: JSONError.self) { try JSONValue.decode(Array(repeating: UInt8(ascii: "["), count: 1 << 20)) }
        #expect(throws: JSONError(line: 2, column: 8, "expected a value")) {
            try JSONValue.decode(Array("{\n  \"é\": x }".utf8))
        }
    }

    @Test func prettyTextHasAMemberALine() {
        let value: JSONValue = .object([
            "a": .array([.int(1), .null, .string("\u{7}")]), "b": .array([.object(["c": .bool(true)]), .array([])]),
            "d": .object([:]), "e": .number(.nan), "f": .number(8e12),
        ])
        let pretty = """
            {
              "a": [1, null, "\\u0007"],
              "b": [
                {
                  "c": true
                },
                []
              ],
              "d": {},
              "e": null,
              "f": 8000000000000
            }
            """
        #expect(value.text() == pretty)
        #expect(
            value.text(pretty: false)
                == #"{"a":[1,null,"\u0007"],"b":[{"c":true},[]],"d":{},"e":null,"f":8000000000000}"#)
    }

    /// Pieces make the text that the whole makes.
    @Test(arguments: [false, true]) func piecesMakeTheWhole(pretty: Bool) {
        var writer = JSONWriter(pretty: pretty)
        writer.open("{")
        writer.key("items")
        writer.open("[")
        writer.open("{")
        writer.member("sort", bytes: Array("a\n".utf8))
        writer.member("value", bytes: [0xFF])
        writer.close("}")
        writer.element(.strings(["x", "y"]))
        writer.close("]")
        writer.member("next", .null)
        writer.close("}")
        let whole: JSONValue = .object([
            "items": .array([
                .object(["sort": .string("a\n"), "value_base64": .string("/w==")]), .strings(["x", "y"]),
            ]),
            "next": .null,
        ])
        #expect(writer.bytes == whole.encode(pretty: pretty))
    }
}
