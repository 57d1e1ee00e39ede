// What a request for a live read is taken for, and what is refused before anything is asked.

import Keys
@testable import Live
import Ring
import Testing
import World

@testable import Edge

@Suite struct LiveCallTests {
    private func call(_ target: String, _ fields: (String, String)...) throws -> LiveSubscription {
        let ring = RingSnapshot(try RingDocument.singleNode())
        var all = RequestFields()
        for (name, value) in fields { all.take(name, value) }
        let request = IncomingRequest(RequestHead(.get, target, all), try RequestTarget.parse(target), in: ring)
        guard case .live(let subscription) = try request.call(Surroundings(ring: ring.document) { 7 }) else {
            throw Problem.malformed("no live read")
        }
        return subscription
    }

    private func key(_ key: String, _ sort: String? = nil) throws -> LiveTarget {
        LiveTarget(
            key: try StoredKey(
                bucket: Array("b".utf8), partitionKey: Array(key.utf8), sortKey: sort.map { Array($0.utf8) }))
    }

    private func range(_ key: String, from start: String? = nil, prefix: String? = nil) throws -> LiveTarget {
        try LiveTarget(
            bucket: Array("b".utf8), partitionKey: Array(key.utf8), start: start.map { Array($0.utf8) }, end: nil,
            prefix: prefix.map { Array($0.utf8) })
    }

    private func expect(
        _ target: String, _ watches: [(LiveTarget, String)], _ location: SourceLocation = #_sourceLocation
    ) throws {
        let asked = watches.map { LiveSubscription.Watch(target: $0.0, name: Array($0.1.utf8)) }
        #expect(try call(target).watches == asked, sourceLocation: location)
    }

    @Test func whatIsWatchedIsNamedAsItWasWritten() throws {
        try expect("/v1/live/b/k", [(key("k"), "b/k")])
        try expect("/v1/live/b/k%2F1/s", [(key("k/1", "s"), "b/k%2F1/s")])
        try expect("/v1/live/b/k/", [(range("k"), "b/k/")])
        try expect("/v1/live/b/k/?prefix=x&start=xa", [(range("k", from: "xa", prefix: "x"), "b/k/")])
        try expect(
            "/v1/live?watch=b/k&watch=b/k/s&watch=b/k/&watch=b/k%252F1",
            [(key("k"), "b/k"), (key("k", "s"), "b/k/s"), (range("k"), "b/k/"), (key("k/1"), "b/k%2F1")])
    }

    @Test func documentsComeAsTheyAreAskedFor() throws {
        for (query, changes, ids) in [
            ("", false, false), ("?changes=true", true, false), ("?ids=true&changes=false", false, true),
            ("?ids=true&changes=true", true, true),
        ] {
            let form = try call("/v1/live/b/k\(query)").form
            #expect(form.tellsChanges == changes && form.showsIDs == ids, "\(query)")
        }
        for query in ["changes=2", "ids=yes", "types=true", "changes=true&changes=true"] {
            #expect(throws: (any Error).self, "\(query)") { try call("/v1/live/b/k?\(query)") }
        }
    }

    @Test func anIdIsThatOfTheHeaderBeforeThatOfTheTarget() throws {
        #expect(try call("/v1/live/b/k").resume == nil)
        let asked = try call("/v1/live/b/k/?since=n~1.0.5&at=true")
        #expect(asked.resume == (try EventID("n~1.0.5", watches: 1)) && asked.tellsPositions)
        let later = try call("/v1/live/b/k/?since=n~1.0.5", ("Last-Event-ID", "n~1.0.7"))
        #expect(later.resume == (try EventID("n~1.0.7", watches: 1)) && !later.tellsPositions)
        #expect(try call("/v1/live/b/k/", ("Last-Event-ID", "")).resume == nil)
        #expect(try call("/v1/live/b/k?r=quorum").needsQuorum && call("/v1/live?watch=b/k&r=quorum").needsQuorum)
        #expect(try !call("/v1/live/b/k").needsQuorum && !call("/v1/live/b/k/?r=one").needsQuorum)
    }

    @Test(arguments: [
        "/v1/live", "/v1/live?watch=", "/v1/live?watch=b", "/v1/live?watch=b//s", "/v1/live?watch=/k",
        "/v1/live?watch=b/k/s/t", "/v1/live?watch=b/%25zz", "/v1/live/b/k?since=", "/v1/live/b/k?since=%21",
        "/v1/live?watch=b/k&watch=b/l&since=-", "/v1/live/b/k?since=-&since=-", "/v1/live/b/k?r=all",
        "/v1/live/b/k?r=2",
        "/v1/live/b/k?at=perhaps",
    ])
    func whatMakesNoSenseIsRefused(_ target: String) throws {
        #expect(throws: (any Error).self) { try call(target) }
    }

    @Test func aConnectionHasSoManyWatches() throws {
        let watches = (0...Limits.liveWatchesOfConnection).map { "watch=b/\($0)" }
        #expect(try call("/v1/live?" + watches.dropLast().joined(separator: "&")).watches.count == watches.count - 1)
        #expect(throws: TargetError.self) { try call("/v1/live?" + watches.joined(separator: "&")) }
    }

    @Test func anAddressBeginsSoManyASecond() {
        var gate = WatchGate(.standard)
        let now = Instant.origin
        let most = Int(Limits.liveNewPerSecond)
        for _ in 0..<most { #expect(gate.admit("10.0.0.1", now: now) == nil) }
        #expect(gate.admit("10.0.0.1", now: now) != nil)
        #expect(gate.admit("10.0.0.2", now: now) == nil)
        #expect(gate.admit("10.0.0.1", now: now + .milliseconds(60)) == nil)
        for _ in 0..<(2 * most) { #expect(gate.admit("127.0.0.1", now: now) == nil) }
        var strict = WatchGate(.everyone(perSecond: 1))
        #expect(strict.admit("127.0.0.1", now: now) == nil && strict.admit("127.0.0.1", now: now) != nil)
        let answer = LiveResponses.tooMany(.milliseconds(50))
        #expect(answer.status == 429)
        let body = String(decoding: LiveResponses.tooManyWatches.body, as: UTF8.self)
        #expect(body.contains(#""/problems/too-many-watches""#))
        #expect(String(decoding: answer.headers.bytes, as: UTF8.self).contains("retry-after: 1\r\n"))
    }
}
