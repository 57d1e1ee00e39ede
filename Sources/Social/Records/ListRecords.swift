// What lists hold: pointers to posts, and who follows whom. A pointer bears no text: it counts only if a live head
// stands at its path and bears its id. So one deletion empties all lists, and a delivery may run twice.

import JSON
import World

/// In timelines, inboxes and the public timeline, under the post's id.
struct Pointer: SocialRecord, Hashable {
    let path: String
    let author: String?
    let home: Home?

    init(path: String, author: String?, home: Home?) {
        self.path = path
        self.author = author
        self.home = home
    }

    init?(_ json: JSONValue) {
        guard json.isRecord, let path = json.text("path") else { return nil }
        self.init(path: path, author: json.text("author"), home: json.text("home"))
    }

    var json: JSONValue {
        .record([("path", .string(path)), ("author", .optional(author)), ("home", .optional(home))])
    }

    static func merged(_ a: Pointer, _ b: Pointer) -> Pointer { a.path.isSpelledBefore(b.path) ? a : b }
}

/// `social.following`: that somebody follows a source.
struct Following: SocialRecord, Equatable {
    enum State: String, Sendable {
        /// The source's side may not know yet: it is pulled.
        case pending
        case confirmed
    }

    let since: WallTime
    var state: State
    /// Posts come to the inbox until then, as the source's side has it; nil: they are pulled.
    var pushedUntil: WallTime?

    init(since: WallTime, state: State, pushedUntil: WallTime? = nil) {
        self.since = since
        self.state = state
        self.pushedUntil = pushedUntil
    }

    init?(_ json: JSONValue) {
        guard json.isRecord, let since = json.time("since"), let state = json.text("state").flatMap(State.init) else {
            return nil
        }
        self.init(since: since, state: state, pushedUntil: json.time("pushed_until"))
    }

    var json: JSONValue {
        .record([("since", .time(since)), ("state", .string(state.rawValue)), ("pushed_until", .time(pushedUntil))])
    }

    static func merged(_ a: Following, _ b: Following) -> Following {
        if a.state != b.state { return a.state == .pending ? a : b }
        // What is pulled is seen in any case.
        let until = (a.pushedUntil ?? WallTime(milliseconds: 0), b.pushedUntil ?? WallTime(milliseconds: 0))
        if until.0 != until.1 { return until.0 < until.1 ? a : b }
        return a.since <= b.since ? a : b
    }
}

/// `social.followers`: how the posts of a source reach a follower.
struct Follower: SocialRecord, Equatable {
    /// Until when they are written to the inbox; nil: they are pulled.
    let pushedUntil: WallTime?

    init(pushedUntil: WallTime?) { self.pushedUntil = pushedUntil }

    init?(_ json: JSONValue) {
        guard json.isRecord else { return nil }
        pushedUntil = json.time("pushed_until")
    }

    var json: JSONValue { .record([("pushed_until", .time(pushedUntil))]) }

    /// Rather written to the inbox once too often.
    static func merged(_ a: Follower, _ b: Follower) -> Follower {
        let until = (a.pushedUntil ?? WallTime(milliseconds: 0), b.pushedUntil ?? WallTime(milliseconds: 0))
        return until.0 >= until.1 ? a : b
    }
}

/// `social.counts`: counted from the sets themselves, once a minute at most: nothing drifts.
struct Counts: SocialRecord, Equatable {
    let followers: Int
    let following: Int
    let posts: Int
    /// In the last 30 days, a day.
    let postsPerDay: Double
    let isExact: Bool
    let countedAt: WallTime

    init(followers: Int, following: Int, posts: Int, postsPerDay: Double, isExact: Bool, countedAt: WallTime) {
        self.followers = followers
        self.following = following
        self.posts = posts
        self.postsPerDay = postsPerDay
        self.isExact = isExact
        self.countedAt = countedAt
    }

    init?(_ json: JSONValue) {
        guard json.isRecord, let followers = json["followers"]?.int, let following = json["following"]?.int,
            let posts = json["posts"]?.int, let perDay = json["posts_a_day"]?.double, let at = json.time("at")
        else { return nil }
        self.init(
            followers: followers, following: following, posts: posts, postsPerDay: perDay,
            isExact: json.flag("exact"), countedAt: at)
    }

    var json: JSONValue {
        .record([
            ("followers", .int(followers)), ("following", .int(following)), ("posts", .int(posts)),
            ("posts_a_day", .number(postsPerDay)), ("exact", .bool(isExact)), ("at", .time(countedAt)),
        ])
    }

    static func merged(_ a: Counts, _ b: Counts) -> Counts { a.countedAt >= b.countedAt ? a : b }
}

/// A mark that something is there, such as a shard of an hour; or a set of small numbers.
struct Marks: SocialRecord, Equatable {
    let numbers: [Int]

    init(_ numbers: [Int]) { self.numbers = numbers.sorted() }

    init?(_ json: JSONValue) {
        guard json.isRecord, let numbers = json["numbers"]?.array else { return nil }
        self.init(numbers.prefix(256).compactMap(\.int))
    }

    var json: JSONValue { .record([("numbers", .array(numbers.map { .int($0) }))]) }
    static func merged(_ a: Marks, _ b: Marks) -> Marks { Marks(Array(Set(a.numbers).union(b.numbers))) }
}
