// How soon a death is noticed, and that nobody is taken for dead who lives: 100 nodes, a heartbeat every 300 ms.

import Testing
import World

@testable import Gossip

@Suite struct DetectionTests {
    /// Several die in one run: each of them is noticed by all that live.
    private static let dying = 95..<100

    /// They die three seconds after the start, when the detectors have little to go by yet.
    @Test(arguments: 0..<Figures.scale)
    func withoutLoss(seed: Int) {
        let (cluster, book) = hundred(seed: 1_000 + UInt64(seed), loss: 0)
        cluster.run(for: .seconds(3))
        #expect(book.deaths.isEmpty)
        expectDeathsNoticed(cluster, book, within: .seconds(10))
    }

    /// The half minute without false deaths begins when all are acquainted and no detector knows anything yet.
    @Test(arguments: 0..<Figures.scale)
    func withHalfOfAllMessagesLost(seed: Int) {
        let (cluster, book) = hundred(seed: 2_000 + UInt64(seed), loss: 0.5)
        cluster.run(for: .seconds(30))
        #expect(book.deaths.isEmpty, "a false death")
        expectDeathsNoticed(cluster, book, within: .seconds(15))
    }

    private func hundred(seed: UInt64, loss: Double) -> (VirtualCluster, Obituary) {
        var plan = VirtualCluster.Plan(nodes: 100, seed: seed)
        plan.loss = loss
        let cluster = VirtualCluster(plan)
        return (cluster, Obituary(cluster))
    }

    private func expectDeathsNoticed(_ cluster: VirtualCluster, _ book: Obituary, within limit: Span) {
        let dying = DetectionTests.dying
        let killed = cluster.now
        for i in dying { cluster.kill(i) }
        let notices = dying.count * (100 - dying.count)
        while book.deaths.count < notices, cluster.now - killed < limit { cluster.run(rounds: 1) }
        #expect(book.deaths.count == notices)
        #expect(book.deaths.allSatisfy { dying.contains($0.subject) }, "a false death")
        let seconds = book.deaths.map { ($0.at - killed).inSeconds }.sorted()
        Figures.note(
            "100 nodes, loss \(cluster.loss): deaths noticed after \(seconds[0]) to \(seconds[seconds.count - 1]) s")
        #expect((seconds.last ?? .infinity) < limit.inSeconds)
    }
}
