// Version vectors are sets of dots; clocks only go forward.

import Causality
import Testing
import World

@Suite struct VersionVectorTests {
    private let actors = (0..<6).compactMap { index in
        NodeID("n\(index / 2)").map { Actor(node: $0, incarnation: UInt64(index % 2)) }
    }

    private func random(_ random: inout SeededRandom) -> VersionVector {
        var vector = VersionVector()
        for _ in 0..<Int.random(in: 0...8, using: &random) {
            guard let actor = actors.randomElement(using: &random) else { continue }
            vector.record(Dot(actor: actor, counter: UInt64.random(in: 1...5, using: &random)))
        }
        return vector
    }

    private func union(_ a: VersionVector, _ b: VersionVector) -> VersionVector {
        var union = a
        union.merge(b)
        return union
    }

    @Test func unionIsAJoinAndCoverageItsOrder() {
        var dice = SeededRandom(seed: 1)
        for _ in 0..<500 {
            let (a, b, c) = (random(&dice), random(&dice), random(&dice))
            #expect(union(a, b) == union(b, a))
            #expect(union(union(a, b), c) == union(a, union(b, c)))
            #expect(union(a, a) == a)
            #expect(union(a, VersionVector()) == a)
            #expect(union(a, b).covers(a) && union(a, b).covers(b))
            #expect(a.covers(b) == (union(a, b) == a))
            #expect(!(a.covers(b) && b.covers(a)) || a == b)
        }
    }

    @Test func aVectorIsTheSetOfItsDots() {
        var dice = SeededRandom(seed: 2)
        for _ in 0..<200 {
            let (a, b) = (random(&dice), random(&dice))
            for actor in actors {
                for counter in 1...6 as ClosedRange<UInt64> {
                    let dot = Dot(actor: actor, counter: counter)
                    #expect(union(a, b).covers(dot) == (a.covers(dot) || b.covers(dot)))
                    #expect(a.covers(dot) == (a.counter(of: actor) >= counter))
                }
            }
            #expect(VersionVector(ascending: a.entries) == a)
        }
    }

    @Test func entriesOutOfOrderAreRefused() {
        let (x, y) = (Dot(actor: actors[0], counter: 1), Dot(actor: actors[1], counter: 1))
        #expect(VersionVector(ascending: [x, y]) != nil)
        #expect(VersionVector(ascending: [y, x]) == nil)
        #expect(VersionVector(ascending: [x, x]) == nil)
        #expect(VersionVector(ascending: [Dot(actor: actors[0], counter: 0)]) == nil)
    }
}
