// Comparing two replicas without sending what they hold: each folds a range of its keys into a few numbers.
//
// A classic hash tree (Merkle; Dynamo, section 4.7) is kept up to date with every write, or rebuilt as a whole. Since
// stored order is ring order, any slice of the ring is one short scan here, so the tree need not exist: its one level
// is computed when it is asked for. The fold is a sum, so the order of keys does not matter and an absent key adds
// nothing. It is computed piece by piece: a scan of a whole partition would keep all others waiting.

import Causality
import DataTypes
import Keys
import Ring
import Storage
import Wire
import World

/// What one scan of bounded length has found.
struct FingerprintPiece: Hashable, Sendable {
    /// One number for each slice; equal numbers mean equal contents, but for a chance of 2⁻⁶⁴.
    var sums: [UInt64]
    /// The first key that they do not count; nil if they count all.
    var end: [UInt8]?
    /// What the scan has read, as repair would count it (Stretch.weight).
    var bytes = 0
    /// What the scan came across on its way.
    var expired: [ExpiredObject] = []
}

enum Fingerprints {
    /// Counts from `request.from` until the scan has read as much as one answer may, and one key at the least.
    static func compute(
        _ request: CompareRequest, _ store: any KeyValueStore, _ ring: RingSnapshot, of node: NodeID, at wall: WallTime
    ) throws(StorageFailure) -> FingerprintPiece {
        var expired: [ExpiredObject] = []
        var sums = [UInt64](repeating: 0, count: request.slices)
        var end = request.until
        let width = sliceWidth(request)
        var bucket: (name: [UInt8], counts: Bool) = ([], false)
        var damaged: StorageFailure?
        var (keys, size, weight) = (0, 0, 0)
        let range = TokenRange.keys(first: request.first, last: request.last)
            .intersection(from: request.from, until: request.until)
        try store.scan(range, reverse: false) { key, bytes in
            guard keys == 0 || (keys < Limits.comparePieceKeys && size < Limits.comparePieceBytes) else {
                end = key
                return false
            }
            keys += 1
            size += key.count + bytes.count
            weight += Stretch.weight(key, bytes)
            guard let name = StoredKey.bucket(of: key) else { return true }
            if name != bucket.name {
                bucket = (name, ring.properties(ofBucket: name).placement == request.placement)
            }
            guard bucket.counts else { return true }
            do {
                let object = try StoredObject(decoding: bytes)
                if object.hasExpiredValues(at: wall.before(Limits.expiryGrace))
                    || TypedExpiry.isDue(object, key, ring, of: node, at: wall)
                {
                    expired.append(ExpiredObject(key: key, byteCount: bytes.count))
                }
                let token = Token(ofStored: key)
                sums[min(Int((token.value - request.first) / width), request.slices - 1)] &+= fingerprint(key, object)
            } catch {
                damaged = StorageFailure(.corruption, "a stored object cannot be read: \(error)")
            }
            return damaged == nil
        }
        if let damaged { throw damaged }
        return FingerprintPiece(sums: sums, end: end, bytes: weight, expired: expired)
    }

    /// Tokens a slice; the last slice may have fewer, or, where one is the whole ring, one more than fits the type.
    private static func sliceWidth(_ request: CompareRequest) -> UInt64 {
        let (width, overflow) = ((request.last - request.first) / UInt64(request.slices)).addingReportingOverflow(1)
        return overflow ? .max : width
    }

    /// The tokens [first, last] of slice `index`; nil if the range is too small to have it.
    static func slice(_ index: Int, of request: CompareRequest) -> (first: UInt64, last: UInt64)? {
        let width = sliceWidth(request)
        let (offset, overflow) = width.multipliedReportingOverflow(by: UInt64(index))
        guard !overflow, offset <= request.last - request.first else { return nil }
        let first = request.first + offset
        let isLast = index == request.slices - 1 || request.last - first < width
        return (first, isLast ? request.last : first + (width - 1))
    }

    /// Two replicas that agree on key, version vector and siblings agree on this; the values follow from their dots.
    private static func fingerprint(_ key: [UInt8], _ object: StoredObject) -> UInt64 {
        var hash = StableHash()
        hash.add(key)
        hash.add(object.summary.encode())
        // FNV mixes its last bytes badly; spread, so that sums do not cancel.
        return SplitMix64.spread(hash.value)
    }
}

extension KeyRange {
    /// The part of it in [from, until); nil is no bound.
    func intersection(from: [UInt8], until: [UInt8]?) -> KeyRange {
        var part = self
        if part.start.precedes(from) { part.start = from }
        if let until, part.end.map({ until.precedes($0) }) ?? true { part.end = until }
        return part
    }
}
