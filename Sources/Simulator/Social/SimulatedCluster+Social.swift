// How people reach the sites of a simulated cluster while it runs.

import Edge
import JSON
import Social
import World

extension SimulatedCluster {
    private var openSites: [Int] {
        social.sites.indices.filter { social.sites[$0] != nil && machines[$0].stoppedUntil <= now }
    }

    mutating func somebodyActs() throws {
        schedule(.site(.client), after: social.random.exponential(mean: social.people.plan.pause))
        for call in social.people.next(&social.random) {
            if let node = openSites.randomElement(using: &social.random) { try send(call, to: node) }
        }
    }

    /// The link is good when it is sent: somebody follows it at once, wherever.
    mutating func visit(_ attempt: Int) throws {
        if let node = openSites.randomElement(using: &social.random) {
            try send(.read(attempt, isForEdit: false), to: node)
        }
    }

    @discardableResult
    mutating func send(_ call: SocialCall, to node: Int) throws -> UInt64? {
        guard let site = social.sites[node] else { return nil }
        let chance = (0..<Limits.siteChanceBytes).map { _ in UInt8(truncatingIfNeeded: social.random.next()) }
        guard let request = call.request(social.people, of: site.listener, chance: chance) else {
            checker.violate("\(social.people.describe(call)) cannot be asked for")
            return nil
        }
        let number = social.people.sent(call, to: node, at: now)
        try hear(node, .request(number, request))
        return number
    }

    mutating func answered(_ number: UInt64, _ answer: SiteAnswer, _ node: Int) {
        guard let reply = SocialReply(answer) else { return checker.violate("a program was answered with a page") }
        trace.add(11, now, UInt64(node), number << 16 | UInt64(reply.status))
        let (call, sentAt) = (social.people.requests[number]?.call, social.people.requests[number]?.sentAt)
        let (broken, next) = social.people.heard(reply, to: number)
        if let broken, !(reply.isNo && mayHaveForgotten(when: sentAt ?? now)) {
            checker.violate("\(broken), says \(machines[node].identity)")
        }
        if !isFaulty { social.replies[number] = reply }
        if case .attempt(let attempt)? = call, isFaulty, reply.isSuccess, social.people.attempts[attempt].isPost {
            schedule(.site(.visit(attempt)), after: .milliseconds(Int64(social.random.unit() * 100)))
        }
        if let next { schedule(.site(.send(next, node)), after: .milliseconds(Int64(social.random.unit() * 500))) }
    }

    /// A replica that has lost its disk, or was given an older one, counts for a "no" until the others have mended it,
    /// as they have before the end.
    private func mayHaveForgotten(when sentAt: Instant) -> Bool {
        scenario.forgets && sentAt <= Instant.origin + scenario.length
    }

    /// Sends it at the end, and lets the cluster go on until it is answered.
    mutating func ask(_ call: SocialCall, at node: Int) throws -> SocialReply? {
        guard let number = try send(call, to: node) else { return nil }
        let end = now + Limits.simulatedAnswer
        while social.replies[number] == nil, now < end { try run(until: now + .milliseconds(20)) }
        return social.replies.removeValue(forKey: number)
    }

    /// Every request to a site is answered, however bad the times are.
    func unanswered(for span: Span) -> String? {
        let late = social.people.requests.keys.sorted().first { number in
            social.people.requests[number].map { now - $0.sentAt > span } ?? false
        }
        return late.flatMap { social.people.requests[$0] }.map {
            "\(social.people.describe($0.call)) was never answered"
        }
    }

    var socialFigures: SocialFigures {
        social.sites.reduce(into: social.figures) { all, site in if let site { all.add(site.core.figures) } }
    }
}
