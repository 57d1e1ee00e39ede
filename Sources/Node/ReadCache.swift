// An event loop's hot objects, in the bytes they are stored and sent in. Bounded; read and written by one loop only.

/// Two halves of a plain map: what is read moves to the young one; when that is full it becomes the old one and
/// what was old is forgotten. Close to least-recently-used, without a list to keep in order.
package struct ReadCache: Sendable {
    private struct Entry {
        let object: [UInt8]?
        let stripe: UInt64
    }

    private let limit: Int
    private var young: [[UInt8]: Entry] = [:]
    private var old: [[UInt8]: Entry] = [:]
    private var youngBytes = 0
    package private(set) var hits: UInt64 = 0
    package private(set) var misses: UInt64 = 0

    init(limit: Int) { self.limit = limit }

    /// The cached object (which may be "nothing there"); nil if there is none or `stripe` has moved on.
    package mutating func find(_ key: [UInt8], stripe: UInt64) -> [UInt8]?? {
        if let entry = young[key] {
            if entry.stripe == stripe {
                hits += 1
                return .some(entry.object)
            }
        } else if let entry = old[key], entry.stripe == stripe {
            hits += 1
            insert(key, entry)
            return .some(entry.object)
        }
        misses += 1
        return nil
    }

    package mutating func insert(_ key: [UInt8], object: [UInt8]?, stripe: UInt64) {
        // One large value would push out thousands of small ones.
        guard (object?.count ?? 0) <= limit / 64 else { return }
        insert(key, Entry(object: object, stripe: stripe))
    }

    private mutating func insert(_ key: [UInt8], _ entry: Entry) {
        // What an entry takes beside its bytes: two array headers and a place in the map.
        youngBytes += key.count + (entry.object?.count ?? 0) + 128
        young[key] = entry
        if youngBytes > limit / 2 {
            old = young
            young = [:]
            youngBytes = 0
        }
    }
}
