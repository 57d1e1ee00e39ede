// The address under which a feed reader gets somebody's own timeline: it bears a key, since readers have no sessions.
// Whoever has the address reads along; a new password makes a new one.

import Edge
import JSON
import Keys
import World

struct InboxKey: SocialRecord, Equatable {
    let secret: String
    /// Of the credential under which it was made.
    let credentialVersion: Int

    init(secret: String, credentialVersion: Int) {
        self.secret = secret
        self.credentialVersion = credentialVersion
    }

    init?(_ json: JSONValue) {
        guard json.isRecord, let secret = json.text("secret"), let version = json["credential"]?.int else { return nil }
        self.init(secret: secret, credentialVersion: version)
    }

    var json: JSONValue { .record([("secret", .string(secret)), ("credential", .int(credentialVersion))]) }

    static func merged(_ a: InboxKey, _ b: InboxKey) -> InboxKey {
        if a.credentialVersion != b.credentialVersion { return a.credentialVersion > b.credentialVersion ? a : b }
        return a.secret.isSpelledBefore(b.secret) ? a : b
    }
}

enum InboxKeys {
    /// `NAME.SECRET`.
    static func key(of viewer: Visitor, random: ArraySlice<UInt8>) -> Flow<String> {
        guard let key = SocialKeys.inboxKey(viewer.name, viewer.home) else { return .refused(.internalError) }
        let standing: Flow<Stored<InboxKey>> = Cluster.read(key, .quorum)
        return standing.then { stored in
            if let there = stored.record, there.credentialVersion == viewer.credentialVersion {
                return .value("\(viewer.name).\(there.secret)")
            }
            let secret = String(SocialDigest(Array("inbox".utf8), Array(random)).text.prefix(32))
            let anew = InboxKey(secret: secret, credentialVersion: viewer.credentialVersion)
            return Cluster.write(key, anew, context: stored.context, .quorum).map { _ in "\(viewer.name).\(secret)" }
        }
    }

    /// Whose it is; refused where it is nobody's.
    static func viewer(_ key: String) -> Flow<Visitor> {
        let parts = key.split(separator: ".").map(String.init)
        guard parts.count == 2, let name = Spelling.user(parts[0]) else { return .refused(.notLoggedIn) }
        return Login.account(name).then { found in
            guard let found, found.user.state == .active, let key = SocialKeys.inboxKey(name, found.user.home) else {
                return .refused(.notLoggedIn)
            }
            let standing: Flow<Stored<InboxKey>> = Cluster.readSurely(key)
            return standing.then { stored in
                guard let there = stored.record, there.credentialVersion == found.credential.version,
                    SocialDigest(Array(there.secret.utf8)) == SocialDigest(Array(parts[1].utf8))
                else { return .refused(.notLoggedIn) }
                return .value(
                    Visitor(
                        name: name, home: found.user.home, generation: found.user.generation,
                        credentialVersion: found.credential.version, session: ""))
            }
        }
    }
}
