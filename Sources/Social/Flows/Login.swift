// Beginning and ending sessions. Nobody learns by the time that an answer takes whether a name is taken, and nobody
// locks another out by failing in that one's name (Rates.swift).

import Edge
import Keys
import World

struct Started: Sendable {
    let viewer: Visitor
    /// The session's token, for a cookie or a bearer.
    let token: String
    /// For the browser to keep: that it has logged in under this name.
    let device: String
}

enum Login {
    /// - device: what an earlier login has left in this browser: it is not held back by others' failures.
    static func logIn(
        name raw: String, password text: String, label: String, address: String, device: String?,
        random: ArraySlice<UInt8>
    ) -> Flow<Started> {
        let name = Spelling.user(raw) ?? ""
        let password = Password.bytes(text)
        return .with { core in
            if let wait = core.rates.login(name, address, core.now.instant) {
                return isKnownDevice(device, name).then { isKnown in
                    isKnown
                        ? tryPassword(name, password, label, address, device, random)
                        : .refused(.tooMany(wait, "logins failed"))
                }
            }
            return tryPassword(name, password, label, address, device, random)
        }
    }

    private static func tryPassword(
        _ name: String, _ password: [UInt8], _ label: String, _ address: String, _ device: String?,
        _ random: ArraySlice<UInt8>
    ) -> Flow<Started> {
        account(name).then { found in
            Password.check(password, found?.credential.phc ?? Password.nobody).then { isRight, isWeaker in
                .with { core in
                    guard let found, isRight, found.user.state == .active else {
                        core.rates.loginFailed(name, address, core.now.instant)
                        return .refused(found?.user.state == .suspended && isRight ? .suspended : .badCredentials)
                    }
                    if isWeaker { renew(found, password, name, random).start(&core) }
                    return begin(name, found.user, found.credential, label, random, device: device)
                }
            }
        }
    }

    /// A hash is made anew with today's cost while the password is at hand. It is the same password: sessions go on.
    private static func renew(
        _ found: Account, _ password: [UInt8], _ name: String, _ random: ArraySlice<UInt8>
    ) -> Flow<Void> {
        guard let key = SocialKeys.credential(name, found.user.home) else { return .done }
        let salt = SocialDigest(Array("salt".utf8), Array(random)).bytes.prefix(16)
        return Password.hash(password, salt: Array(salt)).then { phc in
            let renewed = Credential(
                phc: phc, version: found.credential.version, generation: found.credential.generation)
            return Cluster.write(key, renewed, context: found.context, .strict).map { _ in }
        }
    }

    /// Whether a browser bears what an earlier login under this name has left in it.
    private static func isKnownDevice(_ device: String?, _ name: String) -> Flow<Bool> {
        guard let device, !device.isEmpty, !name.isEmpty else { return .value(false) }
        return Reading.user(name).then { user in
            guard let user, let key = SocialKeys.device(name, Visitors.digest(ofToken: device), user.home) else {
                return .value(false)
            }
            let mark: Flow<Stored<SessionLabel>?> = Cluster.read(key, .one).optional
            return mark.map { $0?.record != nil }
        }
    }

    struct Account: Sendable {
        let user: User
        let credential: Credential
        /// To write over the credential.
        let context: [UInt8]
    }

    static func account(_ name: String) -> Flow<Account?> {
        guard let key = SocialKeys.user(name) else { return .value(nil) }
        let user: Flow<Stored<User>> = Cluster.readSurely(key)
        return user.then { stored in
            guard let user = stored.record, let key = SocialKeys.credential(name, user.home) else { return .value(nil) }
            let secret: Flow<Stored<Credential>> = Cluster.read(key, .strict)
            return secret.map { stored in
                stored.record.flatMap {
                    $0.generation == user.generation
                        ? Account(user: user, credential: $0, context: stored.context) : nil
                }
            }
        }
    }

    static func begin(
        _ name: String, _ user: User, _ credential: Credential, _ label: String, _ random: ArraySlice<UInt8>,
        device known: String? = nil
    ) -> Flow<Started> {
        let token = SocialDigest(Array("session".utf8), Array(random)).text
        let digest = Visitors.digest(ofToken: token)
        // A browser that bears one keeps it.
        let device = known.flatMap { $0.isEmpty ? nil : $0 } ?? SocialDigest(Array("device".utf8), Array(random)).text
        guard let key = SocialKeys.session(digest), let shown = SocialKeys.accountSession(name, digest, user.home),
            let mark = SocialKeys.device(name, Visitors.digest(ofToken: device), user.home)
        else {
            return .refused(.internalError)
        }
        return .with { core in
            let wall = core.now.wall
            let session = Session(
                name: name, home: user.home, generation: user.generation, credentialVersion: credential.version,
                since: wall)
            let line = SessionLabel(label: label.cut(toBytes: 120), since: wall)
            return Cluster.write(mark, line, ttl: Limits.socialDevice, .quorum).then { _ in
                Cluster.write(shown, line, ttl: Limits.socialSession, .quorum)
            }.then { _ in
                Cluster.write(key, session, ttl: Limits.socialSession, .strict)
            }.map { _ in
                Started(
                    viewer: Visitor(
                        name: name, home: user.home, generation: user.generation,
                        credentialVersion: credential.version, session: digest),
                    token: token, device: device)
            }
        }
    }

    // MARK: Ending

    static func end(_ digest: String, of viewer: Visitor) -> Flow<Void> {
        guard let key = SocialKeys.session(digest),
            let shown = SocialKeys.accountSession(viewer.name, digest, viewer.home)
        else { return .refused(.noSuchSession) }
        let standing: Flow<Stored<Session>> = Cluster.read(key, .strict)
        return standing.then { stored in
            guard let session = stored.record, session.name.isSpelled(viewer.name) else {
                return .refused(.noSuchSession)
            }
            return Cluster.delete(key, .strict).then { Cluster.delete(shown, .quorum) }.then {
                .with { core in
                    core.sessions.forget(digest)
                    return .done
                }
            }
        }
    }

    static func all(of viewer: Visitor) -> Flow<[(digest: String, label: SessionLabel)]> {
        all(SocialKeys.accountSessions(of: viewer.name, viewer.home), [])
    }

    private static func all(
        _ range: SocialRange, _ already: [(digest: String, label: SessionLabel)]
    ) -> Flow<[(digest: String, label: SessionLabel)]> {
        let listed: Flow<Listing<SessionLabel>> = Cluster.list(range, limit: 200, .quorum)
        return listed.then { listing in
            let found =
                already
                + listing.items.map { (String($0.sort.dropFirst(SocialKeys.accountSessions.count)), $0.record) }
            guard listing.hasMore, let last = listing.items.last?.sort else { return .value(found) }
            var rest = range
            rest.start = last + "\0"
            return all(rest, found)
        }
    }

    static func endAll(of viewer: Visitor) -> Flow<Void> {
        all(of: viewer).then { sessions in
            end(sessions.map(\.digest), of: viewer)
        }
    }

    /// Those that are over already are passed by.
    static func end(_ digests: [String], of viewer: Visitor) -> Flow<Void> {
        let ends = digests.map { digest in
            end(digest, of: viewer).orElse { $0.status == 404 ? .done : .refused($0) }
        }
        return Flow<[Void]>.all(ends).map { _ in }
    }
}
