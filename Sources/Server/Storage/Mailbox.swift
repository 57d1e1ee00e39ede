// The door of a thread that owns a disk: many put work in, one takes all of it out at once.

import NIOConcurrencyHelpers
import World

/// A bounded queue of work for one thread. Taking empties it (up to a batch), so the slower the disk the larger the
/// batches: group commit needs no timer.
final class Mailbox<Work: Sendable>: @unchecked Sendable {
    // Guarded by `lock`, whose condition is true while there is work or the mailbox is closed.
    private let lock = ConditionLock(value: false)
    private var waiting: [Work] = []
    private var isClosed = false
    private let limit: Int

    init(limit: Int = Limits.mailboxRequests) { self.limit = limit }

    /// False if the mailbox is full or closed: none of `work` was taken.
    func put(_ work: [Work]) -> Bool {
        lock.lock()
        guard !isClosed, waiting.count + work.count <= limit else {
            lock.unlock(withValue: !waiting.isEmpty || isClosed)
            return false
        }
        waiting.append(contentsOf: work)
        lock.unlock(withValue: true)
        return true
    }

    /// Waits for work and takes up to `most` of it; nil once the mailbox is closed and empty.
    func take(most: Int) -> [Work]? {
        lock.lock(whenValue: true)
        let taken: [Work]
        if waiting.count <= most {
            taken = waiting
            waiting = []
        } else {
            taken = Array(waiting.prefix(most))
            waiting.removeFirst(most)
        }
        let ended = taken.isEmpty && isClosed
        lock.unlock(withValue: !waiting.isEmpty || isClosed)
        return ended ? nil : taken
    }

    var count: Int { lock.withLock { waiting.count } }

    /// What is in the mailbox is still worked; nothing more gets in.
    func close() {
        lock.lock()
        isClosed = true
        lock.unlock(withValue: true)
    }
}

extension ConditionLock {
    fileprivate func withLock<Result>(_ body: () -> Result) -> Result {
        lock()
        defer { unlock() }
        return body()
    }
}
