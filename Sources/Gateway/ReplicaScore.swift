// Which replica to ask first.
//
// The formula is the mission's, s = 1 / (i·replication delay + j·mean response time + k·distance + l·error rate), with
// each term made a prediction in milliseconds. Taken from past means alone it is hardly better than chance, because the
// mean is old news by the time it is known; predicting the queue that a request will meet is what helps (C3: Suresh,
// Canini, Schmid, Feldmann, "C3: Cutting Tail Latency in Cloud Data Stores via Adaptive Replica Selection", NSDI 2015):
//
//     s = 1 / ( i·max(0, lag − bound) + j·S̄·(1 + q̂/κ)³ + k·RTT + l·ε·penalty )
//
//     lag      how far the replica is behind, ms (gossip); a lag within `bound` costs nothing
//     S̄        service time, ms: moving average (α = 0.3) of what the replica reports with each answer
//     q̂        requests that will stand before ours: those it last reported as waiting, and w for each of our own
//              outstanding ones, since every gateway acts on the same report
//     w        r̄/ō, within 1 and the number of gateways: what waits at a replica on an average (r̄), over what of ours
//              is outstanding there (ō)
//     κ        the queue that makes a crowd: the usual one, r̄, but 4 at least
//     RTT      round trip, ms: moving average of response time less service time; before the first answer, and for the
//              way to a place that the client names, light's way through fibre over the great circle
//     ε        share of requests that failed (moving average), with `penalty` ms for one
//
// C3 takes the number of gateways for w, and 1 for κ. But most gateways may be idle: then one outstanding request of
// ours stands for few, and w measured is better than w counted. And a queue of a hundred is nothing to a thread that
// works a hundred requests with one sync: against what is usual it shows, against 1 its cube would be worth an ocean.
// `atoll simulate --selection` plays this code beside C3's ranking (docs/BENCHMARKS.md, "The choice of replicas").

import Ring
package import World

/// What one gateway knows of one replica.
struct ReplicaFigures: Hashable, Sendable {
    var serviceMs: Double?
    var roundTripMs: Double?
    var errorRate = 0.0
    var reportedInFlight = 0
    var outstanding = 0
    /// From gossip.
    var lagMs = 0.0
    /// The link stands and gossip does not hold the node for dead.
    var isAvailable = false

    /// The replica's own clock as it last told it, and when that was heard; 0 before.
    private var toldMs: UInt64 = 0
    private var toldAt = Instant.origin

    init() {}

    mutating func tells(clockMs: UInt64, at now: Instant) {
        guard clockMs > 0 else { return }
        toldMs = clockMs
        toldAt = now
    }

    /// What the replica's clock shows by now at the least, if it loses no more than a thousandth against ours; 0 if it
    /// never told.
    func clockMs(_ now: Instant) -> UInt64 {
        guard toldMs > 0 else { return 0 }
        let elapsed = UInt64(max(0, (now - toldAt).nanoseconds / 1_000_000))
        return toldMs &+ (elapsed - (elapsed + 999) / 1_000)
    }

    private static let alpha = 0.3

    mutating func answered(after elapsed: Span, serviceMicroseconds: UInt32, inFlight: UInt32) {
        let service = Double(serviceMicroseconds) / 1_000
        let trip = max(0, elapsed.inMilliseconds - service)
        serviceMs = ReplicaFigures.average(serviceMs, service)
        roundTripMs = ReplicaFigures.average(roundTripMs, trip)
        // No honest replica reports more; one that does must not make others' queues look short (usuallyWaiting).
        reportedInFlight = min(Int(inFlight), Limits.mailboxRequests)
        listed()
    }

    /// It answered a list. That is made by another thread, and takes as long as it is long, so nothing is learned of
    /// how long a read or a write takes.
    mutating func listed() { errorRate *= 1 - ReplicaFigures.alpha }

    /// An answer is late: its service time is at least this, and waiting for the rest before believing it would send
    /// more requests the same way.
    mutating func unanswered(for elapsed: Span) {
        guard let serviceMs, elapsed.inMilliseconds > serviceMs else { return }
        self.serviceMs = ReplicaFigures.average(serviceMs, elapsed.inMilliseconds)
    }

    mutating func failed() {
        errorRate += ReplicaFigures.alpha * (1 - errorRate)
    }

    private static func average(_ old: Double?, _ sample: Double) -> Double {
        guard let old else { return sample }
        return old + alpha * (sample - old)
    }

    /// Mean response time as clients of this replica see it, ms.
    var responseMs: Double { (serviceMs ?? 0) + (roundTripMs ?? 0) }
}

