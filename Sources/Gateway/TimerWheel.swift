// When to look at which request again: a wheel of one-millisecond slots (Varghese and Lauck, "Hashed and Hierarchical
// Timing Wheels", 1987). Almost every request is answered long before its timer, so setting one must cost nothing and
// none is ever taken back: what comes up for a request that is gone is ignored.

import World

struct TimerWheel: Sendable {
    private static let slotCount = 4_096
    private static let slotNanoseconds: Int64 = 1_000_000
    private var slots = [[UInt64]](repeating: [], count: TimerWheel.slotCount)
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
        slots[Int(when % Int64(TimerWheel.slotCount))].append(id)
        pending += 1
        earliest = earliest.map { min($0, when) } ?? when
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
            let slot = Int(tick % Int64(TimerWheel.slotCount))
            if !slots[slot].isEmpty {
                ids += slots[slot]
                slots[slot].removeAll(keepingCapacity: true)
            }
            tick += 1
        }
        tick = max(tick, end + 1)
        pending -= ids.count
        if let first = earliest, first < tick { earliest = firstFilled }
        return ids
    }

    private var firstFilled: Int64? {
        guard pending > 0 else { return nil }
        return (tick..<(tick + Int64(TimerWheel.slotCount))).first {
            !slots[Int($0 % Int64(TimerWheel.slotCount))].isEmpty
        }
    }

    /// The time of the first slot that holds anything.
    var next: Instant? { earliest.map { Instant(nanoseconds: $0 * TimerWheel.slotNanoseconds) } }
}
