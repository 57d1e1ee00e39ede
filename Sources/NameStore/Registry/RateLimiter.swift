// How often one client may ask: a token bucket each, against squatting and guessing.

package import World

/// Token buckets by client, bounded in number. A client that finds no room shares one bucket with all who found none,
/// so that many addresses buy no more than one.
package struct RateLimiter: Sendable {
    package enum Verdict: Equatable, Sendable {
        case admitted
        /// Ask again after this long.
        case refused(retryAfter: Span)
    }

    private struct Bucket: Sendable {
        var tokens: Double
        var filledAt: Instant
    }

    private let perSecond: Double
    private let burst: Double
    private let capacity: Int
    /// Two generations: a bucket untouched for as long as it takes to fill is full, and need not be kept.
    private var younger: [String: Bucket] = [:]
    private var older: [String: Bucket] = [:]
    private var turnedAt = Instant.origin
    private var shared: Bucket

    /// - Parameters:
    ///   - perSecond: requests a second in the long run, above 0.
    ///   - burst: requests at once after a rest, at least 1.
    ///   - capacity: clients tracked one by one, times two.
    package init(perSecond: Double, burst: Double, capacity: Int = Limits.nameClients) {
        self.perSecond = max(perSecond, 1e-3)
        self.burst = max(burst, 1)
        self.capacity = max(capacity, 1)
        shared = Bucket(tokens: max(burst, 1), filledAt: .origin)
    }

    private var timeToFill: Span { Span(milliseconds: burst / perSecond * 1_000) }

    /// Takes one token of `client`'s bucket. A client is an address, or the part of one that costs something to get:
    /// the /64 of an IPv6 address.
    package mutating func admit(_ client: String, now: Instant) -> Verdict {
        turn(now)
        let known = younger[client] ?? older[client]
        if known == nil, younger.count >= capacity {
            var common = shared
            defer { shared = common }
            return take(from: &common, now)
        }
        var bucket = known ?? Bucket(tokens: burst, filledAt: now)
        defer { younger[client] = bucket }
        return take(from: &bucket, now)
    }

    private mutating func turn(_ now: Instant) {
        guard now - turnedAt >= timeToFill else { return }
        turnedAt = now
        older = younger
        younger = [:]
    }

    private func take(from bucket: inout Bucket, _ now: Instant) -> Verdict {
        let passed = max(now - bucket.filledAt, .zero)
        bucket = Bucket(tokens: min(burst, bucket.tokens + passed.inSeconds * perSecond), filledAt: now)
        guard bucket.tokens >= 1 else {
            return .refused(retryAfter: Span(milliseconds: (1 - bucket.tokens) / perSecond * 1_000))
        }
        bucket.tokens -= 1
        return .admitted
    }
}
