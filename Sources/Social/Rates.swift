// How often people may do things, by account and by address; counted on each node for itself. Loopback is exempt unless
// the ring file says otherwise, as for names.

import World

/// What has a rate.
enum Rated: Hashable, Sendable {
    case post, anonymousPost, follow, feed, registration, report, export, exportPart
    case failedLoginOfAddress, failedLoginOfName

    /// So many in so long.
    var allowed: (count: Int, span: Span) {
        switch self {
        case .post: (10, .minutes(1))
        case .anonymousPost: (3, .minutes(1))
        case .follow: (60, .minutes(1))
        case .feed: (20, .hours(1))
        case .registration: (3, .hours(1))
        case .report: (20, .hours(1))
        // All that somebody has is read; what follows a first part has 16 MiB each: an hour is enough for 2 GiB.
        case .export: (5, .hours(1))
        case .exportPart: (128, .hours(1))
        case .failedLoginOfAddress: (10, .minutes(10))
        case .failedLoginOfName: (20, .hours(1))
        }
    }
}

struct SiteRates: Sendable {
    private struct Key: Hashable {
        let what: Rated
        let who: String
    }

    /// Of each who does what: when the last ones were.
    private var times: [Key: [Instant]] = [:]
    private var visits: [String: UInt64] = [:]

    /// Counts one more of something; nil, or how long to wait where it is one too many.
    mutating func count(_ what: Rated, _ who: String, _ now: Instant) -> Span? {
        if let wait = wait(what, who, now) { return wait }
        note(what, who, now)
        return nil
    }

    /// It came to nothing, and is to be asked for again.
    mutating func takeBack(_ what: Rated, _ who: String) { _ = times[Key(what: what, who: who)]?.popLast() }

    func login(_ name: String, _ address: String, _ now: Instant) -> Span? {
        (address.isEmpty ? nil : wait(.failedLoginOfAddress, SiteRates.network(address), now))
            ?? wait(.failedLoginOfName, name, now)
    }

    /// - address: empty where it has no rate.
    mutating func loginFailed(_ name: String, _ address: String, _ now: Instant) {
        guard !address.isEmpty else { return }
        note(.failedLoginOfAddress, SiteRates.network(address), now)
        note(.failedLoginOfName, name, now)
    }

    mutating func passwordFailed(_ name: String, _ now: Instant) { note(.failedLoginOfName, name, now) }

    /// Whether somebody was not here on that day yet, as far as this node knows.
    mutating func isFirstVisit(_ name: String, _ day: UInt64) -> Bool {
        if visits[name] == day { return false }
        if visits.count >= Limits.socialSessions { visits = [:] }
        visits[name] = day
        return true
    }

    /// Of IPv6 the first 64 bits: one customer has all addresses behind them.
    static func network(_ address: String) -> String {
        guard case .v6(let groups)? = IPAddress(address) else { return address }
        // An IPv4 address in IPv6's clothes (RFC 4291, 2.5.5.2).
        if groups.starts(with: [0, 0, 0, 0, 0, 0xFFFF]) {
            return [groups[6] >> 8, groups[6] & 255, groups[7] >> 8, groups[7] & 255].map { "\($0)" }
                .joined(separator: ".")
        }
        return groups.prefix(4).map { String($0, radix: 16) }.joined(separator: ":")
    }

    private func wait(_ what: Rated, _ who: String, _ now: Instant) -> Span? {
        let (count, span) = what.allowed
        let recent = (times[Key(what: what, who: who)] ?? []).filter { $0 + span > now }
        guard recent.count >= count, let first = recent.first else { return nil }
        return first + span - now
    }

    private mutating func note(_ what: Rated, _ who: String, _ now: Instant) {
        if times.count >= Limits.socialRated {
            // Those that say nothing any more.
            times = times.filter { key, instants in instants.contains { $0 + key.what.allowed.span > now } }
            // A flood of addresses: what each of them did is forgotten rather than that memory grows.
            if times.count >= Limits.socialRated { times = [:] }
        }
        let key = Key(what: what, who: who)
        let (count, span) = what.allowed
        times[key] = ((times[key] ?? []).filter { $0 + span > now } + [now]).suffix(count)
    }
}
