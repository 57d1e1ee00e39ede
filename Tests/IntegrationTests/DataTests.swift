// What a client does all day, over three nodes: write through one, read through another, delete, resolve.

import Foundation
import Testing

extension Integration {
    @Suite(.threeNodes) struct DataTests {
        @Test func whatIsPutAnywhereIsReadAnywhere() throws {
            let cluster = try cluster()
            let value = (0..<3_000).map { UInt8(truncatingIfNeeded: $0 * 7) }
            for (i, writer) in cluster.nodes.enumerated() {
                let path = "/v1/kv/anywhere/key-\(i)"
                let put = try writer.request("PUT", path, ["Content-Type": "image/x-test; a=\"b\""], body: value)
                #expect(put.status == 201)
                #expect(put.body.isEmpty && put.context != nil)
                for reader in cluster.nodes {
                    let got = try reader.request("GET", path)
                    #expect(got.status == 200)
                    #expect(got.body == value)
                    #expect(got["content-type"] == "image/x-test; a=\"b\"")
                    #expect(got.context == put.context)
                    let head = try reader.request("HEAD", path)
                    #expect(head.status == 200 && head.body.isEmpty)
                    #expect(head["content-length"] == "3000" && head["content-type"] == got["content-type"])
                    #expect(head.context == put.context)
                }
                #expect(try cluster.awaitIdentical("anywhere/key-\(i)", within: 5).body == value)
            }
        }

        @Test(arguments: [[], [0], [0xFF, 0xFE, 0], Array("{\"a\": 1}\r\n".utf8)] as [[UInt8]])
        func bytesStayBytes(_ value: [UInt8]) throws {
            let cluster = try cluster()
            let path = "/v1/kv/bytes/\(value.count)"
            #expect(try cluster[0].request("PUT", path, body: value).status < 300)
            let got = try cluster[1].request("GET", path)
            #expect(got.status == 200 && got.body == value)
            #expect(got["content-type"] == "application/octet-stream")
        }

        @Test func overwritingLeavesOneValue() throws {
            let node = try cluster()[0]
            #expect(try node.put("over/k", "one").status == 201)
            #expect(try node.put("over/k", "two").status == 204)
            #expect(try node.put("over/k", "three").status == 204)
            #expect(try cluster()[2].get("over/k").text == "three")
        }

        @Test func deletingLeavesAContextAndNothingElse() throws {
            let cluster = try cluster()
            #expect(try cluster[0].get("gone/never").status == 404)
            #expect(try cluster[0].get("gone/never").context == nil)
            try cluster[0].put("gone/k", "here")
            let deleted = try cluster[0].request("DELETE", "/v1/kv/gone/k?w=all")
            #expect(deleted.status == 204 && deleted.context != nil)
            for node in cluster.nodes {
                let got = try node.get("gone/k")
                #expect(got.status == 404 && got.context == deleted.context)
                #expect(got.json["type"] as? String == "/problems/not-found")
                #expect(try node.request("HEAD", "/v1/kv/gone/k").status == 404)
            }
            #expect(try cluster.awaitIdentical("gone/k", within: 5).status == 404)
            #expect(try cluster[1].put("gone/k", "again", ["Atoll-Context": deleted.context ?? ""]).status == 201)
            #expect(try cluster[2].get("gone/k").text == "again")
            // A key that never was can be deleted too.
            #expect(try cluster[0].request("DELETE", "/v1/kv/gone/nobody").status == 204)
        }

