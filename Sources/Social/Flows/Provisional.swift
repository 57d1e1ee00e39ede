// Posting while the namestore, or a strict quorum, is out of reach: a cut-off country posts on. The post stands under a
// path that nobody else can have, `ann/~` and 32 digits, or the full digest as its slug; its intent stays, and whoever
// keeps it claims the title, or a slug as the loop has it, once that can be done: of the same request through two
// nodes, one that reaches the namestore and one that does not, comes one post. Then the provisional path leads there.
// Where the title was taken it stays, and the intent becomes a receipt: nothing else tells the same request any more
// that it was done.

import Ring
import Edge
import Keys
import World

enum Provisional {
    /// The path for the time being. It follows from the intent: whoever publishes it twice publishes it once.
    static func path(_ intent: Intent) -> PostPath? {
        guard case .post(let head, let generates) = intent.kind, let wanted = PostPath(intent.subject) else {
            return nil
        }
        if generates { return PostPath(slug: GeneratedSlug.text(GeneratedSlug.lastRound, intent.token, head.body)) }
        guard let user = wanted.user else { return nil }
        let digest = SocialDigest(Array("provisional".utf8), Array(intent.token.utf8), Array(intent.subject.utf8)).text
        return PostPath(user: user, title: "~" + digest.prefix(32))
    }

    /// - content: nil where the body lies under the wanted path already.
    static func publish(_ intent: Intent, _ content: PostContent?) -> Flow<Posted> {
        guard case .post(let head, _) = intent.kind, let path = path(intent), let wanted = PostPath(intent.subject),
            let key = SocialKeys.head(path, intent.home)
        else { return .refused(.cutOff) }
        var standing = intent
        standing.isProvisional = true
        let name = wanted.name(hidden: intent.home != nil)
        let reach = Reach()
        let body: Flow<Void> =
            if let content {
                reach.at { Posting.writeBody(path, head.id, content, intent.home, $0) }
                    .then { reach.at { Posting.writeBody(wanted, head.id, content, intent.home, $0) } }
            } else {
                copyAnywhere(intent, head, from: wanted, to: path, reach)
            }
        return
            body
            .then { reach.at { Names.write(standing, name: name, $0) } }
            .then { _ -> Flow<Stored<Head>> in reach.at { Cluster.read(key, $0) } }
            .then { there in
                // The same request once more: what stands may have been changed since, and stays.
                there.record == nil
                    ? reach.at { Cluster.write(key, head, context: there.context, $0) }
                    : .value(WriteReceipt(context: [], nodes: []))
            }
            .then { written in
                .with { core in
                    core.figures.provisionalPosts += 1
                    var next = standing
                    next.step = .published
                    // The intent stays: the title is still to be claimed.
                    Delivery.deliver(next, at: path).start(&core)
                    let countries = Set(written.nodes.compactMap { core.ring.node($0)?.country })
                    return .value(
                        Posted(
                            path: path, id: head.id, wasThere: false, isProvisional: true,
                            readableIn: countries.sorted()))
                }
            }
    }

    /// Of siblings the one that counts, if that can be known.
    static func standing(_ key: StoredKey) -> Flow<Stored<Head>> {
        let quorum: Flow<Stored<Head>> = Cluster.read(key, .quorum)
        return quorum.orElse { _ in Cluster.read(key, .one) }
    }

    /// The highest level that answers one request: where a quorum was out of reach once, nobody waits for it again. A
    /// class: all steps of the request hold it.
    private final class Reach {
        private var level = Level.quorum

        func at<Result>(_ step: @escaping (Level) -> Flow<Result>) -> Flow<Result> {
            .with { [self] _ in
                guard case .quorum = level else { return step(level) }
                return step(level).within(Limits.socialCutOffWait).orElse { [self] _ in
                    level = .one
                    return step(level)
                }
            }
        }
    }

    private static func copyAnywhere(
        _ intent: Intent, _ head: Head, from: PostPath, to: PostPath, _ reach: Reach
    ) -> Flow<Void> {
        guard let source = SocialKeys.body(from, head.id, head.body, intent.home),
            let target = SocialKeys.body(to, head.id, head.body, intent.home)
        else { return .refused(.internalError) }
        return Cluster.readBytes(source).then { found in
            guard let found else { return .refused(.cutOff) }
            return reach.at {
                Cluster.write(target, bytes: Array(found.bytes), type: found.contentType, context: nil, $0)
            }.map { _ in }
        }
    }

    // MARK: Afterwards

