// The load of the paper's evaluation (LADIS 2008, section 4): more updates than the messages can carry, for a while.

import Testing
import World

@testable import Gossip

@Suite struct LadisTests {
    /// 128 nodes with 64 keys each; a message carries 100 changes. From round 15 on each node changes one key a round,
    /// two from 25 to 75, none from 120 on.
    @Test(arguments: 0..<Figures.scale)
    func scuttleDepthUnderOverload(seed: Int) {
        let nodes = 128
        let keys = 64
        var plan = VirtualCluster.Plan(nodes: nodes, seed: 2008 + UInt64(seed))
        plan.configuration.fanOut = 1
        plan.configuration.deltasPerMessage = 100
        // The paper's network: an exchange is over long before the next one begins.
        plan.latency = 1...5
        let cluster = VirtualCluster(plan)
        var dice = SeededRandom(seed: 64 + UInt64(seed))
        let names = (0..<keys).map { "k\($0)" }
        // Round in which each owner made each version; the staleness of a copy is the age of the oldest one it lacks.
        var made = Array(repeating: [0, 0], count: nodes)
        func update(_ i: Int, _ key: String, round: Int) {
            cluster.set(i, key, [UInt8(truncatingIfNeeded: round), UInt8(truncatingIfNeeded: made[i].count)])
            made[i].append(round)
        }
        for i in 0..<nodes { for key in names { update(i, key, round: -1) } }
        cluster.shareAllKeys()
        #expect(staleness(cluster, made, round: 0) == 0)

        var worst = 0
        var converged: Int?
        for round in 15...140 where converged == nil {
            let rate = round > 120 ? 0 : (25..<75).contains(round) ? 2 : 1
            for i in 0..<nodes { for _ in 0..<rate { update(i, names[dice.below(keys)], round: round) } }
            cluster.run(rounds: 1)
            let stale = staleness(cluster, made, round: round)
            worst = max(worst, stale)
            if round > 120 && stale == 0 { converged = round - 120 }
        }
        Figures.note("LADIS load: worst staleness \(worst), converged \(converged ?? -1) rounds after the stop")
        #expect(worst <= 30)
        #expect((converged ?? .max) <= 7)
    }

    private func staleness(_ cluster: VirtualCluster, _ made: [[Int]], round: Int) -> Int {
        var worst = 0
        for observer in cluster.nodes.indices {
            for owner in cluster.nodes.indices where owner != observer {
                let known = Int(cluster.nodes[observer].roster[owner].replica.state.version)
                if known + 1 < made[owner].count { worst = max(worst, round + 1 - made[owner][known + 1]) }
            }
        }
        return worst
    }
}
