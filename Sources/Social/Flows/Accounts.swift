// What people do with their accounts: profiles, new passwords, the end of it all. The name of a deleted account stays
// taken: nobody shall speak in another's name.

import DataTypes
import Edge
import JSON
import Keys
import World

enum Accounts {
    // MARK: Profile

    static func profile(_ name: String, _ level: Level = .one) -> Flow<Profile> {
        guard let key = SocialKeys.profile(name) else { return .value(Profile(nil)) }
        return Cluster.document(key, level).map { Profile($0.value) }.orElse { _ in .value(Profile(nil)) }
    }

    /// Nil: it stays.
    static func setProfile(_ viewer: Visitor, display: String?, bio: String?) -> Flow<Void> {
        guard let key = SocialKeys.profile(viewer.name) else { return .refused(.internalError) }
        guard display?.utf8.count ?? 0 <= 120, bio?.utf8.count ?? 0 <= 2_000 else {
            return .refused(.badInput("a name shown has up to 120 bytes, a text about you up to 2,000"))
        }
        let members = [("display", display), ("bio", bio)].compactMap { name, text in
            text.map { (name, JSONValue.string($0)) }
        }
        guard !members.isEmpty else { return .done }
        let profile = JSONValue.object(members.map { JSONValue.Member($0.0, $0.1) })
        return Cluster.merge(key, .object(["profile": profile]), .quorum)
    }

    static func block(_ viewer: Visitor, _ name: String, isBlocked: Bool) -> Flow<Void> {
        guard let key = SocialKeys.profile(viewer.name), let user = Spelling.user(name), user != viewer.name else {
            return .refused(.noSuchUser)
        }
        let operation = JSONValue.object([
            "op": .string(isBlocked ? "add" : "discard"), "path": .string("/blocks"), "value": .string(user),
        ])
        return Cluster.operate(key, TypedCall(.operations, JSONValue.array([operation]).encode()), .quorum).map { _ in }
            .orElse { problem in
                // Nothing of that kind stands there: nobody is blocked.
                !isBlocked && problem.status == 422 ? .done : .refused(problem)
            }
            // Who is blocked follows no longer.
            .then { isBlocked ? Follows.remove(user, .user(viewer.name)) : .done }
    }

    // MARK: Password

    static func changePassword(_ viewer: Visitor, from old: String, to new: String, salt: [UInt8]) -> Flow<Void> {
        let password: [UInt8]
        do { password = try Password.checked(new) } catch { return .refused(error) }
        guard let key = SocialKeys.credential(viewer.name, viewer.home) else { return .refused(.internalError) }
        let standing: Flow<Stored<Credential>> = Cluster.read(key, .strict)
        return standing.then { stored in
            guard let credential = stored.record else { return .refused(.badCredentials) }
            return check(viewer, old, credential).then {
                Password.hash(password, salt: salt).then { phc in
                    let next = Credential(
                        phc: phc, version: credential.version + 1, generation: credential.generation)
                    return Login.all(of: viewer).then { sessions in
                        Cluster.write(key, next, context: stored.context, .strict).then { _ in
                            .with { core in
                                core.sessions.forget(of: viewer.name)
                                // What is shown of them; they are over already.
                                Login.end(sessions.map(\.digest), of: viewer).start(&core)
                                return .done
                            }
                        }
                    }
                }
            }
        }
    }

    /// A stolen session must not guess on.
    private static func check(_ viewer: Visitor, _ password: String, _ credential: Credential) -> Flow<Void> {
        .with { core in
            if let wait = core.rates.login(viewer.name, "", core.now.instant) {
                return .refused(.tooMany(wait, "passwords tried"))
            }
            return Password.isRight(Password.bytes(password), credential.phc).then { isRight in
                .with { core in
                    if isRight { return .done }
                    core.rates.passwordFailed(viewer.name, core.now.instant)
                    return .refused(.badCredentials)
                }
            }
        }
    }

    // MARK: Deleting

