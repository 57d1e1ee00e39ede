// Which item of a document is which of those that are known. Feeds write identities that change with each poll, and one
// identity for all items; both have doubled or hidden items in every reader. So an identity counts only if the document
// has it once, the link likewise, and only if it is not the feed's own page; then title and time. An item whose link is
// known is that item, changed, whatever its identity says.

import Crypto
package import World

/// A digest of what an item is known by, within its feed.
package struct ItemKey: Hashable, Sendable, Comparable {
    /// 32 hexadecimal digits.
    package let text: String

    /// What a store has.
    package init(_ text: String) { self.text = text }

    fileprivate init(_ kind: String, _ parts: [String]) {
        var hash = SHA256()
        for part in [kind] + parts {
            hash.update(data: Array(part.utf8))
            hash.update(data: [0])
        }
        text = hash.finalize().prefix(16).map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }

    package static func < (a: ItemKey, b: ItemKey) -> Bool { a.text < b.text }
}

/// What is kept under each key of an item.
package struct KnownItem: Hashable, Sendable {
    /// What it became here.
    package let post: String
    /// Of what readers saw of it last.
    package let digest: ItemKey

    package init(post: String, digest: ItemKey) {
        self.post = post
        self.digest = digest
    }
}

/// An item that a document has anew, or changed.
package struct ItemChange: Hashable, Sendable {
    package let item: FeedItem
    /// What it was; nil for a new one.
    package let known: KnownItem?
    /// What it is to be known by from now on, all with the same post and digest.
    package let keys: [ItemKey]
    /// Of what readers see.
    package let digest: ItemKey
}

package enum ItemIdentity {
    /// What is new in a document, the latest first, and what has changed.
    /// - known: all that is kept of this feed's items.
    /// - isFirst: nothing was ever read of this feed.
    package static func changes(
        in document: FeedDocument, known: [ItemKey: KnownItem], isFirst: Bool, now: WallTime
    ) -> [ItemChange] {
        let all = latestFirst(candidates(document, known), now)
        let edits = all.filter { change in change.known.map { $0.digest != change.digest } ?? false }
        let most = isFirst ? Limits.feedFirstItems : Limits.feedLaterItems
        return all[..<newsEnd(all, isFirst: isFirst)].filter { change in
            change.known == nil && (isFirst || isNews(change.item, now))
        }.prefix(most) + edits
    }

    /// Every item, once, with what it was.
    private static func candidates(_ document: FeedDocument, _ known: [ItemKey: KnownItem]) -> [ItemChange] {
        var taken: Set<ItemKey> = []
        return zip(document.items, keys(document)).compactMap { item, keys in
            // Twice in one document: the first counts.
            guard let first = keys.first, taken.insert(first).inserted else { return nil }
            // Where identity and link are of two items, the link is right: it is what people open.
            let match = keys.last { known[$0] != nil }.flatMap { known[$0] }
            return ItemChange(item: item, known: match, keys: keys, digest: digest(item))
        }
    }

    /// A time to come is no reason to stand first for ever; what has none stands as the document has it.
    private static func latestFirst(_ changes: [ItemChange], _ now: WallTime) -> [ItemChange] {
        func time(_ change: ItemChange) -> UInt64 { min(change.item.time ?? now, now).milliseconds }
        return changes.enumerated().sorted { a, b in
            let (first, second) = (time(a.element), time(b.element))
            return first == second ? a.offset < b.offset : first > second
        }.map(\.element)
    }

    /// Of a long document the first poll took the latest; what stands behind them is unknown for ever, and older than
    /// all that is known.
    private static func newsEnd(_ changes: [ItemChange], isFirst: Bool) -> Int {
        guard !isFirst, changes.count > Limits.feedFirstItems else { return changes.count }
        return changes.lastIndex { $0.known != nil } ?? changes.count
    }

    private static func isNews(_ item: FeedItem, _ now: WallTime) -> Bool {
        guard let time = item.time else { return true }
        return now.milliseconds < time.milliseconds + UInt64(Limits.feedNewsAge.nanoseconds / 1_000_000)
    }

    /// For each item, what it is known by: the best first.
    private static func keys(_ document: FeedDocument) -> [[ItemKey]] {
        var ids: [String: Int] = [:]
        var links: [String: Int] = [:]
        for item in document.items {
            if let id = item.id { ids[id, default: 0] += 1 }
            if let link = item.link { links[link, default: 0] += 1 }
        }
        return document.items.map { item in
            var keys: [ItemKey] = []
            if let id = item.id, ids[id] == 1 { keys.append(ItemKey("id", [id])) }
            if let link = item.link, links[link] == 1, link != document.home { keys.append(ItemKey("link", [link])) }
            if keys.isEmpty {
                let time = item.time.map { "\($0.milliseconds)" } ?? ""
                // What has neither is its text.
                let text = item.title.isEmpty && time.isEmpty ? item.html : ""
                keys.append(ItemKey("title", [item.title, time, text]))
            }
            return keys
        }
    }

    private static func digest(_ item: FeedItem) -> ItemKey {
        let files = item.enclosures.map(\.url)
        return ItemKey("digest", [item.title, item.link ?? "", item.author, item.html] + files)
    }
}
