// Posting, with a title and without a name. The mission's own words:
//
//     titled, /<user>/<title>/     refused if it exists; then public timeline, user timeline, follower inboxes
//     anonymous, /<slug>/          while (!namestore.register(path)) {
//                                      if (!isSHA(slug)) return false;
//                                      path = 'post:' + (slug = generateSHA())
//                                  }
//                                  then the public timeline. Without a namestore only SHAs are given

import Ring
import Edge
import Keys
import NameStore
import World

struct PostForm: Sendable {
    enum Place: Sendable {
        /// Below the author; nil: the time is the title.
        case title(String?)
        /// At the root, by nobody; nil: a generated slug.
        case slug(String?)
    }

    let place: Place
    /// Who posts; the place decides whether anybody is told.
    let author: Visitor?
    let content: PostContent
    let isListed: Bool
    let ttl: Span?
    let token: SocialToken
}

struct Posted: Sendable {
    let path: PostPath
    let id: PostID
    /// An earlier request with the same token has done it.
    let wasThere: Bool
    let isProvisional: Bool
    /// Countries where it can be read at once; empty: everywhere.
    let readableIn: [String]
}

enum Posting {
    static func post(_ form: PostForm) -> Flow<Posted> {
        .with { core in
            let home: Home?
            let first: PostPath
            var generates = false
            switch form.place {
            case .title(let title):
                guard let author = form.author else { return .refused(.notLoggedIn) }
                home = author.home
                // Without one it is the token's: the same request is the same post, whenever it comes.
                let wanted = title ?? "post-" + form.token.digest.prefix(12)
                guard wanted.utf8.count <= Limits.socialTitleBytes, let segment = Spelling.title(wanted) else {
                    return .refused(.badTitle)
                }
                first = PostPath(user: author.name, title: segment)
            case .slug(let slug):
                guard core.settings.isAnonymousAllowed else { return .refused(.anonymousClosed) }
                home = nil
                generates = slug == nil
                // Without a namestore only SHAs are given.
                guard generates || core.hasNamestore else { return .refused(.noNamestore) }
                let round = GeneratedSlug.firstRound(isListed: form.isListed)
                let text = slug ?? GeneratedSlug.text(round, form.token.text, form.content.digest)
                guard let spelled = Spelling.slug(text), !GeneratedSlug.isSHA(spelled) || generates else {
                    return .refused(.badSlug)
                }
                first = PostPath(slug: spelled)
            }
            let digest = SocialDigest(Array("post".utf8), Array(form.token.text.utf8), Array(first.text.utf8))
            let wall = core.now.wall
            let isNamed = first.user != nil
            let head = Head(
                id: PostID(wall, digest), author: isNamed ? form.author?.name : nil,
                title: titleText(form.place, first),
                generation: 0, time: wall, content: form.content, isListed: form.isListed,
                expires: form.ttl.map { WallTime(milliseconds: wall.milliseconds + UInt64($0.inMilliseconds)) },
                editor: isNamed ? nil : form.token.editor)
            let intent = Intent(
                .post(head, generatesSlug: generates), subject: first.text, home: home, token: form.token.text,
                since: wall)
            return prepare(intent, first, form.content)
        }
    }

    /// As the author wrote it, for people to read.
    private static func titleText(_ place: PostForm.Place, _ path: PostPath) -> String {
        if case .title(let title?) = place { title } else { "" }
    }

    // MARK: Prepare

    private static func prepare(_ intent: Intent, _ path: PostPath, _ content: PostContent) -> Flow<Posted> {
        wasPosted(intent, path, content).then { posted in
            if let posted { return .value(posted) }
            guard case .post(let head, _) = intent.kind else { return .refused(.internalError) }
            return roomToTell(head).then {
                Names.prepare(
                    intent, name: path.name(hidden: intent.home != nil),
                    bodies: writeBody(path, head.id, content, intent.home))
            }.then { standing in finish(standing) }.orElse { problem in
                switch problem.name {
                case "title-taken", "slug-taken":
                    guard let token = SocialToken(intent.token) else { return .refused(problem) }
                    let name = path.name(hidden: intent.home != nil)
                    return Names.helpHolders(of: name, intent.home, but: token).then { .refused(problem) }
                // No strict quorum took the intent: nothing is claimed, and a title can wait.
                case "cut-off" where intent.canBeProvisional: return Provisional.publish(intent, content)
                default: return .refused(problem)
                }
            }
        }
    }

