// `social.feeds` and `social.items`: feeds that somebody follows, and what has come from them. A feed is polled once
// for all its followers.

import Feeds
import JSON
import World

struct FeedRecord: SocialRecord, Equatable {
    var schedule: FeedSchedule
    var title: String
    var home: String?
    /// Something has come from it.
    var wasRead: Bool
    var hub: HubLease?

    init(schedule: FeedSchedule, title: String, home: String?, wasRead: Bool) {
        self.schedule = schedule
        self.title = title
        self.home = home
        self.wasRead = wasRead
    }

    init?(_ json: JSONValue) {
        guard json.isRecord, let schedule = json["schedule"].flatMap(FeedSchedule.init) else { return nil }
        self.init(
            schedule: schedule, title: json.text("title") ?? "", home: json.text("home"), wasRead: json.flag("was_read")
        )
        hub = json["hub"].flatMap(HubLease.init)
    }

    var json: JSONValue {
        .record([
            ("schedule", schedule.json), ("title", .string(title)), ("home", .optional(home)),
            ("was_read", .bool(wasRead)), ("hub", hub?.json ?? .null),
        ])
    }

    /// Whichever was polled later is due later.
    static func merged(_ a: FeedRecord, _ b: FeedRecord) -> FeedRecord {
        if a.schedule.next != b.schedule.next { return a.schedule.next > b.schedule.next ? a : b }
        return a.json.text().isSpelledBefore(b.json.text()) ? a : b
    }

    var url: String { schedule.url }
    var problem: String? { schedule.problem }
    var nextPoll: WallTime? { schedule.hasEnded ? nil : schedule.next }
}

/// An item as it is shown.
struct FeedEntry: SocialRecord, Equatable {
    let title: String
    let link: String?
    let author: String
    let time: WallTime
    /// Plain text, its beginning.
    let summary: String
    let feedTitle: String
    let rev: Int

    init(title: String, link: String?, author: String, time: WallTime, summary: String, feedTitle: String, rev: Int) {
        self.title = title
        self.link = link
        self.author = author
        self.time = time
        self.summary = summary
        self.feedTitle = feedTitle
        self.rev = rev
    }

    init?(_ json: JSONValue) {
        guard json.isRecord, let title = json.text("title"), let time = json.time("time"), let rev = json["rev"]?.int
        else { return nil }
        self.init(
            title: title, link: json.text("link"), author: json.text("author") ?? "", time: time,
            summary: json.text("summary") ?? "", feedTitle: json.text("feed") ?? "", rev: rev)
    }

    var json: JSONValue {
        .record([
            ("title", .string(title)), ("link", .optional(link)), ("author", .string(author)), ("time", .time(time)),
            ("summary", .string(summary)), ("feed", .string(feedTitle)), ("rev", .int(rev)),
        ])
    }

    static func merged(_ a: FeedEntry, _ b: FeedEntry) -> FeedEntry {
        if a.rev != b.rev { return a.rev > b.rev ? a : b }
        return a.json.text().isSpelledBefore(b.json.text()) ? a : b
    }
}

/// That an item was seen: under each of the keys that it is known by.
struct SeenItem: SocialRecord, Equatable {
    let post: PostID
    let digest: String
    let rev: Int
    /// It stands in all lists; else whoever polls next writes it there.
    let isDelivered: Bool

    init(post: PostID, digest: String, rev: Int, isDelivered: Bool) {
        self.post = post
        self.digest = digest
        self.rev = rev
        self.isDelivered = isDelivered
    }

    init?(_ json: JSONValue) {
        guard json.isRecord, let post = json.text("post").flatMap(PostID.init), let digest = json.text("digest"),
            let rev = json["rev"]?.int
        else { return nil }
        self.init(post: post, digest: digest, rev: rev, isDelivered: json.flag("delivered"))
    }

    var json: JSONValue {
        .record([
            ("post", .string(post.text)), ("digest", .string(digest)), ("rev", .int(rev)),
            ("delivered", .bool(isDelivered)),
        ])
    }

    /// Of two ids of one item the earlier is everywhere.
    static func merged(_ a: SeenItem, _ b: SeenItem) -> SeenItem {
        if a.post != b.post { return a.post < b.post ? a : b }
        if a.rev != b.rev { return a.rev > b.rev ? a : b }
        return a.isDelivered ? a : b
    }
}
