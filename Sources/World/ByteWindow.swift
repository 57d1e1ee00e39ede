// How much may be on its way to somebody at once, in bytes: as much as the path brings in a round trip, found out by
// trying.
//
// A fixed number of things in flight is too many for a slow line and far too few for a distant one. So the window
// doubles for as long as more in flight brings more a second, as TCP's slow start does. Where it brings no more, the
// path is full, and the window is set to twice what it brings in its shortest round trip (bandwidth × delay; Cardwell
// et al., "BBR: congestion-based congestion control", ACM Queue 2016): once for the way, and once for the far side, so
// that it always has the next at hand. The best rate fades, so that a path that becomes slower is followed; the
// shortest round trip does not, as the window itself makes round trips longer, until something is lost.
//
// A value without a clock: what is confirmed says when it was sent.

public struct ByteWindow: Hashable, Sendable {
    /// What has been sent and neither confirmed nor lost.
    public private(set) var inFlight = 0
    /// The window never grows above this.
    public var most: Int
    private let least: Int
    private var size: Int
    /// The most that a round has brought lately, in bytes a second.
    private var rate = 0.0
    /// The shortest, in seconds.
    private var roundTrip = Double.infinity
    /// A round ends when something that was sent in it is confirmed.
    private var began = Instant.origin
    /// Confirmed in this round.
    private var brought = 0
    /// Whether the window, and not a lack of things to send, has held the round back.
    private var wasFull = false
    /// Full rounds that brought no more than those before.
    private var stalls = 0

    /// By how much a round must surpass the best, so that it was more in flight that brought more.
    private static let clearlyMore = 1.25
    /// One such round may be chance.
    private static let roundsToBelieve = 3
    /// So much of the best rate fades in a round that does not reach it.
    private static let fading = 1.0 / 16

    /// It begins with `least`, and never falls below.
    public init(least: Int, most: Int) {
        self.least = least
        self.most = most
        size = least
    }

    public var bytes: Int { min(size, max(most, 1)) }

    /// Whether one thing more may be sent, however large: into an empty window always.
    public var hasRoom: Bool { inFlight < bytes }

    public mutating func sent(_ count: Int, at now: Instant) {
        if inFlight == 0 { begin(now) }
        inFlight += count
        if !hasRoom { wasFull = true }
    }

    /// `count` bytes that were sent at `sentAt` have arrived.
    public mutating func confirmed(_ count: Int, sentAt: Instant, now: Instant) {
        inFlight = max(0, inFlight - count)
        brought += count
        guard now > sentAt, now > began else { return }
        roundTrip = min(roundTrip, (now - sentAt).inSeconds)
        guard sentAt >= began else { return }
        if wasFull { judge(Double(brought) / (now - began).inSeconds) }
        begin(now)
    }

    /// `count` bytes will not be confirmed: their connection broke, or nothing was heard of them. What was known of the
    /// path is void.
    public mutating func lost(_ count: Int) {
        inFlight = max(0, inFlight - count)
        (size, rate, roundTrip, stalls) = (least, 0, .infinity, 0)
    }

    /// What was taken for `count` bytes turns out to have another size.
    public mutating func correct(by count: Int) {
        inFlight = max(0, inFlight + count)
        if !hasRoom { wasFull = true }
    }

    private mutating func begin(_ now: Instant) {
        began = now
        brought = 0
        wasFull = !hasRoom
    }

    private mutating func judge(_ current: Double) {
        guard current < rate * ByteWindow.clearlyMore else {
            (rate, stalls) = (current, 0)
            size = min(bytes * 2, most)
            return
        }
        stalls += 1
        rate = max(current, rate * (1 - ByteWindow.fading))
        guard stalls >= ByteWindow.roundsToBelieve else { return }
        size = max(least, Int(min(2 * rate * roundTrip, Double(most))))
    }
}
