// Somebody's own timeline: what was written to the inbox, and what is pulled from sources at the time of reading,
// merged. Nothing is dropped: who comes back after two weeks, or reads beyond 30 days, gets it by pulls alone.

import Edge
import Keys
import World

enum Inbox {
    /// Whom somebody follows and has not blocked.
    static func sources(_ viewer: Visitor) -> Flow<[Follow]> {
        Follows.all(viewer.name).and(Accounts.profile(viewer.name)).map { follows, profile in
            let blocked = Set(profile.blocks)
            return follows.filter { follow in
                if case .user(let name) = follow.source { return !blocked.contains(name) }
                return true
            }
        }
    }

    /// Of sources that are followed no longer, or blocked, something may be left.
    static func isShown(_ pointer: Pointer, _ sources: Set<String>) -> Bool {
        pointer.path.hasPrefix("feed:") ? sources.contains(pointer.path) : sources.contains(pointer.author ?? "")
    }

    static func page(_ viewer: Visitor, before: PostID?, limit: Int, isFresh: Bool = false) -> Flow<TimelinePage> {
        sources(viewer).then { sources in
            .with { core in
                let wall = core.now.wall
                let horizon = PostID(
                    firstOf: WallTime(
                        milliseconds: wall.milliseconds - min(wall.milliseconds, Limits.socialInboxMilliseconds)))
                let isBeyond = before.map { !(horizon < $0) } ?? false
                let pulled = sources.filter { isBeyond || !$0.isPushed(at: wall) }
                let hasPushed = sources.contains { $0.isPushed(at: wall) }
                let followed = Set(sources.map(\.source.text) + [viewer.name])
                let reading = InboxReading(
                    name: viewer.name, sources: pulled.map(\.source), followed: followed, isFresh: isFresh)
                return Timelines.gather(limit: limit, before: before) { before, count in
                    reading.page(before, count)
                }.then { page in
                    // What was pushed more than 30 days ago is in no inbox any more: it is pulled from there on.
                    guard page.next == nil, !isBeyond, hasPushed else { return .value(page) }
                    let rest = TimelinePage(posts: page.posts, next: horizon, isComplete: page.isComplete)
                    guard page.posts.isEmpty, page.isComplete else { return .value(rest) }
                    return self.page(viewer, before: horizon, limit: limit)
                }
            }
        }
    }
}

/// What a page of an inbox is merged from. Of many sources only those are read that posted last: as many as it takes
/// until the others can have nothing that belongs on the page (a merge with a threshold: Fagin, Lotem and Naor,
/// "Optimal Aggregation Algorithms for Middleware", PODS 2001).
private struct InboxReading {
    let name: String
    /// That are pulled.
    let sources: [Source]
    let followed: Set<String>
    /// The reader has just written: a quorum is asked for that, which has it.
    let isFresh: Bool

    /// A source whose list is not read yet.
    private struct Unread {
        let source: Source
        let newest: Newest

        /// Nothing of it stands behind that; nil: anything may.
        var bound: PostID? {
            switch newest {
            case .known(let id): id
            case .before(let bound): bound
            }
        }

        var isKnown: Bool { if case .known = newest { true } else { false } }

        static func comesFirst(_ a: Unread, _ b: Unread) -> Bool {
            guard a.bound != b.bound else { return a.source.text.isSpelledBefore(b.source.text) }
            guard let one = a.bound, let two = b.bound else { return a.bound == nil }
            return one > two
        }
    }

    private enum Newest {
        case known(PostID)
        /// Older than that; nil: nothing is known.
        case before(PostID?)
    }

