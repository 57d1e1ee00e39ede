// The end of a value's time as an event.

import Causality
import DataTypes
import Keys
import Testing
import World

@testable import Live

@Suite struct EndingTests {
    private let source = Cluster.replicas[0]
    /// The clock of a scene's beginning.
    private static let beginMs: UInt64 = 1_795_000_000_000

    /// The `counter`-th write of a key, which ends so long after the scene's beginning.
    private func item(_ key: StoredKey, _ counter: UInt64, endsAfter ms: UInt64?) -> LiveItem {
        var object = StoredObject()
        let dot = Dot(actor: Actor(node: source, incarnation: 1), counter: counter)
        object.write(
            Sibling(
                dot: dot, payload: .value(Array("x".utf8)), contentType: "text/plain",
                time: HybridTime(wall: WallTime(milliseconds: EndingTests.beginMs)),
                expiresAt: ms.map { WallTime(milliseconds: EndingTests.beginMs + $0) }),
            context: nil, rule: .siblings)
        return LiveItem(key: key.bytes, state: .object(object.encode()))
    }

    /// Their names; primaries are silent in these scenes.
    private func events(_ text: String) -> [String] {
        text.split(separator: "\n").filter { $0.hasPrefix("event: ") && $0 != "event: lagging" }
            .map { String($0.dropFirst(7)) }
    }

    private func lastID(_ text: String) -> String? {
        text.split(separator: "\n").last { $0.hasPrefix("id: ") }.map { String($0.dropFirst(4)) }
    }

    @Test func aKeyThatEndsIsToldOf() throws {
        let key = try Cluster.key("plan")
        var scene = try HubScene()
        try scene.subscribe(1, [LiveTarget(key: key)])
        scene.tell(source, [item(key, 1, endsAfter: 3_000)], reached: 1)
        let first = scene.take(1)
        #expect(events(first) == ["value", "ready"])
        scene.hear(.drained([1]))
        // It is written anew before its time is over: then that counts.
        scene.pass(.milliseconds(2_000))
        scene.tell(source, [item(key, 2, endsAfter: 5_000)], reached: 2)
        let id = try #require(lastID(scene.take(1)))
        scene.hear(.drained([1]))
        scene.pass(.milliseconds(2_900))
        #expect(events(scene.take(1)) == [])
        scene.pass(.milliseconds(200))
        let end = scene.take(1)
        #expect(events(end) == ["deleted"] && lastID(end) == id)
        scene.hear(.drained([1]))
        scene.pass(.seconds(5))
        #expect(events(scene.take(1)) == [])
        // Nor does the time of its writing count as a delay of this event.
        #expect(scene.hub.takeDelays().allSatisfy { $0 < .seconds(3) })
        // Who saw it before, and comes back now, is told too.
        try scene.subscribe(2, [LiveTarget(key: key)], resume: id)
        #expect(events(scene.take(2)) == ["deleted", "ready"])
    }

    @Test func whoResumesARangeIsToldWhatEndedMeanwhile() throws {
        let (early, late) = (try Cluster.key("p", "a"), try Cluster.key("p", "b"))
        var scene = try HubScene()
        try scene.subscribe(1, [try Cluster.range("p")])
        scene.tell(source, [item(early, 1, endsAfter: 1_000), item(late, 2, endsAfter: 20_000)], reached: 4)
        #expect(events(scene.take(1)) == ["item", "item", "ready"])
        scene.hear(.drained([1]))
        scene.pass(.milliseconds(1_100))
        let text = scene.take(1)
        #expect(events(text) == ["removed"] && text.contains(#""sort":"a""#))
        let id = try #require(lastID(text))
        #expect(id == "ra~1.0.4@1795000001000")
        scene.hear(.closed(1))
        scene.pass(.seconds(25))
        // Its watch was given up meanwhile.
        try scene.subscribe(2, [try Cluster.range("p")], resume: id)
        scene.tell(source, [item(early, 1, endsAfter: 1_000), item(late, 2, endsAfter: 20_000)], reached: 4)
        guard case .changes(let ask, _, _)? = scene.sent.last?.message else {
            return #expect(Bool(false), "nobody was asked what changed")
        }
        scene.hear(.received(.changed(ask: ask, keys: []), from: source))
        let resumed = scene.take(2)
        // The first was told of before; clocks may differ by a little.
        #expect(events(resumed).last == "ready" && events(resumed).dropLast().allSatisfy { $0 == "removed" })
        #expect(resumed.contains(#""sort":"b""#))
    }

    @Test func whatEndsInGreatNumbersIsBounded() throws {
        var scene = try HubScene()
        let key = try Cluster.key("plan")
        try scene.subscribe(1, [LiveTarget(key: key)])
        for counter in UInt64(1)...2_000 {
            scene.tell(source, [item(key, counter, endsAfter: 100_000 + counter)], reached: counter)
        }
        #expect(scene.hub.endings.count <= 2 * scene.hub.keys.count + Limits.liveTurnKeys + 1)
        scene.hear(.closed(1))
        scene.pass(.seconds(120))
        #expect(scene.hub.endings.isEmpty && scene.hub.keys.isEmpty)
    }
}
