// The site's table of paths, one row for each (docs/SOCIAL.md): what programs call under /v1, the site's own pages
// under /-, and people's posts at the root. The first that fits has it.

package import Edge
import Feeds
import Keys
package import Ring
package import World

enum SiteHandler: Sendable {
    case call(@Sendable (SiteCall) -> Flow<SiteAnswer>)
    /// Answered with events.
    case stream(@Sendable (SiteCall) -> Flow<StreamTarget>)
    /// Becomes a WebSocket for this key.
    case socket(@Sendable (SiteCall) -> Flow<StoredKey>)
}

struct SiteRow: Sendable {
    let route: Route
    let handler: SiteHandler
    private let path: String

    init(
        _ path: String, _ label: String, _ methods: [RequestMethod], bodyBytes: Int = Limits.siteFormBytes,
        _ call: @escaping @Sendable (SiteCall) -> Flow<SiteAnswer>
    ) {
        route = Route(site: path, label, methods, bodyBytes: bodyBytes)
        handler = .call(call)
        self.path = path
    }

    init(_ path: String, _ label: String, _ handler: SiteHandler) {
        route = Route(site: path, label, [.get])
        self.handler = handler
        self.path = path
    }

    /// The target with the names in its path in their one spelling; nil where it has that already, or where there is
    /// none: whoever answers says so.
    func respelled(_ request: SiteRequest) -> String? {
        guard path.contains("{") else { return nil }
        let endsOpen = path.hasSuffix("[/]")
        var isOther = endsOpen && !request.hasFinalSlash
        var parameters = request.parameters[...]
        var target = ""
        for segment in path.dropLast(endsOpen ? 3 : 0).split(separator: "/") {
            guard segment.hasPrefix("{"), let parameter = parameters.popFirst() else {
                target += "/" + segment
                continue
            }
            let text = String(decoding: parameter, as: UTF8.self)
            guard let spelled = SiteRow.spelled(text, as: segment) else { return nil }
            isOther = isOther || !spelled.isSpelled(text)
            target += "/" + spelled.utf8.percentEncoded
        }
        guard isOther else { return nil }
        return "\(target)\(endsOpen ? "/" : "")\(request.head.target.drop { $0 != "?" })"
    }

    private static func spelled(_ text: String, as segment: Substring) -> String? {
        switch segment {
        case "{user}": Spelling.user(text)
        case "{title}": Spelling.lastSegment(text)
        case "{slug}", "{first}": Spelling.slug(text)
        default: text
        }
    }
}

