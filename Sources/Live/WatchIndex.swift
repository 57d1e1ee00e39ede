// Which watches a changed key belongs to: at most one of the key itself, and those of ranges around it.

import Keys

struct WatchIndex: Sendable {
    private struct Ranged: Sendable {
        let id: UInt32
        let target: LiveTarget
    }

    private var keys: [KeyBytes: UInt32] = [:]
    /// By the stored key of the partition key that they are of.
    private var ranges: [KeyBytes: [Ranged]] = [:]

    mutating func insert(_ target: LiveTarget, _ id: UInt32) {
        if target.range == nil {
            keys[KeyBytes(target.base)] = id
        } else {
            ranges[KeyBytes(target.base), default: []].append(Ranged(id: id, target: target))
        }
    }

    mutating func remove(_ target: LiveTarget, _ id: UInt32) {
        let base = KeyBytes(target.base)
        guard target.range != nil else {
            if keys[base] == id { keys[base] = nil }
            return
        }
        ranges[base]?.removeAll { $0.id == id }
        if ranges[base]?.isEmpty == true { ranges[base] = nil }
    }

    /// The watch of exactly this.
    func id(of target: LiveTarget) -> UInt32? {
        guard target.range != nil else { return keys[KeyBytes(target.base)] }
        return ranges[KeyBytes(target.base)]?.first { $0.target == target }?.id
    }

    /// Of all watches that `key` belongs to.
    func ids(of key: [UInt8]) -> [UInt32] {
        var found: [UInt32] = []
        if !keys.isEmpty, let id = keys[KeyBytes(key)] { found.append(id) }
        if !ranges.isEmpty, let base = StoredKey.partitionPrefix(of: key),
            let ranged = ranges[KeyBytes(Array(base))]
        {
            for one in ranged where one.target.contains(key) { found.append(one.id) }
        }
        return found
    }
}
