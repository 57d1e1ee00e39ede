// A list that takes several rounds gives out nothing whose time was over meanwhile.

import Keys
import Causality
import DataTypes
import Gateway
import Ring
import Testing
@testable import Wire
import World

@Suite struct ListExpiryTests {
    private static let de = NodeID(literal: "de-1")

    private static func item(_ key: UInt8, expiresAt: UInt64) -> RangeItem {
        var object = StoredObject()
        let dot = Dot(actor: Actor(node: de, incarnation: 1), counter: UInt64(key))
        object.write(
            Sibling(
                dot: dot, payload: .value([key]), time: HybridTime(bits: 1),
                expiresAt: WallTime(milliseconds: expiresAt)), context: nil, rule: .siblings)
        return RangeItem(key: [key], object: object.encode())
    }

    private static func clock(_ ms: Int64) -> Now {
        Now(instant: .origin + .milliseconds(ms), wall: WallTime(milliseconds: UInt64(1_000_000 + ms)))
    }

    @Test func whatIsOverWhenTheListEndsIsLeftOut() throws {
        var gateway = GatewayState(
            identity: ListExpiryTests.de, ring: try Cluster.three(), random: SeededRandom(seed: 1), now: .origin)
        var out = Outbox<GatewayEffect>()
        let request = ClientRequest(
            .list(range: .everything, reverse: false, limit: 10),
            key: try StoredKey(bucket: Array("posts".utf8), partitionKey: Array("key".utf8)), level: .one)
        gateway.begin(1, request, now: ListExpiryTests.clock(0), &out)
        let pages: [(at: Int64, items: [RangeItem], more: Bool)] = [
            (10, [ListExpiryTests.item(1, expiresAt: 1_000_500), ListExpiryTests.item(2, expiresAt: 1_002_000)], true),
            (1_000, [], false),
        ]
        for page in pages {
            guard case .ask(let node, let envelope)? = out.take().first else { break }
            let reply = ReplyEnvelope(
                id: envelope.id, inFlight: 0, serviceMicroseconds: 0,
                reply: .page(items: RangeItems(page.items), more: page.more))
            gateway.receive(reply, from: node, now: ListExpiryTests.clock(page.at), &out)
        }
        guard case .answer(1, .list(let items, nil, _))? = out.take().first else {
            Issue.record("the list was not answered")
            return
        }
        #expect(items.map(\.key) == [[2]])
    }
}
