// Changing posts and taking them away. An edit is written over what its author has seen: who saw an older revision is
// told, with both texts, and nothing is lost. A deletion is an intent too: it has three steps that must all happen.

import Edge
import Keys
import World

/// Who may change a post.
enum Editor: Sendable {
    case viewer(Visitor)
    /// The token that was shown when it was posted without a name.
    case token(SocialToken)
}

enum Editing {
    /// A post that its editor may change, as a strict quorum has it.
    static func mine(_ path: PostPath, _ home: Home?, _ editor: Editor) -> Flow<
        (path: PostPath, head: Head, context: [UInt8])
    > {
        guard let key = SocialKeys.head(path, home) else { return .refused(.noSuchPost) }
        let standing: Flow<Stored<Head>> = Cluster.read(key, .strict)
        return standing.then { stored in
            guard let head = stored.record else { return .refused(.noSuchPost) }
            if let moved = head.movedTo.flatMap(PostPath.init), moved != path { return mine(moved, home, editor) }
            guard head.state != .deleted else { return .refused(.gone) }
            switch editor {
            case .viewer(let viewer): guard head.author == viewer.name else { return .refused(.notTheAuthor) }
            case .token(let token): guard head.editor == token.editor else { return .refused(.notTheAuthor) }
            }
            return .value((path, head, stored.context))
        }
    }

    /// - context: of the head as the editor saw it, as a header bears it: perhaps read under the path that the post
    ///   has moved to, perhaps under `path` before it moved.
    static func edit(
        _ path: PostPath, _ home: Home?, _ editor: Editor, _ content: PostContent, context: String
    ) -> Flow<Head> {
        mine(path, home, editor).then { there in
            guard let key = SocialKeys.head(there.path, home) else { return .refused(.noSuchPost) }
            let seen = try? ContextHeader.parse(context, for: key)
            guard there.context == seen else {
                // The same edit again.
                if there.head.body.isSpelled(content.digest) { return .value(there.head) }
                guard seen != nil || there.path != path else {
                    return .refused(.badInput("Atoll-Context is not of this post"))
                }
                return .refused(.editConflict)
            }
            let path = there.path
            return Posting.writeBody(path, there.head.id, content, home).then {
                .with { core in
                    let head = there.head.edited(content, at: core.now.wall)
                    return Cluster.write(key, head, context: there.context, .strict).then { _ in
                        head.generation == 0 ? Provisional.bringAlong(path, home) : .done
                    }.then {
                        .with { core in
                            core.heads.forget(path, home)
                            return .value(head)
                        }
                    }
                }
            }
        }
    }

    // MARK: Deleting

    static func delete(_ path: PostPath, _ home: Home?, _ editor: Editor, _ token: SocialToken) -> Flow<Void> {
        mine(path, home, editor).then { there in
            .with { core in
                let path = there.path
                let intent = Intent(
                    .delete(there.head.id), subject: path.text, home: home, token: token.text, since: core.now.wall)
                return Names.prepare(intent, name: path.name(hidden: home != nil)).then {
                    finishDeleting($0, there.head.id)
                }
            }
        }
    }

    static func finishDeleting(_ intent: Intent, _ id: PostID) -> Flow<Void> {
        guard let path = PostPath(intent.subject) else { return .refused(.internalError) }
        return remove(path, intent.home, id).then {
            Names.drop(intent, name: path.name(hidden: intent.home != nil)).orElse { _ in .done }
        }
    }

    /// Head, bodies, name; not where another post stands by now.
    static func remove(_ path: PostPath, _ home: Home?, _ id: PostID) -> Flow<Void> {
        guard let key = SocialKeys.head(path, home) else { return .done }
        let standing: Flow<Stored<Head>> = Cluster.read(key, .strict)
        return standing.then { stored in
            guard let head = stored.record, head.id.request == id.request else { return .done }
            var gone = head
            gone.state = .deleted
            // The digests of its bodies stay: whoever finishes this knows what is to go.
            gone.summary = ""
            let write: Flow<Void> =
                head.state == .deleted
                ? .done : Cluster.write(key, gone, context: stored.context, .strict).map { _ in }
            let bodies = Set(head.revisions.map(\.body) + [head.body] + [head.conflict].compactMap { $0 }).sorted()
            let deletions = bodies.compactMap { SocialKeys.body(path, head.id, $0, home) }.map {
                Cluster.delete($0, .quorum)
            }
            return write.then { Flow<[Void]>.all(deletions, width: 8) }
                .then { _ in head.generation == 0 ? Provisional.bringAlong(path, home) : .done }
                .then { releaseTitle(path, home, generation: head.generation) }
                .then {
                    .with { core in
                        core.heads.forget(path, home)
                        return .done
                    }
                }
        }
    }

    /// A title is its author's to use again; a slug is out in the world, and never another's.
    private static func releaseTitle(_ path: PostPath, _ home: Home?, generation: UInt64) -> Flow<Void> {
        let name = path.name(hidden: home != nil)
        guard path.user != nil, !path.isProvisional, let key = SocialKeys.owner(name) else { return .done }
        let owner: Flow<Stored<OwnedName>> = Cluster.read(key, .strict)
        return owner.then { stored in
            guard let owned = stored.record, owned.generation == generation else { return .done }
            return Names.release(name, owner: owned.owner, generation: generation).then {
                $0 ? .done : .refused(.mayTakeEffect)
            }
        }
    }
}
