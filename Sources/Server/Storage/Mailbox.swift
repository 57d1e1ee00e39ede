// The door of a thread that owns a disk: many put work in, one takes all of it out at once.

package import World

/// A queue of work for one thread. Taking empties it (up to a batch), so the slower the disk the larger the batches:
/// group commit needs no timer.
package final class Mailbox<Work: QueuedWork>: @unchecked Sendable {
    // Guarded by `condition`, on which one thread at most waits: for work, or for the end.
    private let condition = MachineCondition()
    private var queue: WorkQueue<Work>
    private var isClosed = false

    package init(_ bounds: WorkBounds = WorkBounds()) { queue = WorkQueue(bounds) }

    /// What it had no room for (WorkQueue); all of `work` once it is closed.
    package func put(_ work: [Work]) -> [Work] {
        condition.lock()
        guard !isClosed else {
            condition.unlock()
            return work
        }
        // Its thread only ever waits before an empty mailbox, or until somebody waits for what is in it; and to wake it
        // costs more than all else here.
        let (wasEmpty, wasAwaited) = (queue.isEmpty, queue.waitingCount > 0)
        let refused = queue.put(work)
        let isNews = wasEmpty || !wasAwaited && queue.waitingCount > 0
        condition.unlock()
        if isNews { condition.signal() }
        return refused
    }

    /// Waits for work and takes a batch of it; nil once the mailbox is closed and empty. Of what is deferrable
    /// `repairs` at most, and none before `start`.
    package func take(most: Int, repairs: Int = .max, from start: Instant = .origin) -> [Work]? {
        condition.lock()
        defer { condition.unlock() }
        while queue.isEmpty {
            guard !isClosed else { return nil }
            condition.wait()
        }
        var isResting = start > MachineClock.instant()
        while isResting, queue.waitingCount == 0, !isClosed {
            condition.wait(until: start)
            isResting = start > MachineClock.instant()
        }
        return queue.take(most: most, repairs: isResting && !isClosed ? 0 : repairs)
    }

    /// Takes out what nobody has taken yet and `isUnwanted`; nothing of what is deferrable.
    package func takeBack(_ isUnwanted: (Work) -> Bool) -> [Work] { condition.withLock { queue.takeBack(isUnwanted) } }

    /// What somebody waits for.
    var waitingCount: Int { condition.withLock { queue.waitingCount } }

    /// What is in the mailbox is still worked; nothing more gets in.
    package func close() {
        condition.withLock {
            isClosed = true
            condition.signal()
        }
    }
}
