// The clock that orders concurrent writes: never back, later than what was seen, and not to be led astray.

import Causality
import Testing
import World

@Suite struct HybridClockTests {
    @Test func timesRiseWhateverTheWallClockDoes() {
        var clock = HybridClock()
        var last = HybridTime(bits: 0)
        for milliseconds in [1_000, 1_000, 1_001, 500, 500, 2_000] as [UInt64] {
            let time = clock.tick(WallTime(milliseconds: milliseconds))
            #expect(time > last && time.wall.milliseconds >= milliseconds)
            last = time
        }
    }

    @Test func aTimeIsLaterThanItsFloor() {
        var clock = HybridClock()
        let floor = HybridTime(wall: WallTime(milliseconds: 9_000))
        #expect(clock.tick(WallTime(milliseconds: 1_000), after: floor) == floor.successor)
    }

    @Test func aFloorFromAfarMovesNoOtherKey() {
        var clock = HybridClock()
        let now = WallTime(milliseconds: 1_000)
        #expect(clock.tick(now, after: HybridTime(bits: .max)) == HybridTime(bits: .max))
        #expect(clock.tick(now).wall == now)
    }
}
