// Typed objects that a shard has decoded, so that a keystroke does not decode a text.
//
// Two generations: what is used moves to the young one; once that has grown to half of the room it becomes the old one,
// and what was old is let go. So about the least recently used go, and nothing has to be kept in order.

import Keys

struct TypedCache: Sendable {
    private var young: [KeyBytes: LoggedObject] = [:]
    private var old: [KeyBytes: LoggedObject] = [:]
    private var youngBytes = 0
    private let most: Int

    init(most: Int) { self.most = most }

    subscript(key: [UInt8]) -> LoggedObject? { young[KeyBytes(key)] ?? old[KeyBytes(key)] }

    /// Taken out, so that it is changed where it lies and not copied; `put` it back.
    mutating func take(_ key: [UInt8]) -> LoggedObject? {
        let key = KeyBytes(key)
        if let found = young.removeValue(forKey: key) {
            youngBytes -= found.memoryBytes
            return found
        }
        return old.removeValue(forKey: key)
    }

    mutating func put(_ key: [UInt8], _ logged: LoggedObject) {
        youngBytes += logged.memoryBytes
        young[KeyBytes(key)] = logged
    }

    /// Between batches: what a batch has changed is in no store until it is committed.
    mutating func trim() {
        guard youngBytes > most / 2 else { return }
        (old, young, youngBytes) = (young, [:], 0)
    }
}
