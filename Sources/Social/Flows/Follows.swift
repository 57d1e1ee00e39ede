// Following people and feeds, and how posts reach those who follow: pushed, written to each inbox when they are made,
// or pulled, read from the source when the inbox is.
//
// Push where *the reader's views × what a pull costs ≥ the source's posts × what a push costs*: for each pair, the
// least for all together (Silberstein et al., "Feeding Frenzy", SIGMOD 2010). But nobody pulls from more than 16
// sources at once, who has not come for two weeks gets nothing pushed, and a source to whose followers ten thousand are
// pushed is pulled by all others. Decided anew when the reader comes, once a day.

import Edge
import JSON
import Keys
import World

enum Follows {
    /// What one of each costs the cluster, in microseconds of processors (docs/BENCHMARKS.md: a quorum PUT; a range
    /// counted as two GETs).
    static let pushCost = 77.3
    static let pullCost = 78.8

    static func all(_ name: String) -> Flow<[Follow]> { page(name, after: nil, already: []) }

    private static func page(_ name: String, after last: String?, already: [Follow]) -> Flow<[Follow]> {
        var range = SocialKeys.following(name)
        range.start = last.map { $0 + "\0" }
        let listed: Flow<Listing<Following>> = Cluster.list(range, limit: 1_000, .one)
        return listed.then { listing in
            let all =
                already
                + listing.items.compactMap { item in
                    Source(item.sort).map { Follow(source: $0, record: item.record) }
                }
            guard listing.hasMore, all.count < Limits.socialFollowed, let end = listing.items.last?.sort else {
                return .value(all)
            }
            return page(name, after: end, already: all)
        }
    }

    // MARK: Follow and unfollow

    /// Pending, then the source's side, then confirmed: in between it is pulled, so nothing is missed.
    static func follow(_ viewer: Visitor, _ source: Source) -> Flow<Void> {
        guard let key = SocialKeys.following(viewer.name, source) else { return .refused(.noSuchUser) }
        return check(viewer, source).then { all(viewer.name) }.then { follows in
            // One replica's list may not know yet that it was left.
            let standing: Flow<Stored<Following>> = Cluster.read(key, .quorum)
            return standing.then { stored in
                if stored.record?.state == .confirmed { return .done }
                guard follows.count < Limits.socialFollowed else { return .refused(.tooManyFollowed) }
                return .with { core in
                    let since = core.now.wall
                    return Cluster.write(
                        key, Following(since: since, state: .pending), context: stored.context, .quorum
                    ).then { _ in
                        decide(viewer, source, since: since, pulled: follows.count { !$0.isPushed(at: since) })
                    }
                }
            }
        }
    }

    private static func check(_ viewer: Visitor, _ source: Source) -> Flow<Void> {
        switch source {
        case .user(let name):
            guard name != viewer.name else { return .refused(.badInput("nobody follows oneself")) }
            return Reading.user(name).then { user in
                guard user?.state == .active else { return .refused(.noSuchUser) }
                return Accounts.profile(name, .quorum).then {
                    $0.blocks.contains(viewer.name) ? .refused(.blocked) : .done
                }
            }
        case .feed(let id):
            return PollDesk.feed(id).then { $0 == nil ? .refused(.noSuchFeed) : .done }
        }
    }

    /// Push or pull, and both sides told.
    /// - level: at which it is asked whether the source is followed still.
    static func decide(
        _ viewer: Visitor, _ source: Source, since: WallTime, pulled: Int, _ level: Level = .quorum
    ) -> Flow<Void> {
        Counting.counts(source).then { counts in
            .with { core in
                let wall = core.now.wall
                // Who comes is here today; how often is not known yet: some times a day.
                let views = Limits.socialViewsPerDay
                let isCheaper = views * pullCost >= counts.postsPerDay * pushCost
                let isPushed = (isCheaper || pulled >= Limits.socialPulls) && counts.followers < Limits.socialPushed
                let until =
                    isPushed
                    ? WallTime(milliseconds: wall.milliseconds + Limits.socialPushMilliseconds) : nil
                return set(viewer.name, source, since: since, pushedUntil: until, level)
            }
        }
    }

