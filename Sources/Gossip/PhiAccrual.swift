// Suspicion as a number that grows with silence.
//
// A timeout asks "has it been silent for five seconds?" and is wrong on every network but the one it was tuned on. Phi
// asks "how unlikely is such a silence, given how this node's heartbeats came in so far?" (Hayashibara et al., "The phi
// accrual failure detector", SRDS 2004): phi = -log10 P(later than this). Phi 8 means one wrong guess in 10^8.
//
// Heartbeats that arrive through gossip come irregularly, with the long tail of a Poisson process, so P is taken from
// an exponential distribution: phi = elapsed / mean / ln 10. (A normal one, as in the paper, has far too thin a tail
// here: a silence of 6 standard deviations happens every minute in a lossy cluster.) It needs only the mean, so the
// window of samples is a running mean that forgets, in constant space.

import World

struct PhiAccrual: Hashable, Sendable {
    /// When the newest heartbeat came in, on the attention clock.
    private(set) var last: Instant
    private var meanNanoseconds: Double
    private var weight: Double

    private static let log10OfE = 0.434_294_481_903_251_8
    /// A guess before the first sample, in intervals and in samples' weight: about the mean when half of all messages
    /// are lost, so that nobody is buried in the first seconds, and no more, so that a death in them is noticed in
    /// time.
    private static let priorIntervals = 1.5
    private static let priorWeight = 3.0

    init(now: Instant, interval: Span) {
        last = now
        meanNanoseconds = Double(interval.nanoseconds) * PhiAccrual.priorIntervals
        weight = PhiAccrual.priorWeight
    }

    /// A fresh heartbeat of a live node.
    mutating func sample(now: Instant, interval: Span, window: Int) {
        let gap = min(now - last, interval * Limits.heartbeatGap)
        last = now
        weight = min(weight + 1, Double(window))
        meanNanoseconds += (Double(gap.nanoseconds) - meanNanoseconds) / weight
    }

    /// A heartbeat of a node that counts as dead, or a new generation's first: what was learned before is void.
    mutating func restart(now: Instant, interval: Span) {
        self = PhiAccrual(now: now, interval: interval)
    }

    /// Forgets the samples but not when the last heartbeat came in.
    mutating func clearSamples(interval: Span) {
        self = PhiAccrual(now: last, interval: interval)
    }

    /// A sender beats once per interval, so a lower mean is only a burst of late news.
    func phi(now: Instant, interval: Span) -> Double {
        let elapsed = Double((now - last).nanoseconds)
        return elapsed / max(meanNanoseconds, Double(interval.nanoseconds)) * PhiAccrual.log10OfE
    }
}
