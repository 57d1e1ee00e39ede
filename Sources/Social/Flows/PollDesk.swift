// Feeds that somebody follows: each is polled by its keeper when its schedule says so, once for all who follow it, and
// what is new goes where posts go. An item is noted with its id before it is delivered, and marked when it has been:
// whoever crashes between leaves it to the next poll, under the same id.

import Ring
import Edge
import Feeds
import JSON
import Keys
import World

struct PollDesk {
    /// Feeds that this node keeps, as they were heard of last.
    fileprivate var feeds: [String: FeedRecord] = [:]
    fileprivate var pace = HostPace()
    fileprivate var running: Set<String> = []
    fileprivate var subscriptions: [UInt64] = []
    fileprivate var slots: [Int] = []

    // MARK: Adding

    static func id(_ url: String) -> String {
        String(SocialDigest(Array("feed".utf8), Array(url.utf8)).text.prefix(32))
    }

    static func feed(_ id: String) -> Flow<FeedRecord?> {
        guard let key = SocialKeys.feed(id) else { return .value(nil) }
        let stored: Flow<Stored<FeedRecord>> = Cluster.readSurely(key)
        return stored.map(\.record)
    }

    static func entry(_ feed: String, _ post: PostID) -> Flow<FeedEntry?> {
        guard let key = SocialKeys.item(feed, post) else { return .value(nil) }
        let stored: Flow<Stored<FeedEntry>> = Cluster.readSurely(key)
        return stored.map(\.record)
    }

    /// Follows the feed at an address, or the first that the page there names. Gives its id.
    static func add(_ text: String, _ viewer: Visitor) -> Flow<String> {
        guard let url = FeedURL(text)?.withoutFragment else { return .refused(.notAFeed(FetchFailure.badURL.text)) }
        return begin(url, pages: 1).then { id in Follows.follow(viewer, .feed(id)).map { id } }
    }

    private static func begin(_ url: String, pages: Int) -> Flow<String> {
        let id = id(url)
        return feed(id).then { known in
            if known != nil { return .value(id) }
            return Flow.fetch(FetchJob(url: url)).then { outcome in
                switch outcome {
                case .document(let document, let head):
                    return .with { core in
                        var schedule = FeedSchedule(url: url, now: core.now.wall)
                        _ = schedule.handle(outcome, core.now.wall, chance: chance(id, core.now.wall))
                        let record = FeedRecord(
                            schedule: schedule, title: document.title, home: document.home, wasRead: true)
                        _ = head
                        guard let key = SocialKeys.feed(id) else { return .refused(.internalError) }
                        return take(document, id, isFirst: true)
                            .then { Cluster.write(key, record, .quorum) }.map { _ in id }
                    }
                case .failed(.unreadable(.notAFeed(let feeds))) where pages > 0:
                    guard let first = feeds.first.flatMap({ FeedURL($0)?.withoutFragment }), first != url else {
                        return .refused(.notAFeed(FeedFailure.notAFeed(feeds: feeds).text))
                    }
                    return begin(first, pages: pages - 1)
                case .failed(let failure): return .refused(.notAFeed(failure.text))
                case .gone: return .refused(.notAFeed("The feed is gone: its host says that it will not come back."))
                case .retryLater: return .refused(.notAFeed("The host asks to be left alone for a while."))
                case .notModified, .accepted: return .refused(.notAFeed("The host has sent nothing."))
                }
            }
        }
    }

    /// The same for whoever polls at this time: two keepers do not draw apart.
    private static func chance(_ id: String, _ wall: WallTime) -> UInt64 {
        SocialDigest(Array(id.utf8), Array("\(wall.milliseconds / 60_000)".utf8)).bytes.prefix(8)
            .reduce(0) { $0 << 8 | UInt64($1) }
    }

    // MARK: Polling

    /// What is new in a document, noted, written and delivered.
    fileprivate static func take(_ document: FeedDocument, _ id: String, isFirst: Bool) -> Flow<Void> {
        seenItems(SocialKeys.seen(id), []).then { items in
            .with { core in
                var known: [ItemKey: KnownItem] = [:]
                var seen: [String: SeenItem] = [:]
                for item in items {
                    let hash = String(item.sort.dropFirst("seen/".count))
                    seen[item.record.post.text] = item.record
                    seen[hash] = item.record
                    // One that was not delivered is new again, under its id.
                    if item.record.isDelivered {
                        known[ItemKey(hash)] = KnownItem(
                            post: item.record.post.text, digest: ItemKey(item.record.digest))
                    }
                }
                let wall = core.now.wall
                let changes = ItemIdentity.changes(in: document, known: known, isFirst: isFirst, now: wall)
                // The oldest first: a crash leaves the newest for the next poll.
                let work = changes.reversed().map { change in
                    deliver(change, of: document.title, id, seen, wall, isFirst: isFirst)
                }
                return Flow<[Void]>.all(work, width: 1).map { _ in }
            }
        }
    }

