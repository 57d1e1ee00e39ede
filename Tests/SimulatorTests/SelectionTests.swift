// The choice of replicas on the workload of C3's simulations: Atoll's own code is no worse than the paper's ranking,
// and a replica that fails fast does not draw requests to itself.

import Testing
import World

@testable import Simulator

@Suite struct SelectionTests {
    @Test(arguments: [8, 150]) func isNoWorseThanTheRankingOfC3(_ clients: Int) throws {
        let ring = try SelectionRing(clients: clients)
        for setting in SelectionSetting.all where setting.clients == clients {
            let trial = SelectionTrial(setting, on: ring, reads: 4_000, seed: 1)
            func tail(_ rule: SelectionRule) -> Double { trial.run(rule).percentile(0.999).inMilliseconds }
            let (ours, theirs, least) = (tail(.atoll), tail(.c3), tail(.oracle))
            #expect(ours <= 1.05 * theirs, "\(setting): Atoll \(ours) ms, C3 \(theirs) ms")
            #expect(least < ours, "\(setting): Atoll \(ours) ms, the oracle \(least) ms")
        }
    }

    @Test func aReplicaThatFailsFastGetsLessThanItsShare() throws {
        let setting = SelectionSetting(clients: 8, fluctuation: .milliseconds(200), hasFailing: true)
        let trial = SelectionTrial(setting, on: try SelectionRing(clients: 8), reads: 8_000, seed: 1)
        #expect(trial.run(.atoll).shareOfFirst < 0.5)
        // What is to be avoided: an answer that says no looks quick, and its sender idle.
        #expect(trial.run(.leastOutstanding).shareOfFirst > 1.2)
        #expect(trial.run(.c3).shareOfFirst > 1.2)
    }

    @Test func aSeedIsTheWholeTruth() throws {
        let setting = SelectionSetting(clients: 8, fluctuation: .milliseconds(50))
        let ring = try SelectionRing(clients: 8)
        for rule in SelectionRule.allCases {
            func run(_ seed: UInt64) -> SelectionResult {
                SelectionTrial(setting, on: ring, reads: 600, seed: seed).run(rule)
            }
            let first = run(1)
            #expect(first == run(1) && first != run(2))
        }
    }
}
