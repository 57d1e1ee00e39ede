// How long after their making fresh writes arrive at a replica.
//
// Newer writes count for more, and time does what no write does: what was measured loses half of its weight every two
// seconds. So a replica that has caught up says so at once, however few writes there are, and one that hears of none is
// late with none.

package import World

package struct DelayAverage: Hashable, Sendable {
    private var averageMs = 0.0
    private var at = Instant.origin
    private static let halfLife = Span.seconds(2)
    /// However close writes follow each other, one counts for a twentieth at the least: a burst that waited together
    /// is over when what follows it comes in time.
    private static let leastWeight = 0.05

    package init() {}

    mutating func observe(_ delayMs: Double, at now: Instant) {
        let kept = min(1 - DelayAverage.leastWeight, DelayAverage.remainder(after: now - at))
        averageMs = averageMs * kept + delayMs * (1 - kept)
        at = now
    }

    package func milliseconds(at now: Instant) -> Double { averageMs * DelayAverage.remainder(after: now - at) }

    /// Halves with each half-life, in a straight line between two of them.
    private static func remainder(after span: Span) -> Double {
        guard span > .zero else { return 1 }
        let (halvings, rest) = span.nanoseconds.quotientAndRemainder(dividingBy: halfLife.nanoseconds)
        guard halvings < 60 else { return 0 }
        return (1 - Double(rest) / Double(halfLife.nanoseconds) / 2) / Double(1 << halvings)
    }
}
