// Pages of posts, the newest first. What lists hold are pointers; a page is full of posts that can be shown, so more is
// fetched while some of them can't.

import Edge
import Keys
import World

/// A page of posts.
struct TimelinePage: Sendable {
    let posts: [ListedPost]
    /// More stand before this.
    let next: PostID?
    /// Nothing that should be here may be missing: all who were asked answered.
    let isComplete: Bool
}

struct ListedPost: Sendable {
    let id: PostID
    let content: Content

    enum Content: Sendable {
        case post(ReadPost)
        case item(feed: String, FeedEntry)
    }
}

/// Where a pointer was found: its id, and how to take away what was seen there.
struct FoundPointer: Sendable {
    let id: PostID
    let pointer: Pointer
    var discard: @Sendable () -> Flow<Void> = { .done }
}

/// Some pointers of a list, the newest first.
struct PointerPage: Sendable {
    let found: [FoundPointer]
    let hasMore: Bool
    /// Down to there all is known: what follows stands before it. Nil: down to the last that was found.
    var end: PostID?
    /// All who were asked for it answered.
    let isComplete: Bool

    init(_ found: [FoundPointer], hasMore: Bool, end: PostID? = nil, isComplete: Bool = true) {
        self.found = found
        self.hasMore = hasMore
        self.end = end ?? found.last?.id
        self.isComplete = isComplete
    }

    /// Of a list that could not be read.
    static var missing: PointerPage { PointerPage([], hasMore: false, isComplete: false) }
}

enum Timelines {
    /// Pages that are looked through for one: after so many posts that are gone it is said that more follow.
    private static let tries = 6

    /// - isFresh: the reader has just written: a quorum is asked, which has it.
    static func page(
        _ range: SocialRange, before: PostID?, limit: Int, isFresh: Bool = false
    ) -> Flow<TimelinePage> {
        gather(limit: limit, before: before) { before, count in
            pointers(range, before: before, count, isFresh ? .quorum : .one)
        }
    }

    static func pointers(
        _ range: SocialRange, before: PostID?, _ count: Int, _ level: Level = .one
    ) -> Flow<PointerPage> {
        var range = range
        range.end = before?.text
        let listed: Flow<Listing<Pointer>> = Cluster.list(range, reverse: true, limit: count, level)
        return listed.map { listing in
            let found = listing.items.compactMap { item in
                PostID(item.sort).map { id in
                    // Another that was written meanwhile, as when a post has moved, stays.
                    FoundPointer(id: id, pointer: item.record) {
                        Cluster.delete(item.stored, .one).orElse { _ in .done }
                    }
                }
            }
            // What could not be read as a pointer is passed by.
            return PointerPage(found, hasMore: listing.hasMore, end: listing.items.last.flatMap { PostID($0.sort) })
        }
    }

    /// Fills a page from `fetch`, which gives pointers before a post.
    static func gather(
        limit: Int, before: PostID?,
        _ fetch: @escaping (PostID?, Int) -> Flow<PointerPage>
    ) -> Flow<TimelinePage> {
        gather(limit, before, Posts(), tries, fetch)
    }

    private static func gather(
        _ limit: Int, _ before: PostID?, _ already: Posts, _ tries: Int,
        _ fetch: @escaping (PostID?, Int) -> Flow<PointerPage>
    ) -> Flow<TimelinePage> {
        fetch(before, limit).then { page in
            posts(page.found).then { posts in
                let all = already.listed + posts.listed
                let isComplete = already.isComplete && posts.isComplete && page.isComplete
                let shown = Array(all.prefix(limit))
                let last = page.end
                if shown.count == limit || !page.hasMore || tries <= 1 || last == nil {
                    let next = all.count > limit || page.hasMore ? (shown.count == limit ? shown.last?.id : last) : nil
                    return .value(TimelinePage(posts: shown, next: next, isComplete: isComplete))
                }
                return gather(limit, last, Posts(listed: all, isComplete: isComplete), tries - 1, fetch)
            }
        }
    }

    private struct Posts {
        var listed: [ListedPost] = []
        var isComplete = true
    }

    /// What pointers stand for, in their order, without those that stand for nothing, or that can't be asked for.
    private static func posts(_ found: [FoundPointer]) -> Flow<Posts> {
        let reads = found.map { one in
            listed(one.pointer, one.id, discard: one.discard).optional
        }
        return Flow<[ListedPost??]>.all(reads).map { answers in
            Posts(listed: answers.compactMap { $0 ?? nil }, isComplete: answers.allSatisfy { $0 != nil })
        }
    }

    /// What a pointer stands for; nil if nothing is to be shown of it. Refused where that can't be told.
    static func listed(
        _ pointer: Pointer, _ id: PostID, discard: @escaping () -> Flow<Void> = { .done }
    ) -> Flow<ListedPost?> {
        if pointer.path.hasPrefix("feed:") {
            return PollDesk.entry(String(pointer.path.dropFirst(5)), id).map { entry in
                entry.map { ListedPost(id: id, content: .item(feed: String(pointer.path.dropFirst(5)), $0)) }
            }
        }
        return Reading.head(pointer, id, discard: discard).map { post in
            post.map { ListedPost(id: id, content: .post($0)) }
        }
    }
}
