// Where two replicas differ, in stretches of a page's size.

import Keys
import Ring
import Testing
import Wire
import World

@testable import Vnodes

@Suite struct StretchTests {
    private let request = CompareRequest(first: 0, last: .max, slices: 8, placement: "world")

    private func stretches(_ own: [UInt64], _ peer: [UInt64], bytes: Int) -> [String] {
        let (a, b) = (FingerprintPiece(sums: own, bytes: bytes), FingerprintPiece(sums: peer, bytes: bytes / 2))
        let starts = (0..<8).compactMap { Fingerprints.slice($0, of: request) }
        return Stretch.differing(a, b, request).map { stretch in
            let slices = starts.indices.filter { slice in
                stretch.range.contains(TokenRange.keys(first: starts[slice].first, last: starts[slice].last).start)
            }
            return "\(slices.first ?? -1)-\(slices.last ?? -1): \(stretch.bytes)"
        }
    }

    private let all: [UInt64] = [1, 2, 3, 4, 5, 6, 7, 8]
    private let nothing = [UInt64](repeating: 0, count: 8)

    @Test func neighboursAreReadTogether() {
        #expect(stretches(all, nothing, bytes: 8_000) == ["0-7: 8000"])
        let some = stretches(all, [1, 0, 3, 0, 0, 6, 7, 9], bytes: 8_000)
        #expect(some == ["1-1: 1000", "3-4: 2000", "7-7: 1000"])
        #expect(stretches(all, all, bytes: 8_000).isEmpty)
    }

    @Test func whatIsEmptyPartsNoStretch() {
        let some = stretches([1, 0, 0, 4, 0, 6, 0, 8], [0, 0, 0, 0, 0, 6, 0, 9], bytes: 4_000)
        #expect(some == ["0-3: 2000", "7-7: 1000"])
    }

    @Test func aStretchIsAboutAPage() {
        let page = Limits.repairPageBytes
        #expect(stretches(all, nothing, bytes: 3 * page).count == 4)
        // A slice is never parted: a page of it ends where it is full.
        #expect(stretches(all, nothing, bytes: 80 * page).count == 8)
        #expect(stretches([0, 0, 3, 0, 0, 0, 0, 0], nothing, bytes: 0) == ["2-2: 1"])
    }
}
