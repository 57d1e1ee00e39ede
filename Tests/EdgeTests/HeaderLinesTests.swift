// Header lines as they are put together in bytes, beside what Foundation makes of the same.

import Keys
import JSON
import Causality
import DataTypes
import Foundation
import Ring
import Testing
import World

@testable import Edge

@Suite struct HeaderLinesTests {
    @Test(arguments: 0...67) func base64IsFoundations(count: Int) {
        var random = SeededRandom(seed: UInt64(count))
        for _ in 0..<20 {
            let input = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            var bytes: [UInt8] = [1]
            bytes.append(base64: input)
            #expect(bytes == [1] + Array(Data(input).base64EncodedString().utf8))
            #expect(Base64.decode(String(decoding: bytes.dropFirst(), as: UTF8.self)) == input)
        }
    }

    /// Digits, padding and strangers in all places: what is taken, Foundation takes for the same.
    @Test func noMoreIsBase64ThanWithFoundation() {
        var random = SeededRandom(seed: 64)
        let digits = Array("AZaz09+/Qg==\n -_é".unicodeScalars)
        for _ in 0..<20_000 {
            var text = ""
            for _ in 0..<random.next() % 13 {
                let isDigit = random.chance(0.8)
                text.unicodeScalars.append(digits[Int(random.next() % UInt64(isDigit ? 10 : digits.count))])
            }
            if random.chance(0.5) { text += random.chance(0.5) ? "=" : "==" }
            guard let bytes = Base64.decode(text) else { continue }
            #expect(bytes == Data(base64Encoded: text).map { [UInt8]($0) }, "\(text)")
        }
    }

    @Test func aContextThatIsGivenIsTaken() throws {
        let key = try StoredKey(bucket: Array("posts".utf8), partitionKey: Array("key".utf8))
        var versions = VersionVector()
        versions.record(Dot(actor: Actor(node: NodeID(literal: "de-1"), incarnation: 7), counter: 12))
        let context = CausalContext(versions: versions, latestTime: HybridTime(bits: 3))
        var lines = HeaderLines()
        lines.add(context, for: key)
        let text = Data(context.encode(for: key.bytes)).base64EncodedString()
        #expect(lines.bytes == Array("atoll-context: \(text)\r\n".utf8))
        #expect(try CausalContext(decoding: ContextHeader.parse(text, for: key), for: key.bytes) == context)
    }

    @Test func whatCouldEndALineBecomesABlank() {
        var lines = HeaderLines()
        lines.add("content-type", "a\r\nb: c\u{7F}\t")
        #expect(lines.bytes == Array("content-type: a  b: c  \r\n".utf8))
    }
}
