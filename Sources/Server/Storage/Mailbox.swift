// The door of a thread that owns a disk: many put work in, one takes all of it out at once.

import Foundation
import World

/// What goes into a mailbox: it says how much memory it holds beside itself, in bytes.
protocol MailboxWork: Sendable {
    var byteCount: Int { get }
}

/// A queue of work for one thread, bounded in pieces and in bytes. Taking empties it (up to a batch), so the slower the
/// disk the larger the batches: group commit needs no timer.
final class Mailbox<Work: MailboxWork>: @unchecked Sendable {
    // Guarded by `condition`, on which one thread at most waits: for work, or for the end.
    private let condition = NSCondition()
    private var waiting: [Work] = []
    private var waitingBytes = 0
    private var isClosed = false

    /// False if the mailbox is full or closed: none of `work` was taken. However large, work finds room in an empty
    /// one.
    func put(_ work: [Work]) -> Bool {
        let bytes = work.reduce(0) { $0 + $1.byteCount }
        condition.lock()
        guard !isClosed, waiting.count + work.count <= Limits.mailboxRequests,
            waiting.isEmpty || waitingBytes + bytes <= Limits.mailboxBytes
        else {
            condition.unlock()
            return false
        }
        // Its thread only ever waits before an empty mailbox, and to wake it costs more than all else here.
        let mayBeAwaited = waiting.isEmpty
        waiting.append(contentsOf: work)
        waitingBytes += bytes
        condition.unlock()
        if mayBeAwaited { condition.signal() }
        return true
    }

    /// Waits for work and takes the first `most` pieces of it, or as many as have `Limits.batchBytes`; nil once the
    /// mailbox is closed and empty.
    func take(most: Int) -> [Work]? {
        condition.lock()
        defer { condition.unlock() }
        while waiting.isEmpty {
            guard !isClosed else { return nil }
            condition.wait()
        }
        if waiting.count <= most, waitingBytes <= Limits.batchBytes {
            let taken = waiting
            waiting = []
            waitingBytes = 0
            return taken
        }
        var count = 0
        var bytes = 0
        while count < min(most, waiting.count), count == 0 || bytes + waiting[count].byteCount <= Limits.batchBytes {
            bytes += waiting[count].byteCount
            count += 1
        }
        let taken = Array(waiting.prefix(count))
        waiting.removeFirst(count)
        waitingBytes -= bytes
        return taken
    }

    /// Takes out what nobody has taken yet and `isUnwanted`.
    func takeBack(_ isUnwanted: (Work) -> Bool) -> [Work] {
        condition.withLock {
            let unwanted = waiting.filter(isUnwanted)
            guard !unwanted.isEmpty else { return [] }
            waiting.removeAll(where: isUnwanted)
            waitingBytes -= unwanted.reduce(0) { $0 + $1.byteCount }
            return unwanted
        }
    }

    var count: Int { condition.withLock { waiting.count } }

    /// What is in the mailbox is still worked; nothing more gets in.
    func close() {
        condition.withLock {
            isClosed = true
            condition.broadcast()
        }
    }
}
