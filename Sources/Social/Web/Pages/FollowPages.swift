// Follows, drafts and reports as pages.

import Edge
import JSON
import Keys
import World

enum FollowPages {
    static func following(_ call: SiteCall) -> Flow<SiteAnswer> { following(call, error: nil) }

    private static func following(_ call: SiteCall, error: Problem?) -> Flow<SiteAnswer> {
        guard let viewer = call.viewer else { return .refused(.notLoggedIn) }
        return Follows.all(viewer.name).then { follows in
            let start =
                call.form["after"].flatMap { after in follows.firstIndex { after.isSpelledBefore($0.source.text) } }
                ?? 0
            let some = follows[start...].prefix(Limits.socialPageMost)
            let hasMore = start + some.count < follows.count
            return Flow<[JSONValue]>.all(some.map(item), width: 8).map { items in
                let values: [(String, JSONValue)] = [
                    ("form", .object(["source": .optional(call.form["source"])])), ("items", .array(items)),
                    (
                        "older",
                        .optional(
                            hasMore ? some.last.map { "/-/following?after=" + $0.source.text.utf8.percentEncoded } : nil
                        )
                    ),
                ]
                return SitePages.answer(
                    SitePages.page(
                        "following", "Following", call, values,
                        error: error.map(SitePages.words)),
                    call, status: error?.status ?? 200)
            }
        }
    }

    private static func item(_ follow: Follow) -> Flow<JSONValue> {
        let isPending = JSONValue.bool(follow.record.state == .pending)
        switch follow.source {
        case .user(let name):
            return .value(
                .object([
                    "source": .string(name), "url": .string("/\(name)/"), "title": .string(name),
                    "is_feed": .bool(false),
                    "pending": isPending, "detail": .null, "problem": .null, "next": .null,
                ]))
        case .feed(let id):
            return PollDesk.feed(id).map { feed in
                .object([
                    "source": .string(follow.source.text), "url": .string("/-/feeds/\(id)"),
                    "title": .string(feed.map { $0.title.isEmpty ? $0.url : $0.title } ?? id), "is_feed": .bool(true),
                    "pending": isPending, "detail": .optional(feed?.url), "problem": .optional(feed?.problem),
                    "next": Cards.time(feed?.nextPoll),
                ])
            }
        }
    }

    /// A person's name, or a feed's address, or what a page has as its source.
    static func follow(_ call: SiteCall) -> Flow<SiteAnswer> {
        guard let viewer = call.viewer else { return .refused(.notLoggedIn) }
        let text = String(call.form.text("source").trimmed)
        let back = call.form["back"] ?? "/-/following"
        let isUnfollow = call.path.hasPrefix("/-/unfollow")
        let work: Flow<Void>
        if let source = Source(text) {
            work =
                isUnfollow
                ? Follows.unfollow(viewer, source)
                : AccountCalls.limited(.follow, call, "follows").then { Follows.follow(viewer, source) }
        } else if !isUnfollow, text.contains("."), !text.contains(" ") {
            let url = text.contains("://") ? text : "https://" + text
            work = AccountCalls.limited(.feed, call, "feeds").then { PollDesk.add(url, viewer) }.map { _ in }
        } else {
            work = .refused(.noSuchUser)
        }
        return work.map { SiteAnswers.seeOther(back, [call.wrote]) }.orElse { following(call, error: $0) }
    }

    static func block(_ call: SiteCall) -> Flow<SiteAnswer> {
        guard let viewer = call.viewer else { return .refused(.notLoggedIn) }
        return Accounts.block(viewer, call.form.text("user"), isBlocked: !call.path.hasPrefix("/-/unblock")).map {
            SiteAnswers.seeOther(call.form["back"] ?? "/-/profile", [call.wrote])
        }
    }
}