    /// Refused where so many posts wait to be told of that this one would come too late.
    private static func roomToTell(_ head: Head) -> Flow<Void> {
        .with { core in
            let tells = head.author != nil && head.isListed
            return core.deliveries.hasRoom || !tells ? .done : .refused(.tooBusy)
        }
    }

    static func writeBody(
        _ path: PostPath, _ post: PostID, _ content: PostContent, _ home: Home?, _ level: Level = .strict
    ) -> Flow<Void> {
        guard let key = SocialKeys.body(path, post, content.digest, home) else { return .refused(.badTitle) }
        return Cluster.write(key, bytes: content.bytes, type: content.type, context: nil, level).map { _ in }
    }

    // MARK: Claim and publish

    /// From the intent on; the same for whoever finishes it. But only who is waited for publishes what can't have its
    /// name yet: others leave that to a later time.
    static func finish(_ intent: Intent, isWaitedFor: Bool = true) -> Flow<Posted> {
        guard let path = PostPath(intent.subject) else { return .refused(.internalError) }
        if intent.isProvisional { return Provisional.claim(intent) }
        if let placed = intent.placed, let stands = PostPath(placed.path) {
            if intent.step == .finished { return posted(intent, stands, wasThere: true) }
            return Delivery.deliver(intent, at: stands).then { drop(intent) }.then {
                posted(intent, stands, wasThere: true)
            }
        }
        return claim(intent, path, isWaitedFor)
    }

    private static func claim(_ intent: Intent, _ path: PostPath, _ isWaitedFor: Bool) -> Flow<Posted> {
        Names.claim(path.name(hidden: intent.home != nil), intent.token, for: intent.post).then { claim in
            switch claim {
            case .ours(let generation, isFirst: true): return publishFirst(intent, path, generation)
            case .ours(let generation, isFirst: false): return publish(intent, path, generation)
            case .unknown where isWaitedFor && intent.canBeProvisional:
                guard case .post(let head, _) = intent.kind else { return .refused(.internalError) }
                // The same request may have got through at another node.
                let there: Flow<Posted?> = at([path], intent, head, .strict).orElse { _ in .value(nil) }
                return there.then { $0.map { .value($0) } ?? Provisional.publish(intent, nil) }
            case .unknown: return .refused(.mayTakeEffect)
            case .taken:
                // if (!isSHA(slug)) return false; path = 'post:' + (slug = generateSHA())
                guard let next = GeneratedSlug.next(after: path, intent) else {
                    return drop(intent).then { askOnceMore(intent, path) }
                }
                return copyBody(intent, from: PostPath(intent.subject) ?? path, to: next).then {
                    self.claim(intent, next, isWaitedFor)
                }
            }
        }
    }

    /// Taken, and its intent is gone. Another node that finishes the same request may have claimed it in between, when
    /// it was given up, and counts on the intent.
    private static func askOnceMore(_ intent: Intent, _ path: PostPath) -> Flow<Posted> {
        let name = path.name(hidden: intent.home != nil)
        return Names.claim(name, intent.token, for: intent.post).then { claim in
            guard case .ours(let generation, _) = claim else { return .refused(.taken(path)) }
            return Names.prepare(intent, name: intent.workName).then { publish($0, path, generation) }
        }
    }

    /// Head and owner. From here on the link is good. What stands there, if anything does, is of this token, and of two
    /// heads of one generation it follows from them which stands (`Head.merged`): nothing need be read before.
    private static func publishFirst(_ intent: Intent, _ path: PostPath, _ generation: UInt64) -> Flow<Posted> {
        let name = path.name(hidden: intent.home != nil)
        guard case .post(let wanted, _) = intent.kind, let key = SocialKeys.head(path, intent.home),
            let owner = SocialKeys.owner(name)
        else { return .refused(.internalError) }
        let head = Names.publish(wanted.at(generation), at: key, over: .nothing(key)) { _ in false }
        let owned = Names.noteOwner(name, intent.token, generation: generation, over: .nothing(owner))
        return head.and(owned).then { _ in published(intent, path, generation, wanted.id) }
    }

