// The value of one key as replicas keep it: siblings and the version vector (dotted version vector sets; Preguiça,
// Baquero et al., "Dotted Version Vectors", 2010; Almeida et al., "Scalable and Accurate Causality Tracking", 2014).
//
// Picture: the version vector says which writes this replica has heard of; the siblings are those among them that no
// other has superseded. So "in the vector but not a sibling" means "seen and overwritten", and merging two replicas is:
// keep a sibling if both have it, or if the other has never heard of it.
//
// A write may have been made twice: by a replica that then fell silent, and by the next one, which took it over without
// knowing (decision 0022). The second says which attempts it stands in for, and these are void wherever they turn up.

package import Causality
package import World

/// What a write left behind: bytes, or the mark of a deletion.
package enum Payload: Hashable, Sendable {
    /// A part of the object that they came in, where they came in one: what has megabytes is not copied.
    case value(ArraySlice<UInt8>)
    case tombstone

    package static func value(_ bytes: [UInt8]) -> Payload { .value(bytes[...]) }
}

/// One write that nothing has superseded yet.
package struct Sibling: Hashable, Sendable {
    package let dot: Dot
    package var payload: Payload
    /// A media type; empty where the writer named none.
    package var contentType: String
    package let time: HybridTime
    /// Absolute: every replica forgets the value at the same moment, whenever the write reached it.
    package let expiresAt: WallTime?
    /// Names the attempt that made it, where a gateway might never hear what became of it: one at another node.
    package let attempt: UInt64?

    package init(
        dot: Dot, payload: Payload, contentType: String = "", time: HybridTime, expiresAt: WallTime? = nil,
        attempt: UInt64? = nil
    ) {
        self.dot = dot
        self.payload = payload
        self.contentType = contentType
        self.time = time
        self.expiresAt = expiresAt
        self.attempt = attempt
    }

    package var isTombstone: Bool { payload == .tombstone }

    /// A value whose time is over, and that still has its bytes.
    func isExpired(at wall: WallTime) -> Bool { !isTombstone && expiresAt.map { $0 <= wall } ?? false }

    /// Later wins; two writes of one instant are ordered by their dots, the same on every replica.
    func isNewer(than other: Sibling) -> Bool { time == other.time ? dot > other.dot : time > other.time }
}

