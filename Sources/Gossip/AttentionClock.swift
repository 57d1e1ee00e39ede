// Time during which this node was able to listen.
//
// A process that was stopped for a minute (a debugger, a paused virtual machine, swapping) wakes up and finds that
// nobody has been heard for a minute. It must not take the others for dead: it was itself that was away. So silence is
// measured on a clock that stands still while our own ticks fail to come.

import World

struct AttentionClock: Hashable, Sendable {
    private var lastTick: Instant
    private var latest: Instant
    private var slept: Span = .zero

    /// Ticks may be late by some intervals on a loaded machine; beyond that it was a pause.
    private static let toleratedIntervals: Int64 = 3

    init(now: Instant) {
        lastTick = now
        latest = now
    }

    /// Now, less all pauses.
    var now: Instant { Instant(nanoseconds: latest.nanoseconds - slept.nanoseconds) }

    mutating func ticked(_ time: Instant, interval: Span) {
        heard(time, interval: interval)
        lastTick = latest
    }

    /// Something arrived at `time`. A time before the last one counts as the last one.
    mutating func heard(_ time: Instant, interval: Span) {
        guard time > latest else { return }
        latest = time
        let gap = time - lastTick
        guard gap > interval * AttentionClock.toleratedIntervals else { return }
        // One interval of the gap would have passed anyway.
        slept = slept + (gap - interval)
        lastTick = Instant(nanoseconds: time.nanoseconds - interval.nanoseconds)
    }
}
