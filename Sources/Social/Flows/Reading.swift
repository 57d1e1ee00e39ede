// Reading a post. One replica's yes is enough; before anybody is told that there is nothing, or nothing any more, a
// strict quorum is asked, and where none answers that is said: never "no" on one replica's word. Writers of heads wait
// for a strict quorum too, so from its 201 on a link is good at every node that reaches one.

import Ring
import Edge
import Keys
import World

struct ReadPost: Sendable {
    let path: PostPath
    let home: Home?
    let head: Head
    let context: [UInt8]
}

enum Reading {
    enum Found: Sendable {
        case post(ReadPost)
        /// It has moved to its title.
        case moved(PostPath)
        /// Nothing is shown, and why.
        case nothing(Problem)
    }

    /// - isFresh: the reader has just written: a quorum is asked, which has it.
    static func post(_ path: PostPath, isFresh: Bool = false) -> Flow<Found> {
        home(of: path).then { home in
            guard let key = SocialKeys.head(path, home) else { return .value(.nothing(.noSuchPost)) }
            return .with { core in
                let wall = core.now.wall
                let stored: Flow<Stored<Head>> =
                    isFresh
                    ? Cluster.read(key, .quorum).then { (stored: Stored<Head>) -> Flow<Stored<Head>> in
                        stored.record?.isShown(at: wall) == true ? .value(stored) : Cluster.read(key, .strict)
                    }
                    : Cluster.readSurely(key) { $0.isShown(at: wall) }
                return stored.then { stored in
                    guard let head = stored.record else { return .value(.nothing(.noSuchPost)) }
                    if let moved = head.movedTo.flatMap(PostPath.init) { return .value(.moved(moved)) }
                    return .with { core in
                        if let problem = head.hiding(at: wall, core.suspended) { return .value(.nothing(problem)) }
                        return .value(.post(ReadPost(path: path, home: home, head: head, context: stored.context)))
                    }
                }
            }
        }
    }

    /// The post itself, under whatever path it stands by now.
    static func found(_ path: PostPath, isFresh: Bool) -> Flow<ReadPost> {
        post(path, isFresh: isFresh).then { found in
            switch found {
            case .post(let post): .value(post)
            case .moved(let path): self.found(path, isFresh: isFresh)
            case .nothing(let problem): .refused(problem)
            }
        }
    }

    /// Where an author lives; posts by nobody live everywhere.
    static func home(of path: PostPath) -> Flow<Home?> {
        guard let user = path.user else { return .value(nil) }
        return home(ofUser: user)
    }

    static func home(ofUser name: String) -> Flow<Home?> {
        .with { core in
            guard !core.settings.homes.isEmpty else { return .value(nil) }
            return user(name).map { $0?.home }
        }
    }

    static func user(_ name: String) -> Flow<User?> {
        guard let key = SocialKeys.user(name) else { return .value(nil) }
        let user: Flow<Stored<User>> = Cluster.readSurely(key) { $0.state == .active }
        return user.map(\.record)
    }

    /// Somebody who is there.
    static func activeUser(_ name: String) -> Flow<User> {
        user(name).then { user in
            guard let user else { return .refused(.noSuchUser) }
            return user.absence.map { .refused($0) } ?? .value(user)
        }
    }

    /// A post with its bytes. Its head was perhaps one replica's: bodies go once a deleted head stands, and another
    /// post may stand there since.
    static func whole(_ post: ReadPost) -> Flow<(ReadPost, StoredBytes)> {
        bytes(post, post.head.body).then { found in
            if let found { return .value((post, found)) }
            return self.found(post.path, isFresh: true).then { present in
                bytes(present, present.head.body).then { $0.map { .value((present, $0)) } ?? .refused(.noSuchPost) }
            }
        }
    }

