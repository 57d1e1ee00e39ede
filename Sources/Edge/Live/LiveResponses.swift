// Why a live read does not begin, or ends, and how often one client may begin one.

package import Live
import NameStore
package import World

package enum LiveResponses {
    /// Nil for a client that is let go without a word: it takes nothing.
    package static func response(to reason: LiveEnd) -> HTTPResponse? {
        switch reason {
        case .overloaded:
            HTTPResponse(
                Problem(
                    503, "overloaded", "Too many requests are in flight", "too many live reads; try another node"))
        case .tooLarge:
            HTTPResponse(
                .tooLarge("a live read of a range may begin with \(Limits.liveRangeItems) items; narrow it"))
        case .stuck: nil
        }
    }

    static let tooManyWatches = Problem(429, "too-many-watches", "Too many new live reads from this address")

    package static func tooMany(_ wait: Span) -> HTTPResponse {
        var response = HTTPResponse(tooManyWatches)
        response.headers.add("retry-after", "\(max(1, Int(wait.inSeconds.rounded(.up))))")
        return response
    }
}

/// Counts new live reads by client address.
package struct WatchGate {
    private var limiter: RateLimiter?
    private let exemptsLoopback: Bool

    package init(_ rate: ClientRate) {
        func limiter(_ perSecond: Double) -> RateLimiter { RateLimiter(perSecond: perSecond, burst: perSecond) }
        switch rate {
        case .standard: (self.limiter, exemptsLoopback) = (limiter(Limits.liveNewPerSecond), true)
        case .everyone(let perSecond): (self.limiter, exemptsLoopback) = (limiter(Double(perSecond)), false)
        case .unlimited: (self.limiter, exemptsLoopback) = (nil, false)
        }
    }

    /// Nil if the client at `address` may begin one now, else how long it should wait.
    package mutating func admit(_ address: String, now: Instant) -> Span? {
        if exemptsLoopback, IPAddress(address)?.isLoopback ?? false { return nil }
        if case .refused(let wait)? = limiter?.admit(NameGate.client(address), now: now) { return wait }
        return nil
    }
}
