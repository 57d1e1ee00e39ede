// Timelines, follows, drafts and reports, for programs.

import DataTypes
import Edge
import JSON
import Keys
import World

enum TimelineCalls {
    /// `?before=&limit=`.
    static func bounds(_ call: SiteCall) -> Flow<(before: PostID?, limit: Int)> {
        var before: PostID?
        if let text = call.form["before"], !text.isEmpty {
            guard let id = PostID(text) else { return .refused(.badInput("before is the id of a post")) }
            before = id
        }
        let limit = call.form["limit"].map { Int($0) } ?? Limits.socialPageItems
        guard let limit, (1...Limits.socialPageMost).contains(limit) else {
            return .refused(.badInput("limit is a number from 1 to \(Limits.socialPageMost)"))
        }
        return .value((before, limit))
    }

    private static func answer(_ page: TimelinePage, _ origin: String) -> SiteAnswer {
        SiteAnswers.json(
            .object([
                "items": Cards.list(page.posts, origin), "next": .optional(page.next?.text),
                "complete": .bool(page.isComplete),
            ]))
    }

    static func everybody(_ call: SiteCall) -> Flow<SiteAnswer> {
        bounds(call).then { PublicTimeline.page(before: $0.before, limit: $0.limit) }.map {
            answer($0, call.request.origin)
        }
    }

    static func inbox(_ call: SiteCall) -> Flow<SiteAnswer> {
        guard let viewer = call.viewer else { return .refused(.notLoggedIn) }
        return bounds(call).then { Inbox.page(viewer, before: $0.before, limit: $0.limit) }.map {
            answer($0, call.request.origin)
        }
    }

    static func user(_ call: SiteCall) -> Flow<SiteAnswer> {
        guard let name = Spelling.user(call.parameter(0)) else { return .refused(.noSuchUser) }
        return Reading.activeUser(name).then { _ in bounds(call) }.then {
            Timelines.page(SocialKeys.timeline(.user(name)), before: $0.before, limit: $0.limit)
        }.map { answer($0, call.request.origin) }
    }

    static func feed(_ call: SiteCall) -> Flow<SiteAnswer> {
        PollDesk.feed(call.parameter(0)).then { feed in
            guard feed != nil else { return .refused(.noSuchFeed) }
            return bounds(call).then {
                Timelines.page(SocialKeys.timeline(.feed(call.parameter(0))), before: $0.before, limit: $0.limit)
            }.map { answer($0, call.request.origin) }
        }
    }

    /// `?timeline=public`, `inbox`, `users/NAME`, `feeds/ID`, or `?post=PATH`.
    static func live(_ call: SiteCall) -> Flow<StreamTarget> {
        if let text = call.form["post"] {
            guard let path = PostPath.spelled(text) else { return .refused(.noSuchPost) }
            return Reading.home(of: path).map { .post(path, $0) }
        }
        let parts = call.form.text("timeline").split(separator: "/").map(String.init)
        switch (parts.first, parts.count) {
        case ("public", 1): return .value(.everybody)
        case ("inbox", 1): return call.viewer.map { .value(.inbox($0)) } ?? .refused(.notLoggedIn)
        case ("users", 2):
            guard let name = Spelling.user(parts[1]) else { return .refused(.noSuchUser) }
            return .value(.source(.user(name)))
        case ("feeds", 2):
            guard let source = Source("feed:" + parts[1]) else { return .refused(.noSuchFeed) }
            return .value(.source(source))
        default:
            return .refused(.badInput("timeline is public, inbox, users/NAME or feeds/ID; or post is a path"))
        }
    }
}

