// Keys of buckets with a type over real nodes: what docs/TYPES.md says, and what is refused.

import Storage
import Causality
import DataTypes
import Foundation
import Keys
import LevelDB
import Testing
import World

enum Typed {
    static let buckets = """
        [bucket.docs]
        type = "document"
        [bucket.counters]
        type = "counter"
        [bucket.texts]
        type = "text"
        [bucket.lists]
        type = "list"
        [bucket.tags]
        type = "set"
        [bucket.fleeting]
        type = "document"
        ttl = "1500ms"
        """

    static func patch(
        _ node: TestNode, _ key: String, _ body: String, as language: String = "vnd.atoll.ops",
        _ headers: [String: String] = [:]
    ) throws -> Response {
        var headers = headers
        headers["Content-Type"] = "application/\(language)+json"
        return try node.request("PATCH", "/v1/kv/\(key)", headers, body: Array(body.utf8))
    }

    static func writer(_ number: Int) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 32 - digits.count) + digits
    }

    /// Whether the answer is this refusal; of which operation, if `operation` says so.
    static func isRefused(_ answer: Response, _ status: Int, problem: String, operation: Int? = nil) -> Bool {
        answer.status == status && answer.json["type"] as? String == "/problems/\(problem)"
            && answer.json["operation"] as? Int == operation
    }
}

private struct Refusal: Sendable {
    let (key, language, body): (String, String, String)
    let status: Int
    let problem: String
    let operation: Int?

    init(_ key: String, _ language: String, _ body: String, _ status: Int, problem: String, operation: Int? = nil) {
        (self.key, self.language, self.body) = (key, language, body)
        (self.status, self.problem, self.operation) = (status, problem, operation)
    }
}

extension Trait where Self == ClusterTrait {
    fileprivate static var typed: ClusterTrait { ClusterTrait { try TestCluster.three(buckets: Typed.buckets) } }
}