    /// The edge first, then what the source has from the last 30 days: nothing falls between.
    private static func set(
        _ name: String, _ source: Source, since: WallTime, pushedUntil: WallTime?, _ level: Level
    ) -> Flow<Void> {
        guard let edge = SocialKeys.follower(source, name), let key = SocialKeys.following(name, source) else {
            return .refused(.noSuchUser)
        }
        return Cluster.write(edge, Follower(pushedUntil: pushedUntil), .quorum)
            .then { _ in pushedUntil == nil ? .done : copyLast(source, to: name) }
            .then {
                let standing: Flow<Stored<Following>> = Cluster.read(key, level)
                return standing.then { stored in
                    // Unfollowed meanwhile.
                    guard stored.record != nil else { return Cluster.delete(edge, .quorum) }
                    let next = Following(since: since, state: .confirmed, pushedUntil: pushedUntil)
                    return Cluster.write(key, next, context: stored.context, .quorum)
                        .then { _ in pushedUntil == nil ? .done : checkEdge(edge, key) }
                }
            }
    }

    /// Of a follow and an unfollow at once, each looks for what the other has done once its own is done: what counts on
    /// pushes that nobody sends any more is pulled.
    private static func checkEdge(_ edge: StoredKey, _ key: StoredKey) -> Flow<Void> {
        let standing: Flow<Stored<Follower>> = Cluster.read(edge, .quorum)
        return standing.then { $0.record == nil ? pull(key) : .done }
    }

    private static func pull(_ key: StoredKey) -> Flow<Void> {
        let standing: Flow<Stored<Following>> = Cluster.read(key, .quorum)
        return standing.then { stored in
            guard let there = stored.record, there.state == .confirmed else { return .done }
            return Cluster.write(
                key, Following(since: there.since, state: .pending), context: stored.context, .quorum
            ).map { _ in }
        }
    }

    private static func copyLast(_ source: Source, to name: String) -> Flow<Void> {
        .with { core in
            let wall = core.now.wall.milliseconds
            var range = SocialKeys.timeline(source)
            range.start =
                PostID(
                    firstOf: WallTime(milliseconds: wall - min(wall, Limits.socialInboxMilliseconds))
                ).text
            let listed: Flow<Listing<Pointer>> = Cluster.list(range, reverse: true, limit: 500, .quorum)
            return listed.then { listing in
                let copies = listing.items.compactMap { item in
                    PostID(item.sort).map { Delivery.write(item.record.json.encode(), $0, to: name) }
                }
                return Flow<[Void]>.all(copies, width: Limits.socialPushWidth).map { _ in }
            }
        }
    }

    static func unfollow(_ viewer: Visitor, _ source: Source) -> Flow<Void> { remove(viewer.name, source) }

    static func remove(_ name: String, _ source: Source) -> Flow<Void> {
        guard let edge = SocialKeys.follower(source, name), let key = SocialKeys.following(name, source) else {
            return .refused(.noSuchUser)
        }
        // An edge that is left brings what nobody is shown; a record that is left would count on an edge. A quorum of
        // the primaries, where there is one: what stands in for one of them is not seen by whoever decides anew.
        let left = Cluster.delete(key, .strict).orElse { _ in Cluster.delete(key, .quorum) }
        return left.then {
            Cluster.delete(edge, .quorum).map { Problem?.none }.orElse { .value($0) }
        }.then { problem in pull(key).then { problem.map { .refused($0) } ?? .done } }
    }

    // MARK: Daily

    /// Decides anew what is pushed to somebody who is here, once a day: pushes end after two weeks without that. And
    /// looks whether those who push know of it: of a follow and an unfollow at once, cut short by a crash, each may
    /// have left its half.
    static func visit(_ viewer: Visitor) -> Flow<Void> {
        .with { core in
            let day = core.now.wall.milliseconds / 86_400_000
            guard core.rates.isFirstVisit(viewer.name, day) else { return .done }
            all(viewer.name).then { follows in
                .with { core in
                    let wall = core.now.wall
                    let soon = WallTime(milliseconds: wall.milliseconds + Limits.socialPushMilliseconds / 2)
                    let pulled = follows.count { !$0.isPushed(at: wall) }
                    let decisions = follows.map { follow in
                        let isSure = follow.record.state == .confirmed && follow.isPushed(at: soon)
                        return (isSure ? hasEdge(viewer, follow.source) : .value(false)).then { hasEdge in
                            // It may have been left since, and stand-ins not know of that.
                            hasEdge
                                ? .done
                                : decide(
                                    viewer, follow.source, since: follow.record.since, pulled: pulled, .strict)
                        }.orElse { _ in .done }
                    }
                    return Flow<[Void]>.all(decisions, width: 4).map { _ in }
                }
            }.start(&core)
            return .done
        }
    }
}

