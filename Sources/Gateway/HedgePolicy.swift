// When a second read is worth sending: after the 95th percentile of the recent ones, and for at most 2 in 100 reads
// (Dean and Barroso, "The Tail at Scale", CACM 2013). The budget matters more than the percentile: without it a cluster
// that is slow as a whole doubles its own load. More reads are late by that measure than the budget pays for, and most
// of them are answered a moment later; so a part of it is kept for those that are late several times over, as they are
// when a replica hangs.

import World

struct HedgePolicy: Sendable {
    private static let window = 256
    private static let every = 64
    private static let budgetShare = 0.02
    /// Of the budget, what only reads may spend that are late by `farFactor` times the percentile.
    private static let reserve = 2.0
    static let farFactor: Int64 = 4

    private var samples: [Int64] = []
    private var position = 0
    private var budget = 1.0
    /// Nil until enough reads were seen to judge.
    private(set) var delay: Span?

    init() {}

    mutating func observe(_ latency: Span) {
        budget = min(Limits.savedHedges, budget + HedgePolicy.budgetShare)
        if samples.count < HedgePolicy.window {
            samples.append(latency.nanoseconds)
        } else {
            samples[position % HedgePolicy.window] = latency.nanoseconds
        }
        position += 1
        guard position % HedgePolicy.every == 0 else { return }
        let sorted = samples.sorted()
        delay = Span(nanoseconds: sorted[sorted.count * 95 / 100])
    }

    /// Takes one hedge from the budget, if there is one. `isFar`: the read is late by `farFactor` times the delay.
    mutating func spend(isFar: Bool) -> Bool {
        guard budget >= (isFar ? 1 : 1 + HedgePolicy.reserve) else { return false }
        budget -= 1
        return true
    }
}
