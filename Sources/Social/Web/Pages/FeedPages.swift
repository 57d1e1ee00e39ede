// Timelines as feeds for readers: RSS 2.0, Atom 1.0, JSON Feed, with the texts themselves. An entity tag is made of the
// posts and their revisions, before anything is read or rendered: most polls are answered with 304.

import Edge
import Feeds
import JSON
import Keys
import World

extension FeedFormat {
    var type: String { String(contentType.prefix { $0 != ";" }) }

    var label: String {
        switch self {
        case .rss: "RSS"
        case .atom: "Atom"
        case .json: "JSON Feed"
        }
    }
}

enum FeedPages {
    static func everybody(_ call: SiteCall, _ format: FeedFormat) -> Flow<SiteAnswer> {
        PublicTimeline.page(before: nil, limit: Limits.socialPageItems).then { page in
            answer(page, title: "Everyone", home: "/-/public", call, format)
        }
    }

    static func user(_ call: SiteCall, _ format: FeedFormat) -> Flow<SiteAnswer> {
        guard let name = Spelling.user(call.parameter(0)) else { return .refused(.noSuchUser) }
        return Reading.activeUser(name).then { _ in
            Timelines.page(SocialKeys.timeline(.user(name)), before: nil, limit: Limits.socialPageItems)
        }.then { answer($0, title: name, home: "/\(name)/", call, format) }
    }

    /// With the key of its address; see InboxKeys.
    static func inbox(_ call: SiteCall, _ format: FeedFormat) -> Flow<SiteAnswer> {
        InboxKeys.viewer(call.form.text("key")).orElse { problem in
            // A reader of feeds can't log in.
            .refused(problem.name == "not-logged-in" ? .staleInboxKey : problem)
        }.then { viewer in
            Inbox.page(viewer, before: nil, limit: Limits.socialPageItems).then { page in
                answer(page, title: "What \(viewer.name) follows", home: "/", call, format)
            }
        }
    }

    private static func answer(
        _ page: TimelinePage, title: String, home: String, _ call: SiteCall, _ format: FeedFormat
    ) -> Flow<SiteAnswer> {
        let marks = page.posts.map { "\($0.id.text).\($0.revision)" }.joined(separator: " ")
        let etag =
            "\""
            + SocialDigest(Array(marks.utf8), Array(format.rawValue.utf8), Array(call.request.origin.utf8)).text.prefix(
                32) + "\""
        let headers = [("etag", etag), ("cache-control", "no-cache")]
        if Conditions.isKnown(etag, to: call.request.head) {
            return .value(.response(HTTPResponse(304, headers)))
        }
        return Flow<[FeedItem]>.all(page.posts.map { item($0, call.request.origin) }, width: 8).map { items in
            var feed = FeedDocument(
                title: title, home: call.request.origin + home, selfLink: call.request.origin + call.path, items: items)
            feed.summary = "Posts on \(call.request.origin)"
            return .response(
                HTTPResponse(200, [("content-type", format.contentType)] + headers, body: format.write(feed)))
        }
    }

    private static func item(_ listed: ListedPost, _ origin: String) -> Flow<FeedItem> {
        switch listed.content {
        case .item(_, let entry):
            var item = FeedItem(
                id: "\(origin)/-/items/\(listed.id.text)", link: entry.link, title: entry.title,
                html: paragraph(entry.summary))
            item.author = entry.author.isEmpty ? entry.feedTitle : entry.author
            item.published = entry.time
            return .value(item)
        case .post(let post):
            return html(post, origin).map { html in
                let link = origin + post.path.url
                var item = FeedItem(id: link, link: link, title: post.head.title, html: html)
                item.author = post.head.author ?? ""
                item.published = post.head.time
                item.updated = post.head.edited
                if !PostContent.isText(post.head.type) {
                    item.enclosures = [
                        FeedEnclosure(
                            url: link + "raw", type: post.head.type.mediaType, sizeBytes: post.head.size)
                    ]
                }
                return item
            }
        }
    }

    private static func html(_ post: ReadPost, _ origin: String) -> Flow<String> {
        guard PostContent.isText(post.head.type), post.head.size <= Limits.feedTextBytes / 4 else {
            return .value(paragraph(post.head.summary))
        }
        return Reading.body(post).then { body -> Flow<String> in
            guard post.head.type.mediaType == "text/markdown" else {
                return .value(paragraph(String(decoding: body.bytes, as: UTF8.self)))
            }
            return Flow.html(.markdown(Array(body.bytes))).map { html in
                html.map { String(decoding: $0, as: UTF8.self) } ?? paragraph(post.head.summary)
            }
        }.orElse { _ in .value(paragraph(post.head.summary)) }
    }

    private static func paragraph(_ text: String) -> String {
        guard !text.isEmpty else { return "" }
        let escaped = text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
        return "<p>" + escaped.replacing("\n", with: "<br>") + "</p>"
    }
}
