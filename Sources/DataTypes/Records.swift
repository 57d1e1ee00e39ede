// The records of one path: each is named by its dot, and never changes but to die (docs/TYPES.md).

import Causality
import World

/// What may stand at a path, and be empty.
package enum TypedKind: String, CaseIterable, Hashable, Sendable {
    case map, list, text, set, counter, flag, register

    /// Its number in the formats.
    var code: UInt8 { UInt8(TypedKind.allCases.firstIndex(of: self) ?? 0) }

    init?(code: UInt8) {
        guard Int(code) < TypedKind.allCases.count else { return nil }
        self = TypedKind.allCases[Int(code)]
    }
}

/// A scalar value that was set.
struct Register: Hashable, Sendable {
    var id: ElementID
    let value: Scalar
    let time: HybridTime
}

/// Says that something of a kind exists here, be it empty.
struct Mark: Hashable, Sendable {
    var id: ElementID
    let kind: TypedKind
    let time: HybridTime
}

/// An element of a set, with the dots of those who added it.
struct SetElement: Hashable, Sendable {
    let value: Scalar
    /// Ascending, at least one.
    var ids: [ElementID]
}

/// What one actor has added to a counter.
///
/// Who finds its entry wholly reset begins anew, with another birth: totals of different births are not comparable.
/// The entry counts what is beyond the reset: (p − p₀) − (n − n₀).
struct CounterEntry: Hashable, Sendable {
    struct Amounts: Hashable, Sendable {
        /// What was added, and what was taken off.
        var plus: UInt64 = 0
        var minus: UInt64 = 0
    }

    /// What a removal cancelled: all up to `upTo`.
    struct Reset: Hashable, Sendable {
        /// The last increment that the remover held; 0: nothing was cancelled.
        var upTo: UInt64 = 0
        var amounts = Amounts()
        /// That of the removal.
        var dot = ElementID.none

        /// Of two that cancel the same, the one with the lesser dot stays.
        func wins(over other: Reset) -> Bool {
            upTo == other.upTo ? dot < other.dot : upTo > other.upTo
        }
    }

    /// The place of the actor.
    var actor: Int
    /// The counters of its first and its last increment.
    var birth: UInt64
    var last: UInt64
    var total: Amounts
    var reset = Reset()

    /// Whether there are increments that no removal has cancelled.
    var isAlive: Bool { last > reset.upTo }
    var lastID: ElementID { ElementID(place: actor, counter: last) }

    /// The totals are bounded (`Limits.counterTotal`), so nothing overflows.
    var value: Int64 {
        (Int64(clamping: total.plus) - Int64(clamping: reset.amounts.plus))
            - (Int64(clamping: total.minus) - Int64(clamping: reset.amounts.minus))
    }

    /// What both sides know of it. A reset from before the birth is void.
    func joined(_ other: CounterEntry) -> CounterEntry {
        var joined = self
        if (other.birth, other.last) > (birth, last) {
            (joined.birth, joined.last, joined.total) = (other.birth, other.last, other.total)
        }
        if other.reset.wins(over: reset) { joined.reset = other.reset }
        if joined.reset.upTo < joined.birth { joined.reset = Reset() }
        return joined
    }

    func moved(_ to: Relocation) -> CounterEntry {
        var moved = self
        moved.actor = to.places[actor]
        moved.reset.dot = reset.dot.moved(to)
        return moved
    }
}

/// Where in a list an item stands, as one insert or move said.
struct ItemPosition: Hashable, Sendable {
    var id: ElementID
    var item: ElementID
    var slot: ElementID
    let time: HybridTime

    /// The newest counts.
    func wins(over other: ItemPosition) -> Bool { (time, id) > (other.time, other.id) }
}

/// Two sorted lists of what is named by dots, as one: what both have, and what the other side has not seen.
func survivors<Record>(
    _ a: [Record], _ b: [Record], seenBy covers: (a: [UInt64], b: [UInt64]), id: (Record) -> ElementID,
    keepsCovered: Bool = false
) -> [Record] {
    if a.isEmpty && b.isEmpty { return [] }
    var kept: [Record] = []
    kept.reserveCapacity(max(a.count, b.count))
    var (i, j) = (0, 0)
    while i < a.count || j < b.count {
        let x = i < a.count ? id(a[i]) : .void
        let y = j < b.count ? id(b[j]) : .void
        if x < y {
            if keepsCovered || covers.b[x.place] < x.counter { kept.append(a[i]) }
            i += 1
        } else if y < x {
            if keepsCovered || covers.a[y.place] < y.counter { kept.append(b[j]) }
            j += 1
        } else {
            kept.append(a[i])
            i += 1
            j += 1
        }
    }
    return kept
}
