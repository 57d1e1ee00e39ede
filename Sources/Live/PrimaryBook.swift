// What a gateway has heard of one primary: the stream of its notices, and up to where all that it told is known.

import Causality
import DequeModule
import World

struct PrimaryBook: Sendable {
    /// A notice whose vectors are not all known yet.
    struct Unsettled: Sendable {
        var number: UInt64
        var items: [(key: [UInt8], versions: VersionVector)]
        var opened: [OpenedWatch]
        var reached: [ReachedPosition]
        let sizeBytes: Int
        let since: Instant
        /// When what is missing was last asked of this very primary.
        var askedAt: Instant?
    }

    /// Nil until the first watch.
    private(set) var stream: LiveStream?
    private var next: UInt64 = 0
    /// The life that it last spoke in.
    private(set) var life: UInt64?
    private(set) var heard: Instant?
    private(set) var openedAt: Instant
    var renewedAt: Instant
    /// In the order of their numbers.
    var unsettled = Deque<Unsettled>()
    /// The number below which all are settled; and what of that it was told.
    private(set) var settledNumber: UInt64 = 0
    private(set) var confirmed: UInt64 = 0
    private var bytesSettled = 0
    /// Taken up there, while no position of their shard was reached since.
    private var opening: [OpenedWatch] = []
    /// By shard: all that it told of up to there is known.
    private var positions: [UInt64?] = []
    /// Ordered there: how many, and the sum of their digests.
    private(set) var count: UInt64 = 0
    private(set) var digest: UInt64 = 0
    /// To be sent with the end of this turn.
    private(set) var orders: [WatchOrder] = []
    /// Their ids.
    private var ordered: Set<UInt32> = []
    var isFirst = false

    init(now: Instant) {
        openedAt = now
        renewedAt = now
    }

    func position(_ shard: Int) -> UInt64? { positions.indices.contains(shard) ? positions[shard] : nil }

    /// Whether it was heard within `span`.
    func isHeard(within span: Span, _ now: Instant) -> Bool { heard.map { now - $0 <= span } ?? false }

    /// Begins a stream; what was ordered is to be ordered again.
    mutating func begin(_ stream: LiveStream, _ now: Instant) {
        self.stream = stream
        (next, settledNumber, confirmed, bytesSettled) = (0, 0, 0, 0)
        unsettled.removeAll()
        opening = []
        (count, digest) = (0, 0)
        clearOrders()
        isFirst = true
        openedAt = now
        renewedAt = now
    }

    mutating func order(_ order: WatchOrder) {
        orders.append(order)
        ordered.insert(order.id)
        count += 1
        digest &+= order.digest
    }

    /// They were sent.
    mutating func clearOrders() { (orders, ordered) = ([], []) }

    mutating func withdraw(_ target: LiveTarget, id: UInt32, isSource: Bool) {
        // Of tens of thousands each may get another source at once: few of them are still to be ordered.
        if ordered.remove(id) != nil { orders.removeAll { $0.id == id } }
        opening.removeAll { $0.id == id }
        guard count > 0 else { return }
        count -= 1
        digest &-= target.digest(id: id, isSource: isSource)
    }

    enum Arrival { case next, again, missing, newLife }

    /// Whether this notice is the next of the stream.
    mutating func arrive(_ notice: LiveNotice, _ now: Instant) -> Arrival {
        guard notice.stream == stream, notice.number >= next else { return .again }
        guard notice.number == next else { return .missing }
        next += 1
        heard = now
        guard life != notice.life else { return .next }
        life = notice.life
        positions = []
        return .newLife
    }

    mutating func put(_ notice: Unsettled) {
        // Beats in a long silence of the source add nothing but a position. What opens a watch is no beat: the position
        // of an earlier notice says nothing of what is still to come for it.
        if notice.items.isEmpty, notice.opened.isEmpty, let last = unsettled.indices.last {
            unsettled[last].number = notice.number
            unsettled[last].reached += notice.reached
        } else {
            unsettled.append(notice)
        }
    }

    /// The first notice is settled; returns the watches that are open now.
    mutating func settleFirst() -> [OpenedWatch] {
        guard let first = unsettled.popFirst() else { return [] }
        settledNumber = first.number + 1
        bytesSettled += first.sizeBytes
        opening += first.opened
        var opened: [OpenedWatch] = []
        for reached in first.reached {
            while positions.count <= reached.shard { positions.append(nil) }
            positions[reached.shard] = reached.position
            opened += opening.filter { $0.shard == reached.shard }
            opening.removeAll { $0.shard == reached.shard }
        }
        return opened
    }

    /// Nothing of this key is waited for any more.
    mutating func forget(_ key: [UInt8]) {
        for place in unsettled.indices { unsettled[place].items.removeAll { $0.key.isEqual(key) } }
    }

    /// Whether the primary should hear now what has arrived: before it would have to wait for that.
    var owesConfirmation: Bool {
        settledNumber - confirmed >= UInt64(Limits.liveNotices / 8) || bytesSettled >= Limits.liveNoticeBytes / 4
    }

    mutating func renewal(_ now: Instant) -> LiveMessage? {
        guard let stream else { return nil }
        (confirmed, bytesSettled, renewedAt) = (settledNumber, 0, now)
        return .renew(stream, confirmed: settledNumber, count: count, digest: digest)
    }
}
