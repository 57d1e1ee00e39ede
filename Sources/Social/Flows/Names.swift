// Prepare, claim, publish: how a name comes to stand for something, and never for nothing.
//
// Every request that takes a name bears a token T of at least 128 random bits, which makes it repeatable: whoever sends
// the same again is the same, at any node. The owner of a name in the namestore is SHA-256("atoll social" ‖ T ‖ name).
//
//     1. Prepare   bodies, then the intent: all that it takes to finish
//     2. Claim     the names, in the namestore
//     3. Publish   what the name stands for, then who owns it. Here the client is answered
//     4. List      timelines, inboxes (Delivery.swift)
//     5. the intent is deleted
//
// A crash in 1 has taken nothing. After 2 a name is held, and its intent says for what: the same T, anybody who is told
// that the name is taken, or the keeper (Keeper.swift) finishes it. Two who do so at once do the same.

import Edge
import Keys
import NameStore
import World

/// The client's token: it never leaves the intents and owners of the cluster.
struct SocialToken: Sendable {
    let text: String

    /// Nil if it is too weak to be nobody else's.
    init?(_ text: String) {
        guard (try? OwnerToken(Array(text.utf8))) != nil else { return nil }
        self.text = text
    }

    /// One that the server makes where a client sends none: such a request can't be repeated.
    init(random: ArraySlice<UInt8>) { text = SocialDigest(Array("token".utf8), Array(random)).text }

    /// Under which its intents lie: 32 digits.
    var digest: String { String(SocialDigest(Array("intent".utf8), Array(text.utf8)).text.prefix(32)) }
    /// By which an anonymous post knows who may edit it.
    var editor: String { SocialDigest(Array("editor".utf8), Array(text.utf8)).text }
}

enum Claim {
    /// With this generation. `isFirst`: it was never anybody's before, and was taken for this very purpose: nothing
    /// else can stand under it.
    case ours(UInt64, isFirst: Bool)
    case taken
    /// No majority answered; it may have taken effect.
    case unknown
}

enum Names {
    static func owner(_ token: String, of name: String) -> String {
        SocialDigest(Array("atoll social".utf8), Array(token.utf8), Array(name.utf8)).text
    }

    /// `if (!namestore.register(name)) return false`, with what stands between yes and no.
    /// - purpose: what is to stand there: a claim of the same token for something else is not the same request.
    static func claim(_ name: String, _ token: String, for purpose: String = "") -> Flow<Claim> {
        let owner = owner(token, of: name)
        guard let spelled = try? Name(Array(name.utf8)),
            let digest = try? OwnerToken(Array(owner.utf8)).digest(for: spelled)
        else { return .refused(.badName("the namestore takes no such name")) }
        // The same request wherever it is sent from: whoever finishes it asks as the client did.
        let request = RequestID(key: Array((owner + purpose).utf8))
        return Flow.name(.register(owner: digest, request: request), spelled).map { answer in
            switch answer {
            case .registered(let generation): .ours(generation, isFirst: generation == 1)
            case .alreadyYours(let generation): .ours(generation, isFirst: false)
            case .taken, .forbidden, .stale: .taken
            case .unknown, .overloaded, .held, .released, .transferred, .absent, .configuration, .conflict, .pinned:
                .unknown
            }
        }
    }

    /// Gives a name up that is still ours in this generation; nil: in any. True once it is not ours.
    static func release(_ name: String, owner: String, generation: UInt64?) -> Flow<Bool> {
        guard let spelled = try? Name(Array(name.utf8)),
            let digest = try? OwnerToken(Array(owner.utf8)).digest(for: spelled)
        else { return .value(true) }
        return Flow.name(.release(owner: digest, expected: generation), spelled).map { answer in
            switch answer {
            case .released, .absent, .forbidden, .stale, .taken: true
            default: false
            }
        }
    }

    /// Who claimed it, for the time when it is given up.
    static func noteOwner(_ name: String, _ token: String, generation: UInt64) -> Flow<Void> {
        guard let key = SocialKeys.owner(name) else { return .refused(.internalError) }
        let standing: Flow<Stored<OwnedName>> = Cluster.read(key, .strict)
        return standing.then { noteOwner(name, token, generation: generation, over: $0) }
    }

