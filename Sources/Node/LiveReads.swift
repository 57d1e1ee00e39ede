// Reads of the own disks for live reads: what a watch table wants is asked of the shards in the words of requests, a
// few keys at a time. So however many large objects are watched, few of them are in memory at once, and a shard's
// requests wait for no more than a handful of reads.

import DequeModule
import Keys
import Live
import Wire
import World

struct LiveReads: Sendable {
    /// To be asked of the own replicas.
    struct Ask: Sendable {
        let id: UInt64
        let request: ReplicaRequest
    }

    /// One read of the table's.
    private struct Read: Sendable {
        let id: UInt64
        let shard: Int
        let keys: [[UInt8]]
        let atMostBytes: Int
        /// Of the first of the keys; those asked for are in it already.
        var found: [[UInt8]?] = []
        var due = 0
        var sizeBytes = 0
        var hasFailed = false
    }

    private enum Asked: Sendable {
        /// A key's place in a read.
        case key(Int, of: UInt64)
        case list(UInt64)
    }

    private var asked = SlotTable<Asked>()
    private var underWay = SlotTable<Read>()
    /// By shard.
    private var counts: [Int]
    private var waiting: [Deque<Read>]

    init(shards: Int) {
        counts = Array(repeating: 0, count: max(1, shards))
        waiting = Array(repeating: [], count: max(1, shards))
    }

    mutating func read(
        _ id: UInt64, shard: Int, keys: [[UInt8]], atMostBytes: Int, _ out: inout Outbox<Ask>
    ) {
        let read = Read(id: id, shard: shard, keys: keys, atMostBytes: atMostBytes)
        guard counts[shard] < Limits.liveReadsUnderWay else { return waiting[shard].append(read) }
        begin(read, &out)
    }

    mutating func list(_ id: UInt64, _ range: KeyRange, limit: Int, _ out: inout Outbox<Ask>) {
        let request = RangeRequest(start: range.start, end: range.end, limit: limit, reverse: false)
        out.emit(Ask(id: asked.insert(.list(id)), request: .range(request)))
    }

    /// What the table is to be told, if this was the last answer of a read.
    mutating func answered(_ ask: UInt64, _ reply: ReplicaReply, _ out: inout Outbox<Ask>) -> WatchTable.Input? {
        switch asked.remove(ask) {
        case .key(let place, let number): return found(reply, place, number, &out)
        case .list(let id):
            guard case .page(let items, let more) = reply else { return .failed(id) }
            return .listed(id, items.indices.map { Array(items.block[items.key(at: $0)]) }, isComplete: !more)
        case nil: return nil
        }
    }

    private mutating func begin(_ read: Read, _ out: inout Outbox<Ask>) {
        counts[read.shard] += 1
        let number = underWay.reserve()
        underWay.put(askOn(read, number, &out), number)
    }

    /// Asks for the next few keys.
    private mutating func askOn(_ read: Read, _ number: UInt64, _ out: inout Outbox<Ask>) -> Read {
        var read = read
        for key in read.keys.dropFirst(read.found.count).prefix(Limits.liveKeysAtOnce) {
            let ask = asked.insert(.key(read.found.count, of: number))
            read.found.append(nil)
            read.due += 1
            out.emit(Ask(id: ask, request: .read(key: key, summaryOver: 0)))
        }
        return read
    }

    private mutating func found(
        _ reply: ReplicaReply, _ place: Int, _ number: UInt64, _ out: inout Outbox<Ask>
    ) -> WatchTable.Input? {
        guard var read = underWay.take(number) else { return nil }
        read.due -= 1
        if case .object(let object) = reply {
            read.found[place] = object
            read.sizeBytes += object?.count ?? 0
        } else {
            read.hasFailed = true
        }
        guard read.due == 0 else {
            underWay.put(read, number)
            return nil
        }
        if !read.hasFailed, read.found.count < read.keys.count, read.sizeBytes < read.atMostBytes {
            read = askOn(read, number, &out)
            underWay.put(read, number)
            return nil
        }
        underWay.release(number)
        counts[read.shard] -= 1
        if let next = waiting[read.shard].popFirst() { begin(next, &out) }
        return read.hasFailed ? .failed(read.id) : .read(read.id, read.found)
    }
}
