// Keys that wait to be told of, each once: however often it changes meanwhile, what is told is what it is then.

import DequeModule
import Keys

struct DirtySet: Sendable {
    /// In the order in which they became dirty. Invariant: the same keys as `members`, once each.
    private var order = Deque<[UInt8]>()
    private var members: Set<KeyBytes> = []

    var count: Int { order.count }
    var isEmpty: Bool { order.isEmpty }

    /// True if it was not there.
    @discardableResult
    mutating func insert(_ key: [UInt8]) -> Bool {
        guard members.insert(KeyBytes(key)).inserted else { return false }
        order.append(key)
        return true
    }

    mutating func takeFirst() -> [UInt8]? {
        guard let key = order.popFirst() else { return nil }
        members.remove(KeyBytes(key))
        return key
    }

    mutating func take(_ most: Int) -> [[UInt8]] {
        var taken: [[UInt8]] = []
        while taken.count < most, let key = takeFirst() { taken.append(key) }
        return taken
    }

    mutating func removeAll() {
        order.removeAll()
        members.removeAll()
    }
}