    /// Once the namestore answers again. Refused with `cut-off` while it does not. A generated slug is claimed as well,
    /// so that the same token, which begins there, finds that it has posted.
    static func claim(_ intent: Intent) -> Flow<Posted> {
        guard case .post(let head, _) = intent.kind, let path = path(intent), let first = PostPath(intent.subject)
        else {
            return .refused(.internalError)
        }
        return claim(intent, head, path, first)
    }

    private static func claim(_ intent: Intent, _ head: Head, _ path: PostPath, _ wanted: PostPath) -> Flow<Posted> {
        Names.claim(wanted.name(hidden: intent.home != nil), intent.token).then { claim in
            switch claim {
            case .unknown:
                // Where nobody keeps names, a full digest is a name already.
                return .with { core in core.hasNamestore ? .refused(.cutOff) : stay(intent, head, at: path) }
            case .taken:
                if let next = GeneratedSlug.next(after: wanted, intent) { return self.claim(intent, head, path, next) }
                return Posting.wasDeleted(intent, head.id, wanted).then { isGone in
                    if isGone { return retract(intent, head.id, path).then { end(intent, at: path, head.id) } }
                    var taken = head
                    taken.wasTaken = true
                    return stay(intent, taken, at: path)
                }
            case .ours(let generation, _):
                return settle(intent, head.at(generation), path, wanted, generation)
            }
        }
    }

    /// It has its provisional path for good. Whoever published it may have died before lists knew of it, or before it
    /// stood.
    private static func stay(_ intent: Intent, _ head: Head, at path: PostPath) -> Flow<Posted> {
        change(path, intent.home, absent: head) { there in
            var present = there
            present.wasTaken = head.wasTaken
            return present
        }.then {
            Delivery.beside(
                intent, as: head.id, Delivery.deliver(intent, at: path)
            ) { end(intent, at: path, head.id).map { _ in } }
        }.map { Posted(path: path, id: head.id, wasThere: true, isProvisional: true, readableIn: []) }
    }

    private static func settle(
        _ intent: Intent, _ head: Head, _ path: PostPath, _ wanted: PostPath, _ generation: UInt64
    ) -> Flow<Posted> {
        guard let key = SocialKeys.head(wanted, intent.home), let old = SocialKeys.head(path, intent.home) else {
            return .refused(.internalError)
        }
        let name = wanted.name(hidden: intent.home != nil)
        let standing: Flow<Stored<Head>> = Cluster.read(old, .strict)
        return standing.then { stored in
            let isGone: Flow<Bool> =
                stored.record?.state == .deleted ? .value(true) : Posting.wasDeleted(intent, head.id, wanted)
            return isGone.then { isGone in
                if isGone { return withdraw(intent, stored.record?.id ?? head.id, path, wanted, generation) }
                // As it was before it was changed: what was changed since comes along when it is known to move.
                let first = stored.record?.first(of: head) ?? head
                return copyBodies([first.body], intent.home, from: (path, first.id), to: (wanted, first.id))
                    .then { Names.publish(first, at: key) { $0.generation >= generation } }
                    .then { Names.noteOwner(name, intent.token, generation: generation) }
                    .then {
                        path == wanted
                            ? .done
                            : change(path, intent.home, absent: first) { there in
                                var head = there
                                head.movedTo = wanted.text
                                return head
                            }.then { bringAlong(path, intent.home) }
                    }
                    .then {
                        Delivery.beside(
                            intent, as: first.id,
                            Delivery.deliver(intent.placed(wanted, generation), at: wanted)
                        ) { Names.drop(intent, name: intent.workName) }
                    }
                    .map { Posted(path: wanted, id: first.id, wasThere: true, isProvisional: false, readableIn: []) }
            }
        }
    }

    /// What was done to a post under a provisional path, to where it has moved: by whoever moves it, and by whoever
    /// does something there and finds that it has moved meanwhile. One of them sees what the other has done.
    static func bringAlong(_ path: PostPath, _ home: Home?) -> Flow<Void> {
        guard let key = SocialKeys.head(path, home) else { return .done }
        let standing: Flow<Stored<Head>> = Cluster.read(key, .strict)
        return standing.then { stored in
            guard let old = stored.record, let wanted = old.movedTo.flatMap(PostPath.init), wanted != path,
                let place = SocialKeys.head(wanted, home)
            else { return .done }
            if old.state == .deleted { return Editing.remove(wanted, home, old.id) }
            let there: Flow<Stored<Head>> = Cluster.read(place, .strict)
            return there.then { stored in
                guard let named = stored.record, named.state != .deleted else { return .done }
                let next = Head.merged(named, old.moved(to: named))
                if next == named { return .done }
                let bodies = next.revisions.map(\.body) + [next.body] + [next.conflict].compactMap { $0 }
                return copyBodies(bodies, home, from: (path, old.id), to: (wanted, named.id)).then {
                    Cluster.write(place, next, context: stored.context, .strict).map { _ in }
                }
            }
        }
    }

