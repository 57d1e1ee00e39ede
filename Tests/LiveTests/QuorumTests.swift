// What a quorum of the primaries has, and nothing before: `?r=quorum`.

import Causality
import DataTypes
import JSON
import Keys
import Testing
import World

@testable import Live

@Suite struct QuorumTests {
    private let nodes = Cluster.replicas

    private func subscribe(
        _ scene: inout HubScene, _ id: UInt64, _ target: LiveTarget, resume: String? = nil, quorum: Bool = true
    ) throws {
        let watch = LiveSubscription.Watch(target: target, name: Array("w".utf8))
        var asked = LiveSubscription(
            watches: [watch], resume: try resume.map { try EventID($0, watches: 1) }, tellsPositions: false)
        asked.needsQuorum = quorum
        scene.hear(.subscribe(id, asked))
    }

    private func versions(_ key: StoredKey, _ counter: UInt64) -> LiveItem {
        LiveItem(key: key.bytes, state: .versions(HubScene.object(counter, "\(counter)").versions))
    }

    private func values(_ text: String) -> [String] {
        text.split(separator: "\n").compactMap { line -> String? in
            guard let json = try? JSONValue.decode(Array(line.utf8.dropFirst(6))) else { return nil }
            return json["value"]?.string
        }
    }

    @Test func aValueIsHeldUntilAQuorumHasIt() throws {
        let key = try Cluster.key("plan")
        var scene = try HubScene()
        try subscribe(&scene, 1, LiveTarget(key: key))
        try subscribe(&scene, 2, LiveTarget(key: key), quorum: false)
        scene.tell(nodes[0], [HubScene.item(key, 1, "1")], reached: 1)
        #expect(values(scene.take(2)) == ["1"])
        // As far as it is concerned, what stands is not known yet.
        #expect(scene.take(1) == "")
        scene.hear(.drained([1, 2]))
        scene.tell(nodes[1], [versions(key, 1)], reached: 1)
        let text = scene.take(1)
        #expect(values(text) == ["1"] && text.contains("event: ready") && scene.take(2) == "")
        scene.hear(.drained([1]))
        scene.tell(nodes[2], [versions(key, 1)], reached: 1)
        #expect(scene.take(1) == "", "it was shown already")
    }

    /// The newest is always at one primary alone, and yet one is shown after the other.
    @Test func aKeyThatNeverRestsIsShown() throws {
        let key = try Cluster.key("plan")
        var scene = try HubScene()
        try subscribe(&scene, 1, LiveTarget(key: key))
        var shown: [String] = []
        for counter in UInt64(1)...40 {
            scene.tell(nodes[0], [HubScene.item(key, counter, "\(counter)")], reached: counter)
            if counter > 3 { scene.tell(nodes[1], [versions(key, counter - 3)], reached: counter) }
            shown += values(scene.take(1))
            scene.hear(.drained([1]))
        }
        let numbers = shown.compactMap(Int.init)
        #expect(numbers.count > 5 && numbers == numbers.sorted() && Set(numbers).count == numbers.count)
        #expect(numbers.allSatisfy { $0 <= 37 })
        scene.tell(nodes[2], [versions(key, 40)], reached: 40)
        #expect(values(scene.take(1)) == ["40"])
    }

    /// Who begins later, and who resumes, is shown the same.
    @Test func whatIsWithheldIsNotMissedByWhoResumes() throws {
        let (a, b) = (try Cluster.key("p", "a"), try Cluster.key("p", "b"))
        var scene = try HubScene()
        try subscribe(&scene, 1, try Cluster.range("p"))
        scene.tell(nodes[0], [HubScene.item(a, 1, "1")], reached: 1)
        scene.tell(nodes[1], [versions(a, 1)], reached: 1)
        var first = scene.take(1)
        scene.hear(.drained([1]))
        first += scene.take(1)
        scene.hear(.drained([1]))
        scene.tell(nodes[0], [HubScene.item(b, 2, "2")], reached: 2)
        scene.tell(nodes[2], [versions(a, 1)], reached: 5)
        let second = scene.take(1)
        #expect(values(first + second) == ["1"] && !second.contains("ra~1.0.2"))
        scene.hear(.closed(1))
        scene.tell(nodes[1], [versions(b, 2)], reached: 2)
        try subscribe(&scene, 2, try Cluster.range("p"))
        #expect(values(scene.take(2)) == ["1", "2"])
        try subscribe(&scene, 3, try Cluster.range("p"), resume: "ra~1.0.1;rb~1.0.1")
        guard case .changes(let ask, _, let since)? = scene.sent.last?.message else {
            return #expect(Bool(false), "nobody was asked what changed")
        }
        #expect(since.position == 1)
        scene.hear(.received(.changed(ask: ask, keys: [b.bytes]), from: nodes[0]))
        #expect(values(scene.take(3)) == ["2"])
    }

    /// A primary that begins another life may have lost what it told of.
    @Test func anotherLifeCountsForNothing() throws {
        let key = try Cluster.key("plan")
        var scene = try HubScene()
        try subscribe(&scene, 1, LiveTarget(key: key))
        scene.tell(nodes[1], [versions(key, 1)], reached: 1)
        let orders = scene.sent.compactMap { sent -> LiveStream? in
            if case .watch(let stream, _, _) = sent.message, sent.to == nodes[1] { stream } else { nil }
        }
        scene.hear(.received(.unknown(try #require(orders.last)), from: nodes[1]))
        scene.tell(nodes[1], [], reached: 1, life: 2)
        scene.tell(nodes[0], [HubScene.item(key, 1, "1")], reached: 1)
        #expect(values(scene.take(1)) == [])
        scene.hear(.drained([1]))
        scene.tell(nodes[2], [versions(key, 1)], reached: 1)
        #expect(values(scene.take(1)) == ["1"])
    }

    /// Contents that found no room are read again once they are to be shown.
    @Test func whatWasDroppedIsReadAgain() throws {
        let key = try Cluster.key("plan")
        var scene = try HubScene(room: LiveRoom(contentBytes: 0))
        try subscribe(&scene, 1, LiveTarget(key: key))
        scene.tell(nodes[0], [HubScene.item(key, 1, "1")], reached: 1)
        _ = scene.take(1)
        scene.hear(.drained([1]))
        scene.forgetSent()
        scene.tell(nodes[1], [versions(key, 1)], reached: 1)
        guard case .read(let asked)? = scene.sent.first?.message else {
            return #expect(Bool(false), "what is to be shown was not asked for")
        }
        #expect(asked == key.bytes && values(scene.take(1)) == [])
        scene.hear(.received(.contents(HubScene.item(key, 1, "1")), from: nodes[0]))
        #expect(values(scene.take(1)) == ["1"])
        #expect(scene.hub.contentBytes == 0)
    }
}
