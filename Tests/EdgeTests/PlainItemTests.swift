// A list of stored bytes is the same text as a list of decoded objects.

import Causality
import DataTypes
import Foundation
import Keys
import Ring
import Testing
@testable import Wire
import World

@testable import Edge
@testable import Gateway

@Suite struct PlainItemTests {
    private static let sorts: [[UInt8]?] = [
        Array("00042".utf8), Array("say \"hi\"\n".utf8), Array("ünï😀".utf8), [0xC3], [1, 0, 0xFF, 0], nil,
    ]
    private static let values: [[UInt8]] = [
        [], Array(repeating: 0x78, count: 100), Array("back\\slash \u{1} \"".utf8), Array("日本語のテキスト".utf8),
        [0xFF, 0xFE], Array(repeating: 0x61, count: 1_024), Array(repeating: 0x61, count: 1_025),
        Array(String(repeating: "é\"", count: 9_000).utf8), Array(repeating: 0xF0, count: 5_000),
        Array(repeating: 0x1F, count: 1_000),
    ]
    private static let account = Account(tally: Tally(), level: .one, reached: true)

    private func object(_ value: [UInt8], _ random: inout SeededRandom) -> StoredObject {
        var object = StoredObject()
        for node in ["de-fra-1", "jp-tyo-1", "us-iad-1"].prefix(Int(random.next() % 3) + 1) {
            guard let node = NodeID(node) else { continue }
            let dot = Dot(
                actor: Actor(node: node, incarnation: random.next() % 1_000), counter: random.next() % 1_000 + 1)
            let types = ["", "text/plain; charset=\"utf-8\"", "tëxt"]
            object.write(
                Sibling(
                    dot: dot, payload: .value(value), contentType: types[Int(random.next() % 3)],
                    time: HybridTime(bits: random.next() >> (random.next() % 20)),
                    expiresAt: random.chance(0.3) ? WallTime(milliseconds: random.next() >> 1) : nil),
                context: nil, rule: .siblings)
        }
        return object
    }

    private func text(_ items: [ListedItem]) throws -> [UInt8] {
        let response = ObjectResponses.list(
            items, next: items.last.map { .after($0.key) }, reverse: true, PlainItemTests.account,
            wall: WallTime(milliseconds: 1))
        guard response.body.length == nil else { return try whole(response.body) }
        return try whole(response.body.made)
    }

    private func whole(_ body: AnswerBody) throws -> [UInt8] {
        var body = body
        return [UInt8](unsafeUninitializedCapacity: try #require(body.length)) { memory, count in
            var piece = AnswerPiece(UnsafeMutableRawBufferPointer(memory))
            body.write(to: &piece)
            count = piece.count
        }
    }

    @Test func theyAreTheSameText() throws {
        var random = SeededRandom(seed: 3)
        var (plain, decoded): ([ListedItem], [ListedItem]) = ([], [])
        for _ in 0..<40 {
            for sort in PlainItemTests.sorts {
                let key = try StoredKey(bucket: [0x62, 0], partitionKey: [0, 0x6B], sortKey: sort).bytes
                for value in PlainItemTests.values {
                    let object = object(value, &random)
                    decoded.append(ListedItem(key: key, object: object))
                    let page = RangeItems([
                        RangeItem(key: [1], object: [2]), RangeItem(key: key, object: object.encode()),
                    ])
                    guard let item = ListedItem(plain: 1, of: page) else {
                        // A type that is not ASCII, or a time of 64 bits.
                        plain.append(ListedItem(key: key, object: object))
                        continue
                    }
                    plain.append(item)
                    #expect(try text([item]) == text([ListedItem(key: key, object: object)]))
                }
            }
        }
        let all = try text(plain)
        #expect(try all == text(decoded))
        let json = try #require(try JSONSerialization.jsonObject(with: Data(all)) as? [String: Any])
        let listed = (PlainItemTests.sorts.count - 1) * PlainItemTests.values.count * 40
        #expect((json["items"] as? [Any])?.count == listed)
        #expect(plain.count { $0.withPlain { _, _, _ in true } ?? false } > plain.count / 3)
    }
}
