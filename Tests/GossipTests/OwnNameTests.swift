// What a node hears about itself: a later life that it doesn't remember, or a lie. Why one witness is enough:
// docs/decisions/0012-one-witness-of-a-later-life.md.

import Testing
import World

@testable import Gossip

@Suite struct OwnNameTests {
    /// Collects what nodes were told of themselves.
    private final class Raises {
        private(set) var all: [(node: Int, generation: UInt64)] = []

        init(_ cluster: VirtualCluster) {
            cluster.observe = { i, effect in
                if case .raisedGeneration(let generation) = effect { self.all.append((i, generation)) }
            }
        }
    }

    private func tell(_ cluster: VirtualCluster, _ node: Int, by peer: Int, of digest: Digest) {
        cluster.mutate(node) { node, outbox in
            node.take(GossipMessage(kind: .ack, digests: [digest]), from: cluster.ids[peer], into: &outbox)
        }
    }

    private func digest(_ cluster: VirtualCluster, _ node: Int, generation: UInt64, heartbeat: UInt64 = 1) -> Digest {
        Digest(id: cluster.ids[node], generation: generation, heartbeat: heartbeat, version: 1, floor: 0)
    }

    private func isAliveToAll(_ cluster: VirtualCluster, _ node: Int, generation: UInt64) -> Bool {
        cluster.upNodes.allSatisfy {
            let member = cluster.nodes[$0].member(cluster.ids[node])
            return member?.status == .alive && member?.generation == generation
        }
    }

    /// A restored backup is told before it has been up for two rounds, even if a single peer is left that remembers.
    @Test(arguments: [2, 3, 5])
    func aRestoredDiskIsToldByOnePeer(nodes: Int) {
        var plan = VirtualCluster.Plan(nodes: nodes, seed: UInt64(nodes))
        plan.isAcquainted = false
        let cluster = VirtualCluster(plan)
        let raises = Raises(cluster)
        cluster.run(for: .seconds(3))
        cluster.restart(0, generation: 7)
        cluster.run(for: .seconds(3))
        cluster.kill(0)
        for i in 2..<max(2, nodes) { cluster.kill(i) }
        cluster.run(for: .seconds(20))
        #expect(raises.all.isEmpty)
        cluster.restart(0, generation: 3)
        cluster.set(0, "load", [1])
        cluster.run(rounds: 2)
        #expect(raises.all.map(\.generation) == [8])
        cluster.run(for: .seconds(3))
        #expect(isAliveToAll(cluster, 0, generation: 8))
        #expect(cluster.everyUpNode(holds: "load", of: 0, [1]))
        #expect(raises.all.count == 1)
    }

    /// A process that was resumed from an image of its memory has the same generation and an older heartbeat.
    @Test func aResumedImageIsALaterLifeToo() {
        let cluster = VirtualCluster(VirtualCluster.Plan(nodes: 2, seed: 1))
        let raises = Raises(cluster)
        cluster.run(for: .seconds(9))
        cluster.restart(0, generation: 1)
        cluster.run(rounds: 2)
        #expect(raises.all.map(\.node) == [0])
        #expect(raises.all.map(\.generation) == [2])
    }

    /// The same lie, told a hundred times by one peer, to the victim or to everybody, costs the victim one life.
    @Test(arguments: [true, false])
    func aLieCostsOneLife(isToldToAll: Bool) {
        let cluster = VirtualCluster(VirtualCluster.Plan(nodes: 5, seed: 2))
        let raises = Raises(cluster)
        cluster.run(for: .seconds(3))
        let lie = digest(cluster, 0, generation: 1_000_000)
        for round in 0..<100 {
            for i in isToldToAll ? [0, 2, 3, 4] : [0] { tell(cluster, i, by: 1, of: lie) }
            cluster.run(rounds: 1)
            // The server ends the process at the first one, and starts above what it was told.
            if round == 0 { cluster.restart(0, generation: 1_000_002) }
        }
        #expect(raises.all.map(\.node) == [0])
        #expect(isAliveToAll(cluster, 0, generation: 1_000_002))
    }

    /// A heartbeat or a version from the future, of the life that is: told to others it would make the victim mute.
    @Test func aFutureHeartbeatIsOutgrown() {
        let cluster = VirtualCluster(VirtualCluster.Plan(nodes: 5, seed: 3))
        let raises = Raises(cluster)
        cluster.run(for: .seconds(3))
        tell(cluster, 3, by: 1, of: digest(cluster, 0, generation: 1, heartbeat: 1 << 40))
        cluster.run(for: .seconds(10))
        #expect(raises.all.map(\.generation) == [2])
        #expect(isAliveToAll(cluster, 0, generation: 2))
    }

    /// What is older than this node is no news to it, and the last number there is raises nothing.
    @Test func whatRaisesNothing() {
        let cluster = VirtualCluster(VirtualCluster.Plan(nodes: 3, seed: 4))
        let raises = Raises(cluster)
        cluster.run(for: .seconds(3))
        tell(cluster, 0, by: 1, of: digest(cluster, 0, generation: 0, heartbeat: 1 << 40))
        tell(cluster, 0, by: 1, of: digest(cluster, 0, generation: 1, heartbeat: 1))
        tell(cluster, 0, by: 1, of: digest(cluster, 0, generation: Limits.gossipCounter - 1))
        #expect(raises.all.isEmpty)
        #expect(cluster.nodes[0].generation == 1)
    }
}

@Suite struct OwnKeysTests {
    private func alone(messageBytes: Int = Limits.gossipBytes) -> Gossiper {
        var configuration = GossipConfiguration()
        configuration.messageBytes = messageBytes
        return Gossiper(
            identity: NodeID(literal: "a"), generation: 1, cluster: "islands", configuration: configuration, seeds: [],
            random: SeededRandom(seed: 1), now: Instant(nanoseconds: 1))
    }

    @Test func sizesAreBounded() {
        func isTaken(_ key: String, _ size: Int, messageBytes: Int = Limits.gossipBytes) -> Bool {
            var node = alone(messageBytes: messageBytes)
            return node.set(key, [UInt8](repeating: 1, count: size))
        }
        #expect(!isTaken("", 1))
        #expect(!isTaken(String(repeating: "k", count: Limits.gossipKeyBytes + 1), 1))
        #expect(!isTaken("k", Limits.gossipValueBytes + 1))
        #expect(isTaken(String(repeating: "k", count: Limits.gossipKeyBytes), 0))
        #expect(isTaken("k", Limits.gossipValueBytes))
        #expect(!isTaken("k", Limits.gossipSmallestBytes, messageBytes: Limits.gossipSmallestBytes))
        #expect(isTaken("k", 300, messageBytes: Limits.gossipSmallestBytes))
    }

    /// Marks of deletions count too, but make room before a new key is refused.
    @Test func theirNumberIsBounded() {
        var node = alone()
        func isTaken(_ key: String, _ value: UInt8) -> Bool { node.set(key, [value]) }
        for i in 0..<Limits.gossipKeys { #expect(isTaken("k\(i)", 1)) }
        #expect(!isTaken("one more", 1))
        #expect(isTaken("k7", 2))
        node.remove("k9")
        #expect(isTaken("one more", 1))
        #expect(!isTaken("and another", 1))
        #expect(node.value(of: node.identity, "k9") == nil)
        #expect(node.roster[0].replica.state.count == Limits.gossipKeys)
    }

    @Test func theSameAgainIsNoNews() {
        var node = alone()
        node.set("k", [1])
        let version = node.member(node.identity)?.version
        node.set("k", [1])
        node.remove("never set")
        #expect(node.member(node.identity)?.version == version)
    }
}
