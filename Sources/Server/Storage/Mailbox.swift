// The door of a thread that owns a disk: many put work in, one takes all of it out at once.

import Foundation
import World

/// What goes into a mailbox: it says how much memory it holds beside itself, in bytes.
protocol MailboxWork: Sendable {
    var byteCount: Int { get }
    /// Somebody waits for all else before it.
    var isDeferrable: Bool { get }
}

extension MailboxWork {
    var isDeferrable: Bool { false }
}

/// A queue of work for one thread, bounded in pieces and in bytes. Taking empties it (up to a batch), so the slower the
/// disk the larger the batches: group commit needs no timer. What is deferrable comes after all else, a little in each
/// batch, so that who waits for a request waits for no more than that.
final class Mailbox<Work: MailboxWork>: @unchecked Sendable {
    // Guarded by `condition`, on which one thread at most waits: for work, or for the end.
    private let condition = NSCondition()
    private var waiting = Queue()
    private var deferred = Queue()
    private var isClosed = false

    private struct Queue {
        var work: [Work] = []
        var bytes = 0

        /// The first `most` pieces, or as many as have `mostBytes`, and one at the least.
        mutating func take(most: Int, bytes mostBytes: Int) -> [Work] {
            if work.count <= most, bytes <= mostBytes {
                defer { self = Queue() }
                return work
            }
            var (count, size) = (0, 0)
            while count < min(most, work.count), count == 0 || size + work[count].byteCount <= mostBytes {
                size += work[count].byteCount
                count += 1
            }
            let taken = Array(work.prefix(count))
            work.removeFirst(count)
            bytes -= size
            return taken
        }
    }

    /// False if the mailbox is full or closed: none of `work` was taken. However large, work finds room in an empty
    /// one.
    func put(_ work: [Work]) -> Bool {
        let bytes = work.reduce(0) { $0 + $1.byteCount }
        condition.lock()
        // Each queue has places of its own: what is deferrable takes nobody else's.
        guard !isClosed, max(waiting.work.count, deferred.work.count) + work.count <= Limits.mailboxRequests,
            countLocked == 0 || waiting.bytes + deferred.bytes + bytes <= Limits.mailboxBytes
        else {
            condition.unlock()
            return false
        }
        // Its thread only ever waits before an empty mailbox, and to wake it costs more than all else here.
        let mayBeAwaited = countLocked == 0
        if work.contains(where: \.isDeferrable) {
            for piece in work { piece.isDeferrable ? add(piece, to: &deferred) : add(piece, to: &waiting) }
        } else {
            waiting.work.append(contentsOf: work)
            waiting.bytes += bytes
        }
        condition.unlock()
        if mayBeAwaited { condition.signal() }
        return true
    }

    private func add(_ piece: Work, to queue: inout Queue) {
        queue.work.append(piece)
        queue.bytes += piece.byteCount
    }

    private var countLocked: Int { waiting.work.count + deferred.work.count }

    /// Waits for work and takes the first `most` pieces of it, or as many as have `Limits.batchBytes`; nil once the
    /// mailbox is closed and empty.
    func take(most: Int) -> [Work]? {
        condition.lock()
        defer { condition.unlock() }
        while countLocked == 0 {
            guard !isClosed else { return nil }
            condition.wait()
        }
        var batch = waiting.take(most: most, bytes: Limits.batchBytes)
        if !deferred.work.isEmpty {
            // However much else there is, it goes on.
            let room = max(most - batch.count, most / 8)
            batch += deferred.take(most: min(room, Limits.repairsInBatch), bytes: Limits.repairBytesInBatch)
        }
        return batch
    }

    /// Takes out what nobody has taken yet and `isUnwanted`; nothing of what is deferrable.
    func takeBack(_ isUnwanted: (Work) -> Bool) -> [Work] {
        condition.withLock {
            let unwanted = waiting.work.filter(isUnwanted)
            guard !unwanted.isEmpty else { return [] }
            waiting.work.removeAll(where: isUnwanted)
            waiting.bytes -= unwanted.reduce(0) { $0 + $1.byteCount }
            return unwanted
        }
    }

    var count: Int { condition.withLock { countLocked } }

    /// What is in the mailbox is still worked; nothing more gets in.
    func close() {
        condition.withLock {
            isClosed = true
            condition.broadcast()
        }
    }
}
