// How long to wait for whom: hedges, attempt timeouts and back-off, from the round trips that were measured. Nothing
// here decides what is right, only how soon something else is tried.

import Quorums
package import World

/// The proposer's times. Defaults fit one machine as well as five countries.
package struct Pace: Sendable {
    /// Acceptors from which the fast ballot may be tried. Three need every one of them.
    package var leastForFast = 3
    /// A round trip that was never measured, for how long it is waited.
    var firstRoundTrip = Span.milliseconds(100)
    /// Added to every wait: batches, syncs and scheduling on a busy machine.
    package var margin = Span.milliseconds(10)
    /// The shortest wait for an attempt; a sync on a slow disk takes this long.
    var leastAttempt = Span.milliseconds(50)
    var longestAttempt = Span.seconds(3)
    var longestBackoff = Span.seconds(1)
    /// Between two questions for the configuration in force.
    var discovery = Span.milliseconds(200)
    var longestDiscovery = Span.seconds(5)
    /// Between two tries of a reconfiguration's step.
    package var reconfiguration = Span.milliseconds(500)
    /// A reconfiguration that nobody drives is taken up after this long, and up to as long again.
    package var resumption = Span.seconds(30)

    package init() {}
}

/// When the last exchanges were asked. An acceptor beyond the quorum answers after its request is done, and its round
/// trip counts all the same: one that is never measured would be taken for near.
struct AskedTimes: Sendable {
    /// Where an exchange of the same slot came later, the earlier one is forgotten.
    /// Empty until something is asked.
    private var slots: [(exchange: UInt64, at: Instant)?] = []

    private func slot(_ exchange: UInt64) -> Int {
        Int(truncatingIfNeeded: SplitMix64.scatter(exchange) >> 32) % slots.count
    }

    mutating func note(_ exchange: UInt64, _ now: Instant) {
        if slots.isEmpty { slots = Array(repeating: nil, count: Limits.nameExchangesTimed) }
        slots[slot(exchange)] = (exchange, now)
    }

    func time(of exchange: UInt64) -> Instant? {
        guard !slots.isEmpty, let found = slots[slot(exchange)], found.exchange == exchange else { return nil }
        return found.at
    }
}

/// What is known of each acceptor's answers.
struct Latencies: Sendable {
    private struct Peer: Sendable {
        /// The least of the first few, which may have waited for a node's start; then exponentially weighted, 1/8 new.
        /// Nil before the first answer.
        var roundTrip: Span?
        var samples = 0
        var isSuspected = false
    }

    /// So many are the first few.
    private static let firstSamples = 3
    private var peers: [NodeID: Peer] = [:]

    mutating func measured(_ node: NodeID, _ roundTrip: Span) {
        let sample = max(roundTrip, .zero)
        let isNew = isNew(node)
        let known = peers[node]?.roundTrip
        peers[node, default: Peer()].roundTrip =
            known.map { isNew ? min($0, sample) : $0 - $0 / 8 + sample / 8 } ?? sample
        if isNew { peers[node]?.samples += 1 }
    }

    /// Whether its round trip is still to be measured, or known by a chance.
    func isNew(_ node: NodeID) -> Bool { (peers[node]?.samples ?? 0) < Latencies.firstSamples }
    func isMeasured(_ node: NodeID) -> Bool { peers[node]?.roundTrip != nil }

    mutating func heard(from node: NodeID) {
        if peers[node]?.isSuspected == true { peers[node]?.isSuspected = false }
    }

    mutating func suspect(_ node: NodeID) { peers[node, default: Peer()].isSuspected = true }
    func isSuspected(_ node: NodeID) -> Bool { peers[node]?.isSuspected ?? false }

    /// The round trip to the `count` nearest of `members`.
    func roundTrip(to count: Int, of members: [AcceptorID], unknown: Span) -> Span {
        let sorted = members.map { peers[$0.node]?.roundTrip ?? unknown }.sorted()
        guard let last = sorted.last else { return unknown }
        return sorted.indices.contains(count - 1) ? sorted[count - 1] : last
    }
}

extension Pace {
    /// How long fast votes are awaited before the classic ballot: the fast quorum's round trip and a quarter.
    func hedge(_ quorums: QuorumSystem, _ latencies: Latencies) -> Span {
        let trip = latencies.roundTrip(
            to: quorums.fastCount, of: quorums.configuration.acceptors, unknown: firstRoundTrip)
        return trip + trip / 4 + margin
    }

    /// Whether one round trip to a fast quorum takes no longer than the two of a classic ballot to a majority: not
    /// where a majority is near and the next acceptor an ocean away, nor where it is not known yet how far that is.
    func prefersFast(_ quorums: QuorumSystem, _ latencies: Latencies) -> Bool {
        let measured = quorums.configuration.acceptors.count { latencies.isMeasured($0.node) }
        guard measured >= quorums.fastCount else { return false }
        let fast = latencies.roundTrip(
            to: quorums.fastCount, of: quorums.configuration.acceptors, unknown: firstRoundTrip)
        return fast <= majorityTrip(quorums, latencies) * 2
    }

    private func majorityTrip(_ quorums: QuorumSystem, _ latencies: Latencies) -> Span {
        let sets = [quorums.configuration.acceptors, quorums.configuration.successors ?? []]
        return sets.map { set in
            set.isEmpty
                ? .zero : latencies.roundTrip(to: QuorumSize.majority(of: set.count), of: set, unknown: firstRoundTrip)
        }.max() ?? firstRoundTrip
    }

    /// How long the votes beyond a majority's are awaited, where those of the majority do not say what is chosen.
    func grace(_ quorums: QuorumSystem, _ latencies: Latencies) -> Span {
        majorityTrip(quorums, latencies) / 2 + margin
    }

    /// How long one phase may take before it is tried again, the longer the more often it was.
    func attempt(_ quorums: QuorumSystem, _ latencies: Latencies, tries: Int) -> Span {
        let trip = majorityTrip(quorums, latencies)
        let base = max(leastAttempt, trip * 3 + margin)
        return min(longestAttempt, base * Int64(min(tries, 8) + 1))
    }

    /// A random pause after a refusal, so that two proposers of one name part: up to twice the round trip at first.
    func backoff(
        _ quorums: QuorumSystem, _ latencies: Latencies, tries: Int, _ random: inout SeededRandom
    ) -> Span {
        let base = majorityTrip(quorums, latencies) + Span.milliseconds(2)
        let bound = min(longestBackoff, base * (1 << Int64(min(max(tries, 1), 6))))
        return Span(nanoseconds: Int64(random.unit() * Double(bound.nanoseconds)))
    }
}
