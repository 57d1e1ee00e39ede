// Why a document is not taken for a feed.

import World

package enum FeedFailure: Error, Hashable, Sendable {
    case empty
    case tooLarge
    /// Neither RSS nor Atom nor JSON Feed. `feeds`: those that it names, where it is a page.
    case notAFeed(feeds: [String])
    /// It breaks off, or its elements don't close.
    case malformed
    /// It declares entities: names that stand for other text, by which a small document becomes a huge one, or one that
    /// shows the reader's own files.
    case entities
    /// More elements in each other, or on the whole, than any feed has.
    case excessive

    /// For the people who follow it.
    package var text: String {
        switch self {
        case .empty: "The document is empty."
        case .tooLarge: "The document is larger than \(Limits.feedBytes >> 20) MiB."
        case .notAFeed(let feeds) where feeds.isEmpty: "There is no feed here: neither RSS nor Atom nor JSON Feed."
        case .notAFeed(let feeds): "This is a page. It names as its feeds: " + feeds.joined(separator: ", ")
        case .malformed: "The document is broken: it ends too early, or its parts don't fit together."
        case .entities: "The document declares entities, which is not taken from strangers."
        case .excessive: "The document has more parts, or deeper ones, than a feed can have."
        }
    }
}
