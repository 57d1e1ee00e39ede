// Registering a person. The mission's own words:
//
//     if (!namestore.register('user:' + name)) return false;
//     then the user is stored, with a password hash
//
// `post:NAME` is claimed before it: users and slugs share the first segment of a path.

import Ring
import Edge
import Keys
import NameStore
import World

struct RegistrationForm: Sendable {
    /// As the person wrote it.
    let name: String
    let password: String
    let home: Home?
    let token: SocialToken
    /// 16 random bytes.
    let salt: [UInt8]
}

enum Registration {
    enum Outcome {
        case registered(String)
        /// By an earlier request with the same token.
        case wasRegistered(String)
    }

    static func register(_ form: RegistrationForm) -> Flow<Outcome> {
        guard let name = Spelling.user(form.name) else { return .refused(.badUserName) }
        let password: [UInt8]
        do { password = try Password.checked(form.password) } catch { return .refused(error) }
        return .with { core in
            guard core.settings.registration == .open else { return .refused(.registrationClosed) }
            guard core.hasNamestore else { return .refused(.noNamestore) }
            guard form.home.map({ home in core.settings.homes.contains { $0.name.isSpelled(home) } }) ?? true else {
                return .refused(.unknownHome)
            }
            let intent = Intent(
                .register(phc: ""), subject: name, home: form.home, token: form.token.text, since: core.now.wall)
            return begin(intent, password, form)
        }
    }

    private static func begin(_ intent: Intent, _ password: [UInt8], _ form: RegistrationForm) -> Flow<Outcome> {
        let name = intent.subject
        guard let work = SocialKeys.work("user:" + name, form.token.digest, form.home), let key = SocialKeys.user(name)
        else { return .refused(.badUserName) }
        let standing: Flow<Stored<Intent>> = Cluster.read(work, .strict)
        return standing.then { stored in
            if let there = stored.record {
                // Begun before, by this very token: with the same password it is taken up.
                guard case .register(let phc) = there.kind, there.asks(theSameAs: intent) else {
                    return .refused(.attemptDiffers)
                }
                return Password.isRight(password, phc).then { isRight in
                    isRight ? claim(there, form).map { _ in .registered(name) } : .refused(.attemptDiffers)
                }
            }
            let user: Flow<Stored<User>> = Cluster.readSurely(key)
            return user.then { stands in
                if stands.record != nil { return ofSameToken(name, password, form) }
                return make(intent, password, form)
            }
        }
    }

    /// There is somebody of this name: perhaps through an earlier request that was this one.
    private static func ofSameToken(
        _ name: String, _ password: [UInt8], _ form: RegistrationForm
    ) -> Flow<Outcome> {
        guard let key = SocialKeys.owner("user:" + name), let credential = SocialKeys.credential(name, form.home) else {
            return .refused(.nameTaken)
        }
        let owner: Flow<Stored<OwnedName>> = Cluster.read(key, .strict)
        return owner.then { stored in
            guard let stands = stored.record,
                stands.owner.isSpelled(Names.owner(form.token.text, of: "user:" + name))
            else { return .refused(.nameTaken) }
            let secret: Flow<Stored<Credential>> = Cluster.read(credential, .strict)
            return secret.then { stored in
                guard let phc = stored.record?.phc else { return .refused(.attemptDiffers) }
                return Password.isRight(password, phc).then {
                    $0 ? .value(.wasRegistered(name)) : .refused(.attemptDiffers)
                }
            }
        }
    }

    private static func make(_ intent: Intent, _ password: [UInt8], _ form: RegistrationForm) -> Flow<Outcome> {
        Password.hash(password, salt: form.salt).then { phc in
            let full = Intent(
                .register(phc: phc), subject: intent.subject, home: intent.home, token: intent.token,
                since: intent.since)
            // Somebody else with the same token at another node may have come first: its hash counts.
            return Names.prepare(full, name: "user:" + intent.subject).then { standing in
                claim(standing, form).map { _ in .registered(intent.subject) }
            }
        }
    }

    private static func claim(_ intent: Intent, _ form: RegistrationForm) -> Flow<Void> {
        let name = "user:" + intent.subject
        return finish(intent).orElse { problem in
            guard problem.name == "name-taken" else { return .refused(problem) }
            return Names.helpHolders(of: name, intent.home, but: form.token).then { .refused(problem) }
        }
    }

    // MARK: From the intent on

    /// Claims, publishes, and drops the intent. The same for whoever finishes it.
    ///
    /// The path first, which people and short links share: so only whoever has it claims the name. The other way round
    /// those who come too late would have a half each that stands for nothing, and to give it back while somebody else
    /// still claims it for them is a race that nobody can win.
    static func finish(_ intent: Intent) -> Flow<Void> {
        guard case .register(let phc) = intent.kind else { return .refused(.internalError) }
        return Names.claim("post:" + intent.subject, intent.token).then { claim in
            switch claim {
            case .unknown: return .refused(.mayTakeEffect)
            case .taken: return giveUp(intent).then { .refused(.nameTaken) }
            case .ours(let generation, _):
                return claimName(intent, path: generation).then { user in
                    publish(intent, phc, user: user, path: generation)
                }
            }
        }
    }

    private static func claimName(_ intent: Intent, path: UInt64) -> Flow<UInt64> {
        let name = intent.subject
        return Names.claim("user:" + name, intent.token).then { claim in
            switch claim {
            case .ours(let generation, _): return .value(generation)
            case .unknown: return .refused(.mayTakeEffect)
            case .taken:
                // By somebody who came past this site. The half that is ours would stand for nothing.
                let owner = Names.owner(intent.token, of: "post:" + name)
                return Names.release("post:" + name, owner: owner, generation: path).then { isReleased in
                    isReleased ? giveUp(intent).then { .refused(.nameTaken) } : .refused(.mayTakeEffect)
                }
            }
        }
    }

    /// The name is somebody else's. The intent has nothing left to do.
    private static func giveUp(_ intent: Intent) -> Flow<Void> {
        Names.drop(intent, name: "user:" + intent.subject).orElse { _ in .done }
    }

    private static func publish(_ intent: Intent, _ phc: String, user: UInt64, path: UInt64) -> Flow<Void> {
        let name = intent.subject
        guard let credential = SocialKeys.credential(name, intent.home), let key = SocialKeys.user(name) else {
            return .refused(.internalError)
        }
        // A password that was changed since has a higher version in the same generation.
        let secret = Credential(phc: phc, version: 1, generation: user)
        let account = User(state: .active, home: intent.home, generation: user, since: intent.since)
        return Names.publish(secret, at: credential) { $0.generation >= user }
            .then { Names.publish(account, at: key) { $0.generation >= user } }
            .then { Names.noteOwner("user:" + name, intent.token, generation: user) }
            .then { Names.noteOwner("post:" + name, intent.token, generation: path) }
            .then {
                .with { core in
                    core.figures.registrations += 1
                    // Nobody waits for this: an intent that is left is finished again, which changes nothing.
                    Names.drop(intent, name: "user:" + name).start(&core)
                    return .done
                }
            }
    }
}
