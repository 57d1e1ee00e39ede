// What clients are sent, to the letter, and when.

import DataTypes
import Causality
import Keys
import Testing
import World

@testable import Live

@Suite struct HubScripts {
    private let source = Cluster.replicas[0]

    @Test func aKeyIsSentAsItIsAndAsItChanges() throws {
        let key = try Cluster.key("plan")
        var scene = try HubScene()
        try scene.subscribe(1, [LiveTarget(key: key)])
        #expect(scene.take(1) == "")
        scene.tell(source, [HubScene.item(key, 1, "one\n\"")], reached: 1)
        let first = HubScene.context(key, 1, "one\n\"")
        #expect(
            scene.take(1) == """
                id: \(first)
                event: value
                data: {"watch":"w0","version":"\(first)","time_ms":1795000000001,"content_type":"text/plain","value":"one\\n\\""}

                id: \(first)
                event: ready
                data: {"watch":"w0"}


                """)
        scene.hear(.drained([1]))
        scene.tell(source, [HubScene.item(key, 2, nil)], reached: 2)
        let second = HubScene.context(key, 2, nil)
        #expect(
            scene.take(1) == """
                id: \(second)
                event: deleted
                data: {"watch":"w0","version":"\(second)","time_ms":1795000000002}


                """)
    }

    @Test func aRangesIDNamesHowFarItsPrimariesWereRead() throws {
        let item = try Cluster.key("p", "i")
        var scene = try HubScene()
        try scene.subscribe(1, [try Cluster.range("p")])
        scene.tell(source, [HubScene.item(item, 1, "x")], reached: 7)
        let version = HubScene.context(item, 1, "x")
        #expect(
            scene.take(1) == """
                id: -
                event: item
                data: {"watch":"w0","sort":"i","version":"\(version)","time_ms":1795000000001,"content_type":"text/plain","value":"x"}

                id: ra~1.0.7
                event: ready
                data: {"watch":"w0"}


                """)
        // A guard adds its own, once all it told of is known.
        scene.hear(.drained([1]))
        let ahead = LiveItem(key: item.bytes, state: .versions(HubScene.object(2, "y").versions))
        scene.tell(Cluster.replicas[1], [ahead], reached: 4)
        #expect(scene.take(1) == "")
        scene.tell(source, [HubScene.item(item, 2, "y")], reached: 8)
        #expect(scene.take(1).hasPrefix("id: ra~1.0.8;rb~1.0.4\nevent: item\n"))
    }

    /// What it had reached before it opened the range says nothing of the range's items, which are still to come.
    @Test func aRangesIDDoesNotNameAPrimaryThatOnlyBegins() throws {
        let key = try Cluster.key("plan")
        var scene = try HubScene()
        try scene.subscribe(1, [LiveTarget(key: key)])
        let ahead = LiveItem(key: key.bytes, state: .versions(HubScene.object(2, "y").versions))
        scene.tell(Cluster.replicas[1], [ahead], reached: 4)
        try scene.subscribe(2, [try Cluster.range("p")])
        scene.tell(Cluster.replicas[1], [], reached: nil)
        scene.tell(source, [HubScene.item(key, 2, "y")], reached: 1)
        #expect(scene.take(2).hasPrefix("id: ra~1.0.1\nevent: ready\n"))
        scene.hear(.drained([2]))
        scene.tell(Cluster.replicas[1], [], reached: 5)
        scene.tell(source, [HubScene.item(try Cluster.key("p", "i"), 1, "x")], reached: 2)
        #expect(scene.take(2).hasPrefix("id: ra~1.0.2;rb~1.0.5\nevent: item\n"))
    }

    @Test func aSlowReaderGetsTheNewestAlone() throws {
        let key = try Cluster.key("plan")
        var scene = try HubScene()
        try scene.subscribe(1, [LiveTarget(key: key)])
        scene.tell(source, [HubScene.item(key, 1, "one")], reached: 1)
        _ = scene.take(1)
        for counter in UInt64(2)...9 {
            scene.tell(source, [HubScene.item(key, counter, "\(counter)")], reached: counter)
        }
        #expect(scene.take(1) == "")
        scene.hear(.drained([1]))
        let text = scene.take(1)
        #expect(text.contains("\"value\":\"9\""))
        #expect(text.components("event:") == 1)
        // Who takes nothing for a minute is let go.
        scene.pass(Limits.liveStuck + .seconds(1))
        #expect(scene.ended[1] == .stuck)
    }

    @Test func whoIsTooFarBehindBeginsAnew() throws {
        var scene = try HubScene()
        try scene.subscribe(1, [try Cluster.range("p")])
        scene.tell(source, [], reached: 1)
        #expect(scene.take(1).contains("event: ready"))
        for number in 0...Limits.liveDirtyKeys {
            scene.tell(
                source, [HubScene.item(try Cluster.key("p", "i\(number)"), UInt64(number) + 1, "v")],
                reached: UInt64(number) + 2)
        }
        var text = ""
        for _ in 0..<100 {
            scene.hear(.drained([1]))
            text += scene.take(1)
        }
        #expect(text.hasPrefix("id: -\nevent: reset\n"))
        #expect(text.components("event: item") == Limits.liveDirtyKeys + 1)
        #expect(text.components("event: ready") == 1)
    }

    @Test func anIDOfSeveralWatchesHasAPartForEach() throws {
        let key = try Cluster.key("plan")
        let targets = [LiveTarget(key: key), try Cluster.range("p")]
        var scene = try HubScene()
        try scene.subscribe(1, targets)
        scene.tell(source, [HubScene.item(key, 1, "one")], reached: 3)
        let id = "\(HubScene.context(key, 1, "one")),ra~1.0.3"
        #expect(scene.take(1).contains("id: \(id)\nevent: ready\ndata: {\"watch\":\"w1\"}"))
        // With it, nothing that was seen comes again.
        try scene.subscribe(2, targets, resume: id)
        guard case .changes(let ask, _, let since)? = scene.sent.last?.message else {
            return #expect(Bool(false), "nobody was asked what changed")
        }
        #expect(since == ChangeMark(life: 1, shard: 0, position: 3))
        scene.hear(.drained([2]))
        scene.hear(.received(.changed(ask: ask, keys: []), from: source))
        let text = scene.take(2)
        #expect(text.components("event: ready") == 2)
        #expect(text.components("event:") == 2)
    }

    @Test func silenceIsToldAndBytesKeepAQuietConnectionOpen() throws {
        let key = try Cluster.key("plan")
        var scene = try HubScene()
        try scene.subscribe(1, [LiveTarget(key: key)], at: true)
        scene.tell(source, [], reached: 1)
        _ = scene.take(1)
        scene.hear(.drained([1]))
        scene.pass(Limits.liveLag + .seconds(2))
        #expect(scene.take(1).contains("event: lagging\ndata: {\"watch\":\"w0\",\"behind_ms\":"))
        scene.hear(.drained([1]))
        scene.tell(source, [], reached: 1)
        scene.pass(.seconds(1))
        #expect(scene.take(1).contains("event: current"))
        scene.hear(.drained([1]))
        for _ in 0..<16 {
            scene.tell(source, [], reached: 1)
            scene.pass(.seconds(1))
        }
        #expect(scene.take(1).contains("event: at\ndata: {}"))
    }

    @Test func aLostNoticeBeginsTheStreamAnewFromWhereAllIsKnown() throws {
        let key = try Cluster.key("plan")
        var scene = try HubScene()
        try scene.subscribe(1, [LiveTarget(key: key)])
        scene.tell(source, [HubScene.item(key, 1, "one")], reached: 5)
        scene.lose(source)
        scene.forgetSent()
        scene.tell(source, [], reached: 6)
        #expect(scene.orders[source]?.map(\.since) == [ChangeMark(life: 1, shard: 0, position: 5)])
        #expect(scene.orders[source]?.map(\.isSource) == [true])
    }

    @Test func whatAGuardAloneKnowsIsReadFromIt() throws {
        let key = try Cluster.key("plan")
        var scene = try HubScene()
        try scene.subscribe(1, [LiveTarget(key: key)])
        scene.tell(source, [HubScene.item(key, 1, "one")], reached: 1)
        let ahead = LiveItem(key: key.bytes, state: .versions(HubScene.object(2, "two").versions))
        scene.tell(Cluster.replicas[1], [ahead], reached: 1)
        scene.pass(Limits.liveGuardPatience - .milliseconds(100))
        #expect(!scene.sent.contains { $0.message == .read(key: key.bytes) })
        scene.pass(.milliseconds(200))
        #expect(scene.sent.contains { $0.message == .read(key: key.bytes) && $0.to == Cluster.replicas[1] })
    }
}

