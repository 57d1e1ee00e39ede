// Everybody's timeline. Its pointers lie by the hour and in shards, so that no key is hot; each node looks at the
// shards of this hour and the last live, and keeps the newest 500 at hand: the first page costs no range. And at those
// of the next hour: clocks differ, and others may post in it already.

import Ring
import Edge
import Keys
import World

struct PublicTimeline {
    private var newest: [PostID: Pointer] = [:]
    /// The keys of `newest`, the newest first.
    private var order: [PostID] = []
    /// What is followed, for each hour, and its shards of which not all has come yet.
    private var followed: [(hour: Hour, number: UInt64, missing: Set<Int>)] = []
    private var isReady = false
    /// Shards of hours that this node has seen marked.
    private var marked: Set<String> = []
    /// The last page that was made, for a second.
    private var page: (page: TimelinePage, until: Instant)?

    // MARK: Writing

    static func add(_ pointer: Pointer, _ id: PostID) -> Flow<Void> {
        .with { core in
            let hour = Hour(id.time)
            let shard = SocialDigest(Array(id.text.utf8)).bytes[0].quotientAndRemainder(
                dividingBy: UInt8(clamping: max(1, core.settings.publicShards))
            ).remainder
            guard let key = SocialKeys.publicPost(hour, Int(shard), id) else { return .done }
            return Cluster.write(key, pointer, .quorum).and(mark(hour, Int(shard))).map { _ in }
        }
    }

    /// Says once that an hour's shard has something.
    private static func mark(_ hour: Hour, _ shard: Int) -> Flow<Void> {
        .with { core in
            let mark = "\(hour.text)/\(shard)"
            guard !core.publicTimeline.marked.contains(mark), let key = SocialKeys.publicSlot(hour) else {
                return .done
            }
            let standing: Flow<Stored<Marks>> = Cluster.read(key, .quorum)
            return standing.then { stored in
                let numbers = stored.record?.numbers ?? []
                let write: Flow<Void> =
                    numbers.contains(shard)
                    ? .done
                    : Cluster.write(key, Marks(numbers + [shard]), context: stored.context, .quorum).map { _ in }
                return write.then {
                    .with { core in
                        if core.publicTimeline.marked.count > 4_096 { core.publicTimeline.marked = [] }
                        core.publicTimeline.marked.insert(mark)
                        return .done
                    }
                }
            }
        }
    }

    // MARK: Looking at it

    /// Follows what hours are now, and again when the next begins.
    static func follow(_ core: inout SocialCore) {
        let hour = Hour(core.now.wall)
        let hours = [hour.next, hour, hour.before]
        for (old, number, _) in core.publicTimeline.followed where !hours.contains(old) { core.unfollow(number) }
        core.publicTimeline.followed.removeAll { !hours.contains($0.hour) }
        for hour in hours where !core.publicTimeline.followed.contains(where: { $0.hour == hour }) {
            let shards = (0..<core.settings.publicShards).map { SocialKeys.publicTimeline(hour, $0) }
            let number = core.follow(shards) { core, shard, event in
                core.publicTimeline.heard(event, hour, shard, &core.streams.publicNews)
                core.tellStreams()
            }
            if let number { core.publicTimeline.followed.append((hour, number, Set(shards.indices))) }
        }
        let left = 3_600_000 - core.now.wall.milliseconds % 3_600_000
        core.after(.milliseconds(Int64(left) + 50)) { core, _ in follow(&core) }
    }

    private mutating func heard(
        _ event: Followed, _ hour: Hour, _ shard: Int, _ news: inout [(PostID, Pointer)]
    ) {
        switch event {
        case .item(let sort, let json):
            guard let id = PostID(sort), let pointer = json.flatMap(Pointer.init) else { return }
            page = nil
            // One that was known may lead elsewhere by now.
            guard newest.updateValue(pointer, forKey: id) == nil else { return }
            let place = order.firstIndex { $0 < id } ?? order.endIndex
            order.insert(id, at: place)
            if order.count > Limits.socialPublicKept { newest[order.removeLast()] = nil }
            if isReady { news.append((id, pointer)) }
        case .removed(let sort):
            guard let id = PostID(sort), newest.removeValue(forKey: id) != nil else { return }
            order.removeAll { $0 == id }
            page = nil
        case .ready:
            isReady = true
            if let place = followed.firstIndex(where: { $0.hour == hour }) { followed[place].missing.remove(shard) }
        // What comes again is known by its id.
        case .reset:
            if let place = followed.firstIndex(where: { $0.hour == hour }) { followed[place].missing.insert(shard) }
        }
    }

