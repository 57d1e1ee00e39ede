// A cluster cut in two for so long that each half has given the other up, and whole again without anybody's help.

import Testing
import World

@testable import Gossip

@Suite struct SplitTests {
    /// With one peer a round, the slowest there is. The ordinary run beats every ten seconds, because 2,000 rounds of
    /// 128 nodes take minutes; with `ATOLL_FIGURES` it is the interval and the fan-out of production as well.
    @Test(arguments: Figures.scale > 1 ? [(10_000, 1), (300, 3)] : [(10_000, 1)])
    func halvesMeetAgain(intervalMs: Int64, fanOut: Int) {
        var plan = VirtualCluster.Plan(nodes: 128, seed: 64)
        plan.configuration.interval = .milliseconds(intervalMs)
        plan.configuration.fanOut = fanOut
        // No seed that both halves would ask: only the tries at the dead lead back.
        plan.seeds = []
        let cluster = VirtualCluster(plan)
        let book = Obituary(cluster)
        for i in 64..<128 { cluster.side[i] = 1 }
        cluster.run(for: .minutes(5))
        for i in cluster.nodes.indices { cluster.set(i, "side", [UInt8(cluster.side[i])]) }
        cluster.run(for: .minutes(5))
        #expect(book.deaths.count == 2 * 64 * 64)
        #expect(book.deaths.allSatisfy { cluster.side[$0.observer] != cluster.side[$0.subject] })

        let sides = cluster.side
        cluster.side = Array(repeating: 0, count: 128)
        let rounds = cluster.rounds(until: { isOneView(cluster, sides) }, most: 40)
        Figures.note("64/64 split, \(intervalMs) ms, fan-out \(fanOut): one view after \(rounds ?? -1) rounds")
        #expect((rounds ?? .max) <= 15)
    }

    /// Once a connection stands between the sides, nobody waits until chance picks one who counts as dead.
    @Test func whoIsGreetedLivesAfterTheNextHeartbeat() {
        let cluster = VirtualCluster(VirtualCluster.Plan(nodes: 12, seed: 7))
        for i in 8..<12 { cluster.side[i] = 1 }
        cluster.run(for: .minutes(1))
        #expect(!cluster.nodes[0].roster[8].isAlive && !cluster.nodes[8].roster[0].isAlive)
        cluster.side = Array(repeating: 0, count: 12)
        for i in 0..<8 {
            for j in 8..<12 {
                cluster.mutate(i) { $0.greet(cluster.ids[j], into: &$1) }
                cluster.mutate(j) { $0.greet(cluster.ids[i], into: &$1) }
            }
        }
        let rounds = cluster.rounds(
            until: { cluster.nodes.allSatisfy { node in node.roster.indices.allSatisfy { node.roster[$0].isAlive } } },
            most: 20)
        #expect((rounds ?? .max) <= 3)
        // The living need no greeting.
        cluster.mutate(0) { node, out in
            node.greet(cluster.ids[8], into: &out)
            #expect(out.isEmpty)
        }
    }

    /// Everybody sees everybody alive, and knows what the other half has said meanwhile.
    private func isOneView(_ cluster: VirtualCluster, _ sides: [Int]) -> Bool {
        cluster.nodes.allSatisfy { node in
            node.roster.indices.allSatisfy { i in
                node.roster[i].isAlive && node.roster[i].replica.state.value("side") == [UInt8(sides[i])]
            }
        }
    }
}