    /// With what is in everybody's timeline already, though not yet in the inbox.
    func page(_ before: PostID?, _ count: Int) -> Flow<PointerPage> {
        let areFew = sources.count <= Limits.socialPulls
        let own = Timelines.pointers(
            SocialKeys.timeline(.user(name)), before: before, count, isFresh ? .quorum : .one)
        let inbox = Timelines.pointers(SocialKeys.inbox(name), before: before, count)
        let lists =
            [inbox, own].map { $0.orElse { _ in .value(.missing) } }
            + (areFew ? sources : []).map { list($0, before, count) }
        return Flow<[PointerPage]>.all(lists).then { pages in
            .with { core in
                let atHand = core.publicTimeline.pointers(before: before, count) { Inbox.isShown($0, followed) }
                return areFew
                    ? .value(merged(pages + [atHand], count))
                    : pull(unread(core, before), pages + [atHand], before, count)
            }
        }
    }

    /// Latest posters first, as far as everybody's timeline is at hand.
    private func unread(_ core: SocialCore, _ before: PostID?) -> [Unread] {
        let last = core.publicTimeline.lastPosts(before: before)
        let known = core.publicTimeline.known(core.now.wall).flatMap { known in
            before.map { known < $0 } ?? true ? known : nil
        }
        return sources.map { source in
            guard case .user(let name) = source, let known else { return Unread(source: source, newest: .before(nil)) }
            return Unread(source: source, newest: last[name].map { .known($0) } ?? .before(known))
        }.sorted(by: Unread.comesFirst)
    }

    private func pull(
        _ unread: [Unread], _ pages: [PointerPage], _ before: PostID?, _ count: Int
    ) -> Flow<PointerPage> {
        let page = merged(pages, count)
        guard let first = unread.first else { return .value(page) }
        // All that stands before this is there already, or can't be told.
        let floor = page.found.count == count ? page.found.last?.id : page.hasMore ? page.end : nil
        let isNeeded = { (one: Unread) in
            floor.map { floor in one.bound.map { floor < $0 } ?? true } ?? true
        }
        guard isNeeded(first) else {
            return .value(PointerPage(page.found, hasMore: true, end: floor, isComplete: page.isComplete))
        }
        guard first.isKnown else {
            let alike = unread.prefix { !$0.isKnown && $0.bound == first.bound }
            let rest = unread.dropFirst(alike.count)
            // When each of them posted last; what has nothing is left out.
            return Flow<[PointerPage]>.all(alike.map { list($0.source, before, 1) }).then { found in
                let told = zip(alike, found).compactMap { one, page in
                    page.end.map { Unread(source: one.source, newest: .known($0)) }
                }
                let unanswered = found.filter { !$0.isComplete }
                return pull((rest + told).sorted(by: Unread.comesFirst), pages + unanswered, before, count)
            }
        }
        let some = unread.prefix(Limits.socialWidth).prefix { $0.isKnown && isNeeded($0) }
        let lists = some.map { list($0.source, before, count) }
        return Flow<[PointerPage]>.all(lists).then { more in
            pull(Array(unread.dropFirst(some.count)), pages + more, before, count)
        }
    }

    private func list(_ source: Source, _ before: PostID?, _ count: Int) -> Flow<PointerPage> {
        Timelines.pointers(SocialKeys.timeline(source), before: before, count).orElse { _ in .value(.missing) }
    }

    private func merged(_ pages: [PointerPage], _ count: Int) -> PointerPage {
        // What a page left out may lie anywhere below its end: nothing beyond the nearest such end is known whole.
        let bound = pages.compactMap { $0.hasMore ? $0.end : nil }.max()
        var seen: Set<PostID> = []
        let all = pages.flatMap(\.found).sorted { $0.id > $1.id }.filter { found in
            Inbox.isShown(found.pointer, followed) && seen.insert(found.id).inserted
                && !(bound.map { found.id < $0 } ?? false)
        }
        let some = Array(all.prefix(count))
        let isCut = all.count > some.count
        return PointerPage(
            some, hasMore: isCut || bound != nil, end: isCut ? some.last?.id : bound,
            isComplete: pages.allSatisfy(\.isComplete))
    }
}

/// Somebody's following of a source.
struct Follow: Sendable {
    let source: Source
    let record: Following

    func isPushed(at wall: WallTime) -> Bool {
        record.state == .confirmed && (record.pushedUntil.map { $0 > wall } ?? false)
    }
}