    /// Of all posts from there on the pointers are at hand; nil where they may not be.
    func known(_ wall: WallTime) -> PostID? {
        let present = Hour(wall)
        let isWhole = { (hour: Hour) in followed.contains { $0.hour == hour && $0.missing.isEmpty } }
        guard isWhole(present) else { return nil }
        let first = isWhole(present.before) ? present.before : present
        let start = PostID(firstOf: first.start)
        guard order.count >= Limits.socialPublicKept, let last = order.last else { return start }
        return max(start, last)
    }

    /// Those at hand that a reader is shown, and nothing beyond them.
    func pointers(before: PostID?, _ count: Int, where isShown: (Pointer) -> Bool) -> PointerPage {
        var found: [FoundPointer] = []
        for id in order where before.map({ id < $0 }) ?? true {
            guard let pointer = newest[id], isShown(pointer) else { continue }
            if found.count == count { return PointerPage(found, hasMore: true) }
            found.append(FoundPointer(id: id, pointer: pointer))
        }
        return PointerPage(found, hasMore: false)
    }

    /// When those whose pointers are at hand posted last, before a post.
    func lastPosts(before: PostID?) -> [String: PostID] {
        var last: [String: PostID] = [:]
        for id in order where before.map({ id < $0 }) ?? true {
            if let author = newest[id]?.author, last[author] == nil { last[author] = id }
        }
        return last
    }

    // MARK: Pages

    static func page(before: PostID?, limit: Int) -> Flow<TimelinePage> {
        .with { core in
            if before == nil, limit == Limits.socialPageItems, let made = core.publicTimeline.page,
                made.until > core.now.instant
            {
                return .value(made.page)
            }
            let page = Timelines.gather(limit: limit, before: before) { before, count in
                pointers(before: before, count)
            }
            return page.then { page in
                .with { core in
                    if before == nil, limit == Limits.socialPageItems {
                        core.publicTimeline.page = (page, core.now.instant + Limits.socialPageLook)
                    }
                    return .value(page)
                }
            }
        }
    }

    /// From what is at hand as far as it goes; beyond, hour by hour.
    private static func pointers(before: PostID?, _ count: Int) -> Flow<PointerPage> {
        .with { core in
            let table = core.publicTimeline
            let start = before.map { bound in table.order.firstIndex { $0 < bound } ?? table.order.endIndex } ?? 0
            let some = table.order[start...].prefix(count).compactMap { id in
                table.newest[id].map { FoundPointer(id: id, pointer: $0) }
            }
            if some.count == count { return .value(PointerPage(some, hasMore: true)) }
            let bound = some.last?.id ?? before
            return older(before: bound, count - some.count).map { PointerPage(some + $0.found, hasMore: $0.hasMore) }
        }
    }

    private static func older(
        before: PostID?, _ count: Int
    ) -> Flow<PointerPage> {
        var range = SocialKeys.publicSlots
        // The hour of the bound itself may have more.
        range.end = before.map { Hour($0.time).text + "\0" }
        let slots: Flow<Listing<Marks>> = Cluster.list(range, reverse: true, limit: 48, .one)
        return slots.then { listing in
            hours(listing.items[...], before: before, count, hasMore: listing.hasMore)
        }
    }

    /// All shards of an hour at once, merged.
    private static func hours(
        _ hours: ArraySlice<Listing<Marks>.Item>, before: PostID?, _ count: Int, hasMore: Bool
    ) -> Flow<PointerPage> {
        guard count > 0, let first = hours.first, let hour = Hour(first.sort) else {
            return .value(PointerPage([], hasMore: hasMore))
        }
        let shards = first.record.numbers.map { shard in
            Timelines.pointers(SocialKeys.publicTimeline(hour, shard), before: before, count)
        }
        return Flow<[PointerPage]>.all(shards).then { pages in
            let all = pages.flatMap(\.found).sorted { $0.id > $1.id }
            let some = Array(all.prefix(count))
            let left = all.count > some.count || pages.contains { $0.hasMore }
            if some.count == count {
                return .value(PointerPage(some, hasMore: left || hours.count > 1 || hasMore))
            }
            return self.hours(hours.dropFirst(), before: before, count - some.count, hasMore: hasMore).map {
                PointerPage(some + $0.found, hasMore: $0.hasMore)
            }
        }
    }
}