extension Follows {
    private static func hasEdge(_ viewer: Visitor, _ source: Source) -> Flow<Bool> {
        guard let edge = SocialKeys.follower(source, viewer.name) else { return .value(true) }
        let standing: Flow<Stored<Follower>> = Cluster.read(edge, .one)
        return standing.map { $0.record != nil }
    }
}

/// How many follow, are followed, and what was posted: counted from the sets themselves.
enum Counting {
    /// As they were counted within the last minute; else they are counted in the background, for the next who asks.
    static func counts(_ source: Source) -> Flow<Counts> {
        guard let key = SocialKeys.counts(source) else { return .value(.none) }
        let standing: Flow<Stored<Counts>?> = Cluster.read(key, .one).optional
        return standing.then { stored in
            .with { core in
                let known = stored?.record
                let age = known.map {
                    core.now.wall.milliseconds &- min($0.countedAt.milliseconds, core.now.wall.milliseconds)
                }
                if let known, let age, age < 60_000 { return .value(known) }
                let anew = count(source).then { counts in
                    Cluster.write(key, counts, context: stored?.context, .one).map { _ in counts }
                }
                guard let known else { return anew.orElse { _ in .value(.none) } }
                anew.start(&core) { _, _ in }
                return .value(known)
            }
        }
    }

    private static func count(_ source: Source) -> Flow<Counts> {
        .with { core in
            let wall = core.now.wall
            let month = PostID(
                firstOf: WallTime(milliseconds: wall.milliseconds - min(wall.milliseconds, 30 * 86_400_000)))
            let followers = followers(source)
            let following: Flow<Int> =
                if case .user(let name) = source { Follows.all(name).map(\.count) } else { .value(0) }
            var recent = SocialKeys.timeline(source)
            recent.start = month.text
            let recentPosts: Flow<Listing<Pointer>> = Cluster.list(recent, limit: 1_000, .one)
            let allPosts: Flow<Listing<Pointer>> = Cluster.list(SocialKeys.timeline(source), limit: 1_000, .one)
            return followers.then { followers in
                following.then { following in
                    recentPosts.then { recent in
                        allPosts.map { all in
                            Counts(
                                followers: followers.count, following: following, posts: all.items.count,
                                postsPerDay: Double(recent.items.count) / 30,
                                isExact: followers.isExact && !all.hasMore, countedAt: wall)
                        }
                    }
                }
            }
        }
    }

    /// Exact to ten thousand; beyond, one of the 16 shards stands for all.
    private static func followers(_ source: Source) -> Flow<(count: Int, isExact: Bool)> {
        let first: Flow<Listing<Follower>> = Cluster.list(SocialKeys.followers(source, shard: 0), limit: 1_000, .one)
        return first.then { listing in
            if listing.hasMore {
                return countShard(source, 0, after: nil, 0).map { ($0 * Limits.socialShardsOfSource, false) }
            }
            let others = (1..<Limits.socialShardsOfSource).map { shard -> Flow<Listing<Follower>> in
                Cluster.list(SocialKeys.followers(source, shard: shard), limit: 1_000, .one)
            }
            return Flow<[Listing<Follower>]>.all(others, width: 8).map { lists in
                (lists.reduce(listing.items.count) { $0 + $1.items.count }, !lists.contains { $0.hasMore })
            }
        }
    }

    private static func countShard(_ source: Source, _ shard: Int, after last: String?, _ sum: Int) -> Flow<Int> {
        var range = SocialKeys.followers(source, shard: shard)
        range.start = last.map { $0 + "\0" }
        let listed: Flow<Listing<Follower>> = Cluster.list(range, limit: 1_000, .one)
        return listed.then { listing in
            let all = sum + listing.items.count
            guard listing.hasMore, all < 1_000_000, let end = listing.items.last?.sort else { return .value(all) }
            return countShard(source, shard, after: end, all)
        }
    }
}

extension Counts {
    static let none = Counts(
        followers: 0, following: 0, posts: 0, postsPerDay: 0, isExact: false, countedAt: WallTime(milliseconds: 0))
}
