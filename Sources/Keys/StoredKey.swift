// How a key lies on the disk: token ‖ bucket ‖ partition key ‖ sort key (docs/formats/stored-key.md).
//
// LevelDB order is ring order: a partition is one contiguous range, all items of one partition key lie together in the
// order of their sort keys, and doubling the number of partitions moves nothing. Each part is escaped (00 becomes 00
// FF) and closed with 00 01, so that byte order is the order of the parts and no part can look like the end of another.

package import World

/// A client's key, and its place on the ring.
package struct StoredKey: Hashable, Sendable {
    /// The form that is stored and sent.
    package let bytes: [UInt8]
    package let token: Token
    package let bucket: [UInt8]
    package let partitionKey: [UInt8]
    package let sortKey: [UInt8]?

    /// Throws if a part is empty or the whole is longer than `Limits.keyBytes`.
    package init(bucket: [UInt8], partitionKey: [UInt8], sortKey: [UInt8]? = nil) throws(DecodingFailure) {
        try StoredKey.check(bucket, partitionKey, sortKey)
        self.bucket = bucket
        self.partitionKey = partitionKey
        self.sortKey = sortKey
        token = Token(bucket: bucket, partitionKey: partitionKey)
        var bytes = StoredKey.prefix(token, bucket, partitionKey)
        if let sortKey { bytes.appendPart(sortKey) }
        self.bytes = bytes
    }

    private static func check(
        _ bucket: [UInt8], _ partitionKey: [UInt8], _ sortKey: [UInt8]?
    ) throws(DecodingFailure) {
        guard !bucket.isEmpty, !partitionKey.isEmpty, sortKey?.isEmpty != true else {
            throw .malformed("an empty key part")
        }
        guard bucket.count <= Limits.bucketNameBytes,
            bucket.count + partitionKey.count + (sortKey?.count ?? 0) <= Limits.keyBytes
        else { throw .overlong }
    }

    private static func prefix(_ token: Token, _ bucket: [UInt8], _ partitionKey: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(16 + bucket.count + partitionKey.count)
        bytes.appendToken(token.value)
        bytes.appendPart(bucket)
        bytes.appendPart(partitionKey)
        return bytes
    }

    /// Reads a key from a disk or a peer. Throws unless its parts are exactly what `init(bucket:partitionKey:sortKey:)`
    /// makes of them. The token is hashed once, where the client's request arrived, and taken at its word here: one
    /// that is wrong lies in a partition that its sender may write anyway, where no reader looks for it.
    package init(decoding stored: [UInt8]) throws(DecodingFailure) {
        guard stored.count > 8 else { throw .truncated }
        var rest = stored[8...]
        bucket = try rest.takePart()
        partitionKey = try rest.takePart()
        sortKey = rest.isEmpty ? nil : try rest.takePart()
        guard rest.isEmpty else { throw .malformed("bytes after the key") }
        try StoredKey.check(bucket, partitionKey, sortKey)
        token = Token(ofStored: stored)
        // Parts have one encoding each, so these are the bytes that the parts would make.
        bytes = stored
    }

    /// The bucket of a stored key, without checking the rest; nil if there is none to be read.
    package static func bucket(of stored: [UInt8]) -> [UInt8]? {
        guard stored.count > 8 else { return nil }
        var rest = stored[8...]
        return try? rest.takePart()
    }

    /// The sort key of a stored key, without the parts before it, since lists ask for it at every item. Nil if there is
    /// none.
    package static func sortKey(of stored: [UInt8]) -> [UInt8]? {
        guard stored.count > 8 else { return nil }
        var rest = stored[8...]
        guard rest.dropPart(), rest.dropPart() else { return nil }
        return try? rest.takePart()
    }

    /// The stored key of the partition key of an item; nil if there is none to be read.
    package static func partitionPrefix(of stored: [UInt8]) -> ArraySlice<UInt8>? {
        guard stored.count > 8 else { return nil }
        var rest = stored[8...]
        return rest.dropPart() && rest.dropPart() ? stored[..<rest.startIndex] : nil
    }

    /// Where the sort key lies in a stored key; nil if there is none, or if it has zero bytes, which are escaped.
    package static func plainSortKey(in stored: UnsafeRawBufferPointer) -> Range<Int>? {
        var place = 8
        for _ in 0..<2 {
            // A zero byte that ends no part is followed by FF.
            repeat {
                while place < stored.count, stored[place] != 0 { place += 1 }
                place += 2
                guard place <= stored.count else { return nil }
            } while stored[place - 1] != 1
        }
        let start = place
        while place < stored.count, stored[place] != 0 { place += 1 }
        return place + 2 == stored.count && stored[place + 1] == 1 ? start..<place : nil
    }

    /// A stored key as an operator knows it, for a log: bucket/partition key/sort key, without line breaks and the
    /// like.
    package static func text(of stored: [UInt8]) -> String {
        guard let key = try? StoredKey(decoding: stored) else { return "no key" }
        let parts = [key.bucket, key.partitionKey] + (key.sortKey.map { [$0] } ?? [])
        return parts.map { part in
            String(decoding: part, as: UTF8.self).unicodeScalars
                .map { $0.properties.generalCategory == .control ? "?" : String($0) }.joined()
        }.joined(separator: "/")
    }

    /// The stored keys of the items under a partition key with sort keys in [start, end) that begin with `prefix`.
    package static func range(
        bucket: [UInt8], partitionKey: [UInt8], start: [UInt8]?, end: [UInt8]?, prefix: [UInt8]?
    ) throws(DecodingFailure) -> KeyRange {
        let base = try StoredKey(bucket: bucket, partitionKey: partitionKey).bytes
        func escaped(_ part: [UInt8]) -> [UInt8] { base + part.flatMap { $0 == 0 ? [0, 0xFF] : [$0] } }
        // The item without a sort key is `base` itself; it comes first and is not part of the list.
        var range = KeyRange(start: base + [0], end: KeyRange.successor(ofPrefix: base))
        if let prefix, !prefix.isEmpty {
            range = KeyRange(start: escaped(prefix), end: KeyRange.successor(ofPrefix: escaped(prefix)))
        }
        if let start, !start.isEmpty, range.start.precedes(escaped(start)) {
            range.start = escaped(start)
        }
        if let end, !end.isEmpty, let old = range.end, escaped(end).precedes(old) {
            range.end = escaped(end)
        }
        return range
    }
}

