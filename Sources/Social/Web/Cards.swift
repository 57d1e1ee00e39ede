// Posts as values for pages, events and programs.

import Edge
import JSON
import World

enum Cards {
    static func list(_ posts: [ListedPost], _ wall: WallTime) -> JSONValue { .array(posts.map { card($0, wall) }) }

    /// As the template `card` and site.js take it.
    static func card(_ post: ListedPost, _ wall: WallTime) -> JSONValue { .object(members(post)) }

    /// The same with the revision.
    static func event(_ post: ListedPost, _ wall: WallTime) -> JSONValue {
        .object(members(post) + [JSONValue.Member("rev", .int(post.revision))])
    }

    private static func members(_ listed: ListedPost) -> [JSONValue.Member] {
        switch listed.content {
        case .post(let post): members(post, listed.id)
        case .item(let feed, let entry): members(entry, feed, listed.id)
        }
    }

    private static func members(_ post: ReadPost, _ id: PostID) -> [JSONValue.Member] {
        let head = post.head
        let isImage = isRaster(head.type)
        return [
            .init("id", .string(id.text)), .init("url", .string(post.path.url)),
            .init("path", .string(post.path.text)),
            .init("title", head.title.isEmpty ? .null : .string(head.title)),
            .init("author", .optional(head.author)), .init("author_url", .optional(head.author.map { "/\($0)/" })),
            .init("time", .string(CivilTime(head.time).rfc3339)),
            .init("time_text", .string(CivilTime(head.time).words)),
            .init("edited", .bool(head.edited != nil)),
            .init("summary", head.summary.isEmpty ? .null : .string(head.summary)),
            .init("image", isImage ? .string(post.path.url + "raw") : .null),
            .init("image_alt", .string(head.title.isEmpty ? "A picture" : head.title)), .init("source", .null),
        ]
    }

    private static func members(_ entry: FeedEntry, _ feed: String, _ id: PostID) -> [JSONValue.Member] {
        [
            .init("id", .string(id.text)), .init("url", .string(entry.link ?? "/-/feeds/\(feed)")),
            .init("path", .string("feed:\(feed)")),
            .init("title", .string(entry.title.isEmpty ? entry.link ?? "Untitled" : entry.title)),
            .init("author", entry.author.isEmpty ? .null : .string(entry.author)),
            .init("author_url", .optional(entry.link)),
            .init("time", .string(CivilTime(entry.time).rfc3339)),
            .init("time_text", .string(CivilTime(entry.time).words)),
            .init("edited", .bool(entry.rev > 1)),
            .init("summary", entry.summary.isEmpty ? .null : .string(entry.summary)), .init("image", .null),
            .init("image_alt", .null),
            .init("source", .object(["title": .string(entry.feedTitle), "url": .string("/-/feeds/\(feed)")])),
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
