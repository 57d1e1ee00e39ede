// Somebody's own timeline: what was written to the inbox, and what is pulled from sources at the time of reading,
// merged. Nothing is dropped: who comes back after two weeks, or reads beyond 30 days, gets it by pulls alone.

import Edge
import Keys
import World

enum Inbox {
    /// Whom somebody follows and has not blocked.
    static func sources(_ viewer: Visitor) -> Flow<[Follow]> {
        Follows.all(viewer.name).then { follows in
            Accounts.profile(viewer.name).map { profile in
                let blocked = Set(profile.blocks)
                return follows.filter { follow in
                    if case .user(let name) = follow.source { return !blocked.contains(name) }
                    return true
                }
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
                let asked = pulled.map { ($0.source, Level.one) } + [(.user(viewer.name), isFresh ? .quorum : .one)]
                let missed = Missed()
                return Timelines.gather(limit: limit, before: before) { before, count in
                    merge(SocialKeys.inbox(viewer.name), asked, before, count, missed, followed)
                }.then { page in
                    let isComplete = missed.count == 0
                    // What was pushed more than 30 days ago is in no inbox any more: it is pulled from there on.
                    guard page.next == nil, !isBeyond, hasPushed else {
                        return .value(TimelinePage(posts: page.posts, next: page.next, isComplete: isComplete))
                    }
                    if page.posts.isEmpty { return self.page(viewer, before: horizon, limit: limit) }
                    return .value(TimelinePage(posts: page.posts, next: horizon, isComplete: isComplete))
                }
            }
        }
    }

    /// Sources that did not answer. A class, for all parts of a page to count in.
    private final class Missed { var count = 0 }

    private static func merge(
        _ inbox: SocialRange, _ sources: [(source: Source, level: Level)], _ before: PostID?, _ count: Int,
        _ missed: Missed,
        _ followed: Set<String>
    ) -> Flow<PointerPage> {
        let parts =
            [Timelines.pointers(inbox, before: before, count)]
            + sources.map { Timelines.pointers(SocialKeys.timeline($0.source), before: before, count, $0.level) }
        let answers = parts.map { part -> Flow<PointerPage> in
            part.orElse { _ in
                .with { _ in
                    missed.count += 1
                    return .value(PointerPage([], hasMore: false))
                }
            }
        }
        return Flow<[PointerPage]>.all(answers, width: Limits.socialPulls).map { pages in
            // What a page left out may lie anywhere below its end: nothing beyond the nearest such end is known whole.
            let bound = pages.compactMap { $0.hasMore ? $0.end : nil }.max()
            var seen: Set<PostID> = []
            let all = pages.flatMap(\.found).sorted { $0.id > $1.id }.filter { found in
                isShown(found.pointer, followed) && seen.insert(found.id).inserted
                    && !(bound.map { found.id < $0 } ?? false)
            }
            let some = Array(all.prefix(count))
            let isCut = all.count > some.count
            return PointerPage(some, hasMore: isCut || bound != nil, end: isCut ? some.last?.id : bound)
        }
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
