// Death, return, pauses and splits.

import Testing
import World

@testable import Gossip

/// Who took whom for dead or alive, and when.
final class Obituary {
    private(set) var deaths: [(observer: Int, subject: Int, at: Instant)] = []
    private(set) var births: [(observer: Int, subject: Int, at: Instant)] = []

    init(_ cluster: VirtualCluster) {
        cluster.observe = { [unowned cluster] i, effect in
            switch effect {
            case .becameDead(let id): self.deaths.append((i, cluster.place(of: id), cluster.now))
            case .becameAlive(let id, _): self.births.append((i, cluster.place(of: id), cluster.now))
            default: break
            }
        }
    }

    func clear() {
        deaths = []
        births = []
    }
}

@Suite struct LifeTests {
    @Test(arguments: [1, 3])
    func deathAndReturnInThree(fanOut: Int) {
        var plan = VirtualCluster.Plan(nodes: 3, seed: 7)
        plan.isAcquainted = false
        plan.configuration.fanOut = fanOut
        let cluster = VirtualCluster(plan)
        let book = Obituary(cluster)
        cluster.run(for: .seconds(5))
        #expect(book.births.count == 6)
        #expect(book.deaths.isEmpty)
        book.clear()

        cluster.kill(2)
        let killed = cluster.now
        cluster.run(for: .seconds(10))
        #expect(Set(book.deaths.map(\.observer)) == [0, 1])
        #expect(book.deaths.allSatisfy { $0.subject == 2 })
        Figures.note("three, fan-out \(fanOut): death after \(book.deaths.map { ($0.at - killed).inSeconds })")
        book.clear()

        cluster.restart(2, generation: 2)
        let back = cluster.now
        cluster.run(for: .seconds(5))
        #expect(Set(book.births.filter { $0.subject == 2 }.map(\.observer)) == [0, 1])
        Figures.note("three, fan-out \(fanOut): return after \(book.births.map { ($0.at - back).inSeconds })")
        #expect(book.deaths.isEmpty)
        #expect(cluster.nodes[0].member(cluster.ids[2])?.generation == 2)
    }
}
