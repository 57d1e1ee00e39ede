// Listing the items under a partition key: order, bounds, pages, and sort keys that are any bytes.

import Foundation
import Testing

extension Integration {
    @Suite(.threeNodes) struct RangeTests {
        /// One page as the test sees it: sort keys as bytes, values, and the parameter that continues it.
        struct Page {
            var keys: [[UInt8]] = []
            var values: [String] = []
            var next: String?
        }

        private func page(_ node: TestNode, _ key: String, _ query: String = "") throws -> Page {
            let response = try node.request("GET", "/v1/kv/\(key)/\(query.isEmpty ? "" : "?" + query)")
            guard response.status == 200 else { throw HarnessFailure("status \(response.status): \(response.text)") }
            #expect(response["content-type"] == "application/json")
            #expect(response["atoll-acks"]?.contains("reached=true") == true)
            var page = Page()
            for item in try #require(response.json["items"] as? [[String: Any]]) {
                let bytes = (item["sort_base64"] as? String).flatMap { Data(base64Encoded: $0) }.map { [UInt8]($0) }
                page.keys.append(bytes ?? Array((item["sort"] as? String ?? "?").utf8))
                page.values.append(item["value"] as? String ?? "")
                #expect(item["context"] is String)
            }
            page.next = response.json["next_parameter"] as? String
            #expect((page.next == nil) == (response.json["next"] is NSNull))
            return page
        }

        /// All pages, one after the other.
        private func all(_ node: TestNode, _ key: String, _ query: [String]) throws -> Page {
            var whole = Page()
            var bound: String?
            for _ in 0..<200 {
                let side = bound?.prefix { $0 != "=" }
                let given = query.filter { parameter in side.map { !parameter.hasPrefix($0 + "=") } ?? true }
                let part = try page(node, key, (given + [bound].compactMap { $0 }).joined(separator: "&"))
                whole.keys += part.keys
                whole.values += part.values
                guard let next = part.next else { return whole }
                bound = next
            }
            throw HarnessFailure("a listing without end")
        }

        static let sortKeys: [[UInt8]] = [
            [0], [0, 0], [0, 1], [0, 0xFF], [1], Array("a".utf8), [0x61, 0], [0x61, 0, 0x62], Array("a/b".utf8),
            Array("aa".utf8),
            Array("b".utf8), Array("b%".utf8), Array("ü".utf8), [0xFF], [0xFF, 0xFE], [0xFF, 0xFF],
        ]

        static func encoded(_ bytes: [UInt8]) -> String {
            bytes.map { "%" + ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }.joined()
        }

        private func fill(_ key: String) throws {
            let nodes = try cluster().nodes
            try nodes[0].put(key, "the item without a sort key")
            for (i, sort) in Self.sortKeys.shuffled().enumerated() {
                let answer = try nodes[i % 3].put("\(key)/\(Self.encoded(sort))", "v\(sort)")
                #expect(answer.status < 300, "\(sort)")
            }
        }

        @Test func itemsComeInTheOrderOfTheirBytes() throws {
            try fill("order/p")
            for node in try cluster().nodes {
                let page = try page(node, "order/p")
                #expect(page.keys == Self.sortKeys)
                #expect(page.values == Self.sortKeys.map { "v\($0)" })
                #expect(page.next == nil)
                #expect(try self.page(node, "order/p", "reverse=true").keys == Self.sortKeys.reversed())
            }
            #expect(try page(cluster()[0], "order/nobody").keys.isEmpty)
        }

        @Test(arguments: [1, 2, 3, 5, 15, 16, 17]) func pagesLeadToTheEnd(_ limit: Int) throws {
            let key = "pages/p\(limit)"
            try fill(key)
            let node = try cluster()[limit % 3]
            #expect(try page(node, key, "limit=\(limit)").keys == Array(Self.sortKeys.prefix(limit)))
            #expect(try all(node, key, ["limit=\(limit)"]).keys == Self.sortKeys)
            #expect(try all(node, key, ["limit=\(limit)", "reverse=true"]).keys == Self.sortKeys.reversed())
            let some = Self.sortKeys.filter { $0.first == 0x61 }
            #expect(try all(node, key, ["limit=\(limit)", "prefix=a"]).keys == some)
            #expect(try all(node, key, ["limit=\(limit)", "prefix=a", "reverse=1"]).keys == some.reversed())
        }

