// What the elements of feeds mean, and how the text in one becomes a line or HTML.

import World

/// A part of a feed or of an item, by whatever name.
enum FeedField {
    case title, link, identity, summary, content, author, published, updated, enclosure, minutes

    /// Whether elements in it are a part of its text.
    var hasMarkup: Bool {
        switch self {
        case .title, .summary, .content: true
        default: false
        }
    }

    init?(_ element: XMLElement, isItem: Bool) {
        switch element.vocabulary {
        case .plain, .rss1, .atom: self.init(element.name, isItem: isItem)
        case .content where element.name == "encoded": self = .content
        case .dublinCore where element.name == "creator": self = .author
        case .dublinCore where element.name == "date": self = .published
        case .dublinCore where element.name == "title": self = .title
        case .podcast where element.name == "author": self = .author
        case .media where element.name == "content" && isItem: self = .enclosure
        // In RSS, XHTML's body stands for the text.
        case .html where element.name == "body" && isItem: self = .content
        default: return nil
        }
    }

    private init?(_ name: String, isItem: Bool) {
        switch name {
        case "title": self = .title
        case "link": self = .link
        case "description", "subtitle", "tagline", "summary": self = .summary
        case "ttl" where !isItem: self = .minutes
        case "guid" where isItem, "id" where isItem: self = .identity
        case "content" where isItem: self = .content
        case "author" where isItem: self = .author
        case "pubDate" where isItem, "published" where isItem, "issued" where isItem, "created" where isItem:
            self = .published
        case "updated" where isItem, "modified" where isItem: self = .updated
        case "enclosure" where isItem: self = .enclosure
        default: return nil
        }
    }
}

/// The text of a field.
struct GatheredText {
    /// How it is meant.
    private enum Form {
        /// As it stands.
        case text
        /// HTML, which was escaped.
        case escaped
        /// HTML as elements of the document, from the first of them on.
        case elements
    }

    private var bytes: [UInt8] = []
    private var form = Form.escaped
    /// RSS's `isPermaLink`.
    private(set) var isLink = true
    private let limit: Int

    init() { limit = 0 }

    init(_ field: FeedField, _ element: XMLElement) {
        // A title may have much markup around few words.
        limit = field.hasMarkup ? Limits.feedTextBytes : Limits.feedLinkBytes
        isLink = element["isPermaLink"]?.lowercased() != "false"
        if element.vocabulary == .atom, field.hasMarkup {
            let type = (element["type"] ?? "text").lowercased()
            // Atom 0.3 has `mode` beside the type.
            let isEscaped = type.hasSuffix("html") && type != "xhtml" && type != "application/xhtml+xml"
            form =
                isEscaped || element["mode"] == "escaped"
                ? .escaped : type == "text" || type == "text/plain" ? .text : .elements
        }
        if element.vocabulary == .html { form = .elements }
    }

    mutating func add(_ text: UnsafeBufferPointer<UInt8>) {
        let room = limit - bytes.count
        guard room > 0 else { return }
        if form == .elements {
            SafeHTMLWriter.append(escaped: text, to: &bytes, atMost: limit)
        } else {
            bytes += text.prefix(room)
        }
    }

    /// Markup that was not announced: what was gathered so far is text of it.
    mutating func open(_ element: XMLElement) {
        if form != .elements {
            let before = bytes
            bytes = []
            SafeHTMLWriter.append(escaped: before, to: &bytes)
            form = .elements
        }
        guard bytes.count < limit else { return }
        bytes += Array("<\(element.name)".utf8)
        for name in ["href", "src", "alt"] as [StaticString] {
            guard let value = element[name], value.utf8.count <= Limits.feedLinkBytes else { continue }
            bytes += Array(" \(name)=\"".utf8)
            SafeHTMLWriter.append(escaped: Array(value.utf8), to: &bytes)
            bytes.append(UInt8(ascii: "\""))
        }
        bytes.append(UInt8(ascii: ">"))
    }

