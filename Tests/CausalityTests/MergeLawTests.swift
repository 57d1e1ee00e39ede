// Merging is a join: replicas that have heard of the same writes hold the same object, in whatever order they heard.

import Causality
import DataTypes
import Testing
import World

@Suite struct MergeLawTests {
    static let seeds: Range<UInt64> = 1..<120

    @Test(arguments: ConflictRule.allCases) func commutesAssociatesAndRepeats(_ rule: ConflictRule) {
        for seed in MergeLawTests.seeds {
            var history = KeyHistory(seed: seed, rule: rule)
            history.run(25)
            for _ in 0..<20 {
                let (a, b, c) = (history.anyState(), history.anyState(), history.anyState())
                #expect(a.merged(b, rule) == b.merged(a, rule), "seed \(seed): not commutative")
                #expect(
                    a.merged(b, rule).merged(c, rule) == a.merged(b.merged(c, rule), rule),
                    "seed \(seed): not associative")
                #expect(a.merged(a, rule) == a, "seed \(seed): not idempotent")
                #expect(a.merged(b, rule).merged(b, rule) == a.merged(b, rule), "seed \(seed): not absorbing")
                #expect(a.merged(StoredObject(), rule) == a, "seed \(seed): the empty object is not neutral")
            }
        }
    }

    @Test(arguments: ConflictRule.allCases) func theOrderOfManyNeverMatters(_ rule: ConflictRule) {
        for seed in MergeLawTests.seeds {
            var history = KeyHistory(seed: seed, rule: rule, replicas: 4)
            history.run(20)
            var random = SeededRandom(seed: seed ^ 0x5EED)
            let states = history.states
            let wanted = states.reduce(StoredObject()) { $0.merged($1, rule) }
            for _ in 0..<4 {
                let other = states.shuffled(using: &random).reduce(StoredObject()) { $0.merged($1, rule) }
                #expect(other == wanted, "seed \(seed)")
                #expect(other.encode() == wanted.encode(), "seed \(seed): equal objects, unequal bytes")
            }
        }
    }

    @Test(arguments: ConflictRule.allCases) func everyStateHoldsTheInvariants(_ rule: ConflictRule) {
        for seed in MergeLawTests.seeds {
            var history = KeyHistory(seed: seed, rule: rule)
            history.run(40)
            for state in history.states { #expect(state.brokenInvariant(rule) == nil, "seed \(seed)") }
        }
    }

    @Test(arguments: ConflictRule.allCases) func expiryAgreesWithMergeInAnyOrder(_ rule: ConflictRule) {
        for seed in MergeLawTests.seeds {
            var history = KeyHistory(seed: seed, rule: rule)
            history.run(25)
            for _ in 0..<20 {
                let (a, b) = (history.anyState(), history.anyState())
                let wall = WallTime(milliseconds: UInt64(history.wall) &+ UInt64(seed % 200))
                let late = a.merged(b, rule).expired(wall)
                #expect(a.expired(wall).merged(b.expired(wall), rule) == late, "seed \(seed)")
                #expect(a.expired(wall).merged(b, rule).expired(wall) == late, "seed \(seed)")
                #expect(b.merged(a.expired(wall), rule).expired(wall) == late, "seed \(seed)")
                #expect(late.expired(wall) == late, "seed \(seed)")
            }
        }
    }

    @Test func lastWriteWinsKeepsTheLatestOfAllThatWasWritten() {
        for seed in MergeLawTests.seeds {
            var history = KeyHistory(seed: seed, rule: .lastWriteWins)
            var latest: Sibling?
            for _ in 0..<15 {
                let replica = Int(seed % 3)
                let sibling = history.write((replica + history.states.count) % 3, context: nil)
                if let old = latest, (old.time, old.dot) > (sibling.time, sibling.dot) { continue }
                latest = sibling
            }
            let all = history.states.reduce(StoredObject()) { $0.merged($1, .lastWriteWins) }
            #expect(all.siblings.map(\.dot) == [latest?.dot], "seed \(seed)")
        }
    }

    /// Under `siblings` nothing is lost: a write is there, or some write that had seen it is.
    @Test func nothingIsLostUnlessItWasSeen() {
        for seed in MergeLawTests.seeds {
            var history = KeyHistory(seed: seed, rule: .siblings)
            var seen: [(dot: Dot, by: VersionVector)] = []
            for turn in 0..<15 {
                let replica = (turn * 7 + Int(seed)) % 3
                let context = history.anyState()
                let sibling = history.write(replica, context: context)
                seen.append((sibling.dot, context.versions))
            }
            let all = history.states.reduce(StoredObject()) { $0.merged($1, .siblings) }
            for (dot, _) in seen {
                let isThere = all.siblings.contains { $0.dot == dot }
                let wasSeen = seen.contains { $0.by.covers(dot) }
                #expect(isThere != wasSeen, "seed \(seed): \(dot)")
            }
        }
    }
}
