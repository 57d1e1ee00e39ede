// Whether a post is there already: the same token, sent again, is answered as the first time.

import Edge
import Keys
import World

extension Posting {
    /// A finished T answers for good: its post stands, and its intent is gone.
    static func wasPosted(_ intent: Intent, _ path: PostPath, _ content: PostContent) -> Flow<Posted?> {
        guard case .post(let head, let generates) = intent.kind else { return .value(nil) }
        let paths = generates ? GeneratedSlug.paths(intent.token, content.digest, isListed: head.isListed) : [path]
        // What one replica does not know yet is found by the claim.
        return at(paths[...], intent, head, .one)
    }

    /// At the first of these paths where this request has posted.
    static func at(
        _ paths: ArraySlice<PostPath>, _ intent: Intent, _ wanted: Head, _ level: Level
    ) -> Flow<Posted?> {
        guard let path = paths.first, let key = SocialKeys.head(path, intent.home) else { return .value(nil) }
        let standing: Flow<Stored<Head>?> = Cluster.read(key, level).optional
        return standing.then { stored in
            // Nothing here: the usual way, and cheap.
            guard let there = stored?.record else { return .value(nil) }
            return claimant(intent, path, at: there.generation).and(self.standing(intent)).then { claimant, prepared in
                switch claimant {
                case .stranger: return at(paths.dropFirst(), intent, wanted, level)
                case .former: return .refused(.gone)
                case .present where there.state == .deleted: return .refused(.gone)
                case .present: break
                }
                guard there.hasHad(wanted.body) else { return .refused(.attemptDiffers) }
                // Whoever began may have got to one replica only.
                let brought: Flow<Void> =
                    prepared != nil
                    ? Cluster.write(key, there, context: stored?.context, .strict).map { _ in } : .done
                return brought.map {
                    Posted(path: path, id: there.id, wasThere: true, isProvisional: false, readableIn: [])
                }
            }
        }
    }

    /// What this request is to a path where a head of `generation` stands.
    private static func claimant(
        _ intent: Intent, _ path: PostPath, at generation: UInt64
    ) -> Flow<OwnedName.Claimant> {
        let name = path.name(hidden: intent.home != nil)
        guard let key = SocialKeys.owner(name) else { return .value(.stranger) }
        let owner: Flow<Stored<OwnedName>> = Cluster.read(key, .strict)
        return owner.map { $0.record?.claimant(Names.owner(intent.token, of: name), at: generation) ?? .stranger }
    }
}

extension Head {
    /// Whether a body is, or was, the post's.
    func hasHad(_ body: String) -> Bool {
        ([self.body] + [conflict].compactMap { $0 } + revisions.map(\.body)).contains { $0.isSpelled(body) }
    }
}
