// Requests that are answered and go on, to make the replicas the same. They take no client's place; they have a budget
// of their own, in number and in bytes, and of too many the oldest are let go.

import DequeModule
import World

struct TrailingBudget: Sendable {
    /// In the order of their answers; some have ended since.
    private var order = Deque<UInt64>()
    private(set) var count = 0
    private var bytes = 0
    /// What they may hold in memory.
    private let mostBytes: Int

    init(bytes: Int = Limits.trailingBytes) { mostBytes = bytes }

    mutating func add(_ key: UInt64, byteCount: Int) {
        order.append(key)
        count += 1
        bytes += byteCount
    }

    mutating func remove(byteCount: Int) {
        count -= 1
        bytes -= byteCount
    }

    /// One to let go, if there are too many; it may have ended already.
    mutating func next() -> UInt64? {
        guard count > Limits.trailingWrites || bytes > mostBytes else { return nil }
        return order.popFirst()
    }

    /// Forgets those that have ended, when they are most of what is remembered.
    mutating func tidy(_ hasEnded: (UInt64) -> Bool) {
        if order.count > 2 * Limits.trailingWrites { order.removeAll(where: hasEnded) }
    }
}
