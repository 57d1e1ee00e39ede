// How fast news reaches everybody, measured on the real value with its real bytes.

import Testing
import World

@testable import Gossip

/// Rounds until all living nodes know an update: for many updates, made at the same moment by different nodes, so that
/// one run gives many samples. The budget does not bind, so they don't hinder each other.
private func roundsOfUpdates(_ plan: VirtualCluster.Plan, updates: Int, dead: Int = 0, most: Int) -> [Int] {
    let cluster = VirtualCluster(plan)
    cluster.run(rounds: 2)
    for i in (plan.nodes - dead)..<plan.nodes { cluster.kill(i) }
    var missing = Array(repeating: plan.nodes - dead - 1, count: updates)
    var done = Array(repeating: Int.max, count: updates)
    var open = updates
    let start = cluster.now
    let interval = plan.configuration.interval
    cluster.observe = { [unowned cluster] _, effect in
        guard case .changed(let id, key: "news") = effect else { return }
        let owner = cluster.place(of: id)
        missing[owner] -= 1
        guard missing[owner] == 0 else { return }
        open -= 1
        done[owner] = Int(((cluster.now - start).nanoseconds + interval.nanoseconds - 1) / interval.nanoseconds)
    }
    for i in 0..<updates { cluster.set(i, "news", [UInt8(truncatingIfNeeded: i)]) }
    _ = cluster.rounds(until: { open == 0 }, most: most)
    #expect(cluster.largest <= plan.configuration.messageBytes)
    return done
}

struct SpreadCase: CustomTestStringConvertible, Sendable {
    var name: String
    var nodes = 128
    var fanOut: Int
    var loss = 0.0
    var dead = 0
    var messageBytes = Limits.gossipBytes
    var updates = 64
    var seeds = 2
    /// The share of the samples that must be within `rounds`.
    var share = 0.99
    var rounds: Int

    var testDescription: String { name }
}

@Suite struct SpreadTests {
    static let cases = [
        SpreadCase(name: "fan-out 1", fanOut: 1, share: 1, rounds: 10),
        SpreadCase(name: "fan-out 3", fanOut: 3, share: 1, rounds: 5),
        SpreadCase(name: "fan-out 1, 10% lost", fanOut: 1, loss: 0.1, rounds: 12),
        SpreadCase(name: "fan-out 1, 30% dead in view", fanOut: 1, dead: 38, rounds: 12),
        SpreadCase(name: "fan-out 3, 50% lost", fanOut: 3, loss: 0.5, rounds: 17),
        SpreadCase(
            name: "fan-out 1, 1200 B", fanOut: 1, messageBytes: 1_200, updates: 4, seeds: 4, share: 1, rounds: 10),
        SpreadCase(
            name: "fan-out 3, 1200 B", fanOut: 3, messageBytes: 1_200, updates: 4, seeds: 4, share: 1, rounds: 5),
        SpreadCase(
            name: "1024 nodes, fan-out 3, 1200 B", nodes: 1_024, fanOut: 3, messageBytes: 1_200, updates: 1, seeds: 1,
            rounds: 8),
    ]

    @Test(arguments: SpreadTests.cases)
    func newsReachesEverybody(_ c: SpreadCase) {
        var samples: [Int] = []
        for seed in 0..<c.seeds * Figures.scale {
            var plan = VirtualCluster.Plan(nodes: c.nodes, seed: UInt64(1 + seed))
            plan.configuration.fanOut = c.fanOut
            plan.configuration.messageBytes = c.messageBytes
            plan.loss = c.loss
            samples += roundsOfUpdates(plan, updates: c.updates, dead: c.dead, most: 40)
        }
        samples.sort()
        let percentile = samples[min(samples.count - 1, Int(Double(samples.count) * c.share))]
        Figures.note(
            "\(c.name): median \(samples[samples.count / 2]), p99 \(samples[samples.count * 99 / 100]), "
                + "max \(samples[samples.count - 1]) of \(samples.count); limit \(c.rounds)")
        #expect(percentile <= c.rounds)
    }
}
