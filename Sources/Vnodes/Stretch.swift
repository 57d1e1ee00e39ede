// Where two replicas differ, in stretches that a page each may hold.

import Keys
import Ring
import Wire
import World

/// Neighbouring slices of a piece that differ.
struct Stretch: Hashable, Sendable {
    let range: KeyRange
    /// About what lies there, by what the sides have counted.
    let bytes: Int

    /// What a key and its object count for: a small one is as much work to merge as a larger one, and takes a place in
    /// a mailbox.
    static func weight(_ key: [UInt8], _ object: [UInt8]) -> Int {
        max(key.count + object.count, Limits.repairKeyBytes)
    }

    /// Ascending. What is empty on both sides parts no stretch.
    static func differing(
        _ own: FingerprintPiece, _ other: FingerprintPiece, _ request: CompareRequest
    ) -> [Stretch] {
        let held = own.sums.indices.filter { own.sums[$0] != 0 || other.sums[$0] != 0 }
        let each = max(1, max(own.bytes, other.bytes) / max(1, held.count))
        var runs: [(first: Int, last: Int, slices: Int)] = []
        var isOpen = false
        for slice in held {
            guard own.sums[slice] != other.sums[slice] else {
                isOpen = false
                continue
            }
            if isOpen, let run = runs.last, (run.slices + 1) * each <= Limits.repairPageBytes {
                runs[runs.count - 1] = (run.first, slice, run.slices + 1)
            } else {
                runs.append((slice, slice, 1))
            }
            isOpen = true
        }
        return runs.compactMap { run in
            guard let first = Fingerprints.slice(run.first, of: request),
                let last = Fingerprints.slice(run.last, of: request)
            else { return nil }
            let keys = TokenRange.keys(first: first.first, last: last.last)
            return Stretch(range: keys.intersection(from: request.from, until: own.end), bytes: run.slices * each)
        }
    }
}
