// Posts, for programs; and what their pages share with them.

import Edge
import JSON
import Keys
import World

enum PostCalls {
    // MARK: Posting

    /// What a request wants posted.
    static func postForm(_ call: SiteCall, _ content: PostContent) -> Flow<PostForm> {
        guard let token = call.token else { return .refused(.weakToken) }
        let place: PostForm.Place
        let ttl: Span?
        do {
            place = try self.place(call)
            ttl = try span(call.form["ttl"])
        } catch { return .refused(error) }
        let isListed = call.form.flag("listed") ?? !(call.form.flag("unlisted") ?? false)
        return .value(
            PostForm(
                place: place, author: call.viewer, content: content, isListed: isListed, ttl: ttl, token: token))
    }

    /// With a name, or without: that is never guessed. Who wrote as somebody and is that no longer, since the session
    /// has ended, is asked to log in.
    private static func place(_ call: SiteCall) throws(Problem) -> PostForm.Place {
        let slug = call.form["slug"].flatMap { $0.isEmpty ? nil : $0 }
        let title = call.form["title"].flatMap { $0.isEmpty ? nil : $0 }
        let isAnonymous = call.form.flag("anonymous")
        if isAnonymous != true {
            let writer = call.form["as"].flatMap { $0.isEmpty ? nil : $0 }
            guard writer == nil || writer == call.viewer?.name, call.viewer != nil || !call.bearsSession else {
                throw .notLoggedIn
            }
        }
        guard slug != nil || isAnonymous ?? (call.viewer == nil && title == nil) else {
            _ = try call.needsViewer()
            return .title(title)
        }
        guard title == nil, isAnonymous != false else {
            throw .badInput("a short link has neither a title nor a name: leave the title empty, or the short link")
        }
        return .slug(slug)
    }

    /// `3600s`, `7d`, a number of seconds; nothing, or `never`: for good.
    static func span(_ text: String?) throws(Problem) -> Span? {
        guard let text, !text.isEmpty, text != "never" else { return nil }
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        let unit = text.last.flatMap { units[$0] }
        guard let number = Int64(unit == nil ? text[...] : text.dropLast()), number > 0, number <= 3_650 * 86_400,
            number * (unit ?? 1) <= 3_650 * 86_400
        else { throw .badInput("ttl is a time such as 3600s, 12h or 7d, up to ten years") }
        return .seconds(number * (unit ?? 1))
    }

    /// The body as it came, with its type.
    static func rawContent(_ call: SiteCall) -> Flow<PostContent> {
        let type = call.request.head.fields.first(.contentType) ?? "application/octet-stream"
        guard MediaType.isWellFormed(type) else { return .refused(.badInput("Content-Type is no media type")) }
        guard !call.request.body.isEmpty else { return .refused(.badInput("there is nothing to post")) }
        guard call.request.body.count <= Limits.largestValueBytes else { return .refused(.postTooLarge) }
        return .value(PostContent(call.request.body, type: type))
    }

    static func limited(_ call: SiteCall) -> Flow<Void> {
        AccountCalls.limited(call.viewer == nil ? .anonymousPost : .post, call, "posts")
    }

    static func post(_ call: SiteCall) -> Flow<SiteAnswer> {
        limited(call).then { rawContent(call) }.then { postForm(call, $0) }.then { form in
            post(form).map { posted in
                let isNamed = posted.path.user != nil
                let answer = JSONValue.object([
                    "path": .string(posted.path.text), "url": .string(call.request.origin + posted.path.url),
                    "id": .string(posted.id.text), "owner": isNamed ? .null : .string(form.token.text),
                    "provisional": .bool(posted.isProvisional), "readable_in": .strings(posted.readableIn),
                ])
                return SiteAnswers.json(answer, posted.wasThere ? 200 : 201, [("location", posted.path.url)])
            }
        }
    }

    /// A title whose post has expired is its author's again, as after a deletion.
    static func post(_ form: PostForm) -> Flow<Posted> {
        Posting.post(form).orElse { problem in
            guard problem.name == "title-taken", case .title(let title?) = form.place, let author = form.author,
                let segment = Spelling.title(title)
            else { return .refused(problem) }
            let path = PostPath(user: author.name, title: segment)
            return Reading.post(path).then { found in
                guard case .nothing(let reason) = found, reason.name == "expired" else { return .refused(problem) }
                // A request of its own, the same whenever this one comes.
                let token = SocialToken(
                    random: SocialDigest(Array("expired".utf8), Array(form.token.text.utf8)).bytes[...])
                return Editing.delete(path, author.home, .viewer(author), token)
                    .orElse { $0.name == "gone" ? .done : .refused($0) }.then { Posting.post(form) }
            }
        }
    }

    // MARK: One post

    static func path(_ call: SiteCall) -> PostPath? {
        let parts = call.request.parameters.map { String(decoding: $0, as: UTF8.self) }
        // A slash that was encoded parts nothing.
        return parts.contains { $0.contains("/") } ? nil : PostPath.spelled(parts.joined(separator: "/"))
    }

    static func editor(_ call: SiteCall) -> Editor? {
        if let owner = call.form["owner"] ?? call.request.head.fields.first(.atollOwner) {
            return SocialToken(owner).map { .token($0) }
        }
        return call.viewer.map { .viewer($0) }
    }

    static func found(_ path: PostPath?, _ call: SiteCall) -> Flow<ReadPost> {
        guard let path else { return .refused(.noSuchPost) }
        return Reading.found(path, isFresh: call.isFresh)
    }

