// Exchanges as text: each line at the margin is something that happens, the indented ones below are what repair does
// about it. A script is replayed and compared with what it says; no store and no other node is there.
//
//     tick                    50 ms pass, or so many as are named
//       de-1 compare          a side is asked to count: `from a` on, `until b`
//     us-1 counts 7 until c   one side counts 7 (or nothing) in the slice of the keys, and stopped at c
//       us-1 read             a page of its keys: `after a`
//     us-1 holds a=x1 more    the keys it has there
//       us-1 merge a=x1       an object is sent to it
//
// The keys a, b, c … are items of one partition key, in the partition with which these two nodes begin.

import Keys
import Causality
import DataTypes
import Ring
import Testing
@testable import Wire
import World

@testable import Vnodes

private struct ScriptRunner {
    private struct Question {
        let id: UInt64
        let node: NodeID
        let request: ReplicaRequest
    }

    private var repair: AntiEntropy
    private var now = Instant.origin
    private var open: [Question] = []
    private var out = Outbox<AntiEntropyEffect>()
    private let partitionKey: String

    init() throws {
        let partitions = 8
        partitionKey = try #require(
            try (0..<1_000).map { "key \($0)" }.first {
                try StoredKey(decoding: try Fixture.key($0)).token.partition(of: partitions) == 5
            })
        repair = AntiEntropy(
            identity: Fixture.de, ring: try Fixture.ring(), cycle: .seconds(3_600), atOnce: 1, now: now)
        repair.peerReturned(Fixture.us)
    }

    mutating func replay(_ script: String) throws -> String {
        var lines: [String] = []
        for line in script.split(separator: "\n") where !line.hasPrefix("  ") {
            lines.append(String(line))
            let before = (repair.completed, repair.abandoned)
            try play(line.split(separator: " ").map(String.init))
            lines += try out.take().map { "  " + (try describe($0)) }
            if repair.completed > before.0 { lines.append("  done") }
            if repair.abandoned > before.1 { lines.append("  given up") }
        }
        return lines.joined(separator: "\n")
    }

    // MARK: What happens

    private mutating func play(_ words: [String]) throws {
        guard words[0] != "tick" else {
            now = now + .milliseconds(words.count > 1 ? Int64(words[1]) ?? 0 : 50)
            return repair.tick(reachable: [Fixture.us], now: now, &out)
        }
        let place = try #require(open.firstIndex { $0.node.name == words[0] }, "nothing is asked of \(words[0])")
        let question = open.remove(at: place)
        if words[1] == "breaks" { return repair.fail(id: question.id, now: now) }
        repair.receive(try reply(Array(words.dropFirst()), to: question.request), id: question.id, now: now, &out)
    }

    private func reply(_ words: [String], to request: ReplicaRequest) throws -> ReplicaReply {
        switch words[0] {
        case "counts":
            guard case .compare(let compare) = request else { return .stored }
            let token = try StoredKey(decoding: try key("a")).token.value
            let slice = (0..<compare.slices).first { index in
                Fingerprints.slice(index, of: compare).map { ($0.first...$0.last).contains(token) } ?? false
            }
            var sums = [UInt64](repeating: 0, count: compare.slices)
            if let sum = UInt64(words[1]) { sums[try #require(slice)] = sum }
            return .fingerprints(sums, end: words.count > 3 ? try key(words[3]) : nil)
        case "holds":
            let items = try words.dropFirst().filter { $0.contains("=") }.map { item in
                let parts = item.split(separator: "=").map(String.init)
                return RangeItem(key: try key(parts[0]), object: try object(parts[1]))
            }
            return .page(items: RangeItems(items), more: words.contains("more"))
        case "refuses": return .refused(Refusal(Refusal.Code.allCases.first { "\($0)" == words[1] } ?? .unknown))
        default: return .stored
        }
    }

    private func key(_ sort: String) throws -> [UInt8] { try Fixture.key(partitionKey, sort: sort) }

    /// `x2` is the second write of actor x, which has seen the first.
    private func object(_ name: String) throws -> [UInt8] {
        var object = StoredObject()
        for n in 1...(UInt64(name.dropFirst()) ?? 1) {
            let dot = Dot(actor: Actor(node: try #require(NodeID(String(name.prefix(1)))), incarnation: 1), counter: n)
            let payload = Payload.value(Array("\(name.prefix(1))\(n)".utf8))
            object.write(Sibling(dot: dot, payload: payload, time: HybridTime(bits: n)), context: nil, rule: .siblings)
        }
        return object.encode()
    }

    // MARK: What repair does

    private mutating func describe(_ effect: AntiEntropyEffect) throws -> String {
        switch effect {
        case .ask(let id, let node, let request):
            open.append(Question(id: id, node: node, request: request))
            return "\(node) " + (try describe(request))
        case .apart(let apart): return "\(apart.keys) apart"
        }
    }

    private func describe(_ request: ReplicaRequest) throws -> String {
        switch request {
        case .compare(let compare):
            return "compare" + (compare.from.isEmpty ? "" : " from \(sort(compare.from))")
                + (compare.until.map { " until \(sort($0))" } ?? "")
        case .range(let range):
            return "read"
                + (range.start.last == 0 && range.start.count > 20 ? " after \(sort(range.start.dropLast()))" : "")
        case .merge(let key, let object, _):
            let texts = try StoredObject(decoding: object).texts
            return "merge \(sort(key))=\(texts.joined(separator: "+"))"
        default: return "something else"
        }
    }

    private func sort(_ key: some Sequence<UInt8>) -> String {
        (try? StoredKey(decoding: Array(key)))?.sortKey.map { String(decoding: $0, as: UTF8.self) } ?? "?"
    }
}

@Suite struct ExchangeScripts {
    private func expect(_ script: String, _ location: SourceLocation = #_sourceLocation) throws {
        var runner = try ScriptRunner()
        let played = try runner.replay(script)
        if played != script { Issue.record("repair did this:\n\(played)", sourceLocation: location) }
    }

    @Test func whatIsEqualIsNotRead() throws {
        try expect(
            """
            tick
              de-1 compare
              us-1 compare
            us-1 counts 7
            de-1 counts 7
              done
            tick
              de-1 compare
              us-1 compare
            """)
    }

    @Test func whatDiffersIsReadAndSentBothWays() throws {
        try expect(
            """
            tick
              de-1 compare
              us-1 compare
            de-1 counts 7
            us-1 counts 8
              de-1 read
              us-1 read
            us-1 holds b=x2 c=y1 d=x2
            de-1 holds a=x1 b=y1 c=y1 d=x1
              us-1 merge a=x1
              us-1 merge b=y1
              de-1 merge b=x2
              de-1 merge d=x2
            us-1 stored
            de-1 stored
            us-1 stored
            de-1 stored
              done
            """)
    }

    /// Beyond the nearest end of the two pages nothing is known.
    @Test func pagesAreComparedUpToTheNearestEnd() throws {
        try expect(
            """
            tick
              de-1 compare
              us-1 compare
            de-1 counts 7
            us-1 counts 8
              de-1 read
              us-1 read
            de-1 holds a=x1 b=x1 more
            us-1 holds a=x1 c=x1
              us-1 merge b=x1
            us-1 stored
              de-1 read after b
              us-1 read after b
            de-1 holds c=x1
            us-1 holds c=x1
              done
            """)
    }

    /// The one that came further is asked again, for no more than the other has counted.
    @Test func piecesEndAtOneKey() throws {
        try expect(
            """
            tick
              de-1 compare
              us-1 compare
            de-1 counts 7 until c
            us-1 counts 9
              us-1 compare until c
            us-1 counts 7 until c
              de-1 compare from c
              us-1 compare from c
            de-1 counts 0
            us-1 counts 2 until d
              de-1 compare from c until d
            de-1 counts 2 until d
              de-1 compare from d
              us-1 compare from d
            de-1 counts 1
            us-1 counts 1
              done
            """)
    }

    @Test func aKeyThatIsRefusedIsToldAndTheRestFollows() throws {
        try expect(
            """
            tick
              de-1 compare
              us-1 compare
            de-1 counts 7
            us-1 counts 8
              de-1 read
              us-1 read
            de-1 holds a=x1 b=x1
            us-1 holds
              us-1 merge a=x1
              us-1 merge b=x1
            us-1 refuses tooManySiblings
            us-1 stored
              1 apart
              done
            """)
    }

    /// Whatever ends it, the next one of the pair begins where it was; and what comes late is nobody's.
    @Test(arguments: ["us-1 breaks", "us-1 refuses busy", "us-1 stored", "us-1 counts 1 until b"])
    func anExchangeEndsAtWhatMakesNoSense(_ end: String) throws {
        try expect(
            """
            tick
              de-1 compare
              us-1 compare
            de-1 counts 7 until c
            us-1 counts 7 until c
              de-1 compare from c
              us-1 compare from c
            \(end)
              given up
            de-1 counts 0
            """)
    }

    /// Keys ascend, lie where they were asked for, and there is no more behind nothing.
    @Test(arguments: ["c=x1 b=x1", "b=x1 b=x1", "a=x1 c=x1", "more"])
    func aPageThatIsNoneEndsTheExchange(_ page: String) throws {
        try expect(
            """
            tick
              de-1 compare
              us-1 compare
            de-1 counts 7
            us-1 counts 8
              de-1 read
              us-1 read
            de-1 holds a=x1 more
            us-1 holds a=x1
              de-1 read after a
              us-1 read after a
            us-1 holds \(page)
              given up
            de-1 holds
            """)
    }

    @Test func whoeverIsSilentIsGivenUpAndThenGivenLonger() throws {
        try expect(
            """
            tick
              de-1 compare
              us-1 compare
            tick 5000
            de-1 counts 7
            tick 6000
            tick 1
              given up
            tick
              de-1 compare
              us-1 compare
            de-1 counts nothing
            tick 12000
            tick 1
              given up
            us-1 counts 7
            """)
    }
}
