// When feeds are asked for, and how their hosts are spared.

@testable import Feeds
import JSON
import Testing
import World

@Suite struct FeedScheduleTests {
    private static let start = WallTime(milliseconds: 1_700_000_000_000)
    private let start = FeedScheduleTests.start

    private func head(
        etag: String? = nil, modified: String? = nil, maxAge: Span? = nil, move: String? = nil
    ) -> FetchHead {
        var head = FetchHead(
            finalURL: "https://a.example/f", validators: FeedValidators(etag: etag, lastModified: modified))
        head.maxAge = maxAge
        head.permanentMove = move
        return head
    }

    /// Items every `gap`, the latest just now.
    private func feed(every gap: Span? = nil, count: Int = 10, ttl: Span? = nil) -> FeedDocument {
        var feed = FeedDocument(title: "t", home: nil, selfLink: nil)
        feed.timeToLive = ttl
        for number in 0..<count {
            var item = FeedItem(id: "\(number)", link: nil, title: "")
            item.published = gap.map {
                WallTime(milliseconds: start.milliseconds - UInt64(number + 1) * UInt64($0.nanoseconds / 1_000_000))
            }
            feed.items.append(item)
        }
        return feed
    }

    private func wait(_ schedule: FeedSchedule, after now: WallTime) -> Span {
        .milliseconds(Int64(schedule.next.milliseconds) - Int64(now.milliseconds))
    }

    @Test(
        arguments: [
            (Span.minutes(1), Span.minutes(15)), (.minutes(60), .minutes(30)), (.hours(10), .hours(5)),
            (.hours(24 * 30), .hours(24)),
        ])
    func halfTheMeanGapIsWaited(gap: Span, expected: Span) {
        var random = SeededRandom(seed: 5)
        var waits: [Double] = []
        for _ in 0..<300 {
            var schedule = FeedSchedule(url: "https://a.example/f", now: start)
            #expect(schedule.handle(.document(feed(every: gap), head()), start, chance: random.next()) == .polling)
            waits.append(wait(schedule, after: start).inSeconds / expected.inSeconds)
        }
        #expect(waits.allSatisfy { (0.899...1.101).contains($0) })
        #expect((waits.max() ?? 0) > 1.05 && (waits.min() ?? 2) < 0.95)
    }

    @Test func aSilentFeedIsAskedMoreSeldom() {
        var schedule = FeedSchedule(url: "https://a.example/f", now: start)
        let document = feed(every: .hours(2))
        _ = schedule.handle(.document(document, head()), start, chance: 100)
        #expect(wait(schedule, after: start) <= .minutes(66))
        let later = WallTime(milliseconds: start.milliseconds + 10 * 86_400_000)
        _ = schedule.handle(.document(document, head()), later, chance: 100)
        #expect(wait(schedule, after: later) >= .hours(11))
    }

    /// FreshRSS 6973, 7571: what the other side asks for is heeded, and ends some day.
    @Test func noSoonerThanTheOtherSideWants() {
        let cases: [(outcome: FetchOutcome, least: Span, most: Span)] = [
            (.document(feed(every: .minutes(1)), head(maxAge: .hours(3))), .hours(3), .hours(4)),
            (.document(feed(every: .minutes(1), ttl: .hours(5)), head(maxAge: .hours(3))), .hours(5), .hours(6)),
            (.notModified(head(maxAge: .hours(30))), .hours(30), .hours(34)),
            (.retryLater(.hours(40)), .hours(40), .hours(45)),
            (.retryLater(.hours(24 * 365)), .hours(24 * 7), .hours(24 * 8)),
            (.document(feed(), head(maxAge: .hours(24 * 365))), .hours(24 * 7), .hours(24 * 8)),
        ]
        for one in cases {
            for chance in [UInt64(0), 100, 200, .max] {
                var schedule = FeedSchedule(url: "https://a.example/f", now: start)
                _ = schedule.handle(one.outcome, start, chance: chance)
                let found = wait(schedule, after: start)
                #expect(found >= one.least && found <= one.most, "\(found)")
            }
        }
    }