/// The stored keys of a part of the ring.
package enum TokenRange {
    /// Tokens in [first, last].
    package static func keys(first: UInt64, last: UInt64) -> KeyRange {
        var start: [UInt8] = []
        start.appendToken(first)
        guard last < .max else { return KeyRange(start: start, end: nil) }
        var end: [UInt8] = []
        end.appendToken(last + 1)
        return KeyRange(start: start, end: end)
    }

    /// The `index`-th of `count` equal partitions; `count` is a power of two.
    package static func partition(_ index: Int, of count: Int) -> (first: UInt64, last: UInt64) {
        guard count > 1 else { return (0, .max) }
        let width = UInt64(1) << UInt64(64 - count.trailingZeroBitCount)
        let first = UInt64(index) &* width
        return (first, first &+ (width - 1))
    }
}

extension [UInt8] {
    fileprivate mutating func appendToken(_ token: UInt64) {
        for shift in stride(from: 56, through: 0, by: -8) { append(UInt8(truncatingIfNeeded: token >> UInt64(shift))) }
    }

    fileprivate mutating func appendPart(_ part: [UInt8]) {
        if part.contains(0) {
            for byte in part {
                append(byte)
                if byte == 0 { append(0xFF) }
            }
        } else {
            append(contentsOf: part)
        }
        append(0)
        append(1)
    }
}

extension ArraySlice<UInt8> {
    fileprivate mutating func takePart() throws(DecodingFailure) -> [UInt8] {
        var part: [UInt8] = []
        while let zero = firstIndex(of: 0) {
            part += self[startIndex..<zero]
            let mark = zero + 1
            guard mark < endIndex else { break }
            let sign = self[mark]
            self = self[(mark + 1)...]
            switch sign {
            case 0xFF: part.append(0)
            case 1: return part
            default: throw .malformed("a zero byte that is no escape")
            }
        }
        throw .truncated
    }

    /// As `takePart`, of one that nobody asks for.
    fileprivate mutating func dropPart() -> Bool {
        while let zero = firstIndex(of: 0), zero + 1 < endIndex {
            let sign = self[zero + 1]
            self = self[(zero + 2)...]
            if sign == 1 { return true }
        }
        return false
    }
}
