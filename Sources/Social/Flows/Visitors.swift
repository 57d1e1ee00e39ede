// Who asks: the cookie or the bearer's token of a session, looked up at most once in two seconds.
//
// A session is good while its user is active in the generation that it was begun in, and its credential's version is
// the one that it was begun under: a new password ends all sessions, everywhere, as soon as it has got there.

import Edge
import Keys
import World

/// Somebody who has logged in.
struct Visitor: Hashable, Sendable {
    let name: String
    let home: Home?
    let generation: UInt64
    let credentialVersion: Int
    /// Of the session's token.
    let session: String
}

/// What sessions were found to be, for two seconds.
struct SessionCache {
    private var found: [String: (viewer: Visitor?, until: Instant)] = [:]

    func viewer(_ digest: String, _ now: Instant) -> Visitor?? {
        guard let entry = found[digest], entry.until > now else { return nil }
        return .some(entry.viewer)
    }

    mutating func note(_ digest: String, _ viewer: Visitor?, _ now: Instant) {
        if found.count >= Limits.socialSessions { found = [:] }
        found[digest] = (viewer, now + Limits.socialSessionLook)
    }

    mutating func forget(_ digest: String) { found[digest] = nil }

    mutating func forget(of name: String) {
        found = found.filter { !($0.value.viewer?.name.isSpelled(name) ?? false) }
    }
}

enum Visitors {
    static func digest(ofToken token: String) -> String { SocialDigest(Array(token.utf8)).text }

    /// Whom a session's token is of; nil: nobody's, or over.
    static func viewer(token: String, isSure: Bool = false) -> Flow<Visitor?> {
        let digest = digest(ofToken: token)
        return .with { core in
            if !isSure, let known = core.sessions.viewer(digest, core.now.instant) { return .value(known) }
            return look(digest, isSure ? .strict : .one).then { viewer in
                .with { core in
                    core.sessions.note(digest, viewer, core.now.instant)
                    return .value(viewer)
                }
            }
        }
    }

    private static func look(_ digest: String, _ level: Level) -> Flow<Visitor?> {
        guard let key = SocialKeys.session(digest) else { return .value(nil) }
        let session: Flow<Stored<Session>> = level.isStrict ? Cluster.read(key, .strict) : Cluster.readSurely(key)
        return session.then { stored in
            guard let session = stored.record, let user = SocialKeys.user(session.name),
                let credential = SocialKeys.credential(session.name, session.home)
            else { return .value(nil) }
            let isActive = { (user: User) in user.state == .active && user.generation == session.generation }
            let account: Flow<Stored<User>> =
                level.isStrict ? Cluster.read(user, .strict) : Cluster.readSurely(user, isYes: isActive)
            let isSame = { (there: Credential) in
                there.version == session.credentialVersion && there.generation == session.generation
            }
            let secret: Flow<Stored<Credential>> =
                level.isStrict ? Cluster.read(credential, .strict) : Cluster.readSurely(credential, isYes: isSame)
            return account.then { account in
                guard let user = account.record, isActive(user) else { return .value(nil) }
                return secret.then { secret in
                    guard let there = secret.record, isSame(there) else { return .value(nil) }
                    return keepAlive(session, digest).then {
                        .value(
                            Visitor(
                                name: session.name, home: session.home, generation: session.generation,
                                credentialVersion: session.credentialVersion, session: digest))
                    }
                }
            }
        }
    }

    /// As long as it lasts it stands in the list of its person's.
    private static func keepLabel(_ session: Session, _ digest: String) -> Flow<Void> {
        guard let key = SocialKeys.accountSession(session.name, digest, session.home) else { return .done }
        let standing: Flow<Stored<SessionLabel>> = Cluster.read(key, .quorum)
        return standing.then { stored in
            guard let label = stored.record else { return .done }
            return Cluster.write(key, label, context: stored.context, ttl: Limits.socialSession, .quorum).map { _ in }
        }
    }

    /// Whether somebody who was let in some time ago would be let in now.
    static func isStillGood(_ viewer: Visitor) -> Flow<Bool> {
        look(viewer.session, .one).map { $0?.name == viewer.name }.orElse { _ in .value(true) }
    }

    /// It lasts 30 days from the day on which it was used last.
    private static func keepAlive(_ session: Session, _ digest: String) -> Flow<Void> {
        .with { core in
            guard let key = SocialKeys.session(digest),
                core.now.wall.milliseconds >= session.since.milliseconds + 86_400_000
            else { return .done }
            let anew = Session(
                name: session.name, home: session.home, generation: session.generation,
                credentialVersion: session.credentialVersion, since: core.now.wall)
            let standing: Flow<Stored<Session>> = Cluster.read(key, .strict)
            standing.then { stored in
                // Not one that has been ended since.
                stored.record == nil ? .done : Cluster.write(key, anew, context: stored.context, .strict).map { _ in }
            }.then { keepLabel(session, digest) }.start(&core)
            return .done
        }
    }
}