    /// All marks of a feed: an item that was forgotten would be news again.
    private static func seenItems(
        _ range: SocialRange, _ already: [Listing<SeenItem>.Item]
    ) -> Flow<[Listing<SeenItem>.Item]> {
        let listed: Flow<Listing<SeenItem>> = Cluster.list(range, limit: 1_000, .quorum)
        return listed.then { listing in
            let all = already + listing.items
            guard listing.hasMore, all.count < Limits.feedMarks, let last = listing.items.last?.sort else {
                return .value(all)
            }
            var rest = range
            rest.start = last + "\0"
            return seenItems(rest, all)
        }
    }

    private static func deliver(
        _ change: ItemChange, of title: String, _ feed: String, _ seen: [String: SeenItem], _ wall: WallTime,
        isFirst: Bool
    ) -> Flow<Void> {
        let item = change.item
        let earlier = change.keys.compactMap { seen[$0.text] }.first ?? change.known.flatMap { seen[$0.post] }
        // A time to come would stand first for ever.
        let time = item.time.map { $0 > wall ? wall : $0 } ?? wall
        let first = change.keys.first?.text ?? change.digest.text
        let post = earlier?.post ?? PostID(time, SocialDigest(Array(feed.utf8), Array(first.utf8)))
        let rev = earlier.map { $0.isDelivered ? $0.rev + 1 : $0.rev } ?? 1
        let entry = FeedEntry(
            title: item.title, link: item.link, author: item.author, time: earlier?.post.time ?? time,
            summary: ForeignHTML.plainText(Array(item.html.utf8), atMost: Limits.socialSummaryCharacters),
            feedTitle: title, rev: rev)
        let pointer = Pointer(path: "feed:" + feed, author: nil, home: nil)
        func note(isDelivered: Bool) -> Flow<Void> {
            let mark = SeenItem(post: post, digest: change.digest.text, rev: rev, isDelivered: isDelivered)
            let writes = change.keys.compactMap { SocialKeys.seen(feed, $0.text) }.map {
                Cluster.write($0, mark, .quorum).map { _ in }
            }
            return Flow<[Void]>.all(writes).map { _ in }
        }
        guard let itemKey = SocialKeys.item(feed, post), let place = SocialKeys.timeline(.feed(feed), post) else {
            return .done
        }
        let push: Flow<Void> =
            isFirst || earlier?.isDelivered == true ? .done : Delivery.push(pointer, post, from: .feed(feed))
        return note(isDelivered: false)
            .then { Cluster.write(itemKey, entry, .quorum) }
            .then { _ in Cluster.write(place, pointer, .quorum) }
            .then { _ in push }
            .then { note(isDelivered: true) }
    }
}

extension SocialCore {
    /// Follows the feeds of the slots that are this node's, among those that fetch feeds.
    mutating func followFeeds() {
        let pollers = living.filter(mayPoll)
        let mine =
            mayPoll(identity)
            ? (0..<Limits.socialSlots).filter { Keeper.isKeeper(identity, of: $0, living: pollers) } : []
        guard mine != polls.slots else { return }
        polls.slots = mine
        for subscription in polls.subscriptions { unfollow(subscription) }
        polls.subscriptions = []
        polls.feeds = [:]
        for start in stride(from: 0, to: mine.count, by: Limits.liveWatchesOfConnection) {
            let some = mine[start..<min(mine.count, start + Limits.liveWatchesOfConnection)]
            let number = follow(some.map { SocialKeys.feeds(inSlot: $0) }) { core, _, event in
                switch event {
                case .item(let id, let json):
                    guard let record = json.flatMap(FeedRecord.init) else { return }
                    let known = core.polls.feeds.updateValue(record, forKey: id)
                    if known?.schedule.next == record.schedule.next { return }
                    core.awaitPoll(id, record.schedule.next)
                case .removed(let id): core.polls.feeds[id] = nil
                case .reset, .ready: break
                }
            }
            if let number { polls.subscriptions.append(number) }
        }
    }

    /// Whether a node fetches feeds.
    fileprivate func mayPoll(_ node: NodeID) -> Bool {
        settings.pollFrom.isEmpty || settings.pollFrom.contains(ring.node(node)?.country ?? "")
    }