    /// The same where others may have been: a name that was given up before, an intent that somebody has taken up.
    private static func publish(_ intent: Intent, _ path: PostPath, _ generation: UInt64) -> Flow<Posted> {
        let name = path.name(hidden: intent.home != nil)
        guard let key = SocialKeys.head(path, intent.home), let owner = SocialKeys.owner(name) else {
            return .refused(.internalError)
        }
        let standing: Flow<Stored<Head>> = Cluster.read(key, .strict)
        let owned: Flow<Stored<OwnedName>> = Cluster.read(owner, .strict)
        return standing.and(owned).and(self.standing(intent)).then { read, prepared in
            let (stored, owned) = read
            // Of two ids of one token the one that others will come to as well.
            let isOwn = prepared?.asks(theSameAs: intent) ?? false
            let own = isOwn ? prepared ?? intent : intent
            guard case .post(let wanted, _) = own.kind else { return .refused(.internalError) }
            guard !wasDeleted(intent, wanted.id, path, stored.record, owned.record) else {
                return giveBack(path, intent, generation).then { _ in drop(intent) }.then { .refused(.gone) }
            }
            let there = stored.record.flatMap { $0.generation >= generation ? $0 : nil }
            // The name was somebody else's when it was asked for before: the post stands for good where it was put for
            // the time being, and needs none.
            if let ended = prepared, ended.step == .finished, there == nil,
                let placed = ended.placed.flatMap({ PostPath($0.path) })
            {
                let owner = Names.owner(intent.token, of: name)
                return Names.release(name, owner: owner, generation: generation).then { _ in
                    posted(ended, placed, wasThere: true)
                }
            }
            // Another request of the same token has come first.
            if let there, there.generation == generation, !there.hasHad(wanted.body) {
                return (isOwn ? drop(intent) : .done).then { .refused(.attemptDiffers) }
            }
            // Somebody who was told that the name was taken has given the intent up: if this node went now, the name
            // would be held by nothing.
            guard prepared != nil || there != nil else {
                return Names.prepare(intent, name: intent.workName).then { publish($0, path, generation) }
            }
            // Written in any case: whoever began may have got to one replica only.
            let head = there ?? wanted.at(generation)
            return Cluster.write(key, head, context: stored.context, .strict)
                .then { _ in Names.noteOwner(name, intent.token, generation: generation, over: owned) }
                .then { published(own, path, generation, head.id) }
        }
    }

    private static func published(
        _ intent: Intent, _ path: PostPath, _ generation: UInt64, _ id: PostID
    ) -> Flow<Posted> {
        .with { core in
            core.figures.posts += 1
            core.heads.forget(path, intent.home)
            var next = intent
            next.step = .published
            next.placed = Intent.Placed(path: path.text, generation: generation)
            // 201 leaves here.
            return Delivery.beside(intent, as: id, Delivery.deliver(next, at: path, as: id)) { drop(intent) }.map {
                Posted(path: path, id: id, wasThere: false, isProvisional: path.isProvisional, readableIn: [])
            }
        }
    }

    /// As it lies there: of two nodes with one token the one that asked first, if a strict quorum has that.
    static func standing(_ intent: Intent) -> Flow<Intent?> {
        .with { core in
            guard !core.seams.claimsFirst, let token = SocialToken(intent.token),
                let key = SocialKeys.work(intent.workName, token.digest, intent.home)
            else { return .value(intent) }
            let standing: Flow<Stored<Intent>> = Cluster.read(key, .strict)
            return standing.map(\.record)
        }
    }

    /// Whether this very request's post stood there, and was deleted before its intent was: nobody wants it back.
    static func wasDeleted(_ intent: Intent, _ id: PostID, _ path: PostPath) -> Flow<Bool> {
        guard let key = SocialKeys.head(path, intent.home),
            let owner = SocialKeys.owner(path.name(hidden: intent.home != nil))
        else { return .refused(.internalError) }
        let standing: Flow<Stored<Head>> = Cluster.read(key, .strict)
        let owned: Flow<Stored<OwnedName>> = Cluster.read(owner, .strict)
        return standing.and(owned).map { wasDeleted(intent, id, path, $0.record, $1.record) }
    }

