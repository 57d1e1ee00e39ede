// The ring of changes remembers exactly what it says.

import Testing
import World

@testable import Live

@Suite struct ChangeRingTests {
    /// Against a list of all that ever changed.
    @Test func tellsAllThatChangedSinceOrThatItForgot() {
        for seed in UInt64(1)...50 {
            var random = SeededRandom(seed: seed)
            let capacity = Int.random(in: 1...9, using: &random)
            var ring = ChangeRing(capacity: capacity, seams: LiveSeams())
            var all: [[UInt8]] = []
            var known = 0
            for _ in 0..<60 {
                let keys = (0..<Int.random(in: 1...12, using: &random)).map { _ in
                    [UInt8.random(in: 0...9, using: &random)]
                }
                let isLost = random.chance(0.05)
                all += keys
                guard !isLost else {
                    known = all.count
                    continue
                }
                let wasNext = ring.position == UInt64(all.count - keys.count)
                #expect(ring.append(Changes(shard: 0, position: UInt64(all.count), keys: keys)) == wasNext)
                for since in 0...all.count {
                    let isKept = since >= max(known, all.count - capacity)
                    #expect(ring.remembers(after: UInt64(since)) == isKept, "seed \(seed), since \(since)")
                    guard isKept else { continue }
                    var told: [[UInt8]] = []
                    ring.visit(after: UInt64(since)) { told.append($0) }
                    #expect(told == Array(all[since...]), "seed \(seed), since \(since)")
                }
                #expect(!ring.remembers(after: UInt64(all.count) + 1))
                #expect(!ring.remembers(after: .max))
            }
        }
    }

    /// Whoever begins to listen begins at a position, with nothing remembered.
    @Test func aJumpForgetsAndGoesOn() {
        var ring = ChangeRing(capacity: 4, seams: LiveSeams())
        let isNext = ring.append(Changes(shard: 0, position: 22, keys: []))
        #expect(!isNext)
        #expect(ring.remembers(after: 22) && !ring.remembers(after: 21))
        let goesOn = ring.append(Changes(shard: 0, position: 24, keys: [[1], [2]]))
        #expect(goesOn)
        #expect(ring.remembers(after: 22) && ring.remembers(after: 24) && !ring.remembers(after: 21))
        var seen: [[UInt8]] = []
        ring.visit(after: 22) { seen.append($0) }
        #expect(seen == [[1], [2]])
    }
}
