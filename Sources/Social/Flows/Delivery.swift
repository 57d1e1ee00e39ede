// Where a post comes to stand in lists: the author's timeline, the public one, the inboxes of those to whom the source
// pushes. All of them hold pointers under the post's id, so whatever is delivered twice stands once: who goes on
// after a crash begins anew (docs/decisions/0042-a-delivery-begins-anew.md).

import Edge
import JSON
import Keys
import World

enum Delivery {
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

    /// The author's timeline first: whoever begins to follow meanwhile is either among those who are told, or finds the
    /// post there.
    private static func list(_ intent: Intent, _ wanted: Head, _ path: PostPath, _ id: PostID) -> Flow<Void> {
        let pointer = Pointer(path: path.text, author: wanted.author, home: intent.home)
        return own(pointer, id, wanted).then {
            guard wanted.isListed else { return .done }
            let told: Flow<Void> = wanted.author.map { push(pointer, id, from: .user($0)) } ?? .done
            return Flow<[Void]>.all([PublicTimeline.add(pointer, id), told]).map { _ in }
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

    /// To all to whom the source pushes.
    static func push(_ pointer: Pointer, _ id: PostID, from source: Source) -> Flow<Void> {
        readers(of: source).then { names in
            let bytes = pointer.json.encode()
            let writes = names.map { write(bytes, id, to: $0) }
            return Flow<[Void]>.all(writes, width: Limits.socialPushWidth).map { _ in }
        }
    }

    /// To somebody's inbox, when it is its turn.
    static func write(_ pointer: [UInt8], _ id: PostID, to name: String) -> Flow<Void> {
        PushPace.push(
            .with { _ in
                guard let key = SocialKeys.inbox(name, id) else { return .done }
                return Cluster.write(key, bytes: pointer, type: "application/json", context: nil, .one).then { _ in
                    .with { core in
                        core.figures.pointers += 1
                        return .done
                    }
                }
            })
    }

    /// To whom a source pushes: at most `Limits.socialPushed`, but for those who have come at once.
    private static func readers(of source: Source) -> Flow<[String]> {
        let shards = (0..<Limits.socialShardsOfSource).map { readers(of: source, shard: $0, after: nil, already: []) }
        return Flow<[[String]]>.all(shards).map { Array($0.joined()) }
    }

    private static func readers(
        of source: Source, shard: Int, after last: String?, already: [String]
    ) -> Flow<[String]> {
        var range = SocialKeys.followers(source, shard: shard)
        range.start = last.map { $0 + "\0" }
        let listed: Flow<Listing<Follower>> = Cluster.list(range, limit: Limits.socialDeliveryPage, .quorum)
        return listed.then { listing in
            .with { core in
                let wall = core.now.wall
                let names =
                    already
                    + listing.items.filter { $0.record.pushedUntil.map { $0 > wall } ?? false }.map(\.sort)
                guard listing.hasMore, let end = listing.items.last?.sort else { return .value(names) }
                return readers(of: source, shard: shard, after: end, already: names)
            }
        }
    }
}