extension String {
    /// How often `part` stands in it.
    fileprivate func components(_ part: String) -> Int {
        var count = 0
        var rest = self[...]
        while let place = rest.firstRange(of: part) {
            count += 1
            rest = rest[place.upperBound...]
        }
        return count
    }

    /// What one primary told was lost with its disk before anybody else had it: no wait for it is without end.
    @Test func whatAllPrimariesHaveLostIsGivenUp() throws {
        let key = try Cluster.key("k")
        var scene = try HubScene()
        scene.hub = LiveHub(
            identity: Cluster.gateways[0], life: 9, ring: try Cluster.ring(), room: LiveRoom(contentBytes: 1))
        scene.hear(.ranking(Cluster.replicas))
        try scene.subscribe(1, [LiveTarget(key: key)])
        scene.tell(Cluster.replicas[0], [HubScene.item(key, 2, "two")], reached: 1)
        #expect(scene.take(1).contains("two"))
        scene.hear(.drained([1]))
        // Its contents were dropped, and are read again for one who comes.
        try scene.subscribe(2, [LiveTarget(key: key)])
        for (place, node) in Cluster.replicas.enumerated() {
            #expect(scene.take(1).isEmpty && scene.take(2).isEmpty, "after \(place) answers")
            scene.hear(.received(.contents(HubScene.item(key, 1, "one")), from: node))
        }
        for text in [scene.take(1), scene.take(2)] {
            let events = text.split(separator: "\n").filter { $0.hasPrefix("event:") }.map { $0.dropFirst(7) }
            #expect(events == ["reset", "value", "ready"] && text.contains("one"))
        }
    }
}