struct ReplicaScore: Sendable {
    var weights: ScoreWeights
    /// Gateways that share the replicas; at least 1.
    var gateways: Int

    /// What is usual at the replicas that are ranked: requests that wait there, and outstanding ones of this gateway.
    private var usuallyWaiting = 0.0
    private var usuallyOutstanding = 0.0

    /// A lag of one gossip round is not a lag.
    private static let lagBoundMs = 500.0
    /// No queue of so few is a crowd.
    private static let leastCrowd = 4.0
    /// What is usual is learned over some thousand choices: a moment's crowd must stand out against it.
    private static let alpha = 0.001
    /// What a failure costs: about the time after which a gateway gives a replica up.
    private static let penaltyMs = 1_500.0

    init(weights: ScoreWeights, gateways: Int) {
        self.weights = weights
        self.gateways = max(1, gateways)
    }

    /// `replica` is one of those that are ranked. Both averages begin at nothing and grow alike, so that their ratio is
    /// right from the beginning.
    mutating func note(_ replica: ReplicaFigures) {
        guard replica.isAvailable, replica.serviceMs != nil else { return }
        usuallyWaiting += ReplicaScore.alpha * (Double(replica.reportedInFlight) - usuallyWaiting)
        usuallyOutstanding += ReplicaScore.alpha * (Double(replica.outstanding) - usuallyOutstanding)
    }

    /// How many that wait one outstanding request of this gateway stands for.
    private var standsFor: Double {
        guard usuallyOutstanding > 0 else { return 1 }
        return min(max(1, usuallyWaiting / usuallyOutstanding), Double(gateways))
    }

    /// The denominator of s, milliseconds: lower is better. `farMs`: the way between the client's place and the
    /// replica.
    func cost(_ replica: ReplicaFigures, unseenServiceMs: Double, unseenTripMs: Double, farMs: Double)
        -> Double
    {
        let queue = Double(replica.reportedInFlight) + standsFor * Double(replica.outstanding)
        let crowding = 1 + queue / max(ReplicaScore.leastCrowd, usuallyWaiting)
        let service = replica.serviceMs ?? unseenServiceMs
        return weights.replicationDelay * max(0, replica.lagMs - ReplicaScore.lagBoundMs)
            + weights.responseTime * service * crowding * crowding * crowding
            + weights.distance * ((replica.roundTripMs ?? unseenTripMs) + farMs)
            + weights.errorRate * replica.errorRate * ReplicaScore.penaltyMs
    }
}

/// The great circle, and how long light in fibre takes there and back.
package enum Geography {
    /// Mean Earth radius, km (IUGG).
    private static let earthKm = 6_371.0
    /// Two thirds of c, km per ms; cables run about 1.5 times the great circle.
    private static let fibreKmPerMs = 200.0 / 1.5

    static func distanceKm(_ a: Coordinates, _ b: Coordinates) -> Double {
        // The haversine of the angle through the chord, with series instead of the C library's functions, which may
        // differ in the last bit between machines (and then in the choice of a replica under the simulator).
        let (x1, y1, z1) = unit(a)
        let (x2, y2, z2) = unit(b)
        let chord = ((x1 - x2) * (x1 - x2) + (y1 - y2) * (y1 - y2) + (z1 - z2) * (z1 - z2)).squareRoot()
        return 2 * earthKm * arcsine(min(1, chord / 2))
    }

    package static func roundTripMs(_ a: Coordinates, _ b: Coordinates) -> Double {
        2 * distanceKm(a, b) / fibreKmPerMs
    }

    private static func unit(_ c: Coordinates) -> (Double, Double, Double) {
        let (sinLat, cosLat) = sineCosine(c.latitude * .pi / 180)
        let (sinLon, cosLon) = sineCosine(c.longitude * .pi / 180)
        return (cosLat * cosLon, cosLat * sinLon, sinLat)
    }

    /// Taylor's series; |x| ≤ π for every valid coordinate.
    private static func sineCosine(_ x: Double) -> (sin: Double, cos: Double) {
        var sine = 0.0
        var cosine = 0.0
        var term = 1.0
        for k in 0..<24 {
            switch k & 3 {
            case 0: cosine += term
            case 1: sine += term
            case 2: cosine -= term
            default: sine -= term
            }
            term *= x / Double(k + 1)
        }
        return (sine, cosine)
    }

    /// Newton's iteration on sin y = x.
    private static func arcsine(_ x: Double) -> Double {
        var y = x
        for _ in 0..<60 {
            let (s, c) = sineCosine(y)
            guard c > 1e-9 else { break }
            let next = y - (s - x) / c
            if next == y { break }
            y = next
        }
        return y
    }
}