enum FollowCalls {
    static func list(_ call: SiteCall) -> Flow<SiteAnswer> {
        guard let viewer = call.viewer else { return .refused(.notLoggedIn) }
        return Follows.all(viewer.name).then { follows in
            .with { core in
                let items = follows.map { follow in
                    JSONValue.object([
                        "source": .string(follow.source.text),
                        "since": .string(CivilTime(follow.record.since).rfc3339),
                        "delivery": .string(follow.isPushed(at: core.now.wall) ? "push" : "pull"),
                        "pending": .bool(follow.record.state == .pending),
                    ])
                }
                return .value(SiteAnswers.json(.object(["items": .array(items)])))
            }
        }
    }

    static func follow(_ call: SiteCall) -> Flow<SiteAnswer> {
        guard let viewer = call.viewer else { return .refused(.notLoggedIn) }
        guard let source = Source(call.parameter(0)) else { return .refused(.noSuchUser) }
        if call.request.head.method == .delete {
            return Follows.unfollow(viewer, source).map { SiteAnswers.nothing() }
        }
        return AccountCalls.limited(.follow, call, "follows").then { Follows.follow(viewer, source) }.map {
            SiteAnswers.json(.object(["source": .string(source.text)]), 201)
        }
    }

    static func addFeed(_ call: SiteCall) -> Flow<SiteAnswer> {
        guard let viewer = call.viewer else { return .refused(.notLoggedIn) }
        return AccountCalls.limited(.feed, call, "feeds").then { PollDesk.add(call.form.text("url"), viewer) }.map {
            SiteAnswers.json(.object(["source": .string("feed:" + $0)]), 201)
        }
    }
}

enum DraftCalls {
    static func create(_ call: SiteCall) -> Flow<SiteAnswer> {
        guard let viewer = call.viewer else { return .refused(.notLoggedIn) }
        return Drafts.create(
            viewer, title: call.form.text("title"), text: call.form.text("text"), random: call.chance(3)
        ).map { draft in
            SiteAnswers.json(
                .object(["id": .string(draft.id), "invitation": .string(draft.invitation)]), 201)
        }
    }

    static func opened(
        _ call: SiteCall, isFresh: Bool = false
    ) -> Flow<(draft: SharedDraft, key: StoredKey, invitation: String?)> {
        Drafts.open(
            call.parameter(0), call.viewer, invitation: call.form["invitation"], isFresh: isFresh || call.isFresh)
    }

    private static func json(_ draft: SharedDraft) -> SiteAnswer {
        SiteAnswers.json(
            .object([
                "id": .string(draft.id), "author": .string(draft.author), "title": .string(draft.title),
                "text": .string(draft.text),
            ]))
    }

    /// `PATCH` takes operations as the cluster's documents do, or a merge patch; of the text and the title alone.
    static func one(_ call: SiteCall) -> Flow<SiteAnswer> {
        opened(call).then { draft, key, _ in
            guard call.request.head.method == .patch else { return .value(json(draft)) }
            let type = (call.request.head.fields.first(.contentType) ?? "").mediaType
            let isOperations = type == "application/vnd.atoll.ops+json"
            guard isOperations || type == "application/merge-patch+json" else {
                return .refused(.badInput("a patch is application/vnd.atoll.ops+json or application/merge-patch+json"))
            }
            guard isOperations else {
                guard let text = newText(call.request.body) else { return .refused(textAlone) }
                return Drafts.save(draft, key, title: nil, text: text, context: nil)
                    .then { opened(call, isFresh: true) }.map { json($0.draft) }
            }
            guard touchesTextAlone(call.request.body) else { return .refused(textAlone) }
            let body = TypedCall(.operations, call.request.body)
            return Cluster.operate(key, body, context: draft.context, .quorum).map { SiteAnswers.json($0.answer) }
        }
    }

    private static let textAlone = Problem.badInput(
        "of a draft the text can be changed: /text, by splices, or as a string")

    /// A draft has nothing else that people write, and `/text` stays a text.
    private static func touchesTextAlone(_ body: [UInt8]) -> Bool {
        guard let operations = (try? JSONValue.decode(body))?.array else { return false }
        return operations.allSatisfy { $0.text("op") == "splice" && $0.text("path") == "/text" }
    }

