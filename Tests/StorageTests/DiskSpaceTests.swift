// How full a disk may be for what (docs/OPERATIONS.md), to the byte: a share of it and an amount, whichever is reached
// first. And when other nodes hear of it.

import Testing
import World

@testable import Storage

@Suite struct DiskSpaceTests {
    @Test(
        arguments: [
            (0.1, 44, DiskState.roomy, DiskState.nearlyFull), (0.05, 36, .nearlyFull, .full),
            (0.025, 28, .full, .exhausted),
        ] as [(Double, UInt64, DiskState, DiskState)])
    func whatIsTakenEndsAtItsBound(_ share: Double, _ mebibytes: UInt64, _ above: DiskState, _ below: DiskState) {
        let bytes = mebibytes << 20
        #expect(DiskSpace(share: share, bytes: bytes).state == above)
        #expect(DiskSpace(share: share.nextDown, bytes: bytes).state == below)
        #expect(DiskSpace(share: share, bytes: bytes - 1).state == below)
        #expect(DiskSpace(share: share, bytes: .max).state == above)
        #expect(DiskSpace(share: 1, bytes: bytes).state == above)
    }
}

@Suite struct DiskGaugeTests {
    private static let ample = DiskSpace(share: 0.5, bytes: 1 << 40)
    private static let scarce = DiskSpace(share: 0.105, bytes: 1 << 40)
    private static let short = DiskSpace(share: 0.09, bytes: 1 << 40)

    private static func at(_ ms: Int64) -> Instant { .origin + .milliseconds(ms) }

    /// What a gauge says as the disk goes through these rooms, a second each.
    private static func told(_ rooms: [DiskSpace]) -> [Bool] {
        var gauge = DiskGauge(rooms[0], at: at(0))
        return rooms.enumerated().map { second, room in
            gauge.look(at: at(Int64(second) * 1_000)) { room }
            return gauge.isFull
        }
    }

    @Test func aFullDiskIsFullUntilThereIsAMargin() {
        let (ample, scarce, short) = (DiskGaugeTests.ample, DiskGaugeTests.scarce, DiskGaugeTests.short)
        #expect(scarce.state == .roomy && !scarce.isAmple && short.state == .nearlyFull)
        #expect(
            DiskGaugeTests.told([ample, scarce, short, scarce, short, scarce, ample, scarce])
                == [false, false, true, true, true, true, false, false])
    }

    /// As shares, so amounts.
    @Test func aMarginIsOfTheAmountAsWell() {
        let bound = Double(Limits.leastFreeBytes)
        let rooms = [bound, bound - 1, bound, bound * Limits.freeDiskMargin + 1].map {
            DiskSpace(share: 0.5, bytes: UInt64($0))
        }
        #expect(DiskGaugeTests.told(rooms) == [false, true, true, false])
    }

    @Test func aNodeThatStartsOnAFullDiskSaysSo() {
        #expect(DiskGauge(DiskGaugeTests.short, at: .origin).isFull)
        #expect(!DiskGauge(DiskGaugeTests.scarce, at: .origin).isFull)
    }

    @Test func theDiskIsLookedAtNowAndThen() {
        var gauge = DiskGauge(DiskGaugeTests.ample, at: .origin)
        gauge.look(at: .origin + Limits.diskLook) { DiskGaugeTests.short }
        #expect(gauge.space == DiskGaugeTests.ample)
        gauge.look(at: .origin + Limits.diskLook + .milliseconds(1)) { DiskGaugeTests.short }
        #expect(gauge.space == DiskGaugeTests.short && gauge.isFull)
    }
}