package enum SiteRoutes {
    /// For the listener of a node's site.
    package static func listener(_ ring: RingDocument, at address: HostPort) -> SiteListener {
        SiteListener(all.map(\.route), other: other.route, ring: ring, address: address)
    }

    static let all: [SiteRow] = api + pages + feeds + people

    /// What hubs send is of any type, and not read.
    static let hub = "site.hub"
    private static let posted = Limits.sitePostBytes

    /// What programs call.
    private static let api: [SiteRow] = [
        SiteRow("/v1/users", "site.api.users", [.post], AccountCalls.register),
        SiteRow("/v1/users/me", "site.api.users", [.delete], AccountCalls.delete),
        SiteRow("/v1/sessions", "site.api.sessions", [.post, .get], AccountCalls.sessions),
        SiteRow("/v1/sessions/{id}", "site.api.sessions", [.delete], AccountCalls.endSession),
        SiteRow("/v1/password", "site.api.users", [.put], AccountCalls.password),
        SiteRow("/v1/profile", "site.api.users", [.get, .put], AccountCalls.profile),
        SiteRow("/v1/export", "site.api.export", [.get], AccountCalls.export),
        SiteRow("/v1/blocks/{user}", "site.api.blocks", [.put, .delete], AccountCalls.block),
        SiteRow("/v1/posts", "site.api.posts", [.post], bodyBytes: posted, PostCalls.post),
        SiteRow("/v1/posts/{slug}", "site.api.posts", [.get, .head, .put, .delete], bodyBytes: posted, PostCalls.one),
        SiteRow("/v1/posts/{slug}/raw", "site.api.posts", [.get, .head], PostCalls.raw),
        SiteRow("/v1/posts/{slug}/revisions", "site.api.posts", [.get], PostCalls.revisions),
        SiteRow(
            "/v1/posts/{user}/{title}", "site.api.posts", [.get, .head, .put, .delete], bodyBytes: posted, PostCalls.one
        ),
        SiteRow("/v1/posts/{user}/{title}/raw", "site.api.posts", [.get, .head], PostCalls.raw),
        SiteRow("/v1/posts/{user}/{title}/revisions", "site.api.posts", [.get], PostCalls.revisions),
        SiteRow("/v1/timelines/live", "site.api.live", .stream(TimelineCalls.live)),
        SiteRow("/v1/timelines/public", "site.api.timelines", [.get], TimelineCalls.everybody),
        SiteRow("/v1/timelines/inbox", "site.api.timelines", [.get], TimelineCalls.inbox),
        SiteRow("/v1/timelines/users/{user}", "site.api.timelines", [.get], TimelineCalls.user),
        SiteRow("/v1/timelines/feeds/{id}", "site.api.timelines", [.get], TimelineCalls.feed),
        SiteRow("/v1/following", "site.api.following", [.get], FollowCalls.list),
        SiteRow("/v1/following/{source}", "site.api.following", [.put, .delete], FollowCalls.follow),
        SiteRow("/v1/feeds", "site.api.feeds", [.post], FollowCalls.addFeed),
        SiteRow("/v1/drafts", "site.api.drafts", [.post], DraftCalls.create),
        SiteRow("/v1/drafts/{id}", "site.api.drafts", [.get, .patch], DraftCalls.one),
        SiteRow("/v1/drafts/{id}/publish", "site.api.drafts", [.post], DraftCalls.publish),
        SiteRow("/v1/drafts/{id}/live", "site.api.drafts", .socket(DraftCalls.live)),
        SiteRow("/v1/reports", "site.api.reports", [.post, .get], ReportCalls.reports),
        SiteRow("/v1/reports/{id}", "site.api.reports", [.put], ReportCalls.decide),
    ]

    /// The site's own pages. Their forms are in SocialSite's PageRenderer.
    private static let pages: [SiteRow] = [
        SiteRow("/", "site.home", [.get, .head], TimelinePages.home),
        SiteRow("/robots.txt", "site.robots", [.get, .head], MessagePages.robots),
        SiteRow("/-/hub/{id}", SiteRoutes.hub, [.get, .post], bodyBytes: posted, Hubs.call),
        SiteRow("/-/public", "site.public", [.get, .head], TimelinePages.everybody),
        SiteRow("/-/feeds/{id}", "site.public", [.get, .head], TimelinePages.feed),
        SiteRow("/-/login", "site.login", [.get, .head, .post], AccountPages.login),
        SiteRow("/-/logout", "site.login", [.post], AccountPages.logout),
        SiteRow("/-/register", "site.register", [.get, .head, .post], AccountPages.register),
        SiteRow("/-/account", "site.account", [.get, .head], AccountPages.account),
        SiteRow("/-/password", "site.account", [.post], AccountPages.password),
        SiteRow("/-/sessions/end", "site.account", [.post], AccountPages.endSession),
        SiteRow("/-/delete-account", "site.account", [.post], AccountPages.delete),
        SiteRow("/-/export", "site.account", [.get], AccountPages.export),
        SiteRow("/-/profile", "site.profile", [.get, .head, .post], AccountPages.profile),
        SiteRow("/-/block", "site.profile", [.post], FollowPages.block),
        SiteRow("/-/unblock", "site.profile", [.post], FollowPages.block),
        SiteRow("/-/following", "site.following", [.get, .head], FollowPages.following),
        SiteRow("/-/follow", "site.following", [.post], FollowPages.follow),
        SiteRow("/-/unfollow", "site.following", [.post], FollowPages.follow),
        SiteRow("/-/write", "site.write", [.get, .head, .post], bodyBytes: posted, PostPages.write),
        SiteRow("/-/edit", "site.write", [.get, .head, .post], bodyBytes: posted, PostPages.edit),
        SiteRow("/-/delete", "site.write", [.get, .head, .post], PostPages.delete),
        SiteRow("/-/revisions", "site.post", [.get, .head], PostPages.revisions),
        SiteRow("/-/report", "site.reports", [.get, .head, .post], ReportPages.report),
        SiteRow("/-/reports", "site.reports", [.get, .head, .post], ReportPages.reports),
        SiteRow("/-/drafts", "site.drafts", [.post], bodyBytes: posted, DraftPages.create),
        SiteRow("/-/drafts/{id}", "site.drafts", [.get, .head, .post], DraftPages.one),
        SiteRow("/-/drafts/{id}/publish", "site.drafts", [.post], DraftPages.publish),
    ]

    /// Timelines as feeds, in each of the three formats.
    private static let feeds: [SiteRow] = FeedFormat.allCases.flatMap { format in
        [
            SiteRow("/-/public.\(format.rawValue)", "site.feed", [.get, .head]) { FeedPages.everybody($0, format) },
            SiteRow("/-/inbox.\(format.rawValue)", "site.feed", [.get, .head]) { FeedPages.inbox($0, format) },
            SiteRow("/{user}/feed.\(format.rawValue)", "site.feed", [.get, .head]) { FeedPages.user($0, format) },
        ]
    }

    /// People and their posts.
    private static let people: [SiteRow] = [
        SiteRow("/{first}[/]", "site.post", [.get, .head], PostPages.first),
        SiteRow("/{slug}/raw", "site.raw", [.get, .head], PostPages.raw),
        SiteRow("/{user}/{title}[/]", "site.post", [.get, .head], PostPages.titled),
        SiteRow("/{user}/{title}/raw", "site.raw", [.get, .head], PostPages.raw),
    ]

    static let other = SiteRow("/-/nothing", "site.other", [.get, .head, .post, .put, .patch, .delete, .options]) {
        call in
        MessagePages.notFound(call)
    }
}
