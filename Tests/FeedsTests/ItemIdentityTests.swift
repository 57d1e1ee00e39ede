// Items are found once each, whatever their feed makes of identities.

import Feeds
import Testing
import World

@Suite struct ItemIdentityTests {
    private let now = WallTime(milliseconds: 1_700_000_000_000)

    private func item(_ id: String?, _ link: String?, _ title: String, minutesAgo: UInt64? = nil) -> FeedItem {
        var item = FeedItem(id: id, link: link, title: title)
        item.published = minutesAgo.map { WallTime(milliseconds: now.milliseconds - $0 * 60_000) }
        return item
    }

    /// What a reader remembers of its feed.
    private struct Reader {
        var known: [ItemKey: KnownItem] = [:]
        var isFirst = true
        var posts = 0

        /// New items' titles, and changed ones'.
        mutating func read(_ items: [FeedItem], _ now: WallTime) -> (new: [String], edited: [String]) {
            var document = FeedDocument(title: "", home: "https://status/", selfLink: nil)
            document.items = items
            let changes = ItemIdentity.changes(in: document, known: known, isFirst: isFirst, now: now)
            isFirst = false
            for change in changes {
                posts += 1
                let item = KnownItem(post: change.known?.post ?? "\(posts)", digest: change.digest)
                for key in change.keys { known[key] = item }
            }
            return (
                changes.filter { $0.known == nil }.map(\.item.title),
                changes.filter { change in change.known.map { $0.digest != change.digest } ?? false }.map(\.item.title)
            )
        }
    }

    @Test func anItemIsNewOnce() {
        var reader = Reader()
        let first = [item("1", "https://a/1", "one"), item("2", "https://a/2", "two")]
        #expect(reader.read(first, now).new == ["one", "two"])
        #expect(reader.read(first, now).new == [])
        let next = reader.read([item("3", "https://a/3", "three")] + first, now)
        #expect(next.new == ["three"] && next.edited == [])
        let edit = reader.read([item("1", "https://a/1", "one, better")], now)
        #expect(edit.new == [] && edit.edited == ["one, better"])
    }

    /// Miniflux 4197: one `guid` for all items.
    @Test func anIdentityThatAllHaveIsNone() {
        var reader = Reader()
        let items = (0..<10).map { item("same", "https://a/\($0)", "t\($0)") }
        #expect(reader.read(items, now).new.count == 10)
        let more = reader.read([item("same", "https://a/new", "new")] + items, now)
        #expect(more.new == ["new"] && more.edited == [])
    }

    /// The one that is left of them has it alone.
    @Test func anIdentityThatBecomesUniqueDoublesNothing() {
        var reader = Reader()
        let items = (0..<3).map { item("same", "https://a/\($0)", "t\($0)") }
        _ = reader.read(items, now)
        #expect(reader.read([items[2]], now) == (new: [], edited: []))
        #expect(reader.read([items[0]], now) == (new: [], edited: []))
        #expect(reader.read(items, now) == (new: [], edited: []))
    }

    /// Miniflux 797, 2358; Feedbin 580: identities that change with each poll.
    @Test func aKnownLinkIsAnEdit() {
        var reader = Reader()
        #expect(reader.read([item("uuid-1", "https://a/1", "one")], now).new == ["one"])
        for number in 2..<5 {
            #expect(reader.read([item("uuid-\(number)", "https://a/1", "one")], now).new == [])
        }
    }

    /// FreshRSS 4487: no identity, and a link that all have: the time tells them apart.
    @Test func titleAndTimeAreTheLastResort() {
        var reader = Reader()
        let items = (0..<3).map { item(nil, "https://status/", "Outage", minutesAgo: UInt64($0)) }
        #expect(reader.read(items, now).new.count == 3)
        #expect(reader.read(items, now).new.isEmpty)
        // Drop-feeds 132: nothing at all.
        var bare = Reader()
        var first = item(nil, nil, "")
        first.html = "<p>a</p>"
        var second = item(nil, nil, "")
        second.html = "<p>b</p>"
        #expect(bare.read([first, second, first], now).new.count == 2)
        #expect(bare.read([first, second], now).new.isEmpty)
    }

