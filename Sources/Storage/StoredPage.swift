// A page as it is read from a store: the first items of a range, bounded in number and in bytes.

package import Wire

package struct StoredPage: Sendable {
    package private(set) var items = RangeItems()
    /// Others follow.
    package var more = false
    /// Of its items; where they would be more than it takes, with the one that has no place any more.
    package private(set) var bytes = 0
    private let limit: Int
    private let most: Int

    /// `most`: bytes of keys and values. An item alone always has a place.
    package init(limit: Int, atMost most: Int) {
        self.limit = limit
        self.most = most
    }

    /// One that is too long to be read.
    init(tooLong bytes: Int) {
        self.init(limit: 0, atMost: 0)
        (more, self.bytes) = (true, bytes)
    }

    /// False if there is no place for the item, nor for any that follows.
    package mutating func add(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool {
        more = items.count == limit
        guard !more else { return false }
        let size = key.count + value.count
        bytes += size
        more = bytes > most && !items.isEmpty
        guard !more else { return false }
        // The items of a list are much alike.
        if items.isEmpty { items.reserve(min(limit, 1 << 10), bytes: min(most, min(limit, 64) * (size + size / 8))) }
        items.append(key: key, object: value)
        return true
    }

    package mutating func add(_ key: [UInt8], _ value: [UInt8]) -> Bool {
        key.withUnsafeBytes { key in value.withUnsafeBytes { add(key, $0) } }
    }
}
