// Spares other people's servers: one request to a host at a time, some seconds between two, and none while the host
// has asked for rest.

package import World

package struct HostPace: Sendable {
    package enum Answer: Hashable, Sendable {
        /// It is taken to be spoken to until `ended`.
        case begin
        case notBefore(Instant)
        /// Another request is under way; after its end there is something to ask.
        case busy
    }

    private enum Host {
        case spokenTo
        case resting(until: Instant)
    }

    private var hosts: [String: Host] = [:]

    package init() {}

    /// - host: of the URL that is asked for first; where it leads to is not known before.
    package mutating func begin(_ host: String, _ now: Instant) -> Answer {
        switch hosts[host] {
        case .spokenTo: return .busy
        case .resting(let until) where now < until: return .notBefore(until)
        case .resting, nil:
            if hosts.count >= Limits.feedHosts { sweep(now) }
            guard hosts.count < Limits.feedHosts || hosts[host] != nil else {
                return .notBefore(now + Limits.feedHostGap)
            }
            hosts[host] = .spokenTo
            return .begin
        }
    }

    package mutating func ended(_ host: String, _ outcome: FetchOutcome, _ now: Instant) {
        var rest = Limits.feedHostGap
        if case .retryLater(let span) = outcome { rest = max(rest, min(span, Limits.feedLongestRest)) }
        hosts[host] = .resting(until: now + rest)
    }

    private mutating func sweep(_ now: Instant) {
        hosts = hosts.filter { entry in
            if case .resting(let until) = entry.value { now < until } else { true }
        }
    }
}
