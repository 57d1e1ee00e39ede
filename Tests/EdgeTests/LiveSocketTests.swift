// A client's WebSocket without a channel: what it says, what its watches and requests bring, and what is then sent.

import Causality
import DataTypes

import JSON
import Keys
import Ring
import RingFile
import Testing
import World

@testable import Edge
@testable import Gateway
@testable import Live

private struct Scene {
    static let writer = "0123456789abcdef0123456789abcdef"

    var socket: LiveSocket
    var clients: LoopClients
    var now = Now(instant: .origin, wall: WallTime(milliseconds: 1_795_401_058_205))
    var out = Outbox<LiveSocket.Effect>()

    init(memory: Int = Limits.clientBytes, greets: Bool = true, origin: String? = nil, only: StoredKey? = nil) throws {
        let ring = try RingDocument.compile(
            ringFile: RingDocument.threeCountries
                + "\n[bucket.shared]\ntype = \"document\"\ncors = [\"https://a.example\"]\n",
            fileName: "test")
        socket = LiveSocket(origin: origin, only: only)
        clients = LoopClients(ring: RingSnapshot(ring), memory: ClientMemory(limit: memory))
        if greets { #expect(says("{\"hello\":{\"writer\":\"\(Scene.writer)\"}}") == []) }
    }

    mutating func hears(_ input: LiveSocket.Input) -> [String] {
        socket.handle(input, &clients, now, &out)
        return out.take().map { effect in
            switch effect {
            case .subscribe(let serial, let asked):
                "subscribe \(serial)\(asked.form.tellsChanges ? " changes" : "")\(asked.form.showsIDs ? " ids" : "")"
            case .unsubscribe(let serial): "unsubscribe \(serial)"
            case .request(let serial, let request): "request \(serial) \(Scene.describe(request))"
            case .say(let serial, let from, let data):
                "say \(serial) \(from.description.prefix(4)) \(String(decoding: data, as: UTF8.self))"
            case .send(let text): "send \(String(decoding: text, as: UTF8.self))"
            case .close(let code, let reason): "close \(code.rawValue) \(reason)"
            }
        }
    }

    mutating func says(_ text: String) -> [String] { hears(.text(Array(text.utf8))) }

    private static func describe(_ request: ClientRequest) -> String {
        guard case .operate(let call, let context, _) = request.operation else { return "?" }
        return "\(call.name.map { $0.description.dropFirst(28) } ?? "-") \(String(decoding: call.body, as: UTF8.self))"
            + (context == nil ? "" : " seen")
    }

    /// The problem's name in the first text that is sent.
    static func problem(_ effects: [String]) -> String? {
        effects.first?.split(separator: "\"type\":\"").last?.split(separator: "\"").first.map(String.init)
    }
}

@Suite struct LiveSocketTests {
    @Test func watchesBeginAndEnd() throws {
        var scene = try Scene()
        #expect(scene.says(#"{"watch":7,"key":"docs/plan"}"#) == ["subscribe 1"])
        #expect(scene.says(#"{"watch":8,"key":"timeline/ann/?prefix=2026"}"#) == ["subscribe 2"])
        #expect(scene.says(#"{"watch":9,"key":"docs/a","changes":true}"#) == ["subscribe 3 changes"])
        #expect(scene.says(#"{"watch":10,"key":"docs/a","ids":true,"changes":false}"#) == ["subscribe 4 ids"])
        #expect(scene.says(#"{"unwatch":9}"#) + scene.says(#"{"unwatch":10}"#) == ["unsubscribe 3", "unsubscribe 4"])
        let block =
            "id: abc\nevent: document\ndata: {\"watch\":\"docs/plan\",\"value\":{}}\n\n:\n\nid: d\nevent: ready\ndata: {}\n\n"
        let half = Array(block.utf8.prefix(20))[...]
        let rest = Array(block.utf8.dropFirst(20))[...]
        #expect(
            scene.hears(.events(1, [half, rest])) == [
                #"send {"watch":7,"event":"document","id":"abc","data":{"watch":"docs/plan","value":{}}}"#,
                "send {}",
                #"send {"watch":7,"event":"ready","id":"d","data":{}}"#,
            ])
        #expect(
            scene.hears(.ended(2, LiveResponses.response(to: .tooLarge))).first?.contains(#"{"refused":8,"problem":"#)
                == true)
        #expect(scene.says(#"{"unwatch":7}"#) == ["unsubscribe 1"])
        #expect(scene.hears(.events(1, [half, rest])) == [])
        #expect(scene.says(#"{"unwatch":7}"#) == [])
        // The client's number is free again, and what comes late for the former watch is not taken for the new one's.
        #expect(scene.says(#"{"watch":7,"key":"docs/plan"}"#) == ["subscribe 5"])
        #expect(scene.hears(.events(1, [half, rest])) == [])
        #expect(scene.hears(.closed) == ["unsubscribe 5"])
    }

