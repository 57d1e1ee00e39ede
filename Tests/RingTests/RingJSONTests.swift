// The ring document's way through JSON.

import JSON
import Ring
import RingFile
import Testing
import World

@Suite struct RingJSONTests {
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
