// What a list sends to mend replicas is bounded: no frame is too large for a peer's connection, and all together are no
// more than a page.

import Causality
import DataTypes
import Gateway
import Keys
import Ring
import Testing
@testable import Wire
import World

@testable import Gateway

@Suite struct ListRepairTests {
    private static let de = NodeID(literal: "de-1")
    private static let us = NodeID(literal: "us-1")
    private static let jp = NodeID(literal: "jp-1")

    /// An object of `count` siblings of `bytes` each, all written through `node`.
    private func siblings(_ node: NodeID, _ count: Int, bytes: Int) -> StoredObject {
        var object = StoredObject()
        for counter in 1...UInt64(count) {
            let dot = Dot(actor: Actor(node: node, incarnation: 1), counter: counter)
            let value = [UInt8](repeating: UInt8(truncatingIfNeeded: counter), count: bytes)
            object.write(
                Sibling(dot: dot, payload: .value(value), time: HybridTime(bits: counter)),
                context: CausalContext(of: StoredObject()),
                rule: .siblings)
        }
        return object
    }

    /// The repairs that a list of all three replicas sends where `de-1` has one page, `us-1` another and `jp-1`
    /// nothing.
    private func repairs(_ first: [RangeItem], _ second: [RangeItem]) throws -> [(node: NodeID, bytes: Int)] {
        var gateway = GatewayState(
            identity: ListRepairTests.de, ring: try Cluster.three(), random: SeededRandom(seed: 1), now: .origin)
        for node in [ListRepairTests.de, ListRepairTests.us, ListRepairTests.jp] { gateway.setAvailable(node, true) }
        let now = Now(instant: .origin, wall: WallTime(milliseconds: 1_767_225_600_000))
        var out = Outbox<GatewayEffect>()
        let request = ClientRequest(
            .list(range: .everything, reverse: false, limit: 100),
            key: try StoredKey(bucket: Array("posts".utf8), partitionKey: Array("key".utf8)), level: .all)
        gateway.begin(1, request, now: now, &out)
        for case .ask(let node, let envelope) in out.take() {
            let items = node == ListRepairTests.de ? first : node == ListRepairTests.us ? second : []
            let reply = ReplyEnvelope(
                id: envelope.id, inFlight: 0, serviceMicroseconds: 0,
                reply: .page(items: RangeItems(items), more: false))
            gateway.receive(reply, from: node, now: now, &out)
        }
        return out.take().compactMap { effect in
            guard case .ask(let node, let envelope) = effect, case .merge(_, let object, true) = envelope.request else {
                return nil
            }
            return (node, object.count)
        }
    }

    @Test func whatNoFrameCarriesIsNotSent() throws {
        let here = siblings(ListRepairTests.de, 18, bytes: 1 << 20)
        let there = siblings(ListRepairTests.us, 18, bytes: 1 << 20)
        let small = siblings(ListRepairTests.de, 1, bytes: 10)
        let sent = try repairs(
            [RangeItem(key: [1], object: here.encode()), RangeItem(key: [2], object: small.encode())],
            [RangeItem(key: [1], object: there.encode())])
        // Of the small one beside it the others are told all the same.
        #expect(sent.map(\.node.name) == ["us-1", "jp-1"])
        #expect(sent.allSatisfy { $0.bytes < 1_000 })
    }

    @Test func allTogetherAreNoMoreThanAPage() throws {
        let items = (0..<20).map { index in
            RangeItem(key: [UInt8(index)], object: siblings(ListRepairTests.de, 1, bytes: 1 << 20).encode())
        }
        let sent = try repairs(items, [])
        #expect(sent.reduce(0) { $0 + $1.bytes } <= Limits.rangeBytes + 1_000)
        #expect(sent.count == 4 || sent.count == 3)
    }
}