/// Invariants: siblings are strictly ascending by dot; every sibling's dot is covered by `versions`; none is of a
/// voided attempt. Under last-write-wins there is at most one sibling, its time is the latest of all writes in
/// `versions`, and no attempts are named: what one had put aside by its time would be lost with it.
package struct StoredObject: Hashable, Sendable {
    package internal(set) var versions: VersionVector
    package internal(set) var siblings: [Sibling]
    /// Attempts that another has taken the place of, ascending, so by their times. Whoever has heard of that other
    /// (covers its dot) has its voided attempts here, but for those that came before the latest
    /// `Limits.voidedAttempts`; and the latest of a union are the latest of the latest on either side. So equal version
    /// vectors mean equal lists.
    package private(set) var voided: [UInt64]
    /// The records of a key in a typed bucket, whose dots `versions` covers too; nil where nobody has operated on it.
    var typed: TypedPart?

    package init() {
        versions = VersionVector()
        siblings = []
        voided = []
    }

    /// Nil if an invariant does not hold.
    package init?(versions: VersionVector, siblings: [Sibling], voided: [UInt64] = []) {
        for (i, sibling) in siblings.enumerated() {
            guard versions.covers(sibling.dot), i == 0 || siblings[i - 1].dot < sibling.dot else { return nil }
            if let attempt = sibling.attempt, voided.contains(attempt) { return nil }
        }
        for (i, attempt) in voided.enumerated() where i > 0 && voided[i - 1] >= attempt { return nil }
        self.versions = versions
        self.siblings = siblings
        self.voided = voided
    }

    package var summary: ObjectSummary {
        ObjectSummary(versions: versions, dots: siblings.map(\.dot), voids: typed?.object.summary.voids ?? 0)
    }
    package var latestTime: HybridTime { siblings.reduce(HybridTime(bits: 0)) { max($0, $1.time) } }
    package var newest: Sibling? { siblings.max { $1.isNewer(than: $0) } }
    package var values: [Sibling] { siblings.filter { !$0.isTombstone } }
    package var hasValue: Bool { siblings.contains { !$0.isTombstone } || typed?.object.isDeleted == false }
    package var payloadBytes: Int {
        siblings.reduce(typed?.byteCount ?? 0) { sum, sibling in
            if case .value(let bytes) = sibling.payload { sum + bytes.count } else { sum }
        }
    }

    /// Takes in what another replica knows. Commutative, associative and idempotent for a fixed rule.
    package mutating func merge(_ other: StoredObject, rule: ConflictRule) {
        if versions.isEmpty {
            self = other
        } else {
            siblings = StoredObject.survivors(self, other)
            versions.merge(other.versions)
            void(other.voided)
            joinTyped(other)
        }
        if rule == .lastWriteWins { keepNewest() }
    }

    /// Drops the siblings that these attempts made or were dropped for before; their dots stay covered.
    private mutating func void(_ attempts: [UInt64]) {
        for attempt in attempts {
            let place = voided.firstIndex { $0 >= attempt } ?? voided.endIndex
            if place == voided.endIndex || voided[place] != attempt { voided.insert(attempt, at: place) }
        }
        guard !voided.isEmpty else { return }
        siblings.removeAll { $0.attempt.map(voided.contains) ?? false }
        if voided.count > Limits.voidedAttempts { voided.removeFirst(voided.count - Limits.voidedAttempts) }
    }

    private static func survivors(_ a: StoredObject, _ b: StoredObject) -> [Sibling] {
        var kept: [Sibling] = []
        var i = 0
        var j = 0
        while i < a.siblings.count || j < b.siblings.count {
            if j == b.siblings.count || (i < a.siblings.count && a.siblings[i].dot < b.siblings[j].dot) {
                if !b.versions.covers(a.siblings[i].dot) { kept.append(a.siblings[i]) }
                i += 1
            } else if i == a.siblings.count || b.siblings[j].dot < a.siblings[i].dot {
                if !a.versions.covers(b.siblings[j].dot) { kept.append(b.siblings[j]) }
                j += 1
            } else {
                // The same write on both sides; the one whose value has expired already is ahead.
                kept.append(a.siblings[i].isTombstone ? a.siblings[i] : b.siblings[j])
                i += 1
                j += 1
            }
        }
        return kept
    }

    private mutating func keepNewest() {
        if siblings.count > 1, let newest { siblings = [newest] }
    }

    /// Adds a write: it supersedes exactly what `context` has seen, or all that stands here if there is none.
    /// `voiding`: the attempts that it stands in for.
    package mutating func write(
        _ sibling: Sibling, context: CausalContext?, voiding: [UInt64] = [], rule: ConflictRule
    ) {
        let seen = context?.versions ?? versions
        // The dot beyond a context's vector counts only where it is known already: to cover it here would also cover
        // all lesser dots of its actor, which the writer may not have seen.
        let own = context?.dot.flatMap { versions.covers($0) ? $0 : nil }
        siblings.removeAll { seen.covers($0.dot) || $0.dot == own }
        versions.merge(seen)
        versions.record(sibling.dot)
        siblings.insert(sibling, at: siblings.firstIndex { sibling.dot < $0.dot } ?? siblings.endIndex)
        void((context?.voided ?? []) + voiding)
        if rule == .lastWriteWins { keepNewest() }
    }

    /// Drops the bytes of values whose time is over; their dots stay, as tombstones, so that no replica brings them
    /// back. The summary stays the same: to have done so already is no difference between replicas.
    package mutating func expire(at wall: WallTime) {
        for i in siblings.indices where siblings[i].isExpired(at: wall) {
            siblings[i].payload = .tombstone
            siblings[i].contentType = ""
        }
    }

    /// Whether `expire` would drop anything.
    package func hasExpiredValues(at wall: WallTime) -> Bool { siblings.contains { $0.isExpired(at: wall) } }
}

/// What a replica holds, without the bytes: enough to tell whether two replicas agree, and which is behind.
package struct ObjectSummary: Hashable, Sendable {
    package let versions: VersionVector
    package let dots: [Dot]
    /// Of a typed key, a hash of the requests that are void: all else follows from the versions.
    let voids: UInt64

    package init(versions: VersionVector, dots: [Dot], voids: UInt64 = 0) {
        self.versions = versions
        self.dots = dots
        self.voids = voids
    }
}