    static func delete(_ viewer: Visitor, password: String, token: SocialToken) -> Flow<Void> {
        guard let key = SocialKeys.credential(viewer.name, viewer.home) else { return .refused(.internalError) }
        let standing: Flow<Stored<Credential>> = Cluster.read(key, .strict)
        return standing.then { stored in
            guard let credential = stored.record else { return .refused(.badCredentials) }
            return check(viewer, password, credential).then {
                .with { core in
                    let intent = Intent(
                        .deleteAccount, subject: viewer.name, home: viewer.home, token: token.text,
                        since: core.now.wall)
                    return Names.prepare(intent, name: "user:" + viewer.name).then { intent in
                        close(viewer.name, .deleted).then {
                            .with { core in
                                core.sessions.forget(of: viewer.name)
                                Keeper.takeUp(intent, name: "user:" + viewer.name).start(&core)
                                return .done
                            }
                        }
                    }
                }
            }
        }
    }

    /// From here on nobody logs in, and nobody sees the posts as somebody's who is there.
    static func close(_ name: String, _ state: User.State) -> Flow<Void> {
        guard let key = SocialKeys.user(name) else { return .refused(.noSuchUser) }
        let standing: Flow<Stored<User>> = Cluster.read(key, .strict)
        return standing.then { stored in
            guard var user = stored.record else { return .refused(.noSuchUser) }
            guard user.state != .deleted else { return .done }
            user.state = state
            return Cluster.write(key, user, context: stored.context, .strict).map { _ in }
        }
    }

    /// Posts first, then what is the person's own; each step may have been done before.
    static func finishDeleting(_ intent: Intent) -> Flow<Void> {
        let name = intent.subject
        guard let credential = SocialKeys.credential(name, intent.home), let profile = SocialKeys.profile(name) else {
            return .refused(.internalError)
        }
        return close(name, .deleted)
            .then { deletePosts(SocialKeys.timeline(.user(name)), intent, before: nil) }
            .then { deletePosts(SocialKeys.unlisted(name, intent.home), intent, before: nil) }
            .then { unfollowAll(name, after: nil) }
            .then { Drafts.deleteAll(of: name, intent.home) }
            .then { Cluster.operate(profile, TypedCall(.delete), .quorum).map { _ in }.orElse { _ in .done } }
            .then { Cluster.delete(credential, .strict) }
            .then { Names.drop(intent, name: "user:" + name) }
    }

    private static func deletePosts(_ posts: SocialRange, _ intent: Intent, before: String?) -> Flow<Void> {
        var range = posts
        range.end = before
        let listed: Flow<Listing<Pointer>> = Cluster.list(range, reverse: true, limit: 200, .strict)
        return listed.then { listing in
            let deletions = listing.items.compactMap { item -> Flow<Void>? in
                guard let path = PostPath(item.record.path), let id = PostID(item.sort) else { return nil }
                return Editing.remove(path, intent.home, id)
            }
            return Flow<[Void]>.all(deletions, width: 8).then { _ in
                guard listing.hasMore, let last = listing.items.last?.sort else { return .done }
                return deletePosts(posts, intent, before: last)
            }
        }
    }

    private static func unfollowAll(_ name: String, after last: String?) -> Flow<Void> {
        var range = SocialKeys.following(name)
        range.start = last.map { $0 + "\0" }
        let listed: Flow<Listing<Following>> = Cluster.list(range, limit: 500, .strict)
        return listed.then { listing in
            let ends = listing.items.compactMap { Source($0.sort) }.map { Follows.remove(name, $0) }
            return Flow<[Void]>.all(ends, width: 8).then { _ in
                guard listing.hasMore, let last = listing.items.last?.sort else { return .done }
                return unfollowAll(name, after: last)
            }
        }
    }
}

/// What a person says of itself.
struct Profile: Sendable {
    let display: String
    let bio: String
    let blocks: [String]

    init(_ json: JSONValue?) {
        display = json?["profile"]?.text("display") ?? ""
        bio = json?["profile"]?.text("bio") ?? ""
        blocks = (json?["blocks"]?.array ?? []).compactMap(\.string)
    }
}
