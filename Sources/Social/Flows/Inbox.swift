// Somebody's own timeline: what was written to the inbox, and what is pulled from sources at the time of reading,
// merged. Nothing is dropped: who comes back after two weeks, or reads beyond 30 days, gets it by pulls alone.

import Edge
import Keys
import World

enum Inbox {
    static func page(_ viewer: Visitor, before: PostID?, limit: Int, isFresh: Bool = false) -> Flow<TimelinePage> {
        Follows.all(viewer.name).then { follows in
            Accounts.profile(viewer.name).then { profile in
                .with { core in
                    let wall = core.now.wall
                    let blocked = Set(profile.blocks)
                    let sources = follows.filter { follow in
                        if case .user(let name) = follow.source { return !blocked.contains(name) }
                        return true
                    }
                    let horizon = wall.milliseconds - min(wall.milliseconds, Limits.socialInboxMilliseconds)
                    let isBeyond = before.map { $0.time.milliseconds < horizon } ?? false
                    let pulled = sources.filter { isBeyond || !$0.isPushed(at: wall) }
                    let followed = Set(sources.map(\.source.text) + [viewer.name])
                    let range = SocialKeys.inbox(viewer.name)
                    let keep: @Sendable (Pointer) -> Bool = { pointer in
                        // Of sources that are followed no longer, or blocked, something may be left.
                        pointer.path.hasPrefix("feed:")
                            ? followed.contains(pointer.path) : followed.contains(pointer.author ?? "")
                    }
                    let missed = Missed()
                    return Timelines.gather(limit: limit, before: before) { before, count in
                        let sources =
                            pulled.map { ($0.source, Level.one) } + [(.user(viewer.name), isFresh ? .quorum : .one)]
                        return merge(range, sources, before, count, missed, keep)
                    }.map { TimelinePage(posts: $0.posts, next: $0.next, isComplete: missed.count == 0) }
                }
            }
        }
    }

    /// Sources that did not answer. A class, for all parts of a page to count in.
    private final class Missed { var count = 0 }

    private static func merge(
        _ inbox: SocialRange, _ sources: [(source: Source, level: Level)], _ before: PostID?, _ count: Int,
        _ missed: Missed,
        _ keep: @escaping (Pointer) -> Bool
    ) -> Flow<(found: [FoundPointer], hasMore: Bool)> {
        let parts =
            [Timelines.pointers(inbox, before: before, count)]
            + sources.map { Timelines.pointers(SocialKeys.timeline($0.source), before: before, count, $0.level) }
        let answers = parts.map { part -> Flow<(found: [FoundPointer], hasMore: Bool)> in
            part.orElse { _ in
                .with { _ in
                    missed.count += 1
                    return .value(([], false))
                }
            }
        }
        return Flow<[(found: [FoundPointer], hasMore: Bool)]>.all(answers, width: Limits.socialPulls).map { pages in
            // What a page left out may lie anywhere below its end: nothing beyond the nearest such end is known whole.
            let bound = pages.compactMap { $0.hasMore ? $0.found.last?.id : nil }.max()
            var seen: Set<PostID> = []
            let all = pages.flatMap(\.found).sorted { $0.id > $1.id }.filter { found in
                keep(found.pointer) && seen.insert(found.id).inserted && !(bound.map { found.id < $0 } ?? false)
            }
            let some = Array(all.prefix(count))
            return (some, all.count > some.count || bound != nil)
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
