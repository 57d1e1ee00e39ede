// From the elements of a document to a feed: RSS 0.9x to 2.0, RSS 1.0, Atom 1.0 and 0.3. Where two say the same thing
// the better one wins, whichever comes first: a full text over a summary, a page over a file.

import World

struct FeedBuilder {
    /// What an element is to its feed.
    private enum Role {
        /// `rss`, `rdf:RDF`.
        case wrapper
        case feed, item
        /// An author with parts.
        case person
        /// The text that is being gathered goes there.
        case field(FeedField)
        /// An element within a text with markup.
        case markup
        case ignored
    }

    private struct Frame {
        let role: Role
        /// Where links without a host lead from here on (`xml:base`).
        let base: FeedURL
        /// Of markup: what closes it.
        var name = ""
    }

    /// Nil until the root has been seen to be a feed's.
    private(set) var document: FeedDocument?
    private var frames: [Frame] = []
    private var item: ItemDraft?
    private let url: FeedURL
    /// Of the field that is open.
    private var gathered = GatheredText()

    init(_ url: FeedURL) { self.url = url }

    // MARK: Events

    mutating func begin(_ element: XMLElement) {
        let above = frames.last
        var frame = Frame(role: role(of: element, under: above?.role), base: base(element, above), name: element.name)
        switch frame.role {
        case .item: item = ItemDraft()
        case .field(let field):
            gathered = GatheredText(field, element)
            note(field, element, frame.base)
        case .markup: gathered.open(element)
        case .feed:
            if document == nil { document = FeedDocument(title: "", home: nil, selfLink: nil) }
        case .ignored, .wrapper, .person: frame.name = ""
        }
        frames.append(frame)
    }

    mutating func text(_ bytes: UnsafeBufferPointer<UInt8>) {
        switch frames.last?.role {
        case .field, .markup: gathered.add(bytes)
        default: break
        }
    }

    mutating func end() {
        guard let frame = frames.popLast() else { return }
        switch frame.role {
        case .markup: gathered.close(frame.name)
        case .field(let field):
            if case .item? = frames.last(where: { if case .person = $0.role { false } else { true } })?.role {
                item?.take(field, gathered, base: frame.base)
            } else {
                takeOfFeed(field, frame.base)
            }
        case .item:
            if let item, let count = document?.items.count, count < Limits.feedItems {
                document?.items.append(item.finished(base: frame.base))
            }
            item = nil
        case .wrapper, .feed, .person, .ignored: break
        }
    }

    // MARK: Roles

    private func base(_ element: XMLElement, _ above: Frame?) -> FeedURL {
        let base = above?.base ?? url
        return element["base"].flatMap(base.resolve) ?? base
    }

    private mutating func role(of element: XMLElement, under above: Role?) -> Role {
        switch above {
        case nil:
            switch (element.vocabulary, element.name) {
            case (.plain, "rss"), (.rdf, "RDF"): return .wrapper
            case (.atom, "feed"): return .feed
            default: return .ignored
            }
        case .wrapper?:
            if element.name == "channel" { return .feed }
            return element.name == "item" && document != nil ? .item : .ignored
        case .feed?:
            if element.name == "item" || (element.name == "entry" && element.vocabulary == .atom) { return .item }
            return field(element, isItem: false)
        case .item?: return field(element, isItem: true)
        case .person?: return element.name == "name" ? .field(.author) : .ignored
        case .field(let field)?: return field.hasMarkup ? .markup : .ignored
        case .markup?: return .markup
        case .ignored?: return .ignored
        }
    }

    private func field(_ element: XMLElement, isItem: Bool) -> Role {
        if element.name == "author", element.vocabulary == .atom { return .person }
        return FeedField(element, isItem: isItem).map(Role.field) ?? .ignored
    }

    // MARK: Fields

    /// What stands in attributes.
    private mutating func note(_ field: FeedField, _ element: XMLElement, _ base: FeedURL) {
        switch field {
        case .link:
            guard let href = element["href"].flatMap(base.resolve)?.text else { return }
            noteLink(href, element)
        case .enclosure:
            guard let link = (element["url"] ?? element["resource"]).flatMap(base.resolve) else { return }
            item?.add(FeedEnclosure(link.text, element))
        default: break
        }
    }

    private mutating func noteLink(_ href: String, _ element: XMLElement) {
        switch (element["rel"] ?? "alternate").lowercased() {
        case "alternate":
            let isPage = (element["type"] ?? "text/html").lowercased().contains("html")
            if item != nil {
                item?.note(link: href, isPage: isPage)
            } else if isPage || document?.home == nil {
                document?.home = href
            }
        case "self" where item == nil: document?.selfLink = href
        case "hub" where item == nil: if document?.hub == nil { document?.hub = href }
        case "enclosure": item?.add(FeedEnclosure(href, element))
        default: break
        }
    }

    private mutating func takeOfFeed(_ field: FeedField, _ base: FeedURL) {
        switch field {
        case .title: if document?.title.isEmpty == true { document?.title = gathered.line(Limits.feedTitleBytes) }
        case .summary: if document?.summary.isEmpty == true { document?.summary = gathered.line(Limits.feedTitleBytes) }
        case .link:
            if document?.home == nil, let link = base.resolve(gathered.raw), !gathered.isBlank {
                document?.home = link.text
            }
        case .minutes:
            if let minutes = Int64(gathered.raw.trimmedASCII), minutes > 0 {
                document?.timeToLive = min(Span.minutes(min(minutes, 1 << 20)), Limits.feedLongestRest)
            }
        default: break
        }
    }
}

extension FeedEnclosure {
    fileprivate init(_ url: String, _ element: XMLElement) {
        self.init(
            url: url, type: TextLine.make((element["type"] ?? "").utf8, bytes: Limits.feedNameBytes),
            sizeBytes: (element["length"] ?? element["fileSize"]).flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil })
    }
}