    static func one(_ call: SiteCall) -> Flow<SiteAnswer> {
        switch call.request.head.method {
        case .put: return edit(call)
        case .delete: return delete(call)
        default:
            return found(path(call), call).then { post in
                Reading.whole(post).map { post, body in
                    SiteAnswers.json(
                        Cards.json(
                            post, text: PostContent.isText(post.head.type) ? body.bytes : nil, call.request.origin),
                        200, [("atoll-context", post.contextText)])
                }
            }
        }
    }

    /// What is to be changed, and by whom.
    private static func editing(_ call: SiteCall) -> Flow<(path: PostPath, editor: Editor)> {
        guard let path = path(call) else { return .refused(.noSuchPost) }
        guard let editor = editor(call) else {
            return .refused(call.request.head.fields.has(.atollOwner) ? .weakToken : .notLoggedIn)
        }
        return .value((path, editor))
    }

    private static func edit(_ call: SiteCall) -> Flow<SiteAnswer> {
        guard let text = call.request.head.fields.first(.atollContext) else { return .refused(.contextMissing) }
        return editing(call).then { path, editor in
            limited(call).then { rawContent(call) }.then { content -> Flow<Head> in
                Reading.home(of: path).then { home in
                    Editing.edit(path, home, editor, content, context: text)
                }
            }.then { head in
                found(path, call).map { post in
                    SiteAnswers.json(
                        .object(["path": .string(path.text), "rev": .int(head.rev)]), 200,
                        [("atoll-context", post.contextText)])
                }
            }
        }
    }

    private static func delete(_ call: SiteCall) -> Flow<SiteAnswer> {
        editing(call).then { path, editor in
            Reading.home(of: path).then { home in
                Editing.delete(path, home, editor, SocialToken(random: call.chance(0))).map { SiteAnswers.nothing() }
            }
        }
    }

    static func revisions(_ call: SiteCall) -> Flow<SiteAnswer> {
        found(path(call), call).map { post in
            let items = Cards.revisions(post).map { one in
                JSONValue.object([
                    "rev": .int(one.rev), "time": .string(CivilTime(one.time).rfc3339), "digest": .string(one.body),
                ])
            }
            return SiteAnswers.json(.object(["items": .array(items)]))
        }
    }

    // MARK: Raw

    /// The bytes as they were posted; of an older revision with `?rev=`.
    static func raw(_ call: SiteCall) -> Flow<SiteAnswer> {
        let wanted = call.form["rev"].flatMap { Int($0) }
        if call.form["rev"] != nil, wanted == nil { return .refused(.badInput("rev is the number of a revision")) }
        return found(path(call), call).then { post in
            let digest = wanted.flatMap { rev in Cards.revisions(post).first { $0.rev == rev }?.body }
            if wanted != nil, digest == nil { return .refused(.noSuchPost) }
            return bytes(of: post, revision: digest, call)
        }
    }

    private static func tag(_ post: ReadPost, _ revision: String?) -> String {
        "\"\((revision ?? post.head.body).prefix(32))\""
    }

    /// Nothing in them can act as this site: a page is sandboxed, and what a browser might run is handed out as a file.
    ///
    /// - more: headers that caches must know, whether they have the bytes or not.
    static func bytes(
        of post: ReadPost, revision: String? = nil, _ call: SiteCall, _ more: [(String, String)] = []
    ) -> Flow<SiteAnswer> {
        let head = call.request.head
        let headers = { (post: ReadPost) in
            [
                ("etag", tag(post, revision)),
                ("cache-control", post.head.isListed ? "public, max-age=0, must-revalidate" : "private, no-cache"),
            ] + more
        }
        if Conditions.isKnown(tag(post, revision), to: head) {
            return .value(.response(HTTPResponse(304, headers(post))))
        }
        let whole = revision.map { revision in Reading.body(post, revision: revision).map { (post, $0) } }
        return (whole ?? Reading.whole(post)).then { post, body in
            let tag = tag(post, revision)
            let headers = headers(post) + safeHeaders(body.contentType)
            switch AskedRange(head, tag: tag, count: body.bytes.count) {
            case .all: return .value(.response(HTTPResponse(200, headers, body: Array(body.bytes))))
            case .beyond: return .refused(.noSuchPart(of: body.bytes.count))
            case .part(let range):
                let place = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(body.bytes.count)"
                let part = body.bytes.dropFirst(range.lowerBound).prefix(range.count)
                return .value(.response(HTTPResponse(206, headers + [("content-range", place)], body: Array(part))))
            }
        }
    }

    private static let shown = [
        "text/plain", "text/markdown", "image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "audio/mpeg",
        "audio/ogg", "audio/wav", "audio/mp4", "audio/flac", "video/mp4", "video/webm", "video/ogg",
    ]

    private static func safeHeaders(_ type: String) -> [(String, String)] {
        let essence = type.mediaType
        let isShown = shown.contains(essence)
        // Text is shown as text, whatever it says it is.
        let told = essence == "text/markdown" || essence == "text/html" ? "text/plain; charset=utf-8" : type
        let isText = essence.hasPrefix("text/")
        return [
            ("content-type", isText && !told.contains("charset") ? told + "; charset=utf-8" : told),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "sandbox; default-src 'none'; frame-ancestors 'none'"),
            ("content-disposition", isShown || essence == "text/html" ? "inline" : "attachment"),
            ("cross-origin-resource-policy", "cross-origin"), ("referrer-policy", "no-referrer"),
            ("accept-ranges", "bytes"),
        ]
    }
}

extension Problem {
    static let postTooLarge = Problem.tooLarge("a post has up to \(Limits.largestValueBytes >> 20) MiB")
}

extension ReadPost {
    /// As a header bears it.
    var contextText: String {
        var bytes: [UInt8] = []
        bytes.append(base64: context)
        return String(decoding: bytes, as: UTF8.self)
    }
}
