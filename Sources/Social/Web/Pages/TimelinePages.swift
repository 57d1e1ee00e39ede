// Timelines as pages.

import Edge
import Feeds
import JSON
import Keys
import World

enum TimelinePages {
    private struct Frame {
        var heading: String
        var intro: String?
        var empty: String
        var live: String?
        var feeds: [JSONValue]
        var user: JSONValue = .null
        var feed: JSONValue = .null
        var isPrivate = false
    }

    private static func show(_ page: TimelinePage, _ frame: Frame, _ call: SiteCall) -> Flow<SiteAnswer> {
        .with { core in
            let path = String(call.path.prefix { $0 != "?" })
            let values: [(String, JSONValue)] = [
                ("heading", .string(frame.heading)), ("intro", .optional(frame.intro)),
                ("items", Cards.list(page.posts, "")), ("empty", .string(frame.empty)),
                ("older", .optional(page.next.map { "\(path)?before=\($0.text)" })),
                // What stands further back does not change before one's eyes. What comes between the page and its
                // stream is sent by that.
                (
                    "live",
                    .optional(
                        call.form["before"] == nil
                            ? frame.live.map { "\($0)&since=\(core.now.wall.milliseconds)" } : nil)
                ),
                ("complete", .bool(page.isComplete)), ("user", frame.user), ("feed", frame.feed),
            ]
            let page = SitePages.page("timeline", frame.heading, call, values, feeds: frame.feeds)
            return .value(SitePages.answer(page, call, isPrivate: frame.isPrivate))
        }
    }

    private static func feeds(_ base: String, _ title: String, query: String = "") -> [JSONValue] {
        FeedFormat.allCases.map { format in
            .object([
                "type": .string(format.type), "href": .string("\(base).\(format.rawValue)\(query)"),
                "title": .string(title), "label": .string(format.label),
            ])
        }
    }

    static func home(_ call: SiteCall) -> Flow<SiteAnswer> {
        guard let viewer = call.viewer else { return everybody(call) }
        return TimelineCalls.bounds(call).then {
            Inbox.page(viewer, before: $0.before, limit: $0.limit, isFresh: call.isFresh)
        }.then { page in
            show(
                page,
                Frame(
                    heading: "What you follow",
                    empty: "Nothing yet. Follow people and feeds, or look at what everyone writes.",
                    live: "/v1/timelines/live?timeline=inbox", feeds: [], isPrivate: true), call)
        }
    }

    static func everybody(_ call: SiteCall) -> Flow<SiteAnswer> {
        TimelineCalls.bounds(call).then { PublicTimeline.page(before: $0.before, limit: $0.limit) }.then { page in
            show(
                page,
                Frame(
                    heading: "Everyone", empty: "Nobody has written anything yet. Be the first.",
                    live: "/v1/timelines/live?timeline=public", feeds: feeds("/-/public", "Everyone")), call)
        }
    }

    static func user(_ name: String, _ call: SiteCall) -> Flow<SiteAnswer> {
        TimelineCalls.bounds(call).then {
            Timelines.page(
                SocialKeys.timeline(.user(name)), before: $0.before, limit: $0.limit, isFresh: call.isFresh)
        }.then { page in
            Accounts.profile(name).then { profile in
                Counting.counts(.user(name)).then { counts in
                    relation(call, .user(name)).then { isFollowing, blocks in
                        let user = JSONValue.object([
                            "name": .string(name), "display": .string(profile.display.isEmpty ? name : profile.display),
                            "bio": profile.bio.isEmpty ? .null : .string(profile.bio),
                            "posts": .string(count(counts.posts, "post", isExact: counts.posts < 1_000)),
                            "followers": .string(count(counts.followers, "follower", isExact: counts.isExact)),
                            "following": .string("\(counts.following)"),
                            "is_me": .bool(call.viewer?.name == name), "is_following": .bool(isFollowing),
                            "blocked": .bool(blocks.contains(name)),
                        ])
                        return show(
                            page,
                            Frame(
                                heading: name, empty: "Nothing yet.", live: "/v1/timelines/live?timeline=users/\(name)",
                                feeds: feeds("/\(name)/feed", name), user: user), call)
                    }
                }
            }
        }
    }

    private static func count(_ number: Int, _ what: String, isExact: Bool) -> String {
        "\(isExact ? "" : "≈ ")\(number) \(what)\(number == 1 ? "" : "s")"
    }

    static func feed(_ call: SiteCall) -> Flow<SiteAnswer> {
        let id = call.parameter(0)
        return PollDesk.feed(id).then { feed in
            guard let feed, let source = Source("feed:" + id) else { return .refused(.noSuchFeed) }
            return TimelineCalls.bounds(call).then {
                Timelines.page(SocialKeys.timeline(source), before: $0.before, limit: $0.limit)
            }.then { page in
                relation(call, source).then { isFollowing, _ in
                    let value = JSONValue.object([
                        "title": .string(feed.title.isEmpty ? feed.url : feed.title),
                        "home": .string(feed.home ?? feed.url), "source": .string(source.text),
                        "is_following": .bool(isFollowing), "problem": .optional(feed.problem),
                        "next": Cards.time(feed.nextPoll),
                    ])
                    return show(
                        page,
                        Frame(
                            heading: feed.title.isEmpty ? feed.url : feed.title, empty: "Nothing has come from it yet.",
                            live: "/v1/timelines/live?timeline=feeds/\(id)", feeds: [], feed: value), call)
                }
            }
        }
    }

    private static func relation(_ call: SiteCall, _ source: Source) -> Flow<(isFollowing: Bool, blocks: [String])> {
        guard let viewer = call.viewer, let key = SocialKeys.following(viewer.name, source) else {
            return .value((false, []))
        }
        let following: Flow<Stored<Following>?> = Cluster.read(key, call.isFresh ? .quorum : .one).optional
        return following.then { stored in
            Accounts.profile(viewer.name).map { (stored?.record != nil, $0.blocks) }
        }
    }
}
