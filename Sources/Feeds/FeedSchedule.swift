// When a feed is asked for next, and with what. Half the mean gap between its items, which finds an item after a
// quarter of the gap in the mean; never sooner than the feed or its server want; more and more seldom while it fails.
// The picture that others drew of careless readers: no validators, validators that are kept from a page of error,
// polls each minute, 429 met with another try.

package import JSON
package import World

package struct FeedSchedule: Hashable, Sendable {
    /// What a poll has led to, beside the next one.
    package enum Verdict: Hashable, Sendable {
        case polling
        /// From now on it is asked for there: it has said so often enough. Its items stay what they are.
        case moved(to: String)
        /// It is gone for good.
        case ended
    }

    private enum State: Hashable {
        case well
        /// In a row, and why the last one did.
        case failing(times: Int, reason: String)
        case ended
    }

    private struct Move: Hashable {
        let url: String
        var times: Int
    }

    package private(set) var url: String
    /// Of the last document that could be read. What fails does not touch them, nor does a document that is none: it
    /// would be "not modified" for ever.
    package private(set) var validators = FeedValidators()
    package private(set) var next: WallTime
    private var polled: WallTime?
    private var state = State.well
    private var gap = Limits.feedGap
    private var move: Move?

    /// To be asked for at once.
    package init(url: String, now: WallTime) {
        self.url = url
        next = now
    }

    package var hasEnded: Bool { state == .ended }

    /// Why it could not be read lately; nil if it could.
    package var problem: String? {
        switch state {
        case .well: nil
        case .failing(_, let reason): reason
        case .ended: "The feed is gone: its host says that it will not come back."
        }
    }

    package var job: FetchJob { FetchJob(url: url, validators: validators) }

    /// Somebody says that there is news: the next poll is due, unless there was one within a minute or the feed fails.
    /// True if it is earlier now. The polls after it come as they would have.
    package mutating func hasten(_ now: WallTime) -> Bool {
        guard !hasEnded, case .well = state, let polled, now < next,
            now.milliseconds >= polled.milliseconds + FeedSchedule.milliseconds(Limits.feedHasteGap)
        else { return false }
        next = now
        return true
    }

    /// - chance: 64 random bits, which spread the polls of many feeds.
    package mutating func handle(_ outcome: FetchOutcome, _ now: WallTime, chance: UInt64) -> Verdict {
        polled = now
        var floor = Span.zero
        switch outcome {
        case .document(let document, let head):
            validators = head.validators
            gap = FeedSchedule.gap(document.items.compactMap(\.time), now)
            state = .well
            floor = max(head.maxAge ?? .zero, document.timeToLive ?? .zero)
        case .notModified(let head):
            // A server may say what is new about them (RFC 9110, 15.4.5).
            validators.etag = head.validators.etag ?? validators.etag
            validators.lastModified = head.validators.lastModified ?? validators.lastModified
            state = .well
            floor = head.maxAge ?? .zero
        case .retryLater(let span):
            fail("The host asks to be left alone for a while.")
            floor = span
        case .failed(let failure): fail(failure.text)
        case .gone:
            state = .ended
            return .ended
        // No feed.
        case .accepted: fail(FetchFailure.status(202).text)
        }
        schedule(now, noSoonerThan: min(floor, Limits.feedLongestRest), chance)
        return follow(outcome)
    }

    private mutating func fail(_ reason: String) {
        if case .failing(let times, _) = state {
            state = .failing(times: min(times + 1, 16), reason: reason)
        } else {
            state = .failing(times: 1, reason: reason)
        }
    }

    private mutating func schedule(_ now: WallTime, noSoonerThan floor: Span, _ chance: UInt64) {
        var wait = min(max(gap / 2, Limits.feedShortestWait), Limits.feedLongestWait)
        if case .failing(let times, _) = state { wait = min(wait * (1 << Int64(times)), Limits.feedLongestRest) }
        // In thousandths: 900 to 1,100, and beyond what was asked for 0 to 100.
        let spread = Int64(chance % 201)
        wait = max(wait / 1_000 * (900 + spread), floor / 2_000 * (2_000 + spread))
        next = WallTime(milliseconds: now.milliseconds + FeedSchedule.milliseconds(wait))
    }

    /// Only answers that bring the feed count: what leads astray once leads back the next time.
    private mutating func follow(_ outcome: FetchOutcome) -> Verdict {
        switch outcome {
        case .document(_, let head), .notModified(let head):
            guard let target = head.permanentMove, target != url else {
                move = nil
                return .polling
            }
            let times = move?.url == target ? (move?.times ?? 0) + 1 : 1
            guard times >= Limits.feedMoves else {
                move = Move(url: target, times: times)
                return .polling
            }
            move = nil
            url = target
            return .moved(to: target)
        default: return .polling
        }
    }

    /// The mean gap of the latest items, the silence since the last among them.
    private static func gap(_ times: [WallTime], _ now: WallTime) -> Span {
        let latest = times.filter { $0 <= now }.sorted(by: >).prefix(Limits.feedGapItems)
        guard let oldest = latest.last else { return Limits.feedGap }
        let most = milliseconds(Limits.feedLongestRest)
        let whole = min((now.milliseconds - oldest.milliseconds) / UInt64(latest.count), most)
        return .milliseconds(Int64(whole))
    }

    private static func milliseconds(_ span: Span) -> UInt64 { UInt64(max(0, span.nanoseconds) / 1_000_000) }
}

extension WallTime {
    fileprivate static func <= (a: WallTime, b: WallTime) -> Bool { !(b < a) }
}

// MARK: As it is stored

extension FeedSchedule {
    package var json: JSONValue {
        var (failures, reason) = (0, "")
        if case .failing(let times, let text) = state { (failures, reason) = (times, text) }
        return .object([
            "url": .string(url), "etag": .optional(validators.etag),
            "last_modified": .optional(validators.lastModified),
            "next": .int(Int(clamping: next.milliseconds)),
            "polled": .optional(polled.map { Int(clamping: $0.milliseconds) }),
            "gap_ms": .int(Int(gap.nanoseconds / 1_000_000)), "failures": .int(failures), "error": .string(reason),
            "ended": .bool(hasEnded), "move": .optional(move?.url), "moves": .int(move?.times ?? 0),
        ])
    }

    /// Nil where it is none.
    package init?(_ json: JSONValue) {
        guard let url = json["url"]?.string, let next = json["next"]?.int.flatMap({ UInt64(exactly: $0) }) else {
            return nil
        }
        self.init(url: url, now: WallTime(milliseconds: next))
        validators = FeedValidators(etag: json["etag"]?.string, lastModified: json["last_modified"]?.string)
        polled = json["polled"]?.int.flatMap { UInt64(exactly: $0) }.map { WallTime(milliseconds: $0) }
        let most = Int(Limits.feedLongestRest.nanoseconds / 1_000_000)
        gap = .milliseconds(Int64(min(max(json["gap_ms"]?.int ?? 0, 0), most)))
        let failures = min(max(json["failures"]?.int ?? 0, 0), 16)
        if json["ended"] == .bool(true) {
            state = .ended
        } else if failures > 0 {
            state = .failing(times: failures, reason: json["error"]?.string ?? "")
        }
        if let target = json["move"]?.string {
            move = Move(url: target, times: min(max(json["moves"]?.int ?? 0, 0), Limits.feedMoves))
        }
    }
}
