// Posts as pages: reading, writing, changing, deleting.

import Ring
import Edge
import JSON
import Keys
import World

enum PostPages {
    // MARK: Reading

    /// `/ann/` is a user, `/0f3a…/` an anonymous post: whichever says yes. Only before "no" both are asked for sure.
    static func first(_ call: SiteCall) -> Flow<SiteAnswer> {
        guard let slug = Spelling.slug(call.parameter(0)) else { return .refused(nothing(call)) }
        guard let name = Spelling.user(slug), let key = SocialKeys.user(name) else {
            return post(PostPath(slug: slug), call)
        }
        let user: Flow<Stored<User>?> = Cluster.read(key, .one).optional
        return user.then { stored in
            if let user = stored?.record {
                return user.absence.map { .refused($0) } ?? TimelinePages.user(name, call)
            }
            return post(PostPath(slug: slug), call).orElse { problem in
                guard problem.name == "no-such-post" else { return .refused(problem) }
                return Reading.user(name).then { user in
                    guard let user else { return .refused(problem) }
                    return user.absence.map { .refused($0) } ?? TimelinePages.user(name, call)
                }
            }
        }
    }

    static func titled(_ call: SiteCall) -> Flow<SiteAnswer> {
        PostCalls.path(call).map { post($0, call) } ?? .refused(nothing(call))
    }

    /// Where nobody can post anything.
    private static func nothing(_ call: SiteCall) -> Problem {
        Spelling.reserved.contains(call.parameter(0)) ? .noSuchPath : .noSuchPost
    }

    private static func post(_ path: PostPath, _ call: SiteCall) -> Flow<SiteAnswer> {
        Reading.post(path, isFresh: call.isFresh).then { found in
            switch found {
            case .nothing(let problem): return .refused(problem)
            case .moved(let path): return .value(SiteAnswers.moved(path.url))
            case .post(let post):
                guard call.request.head.acceptsPages else {
                    // The bytes, where the client says that it is no browser.
                    let place = ("content-location", post.path.url + "raw")
                    return PostCalls.bytes(of: post, call, [("vary", "accept"), place])
                }
                return Reading.whole(post).then { post, body in content(post, body).map { (post, $0) } }.map {
                    post, content in
                    SitePages.answer(
                        SitePages.page(
                            "post", post.head.title.isEmpty ? "A post" : post.head.title, call,
                            [("post", .object(members(post, content, call).map { JSONValue.Member($0.0, $0.1) }))]),
                        call, isPrivate: !post.head.isListed)
                }
            }
        }
    }

    static func raw(_ call: SiteCall) -> Flow<SiteAnswer> {
        if let rawOrigin = call.settings.rawOrigin, !call.request.isRaw {
            return .value(.response(HTTPResponse(307, [("location", rawOrigin + call.path)])))
        }
        return PostCalls.raw(call)
    }

    /// What is shown of a body: one of these, the others null.
    private static func content(_ post: ReadPost, _ body: StoredBytes) -> Flow<[(String, JSONValue)]> {
        let essence = post.head.type.mediaType
        let kinds = ["html", "text", "code", "image", "audio", "video", "file"]
        func only(_ kind: String, _ value: JSONValue) -> [(String, JSONValue)] {
            kinds.map { ($0, $0 == kind ? value : .null) }
        }
        let raw = JSONValue.string(post.path.url + "raw")
        let text = { String(decoding: body.bytes, as: UTF8.self) }
        if essence == "text/markdown", body.bytes.count <= Limits.socialTextBytes {
            return Flow.html(.markdown(Array(body.bytes))).map { html in
                html.map { only("html", .string(String(decoding: $0, as: UTF8.self))) } ?? only("text", .string(text()))
            }
        }
        if essence.hasPrefix("text/") || essence == "application/json", body.bytes.count <= Limits.socialTextBytes {
            return .value(
                only(essence == "text/plain" || essence == "text/markdown" ? "text" : "code", .string(text())))
        }
        if Cards.isRaster(essence) { return .value(only("image", raw)) }
        if essence.hasPrefix("audio/") { return .value(only("audio", raw)) }
        if essence.hasPrefix("video/") { return .value(only("video", raw)) }
        let file = JSONValue.object([
            "name": .string(post.head.title.isEmpty ? post.path.last : post.head.title), "type": .string(essence),
            "size": .string(Cards.size(post.head.size)),
        ])
        return .value(only("file", file))
    }

