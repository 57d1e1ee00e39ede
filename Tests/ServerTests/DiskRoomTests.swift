// How full a disk may be for what (docs/OPERATIONS.md), to the byte: a share of it and an amount, whichever is reached
// first.

import Storage
import Testing

@testable import Server

@Suite struct DiskRoomTests {
    @Test(
        arguments: [
            (0.1, 36, DiskState.roomy, DiskState.nearlyFull), (0.05, 28, .nearlyFull, .full),
            (0.025, 20, .full, .exhausted),
        ] as [(Double, UInt64, DiskState, DiskState)])
    func whatIsTakenEndsAtItsBound(_ share: Double, _ mebibytes: UInt64, _ above: DiskState, _ below: DiskState) {
        let bytes = mebibytes << 20
        #expect(DiskRoom(share: share, bytes: bytes).state == above)
        #expect(DiskRoom(share: share.nextDown, bytes: bytes).state == below)
        #expect(DiskRoom(share: share, bytes: bytes - 1).state == below)
        #expect(DiskRoom(share: share, bytes: .max).state == above)
        #expect(DiskRoom(share: 1, bytes: bytes).state == above)
    }
}
