// JSON Feed 1.1 from a FeedDocument.

import JSON
import World

enum JSONFeedWriter {
    static func write(_ feed: FeedDocument) -> [UInt8] {
        var members: [JSONValue.Member] = [
            .init("version", .string("https://jsonfeed.org/version/1.1")), .init("title", .string(feed.title)),
        ]
        add("description", feed.summary, to: &members)
        add("home_page_url", feed.home ?? "", to: &members)
        add("feed_url", feed.selfLink ?? "", to: &members)
        if let hub = feed.hub {
            members.append(.init("hubs", .array([.object(["type": .string("WebSub"), "url": .string(hub)])])))
        }
        members.append(.init("items", .array(feed.items.map(item))))
        return JSONValue.object(members).encode(pretty: true) + [0x0A]
    }

    private static func item(_ item: FeedItem) -> JSONValue {
        var members: [JSONValue.Member] = [.init("id", .string(item.id ?? item.link ?? ""))]
        add("url", item.link ?? "", to: &members)
        add("title", item.title, to: &members)
        // One of the two texts has to be there, be it empty.
        members.append(.init("content_html", .string(item.html)))
        if let time = item.published { add("date_published", CivilTime(time).rfc3339, to: &members) }
        if let time = item.updated { add("date_modified", CivilTime(time).rfc3339, to: &members) }
        if !item.author.isEmpty {
            members.append(.init("authors", .array([.object(["name": .string(item.author)])])))
        }
        if !item.enclosures.isEmpty {
            members.append(.init("attachments", .array(item.enclosures.map(file))))
        }
        return .object(members)
    }

    private static func file(_ file: FeedEnclosure) -> JSONValue {
        let type = file.type.isEmpty ? "application/octet-stream" : file.type
        var members: [JSONValue.Member] = [.init("url", .string(file.url)), .init("mime_type", .string(type))]
        if let size = file.sizeBytes { members.append(.init("size_in_bytes", .int(size))) }
        return .object(members)
    }

    private static func add(_ name: String, _ text: String, to members: inout [JSONValue.Member]) {
        if !text.isEmpty { members.append(.init(name, .string(text))) }
    }
}