    private static func members(
        _ post: ReadPost, _ content: [(String, JSONValue)], _ call: SiteCall
    ) -> [(String, JSONValue)] {
        let head = post.head
        let path = post.path.text.utf8.percentEncoded
        let isMine = head.author != nil && head.author == call.viewer?.name
        let mayTry = isMine || head.author == nil
        var provisional: String?
        if head.wasTaken {
            provisional = "The title is taken by another of your posts: this one stays here."
        } else if post.path.isProvisional {
            provisional =
                "This is where it stands while a part of the network is cut off; it moves to its title afterwards."
        }
        return [
            ("title", head.title.isEmpty ? .null : .string(head.title)),
            ("address", .string(call.request.origin + post.path.url)), ("author", .optional(head.author)),
            ("author_url", .optional(head.author.map { "/\($0)/" })), ("time", .string(CivilTime(head.time).rfc3339)),
            ("time_text", .string(CivilTime(head.time).words)), ("edited", Cards.time(head.edited)),
            ("listed", .bool(head.isListed)), ("expires", Cards.time(head.expires)), ("source", .null),
            ("rev", .int(head.rev)), ("live", .string("/v1/timelines/live?post=" + path)),
            ("raw_url", .string(post.path.url + "raw")), ("revisions_url", .string("/-/revisions?path=" + path)),
            ("edit_url", mayTry ? .string("/-/edit?path=" + path) : .null),
            ("delete_url", mayTry ? .string("/-/delete?path=" + path) : .null),
            ("report_url", isMine ? .null : .string("/-/report?path=" + path)),
            ("provisional", .optional(provisional)),
            ("image_alt", .string(head.title.isEmpty ? "A picture" : head.title)),
        ] + content
    }

    static func revisions(_ call: SiteCall) -> Flow<SiteAnswer> {
        PostCalls.found(PostPath.spelled(call.form.text("path")), call).map { post in
            let items = Cards.revisions(post).enumerated().map { place, one in
                JSONValue.object([
                    "url": .string(post.path.url + "raw?rev=\(one.rev)"), "rev": .int(one.rev),
                    "size": .string(Cards.size(one.size)), "time": .string(CivilTime(one.time).rfc3339),
                    "time_text": .string(CivilTime(one.time).words), "is_current": .bool(place == 0),
                ])
            }
            let of = JSONValue.object([
                "title": .string(post.head.title.isEmpty ? post.path.text : post.head.title),
                "url": .string(post.path.url),
            ])
            return SitePages.answer(
                SitePages.page("revisions", "Revisions", call, [("post", of), ("items", .array(items))]), call,
                isPrivate: !post.head.isListed)
        }
    }

    // MARK: Writing

    private static let types = [("text/markdown", "Markdown"), ("text/plain", "Plain text")]
    private static func isListed(_ type: String) -> Bool {
        types.contains { $0.0 == type } || !type.hasPrefix("text/")
    }
    private static let expiries = [
        ("never", "for good"), ("1h", "for an hour"), ("1d", "for a day"), ("7d", "for a week"), ("30d", "for a month"),
    ]

    private struct Form {
        var heading = "Write"
        var action = "/-/write"
        var submit = "Post"
        var text: String?
        var type: String?
        var context: String?
        var isEdit = false
        var asksOwner = false
        var conflict = JSONValue.null
        var error: String?
        var status: UInt = 200
        var header: (name: String, value: String)?
        /// The token that was sent is of something else.
        var needsToken = false
        var drafts: [JSONValue] = []
    }