        @Test func aContextSupersedesExactlyWhatItHasSeen() throws {
            let cluster = try cluster()
            let first = try #require(try cluster[0].put("ctx/k", "one").context)
            let second = try cluster[1].put("ctx/k", "two", ["Atoll-Context": first])
            #expect(second.status < 300)
            #expect(try cluster[2].get("ctx/k").text == "two")
            Stopwatch.awaitNextMillisecond()
            #expect(try cluster[2].put("ctx/k", "three", ["Atoll-Context": first]).status < 300)
            let both = try cluster[0].get("ctx/k")
            #expect(both.status == 300)
            #expect(both["content-type"] == "application/json")
            let siblings = try #require(both.json["siblings"] as? [[String: Any]])
            #expect(Set(siblings.compactMap { $0["value"] as? String }) == ["two", "three"])
            let latest = try cluster[1].request("GET", "/v1/kv/ctx/k?resolve=latest")
            #expect(latest.status == 200 && latest.text == "three")
            #expect(latest.context == both.context)
            let resolved = try cluster[1].put("ctx/k", "four", ["Atoll-Context": try #require(both.context)])
            #expect(resolved.status == 204)
            for node in cluster.nodes { #expect(try node.get("ctx/k").text == "four") }
            try cluster.awaitIdentical("ctx/k", within: 5)
        }

        @Test func siblingsAlsoComeAsMultipart() throws {
            let cluster = try cluster()
            let binary: [UInt8] = [0xFF, 0x0D, 0x0A, 0x2D, 0x2D, 0x00]
            let first = try #require(try cluster[0].put("multi/k", "start").context)
            try cluster[0].put("multi/k", "--atoll-sibling", ["Atoll-Context": first, "Content-Type": "text/plain"])
            _ = try cluster[1].request(
                "PUT", "/v1/kv/multi/k", ["Atoll-Context": first, "Content-Type": "image/png"], body: binary)
            let got = try cluster[2].get("multi/k", ["Accept": "multipart/mixed"])
            #expect(got.status == 300)
            let parts = try Multipart.parse(got)
            #expect(parts.count == 2)
            #expect(parts.contains { $0.type == "image/png" && $0.body == binary })
            #expect(parts.contains { $0.type == "text/plain" && $0.body == Array("--atoll-sibling".utf8) })
            let json = try cluster[2].get("multi/k").json["siblings"] as? [[String: Any]] ?? []
            #expect(json.contains { $0["value_base64"] as? String == Data(binary).base64EncodedString() })
            // A deletion that has seen only the first value leaves the second.
            #expect(try cluster[0].request("DELETE", "/v1/kv/multi/k", ["Atoll-Context": first]).status == 204)
            #expect(try cluster[0].get("multi/k").status == 300)
        }

        @Test func conditionalCreationTakesPlaceOnce() throws {
            let node = try cluster()[0]
            let onlyNew = ["If-None-Match": "*"]
            #expect(try node.put("new/k?w=all", "one", onlyNew).status == 201)
            for other in try cluster().nodes {
                let again = try other.put("new/k", "two", onlyNew)
                #expect(again.status == 412)
                #expect(again.json["type"] as? String == "/problems/exists")
            }
            #expect(try node.get("new/k").text == "one")
            _ = try node.request("DELETE", "/v1/kv/new/k?w=all")
            #expect(try node.put("new/k", "three", onlyNew).status == 201)
            #expect(try node.put("new/k", "four", ["If-None-Match": "\"etag\""]).status == 400)
            #expect(try node.put("new/k", "four", ["If-Match": "*"]).status == 400)
        }

        @Test func theLastWriteWinsWhereTheBucketSaysSo() throws {
            let cluster = try cluster()
            let first = try #require(try cluster[0].put("latest/k", "one").context)
            try cluster[1].put("latest/k", "two", ["Atoll-Context": first])
            Stopwatch.awaitNextMillisecond()
            try cluster[2].put("latest/k", "three", ["Atoll-Context": first])
            for node in cluster.nodes {
                let got = try node.get("latest/k")
                #expect(got.status == 200 && got.text == "three")
            }
            #expect(try cluster.awaitIdentical("latest/k", within: 5).text == "three")
        }

        @Test func valuesEndWithTheirTime() throws {
            let cluster = try cluster()
            #expect(try cluster[0].put("ttl/k?ttl=400&w=all", "soon gone").status == 201)
            #expect(try cluster[0].put("brief/k?w=all", "soon gone").status == 201)
            #expect(try cluster[1].get("ttl/k").status == 200)
            for key in ["ttl/k", "brief/k"] {
                for node in cluster.nodes {
                    let got = try eventually("\(key) expires", within: 5) { () -> Response? in
                        let got = try node.get(key)
                        return got.status == 404 ? got : nil
                    }
                    #expect(got.context != nil)
                }
            }
            #expect(try cluster[2].put("ttl/k", "new", ["If-None-Match": "*"]).status == 201)
            #expect(try cluster[0].get("ttl/k").text == "new")
        }

        @Test func keysAreBytes() throws {
            let cluster = try cluster()
            let keys = ["%00", "%00/%00", "%FF%FE", "a%2Fb", "a/b", "%C3%BC", "%25", "%2525", "a+b", "a%20b", "%0D%0A"]
            for key in keys {
                #expect(try cluster[0].put("odd%00bucket/\(key)", "value of \(key)").status == 201, "\(key)")
            }
            for key in keys { #expect(try cluster[1].get("odd%00bucket/\(key)").text == "value of \(key)", "\(key)") }
            // A byte that RFC 3986 keeps out of a target must come percent-encoded.
            #expect(try cluster[2].get("odd%00bucket/ü").status == 400)
            for key in keys { try cluster.awaitIdentical("odd%00bucket/\(key)", within: 5) }
        }

        @Test func largeValuesTravelWhole() throws {
            let cluster = try cluster()
            let value = (0..<(8 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }
            let put = try cluster[0].request("PUT", "/v1/kv/large/k?w=all", body: value)
            #expect(put.status == 201)
            #expect(put["atoll-acks"]?.hasPrefix("replicas=3; ") == true)
            for node in cluster.nodes {
                let got = try node.request("GET", "/v1/kv/large/k?r=all")
                #expect(got.status == 200)
                #expect(got.body == value)
            }
            let tooLarge = try cluster[0].request("PUT", "/v1/kv/small/k", body: Array(value.prefix(1_001)))
            #expect(tooLarge.status == 413)
            #expect(try cluster[0].request("PUT", "/v1/kv/small/k", body: Array(value.prefix(1_000))).status == 201)
        }
    }
}

enum Multipart {
    /// Takes the parts of a multipart answer by their lengths, and checks all that stands between them.
    static func parse(_ response: Response) throws -> [(type: String, body: [UInt8])] {
        guard let type = response["content-type"], let range = type.range(of: "boundary=") else {
            throw HarnessFailure("no boundary: \(response["content-type"] ?? "")")
        }
        let boundary = String(type[range.upperBound...])
        var rest = response.body[...]
        func line() throws -> String {
            guard let end = rest.firstIndex(of: 0x0A), end > rest.startIndex, rest[end - 1] == 0x0D else {
                throw HarnessFailure("no line in a multipart body")
            }
            defer { rest = rest[(end + 1)...] }
            return String(decoding: rest[..<(end - 1)], as: UTF8.self)
        }
        var parts: [(type: String, body: [UInt8])] = []
        while true {
            let delimiter = try line()
            if delimiter == "--\(boundary)--" {
                guard rest.isEmpty else { throw HarnessFailure("bytes after the last part") }
                return parts
            }
            guard delimiter == "--\(boundary)" else { throw HarnessFailure("no boundary but \(delimiter)") }
            var headers: [String: String] = [:]
            while case let text = try line(), !text.isEmpty {
                let pair = text.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
                headers[pair[0].lowercased()] = pair.last
            }
            guard let length = headers["content-length"].flatMap({ Int($0) }), rest.count >= length + 2 else {
                throw HarnessFailure("a part without its length")
            }
            let body = Array(rest.prefix(length))
            guard !String(decoding: body, as: UTF8.self).contains(boundary) else {
                throw HarnessFailure("the boundary stands in a part")
            }
            rest = rest.dropFirst(length)
            guard try line().isEmpty else { throw HarnessFailure("a part longer than it says") }
            parts.append((headers["content-type"] ?? "", body))
        }
    }
}