    @Test func requestsAreAnswered() throws {
        var scene = try Scene()
        _ = scene.says(#"{"watch":1,"key":"docs/plan"}"#)
        let operation = #"[{"op":"increment","path":"/n"}]"#
        #expect(
            scene.says("{\"do\":1,\"number\":17,\"ops\":\(operation),\"again\":true,\"after\":\"de-1~5:42\"}") == [
                "request 1 cdef.17; again; after=de-1~5:42 \(operation)"
            ])
        #expect(scene.clients.memory.heldBytes == operation.utf8.count)
        #expect(
            Scene.problem(scene.says("{\"do\":1,\"number\":18,\"ops\":\(operation)}")) == "/problems/request-under-way")
        let account = Account(tally: Tally(), level: .one, reached: true)
        let texts = scene.hears(
            .outcome(
                1, .operated([1, 2], answer: Array(#"{"dots":"a~1:1-2","results":[]}"#.utf8), created: true, account)))
        #expect(texts.count == 1)
        let text = try #require(texts.first)
        #expect(text.hasPrefix(#"send {"done":17,"watch":1,"dots":"a~1:1-2","results":[],"context":""#))
        _ = try JSONValue.decode(Array(text.dropFirst(5).utf8))
        // The refusals that nobody has taken yet, and the answer.
        scene.socket.handle(.left(scene.socket.unsentBytes), &scene.clients, scene.now, &scene.out)
        #expect(scene.clients.memory.heldBytes == 0)
        let failed = scene.says("{\"do\":1,\"number\":18,\"ops\":\(operation)}")
        #expect(failed.count == 1)
        let refusal = scene.hears(.outcome(1, .failed(.overloaded, nil)))
        #expect(Scene.problem(refusal) == "/problems/overloaded" && refusal[0].contains(#"{"failed":18,"watch":1,"#))
    }

    @Test func aPageOfAnotherSiteHasTheBucketsThatNameIt() throws {
        var scene = try Scene(origin: "https://a.example")
        #expect(scene.says(#"{"watch":1,"key":"shared/plan"}"#) == ["subscribe 1"])
        #expect(scene.says(#"{"watch":2,"key":"shared/plan/"}"#) == ["subscribe 2"])
        for key in ["docs/plan", "plain/plan", "docs/plan/", "sharedx/plan"] {
            #expect(Scene.problem(scene.says(#"{"watch":3,"key":"\#(key)"}"#)) == "/problems/foreign-origin")
        }
        let operation = #"[{"op":"set","path":"/a","value":1}]"#
        #expect(scene.says(#"{"do":1,"number":1,"ops":\#(operation)}"#).first?.hasPrefix("request 1") == true)
        #expect(Scene.problem(scene.says(#"{"do":3,"number":2,"ops":\#(operation)}"#)) == "/problems/malformed")
        var other = try Scene(origin: "https://b.example")
        #expect(Scene.problem(other.says(#"{"watch":1,"key":"shared/plan"}"#)) == "/problems/foreign-origin")
    }

    @Test func aSitesSocketHasItsOneKey() throws {
        let key = try StoredKey(bucket: Array("social.drafts@de".utf8), partitionKey: Array("d/1".utf8))
        var scene = try Scene(only: key)
        for other in [
            "docs/plan", "social.drafts/d%2F1", "social.drafts@de/d", "social.drafts@de/d%2F1/", "social.users/ann",
        ] {
            #expect(Scene.problem(scene.says(#"{"watch":1,"key":"\#(other)"}"#)) == "/problems/another-key", "\(other)")
        }
        #expect(scene.says(#"{"watch":1,"key":"social.drafts@de/d%2F1"}"#) == ["subscribe 1"])
        // Everybody else's has any but those.
        var node = try Scene()
        for reserved in ["social.drafts@de/d%2F1", "social.inbox/ann/", "soci%61l.users/ann"] {
            #expect(
                Scene.problem(node.says(#"{"watch":1,"key":"\#(reserved)"}"#)) == "/problems/reserved-bucket",
                "\(reserved)")
        }
    }

    @Test func whatCannotBeDoneIsSaid() throws {
        var scene = try Scene()
        _ = scene.says(#"{"watch":1,"key":"docs/plan"}"#)
        _ = scene.says(#"{"watch":2,"key":"plain/plan"}"#)
        _ = scene.says(#"{"watch":3,"key":"docs/plan/"}"#)
        func refusal(_ text: String) -> String? {
            let effects = scene.says(text)
            #expect(effects.count == 1, "\(effects)")
            return Scene.problem(effects)
        }
        #expect(refusal(#"{"watch":1,"key":"docs/other"}"#) == "/problems/malformed")
        #expect(refusal(#"{"watch":4,"key":"docs"}"#) == "/problems/malformed")
        #expect(refusal(#"{"watch":4,"key":"/docs/plan"}"#) == "/problems/malformed")
        #expect(refusal(#"{"watch":4,"key":"docs/%zz"}"#) == "/problems/malformed")
        #expect(
            refusal("{\"watch\":4,\"key\":\"docs/\(String(repeating: "x", count: 2_000))\"}")
                == "/problems/target-too-long")
        #expect(refusal(#"{"watch":4,"key":"docs/plan","since":"!"}"#) == "/problems/malformed")
        #expect(refusal(#"{"do":9,"number":1,"ops":[]}"#) == "/problems/malformed")
        #expect(refusal(#"{"do":3,"number":1,"ops":[]}"#) == "/problems/malformed")
        #expect(refusal(#"{"do":2,"number":1,"ops":[]}"#) == "/problems/wrong-type")
        #expect(refusal(#"{"do":1,"number":1,"ops":{}}"#) == "/problems/malformed")
        #expect(refusal(#"{"do":1,"number":1,"ops":[{"op":"burn"}]}"#) == "/problems/malformed")
        #expect(refusal(#"{"do":1,"number":1,"ops":[],"context":"AAAA"}"#) == "/problems/malformed")
        #expect(refusal(#"{"do":1,"number":1,"ops":[],"after":"x; again"}"#) == "/problems/malformed")
        for number in 10..<71 { #expect(scene.says("{\"watch\":\(number),\"key\":\"docs/\(number)\"}").count == 1) }
        #expect(refusal(#"{"watch":4,"key":"docs/plan"}"#) == "/problems/too-many-watches")
    }

    @Test(arguments: [
        "", "[]", "{", "7", "{}", #"{"hello":{"writer":"0123456789abcdef0123456789abcdef"}}"#, #"{"watch":1}"#,
        #"{"watch":-1,"key":"docs/a"}"#, #"{"watch":1.5,"key":"docs/a"}"#, #"{"watch":1e99,"key":"docs/a"}"#,
        #"{"watch":1,"key":7}"#, #"{"watch":1,"key":"docs/a","colour":1}"#, #"{"do":1,"number":0,"ops":[]}"#,
        #"{"watch":1,"key":"docs/a","changes":1}"#, #"{"watch":1,"key":"docs/a","ids":"true"}"#,
        #"{"do":1,"number":1}"#, #"{"do":1,"number":1,"ops":[],"again":1}"#, #"{"do":1,"ops":[]}"#,
        #"{"do":1,"number":1,"ops":[],"writer":"me"}"#, #"{"say":1}"#, #"{"say":"1","data":1}"#,
        #"{"unwatch":null}"#, "{\"say\":1,\"data\":\"\(String(repeating: "x", count: 1_024))\"}",
        String(repeating: "[", count: 10_000),
    ])
    func whoSpeaksAnotherLanguageIsLetGo(_ text: String) throws {
        var scene = try Scene()
        let effects = scene.says(text)
        #expect(effects.count == 2 && effects[1].hasPrefix("close 1008"), "\(effects)")
        #expect(scene.says(#"{"watch":1,"key":"docs/plan"}"#) == [], "nothing more is heard")
    }

    @Test func helloComesFirst() throws {
        var scene = try Scene(greets: false)
        #expect(scene.says(#"{"watch":1,"key":"docs/plan"}"#).last == "close 1008 malformed")
        scene = try Scene(greets: false)
        #expect(scene.says(#"{"hello":{"writer":"0F"}}"#).last == "close 1008 malformed")
    }

    @Test func whatIsSaidIsBounded() throws {
        var scene = try Scene()
        _ = scene.says(#"{"watch":1,"key":"docs/plan"}"#)
        for _ in 0..<10 { #expect(scene.says(#"{"say":1,"data":{"at":3}}"#) == [#"say 1 0123 {"at":3}"#]) }
        #expect(scene.says(#"{"say":1,"data":{"at":3}}"#) == [], "too often")
        scene.now.instant = scene.now.instant + .seconds(1)
        #expect(scene.says(#"{"say":1,"data":null}"#) == ["say 1 0123 null"])
        #expect(scene.says(#"{"say":2,"data":null}"#) == [], "no such watch")
    }

    @Test func memoryIsBoundedAndGivenBack() throws {
        var scene = try Scene(memory: 300)
        _ = scene.says(#"{"watch":1,"key":"docs/plan"}"#)
        let long = "[{\"op\":\"set\",\"path\":\"/a\",\"value\":\"\(String(repeating: "x", count: 300))\"}]"
        #expect(Scene.problem(scene.says("{\"do\":1,\"number\":1,\"ops\":\(long)}")) == "/problems/overloaded")
        let block = Array("id: a\nevent: value\ndata: {\"value\":\"\(String(repeating: "x", count: 300))\"}\n\n".utf8)
        #expect(scene.hears(.events(1, [block[...]])) == ["close 1013 overloaded"])
        #expect(scene.hears(.closed) == ["unsubscribe 1"])
        #expect(scene.clients.memory.heldBytes == 0)
    }

    /// Whatever is said in whatever order, it is answered or ends the connection, and nothing is left behind.
    @Test func anythingMayCome() throws {
        let parts = [
            "{", "}", "\"watch\":1", ",", "\"key\":\"docs/a\"", "\"do\":1", "\"number\":1", "\"ops\":[]", "\"say\":1",
            "\"data\":0", "\"unwatch\":1", "\"since\":\"-\"", "[", "]", "null", "\u{0}", "\"", "\\",
        ]
        let whole = [
            #"{"watch":1,"key":"docs/a"}"#, #"{"unwatch":1}"#, #"{"do":1,"number":2,"ops":[]}"#, #"{"say":1,"data":1}"#,
        ]
        for seed in 1...300 as ClosedRange<UInt64> {
            var random = SeededRandom(seed: seed)
            var scene = try Scene()
            for _ in 0..<40 {
                let isWhole = Int.random(in: 0..<8, using: &random) > 0
                let text =
                    isWhole
                    ? whole[Int.random(in: whole.indices, using: &random)]
                    : (0..<8).map { _ in parts[Int.random(in: parts.indices, using: &random)] }.joined()
                _ = scene.says(text)
                let serial = Int.random(in: 0..<6, using: &random)
                if Bool.random(using: &random) { _ = scene.hears(.outcome(serial, .failed(.overloaded, nil))) }
            }
            _ = scene.hears(.closed)
            for request in scene.socket.requests {
                _ = scene.hears(.outcome(request.serial, .failed(.overloaded, nil)))
            }
            #expect(scene.clients.memory.heldBytes == 0, "seed \(seed)")
            #expect(scene.socket.watches.isEmpty)
        }
    }
}
