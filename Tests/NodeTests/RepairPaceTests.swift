// Repair gives way to what somebody waits for, and goes on all the same.

import Testing
import World

@testable import Node

@Suite struct RepairPaceTests {
    private let start = Instant.origin + .seconds(100)

    @Test func whereNobodyIsServedItNeverRests() {
        var pace = RepairPace()
        pace.worked(.milliseconds(80), now: start)
        let share = pace.share(servedAt: .origin, now: start)
        #expect(share == RepairShare(from: .origin, atOnce: Limits.repairsInBatch))
    }

    /// A share of the time, whatever that took; and never so long that the other side gives it up.
    @Test func besideOthersItHasAShareOfTheTime() {
        var pace = RepairPace()
        var (now, worked) = (start, Span.zero)
        while now - start < .seconds(10) {
            let share = pace.share(servedAt: now, now: now)
            #expect(share.atOnce == Limits.repairsBesideOthers)
            now = max(now, share.from) + .milliseconds(3)
            worked = worked + .milliseconds(3)
            pace.worked(.milliseconds(3), now: now)
        }
        let share = worked.inSeconds / (now - start).inSeconds
        #expect(abs(share - 1 / Double(1 + Limits.repairRest)) < 0.01)
        pace.worked(.seconds(60), now: now)
        #expect(pace.share(servedAt: now, now: now).from == now + Limits.repairRestLongest)
    }

    @Test func whenTheLastIsServedTheRestIsOver() {
        var pace = RepairPace()
        pace.worked(.milliseconds(100), now: start)
        #expect(pace.share(servedAt: start, now: start).from > start)
        #expect(pace.share(servedAt: start, now: start + Limits.repairQuiet).from == .origin)
    }
}
