// Answers that are made in pieces are the same bytes as answers made at once, and no piece is large.

import JSON
import Keys
import Causality
import Foundation
import Ring
import Testing
import Wire
import World

@testable import Edge

@Suite struct AnswerBodyTests {
    /// Everything that leaves, and the size of its largest block.
    private func sent(_ answer: OutgoingAnswer) -> (bytes: [UInt8], largest: Int) {
        var answer = answer
        var bytes: [UInt8] = []
        var largest = 0
        repeat {
            let piece = [UInt8](unsafeUninitializedCapacity: answer.pieceBytes) { memory, count in
                var piece = AnswerPiece(UnsafeMutableRawBufferPointer(memory))
                answer.write(to: &piece)
                count = piece.count
            }
            bytes += piece
            largest = max(largest, piece.count)
        } while !answer.isOver
        return (bytes, largest)
    }

    private func split(_ bytes: [UInt8]) throws -> (head: String, body: [UInt8]) {
        let end = try #require(Data(bytes).range(of: Data("\r\n\r\n".utf8)))
        return (String(decoding: bytes[..<end.lowerBound], as: UTF8.self), Array(bytes[end.upperBound...]))
    }

    private func dechunk(_ bytes: [UInt8]) throws -> [UInt8] {
        var rest = bytes[...]
        var body: [UInt8] = []
        while true {
            let end = try #require(rest.firstIndex(of: 0x0D))
            let size = try #require(Int(String(decoding: rest[..<end], as: UTF8.self), radix: 16))
            rest = rest[(end + 2)...]
            guard size > 0 else {
                #expect(Array(rest) == [0x0D, 0x0A])
                return body
            }
            body += rest.prefix(size)
            rest = rest.dropFirst(size)
            #expect(Array(rest.prefix(2)) == [0x0D, 0x0A])
            rest = rest.dropFirst(2)
        }
    }

    private static func values() -> [[UInt8]] {
        var random = SeededRandom(seed: 19)
        let text = "plain \"quoted\" \\ back\u{8}\t\n\u{1F} ünï😀\u{7F}"
        return [
            [], Array(text.utf8), Array(String(repeating: text, count: 9_000).utf8),
            [UInt8](repeating: 0, count: 200_000),
            (0..<300_001).map { _ in UInt8.random(in: 0...255, using: &random) },
            Array(String(repeating: "é", count: 100_000).utf8) + [0xC3],
        ]
    }

    @Test func piecesMakeTheWholeJSON() throws {
        let values = AnswerBodyTests.values()
        var body = JSONBody()
        body.text.open("{")
        let names: [StaticString] = ["m0", "m1", "m2", "m3", "m4", "m5"]
        for (name, value) in zip(names, values) { body.member(name, bytes: value[...]) }
        body.text.member("last", .number(1))
        body.text.close("}")
        let response = HTTPResponse.json(body.end())
        #expect(response.body.length == nil)
        let (bytes, largest) = sent(OutgoingAnswer(response, nil, isHead: false, isOldClient: false))
        #expect(largest <= Limits.answerPieceBytes)
        let (head, chunks) = try split(bytes)
        #expect(head.contains("transfer-encoding: chunked") && !head.contains("content-length"))
        let json = try #require(try JSONSerialization.jsonObject(with: Data(try dechunk(chunks))) as? [String: Any])
        #expect(json.count == values.count + 1)
        for (place, value) in values.enumerated() {
            if let text = String(validating: value, as: UTF8.self) {
                #expect(json["m\(place)"] as? String == text)
            } else {
                #expect(json["m\(place)_base64"] as? String == Data(value).base64EncodedString())
            }
        }
        // The same, made at once.
        let made = response.body.made
        #expect(try made.length == dechunk(chunks).count)
    }

    @Test func aClientThatKnowsNoChunksReadsToTheEnd() throws {
        var body = JSONBody()
        body.text.open("{")
        body.member("value", bytes: [UInt8](repeating: 0x61, count: 100_000)[...])
        body.text.close("}")
        let answer = OutgoingAnswer(HTTPResponse.json(body.end()), .keepAlive, isHead: false, isOldClient: true)
        #expect(answer.closes)
        let (head, text) = try split(sent(answer).bytes)
        #expect(head.contains("connection: close") && !head.contains("chunked") && !head.contains("content-length"))
        #expect(text.count == 100_000 + "{\"value\":\"\"}\n".utf8.count)
    }

    @Test func aLargeValueHasItsLengthAndLeavesInPieces() throws {
        let value = AnswerBodyTests.values()[4]
        let response = HTTPResponse(200, body: value)
        let (bytes, largest) = sent(OutgoingAnswer(response, nil, isHead: false, isOldClient: false))
        #expect(largest <= Limits.answerPieceBytes)
        let (head, body) = try split(bytes)
        #expect(head.contains("content-length: \(value.count)") && body == value)
        let (onlyHead, nothing) = try split(
            sent(OutgoingAnswer(response, nil, isHead: true, isOldClient: false)).bytes)
        #expect(onlyHead == head && nothing.isEmpty)
    }

    @Test func partsThatAreThereKeepTheirOrder() throws {
        let parts = AnswerBodyTests.values()
        let body = AnswerBody(parts.map { .bytes($0[...]) })
        let all = Array(parts.joined())
        #expect(body.length == all.count && body.heldBytes == all.count)
        let answer = OutgoingAnswer(HTTPResponse(300, body: body), nil, isHead: false, isOldClient: false)
        #expect(try split(sent(answer).bytes).body == all)
    }

    @Test func aBusyShardIsNotAnEmptyOne() throws {
        func status(_ reply: ReplicaReply) throws -> String {
            let key = try StoredKey(bucket: [1], partitionKey: [2])
            let response = ObjectResponses.own(reply, key: key, accept: nil, wall: WallTime(milliseconds: 1)) { 1 }
            let head = try split(sent(OutgoingAnswer(response, nil, isHead: false, isOldClient: false)).bytes).head
            return String(head.split(separator: " ")[1])
        }
        #expect(try status(.object(nil)) == "404")
        #expect(try status(.refused(Refusal(.busy))) == "503")
        #expect(try status(.refused(Refusal(.stopped))) == "503")
        #expect(try status(.object([9, 9, 9])) == "500")
    }
}
