// What a watch is of: one key, or a part of the items under one partition key.

package import Keys
package import World

/// All keys of a target lie under one partition key, so on one shard of each of its primaries.
package struct LiveTarget: Hashable, Sendable {
    private enum Shape: Hashable {
        case key
        case range(KeyRange)
    }

    /// The stored key that is watched; of a range, that of its partition key.
    package let base: [UInt8]
    private let shape: Shape

    package init(key: StoredKey) {
        base = key.bytes
        shape = .key
    }

    /// The items under a partition key with sort keys in [start, end) that begin with `prefix`.
    package init(
        bucket: [UInt8], partitionKey: [UInt8], start: [UInt8]?, end: [UInt8]?, prefix: [UInt8]?
    ) throws(DecodingFailure) {
        base = try StoredKey(bucket: bucket, partitionKey: partitionKey).bytes
        shape = .range(
            try StoredKey.range(bucket: bucket, partitionKey: partitionKey, start: start, end: end, prefix: prefix))
    }

    package var token: Token { Token(ofStored: base) }
    var bucket: [UInt8] { StoredKey.bucket(of: base) ?? [] }

    /// Nil of a key.
    package var range: KeyRange? {
        if case .range(let range) = shape { range } else { nil }
    }

    func contains(_ key: [UInt8]) -> Bool { range.map { $0.contains(key) } ?? key.isEqual(base) }

    /// Two nodes that have the same watches have the same sum of this over them.
    func digest(id: UInt32, isSource: Bool) -> UInt64 {
        var hash = StableHash()
        hash.add(UInt64(id) << 1 | (isSource ? 1 : 0))
        hash.add(base)
        if let range {
            hash.add(range.start)
            hash.add(range.end ?? [])
        }
        return SplitMix64.spread(hash.value)
    }
}

extension ByteWriter {
    mutating func target(_ target: LiveTarget) {
        counted(target.base)
        optional(target.range) { writer, range in
            // Both begin as the base does, but for an end after all items: so much less travels.
            writer.counted(range.start)
            writer.counted(range.end ?? [])
        }
    }
}

extension ByteReader {
    /// A range that reaches beyond the items of its partition key is refused: whoever asks for more than that would
    /// hold a shard for long.
    mutating func target() throws(DecodingFailure) -> LiveTarget {
        let base = try StoredKey(decoding: try counted(atMost: Limits.storedKeyBytes))
        guard try flag() else { return LiveTarget(key: base) }
        let range = KeyRange(
            start: try counted(atMost: Limits.storedKeyBytes), end: try counted(atMost: Limits.storedKeyBytes))
        guard let target = LiveTarget(base: base, range: range) else { throw .malformed("a range beyond its key") }
        return target
    }
}

extension LiveTarget {
    fileprivate init?(base key: StoredKey, range: KeyRange) {
        let whole = KeyRange(prefix: key.bytes)
        guard key.sortKey == nil, range.start.starts(with: key.bytes), let end = range.end, let last = whole.end,
            !last.precedes(end)
        else { return nil }
        base = key.bytes
        shape = .range(range)
    }
}