    /// Of a revision; nil: of the present one.
    static func body(_ post: ReadPost, revision: String? = nil) -> Flow<StoredBytes> {
        guard let revision, !revision.isSpelled(post.head.body) else { return whole(post).map { $1 } }
        return bytes(post, revision).then { found in
            if let found { return .value(found) }
            return self.found(post.path, isFresh: true).then { _ in .refused(.noSuchPost) }
        }
    }

    private static func bytes(_ post: ReadPost, _ digest: String) -> Flow<StoredBytes?> {
        guard let key = SocialKeys.body(post.path, post.head.id, digest, post.home) else { return .value(nil) }
        return Cluster.readBytes(key)
    }

    // MARK: Heads of lists

    /// What a pointer stands for; nil if nothing is to be shown of it, refused where that can't be told. A pointer
    /// whose post is another, or gone, is dropped by `discard`.
    static func head(
        _ pointer: Pointer, _ id: PostID, discard: @escaping () -> Flow<Void> = { .done }
    ) -> Flow<ReadPost?> {
        guard let path = PostPath(pointer.path) else { return .value(nil) }
        return .with { core in
            if let known = core.heads.head(path, pointer.home, id, core.now) {
                return .value(known.shown(core))
            }
            return look(path, pointer.home).then { post in
                .with { core in
                    let isOurs = post?.head.id == id || core.seams.ignoresPostID
                    guard let post, isOurs, post.head.state != .deleted else {
                        // What is there for the time being may be at one replica alone.
                        if post != nil || !path.mayBeProvisional { discard().start(&core) }
                        return .value(nil)
                    }
                    core.heads.note(post, at: pointer, id, core.now.instant)
                    return .value(post.shown(core))
                }
            }
        }
    }

    private static func look(_ path: PostPath, _ home: Home?) -> Flow<ReadPost?> {
        guard let key = SocialKeys.head(path, home) else { return .value(nil) }
        let stored: Flow<Stored<Head>> = Cluster.readSurely(key) { $0.state == .live }
        return stored.then { stored in
            guard let head = stored.record else { return .value(nil) }
            if let moved = head.movedTo.flatMap(PostPath.init) { return look(moved, home) }
            return .value(ReadPost(path: path, home: home, head: head, context: stored.context))
        }
    }
}

extension ReadPost {
    fileprivate func shown(_ core: SocialCore) -> ReadPost? {
        head.hiding(at: core.now.wall, core.suspended) == nil ? self : nil
    }
}

extension Head {
    /// Why it is not shown; nil where it is.
    fileprivate func hiding(at wall: WallTime, _ suspended: Suspensions) -> Problem? {
        switch state {
        case .deleted: .gone
        case .hidden: .hidden
        case .live: suspended.isAuthor(of: self) ? .accountHidden : isShown(at: wall) ? nil : .expired
        }
    }
}

extension User {
    /// Why nobody is there; nil where somebody is.
    var absence: Problem? {
        switch state {
        case .active: nil
        case .suspended: .accountHidden
        case .deleted: .accountGone
        }
    }
}

/// Heads as they were read last, for two seconds: the lists of one node's readers have the same posts.
struct HeadCache {
    private struct Place: Hashable {
        let path: String
        let home: Home?
    }

    private var heads: [Place: (post: ReadPost, id: PostID, until: Instant)] = [:]

    func head(_ path: PostPath, _ home: Home?, _ id: PostID, _ now: Now) -> ReadPost? {
        guard let entry = heads[Place(path: path.text, home: home)], entry.id == id, entry.until > now.instant else {
            return nil
        }
        return entry.post
    }

    mutating func note(_ post: ReadPost, at pointer: Pointer, _ id: PostID, _ now: Instant) {
        if heads.count >= Limits.socialHeads { heads = [:] }
        heads[Place(path: pointer.path, home: pointer.home)] = (post, id, now + Limits.socialHeadLook)
    }

    mutating func forget(_ path: PostPath, _ home: Home?) { heads[Place(path: path.text, home: home)] = nil }
}
