// What those who look at one key say to each other: by way of the source, to all who listen, and kept nowhere.

import DataTypes
import Keys
import Ring
import Testing
import World

@testable import Live

@Suite struct PresenceTests {
    private let ann = Writer(high: 0, low: 1)
    private let ben = Writer(high: 0, low: 2)

    private static func listening(_ target: LiveTarget) -> LiveSubscription {
        LiveSubscription(
            watches: [LiveSubscription.Watch(target: target, name: Array("w".utf8))], resume: nil,
            tellsPositions: false, hears: true)
    }

    private func said(_ from: Writer, _ data: String) -> String {
        "id: -\nevent: heard\ndata: {\"watch\":\"w\",\"from\":\"\(from)\",\"data\":\(data)}\n\n"
    }

    @Test func wordsGoToTheSourceAndComeBackToWhoListens() throws {
        let key = try Cluster.key("plan")
        var scene = try HubScene()
        scene.hear(.subscribe(1, PresenceTests.listening(LiveTarget(key: key))))
        try scene.subscribe(2, [LiveTarget(key: key)])
        try scene.subscribe(3, [try Cluster.range("plan")])
        scene.forgetSent()
        scene.hear(.say(1, ann, Array("{\"at\":3}".utf8)))
        let words = LiveWords(key: key.bytes, from: ann, data: Array("{\"at\":3}".utf8))
        #expect(scene.sent.map(\.message) == [.say(words)])
        #expect(scene.sent.map(\.to) == [Cluster.replicas[0]])
        scene.hear(.received(.said(words), from: Cluster.replicas[0]))
        #expect(scene.take(1) == said(ann, "{\"at\":3}"))
        #expect(scene.take(2) == "" && scene.take(3) == "", "streams of events do not listen")
        scene.forgetSent()
        scene.hear(.say(3, ann, Array("1".utf8)))
        scene.hear(.say(9, ann, Array("1".utf8)))
        #expect(scene.sent.isEmpty, "of a range, or of nobody")
    }

    /// While a connection takes nothing, of each only the newest words wait, and of so many people.
    @Test func theNewestWordsWait() throws {
        let key = try Cluster.key("plan")
        var scene = try HubScene()
        scene.hear(.subscribe(1, PresenceTests.listening(LiveTarget(key: key))))
        func say(_ from: Writer, _ data: String) {
            let words = LiveWords(key: key.bytes, from: from, data: Array(data.utf8))
            scene.hear(.received(.said(words), from: Cluster.replicas[0]))
        }
        say(ann, "1")
        #expect(scene.take(1) == said(ann, "1"))
        say(ann, "2")
        say(ben, "3")
        say(ann, "4")
        #expect(scene.take(1) == "")
        scene.hear(.drained([1]))
        #expect(scene.take(1) == said(ben, "3") + said(ann, "4"))
        for number in 0..<UInt64(Limits.saidWaiting + 10) { say(Writer(high: 1, low: number), "5") }
        scene.hear(.drained([1]))
        let texts = scene.take(1).split(separator: "event: heard").dropFirst()
        #expect(texts.count == Limits.saidWaiting)
    }

    @Test func aReplicaTellsAllWhoWatchTheKey() throws {
        let key = try Cluster.key("plan")
        let other = try Cluster.key("other")
        var table = WatchTable(
            identity: Cluster.replicas[0], life: 1, shards: 1, ring: try Cluster.ring())
        func hear(_ message: LiveMessage, from node: NodeID) -> [WatchTable.Effect] {
            var out = Outbox<WatchTable.Effect>()
            table.handle(.received(message, from: node), Now(instant: .origin, wall: WallTime(milliseconds: 1)), &out)
            return out.take()
        }
        let stranger = Cluster.replicas[1]
        for (node, target) in zip(Cluster.gateways + [stranger], [key, key, other]) {
            let order = WatchOrder(id: 1, target: LiveTarget(key: target), isSource: false, since: nil)
            _ = hear(.watch(LiveStream(life: 1, count: 1), isFirst: true, [order]), from: node)
        }
        let words = LiveWords(key: key.bytes, from: ann, data: Array("1".utf8))
        let told = hear(.say(words), from: Cluster.gateways[0])
        #expect(told == Cluster.gateways.map { .send(.said(words), to: $0) })
        #expect(hear(.say(words), from: stranger).isEmpty, "who does not look has nothing to say")
    }

    @Test func whatIsNoJSONIsRefused() throws {
        let key = try Cluster.key("plan")
        for data in ["", "{", "1\n", "\"\r\"", "1 2", "\"\(String(repeating: "x", count: Limits.saidBytes))\""] {
            let bytes = LiveMessage.said(LiveWords(key: key.bytes, from: ann, data: Array(data.utf8))).encode()
            #expect(throws: DecodingFailure.self, "\(data)") { try LiveMessage(decoding: bytes) }
        }
    }
}