    /// What stands of it under its provisional path is not wanted any more: it was deleted under its title.
    private static func retract(_ intent: Intent, _ id: PostID, _ path: PostPath) -> Flow<Void> {
        guard let key = SocialKeys.head(path, intent.home) else { return .refused(.internalError) }
        let standing: Flow<Stored<Head>> = Cluster.read(key, .strict)
        return standing.then { Editing.remove(path, intent.home, $0.record?.id ?? id) }
    }

    /// It was deleted, here or where another node has put it: nothing of it is to be seen, and it needs no name. A
    /// later post that stands under the title keeps it.
    private static func withdraw(
        _ intent: Intent, _ id: PostID, _ path: PostPath, _ wanted: PostPath, _ generation: UInt64
    ) -> Flow<Posted> {
        guard let key = SocialKeys.head(wanted, intent.home) else { return .refused(.internalError) }
        return Editing.remove(path, intent.home, id).then {
            let standing: Flow<Stored<Head>> = Cluster.read(key, .strict)
            return standing.then { stored in
                // Nothing was ever out under it.
                guard let there = stored.record else {
                    let name = wanted.name(hidden: intent.home != nil)
                    return Names.release(name, owner: Names.owner(intent.token, of: name), generation: generation)
                }
                if there.generation > generation { return .value(true) }
                let isOurs = there.state != .deleted && there.generation == generation
                return (isOurs ? Editing.remove(wanted, intent.home, there.id) : .done).then {
                    Posting.giveBack(wanted, intent, generation)
                }
            }
        }.then { $0 ? end(intent, at: path, id) : .refused(.mayTakeEffect) }
    }

    /// Those of them that are there.
    private static func copyBodies(
        _ digests: [String], _ home: Home?, from: (path: PostPath, post: PostID), to: (path: PostPath, post: PostID)
    ) -> Flow<Void> {
        guard from.path != to.path else { return .done }
        let copies = digests.map { digest -> Flow<Void> in
            guard let source = SocialKeys.body(from.path, from.post, digest, home),
                let target = SocialKeys.body(to.path, to.post, digest, home)
            else { return .refused(.internalError) }
            return Cluster.readBytes(source).then { found in
                guard let found else { return .done }
                return Cluster.write(
                    target, bytes: Array(found.bytes), type: found.contentType, context: nil, .strict
                ).map { _ in }
            }
        }
        return Flow<[Void]>.all(copies, width: 4).map { _ in }
    }

    private static func change(
        _ path: PostPath, _ home: Home?, absent: Head, _ body: @escaping (Head) -> Head
    ) -> Flow<Void> {
        guard let key = SocialKeys.head(path, home) else { return .refused(.internalError) }
        let standing: Flow<Stored<Head>> = Cluster.read(key, .strict)
        return standing.then { stored in
            Cluster.write(key, body(stored.record ?? absent), context: stored.context, .strict).then { _ in
                .with { core in
                    core.heads.forget(path, home)
                    return .done
                }
            }
        }
    }

    private static func end(_ intent: Intent, at path: PostPath, _ id: PostID) -> Flow<Posted> {
        guard let wanted = PostPath(intent.subject), let token = SocialToken(intent.token),
            let key = SocialKeys.work(wanted.name(hidden: intent.home != nil), token.digest, intent.home)
        else { return .refused(.internalError) }
        var receipt = intent.placed(path, 0)
        receipt.step = .finished
        return Cluster.write(key, receipt, ttl: Limits.socialReceipt, .strict).map { _ in
            Posted(path: path, id: id, wasThere: true, isProvisional: path.isProvisional, readableIn: [])
        }
    }
}

extension Intent {
    func placed(_ path: PostPath, _ generation: UInt64) -> Intent {
        var intent = self
        intent.placed = Placed(path: path.text, generation: generation)
        intent.step = .published
        intent.isProvisional = false
        return intent
    }
}

extension Head {
    /// What has become of it under a provisional path, as a change of what stands under its name: of one request two
    /// nodes may have made two ids.
    fileprivate func moved(to named: Head) -> Head {
        var head = at(named.generation, as: named.id)
        head.edited = edited
        head.revisions = revisions
        head.conflict = conflict
        head.state = state
        return head
    }

    /// As it was posted, under the id that it has.
    fileprivate func first(of named: Head) -> Head { named.at(named.generation, as: id) }
}
