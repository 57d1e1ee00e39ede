// What waits for one thread: bounded in pieces and in bytes, and taken out in batches.
//
// What nobody waits for (repairs) is deferred: it comes after all else, a little in each batch so that it goes on
// however busy the thread is, and has bounds of its own, so that it takes the place of nothing else.

public import DequeModule

public protocol QueuedWork: Sendable {
    /// What it holds in memory beside itself.
    var byteCount: Int { get }
    /// Nobody waits for it: all else goes before it.
    var isDeferrable: Bool { get }
}

extension QueuedWork {
    @inlinable public var isDeferrable: Bool { false }
}

/// How much may wait, and how much of it is taken at once.
public struct WorkBounds: Sendable {
    public var pieces = Limits.mailboxRequests
    public var bytes = Limits.mailboxBytes
    public var batchBytes = Limits.batchBytes
    public var repairs = Limits.mailboxRepairs
    public var repairBytes = Limits.mailboxRepairBytes
    public var repairsInBatch = Limits.repairsInBatch
    public var repairBytesInBatch = Limits.repairBytesInBatch

    public init() {}
}

public struct WorkQueue<Work: QueuedWork>: Sendable {
    @usableFromInline
    struct Line: Sendable {
        @usableFromInline var work = Deque<Work>()
        @usableFromInline var bytes = 0

        @inlinable
        init() {}

        /// However large, work finds room where nothing is.
        @inlinable
        func hasRoom(for count: Int, _ added: Int, most: Int, bytes mostBytes: Int) -> Bool {
            work.count + count <= most && (work.isEmpty || bytes + added <= mostBytes)
        }

        /// The first `most` pieces, or as many as have `mostBytes`, and one at the least.
        @inlinable
        mutating func take(most: Int, bytes mostBytes: Int) -> [Work] {
            var (count, size) = (work.count, bytes)
            if count > most || size > mostBytes {
                (count, size) = (0, 0)
                while count < min(most, work.count), count == 0 || size + work[count].byteCount <= mostBytes {
                    size += work[count].byteCount
                    count += 1
                }
            }
            defer {
                work.removeFirst(count)
                bytes -= size
            }
            return Array(work.prefix(count))
        }
    }

    @usableFromInline var waiting = Line()
    @usableFromInline var deferred = Line()
    @usableFromInline let bounds: WorkBounds

    @inlinable
    public init(_ bounds: WorkBounds = WorkBounds()) { self.bounds = bounds }

    @inlinable public var isEmpty: Bool { waiting.work.isEmpty && deferred.work.isEmpty }
    /// Deferred work apart.
    @inlinable public var waitingCount: Int { waiting.work.count }
    @inlinable public var deferredCount: Int { deferred.work.count }

    /// What there was no room for. Of what somebody waits for that is all or nothing, and of the rest likewise.
    @inlinable
    public mutating func put(_ work: [Work]) -> [Work] {
        guard work.contains(where: \.isDeferrable) else {
            return WorkQueue.add(work, to: &waiting, most: bounds.pieces, bytes: bounds.bytes) ? [] : work
        }
        let (urgent, repairs) = (work.filter { !$0.isDeferrable }, work.filter(\.isDeferrable))
        var refused = put(urgent)
        if !WorkQueue.add(repairs, to: &deferred, most: bounds.repairs, bytes: bounds.repairBytes) {
            refused += repairs
        }
        return refused
    }

    @inlinable
    static func add(_ work: [Work], to line: inout Line, most: Int, bytes: Int) -> Bool {
        let size = work.reduce(0) { $0 + $1.byteCount }
        guard line.hasRoom(for: work.count, size, most: most, bytes: bytes) else { return false }
        line.work.append(contentsOf: work)
        line.bytes += size
        return true
    }

    /// The next batch: `most` pieces of what somebody waits for, and a few of the rest, `repairs` at most.
    @inlinable
    public mutating func take(most: Int, repairs: Int = .max) -> [Work] {
        var batch = waiting.take(most: most, bytes: bounds.batchBytes)
        guard repairs > 0, !deferred.work.isEmpty else { return batch }
        // However much else there is, it goes on.
        let room = max(most - batch.count, most / 8)
        batch += deferred.take(most: min(room, bounds.repairsInBatch, repairs), bytes: bounds.repairBytesInBatch)
        return batch
    }

    /// Takes out what `isUnwanted`; nothing of what is deferred.
    @inlinable
    public mutating func takeBack(_ isUnwanted: (Work) -> Bool) -> [Work] {
        let unwanted = waiting.work.filter(isUnwanted)
        guard !unwanted.isEmpty else { return [] }
        waiting.work.removeAll(where: isUnwanted)
        waiting.bytes -= unwanted.reduce(0) { $0 + $1.byteCount }
        return Array(unwanted)
    }
}
