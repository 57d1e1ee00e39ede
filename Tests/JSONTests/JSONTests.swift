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
        #expect(throws: JSONError(line: 1, column: 7, "a number is too large")) {
            try JSONValue.decode(Array("[1e999]".utf8))
        }
        #expect(throws: Never.self) { try JSONValue.decode(Array("[[1]]".utf8), depth: 2) }
        #expect(throws: JSONError(line: 1, column: 3, "values are nested too deep")) {
            try JSONValue.decode(Array("[[1]]".utf8), depth: 1)
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

    @Test func numbersAreWrittenInDecimal() {
        for number in [0, 7, -1, 10, 1_767_225_600_000, .max, .min] {
            #expect(JSONValue.int(number).text(pretty: false) == "\(number)")
        }
    }

    /// Wherever in a word of eight bytes they stand, what must be escaped is, and nothing else.
    @Test func whatMustBeEscapedIsFoundInEveryPlace() {
        let plain: [UInt8] = [0x20, 0x21, 0x23, 0x5B, 0x5D, 0x7F]
        for length in 0...20 {
            for place in 0..<max(1, length) {
                for byte in [0x00, 0x1F, 0x22, 0x5C, 0x61] as [UInt8] {
                    var text = (0..<length).map { plain[$0 % plain.count] }
                    if place < length { text[place] = byte }
                    var escaped: [UInt8] = []
                    for byte in text {
                        switch byte {
                        case 0x22, 0x5C: escaped += [0x5C, byte]
                        case 0..<0x20: escaped += Array((byte == 0 ? "\\u0000" : "\\u001f").utf8)
                        default: escaped.append(byte)
                        }
                    }
                    let expected = [0x22] + escaped + [0x22]
                    #expect(JSONValue.string(String(decoding: text, as: UTF8.self)).encode(pretty: false) == expected)
                }
            }
        }
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
        writer.member("context", base64: [1, 2, 3, 4])
        writer.close("}")
        writer.element(.strings(["x", "y"]))
        writer.close("]")
        writer.member("next", .null)
        writer.close("}")
        let whole: JSONValue = .object([
            "items": .array([
                .object(["sort": .string("a\n"), "value_base64": .string("/w=="), "context": .string("AQIDBA==")]),
                .strings(["x", "y"]),
            ]),
            "next": .null,
        ])
        #expect(writer.bytes == whole.encode(pretty: pretty))
    }
}
