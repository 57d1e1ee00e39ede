// Posting while the namestore, or a strict quorum, is out of reach: a cut-off country posts on. The post stands under a
// path that nobody else can have, `ann/~` and 32 digits, or the full digest as its slug; its intent stays, and whoever
// keeps it claims the title once that can be done. Then the provisional path leads there, or says that it was taken.

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
        if generates { return PostPath(slug: Posting.generatedSlug(4, intent.token, head.body)) }
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
        let body: Flow<Void> =
            if let content {
                writeAnywhere { Posting.writeBody(path, content, intent.home, $0) }
                    .then { _ in writeAnywhere { Posting.writeBody(wanted, content, intent.home, $0) } }.map { _ in }
            } else {
                copyAnywhere(intent, head, from: wanted, to: path)
            }
        return
            body
            .then { writeAnywhere { Names.write(standing, name: name, $0) } }
            .then { _ in standingHead(key) }
            .then { there in
                // The same request once more: what stands may have been changed since, and stays.
                there == nil
                    ? writeAnywhere { Cluster.write(key, head, $0) } : .value(WriteReceipt(context: [], nodes: []))
            }
            .then { written in
                .with { core in
                    core.figures.provisionalPosts += 1
                    var next = standing
                    next.step = .published
                    Delivery.deliver(next, at: path).start(&core)
                    let countries = Set(written.nodes.compactMap { core.ring.node($0)?.country })
                    return .value(
                        Posted(
                            path: path, id: head.id, wasThere: false, isProvisional: true,
                            readableIn: countries.sorted()))
                }
            }
    }

    private static func standingHead(_ key: StoredKey) -> Flow<Head?> {
        let quorum: Flow<Stored<Head>> = Cluster.read(key, .quorum)
        return quorum.orElse { _ in Cluster.read(key, .one) }.map(\.record)
    }

    /// At the highest level that answers.
    private static func writeAnywhere<Result>(_ write: @escaping (Level) -> Flow<Result>) -> Flow<Result> {
        write(.quorum).orElse { _ in write(.one) }
    }

    private static func copyAnywhere(_ intent: Intent, _ head: Head, from: PostPath, to: PostPath) -> Flow<Void> {
        guard let source = SocialKeys.body(from, head.body, intent.home),
            let target = SocialKeys.body(to, head.body, intent.home)
        else { return .refused(.internalError) }
        return Cluster.readBytes(source).then { found in
            guard let found else { return .refused(.cutOff) }
            return writeAnywhere {
                Cluster.write(target, bytes: Array(found.bytes), type: found.contentType, context: nil, $0)
            }.map { _ in }
        }
    }

    // MARK: Afterwards

    /// Once the namestore answers again. Refused with `cut-off` while it does not. A generated slug is claimed as well,
    /// so that the same token, which begins there, finds that it has posted.
    static func claim(_ intent: Intent) -> Flow<Posted> {
        guard let wanted = PostPath(intent.subject) else { return .refused(.internalError) }
        return claim(intent, wanted)
    }

    private static func claim(_ intent: Intent, _ wanted: PostPath) -> Flow<Posted> {
        guard case .post(let head, let generates) = intent.kind, let path = path(intent) else {
            return .refused(.internalError)
        }
        return Names.claim(wanted.name(hidden: intent.home != nil), intent.token).then { claim in
            switch claim {
            case .unknown:
                // Where nobody keeps names, a full digest is a name already.
                return .with { core in
                    core.hasNamestore ? .refused(.cutOff) : end(intent, at: path, head.id)
                }
            // The full digest is nobody else's.
            case .taken where generates && wanted != path: return self.claim(intent, path)
            case .taken:
                return change(path, intent.home) { there in
                    var head = there
                    head.wasTaken = true
                    return head
                }.then { end(intent, at: path, head.id) }
            case .ours(let generation):
                return settle(intent, head.at(generation), path, wanted, generation)
            }
        }
    }

    private static func settle(
        _ intent: Intent, _ head: Head, _ path: PostPath, _ wanted: PostPath, _ generation: UInt64
    ) -> Flow<Posted> {
        let name = wanted.name(hidden: intent.home != nil)
        guard let key = SocialKeys.head(wanted, intent.home), let old = SocialKeys.head(path, intent.home) else {
            return .refused(.internalError)
        }
        let standing: Flow<Stored<Head>> = Cluster.read(old, .strict)
        return standing.then { stored in
            // What was edited meanwhile stays edited; what was deleted moves nowhere.
            let present = stored.record.map { $0.moved(to: head) } ?? head
            let isGone = stored.record?.state == .deleted
            let bodies = present.revisions.map(\.body) + [present.body]
            let copies = bodies.map { Provisional.copyBody($0, intent.home, from: path, to: wanted) }
            return Posting.wasDeleted(intent, head.id, wanted, generation)
                .then { Flow<[Void]>.all(path == wanted ? [] : copies, width: 4) }
                .then { _ in Names.publish(present, at: key) { $0.generation >= generation } }
                .then { Names.noteOwner(name, intent.token, generation: generation) }
                .then {
                    path == wanted || isGone
                        ? .done
                        : change(path, intent.home) { there in
                            var head = there
                            head.movedTo = wanted.text
                            return head
                        }
                }
                .then { Delivery.deliver(intent.placed(wanted, generation), at: wanted) }
                .then { end(intent, at: wanted, head.id) }
        }
    }

    private static func copyBody(_ digest: String, _ home: Home?, from: PostPath, to: PostPath) -> Flow<Void> {
        guard let source = SocialKeys.body(from, digest, home), let target = SocialKeys.body(to, digest, home) else {
            return .refused(.internalError)
        }
        return Cluster.readBytes(source).then { found in
            guard let found else { return .done }
            return Cluster.write(
                target, bytes: Array(found.bytes), type: found.contentType, context: nil, .strict
            ).map { _ in }
        }
    }

    private static func change(_ path: PostPath, _ home: Home?, _ body: @escaping (Head) -> Head) -> Flow<Void> {
        guard let key = SocialKeys.head(path, home) else { return .refused(.internalError) }
        let standing: Flow<Stored<Head>> = Cluster.read(key, .strict)
        return standing.then { stored in
            guard let head = stored.record else { return .refused(.cutOff) }
            return Cluster.write(key, body(head), context: stored.context, .strict).then { _ in
                .with { core in
                    core.heads.forget(path, home)
                    return .done
                }
            }
        }
    }

    private static func end(_ intent: Intent, at path: PostPath, _ id: PostID) -> Flow<Posted> {
        Posting.drop(intent).map { _ in
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
    /// What has become of it under a provisional path, with the generation of its name.
    fileprivate func moved(to named: Head) -> Head {
        var head = named
        head.rev = rev
        head.edited = edited
        head.type = type
        head.size = size
        head.body = body
        head.summary = summary
        head.revisions = revisions
        head.state = state
        return head
    }
}
