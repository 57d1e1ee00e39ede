// A feed's bytes, of whatever format and encoding, as a FeedDocument.

import World

package enum FeedReader {
    /// - contentType: as the server has it; its encoding is heeded, its type is not, as many are wrong.
    /// - url: where the document came from, for links without a host.
    package static func read(
        _ bytes: [UInt8], contentType: String, from url: FeedURL
    ) throws(FeedFailure) -> FeedDocument {
        guard bytes.count <= Limits.feedBytes else { throw .tooLarge }
        let text = TextDecoding.utf8(bytes, contentType: contentType)
        let start = text.prefix { $0 <= 0x20 }.count
        guard start < text.count else { throw .empty }
        if text[start] == UInt8(ascii: "{") { return try JSONFeed.read(Array(text[start...]), from: url) }
        guard text[start] == UInt8(ascii: "<"), !isPage(text[start...]) else {
            throw .notAFeed(feeds: feeds(namedIn: text, url))
        }
        // Blanks before the declaration are no XML, and a frequent mistake.
        let mended = try XMLMending.mend(Array(text[start...]))
        var builder = FeedBuilder(url)
        try XMLReading.read(mended, into: &builder)
        guard let document = builder.document else { throw .notAFeed(feeds: feeds(namedIn: text, url)) }
        return document
    }

    private static func isPage(_ text: ArraySlice<UInt8>) -> Bool {
        let head = String(decoding: text.prefix(1 << 10), as: UTF8.self).lowercased()
        func has(_ tag: String) -> Bool { head.firstRange(of: tag) != nil }
        return (has("<!doctype html") || has("<html")) && !has("<rss") && !has("<feed") && !has("<rdf:rdf")
    }

    /// `<link rel="alternate" type="application/atom+xml" href="…">`, as pages name their feeds.
    private static func feeds(namedIn page: [UInt8], _ url: FeedURL) -> [String] {
        var tokenizer = PageLinks(page)
        var feeds: [String] = []
        while feeds.count < Limits.feedsOfPage, let tag = tokenizer.next() {
            let kinds = ["application/rss+xml", "application/atom+xml", "application/feed+json"]
            guard (tag["rel"] ?? "").lowercased().split(separator: " ").contains("alternate"),
                kinds.contains((tag["type"] ?? "").lowercased().trimmedASCII),
                let link = tag["href"].flatMap(url.resolve), AddressCheck.isPublic(link)
            else { continue }
            if !feeds.contains(link.withoutFragment) { feeds.append(link.withoutFragment) }
        }
        return feeds
    }
}

/// The `link` tags of a page's head.
private struct PageLinks {
    private var tokenizer: HTMLTokenizer

    init(_ page: [UInt8]) { tokenizer = HTMLTokenizer(page, showsHead: true) }

    mutating func next() -> HTMLTag? {
        while let piece = tokenizer.next() {
            guard case .open(let tag) = piece else { continue }
            if tag.name == "body" { return nil }
            if tag.name == "link" { return tag }
        }
        return nil
    }
}
