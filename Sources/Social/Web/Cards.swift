// Posts as values for pages, events and programs.

import Edge
import JSON
import World

enum Cards {
    /// - origin: of the site, before all addresses on it; programs get it with each, pages need none.
    static func list(_ posts: [ListedPost], _ origin: String) -> JSONValue {
        .array(posts.map { .object(members($0, origin)) })
    }

    /// The same of one, with the revision.
    static func event(_ post: ListedPost, _ origin: String) -> JSONValue {
        .object(members(post, origin) + [JSONValue.Member("rev", .int(post.revision))])
    }

    /// As the template `card` and site.js take it.
    private static func members(_ listed: ListedPost, _ origin: String) -> [JSONValue.Member] {
        switch listed.content {
        case .post(let post): members(post, listed.id, origin)
        case .item(let feed, let entry): members(entry, "\(origin)/-/feeds/\(feed)", "feed:\(feed)", listed.id)
        }
    }

    private static func members(_ post: ReadPost, _ id: PostID, _ origin: String) -> [JSONValue.Member] {
        let head = post.head
        let url = origin + post.path.url
        let isImage = isRaster(head.type)
        return [
            .init("id", .string(id.text)), .init("url", .string(url)),
            .init("path", .string(post.path.text)),
            .init("title", head.title.isEmpty ? .null : .string(head.title)),
            .init("author", .optional(head.author)),
            .init("author_url", .optional(head.author.map { "\(origin)/\($0)/" })),
            .init("time", .string(CivilTime(head.time).rfc3339)),
            .init("time_text", .string(CivilTime(head.time).words)),
            .init("edited", .bool(head.edited != nil)),
            .init("summary", head.summary.isEmpty ? .null : .string(head.summary)),
            .init("image", isImage ? .string(url + "raw") : .null),
            .init("image_alt", isImage ? .string(head.title.isEmpty ? "A picture" : head.title) : .null),
            .init("source", .null),
        ]
    }

    private static func members(
        _ entry: FeedEntry, _ feed: String, _ path: String, _ id: PostID
    ) -> [JSONValue.Member] {
        [
            .init("id", .string(id.text)), .init("url", .string(entry.link ?? feed)), .init("path", .string(path)),
            .init("title", .string(entry.title.isEmpty ? entry.link ?? "Untitled" : entry.title)),
            .init("author", entry.author.isEmpty ? .null : .string(entry.author)),
            .init("author_url", .optional(entry.link)),
            .init("time", .string(CivilTime(entry.time).rfc3339)),
            .init("time_text", .string(CivilTime(entry.time).words)),
            .init("edited", .bool(entry.rev > 1)),
            .init("summary", entry.summary.isEmpty ? .null : .string(entry.summary)), .init("image", .null),
            .init("image_alt", .null),
            .init("source", .object(["title": .string(entry.feedTitle), "url": .string(feed)])),
        ]
    }

    static func isRaster(_ type: String) -> Bool {
        ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"].contains(type.mediaType)
    }

    /// For programs. `text`: of a text.
    static func json(_ post: ReadPost, text: ArraySlice<UInt8>?, _ origin: String) -> JSONValue {
        let head = post.head
        return .object([
            "id": .string(head.id.text), "path": .string(post.path.text), "url": .string(origin + post.path.url),
            "author": .optional(head.author), "title": .string(head.title), "type": .string(head.type),
            "size": .int(head.size), "rev": .int(head.rev), "time": .string(CivilTime(head.time).rfc3339),
            "edited": .optional(head.edited.map { CivilTime($0).rfc3339 }), "listed": .bool(head.isListed),
            "expires": .optional(head.expires.map { CivilTime($0).rfc3339 }),
            "provisional": .bool(post.path.isProvisional || head.generation == 0),
            "conflict": .bool(head.conflict != nil),
            "text": text.map { .string(String(decoding: $0, as: UTF8.self)) } ?? .null,
        ])
    }

    /// All bodies that the post has had, the newest first.
    static func revisions(_ post: ReadPost) -> [Head.Revision] {
        let head = post.head
        let present = Head.Revision(rev: head.rev, body: head.body, size: head.size, time: head.edited ?? head.time)
        return [present] + head.revisions.reversed()
    }

    static func size(_ bytes: Int) -> String {
        switch bytes {
        case ..<1_024: return "\(bytes) bytes"
        case ..<(1 << 20): return "\((bytes + 512) >> 10) KiB"
        default:
            let tenths = (bytes * 10 + (1 << 19)) >> 20
            return "\(tenths / 10).\(tenths % 10) MiB"
        }
    }

    /// `{time, text}`, or null.
    static func time(_ time: WallTime?) -> JSONValue {
        time.map { .object(["time": .string(CivilTime($0).rfc3339), "text": .string(CivilTime($0).words)]) } ?? .null
    }
}
