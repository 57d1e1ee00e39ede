// How often one client may write names, against squatters with a word list (a site that registers for its users stays
// below), or do other things.

package import NameStore
import Ring
package import World

/// The limit on requests of one kind of one client address, by second.
package enum ClientRate: Sendable {
    /// The usual for each address; loopback is the operator, or a proxy that has clients of its own to limit.
    case standard
    /// The same for everyone, loopback too.
    case everyone(perSecond: Int)
    case unlimited
}

/// Counts by client address.
package struct NameGate {
    private var limiter: RateLimiter?
    private let exemptsLoopback: Bool

    package init(_ rate: ClientRate) {
        func limiter(_ perSecond: Double) -> RateLimiter {
            RateLimiter(perSecond: perSecond, burst: perSecond * Limits.nameRestSeconds)
        }
        switch rate {
        case .standard: (self.limiter, exemptsLoopback) = (limiter(Limits.nameWritesPerSecond), true)
        case .everyone(let perSecond): (self.limiter, exemptsLoopback) = (limiter(Double(perSecond)), false)
        case .unlimited: (self.limiter, exemptsLoopback) = (nil, false)
        }
    }

    /// The answer to a request that is not begun: there is nobody to ask, or its client writes too often. Reads are
    /// free. `hasNamestore`: acceptors are known.
    package mutating func refusal(
        of operation: NameOperation, from address: String, hasNamestore: Bool, now: Instant
    ) -> HTTPResponse? {
        guard hasNamestore else { return HTTPResponse(NameResponses.nowhere) }
        guard operation != .read, let wait = admit(address, now: now) else { return nil }
        return NameResponses.tooMany(wait)
    }

    /// Nil if the client at `address` may write now, else how long it should wait.
    mutating func admit(_ address: String, now: Instant) -> Span? {
        let client = NameGate.client(address)
        if exemptsLoopback, IPAddress(address)?.isLoopback ?? false { return nil }
        switch limiter?.admit(client, now: now) {
        case .refused(let retryAfter): return retryAfter
        case .admitted, nil: return nil
        }
    }

    /// What of an address costs something to get: all of an IPv4 one, the /64 of an IPv6 one.
    static func client(_ address: String) -> String {
        guard address.contains(":"), address != "::1" else { return address }
        if address.hasPrefix("::ffff:"), address.contains(".") { return String(address.dropFirst(7)) }
        let halves = address.components(separator: "::")
        var groups = halves[0].split(separator: ":").map(String.init)
        if halves.count == 2 {
            let tail = halves[1].split(separator: ":").map(String.init)
            groups += Array(repeating: "0", count: max(0, 8 - groups.count - tail.count)) + tail
        }
        return groups.prefix(4).joined(separator: ":") + "::/64"
    }
}

extension String {
    /// The parts before and after the first `separator`; the whole if there is none.
    fileprivate func components(separator: String) -> [String] {
        guard let range = firstRange(of: separator) else { return [self] }
        return [String(self[..<range.lowerBound]), String(self[range.upperBound...])]
    }
}
