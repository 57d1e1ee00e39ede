// How much may be on its way to somebody at once, in bytes: as much as the path brings in a round trip, found out by
// trying.
//
// A fixed number of things in flight is too many for a slow line and far too few for a distant one. So the window
// doubles for as long as more in flight brings more a second, as TCP's slow start does. Where it brings no more, the
// path is full, and the window is set to twice what it brings in its shortest round trip (bandwidth × delay; Cardwell
// et al., "BBR: congestion-based congestion control", ACM Queue 2016): once for the way, and once for the far side, so
// that it always has the next at hand. The best rate fades, so that a path that becomes slower is followed. The
// shortest round trip is good for some seconds. As a full window itself makes round trips longer, it is measured anew
// with a small one: until that has room what waits on the way has arrived, and what is sent next tells how long the way
// is (BBR's ProbeRTT).
//
// A value without a clock: what is confirmed says when it was sent.

public struct ByteWindow: Hashable, Sendable {
    /// What has been sent and neither confirmed nor lost.
    public private(set) var inFlight = 0
    /// The window never grows above this.
    public var most: Int
    private let least: Int
    private var estimate: Estimate
    /// The shortest lately, in seconds, and when that was.
    private var roundTrip = Double.infinity
    private var roundTripAt = Instant.origin
    /// While the round trip is measured anew the window is small.
    private var probe = Probe.none
    /// A round ends when something that was sent in it is confirmed.
    private var began = Instant.origin
    /// Confirmed in this round.
    private var brought = 0
    /// Whether the window, and not a lack of things to send, has held the round back.
    private var wasFull = false
    private var ended: RoundEnd?

    private struct Estimate: Hashable {
        var size: Int
        /// The most that a round has brought lately, in bytes a second.
        var rate = 0.0
        /// Full rounds that brought no more than those before.
        var stalls = 0
    }

    /// How the last full round ended: what else is confirmed in the same instant, as what was stored as one batch,
    /// belongs to it.
    private struct RoundEnd: Hashable {
        let at: Instant
        let seconds: Double
        var brought: Int
        let before: Estimate
    }

    private enum Probe: Hashable {
        case none
        /// What was sent in the large window is still on its way.
        case waiting
        /// What was sent from then on tells.
        case began(Instant)
    }

    /// By how much a round must surpass the best, so that it was more in flight that brought more.
    private static let clearlyMore = 1.25
    /// One such round may be chance.
    private static let roundsToBelieve = 3
    /// So much of the best rate fades in a round that does not reach it.
    private static let fading = 1.0 / 16
    /// The window while it is measured anew: half of what the path holds, where the window is twice that.
    private static let probing = 4

    /// It begins with `least`, and never falls below.
    public init(least: Int, most: Int) {
        self.least = least
        self.most = most
        estimate = Estimate(size: least)
    }

    public var bytes: Int {
        let now = probe == .none ? estimate.size : max(least, estimate.size / ByteWindow.probing)
        return min(now, max(most, 1))
    }

    /// Whether one thing more may be sent, however large: into an empty window always.
    public var hasRoom: Bool { inFlight < bytes }

    public mutating func sent(_ count: Int, at now: Instant) {
        if inFlight == 0 { begin(now) }
        if probe == .waiting { probe = .began(now) }
        inFlight += count
        if !hasRoom { wasFull = true }
    }

    /// `count` bytes that were sent at `sentAt` have arrived.
    public mutating func confirmed(_ count: Int, sentAt: Instant, now: Instant) {
        inFlight = max(0, inFlight - count)
        if var end = ended, end.at == now {
            end.brought += count
            return judge(end)
        }
        brought += count
        guard now > sentAt, now > began else { return }
        measure((now - sentAt).inSeconds, sentAt: sentAt, now)
        guard probe == .none, sentAt >= began else { return }
        if wasFull {
            judge(RoundEnd(at: now, seconds: (now - began).inSeconds, brought: brought, before: estimate))
        }
        begin(now)
    }

    /// `count` bytes will not be confirmed: their connection broke, or nothing was heard of them. What was known of the
    /// path is void.
    public mutating func lost(_ count: Int) {
        inFlight = max(0, inFlight - count)
        (estimate, ended, roundTrip, probe) = (Estimate(size: least), nil, .infinity, .none)
    }

    /// What was taken for `count` bytes turns out to have another size.
    public mutating func correct(by count: Int) {
        inFlight = max(0, inFlight + count)
        if !hasRoom { wasFull = true }
    }

    private mutating func measure(_ trip: Double, sentAt: Instant, _ now: Instant) {
        if case .began(let since) = probe, sentAt >= since {
            (roundTrip, roundTripAt, probe) = (trip, now, .none)
            begin(now)
        } else if trip <= roundTrip {
            (roundTrip, roundTripAt) = (trip, now)
        } else if probe == .none, now - roundTripAt >= Limits.roundTripFreshness {
            probe = .waiting
        }
    }

    private mutating func begin(_ now: Instant) {
        began = now
        brought = 0
        wasFull = !hasRoom
    }

    private mutating func judge(_ end: RoundEnd) {
        ended = end
        estimate = end.before
        let current = Double(end.brought) / end.seconds
        guard current < estimate.rate * ByteWindow.clearlyMore else {
            estimate = Estimate(size: min(bytes * 2, most), rate: current)
            return
        }
        estimate.stalls += 1
        estimate.rate = max(current, estimate.rate * (1 - ByteWindow.fading))
        guard estimate.stalls >= ByteWindow.roundsToBelieve else { return }
        estimate.size = max(least, Int(min(2 * estimate.rate * roundTrip, Double(most))))
    }
}
