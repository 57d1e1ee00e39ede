// JSON Feed 1.0 and 1.1 (jsonfeed.org/version/1.1), read into a FeedDocument.

import JSON
import World

enum JSONFeed {
    static func read(_ bytes: [UInt8], from url: FeedURL) throws(FeedFailure) -> FeedDocument {
        let json: JSONValue
        do { json = try JSONValue.decode(bytes) } catch { throw .malformed }
        guard json["version"]?.string?.contains("jsonfeed.org/version/1") == true else { throw .notAFeed(feeds: []) }
        var document = FeedDocument(
            title: line(json["title"], Limits.feedTitleBytes), home: link(json["home_page_url"], url),
            selfLink: link(json["feed_url"], url))
        document.summary = line(json["description"], Limits.feedTitleBytes)
        let hubs = json["hubs"]?.array ?? []
        document.hub = hubs.first { $0["type"]?.string?.lowercased() == "websub" }.flatMap { link($0["url"], url) }
        document.items = (json["items"]?.array ?? []).prefix(Limits.feedItems).compactMap { item($0, url) }
        return document
    }

    private static func item(_ json: JSONValue, _ url: FeedURL) -> FeedItem? {
        guard case .object = json else { return nil }
        // An identity that is a number is to be taken as its text (version 1.1).
        let id = json["id"]?.string ?? json["id"]?.int.map { "\($0)" }
        let page = link(json["url"], url) ?? link(json["external_url"], url)
        var item = FeedItem(
            id: id.flatMap { $0.isEmpty || $0.utf8.count > Limits.feedIdentityBytes ? nil : $0 }, link: page,
            title: line(json["title"], Limits.feedTitleBytes))
        let author = json["authors"]?.array?.first ?? json["author"]
        item.author = line(author?["name"], Limits.feedNameBytes)
        item.published = json["date_published"]?.string.flatMap(FeedDate.read)
        item.updated = json["date_modified"]?.string.flatMap(FeedDate.read)
        item.html = html(json, base: page.flatMap { FeedURL($0) } ?? url)
        for file in (json["attachments"]?.array ?? []).prefix(Limits.feedEnclosures) {
            guard let link = link(file["url"], url) else { continue }
            item.enclosures.append(
                FeedEnclosure(
                    url: link, type: line(file["mime_type"], Limits.feedNameBytes),
                    sizeBytes: file["size_in_bytes"]?.int.flatMap { $0 > 0 ? $0 : nil }))
        }
        return item
    }

    private static func html(_ json: JSONValue, base: FeedURL) -> String {
        if let html = json["content_html"]?.string {
            return String(
                decoding: ForeignHTML.clean(Array(html.utf8.prefix(Limits.feedTextBytes)), base: base), as: UTF8.self)
        }
        let text = json["content_text"]?.string ?? json["summary"]?.string ?? ""
        return String(decoding: ForeignHTML.paragraphs(Array(text.utf8.prefix(Limits.feedTextBytes))), as: UTF8.self)
    }

    private static func line(_ json: JSONValue?, _ most: Int) -> String {
        TextLine.make((json?.string ?? "").utf8.prefix(8 * most), bytes: most)
    }

    private static func link(_ json: JSONValue?, _ url: FeedURL) -> String? {
        guard let text = json?.string, !text.isEmpty else { return nil }
        return url.resolve(text)?.text
    }
}