    private static func wasDeleted(
        _ intent: Intent, _ id: PostID, _ path: PostPath, _ head: Head?, _ owned: OwnedName?
    ) -> Bool {
        guard let head else { return false }
        let owner = Names.owner(intent.token, of: path.name(hidden: intent.home != nil))
        switch owned?.claimant(owner, at: head.generation) ?? .stranger {
        // Another post has stood there since.
        case .former: return true
        case .present: return head.state == .deleted
        case .stranger: return head.state == .deleted && head.id.request == id.request
        }
    }

    /// Releases a title that was claimed for nothing; a slug is out in the world, and never another's.
    static func giveBack(_ path: PostPath, _ intent: Intent, _ generation: UInt64) -> Flow<Bool> {
        let name = path.name(hidden: intent.home != nil)
        guard path.user != nil else { return .value(true) }
        return Names.release(name, owner: Names.owner(intent.token, of: name), generation: generation)
    }

    /// What stands there now: its id is that of whoever published first.
    private static func posted(_ intent: Intent, _ path: PostPath, wasThere: Bool) -> Flow<Posted> {
        guard let key = SocialKeys.head(path, intent.home), case .post(let wanted, _) = intent.kind else {
            return .refused(.internalError)
        }
        let head: Flow<Stored<Head>?> = Cluster.read(key, .quorum).optional
        return head.map { stored in
            Posted(
                path: path, id: stored?.record?.id ?? wanted.id, wasThere: wasThere, isProvisional: path.isProvisional,
                readableIn: [])
        }
    }

    static func copyBody(_ intent: Intent, from: PostPath, to: PostPath) -> Flow<Void> {
        guard case .post(let head, _) = intent.kind,
            let source = SocialKeys.body(from, head.id, head.body, intent.home),
            let target = SocialKeys.body(to, head.id, head.body, intent.home)
        else { return .refused(.internalError) }
        return Cluster.readBytes(source).then { found in
            guard let found else { return .refused(.cutOff) }
            return Cluster.write(
                target, bytes: Array(found.bytes), type: found.contentType, context: nil, .strict
            ).map { _ in }
        }
    }

    /// The intent has nothing left to do. But where the same request has not reached the namestore at another node, the
    /// post stands under a provisional path too, and that is brought to its end.
    static func drop(_ intent: Intent) -> Flow<Void> {
        guard let token = SocialToken(intent.token),
            let key = SocialKeys.work(intent.workName, token.digest, intent.home)
        else { return .done }
        let standing: Flow<Stored<Intent>> = Cluster.read(key, .strict)
        return standing.then { stored -> Flow<Void> in
            guard let there = stored.record, there.step != .finished else { return .done }
            if there.isProvisional { return Provisional.claim(there).map { _ in } }
            return Cluster.delete(key, context: stored.context, .strict)
        }.orElse { _ in .done }
    }
}

extension Problem {
    fileprivate static func taken(_ path: PostPath) -> Problem { path.user == nil ? .slugTaken : .titleTaken }
}

extension Intent {
    /// Under which a post's intent lies: of a generated slug the first one.
    var workName: String { PostPath(subject)?.name(hidden: home != nil) ?? "" }

    /// Which post is to stand there: of one token two nodes may have made two.
    fileprivate var post: String { if case .post(let head, _) = kind { head.id.text + head.body } else { "" } }

    /// A title, or a generated slug: where the namestore can't be asked, another path will do for the time.
    var canBeProvisional: Bool {
        guard case .post(_, let generates) = kind else { return false }
        return generates || subject.contains("/")
    }
}

extension Head {
    /// With the generation that its name was claimed with.
    func at(_ generation: UInt64, as id: PostID? = nil) -> Head {
        var head = Head(
            id: id ?? self.id, author: author, title: title, generation: generation, time: time,
            content: PostContent(type: type, size: size, digest: body, summary: summary), isListed: isListed,
            expires: expires, editor: editor)
        head.rev = rev
        return head
    }
}
