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

    /// Whoever stood still for a minute must not take the others for dead: it was itself that was away.
    @Test(arguments: [1, 2, 3] as [UInt64], [true, false])
    func afterAPauseNobodyIsBuried(seed: UInt64, readingFirst: Bool) {
        let cluster = VirtualCluster(VirtualCluster.Plan(nodes: 6, seed: seed))
        let book = Obituary(cluster)
        cluster.run(for: .seconds(10))
        cluster.pause(0, for: .seconds(60))
        cluster.run(for: .seconds(60))
        #expect(Set(book.deaths.map(\.observer)) == [1, 2, 3, 4, 5])
        #expect(book.deaths.allSatisfy { $0.subject == 0 })
        book.clear()
        cluster.wake(readingFirst: readingFirst)
        cluster.run(for: .seconds(5))
        #expect(book.deaths.isEmpty)
        #expect(Set(book.births.map(\.observer)) == [1, 2, 3, 4, 5])
        cluster.run(for: .seconds(30))
        #expect(book.deaths.isEmpty)
    }

    @Test func aShortPauseIsNoDeath() {
        let cluster = VirtualCluster(VirtualCluster.Plan(nodes: 6, seed: 4))
        let book = Obituary(cluster)
        cluster.run(for: .seconds(10))
        for i in 0..<5 {
            cluster.pause(i, for: .seconds(3))
            cluster.run(for: .seconds(3))
            cluster.wake()
            cluster.run(for: .seconds(3))
        }
        #expect(book.deaths.isEmpty)
    }

    /// The dead are talked about for half of the time that their keys are kept, so that nobody hands them to a newcomer
    /// for ever; and they are whole again when they return.
    @Test func theDeadAreForgotten() {
        var plan = VirtualCluster.Plan(nodes: 4, seed: 5)
        plan.configuration.forgetDeadAfter = .seconds(60)
        let cluster = VirtualCluster(plan)
        let id = cluster.ids[3]
        cluster.set(3, "load", [1])
        cluster.run(for: .seconds(3))
        cluster.kill(3)
        cluster.run(for: .seconds(45))
        #expect(cluster.everyUpNode(holds: "load", of: 3, [1]))
        cluster.restart(2, generation: 2)
        cluster.run(for: .seconds(5))
        #expect(cluster.nodes[2].member(id)?.generation == 0)
        var dropped: [Int] = []
        cluster.observe = { i, effect in if case .changed(id, key: "load") = effect { dropped.append(i) } }
        cluster.run(for: .seconds(30))
        #expect(cluster.everyUpNode(holds: "load", of: 3, nil))
        #expect(dropped.sorted() == [0, 1])
        cluster.restart(3, generation: 2)
        cluster.set(3, "load", [2])
        cluster.run(for: .seconds(5))
        #expect(cluster.everyUpNode(holds: "load", of: 3, [2]))
        #expect(cluster.upNodes.allSatisfy { cluster.nodes[$0].member(id)?.status == .alive })
    }
}

/// A way back, whatever was lost: nothing that a node knew is needed to meet the others again.
@Suite struct RejoinTests {
    private func isMet(_ cluster: VirtualCluster, generation: UInt64) -> Bool {
        cluster.nodes.allSatisfy { node in
            node.members.count == cluster.ids.count
                && node.members.allSatisfy { $0.status == .alive && $0.generation == generation }
        }
    }

    private func roundsToMeet(_ cluster: VirtualCluster, generation: UInt64, most: Int) -> Int? {
        cluster.rounds(until: { isMet(cluster, generation: generation) }, most: most)
    }

    /// All at once, with nothing but the ring document: the whole cluster lost its power.
    @Test func everybodyRestarts() {
        var plan = VirtualCluster.Plan(nodes: 24, seed: 1)
        plan.loss = 0.1
        let cluster = VirtualCluster(plan)
        cluster.run(rounds: 5)
        for i in cluster.nodes.indices { cluster.restart(i, generation: 2) }
        let rounds = roundsToMeet(cluster, generation: 2, most: 40)
        Figures.note("24 nodes, all restarted: met again after \(rounds ?? -1) rounds")
        #expect((rounds ?? .max) <= 15)
    }

    /// One after the other, each while the former is still coming back: no trace of the old lives is left.
    @Test func everybodyRestartsInTurn() {
        let cluster = VirtualCluster(VirtualCluster.Plan(nodes: 12, seed: 2))
        for i in cluster.nodes.indices { cluster.set(i, "old", [1]) }
        cluster.run(rounds: 5)
        for i in cluster.nodes.indices {
            cluster.restart(i, generation: 2)
            cluster.run(rounds: 2)
        }
        #expect(roundsToMeet(cluster, generation: 2, most: 15) != nil)
        for i in cluster.nodes.indices { #expect(cluster.everyUpNode(holds: "old", of: i, nil)) }
    }

    /// Without a ring document and without a seed: the address book on disk is the way back, and half of it suffices.
    @Test func theAddressBookLeadsBack() {
        var plan = VirtualCluster.Plan(nodes: 12, seed: 3)
        plan.hasRing = false
        plan.isAcquainted = false
        let cluster = VirtualCluster(plan)
        #expect(roundsToMeet(cluster, generation: 1, most: 30) != nil)
        let books = cluster.nodes.map(\.addressBook)
        for i in cluster.nodes.indices { #expect(books[i] == cluster.ids.filter { $0 != cluster.ids[i] }) }
        for i in cluster.nodes.indices {
            let half = books[i].filter { (cluster.place(of: $0) + i) % 2 == 1 }
            cluster.restart(i, generation: 2, addressBook: half)
        }
        #expect(roundsToMeet(cluster, generation: 2, most: 30) != nil)
    }

    /// The opposite: with neither, a node is alone. So the test above tests something.
    @Test func withoutAnythingThereIsNoWay() {
        var plan = VirtualCluster.Plan(nodes: 3, seed: 4)
        plan.hasRing = false
        plan.isAcquainted = false
        plan.seeds = []
        let cluster = VirtualCluster(plan)
        #expect(roundsToMeet(cluster, generation: 1, most: 30) == nil)
        #expect(cluster.nodes.allSatisfy { $0.addressBook.isEmpty })
    }
}