    static func noteOwner(
        _ name: String, _ token: String, generation: UInt64, over standing: Stored<OwnedName>
    ) -> Flow<Void> {
        guard let key = SocialKeys.owner(name) else { return .refused(.internalError) }
        let owned = OwnedName(owner: owner(token, of: name), generation: generation).following(standing.record)
        return publish(owned, at: key, over: standing) { $0.generation >= generation }
    }

    /// Writes over nothing, or over what `isLater` does not hold of: a node that stood still and writes late changes
    /// nothing.
    static func publish<Record: SocialRecord>(
        _ record: Record, at key: StoredKey, unless isLater: @escaping (Record) -> Bool
    ) -> Flow<Void> {
        let standing: Flow<Stored<Record>> = Cluster.read(key, .strict)
        return standing.then { publish(record, at: key, over: $0, unless: isLater) }
    }

    /// The same, over what was read.
    static func publish<Record: SocialRecord>(
        _ record: Record, at key: StoredKey, over standing: Stored<Record>, unless isLater: (Record) -> Bool
    ) -> Flow<Void> {
        if let there = standing.record, isLater(there) { return .done }
        return Cluster.write(key, record, context: standing.context, .strict).map { _ in }
    }

    // MARK: Intents

    /// The standing intent of the same token, or this one, written so that whoever looks for it finds it; with the
    /// bodies that it speaks of, which are written before.
    static func prepare(_ intent: Intent, name: String, bodies: Flow<Void> = .done) -> Flow<Intent> {
        guard let token = SocialToken(intent.token), let key = SocialKeys.work(name, token.digest, intent.home) else {
            return .refused(.weakToken)
        }
        let standing: Flow<Stored<Intent>> = Cluster.read(key, .strict)
        return standing.and(bodies).then { stored, _ in
            if let there = stored.record {
                return there.asks(theSameAs: intent) ? .value(there) : .refused(.attemptDiffers)
            }
            return .with { core in
                if core.seams.claimsFirst { return .value(intent) }
                return Cluster.write(key, intent, context: stored.context, .strict).map { _ in intent }
            }
        }
    }

    static func write(_ intent: Intent, name: String, _ level: Level = .strict) -> Flow<Void> {
        guard let token = SocialToken(intent.token), let key = SocialKeys.work(name, token.digest, intent.home) else {
            return .refused(.weakToken)
        }
        // What one replica has of it is enough: what was not seen stands beside it.
        let standing: Flow<Stored<Intent>?> = Cluster.read(key, .one).optional
        return standing.then { Cluster.write(key, intent, context: $0?.context, level).map { _ in } }
    }

    static func drop(_ intent: Intent, name: String) -> Flow<Void> {
        guard let token = SocialToken(intent.token), let key = SocialKeys.work(name, token.digest, intent.home) else {
            return .done
        }
        let standing: Flow<Stored<Intent>> = Cluster.read(key, .strict)
        return standing.then { $0.record == nil ? .done : Cluster.delete(key, context: $0.context, .strict) }
    }

    /// A name is taken: whoever holds it may have crashed before it stood for anything. Those who want it are looked up
    /// and helped; nobody waits for that. Who notes that it is at it stands already.
    static func helpHolders(of name: String, _ home: Home?, but token: SocialToken) -> Flow<Void> {
        .with { core in
            if core.seams.takesNothingUp { return .done }
            let intents: Flow<Listing<Intent>> = Cluster.list(SocialKeys.works(of: name, home), limit: 32, .strict)
            intents.then { listing in
                .with { core in
                    for item in listing.items
                    where !item.record.token.isSpelled(token.text) && item.record.step != .finished
                        && item.record.attended == 0
                    {
                        Keeper.takeUp(item.record, name: name).start(&core)
                    }
                    return .value(())
                }
            }.start(&core)
            return .done
        }
    }
}
