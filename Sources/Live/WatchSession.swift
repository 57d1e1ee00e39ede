// What one other node watches here: its watches, what it is to be told, and what it has confirmed.

import DequeModule
import Keys
import World

/// A range whose items are being gathered, a page at a time.
struct OpeningRange: Sendable {
    let id: UInt32
    var rest: KeyRange
    var found = 0
}

/// Of one shard.
struct SessionShard: Sendable {
    var dirty = DirtySet()
    /// Taken up since the last notice.
    var opened: [UInt32] = []
    /// The first is being gathered, or is next; until all are, no position is reached.
    var opening: [OpeningRange] = []
    var isListing = false
    /// The last position that was told as reached.
    var reached: UInt64?
    /// Something was taken up since: whoever ordered it waits for the next.
    var owesPosition = false

    /// All that there is to tell is told, but for a position.
    var isAll: Bool { dirty.isEmpty && opened.isEmpty && opening.isEmpty }
    var hasNews: Bool { !dirty.isEmpty || !opened.isEmpty || (owesPosition && isAll) }
}

struct WatchSession: Sendable {
    private struct Watch: Sendable {
        let target: LiveTarget
        let isSource: Bool
    }

    let stream: LiveStream
    /// When its lease was renewed.
    var renewed: Instant
    var shards: [SessionShard]
    private var watches: [UInt32: Watch] = [:]
    private var index = WatchIndex()
    /// The sum of the orders' digests.
    private var digest: UInt64 = 0
    /// The number of the next notice; those below `confirmed` have arrived.
    private var next: UInt64 = 0
    private var confirmed: UInt64 = 0
    private var sizes = Deque<Int>()
    private var unconfirmedBytes = 0
    private(set) var lastNotice: Instant

    init(_ stream: LiveStream, shards: Int, now: Instant) {
        self.stream = stream
        self.shards = Array(repeating: SessionShard(), count: shards)
        renewed = now
        lastNotice = now
    }

    // MARK: Watches

    var count: Int { watches.count }

    mutating func insert(_ order: WatchOrder, shard: Int) {
        remove(order.id)
        watches[order.id] = Watch(target: order.target, isSource: order.isSource)
        index.insert(order.target, order.id)
        digest &+= order.digest
        shards[shard].opened.append(order.id)
        shards[shard].owesPosition = true
    }

    mutating func remove(_ id: UInt32) {
        guard let watch = watches.removeValue(forKey: id) else { return }
        index.remove(watch.target, id)
        digest &-= watch.target.digest(id: id, isSource: watch.isSource)
        for shard in shards.indices {
            shards[shard].opened.removeAll { $0 == id }
            // A page that is on its way is of the first.
            if shards[shard].opening.first?.id == id { shards[shard].isListing = false }
            shards[shard].opening.removeAll { $0.id == id }
        }
    }

    /// Ascending; those that no longer belong here by `isOurs`.
    func strangers(_ isOurs: (LiveTarget) -> Bool) -> [UInt32] {
        watches.filter { !isOurs($0.value.target) }.map(\.key).sorted()
    }

    func isWatched(_ key: [UInt8]) -> Bool { !index.ids(of: key).isEmpty }

    func wantsContents(of key: [UInt8]) -> Bool { index.ids(of: key).contains { watches[$0]?.isSource ?? false } }

    /// False if these are not the watches that the gateway believes to have here.
    mutating func renew(count: UInt64, digest: UInt64, confirmed: UInt64, now: Instant) -> Bool {
        guard UInt64(watches.count) == count, self.digest == digest, confirmed <= next else { return false }
        renewed = now
        while self.confirmed < confirmed, let size = sizes.popFirst() {
            self.confirmed += 1
            unconfirmedBytes -= size
        }
        return true
    }

    // MARK: Notices

    var hasRoom: Bool { sizes.count < Limits.liveNotices && unconfirmedBytes < Limits.liveNoticeBytes }

    var dirtyCount: Int { shards.reduce(0) { $0 + $1.dirty.count } }

    /// Numbers a notice, whose items have about `sizeBytes`.
    mutating func notice(life: UInt64, sizeBytes: Int, now: Instant) -> LiveNotice {
        let notice = LiveNotice(stream: stream, number: next, life: life)
        next += 1
        sizes.append(sizeBytes)
        unconfirmedBytes += sizeBytes
        lastNotice = now
        return notice
    }
}