    @Test func failuresDoubleTheWaitAndAreShown() {
        var schedule = FeedSchedule(url: "https://a.example/f", now: start)
        _ = schedule.handle(.document(feed(every: .hours(2)), head()), start, chance: 100)
        #expect(schedule.problem == nil)
        var last = wait(schedule, after: start)
        for _ in 0..<7 {
            _ = schedule.handle(.failed(.unreachable), start, chance: 100)
            let now = wait(schedule, after: start)
            #expect(now >= last + last / 2)
            last = now
        }
        for _ in 0..<100 { _ = schedule.handle(.failed(.status(500)), start, chance: .max) }
        #expect(wait(schedule, after: start) <= .hours(24 * 8))
        #expect(schedule.problem == FetchFailure.status(500).text)
        _ = schedule.handle(.notModified(head()), start, chance: 100)
        #expect(schedule.problem == nil)
        #expect(wait(schedule, after: start) <= .minutes(66))
    }

    /// FreshRSS 6056, 6712; CommaFeed 1746: both, as they came with the last document, and never those of an error.
    @Test func validatorsAreThoseOfTheLastDocument() {
        var schedule = FeedSchedule(url: "https://a.example/f", now: start)
        #expect(schedule.job == FetchJob(url: "https://a.example/f"))
        _ = schedule.handle(.document(feed(), head(etag: "\"1\"", modified: "Mon")), start, chance: 0)
        let kept = FeedValidators(etag: "\"1\"", lastModified: "Mon")
        for outcome in [
            FetchOutcome.failed(.status(500)), .failed(.unreadable(.malformed)), .retryLater(.hours(1)),
            .notModified(head()),
        ] {
            _ = schedule.handle(outcome, start, chance: 0)
            #expect(schedule.job.validators == kept)
        }
        _ = schedule.handle(.notModified(head(etag: "\"2\"")), start, chance: 0)
        #expect(schedule.job.validators == FeedValidators(etag: "\"2\"", lastModified: "Mon"))
        _ = schedule.handle(.document(feed(), head(modified: "Tue")), start, chance: 0)
        #expect(schedule.job.validators == FeedValidators(etag: nil, lastModified: "Tue"))
    }

    @Test func threeEqualMovesMoveIt() {
        var schedule = FeedSchedule(url: "https://a.example/f", now: start)
        func poll(_ move: String?) -> FeedSchedule.Verdict {
            schedule.handle(.notModified(head(move: move)), start, chance: 0)
        }
        #expect([poll("https://b.example/"), poll("https://b.example/"), poll(nil)].allSatisfy { $0 == .polling })
        #expect([poll("https://b.example/"), poll("https://b.example/")].allSatisfy { $0 == .polling })
        #expect(poll("https://c.example/") == .polling)
        #expect(poll("https://b.example/") == .polling)
        #expect(schedule.handle(.failed(.timedOut), start, chance: 0) == .polling)
        #expect(poll("https://b.example/") == .polling)
        #expect(schedule.url == "https://a.example/f")
        #expect(poll("https://b.example/") == .moved(to: "https://b.example/"))
        #expect(schedule.url == "https://b.example/")
        #expect(poll(nil) == .polling)
    }

    @Test func whatIsGoneIsAskedForNoMore() {
        var schedule = FeedSchedule(url: "https://a.example/f", now: start)
        #expect(schedule.handle(.gone, start, chance: 0) == .ended)
        #expect(schedule.hasEnded && schedule.problem != nil)
        let isEarlier = schedule.hasten(WallTime(milliseconds: start.milliseconds + 86_400_000))
        #expect(!isEarlier)
    }