    private static func show(_ form: Form, _ call: SiteCall) -> SiteAnswer {
        let sent = call.form
        let canBeAnonymous = call.settings.isAnonymousAllowed && call.viewer != nil && !form.isEdit
        let values: [(String, JSONValue)] = [
            ("heading", .string(form.heading)), ("action", .string(form.action)), ("submit", .string(form.submit)),
            ("token", .string((form.needsToken ? nil : sent["token"]) ?? call.newToken)),
            ("context", .optional(form.context)), ("is_edit", .bool(form.isEdit)),
            ("asks_owner", .bool(form.asksOwner)), ("as", .optional(call.viewer?.name ?? sent["as"])),
            ("can_be_anonymous", .bool(canBeAnonymous)),
            ("draft_action", call.viewer != nil && !form.isEdit ? .string("/-/drafts") : .null),
            (
                "form",
                .object([
                    "title": .optional(sent["title"]), "slug": .optional(sent["slug"]),
                    "text": .optional(form.text ?? sent["text"]), "unlisted": .bool(sent.flag("unlisted") ?? false),
                    "anonymous": .bool(sent.flag("anonymous") ?? false),
                ])
            ),
            (
                "types",
                SitePages.options(
                    types + (form.type.flatMap { known in isListed(known) ? nil : [(known, known)] } ?? []),
                    chosen: form.type ?? sent["type"])
            ),
            ("expiries", SitePages.options(expiries, chosen: sent["ttl"])), ("conflict", form.conflict),
            ("drafts", .array(form.drafts)),
        ]
        return SitePages.answer(
            SitePages.page("write", form.heading, call, values, error: form.error), call, status: form.status,
            form.header.map { [$0] } ?? [])
    }

    /// What was sent: a file, or the text.
    private static func sentContent(_ call: SiteCall) throws(Problem) -> PostContent {
        if let file = call.form.file {
            guard file.bytes.count <= Limits.largestValueBytes else { throw .postTooLarge }
            guard MediaType.isWellFormed(file.type) else { throw .badInput("the file's type is no media type") }
            return PostContent(file.bytes, type: file.type)
        }
        let text = call.form.text("text")
        guard !text.utf8.isEmpty else { throw .badInput("there is nothing to post") }
        guard text.utf8.count <= Limits.largestValueBytes else { throw .postTooLarge }
        // What was another kind of text before stays one.
        let type = call.form.text("type")
        let isText = MediaType.isWellFormed(type) && type.mediaType.hasPrefix("text/")
        return PostContent(Array(text.utf8), type: isText ? type : "text/markdown")
    }

    /// The empty form, with the drafts that one has begun.
    private static func drafts(_ call: SiteCall) -> Flow<Form> {
        guard let viewer = call.viewer else { return .value(Form()) }
        return Drafts.all(of: viewer).orElse { _ in .value([]) }.map { drafts in
            var form = Form()
            form.drafts = drafts.map { draft in
                .object([
                    "url": .string("/-/drafts/\(draft.id)"), "title": .string(draft.label.label),
                    "time": .string(CivilTime(draft.label.since).rfc3339),
                    "time_text": .string(CivilTime(draft.label.since).words),
                ])
            }
            return form
        }
    }

    static func write(_ call: SiteCall) -> Flow<SiteAnswer> {
        if call.viewer == nil, !call.settings.isAnonymousAllowed { return .refused(.notLoggedIn) }
        guard call.request.head.method == .post else { return drafts(call).map { show($0, call) } }
        let content: PostContent
        do { content = try sentContent(call) } catch { return .value(again(error, call)) }
        return PostCalls.limited(call).then { PostCalls.postForm(call, content) }.then { form in
            PostCalls.post(form).map { posted in
                let secret: JSONValue = posted.path.user == nil ? .string(form.token.text) : .null
                let values: [(String, JSONValue)] = [
                    ("heading", .string(posted.wasThere ? "It was posted" : "Posted")),
                    ("address", .string(call.request.origin + posted.path.url)), ("url", .string(posted.path.url)),
                    (
                        "provisional",
                        posted.isProvisional
                            ? .string(
                                "A part of the network is cut off. The link below is good for now, where it says; the title follows."
                            )
                            : .null
                    ),
                    ("readable_in", .strings(posted.readableIn)), ("token", secret),
                ]
                return SitePages.answer(
                    SitePages.page("written", "Posted", call, values), call, status: posted.wasThere ? 200 : 201,
                    [call.wrote])
            }
        }.orElse { .value(again($0, call)) }
    }

    /// The form as it was sent, and what is wrong. What takes a name and is not known yet keeps its token.
    private static func again(_ form: Form, _ problem: Problem, _ call: SiteCall) -> SiteAnswer {
        var form = form
        // Who edits without a name has a secret, and no token that is too short.
        let isSecret = form.asksOwner && ["not-the-author", "bad-owner-token"].contains(problem.name)
        form.error = SitePages.words(isSecret ? .wrongSecret : problem)
        form.status = problem.status
        form.header = problem.header
        form.needsToken = problem.name == "attempt-differs"
        return show(form, call)
    }

    /// The same of a new post.
    static func again(_ problem: Problem, _ call: SiteCall) -> SiteAnswer { again(Form(), problem, call) }