    fileprivate mutating func awaitPoll(_ id: String, _ next: WallTime) {
        let wait = next.milliseconds - min(next.milliseconds, now.wall.milliseconds)
        // No schedule looks further ahead, whatever a clock has written there.
        let most = Limits.feedLongestRest * 2
        after(.milliseconds(Int64(min(wait, UInt64(most.inMilliseconds))))) { core, _ in
            guard let record = core.polls.feeds[id], record.schedule.next == next, !record.schedule.hasEnded else {
                return
            }
            core.poll(id, record)
        }
    }

    private mutating func poll(_ id: String, _ record: FeedRecord) {
        guard let host = FeedURL(record.url)?.host, let key = SocialKeys.feed(id), !polls.running.contains(id) else {
            return
        }
        // Half of what the fetcher takes at once: the rest is for people who wait for a feed that they have named.
        guard polls.running.count < Limits.fetches / 2 else {
            return after(Limits.feedHostGap) { core, _ in core.pollAgain(id, record) }
        }
        switch polls.pace.begin(host, now.instant) {
        case .notBefore(let instant):
            return after(max(.milliseconds(10), instant - now.instant)) { core, _ in core.pollAgain(id, record) }
        case .busy: return after(Limits.feedHostGap) { core, _ in core.pollAgain(id, record) }
        case .begin: break
        }
        polls.running.insert(id)
        let stored: Flow<Stored<FeedRecord>> = Cluster.read(key, .quorum)
        let work = stored.then { stored -> Flow<FetchOutcome?> in
            .with { core in
                // Another keeper may have been faster.
                guard let there = stored.record, there.schedule.next <= core.now.wall else { return .value(nil) }
                return Flow.fetch(there.schedule.job).then { outcome in
                    // That this node has too much to do is no fault of the feed.
                    if outcome == .failed(.overloaded) { return .refused(.tooBusy) }
                    return SocialCore.finish(outcome, id, there, stored.context, key)
                }
            }
        }
        work.start(&self) { core, result in
            core.polls.running.remove(id)
            let outcome = (try? result.get()) ?? nil
            core.polls.pace.ended(host, outcome ?? .failed(.unreachable), core.now.instant)
            // A cluster that did not take it: once more, later.
            if case .failure = result { core.after(.minutes(1)) { core, _ in core.pollAgain(id, record) } }
        }
    }

    private mutating func pollAgain(_ id: String, _ record: FeedRecord) {
        guard let there = polls.feeds[id], there.schedule.next == record.schedule.next else { return }
        poll(id, there)
    }

    /// What it came to: items first, then the schedule; a crash between polls it again.
    private static func finish(
        _ outcome: FetchOutcome, _ id: String, _ there: FeedRecord, _ context: [UInt8], _ key: StoredKey
    ) -> Flow<FetchOutcome?> {
        var next = there
        var items: Flow<Void> = .done
        if case .document(let document, _) = outcome {
            next.title = document.title
            next.home = document.home
            next.wasRead = true
            items = PollDesk.take(document, id, isFirst: !there.wasRead)
        }
        let record = next
        return items.then {
            .with { core in
                var record = record
                core.figures.polls += 1
                if record.problemAfter(outcome, core.now.wall, id) { core.figures.failedPolls += 1 }
                let hub = Hubs.ask(&record, id, outcome, core.settings, core.now.wall)
                return Cluster.write(key, record, context: context, .quorum).then { _ in
                    guard let hub else { return .value(outcome) }
                    return Flow.fetch(hub).map { _ in outcome }
                }
            }
        }
    }
}

extension FeedRecord {
    /// Takes what a poll came to; true if it failed.
    fileprivate mutating func problemAfter(_ outcome: FetchOutcome, _ wall: WallTime, _ id: String) -> Bool {
        let chance = SocialDigest(Array(id.utf8), Array("\(wall.milliseconds / 60_000)".utf8)).bytes.prefix(8)
            .reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        _ = schedule.handle(outcome, wall, chance: chance)
        return problem != nil
    }
}

extension Flow where Value == FetchOutcome {
    static func fetch(_ job: FetchJob) -> Flow {
        Flow { core, end in
            core.ask({ .fetch($0, job) }) { core, reply in
                guard case .fetch(let outcome) = reply else { return }
                end(&core, .success(outcome))
            }
        }
    }
}

extension WallTime {
    fileprivate static func <= (a: WallTime, b: WallTime) -> Bool { !(b < a) }
}
