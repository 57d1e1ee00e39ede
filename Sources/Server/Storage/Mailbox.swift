// The door of a thread that owns a disk: many put work in, one takes all of it out at once.

import NIOConcurrencyHelpers
import World

/// What goes into a mailbox: it says how much memory it holds beside itself, in bytes.
protocol MailboxWork: Sendable {
    var byteCount: Int { get }
}

/// A queue of work for one thread, bounded in pieces and in bytes. Taking empties it (up to a batch), so the slower the
/// disk the larger the batches: group commit needs no timer.
final class Mailbox<Work: MailboxWork>: @unchecked Sendable {
    // Guarded by `lock`, whose condition is true while there is work or the mailbox is closed.
    private let lock = ConditionLock(value: false)
    private var waiting: [Work] = []
    private var waitingBytes = 0
    private var isClosed = false

    /// False if the mailbox is full or closed: none of `work` was taken. However large, work finds room in an empty
    /// one.
    func put(_ work: [Work]) -> Bool {
        let bytes = work.reduce(0) { $0 + $1.byteCount }
        lock.lock()
        guard !isClosed, waiting.count + work.count <= Limits.mailboxRequests,
            waiting.isEmpty || waitingBytes + bytes <= Limits.mailboxBytes
        else {
            lock.unlock(withValue: !waiting.isEmpty || isClosed)
            return false
        }
        waiting.append(contentsOf: work)
        waitingBytes += bytes
        lock.unlock(withValue: true)
        return true
    }

    /// Waits for work and takes the first `most` pieces of it, or as many as have `Limits.batchBytes`; nil once the
    /// mailbox is closed and empty.
    func take(most: Int) -> [Work]? {
        lock.lock(whenValue: true)
        let taken: [Work]
        if waiting.count <= most, waitingBytes <= Limits.batchBytes {
            taken = waiting
            waiting = []
            waitingBytes = 0
        } else {
            var count = 0
            var bytes = 0
            while count < min(most, waiting.count), count == 0 || bytes + waiting[count].byteCount <= Limits.batchBytes
            {
                bytes += waiting[count].byteCount
                count += 1
            }
            taken = Array(waiting.prefix(count))
            waiting.removeFirst(count)
            waitingBytes -= bytes
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