    // MARK: Changing

    static func edit(_ call: SiteCall) -> Flow<SiteAnswer> {
        guard let path = PostPath.spelled(call.form.text("path")) else { return .refused(.noSuchPost) }
        return PostCalls.found(path, call).then { post in
            var form = Form()
            form.heading = "Change"
            form.submit = "Save"
            form.action = "/-/edit?path=" + post.path.text.utf8.percentEncoded
            form.isEdit = true
            form.asksOwner = post.head.author == nil
            form.type = post.head.type.mediaType
            form.context = post.contextText
            guard post.head.author == nil || post.head.author == call.viewer?.name else {
                return .refused(call.viewer == nil ? .notLoggedIn : .notTheAuthor)
            }
            if call.request.head.method == .post { return save(post, form, call) }
            return Reading.body(post).map { body in
                if PostContent.isText(post.head.type) { form.text = String(decoding: body.bytes, as: UTF8.self) }
                return show(form, call)
            }
        }
    }

    private static func save(_ post: ReadPost, _ form: Form, _ call: SiteCall) -> Flow<SiteAnswer> {
        let content: PostContent
        do { content = try sentContent(call) } catch { return .value(again(form, error, call)) }
        guard let editor = PostCalls.editor(call) else { return .value(again(form, .notTheAuthor, call)) }
        var kept = form
        kept.context = call.form["context"]
        return PostCalls.limited(call).then {
            Editing.edit(post.path, post.home, editor, content, context: call.form.text("context"))
        }.map { _ in SiteAnswers.seeOther(post.path.url, [call.wrote]) }.orElse { problem in
            guard problem.name == "edit-conflict" else { return .value(again(kept, problem, call)) }
            return conflict(post, form, call)
        }
    }

    /// Both texts: the other's to look at, one's own to go on with, over the present state.
    private static func conflict(_ post: ReadPost, _ form: Form, _ call: SiteCall) -> Flow<SiteAnswer> {
        PostCalls.found(post.path, call).then { post in
            Reading.body(post, revision: post.head.conflict).orElse { _ in Reading.body(post) }.map { body in
                var form = form
                form.context = post.contextText
                form.conflict = .object([
                    "theirs": .string(String(decoding: body.bytes, as: UTF8.self)), "url": .string(post.path.url),
                ])
                form.status = 409
                form.error = "Somebody was faster: this post was changed after you began."
                return show(form, call)
            }
        }
    }

    static func delete(_ call: SiteCall) -> Flow<SiteAnswer> {
        guard let path = PostPath.spelled(call.form.text("path")) else { return .refused(.noSuchPost) }
        return PostCalls.found(path, call).then { post in
            func ask(_ problem: Problem? = nil) -> SiteAnswer {
                let isSecret = post.head.author == nil && problem?.name == "not-the-author"
                let error = problem.map { SitePages.words(isSecret ? .wrongSecret : $0) }
                let values: [(String, JSONValue)] = [
                    ("heading", .string("Delete this post?")),
                    (
                        "detail",
                        .string(
                            "It goes from all timelines, and its link says that it was deleted. This cannot be undone.")
                    ),
                    ("action", .string("/-/delete?path=" + post.path.text.utf8.percentEncoded)),
                    ("token", .string(call.form["token"] ?? call.newToken)), ("fields", .array([])),
                    ("asks_owner", .bool(post.head.author == nil)), ("asks_reason", .bool(false)),
                    ("form", .object(["reason": .null])), ("submit", .string("Delete")), ("is_danger", .bool(true)),
                    ("back", .string(post.path.url)),
                ]
                return SitePages.answer(
                    SitePages.page("confirm", "Delete this post?", call, values, error: error), call,
                    status: problem?.status ?? 200)
            }
            guard post.head.author == nil || post.head.author == call.viewer?.name else {
                return .refused(call.viewer == nil ? .notLoggedIn : .notTheAuthor)
            }
            guard call.request.head.method == .post else { return .value(ask()) }
            guard let editor = PostCalls.editor(call), let token = call.token else {
                return .value(ask(.notTheAuthor))
            }
            return Editing.delete(post.path, post.home, editor, token).map {
                SiteAnswers.seeOther(call.viewer.map { "/\($0.name)/" } ?? "/", [call.wrote])
            }.orElse { .value(ask($0)) }
        }
    }
}
