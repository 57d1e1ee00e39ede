// A lock, and a condition that waits by the clock of `MachineClock`: Foundation's waits by the wall clock, and where
// that is set back during a wait, the wait is as much longer.

import World

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

// Safe to share: it is what threads share.
final class MachineCondition: @unchecked Sendable {
    // Made to be shared between threads; where they stay, as neither may be moved while it is in use.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func lock() { pthread_mutex_lock(mutex) }
    func unlock() { pthread_mutex_unlock(mutex) }

    func withLock<Result>(_ body: () -> Result) -> Result {
        lock()
        defer { unlock() }
        return body()
    }

    /// With the lock held. May return for no reason.
    func wait() { pthread_cond_wait(condition, mutex) }

    /// The same, and at `end` at the latest.
    func wait(until end: Instant) {
        let (seconds, rest) = max(0, end.nanoseconds).quotientAndRemainder(dividingBy: 1_000_000_000)
        var time = timespec(tv_sec: Int(seconds), tv_nsec: Int(rest))
        pthread_cond_timedwait(condition, mutex, &time)
    }

    /// To the one thread that waits, if one does.
    func signal() { pthread_cond_signal(condition) }
}
