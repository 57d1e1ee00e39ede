// When to look at which request again: a wheel of one-millisecond slots (Varghese and Lauck, "Hashed and Hierarchical
// Timing Wheels", 1987). Almost every request is answered long before its timer, so setting one must cost nothing and
// none is ever taken back: what comes up for a request that is gone is ignored. A slot is a list through one array of
// entries that are used again and again, so that setting a timer allocates nothing.

import World

struct TimerWheel: Sendable {
    private static let slotCount = 4_096
    private static let slotNanoseconds: Int64 = 1_000_000
    /// Places in `entries`.
    private struct Slot {
        var first: Int32?
        var last: Int32?
    }

    private struct Entry {
        var id: UInt64
        var next: Int32?
    }

    private var slots = [Slot](repeating: Slot(), count: TimerWheel.slotCount)
    private var entries: [Entry] = []
    /// The first entry that is not in use; the others follow it.
    private var free: Int32?
    /// Everything before this tick has been handed out.
    private var tick: Int64
    private var pending = 0
    /// The first slot that holds anything, as a tick; nil if none does. Kept, since it is asked for with every request.
    private var earliest: Int64?

    init(now: Instant) { tick = now.nanoseconds / TimerWheel.slotNanoseconds }

    /// Hands out `id` at `time` or up to a slot after it; after four seconds at the latest (the owner then sets it
    /// again).
    mutating func set(_ id: UInt64, at time: Instant) {
        let wanted = (time.nanoseconds + TimerWheel.slotNanoseconds - 1) / TimerWheel.slotNanoseconds
        let when = min(max(wanted, tick), tick + Int64(TimerWheel.slotCount) - 1)
        append(id, to: Int(when % Int64(TimerWheel.slotCount)))
        pending += 1
        earliest = earliest.map { min($0, when) } ?? when
    }

    private mutating func append(_ id: UInt64, to slot: Int) {
        let place: Int32
        if let unused = free {
            place = unused
            free = entries[Int(place)].next
            entries[Int(place)] = Entry(id: id)
        } else {
            place = Int32(entries.count)
            entries.append(Entry(id: id))
        }
        if let last = slots[slot].last { entries[Int(last)].next = place } else { slots[slot].first = place }
        slots[slot].last = place
    }

    /// All that is due by `now`, in order of time.
    mutating func due(_ now: Instant) -> [UInt64] {
        let end = now.nanoseconds / TimerWheel.slotNanoseconds
        guard pending > 0 else {
            tick = max(tick, end + 1)
            return []
        }
        var ids: [UInt64] = []
        // A long pause wraps the wheel once; a second turn would find nothing.
        let last = min(end, tick + Int64(TimerWheel.slotCount) - 1)
        while tick <= last {
            empty(Int(tick % Int64(TimerWheel.slotCount)), into: &ids)
            tick += 1
        }
        tick = max(tick, end + 1)
        pending -= ids.count
        if let first = earliest, first < tick { earliest = firstFilled }
        return ids
    }

    private mutating func empty(_ slot: Int, into ids: inout [UInt64]) {
        guard let last = slots[slot].last else { return }
        var next = slots[slot].first
        while let place = next {
            ids.append(entries[Int(place)].id)
            next = entries[Int(place)].next
        }
        entries[Int(last)].next = free
        free = slots[slot].first
        slots[slot] = Slot()
    }

    private var firstFilled: Int64? {
        guard pending > 0 else { return nil }
        return (tick..<(tick + Int64(TimerWheel.slotCount))).first {
            slots[Int($0 % Int64(TimerWheel.slotCount))].last != nil
        }
    }

    /// The time of the first slot that holds anything.
    var next: Instant? { earliest.map { Instant(nanoseconds: $0 * TimerWheel.slotNanoseconds) } }
}