    /// A feed of one item at a time, which leads to its own page.
    @Test func theFeedsOwnPageIsNoIdentity() {
        var reader = Reader()
        #expect(reader.read([item("1", "https://status/", "one")], now).new == ["one"])
        #expect(reader.read([item("2", "https://status/", "two")], now).new == ["two"])
    }

    /// The same item in another place, or http and https beside each other, changes nothing that was not changed.
    @Test func whatTwoItemsShareIsNoIdentity() {
        var reader = Reader()
        let items = [item("1", "https://a/", "one"), item("2", "https://a/", "two")]
        #expect(reader.read(items, now).new.count == 2)
        #expect(reader.read(items.reversed(), now) == (new: [], edited: []))
    }

    @Test func theLatestComeFirstAndAreBounded() {
        let items = (0..<300).map { item("\($0)", nil, "\($0)", minutesAgo: UInt64(1_000 - $0)) }
        var reader = Reader()
        #expect(reader.read(items, now).new == (250..<300).reversed().map { "\($0)" })
        var later = Reader(isFirst: false)
        #expect(later.read(items, now).new.count == Limits.feedLaterItems)
        // A time to come does not put an item above what is really new.
        var future = item("f", nil, "future")
        future.published = WallTime(milliseconds: now.milliseconds + 1_000_000_000)
        var fresh = Reader()
        #expect(fresh.read([item("n", nil, "now", minutesAgo: 0), future], now).new == ["now", "future"])
    }

    /// The first poll takes fifty of three hundred; the others never become news, and what is new does.
    @Test func whatWasOldAtFirstStaysOld() {
        let items = (0..<300).map { item("\($0)", nil, "\($0)", minutesAgo: UInt64(10 + $0)) }
        var reader = Reader()
        #expect(reader.read(items, now).new.count == Limits.feedFirstItems)
        for _ in 0..<3 { #expect(reader.read(items, now).new == []) }
        let late = item("late", nil, "late", minutesAgo: 30)
        let next = reader.read([item("new", nil, "new", minutesAgo: 1)] + items + [late], now)
        #expect(next.new == ["new", "late"] && next.edited == [])
        // All that was known has left the document: nothing tells any more what was there at first.
        #expect(reader.read(Array(items[100..<200]), now).new.count == Limits.feedLaterItems)
        // A short document in the other order, without times.
        var other = Reader()
        _ = other.read([item("1", nil, "one"), item("2", nil, "two")], now)
        #expect(
            other.read([item("1", nil, "one"), item("2", nil, "two"), item("3", nil, "three")], now).new == ["three"])
    }

    /// What was seen is forgotten some day, and its feed still has it.
    @Test func whatIsOldIsNoNews() {
        let items = [item("1", nil, "old", minutesAgo: 200 * 1_440), item("2", nil, "young", minutesAgo: 100 * 1_440)]
        var forgetful = Reader(isFirst: false)
        #expect(forgetful.read(items, now).new == ["young"])
        var first = Reader()
        #expect(first.read(items, now).new == ["young", "old"])
    }

    @Test func whateverComesNothingIsNewTwice() {
        var random = SeededRandom(seed: 11)
        for _ in 0..<300 {
            var reader = Reader()
            reader.isFirst = false
            let ids = ["a", "b", "c", nil], links = ["https://a/1", "https://a/2", "https://a/3", nil]
            var pool: [FeedItem] = []
            for number in 0..<6 {
                pool.append(
                    item(
                        ids[Int.random(in: 0..<4, using: &random)], links[Int.random(in: 0..<4, using: &random)],
                        "\(number)", minutesAgo: UInt64(number)))
            }
            _ = reader.read(pool, now)
            #expect(reader.read(pool, now) == (new: [], edited: []))
        }
    }
}
