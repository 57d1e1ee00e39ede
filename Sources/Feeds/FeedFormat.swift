// Writes feeds: RSS 2.0, Atom 1.0 (RFC 4287), JSON Feed 1.1. The same feed gives the same bytes, so a digest of them is
// an entity tag.

import World

package enum FeedFormat: String, CaseIterable, Sendable {
    /// The raw value ends a file's name.
    case rss, atom, json

    package var contentType: String {
        switch self {
        case .rss: "application/rss+xml; charset=utf-8"
        case .atom: "application/atom+xml; charset=utf-8"
        case .json: "application/feed+json; charset=utf-8"
        }
    }

    /// - feed: with a `home` and a `selfLink`, and items that have an `id` (for Atom a URI); an item's `html` is
    /// written
    ///   as it is.
    package func write(_ feed: FeedDocument) -> [UInt8] {
        switch self {
        case .rss: RSSWriter.write(feed)
        case .atom: AtomWriter.write(feed)
        case .json: JSONFeedWriter.write(feed)
        }
    }
}

/// XML front to back.
struct XMLWriter {
    private(set) var bytes = Array("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n".utf8)
    private var depth = 0

    mutating func open(_ name: String, _ attributes: KeyValuePairs<String, String> = [:]) {
        tag(name, attributes, end: ">\n")
        depth += 1
    }

    mutating func close(_ name: String) {
        depth -= 1
        indent()
        bytes += Array("</\(name)>\n".utf8)
    }

    /// Without content.
    mutating func empty(_ name: String, _ attributes: KeyValuePairs<String, String>) {
        tag(name, attributes, end: "/>\n")
    }

    mutating func element(_ name: String, _ text: String, _ attributes: KeyValuePairs<String, String> = [:]) {
        tag(name, attributes, end: ">")
        append(escaped: text)
        bytes += Array("</\(name)>\n".utf8)
    }

    private mutating func tag(_ name: String, _ attributes: KeyValuePairs<String, String>, end: String) {
        indent()
        bytes += Array("<\(name)".utf8)
        for (name, value) in attributes {
            bytes += Array(" \(name)=\"".utf8)
            append(escaped: value)
            bytes.append(UInt8(ascii: "\""))
        }
        bytes += Array(end.utf8)
    }

    private mutating func indent() { bytes += repeatElement(0x20, count: 2 * depth) }

    /// What XML 1.0 has no place for (2.2) is left out.
    private mutating func append(escaped text: String) {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": bytes += Array("&amp;".utf8)
            case "<": bytes += Array("&lt;".utf8)
            case ">": bytes += Array("&gt;".utf8)
            case "\"": bytes += Array("&quot;".utf8)
            // Readers take a carriage return for a line end otherwise.
            case "\r": bytes += Array("&#13;".utf8)
            case "\t", "\n": bytes.append(UInt8(truncatingIfNeeded: scalar.value))
            case "\u{0}"..."\u{1F}", "\u{FFFE}", "\u{FFFF}": break
            default: bytes += Array(String(Character(scalar)).utf8)
            }
        }
    }
}

extension FeedDocument {
    /// Of the latest change; the beginning of time in an empty feed.
    fileprivate var updated: WallTime {
        items.compactMap { $0.updated ?? $0.published }.max() ?? WallTime(milliseconds: 0)
    }
}

private enum RSSWriter {
    static func write(_ feed: FeedDocument) -> [UInt8] {
        var xml = XMLWriter()
        xml.open(
            "rss",
            [
                "version": "2.0", "xmlns:atom": "http://www.w3.org/2005/Atom",
                "xmlns:dc": "http://purl.org/dc/elements/1.1/",
            ])
        xml.open("channel")
        xml.element("title", feed.title)
        xml.element("link", feed.home ?? "")
        xml.element("description", feed.summary.isEmpty ? feed.title : feed.summary)
        if let link = feed.selfLink {
            xml.empty("atom:link", ["rel": "self", "type": "application/rss+xml", "href": link])
        }
        if let hub = feed.hub { xml.empty("atom:link", ["rel": "hub", "href": hub]) }
        if let span = feed.timeToLive { xml.element("ttl", "\(span.nanoseconds / Span.minutes(1).nanoseconds)") }
        if !feed.items.isEmpty { xml.element("lastBuildDate", CivilTime(feed.updated).http) }
        for item in feed.items { write(item, &xml) }
        xml.close("channel")
        xml.close("rss")
        return xml.bytes
    }

    private static func write(_ item: FeedItem, _ xml: inout XMLWriter) {
        xml.open("item")
        if !item.title.isEmpty { xml.element("title", item.title) }
        if let link = item.link { xml.element("link", link) }
        if let id = item.id { xml.element("guid", id, ["isPermaLink": id == item.link ? "true" : "false"]) }
        if !item.author.isEmpty { xml.element("dc:creator", item.author) }
        if let time = item.time { xml.element("pubDate", CivilTime(time).http) }
        // An item has a title or a description.
        if !item.html.isEmpty || item.title.isEmpty { xml.element("description", item.html) }
        // One enclosure is what readers expect of an item, and its length is wanted.
        if let file = item.enclosures.first {
            let type = file.type.isEmpty ? "application/octet-stream" : file.type
            xml.empty("enclosure", ["url": file.url, "length": "\(file.sizeBytes ?? 0)", "type": type])
        }
        xml.close("item")
    }
}

private enum AtomWriter {
    static func write(_ feed: FeedDocument) -> [UInt8] {
        var xml = XMLWriter()
        xml.open("feed", ["xmlns": "http://www.w3.org/2005/Atom"])
        xml.element("id", feed.selfLink ?? feed.home ?? "")
        xml.element("title", feed.title)
        if !feed.summary.isEmpty { xml.element("subtitle", feed.summary) }
        xml.element("updated", CivilTime(feed.updated).rfc3339)
        if let link = feed.selfLink {
            xml.empty("link", ["rel": "self", "type": "application/atom+xml", "href": link])
        }
        if let home = feed.home { xml.empty("link", ["rel": "alternate", "type": "text/html", "href": home]) }
        if let hub = feed.hub { xml.empty("link", ["rel": "hub", "href": hub]) }
        // RFC 4287, 4.1.1: an entry without an author needs one of the feed.
        if feed.items.contains(where: \.author.isEmpty) { author(feed.title, &xml) }
        for item in feed.items { write(item, &xml) }
        xml.close("feed")
        return xml.bytes
    }

    private static func author(_ name: String, _ xml: inout XMLWriter) {
        xml.open("author")
        xml.element("name", name)
        xml.close("author")
    }

    private static func write(_ item: FeedItem, _ xml: inout XMLWriter) {
        xml.open("entry")
        xml.element("id", item.id ?? item.link ?? "")
        xml.element("title", item.title)
        xml.element("updated", CivilTime(item.updated ?? item.published ?? WallTime(milliseconds: 0)).rfc3339)
        if let time = item.published { xml.element("published", CivilTime(time).rfc3339) }
        if let link = item.link { xml.empty("link", ["rel": "alternate", "type": "text/html", "href": link]) }
        for file in item.enclosures {
            let type = file.type.isEmpty ? "application/octet-stream" : file.type
            xml.empty(
                "link", ["rel": "enclosure", "type": type, "length": "\(file.sizeBytes ?? 0)", "href": file.url])
        }
        if !item.author.isEmpty { author(item.author, &xml) }
        // Without a page an entry has content (4.1.2).
        if !item.html.isEmpty || item.link == nil { xml.element("content", item.html, ["type": "html"]) }
        xml.close("entry")
    }
}
