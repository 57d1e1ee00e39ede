// Where a post comes to stand in lists: the author's timeline, the public one, the inboxes of those to whom the source
// pushes. All of them hold pointers under the post's id, so whatever is delivered twice stands once: who goes on
// after a crash begins anew (docs/decisions/0042-a-delivery-begins-anew.md).

import Edge
import JSON
import Keys
import World

enum Delivery {
    /// Lists hear of a post by and by: whoever has published it does not wait for that, and neither does whoever
    /// finishes it. Nothing if this node is at it already.
    /// - Parameter end: what follows, and ends the intent.
    static func beside(
        _ intent: Intent, as post: PostID, _ delivery: Flow<Void>, end: @escaping () -> Flow<Void>
    ) -> Flow<Void> {
        .with { core in
            Attendance.attend(intent, as: post, delivery).then { $0 ? end() : .done }.start(&core)
            return .done
        }
    }

    /// - Parameter known: the id of the post, for whoever has just published it.
    static func deliver(_ intent: Intent, at path: PostPath, as known: PostID? = nil) -> Flow<Void> {
        guard case .post(let wanted, _) = intent.kind, let key = SocialKeys.head(path, intent.home) else {
            return .done
        }
        let standing = Provisional.standing(key).map { $0.record?.id ?? known ?? wanted.id }
        guard let known else { return standing.then { list(intent, wanted, path, $0) } }
        return list(intent, wanted, path, known).then { standing }.then { id in
            // Of two ids of one request only the one that stands counts.
            id == known ? .done : list(intent, wanted, path, id)
        }
    }

    /// The author's timeline before inboxes: whoever begins to follow meanwhile is either among those who are told, or
    /// finds the post there.
    private static func list(_ intent: Intent, _ wanted: Head, _ path: PostPath, _ id: PostID) -> Flow<Void> {
        let pointer = Pointer(path: path.text, author: wanted.author, home: intent.home)
        let own = own(pointer, id, wanted)
        guard wanted.isListed else { return own }
        let told =
            wanted.author.map { author in
                own.then { DeliveryQueue.turn(push(pointer, id, from: .user(author))) }
            } ?? own
        return Flow<[Void]>.all([PublicTimeline.add(pointer, id), told]).map { _ in }
    }

    private static func own(_ pointer: Pointer, _ id: PostID, _ head: Head) -> Flow<Void> {
        guard let author = head.author,
            let key = head.isListed
                ? SocialKeys.timeline(.user(author), id) : SocialKeys.unlisted(author, id, pointer.home)
        else { return .done }
        return Cluster.write(key, pointer, .quorum).map { _ in }
    }

    // MARK: Inboxes

    /// To all to whom the source pushes: at most `Limits.socialPushed`, but for those who have come at once.
    static func push(_ pointer: Pointer, _ id: PostID, from source: Source) -> Flow<Void> {
        let bytes = pointer.json.encode()
        let shards = (0..<Limits.socialShardsOfSource).map { shard in
            push(bytes, id, to: SocialKeys.followers(source, shard: shard))
        }
        return Flow<[Void]>.all(shards).map { _ in }
    }

    /// Page by page: whose names were read first need not wait for the others.
    private static func push(_ pointer: [UInt8], _ id: PostID, to followers: SocialRange) -> Flow<Void> {
        let page: Flow<Listing<Follower>> = Cluster.list(
            followers, limit: Limits.socialDeliveryPage, timeout: Limits.socialDeliveryPatience, .quorum)
        return PushPace.push(page, weight: Limits.socialPushPageWeight).then { page in
            .with { core in
                let wall = core.now.wall
                let names = page.items.filter { $0.record.pushedUntil.map { $0 > wall } ?? false }.map(\.sort)
                let slices = stride(from: 0, to: names.count, by: Limits.socialPushSlice).map {
                    write(pointer, id, to: names[$0..<min($0 + Limits.socialPushSlice, names.count)])
                }
                return Flow<[Void]>.all(slices).then { _ in
                    guard page.hasMore, let last = page.items.last?.sort else { return .done }
                    var rest = followers
                    rest.start = last + "\0"
                    return push(pointer, id, to: rest)
                }
            }
        }
    }

    /// To the inboxes of all of them together, when it is their turn; one by one to those where something stands
    /// already, as where a delivery begins anew, or that nobody took.
    private static func write(_ pointer: [UInt8], _ id: PostID, to names: ArraySlice<String>) -> Flow<Void> {
        let keys = names.compactMap { SocialKeys.inbox($0, id) }
        let insert = Cluster.insert(keys, bytes: pointer, type: "application/json")
        return PushPace.push(insert, weight: keys.count).then { left in
            .with { core in
                core.figures.pointers += UInt64(keys.count - left.count)
                let writes = left.map { write(pointer, under: $0) }
                return Flow<[Void]>.all(writes, width: Limits.socialPushWidth).map { _ in }
            }
        }
    }

    /// To somebody's inbox, when it is its turn.
    static func write(_ pointer: [UInt8], _ id: PostID, to name: String) -> Flow<Void> {
        SocialKeys.inbox(name, id).map { write(pointer, under: $0) } ?? .done
    }

    private static func write(_ pointer: [UInt8], under key: StoredKey) -> Flow<Void> {
        PushPace.push(
            .with { _ in
                Cluster.write(key, bytes: pointer, type: "application/json", context: nil, .one).then { _ in
                    .with { core in
                        core.figures.pointers += 1
                        return .done
                    }
                }
            })
    }
}
