// A piece of an ordered key space: what is scanned, compared, transferred or dropped as one.

import World

/// Keys in [start, end); an absent `end` is the end of the store.
package struct KeyRange: Hashable, Sendable {
    package var start: [UInt8]
    package var end: [UInt8]?

    package init(start: [UInt8], end: [UInt8]?) {
        self.start = start
        self.end = end
    }

    package static let everything = KeyRange(start: [], end: nil)

    package func contains(_ key: [UInt8]) -> Bool {
        !key.precedes(start) && (end.map { key.precedes($0) } ?? true)
    }

    /// Every key that begins with `prefix`.
    package init(prefix: [UInt8]) {
        self.init(start: prefix, end: KeyRange.successor(ofPrefix: prefix))
    }

    /// The first key after all that begin with `prefix`; nil if there is none (all bytes are 0xFF).
    package static func successor(ofPrefix prefix: [UInt8]) -> [UInt8]? {
        guard let last = prefix.lastIndex(where: { $0 != 0xFF }) else { return nil }
        var end = Array(prefix[...last])
        end[last] += 1
        return end
    }
}
