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
                        error: error.map { $0.detail.isEmpty ? $0.title : "\($0.title): \($0.detail)" }),
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
        guard let viewer = call.viewer else { return .refused(.notLoggedIn) }
        return Drafts.create(
            viewer, title: call.form.text("title"), text: call.form.text("text"), random: call.chance(3)
        ).map { SiteAnswers.seeOther("/-/drafts/\($0.id)", [call.wrote]) }
    }

    static func one(_ call: SiteCall) -> Flow<SiteAnswer> {
        DraftCalls.opened(call).then { draft, key, invitation in
            guard call.request.head.method == .post else {
                return .value(show(draft, invitation, call))
            }
            return Drafts.save(
                draft, key, title: call.form["title"], text: call.form["text"] ?? draft.text,
                context: sentContext(call, key)
            )
            .then { DraftCalls.opened(call) }.map { show($0.draft, invitation, call, notice: "Saved.") }
            .orElse { problem in
                DraftCalls.opened(call).map { show($0.draft, invitation, call, error: problem) }
            }
        }
    }

    /// Of the text that the form was made of; nil where the form does not say.
    private static func sentContext(_ call: SiteCall, _ key: StoredKey) -> [UInt8]? {
        call.form["context"].map { (try? ContextHeader.parse($0, for: key)) ?? [] }
    }

    /// Both texts, one behind the other: whoever has sent the first goes on from there.
    private static func bothTexts(_ draft: SharedDraft, _ call: SiteCall) -> String {
        call.form.text("text") + "\n\n---- as it stands now ----\n\n" + draft.text
    }

    private static func show(
        _ draft: SharedDraft, _ invitation: String?, _ call: SiteCall, error: Problem? = nil, notice: String? = nil
    ) -> SiteAnswer {
        let query = call.form["invitation"].map { "?invitation=" + $0.utf8.percentEncoded } ?? ""
        let base = "/-/drafts/\(draft.id)"
        let isMine = draft.author == call.viewer?.name
        var context: [UInt8] = []
        context.append(base64: draft.context)
        let parts = draft.id.split(separator: ".").map(String.init)
        let bucket = parts.count == 2 ? "social.drafts@\(parts[0])" : "social.drafts"
        let value = JSONValue.object([
            "action": .string(base + query), "token": .string(call.newToken),
            "context": .string(String(decoding: context, as: UTF8.self)),
            "title": draft.title.isEmpty ? .null : .string(draft.title),
            "text": .string(error?.name == "edit-conflict" ? bothTexts(draft, call) : draft.text),
            "socket": .string("/v1/drafts/\(draft.id)/live" + query),
            "key": .string("\(bucket)/\(parts.last ?? "")"),
            "publish_action": isMine ? .string(base + "/publish") : .null,
            "invitation": .optional(invitation.map { "\(call.request.origin)\(base)?invitation=\($0)" }),
        ])
        return SitePages.answer(
            SitePages.page(
                "draft", draft.title.isEmpty ? "A draft" : draft.title, call,
                [
                    ("people", .strings(Set([draft.author, call.viewer?.name].compactMap { $0 }).sorted())),
                    ("draft", value),
                ],
                error: error.map { $0.detail.isEmpty ? $0.title : $0.detail }, notice: notice), call,
            status: error?.status ?? 200)
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
            return save.then { DraftCalls.published(call) }.map { posted in
                SiteAnswers.seeOther(posted.path.url, [call.wrote])
            }
        }
    }
}

enum ReportPages {
    static func report(_ call: SiteCall) -> Flow<SiteAnswer> {
        guard let path = PostPath(call.form.text("path")) else { return .refused(.noSuchPost) }
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
                SitePages.page(
                    "confirm", "Report this post", call, values,
                    error: error.map { $0.detail.isEmpty ? $0.title : $0.detail }),
                call, status: error?.status ?? 200)
        }
        guard call.request.head.method == .post else { return .value(ask()) }
        return AccountCalls.limited(.report, call, "reports").then {
            Moderation.report(path, reason: call.form.text("reason"), by: call.viewer, random: call.chance(3))
        }.map { _ in SiteAnswers.seeOther(path.url) }.orElse { .value(ask($0)) }
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
        return .with { core in
            let month = call.form["month"] ?? Moderation.month(core.now.wall)
            return Moderation.list(month).map { reports in
                let items = reports.map { id, report in
                    JSONValue.object([
                        "id": .string(id), "url": .string(PostPath(report.path)?.url ?? "/"),
                        "title": .string(report.path), "reason": .string(report.reason),
                        "reporter": .optional(report.reporter), "state": .string(report.outcome ?? "open"),
                        "is_open": .bool(report.outcome == nil),
                        "outcome": .optional(report.outcome.map { "\($0) by \(report.moderator ?? "nobody")" }),
                        "time": .string(CivilTime(report.time).rfc3339),
                        "time_text": .string(CivilTime(report.time).words),
                    ])
                }
                return SitePages.answer(
                    SitePages.page("reports", "Reports", call, [("older", .null), ("items", .array(items))]), call)
            }
        }
    }
}