    /// Of a merge patch.
    private static func newText(_ body: [UInt8]) -> String? {
        guard case .object(let members)? = try? JSONValue.decode(body), members.count == 1 else { return nil }
        return members.first { $0.name == "text" }?.value.string
    }

    static func live(_ call: SiteCall) -> Flow<StoredKey> { opened(call).map(\.key) }

    static func publish(_ call: SiteCall) -> Flow<SiteAnswer> {
        published(call).map { posted in
            SiteAnswers.json(
                .object([
                    "path": .string(posted.path.text), "url": .string(call.request.origin + posted.path.url),
                    "id": .string(posted.id.text), "provisional": .bool(posted.isProvisional),
                ]), posted.wasThere ? 200 : 201)
        }
    }

    /// The draft stays until it ends by itself: it may be published again under another title.
    static func published(_ call: SiteCall, isFresh: Bool = false) -> Flow<Posted> {
        guard let viewer = call.viewer else { return .refused(.notLoggedIn) }
        guard let token = call.token else { return .refused(.weakToken) }
        return opened(call, isFresh: isFresh).then { draft, _, _ in
            guard draft.author == viewer.name else { return .refused(.notTheAuthor) }
            guard !draft.text.isEmpty else { return .refused(.badInput("there is nothing to post")) }
            let type = call.form["type"] == "text/plain" ? "text/plain" : "text/markdown"
            let title =
                call.form["title"].flatMap { $0.isEmpty ? nil : $0 } ?? (draft.title.isEmpty ? nil : draft.title)
            let form = PostForm(
                place: .title(title), author: viewer, content: PostContent(Array(draft.text.utf8), type: type),
                isListed: call.form.flag("listed") ?? !(call.form.flag("unlisted") ?? false), ttl: nil, token: token)
            return PostCalls.limited(call).then { PostCalls.post(form) }
        }
    }
}

enum ReportCalls {
    static func reports(_ call: SiteCall) -> Flow<SiteAnswer> {
        if call.request.head.method == .post {
            guard let path = PostPath.spelled(call.form.text("path")) else { return .refused(.noSuchPost) }
            return AccountCalls.limited(.report, call, "reports").then {
                Moderation.report(path, reason: call.form.text("reason"), by: call.viewer, random: call.chance(3))
            }.map { SiteAnswers.json(.object(["id": .string($0)]), 201) }
        }
        guard call.viewer != nil else { return .refused(.notLoggedIn) }
        guard call.isModerator else { return .refused(.notAModerator) }
        return page(call).map { _, page in
            let items = page.reports.map { id, report in
                JSONValue.object([
                    "id": .string(id), "path": .string(report.path), "reason": .string(report.reason),
                    "reporter": .optional(report.reporter), "time": .string(CivilTime(report.time).rfc3339),
                    "outcome": .optional(report.outcome), "moderator": .optional(report.moderator),
                ])
            }
            return SiteAnswers.json(.object(["items": .array(items), "next": .optional(page.next?.text)]))
        }
    }

    /// `?month=&before=&limit=`: this month's if not said otherwise.
    static func page(_ call: SiteCall) -> Flow<(month: String, page: Moderation.Page)> {
        TimelineCalls.bounds(call).then { bounds in
            .with { core in
                let month = call.form["month"] ?? Moderation.month(core.now.wall)
                return Moderation.list(month, before: bounds.before, limit: bounds.limit).map { (month, $0) }
            }
        }
    }

    static func decide(_ call: SiteCall) -> Flow<SiteAnswer> {
        guard let viewer = call.viewer else { return .refused(.notLoggedIn) }
        guard call.isModerator else { return .refused(.notAModerator) }
        guard let measure = Moderation.Measure(rawValue: call.form.text("do")) else {
            return .refused(.badInput("do is hide, suspend or dismiss"))
        }
        return Moderation.decide(call.parameter(0), measure, by: viewer).map { SiteAnswers.nothing() }
    }
}
