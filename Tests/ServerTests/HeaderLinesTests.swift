// Header lines as they are put together in bytes, beside what Foundation makes of the same.

import Causality
import Foundation
import JSON
import Keys
import Ring
import Testing
import World

@testable import Server

@Suite struct HeaderLinesTests {
    @Test(arguments: 0...67) func base64IsFoundations(count: Int) {
        var random = SeededRandom(seed: UInt64(count))
        for _ in 0..<20 {
            let input = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            var bytes: [UInt8] = [1]
            bytes.append(base64: input)
            #expect(bytes == [1] + Array(Data(input).base64EncodedString().utf8))
        }
    }

    @Test func aContextThatIsGivenIsTaken() throws {
        let key = try StoredKey(bucket: Array("posts".utf8), partitionKey: Array("key".utf8))
        var versions = VersionVector()
        versions.record(Dot(actor: Actor(node: NodeID(literal: "de-1"), incarnation: 7), counter: 12))
        let context = CausalContext(versions: versions, latestTime: HybridTime(bits: 3))
        var lines = HeaderLines()
        lines.add(context, for: key)
        let text = ContextHeader.text(context, for: key)
        #expect(lines.bytes == Array("atoll-context: \(text)\r\n".utf8))
        #expect(try CausalContext(decoding: ContextHeader.parse(text, for: key), for: key.bytes) == context)
    }

    @Test func whatCouldEndALineBecomesABlank() {
        var lines = HeaderLines()
        lines.add("content-type", "a\r\nb: c\u{7F}\t")
        #expect(lines.bytes == Array("content-type: a  b: c  \r\n".utf8))
    }
}