extension Integration {
    @Suite(.typed) struct TypedTests {
        /// The examples of docs/TYPES.md, through each node in turn.
        @Test func thePageIsTrue() throws {
            let cluster = try cluster()
            let made = try cluster[0].request(
                "PUT", "/v1/kv/docs/plan",
                body: Array(#"{"title":"Atoll","body":{"$text":"by the sea"},"likes":{"$counter":0}}"#.utf8))
            #expect(made.status == 201 && made.context != nil && made["atoll-acks"] != nil)
            let merged = try Typed.patch(cluster[1], "docs/plan?w=all", #"{"title":"Atolls"}"#, as: "merge-patch")
            #expect(merged.status == 204 && merged.body.isEmpty)
            let changed = try Typed.patch(
                cluster[2], "docs/plan?w=all",
                #"[{"op":"increment","path":"/likes","by":1},{"op":"splice","path":"/body","at":3,"delete":3,"text":"a"}]"#
            )
            #expect(changed.status == 200)
            let results = try #require(changed.json["results"] as? [[String: Any]])
            #expect(results[0]["value"] as? Int == 1 && results[1]["count"] as? Int == 1)
            #expect((changed.json["dots"] as? String)?.hasPrefix("jp-tyo-1~") == true)
            for node in cluster.nodes {
                let got = try node.get("docs/plan")
                #expect(got.text == #"{"body":"by a sea","likes":1,"title":"Atolls"}"# + "\n")
                #expect(got["content-type"] == "application/json")
            }
            #expect(try cluster[0].get("docs/plan?path=/body").text == "\"by a sea\"\n")
            let kinds = try cluster[1].get("docs/plan?types=true").json
            #expect(kinds["body"] as? String == "text" && kinds["likes"] as? String == "counter")
            let runs = try cluster[2].get("docs/plan?ids=true&path=/body").json["runs"] as? [[Any]]
            #expect(runs?.map { $0[2] as? String } == ["by ", "a", " sea"])
            #expect(try cluster[1].get("docs/plan?conflicts=true").text == "{}\n")
            let patched = try Typed.patch(
                cluster[0], "docs/plan", #"[{"op":"test","path":"/likes","value":1},{"op":"remove","path":"/title"}]"#,
                as: "json-patch")
            #expect(patched.status == 204)
            #expect(try cluster[1].get("docs/plan?path=/title").status == 404)
            #expect(try cluster[2].request("DELETE", "/v1/kv/docs/plan?w=all").status == 204)
            let gone = try cluster[0].get("docs/plan")
            #expect(gone.status == 404 && gone.context != nil)
        }

        /// Two nodes that do not hear each other both take operations; both count when they do again.
        @Test func whatBothSidesOfACutDidStands() throws {
            let cluster = try cluster()
            let path = "docs/cut"
            #expect(
                try cluster[0].request(
                    "PUT", "/v1/kv/\(path)?w=all",
                    body: Array(#"{"body":{"$text":"-"},"n":{"$counter":0},"tags":{"$set":["old"]}}"#.utf8)
                ).status == 201)
            for (place, node) in cluster.nodes.enumerated() {
                for (other, peer) in cluster.nodes.enumerated() where other != place { peer.process?.signal(SIGSTOP) }
                defer { for peer in cluster.nodes { peer.process?.signal(SIGCONT) } }
                let word = ["one", "two", "three"][place]
                let done = try Typed.patch(
                    node, "\(path)?w=1",
                    """
                    [{"op":"splice","path":"/body","at":1,"text":"\(word)"},{"op":"increment","path":"/n"},
                    {"op":"add","path":"/tags","value":"\(word)"},{"op":"discard","path":"/tags","value":"old"}]
                    """)
                #expect(done.status == 200, "\(done.text)")
            }
            try cluster.awaitUnity()
            let end = try cluster.awaitIdentical(path, within: 20)
            let document = try cluster[0].get(path).json
            #expect(document["n"] as? Int == 3, "\(end.text)")
            #expect(document["tags"] as? [String] == ["one", "three", "two"])
            let body = try #require(document["body"] as? String)
            #expect(body.count == 12 && body.hasPrefix("-"))
            for word in ["one", "two", "three"] { #expect(body.contains(word), "\(body)") }
        }

        /// Each write gives the whole value a time to live; after its end everything begins anew, at every node.
        @Test func typedValuesEndWithTheirTime() throws {
            let cluster = try cluster()
            let keys = ["docs/ends", "fleeting/ends"]
            for (key, query) in zip(keys, ["?w=all&ttl=1500", "?w=all"]) {
                let body = Array(#"{"n":{"$counter":5},"old":true}"#.utf8)
                #expect(try cluster[0].request("PUT", "/v1/kv/\(key)/a\(query)", body: body).status == 201)
                let listed = try cluster[1].get("\(key)/").json["items"] as? [[String: Any]]
                #expect(listed?.first?["expires_ms"] is Int)
            }
            for key in keys {
                for node in cluster.nodes {
                    let gone = try eventually("\(key) expires", within: 5) { () -> Response? in
                        let got = try node.get("\(key)/a")
                        return got.status == 404 ? got : nil
                    }
                    #expect(gone.context != nil)
                    #expect((try node.get("\(key)/").json["items"] as? [Any])?.isEmpty == true)
                }
                let again = try Typed.patch(
                    cluster[2], "\(key)/a?ttl=60000&w=all", #"[{"op":"increment","path":"/n"}]"#)
                #expect((again.json["results"] as? [[String: Any]])?.first?["value"] as? Int == 1, "\(again.text)")
                for node in cluster.nodes { #expect(try node.get("\(key)/a").text == "{\"n\":1}\n") }
                let put = try cluster[0].request(
                    "PUT", "/v1/kv/\(key)/a", ["If-None-Match": "*"], body: Array("{}".utf8))
                #expect(put.status == 412)
            }
            #expect(try cluster[0].request("DELETE", "/v1/kv/docs/ends/a?ttl=5").status == 400)
        }

        @Test func aRequestWithANameIsDoneOnce() throws {
            let cluster = try cluster()
            let name = Typed.writer(1)
            for (attempt, node) in (cluster.nodes + cluster.nodes).enumerated() {
                let answer = try Typed.patch(
                    node, "counters/once?w=all", #"[{"op":"increment","path":""}]"#,
                    ["Atoll-Operation": "\(name).1" + (attempt > 0 ? "; again" : "")])
                #expect(answer.status == 200)
                #expect((answer.json["done_before"] as? Bool == true) || attempt == 0 || answer.json["dots"] != nil)
            }
            #expect(try cluster[1].get("counters/once").text == "1\n")
        }

        @Test func aListShowsTypedItemsAsJSON() throws {
            let cluster = try cluster()
            for day in 1...3 {
                let put = try cluster[day % 3].request(
                    "PUT", "/v1/kv/docs/diary/\(day)?w=all", body: Array(#"{"day":\#(day)}"#.utf8))
                #expect(put.status == 201)
            }
            _ = try cluster[0].request("DELETE", "/v1/kv/docs/diary/2?w=all")
            let items = try #require(
                try cluster[0].request("GET", "/v1/kv/docs/diary/").json["items"] as? [[String: Any]])
            #expect(items.map { ($0["value"] as? [String: Int])?["day"] } == [1, 3])
            #expect(items.allSatisfy { $0["content_type"] as? String == "application/json" && $0["context"] != nil })
        }

        /// Larger than a request of operations may be.
        @Test func aLargeDocumentIsPutAndChanged() throws {
            let cluster = try cluster()
            let text = String(repeating: "all of the islands ", count: 20_000)
            let put = try cluster[0].request(
                "PUT", "/v1/kv/docs/large?w=all", body: Array(#"{"body":{"$text":"\#(text)"}}"#.utf8))
            #expect(put.status == 201, "\(put.text.prefix(300))")
            let changed = try Typed.patch(
                cluster[1], "docs/large?w=all", #"[{"op":"splice","path":"/body","at":0,"delete":3,"text":"none"}]"#)
            #expect(changed.status == 200)
            #expect(try cluster[2].get("docs/large?path=/body").text == "\"none\(text.dropFirst(3))\"\n")
            try cluster.awaitIdentical("docs/large", within: 5)
            let more = try cluster[2].request(
                "PUT", "/v1/kv/docs/large", body: Array(#"{"body":"\#(String(repeating: "x", count: 1 << 20))"}"#.utf8))
            #expect(Typed.isRefused(more, 413, problem: "too-large"))
        }

        @Test(arguments: [
            Refusal("docs/bad", "vnd.atoll.ops", "no JSON", 400, problem: "malformed"),
            Refusal("docs/bad", "vnd.atoll.ops", #"[{"op":"fly"}]"#, 400, problem: "malformed"),
            Refusal("docs/bad", "vnd.atoll.ops", #"[{"op":"set","path":"a","value":1}]"#, 400, problem: "malformed"),
            Refusal("docs/bad", "merge-patch", String(repeating: "[", count: 100), 400, problem: "malformed"),
            Refusal("docs/bad", "merge-patch", "[1]", 409, problem: "wrong-type"),
            Refusal(
                "docs/bad", "json-patch", #"[{"op":"remove","path":"/nothing"}]"#, 422, problem: "not-applicable",
                operation: 0),
            Refusal(
                "docs/bad", "json-patch", #"[{"op":"test","path":"/a","value":1}]"#, 412, problem: "test-failed",
                operation: 0),
            Refusal("docs/bad", "strange", "{}", 415, problem: "unsupported-patch"),
            Refusal(
                "docs/bad", "vnd.atoll.ops", #"[{"op":"increment","path":"/n","by":9223372036854775807}]"#, 422,
                problem: "not-applicable", operation: 0),
            Refusal(
                "texts/bad", "vnd.atoll.ops", #"[{"op":"splice","path":"","at":1,"text":"x"}]"#, 422,
                problem: "not-applicable", operation: 0),
            Refusal("texts/bad", "vnd.atoll.ops", #"[{"op":"increment","path":""}]"#, 409, problem: "wrong-type"),
            Refusal("rows/bad", "merge-patch", "{}", 409, problem: "wrong-type"),
        ])
        fileprivate func whatCantBeDoneIsRefused(_ row: Refusal) throws {
            let cluster = try cluster()
            let answer = try Typed.patch(cluster[0], row.key, row.body, as: row.language)
            #expect(
                Typed.isRefused(answer, row.status, problem: row.problem, operation: row.operation), "\(answer.text)")
            if answer.status == 415 { #expect(answer["accept-patch"]?.contains("merge-patch") == true) }
            #expect(try cluster[0].get(row.key).status == 404)
        }

        @Test(arguments: [
            "x.1", "\(Typed.writer(1)).0", "\(Typed.writer(1)).1; once", "\(Typed.writer(1)).1; after=nobody",
        ])
        func aMalformedNameIsRefused(_ name: String) throws {
            let answer = try Typed.patch(
                cluster()[0], "counters/named", #"[{"op":"increment","path":""}]"#, ["Atoll-Operation": name])
            #expect(Typed.isRefused(answer, 400, problem: "malformed"), "\(answer.text)")
        }

        @Test func aContextOfAnotherKeyIsRefused() throws {
            let node = try cluster()[0]
            let context = try #require(
                try node.request("PUT", "/v1/kv/docs/other", body: Array("{}".utf8)).context)
            let answer = try Typed.patch(node, "docs/mine", #"{"a":1}"#, as: "merge-patch", ["Atoll-Context": context])
            #expect(Typed.isRefused(answer, 400, problem: "malformed"), "\(answer.text)")
        }

        /// No node has seen it, so none can do what it asks.
        @Test func aContextThatNobodyHasSeenIsTold() throws {
            let cluster = try cluster()
            let key = try StoredKey(bucket: Array("docs".utf8), partitionKey: Array("ahead".utf8)).bytes
            let dot = Dot(actor: Actor(node: try #require(NodeID("gone")), incarnation: 1), counter: 7)
            let versions = try #require(VersionVector(ascending: [dot]))
            let context = CausalContext(versions: versions, latestTime: HybridTime(bits: 1))
            let answer = try Typed.patch(
                cluster[0], "docs/ahead?timeout=3000", #"{"a":1}"#, as: "merge-patch",
                ["Atoll-Context": Data(context.encode(for: key)).base64EncodedString()])
            #expect(answer.status == 503 && answer.json["behind"] as? Bool == true, "\(answer.text)")
        }

        /// Of a text of which much was deleted the deleted goes, once all replicas have seen it; then places can't be
        /// counted any more by what was read before.
        @Test func deletedTextIsSweptAndAnOldContextRefused() throws {
            let cluster = try cluster()
            let text = String(repeating: "0123456789", count: 600)
            let put = try cluster[0].request(
                "PUT", "/v1/kv/texts/swept?w=all", body: Array("\"\(text)\"".utf8))
            let old = try #require(put.context)
            for end in [5_000, 4_000, 3_000, 2_000] {
                let cut = try Typed.patch(
                    cluster[1], "texts/swept?w=all", #"[{"op":"splice","path":"","at":\#(end),"delete":1000}]"#)
                #expect(cut.status == 200)
            }
            let answer = try eventually("the deleted is swept", within: 10) {
                let answer = try Typed.patch(
                    cluster[2], "texts/swept", #"[{"op":"splice","path":"","at":0,"text":"x"}]"#,
                    ["Atoll-Context": old])
                return answer.status == 409 ? answer : nil
            }
            #expect(Typed.isRefused(answer, 409, problem: "context-too-old"), "\(answer.text)")
            try cluster.awaitIdentical("texts/swept", within: 5)
        }

        /// So many others have written since that nobody remembers.
        @Test func whetherItWasDoneLongAgoIsNotGuessed() throws {
            let cluster = try cluster()
            let connection = try cluster[0].connect()
            let body = Array(#"[{"op":"increment","path":""}]"#.utf8)
            func increment(_ name: String) throws -> Response {
                try connection.request(
                    "PATCH", "/v1/kv/counters/crowd",
                    ["Content-Type": "application/vnd.atoll.ops+json", "Atoll-Operation": name], body: body)
            }
            for number in 1...(Limits.ledgerEntries + 1) {
                #expect(try increment("\(Typed.writer(number)).1").status == 200)
            }
            let answer = try increment("\(Typed.writer(1 << 20)).1; again")
            #expect(Typed.isRefused(answer, 409, problem: "retry-unknown"), "\(answer.text)")
            #expect(try increment("\(Typed.writer(Limits.ledgerEntries)).1; again").status == 200)
            #expect(try cluster[0].get("counters/crowd").text == "\(Limits.ledgerEntries + 1)\n")
        }
    }

    @Suite struct TypedStoreTests {
        /// As many lives of nodes as a key may have have changed it.
        @Test func tooManyActors() throws {
            let cluster = try TestCluster.three(buckets: Typed.buckets)
            defer { cluster.end() }
            let node = cluster[0]
            try node.start()
            try node.awaitHealth()
            node.kill()
            var object = StoredObject()
            let call = TypedCall(.operations, Array(#"[{"op":"increment","path":""}]"#.utf8))
            for life in 1...Limits.mintedVersionEntries {
                let actor = Actor(node: try #require(NodeID("gone")), incarnation: UInt64(life))
                _ = try object.carryOut(
                    call, as: .counter, context: nil, room: 1 << 20,
                    MintingRun(actor: actor, first: 1, time: HybridTime(bits: UInt64(life))))
            }
            let key = try StoredKey(bucket: Array("counters".utf8), partitionKey: Array("lives".utf8)).bytes
            do {
                let store = try LevelDBStore(path: node.dataPath + "/objects")
                try store.commit([.put(key: key, value: object.encode())], synced: true)
                store.close()
            }
            try cluster.start()
            let answer = try Typed.patch(node, "counters/lives", #"[{"op":"increment","path":""}]"#)
            #expect(Typed.isRefused(answer, 409, problem: "too-many-actors"), "\(answer.text)")
        }
    }
}