        @Test func startIsInAndEndIsOut() throws {
            try fill("bounds/p")
            let node = try cluster()[1]
            let keys = Self.sortKeys
            for start in keys.indices {
                let from = "start=\(Self.encoded(keys[start]))"
                #expect(try page(node, "bounds/p", from).keys == Array(keys[start...]), "\(keys[start])")
                let to = "end=\(Self.encoded(keys[start]))"
                #expect(try page(node, "bounds/p", to).keys == Array(keys[..<start]), "\(keys[start])")
                for end in keys.indices {
                    let both = "\(from)&end=\(Self.encoded(keys[end]))"
                    let expected = start < end ? Array(keys[start..<end]) : []
                    #expect(try page(node, "bounds/p", both).keys == expected)
                }
            }
            for prefix in [[0], [0xFF], [0x61, 0], Array("zz".utf8)] as [[UInt8]] {
                let expected = keys.filter { $0.starts(with: prefix) }
                #expect(try page(node, "bounds/p", "prefix=\(Self.encoded(prefix))").keys == expected, "\(prefix)")
            }
            #expect(try page(node, "bounds/p", "prefix=a&start=aa&end=b").keys == [Array("aa".utf8)])
        }

        @Test func deletedAndExpiredItemsAreLeftOut() throws {
            let cluster = try cluster()
            for i in 0..<30 { try cluster[0].put("holes/p/\(10 + i)?w=all", "v") }
            for i in 0..<30 where i % 10 != 9 { _ = try cluster[0].request("DELETE", "/v1/kv/holes/p/\(10 + i)?w=all") }
            try cluster[0].put("holes/p/25?ttl=1&w=all", "v")
            let left = ["19", "29", "39"].map { Array($0.utf8) }
            for node in cluster.nodes {
                #expect(try eventually("25 expires", within: 3) { try page(node, "holes/p").keys == left ? true : nil })
                #expect(try all(node, "holes/p", ["limit=1"]).keys == left)
                #expect(try all(node, "holes/p", ["limit=2", "reverse=true"]).keys == left.reversed())
            }
        }

        @Test func siblingsStandInTheirItem() throws {
            let cluster = try cluster()
            let first = try #require(try cluster[0].put("listed/p/s", "one").context)
            try cluster[0].put("listed/p/s", "two", ["Atoll-Context": first])
            try cluster[0].put("listed/p/s", "three", ["Atoll-Context": first])
            let answer = try cluster[1].request("GET", "/v1/kv/listed/p/")
            let items = try #require(answer.json["items"] as? [[String: Any]])
            #expect(items.count == 1)
            let siblings = try #require(items[0]["siblings"] as? [[String: Any]])
            #expect(Set(siblings.compactMap { $0["value"] as? String }) == ["two", "three"])
            let context = try #require(items[0]["context"] as? String)
            #expect(try cluster[2].put("listed/p/s", "four", ["Atoll-Context": context]).status == 204)
            #expect(try page(cluster[1], "listed/p").values == ["four"])
        }

        @Test func manyItemsAndLargeOnesPageToTheEnd() throws {
            let cluster = try cluster()
            let connection = try cluster[0].connect()
            let body = [UInt8](repeating: 0x78, count: 200_000)
            for i in 0..<60 {
                #expect(try connection.request("PUT", "/v1/kv/heavy/p/\(100 + i)", body: body).status < 300)
            }
            // 60 items of 200 kB are three pages of 4 MiB, whatever limit is asked for.
            #expect(try all(cluster[1], "heavy/p", ["limit=1000"]).keys == (0..<60).map { Array("\(100 + $0)".utf8) })
            // Larger ones than a page come one by one.
            let large = [UInt8](repeating: 0x79, count: 6 << 20)
            for i in 0..<3 { #expect(try connection.request("PUT", "/v1/kv/large/p/\(i)", body: large).status < 300) }
            let first = try page(cluster[2], "large/p", "limit=1000")
            #expect(first.keys == [Array("0".utf8)] && first.next == "start=0%00")
            #expect(try all(cluster[2], "large/p", ["limit=1000"]).keys == (0..<3).map { Array("\($0)".utf8) })
            for i in 0..<250 {
                #expect(try connection.request("PUT", "/v1/kv/many/p/\(1_000 + i)", body: [1]).status < 300)
            }
            #expect(try page(cluster[2], "many/p").keys.count == 100)
            #expect(try all(cluster[2], "many/p", []).keys.count == 250)
        }

        @Test func listsHaveTheirOwnMethodsAndParameters() throws {
            let node = try cluster()[0]
            #expect(try node.request("PUT", "/v1/kv/b/p/", body: [1]).status == 405)
            #expect(try node.request("GET", "/v1/kv/b/p/?w=1").status == 400)
            #expect(try node.request("GET", "/v1/kv/b/p/?r=4").status == 400)
            for level in ["1", "one", "quorum", "local", "each", "all"] {
                #expect(try node.request("GET", "/v1/kv/b/p/?r=\(level)&strict=true").status == 200, "\(level)")
            }
        }
    }
}