    /// FreshRSS 4448: a hub only hastens polls, and not those of a feed that fails.
    @Test func hubsHastenPollsOnceAMinute() {
        var schedule = FeedSchedule(url: "https://a.example/f", now: start)
        _ = schedule.handle(.document(feed(), head()), start, chance: 0)
        let next = schedule.next
        let minute = WallTime(milliseconds: start.milliseconds + 60_000)
        let early = schedule.hasten(WallTime(milliseconds: start.milliseconds + 59_999))
        #expect(!early && schedule.next == next)
        let first = schedule.hasten(minute)
        #expect(first && schedule.next == minute)
        let second = schedule.hasten(minute)
        #expect(!second)
        _ = schedule.handle(.notModified(head()), minute, chance: 0)
        #expect(wait(schedule, after: minute) == wait(FeedScheduleTests.polled(start), after: start))
        _ = schedule.handle(.retryLater(.hours(1)), start, chance: 0)
        let failing = schedule.hasten(minute)
        #expect(!failing)
    }

    private static func polled(_ now: WallTime) -> FeedSchedule {
        var schedule = FeedSchedule(url: "https://a.example/f", now: now)
        _ = schedule.handle(.notModified(FetchHead(finalURL: "https://a.example/f")), now, chance: 0)
        return schedule
    }

    @Test func isStoredAndReadAgain() throws {
        var random = SeededRandom(seed: 8)
        var schedule = FeedSchedule(url: "https://a.example/f", now: start)
        let outcomes: [FetchOutcome] = [
            .document(feed(every: .hours(3)), head(etag: "\"1\"")), .failed(.timedOut), .failed(.timedOut),
            .notModified(head(move: "https://b.example/")), .notModified(head(move: "https://b.example/")),
            .retryLater(.minutes(2)), .gone,
        ]
        for outcome in outcomes {
            _ = schedule.handle(outcome, start, chance: random.next())
            #expect(FeedSchedule(try JSONValue.decode(schedule.json.encode())) == schedule)
        }
        for text in ["{}", "[]", "{\"url\": \"x\", \"next\": -1}", "{\"url\": 1, \"next\": 1}"] {
            #expect(FeedSchedule(try JSONValue.decode(Array(text.utf8))) == nil)
        }
        let strange =
            "{\"url\": \"x\", \"next\": 1, \"gap_ms\": -9, \"failures\": 99999999, \"move\": \"y\", \"moves\": 1e9}"
        var read = try #require(FeedSchedule(try JSONValue.decode(Array(strange.utf8))))
        _ = read.handle(.failed(.timedOut), start, chance: .max)
        #expect(wait(read, after: start) <= .hours(24 * 8))
    }
}

@Suite struct HostPaceTests {
    private func at(_ seconds: Int64) -> Instant { .origin + .seconds(seconds) }

    @Test func oneAtATimeAndTenSecondsApart() {
        var pace = HostPace()
        #expect(pace.begin("a", at(0)) == .begin)
        #expect(pace.begin("a", at(1)) == .busy)
        #expect(pace.begin("b", at(1)) == .begin)
        pace.ended("a", .notModified(FetchHead(finalURL: "")), at(5))
        #expect(pace.begin("a", at(14)) == .notBefore(at(15)))
        #expect(pace.begin("a", at(15)) == .begin)
    }

    /// FreshRSS 8928: 429 rests the host, and with it all its feeds.
    @Test func aHostThatAsksForRestGetsIt() {
        var pace = HostPace()
        #expect(pace.begin("a", at(0)) == .begin)
        pace.ended("a", .retryLater(.seconds(3_600)), at(1))
        #expect(pace.begin("a", at(3_600)) == .notBefore(at(3_601)))
        #expect(pace.begin("a", at(3_601)) == .begin)
        pace.ended("a", .retryLater(.seconds(1)), at(3_602))
        #expect(pace.begin("a", at(3_603)) == .notBefore(at(3_612)))
        pace.ended("c", .retryLater(.hours(24 * 365)), at(0))
        #expect(pace.begin("c", at(0)) == .notBefore(at(7 * 86_400)))
    }

    @Test func hostsAreBoundedAndOldOnesForgotten() {
        var pace = HostPace()
        for number in 0..<Limits.feedHosts { #expect(pace.begin("\(number)", at(0)) == .begin) }
        #expect(pace.begin("more", at(0)) != .begin)
        pace.ended("0", .gone, at(0))
        #expect(pace.begin("more", at(5)) != .begin)
        #expect(pace.begin("more", at(11)) == .begin)
    }
}
