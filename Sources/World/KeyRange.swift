// A piece of an ordered key space: what is scanned, compared, transferred or dropped as one.

/// Keys in [start, end); an absent `end` is the end of the store.
public struct KeyRange: Hashable, Sendable {
    public var start: [UInt8]
    public var end: [UInt8]?

    public init(start: [UInt8], end: [UInt8]?) {
        self.start = start
        self.end = end
    }

    public static let everything = KeyRange(start: [], end: nil)

    public func contains(_ key: [UInt8]) -> Bool {
        !key.lexicographicallyPrecedes(start) && (end.map { key.lexicographicallyPrecedes($0) } ?? true)
    }

    /// Every key that begins with `prefix`.
    public init(prefix: [UInt8]) {
        self.init(start: prefix, end: KeyRange.successor(ofPrefix: prefix))
    }

    /// The first key after all that begin with `prefix`; nil if there is none (all bytes are 0xFF).
    public static func successor(ofPrefix prefix: [UInt8]) -> [UInt8]? {
        guard let last = prefix.lastIndex(where: { $0 != 0xFF }) else { return nil }
        var end = Array(prefix[...last])
        end[last] += 1
        return end
    }
}
