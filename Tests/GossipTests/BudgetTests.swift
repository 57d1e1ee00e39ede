// No message is ever longer than its budget, however much there is to say.

import Testing
import World

@testable import Gossip

@Suite struct BudgetTests {
    /// 500 nodes, half of them dead in everybody's view, with the longest names and more changes than fit: pages and
    /// deltas fight for each message. One round, because each of its 2,400 messages is a test.
    @Test(arguments: [Limits.gossipDatagramBytes, Limits.gossipBytes])
    func fiveHundredWithHalfDead(messageBytes: Int) {
        var plan = VirtualCluster.Plan(nodes: 500, seed: 500)
        plan.configuration.messageBytes = messageBytes
        plan.nameBytes = Limits.nodeNameBytes
        let cluster = VirtualCluster(plan)
        let dead = 250..<500
        for i in dead { cluster.kill(i) }
        for i in 0..<250 { cluster.mutate(i) { node, _ in node.takeForDead(dead) } }
        var dice = SeededRandom(seed: 501)
        for i in 0..<250 {
            for key in 0..<4 { cluster.set(i, "key-\(key)", Array(repeating: 7, count: dice.below(1_025))) }
            if dice.chance(0.5) { cluster.remove(i, "key-0") }
        }
        cluster.run(rounds: Figures.scale)
        Figures.note("500 nodes, \(messageBytes) B: \(cluster.sent) messages, the longest of \(cluster.largest) B")
        #expect(cluster.largest <= messageBytes)
        // It was in fact put to the test, and what was sent could be read.
        #expect(cluster.largest > messageBytes * 95 / 100)
        #expect(cluster.upNodes.allSatisfy { cluster.nodes[$0].rejected == 0 })
    }

    /// One node with names, numbers and values of all sizes, asked by a peer that knows nothing, everything or half.
    @Test(arguments: [Limits.gossipSmallestBytes, Limits.gossipDatagramBytes, 4_096, Limits.gossipBytes])
    func everySizeOfEverything(messageBytes: Int) throws {
        var dice = SeededRandom(seed: UInt64(messageBytes))
        var longest = 0
        for _ in 0..<20 * Figures.scale {
            var node = crowded(messageBytes: messageBytes, members: 1 + dice.below(60), &dice)
            var digests: [Digest] = []
            for i in node.roster.indices where dice.chance(0.7) {
                var digest = node.roster[i].digest
                if dice.chance(0.5) { (digest.version, digest.floor) = (0, 0) }
                if i != node.selfIndex, dice.chance(0.2) { digest.heartbeat += 1 }
                if i != node.selfIndex, dice.chance(0.2) { digest.version += 9 }
                digests.append(digest)
            }
            let peer = node.roster.ids[node.selfIndex == 0 ? 1 : 0]
            var outbox = Outbox<GossipEffect>()
            node.take(GossipMessage(kind: .syn, digests: digests), from: peer, into: &outbox)
            node.take(GossipMessage(kind: .ack, digests: digests), from: peer, into: &outbox)
            node.tick(Instant(nanoseconds: 2_000_000_000), into: &outbox)
            for case .send(let bytes, let target) in outbox.take() {
                longest = max(longest, bytes.count)
                #expect(bytes.count <= messageBytes)
                #expect(throws: Never.self) {
                    try GossipCodec.decode(bytes, seal: node.seal, from: node.identity, to: target)
                }
            }
        }
        #expect(longest > messageBytes * 9 / 10)
    }

    private func crowded(messageBytes: Int, members: Int, _ dice: inout SeededRandom) -> Gossiper {
        var configuration = GossipConfiguration()
        configuration.messageBytes = messageBytes
        let ids = (0...members).map { i -> NodeID in
            NodeID("n\(i)" + String(repeating: "x", count: dice.below(60)))!
        }
        var node = Gossiper(
            identity: ids[0], generation: 1 + dice.next() % (1 << 61), cluster: "islands", configuration: configuration,
            seeds: [], random: dice.fork(), now: Instant(nanoseconds: 1_000_000_000))
        node.updateMembership(allowed: ids)
        var outbox = Outbox<GossipEffect>()
        for id in ids.dropFirst() {
            let generation = 1 + dice.next() % (1 << 61)
            var version = dice.next() % (1 << 61)
            var entries: [Entry] = []
            for key in 0..<dice.below(20) {
                version += 1 + dice.next() % (1 << 40)
                let value = dice.chance(0.2) ? nil : Array(repeating: UInt8(1), count: dice.below(1_025))
                let name = "k\(key)" + String(repeating: "y", count: dice.below(60))
                entries.append(Entry(version: version, key: name, value: value))
            }
            let delta = Delta(
                id: id, generation: generation, from: 0, floor: 0, end: version, latest: version, entries: entries)
            node.take(GossipMessage(kind: .ack2, deltas: [delta]), from: id, into: &outbox)
        }
        return node
    }
}
