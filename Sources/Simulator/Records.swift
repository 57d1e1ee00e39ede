// What clients of a simulated cluster asked, as the checker remembers it.

import Keys
import Causality
import DataTypes
import Gateway
import Ring
import World

/// What a request names.
struct RequestTerms {
    let key: StoredKey
    let level: ConsistencyLevel
    let strict: Bool
    var onlyIfAbsent = false
}

/// A request that changes a key, and who vouched for it, for itself or by a hint.
protocol Acknowledged {
    var key: StoredKey { get }
    var holders: [Acknowledgement] { get }
    /// What was lost before it began: a disk that was lost since may have been lost with it, its answer still under
    /// way.
    var lossesBefore: Losses { get }
}

/// A write of a client, from its start to what became of it.
struct WriteRecord: Acknowledged {
    let key: StoredKey
    /// Unique in the run; nil deletes.
    let value: [UInt8]?
    let context: CausalContext?
    let onlyIfAbsent: Bool
    let ttlMs: UInt64?
    let level: ConsistencyLevel
    let strict: Bool
    let startedAt: Instant
    var acknowledgedAt: Instant?
    var dot: Dot?
    var holders: [Acknowledgement] = []
    var lossesBefore = Losses()

    var terms: RequestTerms { RequestTerms(key: key, level: level, strict: strict, onlyIfAbsent: onlyIfAbsent) }
}

struct ReadRecord {
    let key: StoredKey
    let level: ConsistencyLevel
    let strict: Bool
    let startedAt: Instant

    var terms: RequestTerms { RequestTerms(key: key, level: level, strict: strict) }
}

/// A page of a list.
struct ListRecord {
    var range: KeyRange
    let reverse: Bool
    let limit: Int
    /// Nil: the bucket's.
    let level: ConsistencyLevel?
    let strict: Bool
    /// Of the first of the items, in the keys of the load.
    let place: Int
    var startedAt = Instant.origin
    var isNextPage = false

    /// The page after this one.
    func going(on next: ListContinuation) -> ListRecord {
        var page = self
        page.isNextPage = true
        switch (next, reverse) {
        case (.at(let key), false): page.range.start = key
        case (.after(let key), false): page.range.start = key + [0]
        case (.at(let key), true): page.range.end = key + [0]
        case (.after(let key), true): page.range.end = key
        }
        return page
    }
}

/// How often what a node had was lost.
struct Losses {
    /// Its disk: lost, moved aside as damaged, put back to an older state.
    var disks: [NodeID: Int] = [:]
    /// What it had not synced.
    var power: [NodeID: Int] = [:]
}