    mutating func close(_ name: String) {
        if bytes.count < limit { bytes += Array("</\(name)>".utf8) }
    }

    // MARK: What it says

    var isBlank: Bool { bytes.allSatisfy { $0 <= 0x20 } }
    var raw: String { String(decoding: bytes, as: UTF8.self) }

    /// Without markup, on one line.
    func line(_ most: Int) -> String {
        guard form != .text, bytes.contains(where: { $0 == UInt8(ascii: "<") || $0 == UInt8(ascii: "&") }) else {
            return TextLine.make(bytes, bytes: most)
        }
        return TextLine.make(ForeignHTML.plainText(bytes, atMost: most).utf8, bytes: most)
    }

    func html(base: FeedURL) -> String {
        let html = form == .text ? ForeignHTML.paragraphs(bytes) : ForeignHTML.clean(bytes, base: base)
        return String(decoding: html, as: UTF8.self)
    }
}

/// An item whose element is open.
struct ItemDraft {
    private var id: String?
    private var link: String?
    private var linkIsPage = false
    /// An identity that is a link.
    private var permalink: String?
    private var title = ""
    private var author = ""
    private var published: WallTime?
    private var updated: WallTime?
    private var content: GatheredText?
    private var summary: GatheredText?
    private var enclosures: [FeedEnclosure] = []
    private var base: FeedURL?

    mutating func note(link: String, isPage: Bool) {
        guard self.link == nil || (isPage && !linkIsPage) else { return }
        (self.link, linkIsPage) = (link, isPage)
    }

    mutating func add(_ enclosure: FeedEnclosure) {
        guard enclosures.count < Limits.feedEnclosures, !enclosures.contains(where: { $0.url == enclosure.url }) else {
            return
        }
        enclosures.append(enclosure)
    }

    mutating func take(_ field: FeedField, _ text: GatheredText, base: FeedURL) {
        if case .enclosure = field { return }
        guard !text.isBlank else { return }
        switch field {
        case .title: if title.isEmpty { title = text.line(Limits.feedTitleBytes) }
        case .link: if let url = base.resolve(text.raw) { note(link: url.text, isPage: true) }
        case .identity:
            let text = (raw: text.raw.trimmedASCII, isLink: text.isLink)
            guard id == nil, text.raw.utf8.count <= Limits.feedIdentityBytes else { return }
            id = text.raw
            if text.isLink { permalink = FeedURL(text.raw)?.text }
        case .summary: if summary == nil { (summary, self.base) = (text, base) }
        case .content: if content == nil { (content, self.base) = (text, base) }
        case .author: if author.isEmpty { author = ItemDraft.name(text.line(Limits.feedNameBytes)) }
        case .published: published = published ?? FeedDate.read(text.raw)
        case .updated: updated = updated ?? FeedDate.read(text.raw)
        case .enclosure, .minutes: break
        }
    }

    /// `ann@example.org (Ann)` is Ann, in RSS; an address alone is nobody's name.
    private static func name(_ text: String) -> String {
        guard text.contains("@") else { return text }
        guard let open = text.firstIndex(of: "("), let close = text.lastIndex(of: ")"), open < close else {
            return ""
        }
        return text[text.index(after: open)..<close].trimmedASCII
    }

    /// - base: where the item's own links lead from.
    func finished(base: FeedURL) -> FeedItem {
        let page = link ?? permalink
        var item = FeedItem(id: id, link: page, title: title)
        item.author = author
        item.published = published
        item.updated = updated
        // Links without a host are meant where the text is read: at its own page, unless the document says otherwise.
        let place = self.base.flatMap { $0 == base ? nil : $0 } ?? page.flatMap { FeedURL($0) } ?? base
        item.html = (content ?? summary)?.html(base: place) ?? ""
        item.enclosures = enclosures
        return item
    }
}
