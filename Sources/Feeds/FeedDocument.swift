// A feed as a value, whatever it was written in: what the readers of all formats give, and what the writers take.

package import World

/// A feed: RSS 2.0, 1.0, Atom or JSON Feed.
package struct FeedDocument: Hashable, Sendable {
    /// Plain text.
    package var title: String
    /// Plain text.
    package var summary: String
    /// The page that the feed belongs to.
    package var home: String?
    /// Where the feed says that it lies.
    package var selfLink: String?
    /// Who tells of changes (WebSub, 4).
    package var hub: String?
    /// Before which it asks not to be read again.
    var timeToLive: Span?
    /// In the document's order.
    package var items: [FeedItem]

    package init(title: String, home: String?, selfLink: String?, items: [FeedItem] = []) {
        self.title = title
        summary = ""
        self.home = home
        self.selfLink = selfLink
        self.items = items
    }
}

package struct FeedItem: Hashable, Sendable {
    /// What the feed calls it: RSS's `guid`, Atom's and JSON Feed's `id`.
    package var id: String?
    /// Its page.
    package var link: String?
    /// Plain text; empty where it has none.
    package var title: String
    /// Plain text; empty where nobody is named.
    package var author: String
    package var published: WallTime?
    package var updated: WallTime?
    /// HTML that `ForeignHTML` has written; empty where there is no text.
    package var html: String
    package var enclosures: [FeedEnclosure]

    package init(id: String?, link: String?, title: String, html: String = "") {
        self.id = id
        self.link = link
        self.title = title
        author = ""
        self.html = html
        enclosures = []
    }

    package var time: WallTime? { published ?? updated }
}

/// A file that belongs to an item: an episode, a picture.
package struct FeedEnclosure: Hashable, Sendable {
    package let url: String
    /// A media type; empty where none is named.
    package let type: String
    package let sizeBytes: Int?

    package init(url: String, type: String, sizeBytes: Int?) {
        self.url = url
        self.type = type
        self.sizeBytes = sizeBytes
    }
}
