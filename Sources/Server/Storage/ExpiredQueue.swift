// What the comparer has found to have expired, on its way to the shards, which alone write.

import NIOConcurrencyHelpers
import Storage
import World

/// Bounded: what finds no room is found again when its partition is compared the next time.
final class ExpiredQueue: Sendable {
    private let box = NIOLockedValueBox<[ExpiredObject]>([])

    func add(_ found: [ExpiredObject]) {
        guard !found.isEmpty else { return }
        box.withLockedValue { $0 += found.prefix(max(0, Limits.expiredObjects - $0.count)) }
    }

    /// As many as are rewritten at once.
    func take() -> [ExpiredObject] {
        box.withLockedValue { waiting in
            var taken: [ExpiredObject] = []
            var bytes = 0
            while taken.count < Limits.expiredAtOnce, bytes < Limits.expiredBytesAtOnce, let next = waiting.popLast() {
                bytes += next.byteCount
                taken.append(next)
            }
            return taken
        }
    }
}
