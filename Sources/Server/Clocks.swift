// The clocks of the machine, read here and handed downward as values.

import World

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

enum MachineClock {
    static func instant() -> Instant {
        Instant(nanoseconds: read(CLOCK_MONOTONIC))
    }

    static func wall() -> WallTime {
        WallTime(milliseconds: UInt64(max(0, read(CLOCK_REALTIME) / 1_000_000)))
    }

    static func now() -> Now { Now(instant: instant(), wall: wall()) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
