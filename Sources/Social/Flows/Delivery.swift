// Where a post comes to stand in lists: the author's timeline, the public one, the inboxes of those to whom the source
// pushes. All of them hold pointers under the post's id, so whatever is delivered twice stands once. After each
// thousand inboxes the intent says how far it is: who goes on after a crash begins there.

import Edge
import Keys
import World

enum Delivery {
    static func deliver(_ intent: Intent, at path: PostPath) -> Flow<Void> {
        guard case .post(let wanted, _) = intent.kind, let key = SocialKeys.head(path, intent.home) else {
            return .done
        }
        return Provisional.standingHead(key).then { there in
            // Of two ids of one request only the one that stands counts.
            let id = there?.id ?? wanted.id
            let pointer = Pointer(path: path.text, author: wanted.author, home: intent.home)
            return own(pointer, id, wanted)
                .then { wanted.isListed ? PublicTimeline.add(pointer, id) : .done }
                .then {
                    guard let author = wanted.author, wanted.isListed else { return .done }
                    return push(pointer, id, from: .user(author), intent)
                }
        }
    }

    private static func own(_ pointer: Pointer, _ id: PostID, _ head: Head) -> Flow<Void> {
        guard let author = head.author,
            let key = head.isListed
                ? SocialKeys.timeline(.user(author), id) : SocialKeys.unlisted(author, id, pointer.home)
        else { return .done }
        return Cluster.write(key, pointer, .quorum).map { _ in }
    }

    // MARK: Inboxes

    private static func push(_ pointer: Pointer, _ id: PostID, from source: Source, _ intent: Intent) -> Flow<Void> {
        push(pointer, id, from: source, shard: intent.deliveredShard, after: intent.deliveredTo) { shard, last in
            guard !intent.isProvisional, let wanted = PostPath(intent.subject) else { return .done }
            var next = intent
            next.deliveredShard = shard
            next.deliveredTo = last
            return Names.write(next, name: wanted.name(hidden: intent.home != nil)).orElse { _ in .done }
        }
    }

    /// To all to whom the source pushes, from a place on. `checkpoint` is run after each page that was not the last of
    /// all.
    static func push(
        _ pointer: Pointer, _ id: PostID, from source: Source, shard: Int = 0, after last: String? = nil,
        checkpoint: @escaping (Int, String?) -> Flow<Void> = { _, _ in .done }
    ) -> Flow<Void> {
        guard shard < Limits.socialShardsOfSource else { return .done }
        var range = SocialKeys.followers(source, shard: shard)
        range.start = last.map { $0 + "\0" }
        let listed: Flow<Listing<Follower>> = Cluster.list(range, limit: Limits.socialDeliveryPage, .quorum)
        return listed.then { listing in
            .with { core in
                let wall = core.now.wall
                let names = listing.items.filter { $0.record.pushedUntil.map { $0 > wall } ?? false }.map(\.sort)
                let writes = names.compactMap { SocialKeys.inbox($0, id) }.map { key in
                    Cluster.write(key, pointer, .one).map { _ in }
                }
                core.figures.pointers += UInt64(writes.count)
                return Flow<[Void]>.all(writes, width: Limits.socialPushWidth).then { _ in
                    guard listing.hasMore, let end = listing.items.last?.sort else {
                        return push(pointer, id, from: source, shard: shard + 1, checkpoint: checkpoint)
                    }
                    return checkpoint(shard, end).then {
                        push(pointer, id, from: source, shard: shard, after: end, checkpoint: checkpoint)
                    }
                }
            }
        }
    }
}