enum DraftPages {
    static func create(_ call: SiteCall) -> Flow<SiteAnswer> {
        guard let viewer = call.viewer else { return .value(PostPages.again(.notLoggedIn, call)) }
        return Drafts.create(
            viewer, title: call.form.text("title"), text: call.form.text("text"), random: call.chance(3)
        ).map { SiteAnswers.seeOther("/-/drafts/\($0.id)", [call.wrote]) }.orElse { .value(PostPages.again($0, call)) }
    }

    static func one(_ call: SiteCall) -> Flow<SiteAnswer> {
        guard call.request.head.method == .post else {
            return DraftCalls.opened(call).map { draft, _, invitation in show(draft, invitation, call) }
        }
        return DraftCalls.opened(call).then { draft, key, invitation in
            Drafts.save(
                draft, key, title: call.form["title"], text: call.form["text"] ?? draft.text,
                context: sentContext(call, key)
            ).then { DraftCalls.opened(call, isFresh: true) }.map { show($0.draft, invitation, call, notice: "Saved.") }
        }.orElse { unsaved($0, call) }
    }

    /// The form as it was sent, and what is wrong: nothing that was typed is lost, whoever sent it.
    private static func unsaved(_ problem: Problem, _ call: SiteCall) -> Flow<SiteAnswer> {
        DraftCalls.opened(call).map { draft, _, invitation in show(draft, invitation, call, error: problem) }.orElse {
            call.form["text"] == nil ? .refused($0) : .value(show(nil, nil, call, error: problem))
        }
    }

    /// Of the text that the form was made of; nil where the form does not say.
    private static func sentContext(_ call: SiteCall, _ key: StoredKey) -> [UInt8]? {
        call.form["context"].map { (try? ContextHeader.parse($0, for: key)) ?? [] }
    }

    /// What the form shows as text, and which state of the draft that is made of. In a conflict both texts, one behind
    /// the other: whoever has sent the first goes on from there.
    private static func shown(
        _ draft: SharedDraft?, _ call: SiteCall, _ error: Problem?
    ) -> (text: String, context: String) {
        var bytes: [UInt8] = []
        bytes.append(base64: draft?.context ?? [])
        let context = String(decoding: bytes, as: UTF8.self)
        guard let error, let sent = call.form["text"] else { return (draft?.text ?? "", context) }
        guard error.name == "edit-conflict" else { return (sent, call.form["context"] ?? context) }
        return ("\(sent)\n\n---- as it stands now ----\n\n\(draft?.text ?? "")", context)
    }

    /// - draft: nil where it can't be read, and only what was typed is at hand.
    private static func show(
        _ draft: SharedDraft?, _ invitation: String?, _ call: SiteCall, error: Problem? = nil, notice: String? = nil
    ) -> SiteAnswer {
        let id = call.parameter(0)
        let query = call.form["invitation"].map { "?invitation=" + $0.utf8.percentEncoded } ?? ""
        let base = "/-/drafts/\(id.utf8.percentEncoded)"
        let isMine = draft != nil && draft?.author == call.viewer?.name
        let (text, context) = shown(draft, call, error)
        let title = (error == nil ? nil : call.form["title"]) ?? draft?.title ?? ""
        let parts = id.split(separator: ".").map(String.init)
        let bucket = parts.count == 2 ? "social.drafts@\(parts[0])" : "social.drafts"
        let value = JSONValue.object([
            "action": .string(base + query), "token": .string(call.newToken), "context": .string(context),
            "title": title.isEmpty ? .null : .string(title), "text": .string(text),
            "socket": draft == nil ? .null : .string("/v1/drafts/\(id)/live" + query),
            "key": .string("\(bucket)/\(parts.last ?? "")"),
            "publish_action": isMine ? .string(base + "/publish") : .null,
            "invitation": .optional(invitation.map { "\(call.request.origin)\(base)?invitation=\($0)" }),
        ])
        let people = Set([draft?.author, call.viewer?.name].compactMap { $0 }).sorted()
        return SitePages.answer(
            SitePages.page(
                "draft", title.isEmpty ? "A draft" : title, call,
                [("people", .strings(people)), ("draft", value)], error: error.map(SitePages.words), notice: notice),
            call, status: error?.status ?? 200)
    }

