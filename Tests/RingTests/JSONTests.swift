// JSON at the edge: the language, and the ring document's way through it.

import Ring
import Testing
import World

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
            #expect(try JSON.decode(Array(text.utf8)).text(pretty: false) == expected)
        } else {
            #expect(throws: JSONError.self) { try JSON.decode(Array(text.utf8)) }
        }
    }

    @Test func depthIsBoundedAndPlacesAreNamed() throws {
        #expect(throws: JSONError.self) { try JSON.decode(Array(repeating: UInt8(ascii: "["), count: 1 << 20)) }
        #expect(throws: JSONError(line: 2, column: 8, "expected a value")) {
            try JSON.decode(Array("{\n  \"é\": x }".utf8))
        }
    }

    @Test func aRingDocumentSurvivesTheTrip() throws {
        let ring = try RingDocument.compile(ringFile: Sample.file, fileName: "f", epoch: 3)
        let again = try RingDocument.decode(json: ring.json())
        #expect(again == ring && again.encode() == ring.encode())
        let solo = try RingDocument.singleNode()
        #expect(try RingDocument.decode(json: solo.json()) == solo)
    }

    @Test func aChangedRingDocumentIsRefused() throws {
        let ring = try RingDocument.compile(ringFile: Sample.file, fileName: "f", epoch: 3)
        let text = String(decoding: ring.json(), as: UTF8.self)
        let range = try #require(Sample.find("\"epoch\":3", in: text))
        let changed = text.replacingCharacters(range, "\"epoch\":4")
        #expect(throws: JSONError("the ring document's digest does not fit its content")) {
            try RingDocument.decode(json: Array(changed.utf8))
        }
    }

    @Test(arguments: [21, 22] as [UInt64])
    func hostileJSONNeverCrashes(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let bytes = try RingDocument.compile(ringFile: Sample.file, fileName: "f").json()
        for _ in 0..<300 {
            var copy = bytes
            for _ in 0...Int.random(in: 0..<3, using: &random) {
                let at = Int.random(in: 0..<copy.count, using: &random)
                if random.chance(0.5) {
                    copy[at] = Array("[]{}\",:0-9ntf\\".utf8)[Int.random(in: 0..<14, using: &random)]
                } else {
                    copy.removeSubrange(at..<min(copy.count, at + Int.random(in: 1..<20, using: &random)))
                }
            }
            _ = try? RingDocument.decode(json: copy)
        }
    }
}

extension String {
    fileprivate func replacingCharacters(_ range: Range<String.Index>, _ new: String) -> String {
        String(self[..<range.lowerBound]) + new + String(self[range.upperBound...])
    }
}