    /// What is in the form counts: without script it may be newer than what is kept.
    static func publish(_ call: SiteCall) -> Flow<SiteAnswer> {
        DraftCalls.opened(call).then { draft, key, _ in
            let text = call.form["text"]
            let save: Flow<Void> =
                text.map {
                    Drafts.save(draft, key, title: call.form["title"], text: $0, context: sentContext(call, key))
                }
                ?? .done
            return save.then { DraftCalls.published(call, isFresh: true) }.map { posted in
                SiteAnswers.seeOther(posted.path.url, [call.wrote])
            }
        }.orElse { unsaved($0, call) }
    }
}

enum ReportPages {
    static func report(_ call: SiteCall) -> Flow<SiteAnswer> {
        guard let path = PostPath.spelled(call.form.text("path")) else { return .refused(.noSuchPost) }
        func ask(_ error: Problem? = nil) -> SiteAnswer {
            let values: [(String, JSONValue)] = [
                ("heading", .string("Report this post")),
                ("detail", .string("The moderators of this site look at it, and may hide it.")),
                ("action", .string("/-/report?path=" + path.text.utf8.percentEncoded)),
                ("token", .string(call.newToken)),
                ("fields", .array([])), ("asks_owner", .bool(false)), ("asks_reason", .bool(true)),
                ("form", .object(["reason": .optional(call.form["reason"])])), ("submit", .string("Report")),
                ("is_danger", .bool(false)), ("back", .string(path.url)),
            ]
            return SitePages.answer(
                SitePages.page("confirm", "Report this post", call, values, error: error.map(SitePages.words)), call,
                status: error?.status ?? 200)
        }
        guard call.request.head.method == .post else { return .value(ask()) }
        return AccountCalls.limited(.report, call, "reports").then {
            Moderation.report(path, reason: call.form.text("reason"), by: call.viewer, random: call.chance(3))
        }.map { _ in SiteAnswers.seeOther(path.url) }.orElse { .value(ask($0)) }
    }

    private static func state(of report: Report) -> String {
        switch report.outcome.flatMap(Moderation.Measure.init) {
        case nil: "Open"
        case .hide: "Hidden"
        case .suspend: "Author suspended"
        case .dismiss: "Dismissed"
        }
    }

    static func reports(_ call: SiteCall) -> Flow<SiteAnswer> {
        guard call.isModerator, let viewer = call.viewer else {
            return .refused(call.viewer == nil ? .notLoggedIn : .notAModerator)
        }
        if call.request.head.method == .post {
            guard let measure = Moderation.Measure(rawValue: call.form.text("do")) else {
                return .refused(.badInput("do is hide, suspend or dismiss"))
            }
            return Moderation.decide(call.form.text("id"), measure, by: viewer).map {
                SiteAnswers.seeOther("/-/reports")
            }
        }
        return ReportCalls.page(call).map { month, page in
            let items = page.reports.map { id, report in
                JSONValue.object([
                    "id": .string(id), "url": .string(PostPath(report.path)?.url ?? "/"),
                    "title": .string(report.path), "reason": .string(report.reason),
                    "reporter": .optional(report.reporter), "state": .string(state(of: report)),
                    "is_open": .bool(report.outcome == nil), "has_author": .bool(PostPath(report.path)?.user != nil),
                    "outcome": .optional(report.moderator.map { "Decided by \($0)." }),
                    "time": .string(CivilTime(report.time).rfc3339),
                    "time_text": .string(CivilTime(report.time).words),
                ])
            }
            let older =
                page.next.map { "/-/reports?month=\(month)&before=\($0.text)" }
                ?? Moderation.month(before: month).map { "/-/reports?month=\($0)" }
            return SitePages.answer(
                SitePages.page(
                    "reports", "Reports", call,
                    [("month", .string(month)), ("older", .optional(older)), ("items", .array(items))]), call)
        }
    }
}
