// Accounts as pages: logging in and out, registering, settings.

import Ring
import Edge
import JSON
import Keys
import World

enum AccountPages {
    // MARK: Log in

    static func login(_ call: SiteCall) -> Flow<SiteAnswer> {
        guard call.request.head.method == .post else { return .value(loginForm(call)) }
        return AccountCalls.login(call).map { started(call, $0, next: call.form.text("next")) }.orElse { problem in
            .value(loginForm(call, problem))
        }
    }

    private static func loginForm(_ call: SiteCall, _ problem: Problem? = nil) -> SiteAnswer {
        let values: [(String, JSONValue)] = [
            ("next", .string(SiteAnswers.localPath(call.form.text("next")))),
            ("form", .object(["name": .optional(call.form["name"])])),
        ]
        return SitePages.answer(
            SitePages.page("login", "Log in", call, values, error: problem.map(SitePages.words)), call,
            status: problem?.status ?? 200,
            retry(problem))
    }

    private static func retry(_ problem: Problem?) -> [(String, String)] {
        problem?.header.map { [($0.name, $0.value)] } ?? []
    }

    /// With the session's cookie, and a mark that this browser has logged in.
    private static func started(_ call: SiteCall, _ started: Started, next: String) -> SiteAnswer {
        SiteAnswers.seeOther(
            next,
            [
                call.setting(SiteCall.session, started.token, seconds: 30 * 86_400),
                call.setting(SiteCall.device, started.device, seconds: 365 * 86_400),
            ])
    }

    static func logout(_ call: SiteCall) -> Flow<SiteAnswer> {
        let end: Flow<Void> = call.viewer.map { Login.end($0.session, of: $0).orElse { _ in .done } } ?? .done
        return end.map { SiteAnswers.seeOther("/", [call.dropping(SiteCall.session)]) }
    }

    // MARK: Register

    static func register(_ call: SiteCall) -> Flow<SiteAnswer> {
        guard call.settings.registration == .open else { return .refused(.registrationClosed) }
        guard call.request.head.method == .post else { return .value(registerForm(call)) }
        return AccountCalls.registration(call).then { _ in AccountCalls.login(call) }.map {
            started(call, $0, next: call.form.text("next"))
        }.orElse { .value(registerForm(call, $0)) }
    }

    private static func registerForm(_ call: SiteCall, _ problem: Problem? = nil) -> SiteAnswer {
        var homes: [JSONValue] = []
        if !call.settings.homes.isEmpty {
            homes.append(
                home("", "Everywhere", "In several countries, so that it is there when one of them is gone.", call))
            homes += call.settings.homes.map { place in
                home(
                    place.name, place.name.uppercased(),
                    "Your account, drafts and posts stay there; elsewhere your name and profile are known, and the titles of "
                        + "listed posts.",
                    call)
            }
        }
        // A name that was taken was taken by another: the next one is another attempt.
        let keeps = problem.map { $0.status == 503 } ?? true
        let values: [(String, JSONValue)] = [
            ("next", .string(SiteAnswers.localPath(call.form.text("next")))),
            ("token", .string((keeps ? call.form["token"] : nil) ?? call.newToken)),
            ("form", .object(["name": .optional(call.form["name"])])), ("homes", .array(homes)),
        ]
        return SitePages.answer(
            SitePages.page("register", "Register a name", call, values, error: problem.map(SitePages.words)), call,
            status: problem?.status ?? 200, retry(problem))
    }

    private static func home(_ code: String, _ label: String, _ text: String, _ call: SiteCall) -> JSONValue {
        .object([
            "code": .string(code), "label": .string(label), "text": .string(text),
            "chosen": .bool(call.form.text("home") == code),
        ])
    }

    // MARK: Settings

    static func profile(_ call: SiteCall) -> Flow<SiteAnswer> {
        guard let viewer = call.viewer else { return .refused(.notLoggedIn) }
        func show(_ display: String, _ bio: String, _ blocks: [String], error: Problem? = nil, notice: String? = nil)
            -> SiteAnswer
        {
            let values: [(String, JSONValue)] = [
                ("form", .object(["display": .string(display), "bio": .string(bio)])),
                (
                    "blocks",
                    .array(blocks.map { .object(["name": .string($0), "url": .string("/\($0)/")]) })
                ),
            ]
            return SitePages.answer(
                SitePages.page("profile", "Profile", call, values, error: error.map(SitePages.words), notice: notice),
                call,
                status: error?.status ?? 200)
        }
        return Accounts.profile(viewer.name).then { profile in
            guard call.request.head.method == .post else {
                return .value(show(profile.display, profile.bio, profile.blocks))
            }
            let (display, bio) = (call.form.text("display"), call.form.text("bio"))
            return Accounts.setProfile(viewer, display: display, bio: bio).map {
                show(display, bio, profile.blocks, notice: "Saved.")
            }.orElse { .value(show(display, bio, profile.blocks, error: $0)) }
        }
    }

    static func account(_ call: SiteCall) -> Flow<SiteAnswer> { account(call, error: nil, notice: nil) }

    private static func account(_ call: SiteCall, error: Problem?, notice: String?) -> Flow<SiteAnswer> {
        guard let viewer = call.viewer else { return .refused(.notLoggedIn) }
        return Login.all(of: viewer).then { sessions in
            InboxKeys.key(of: viewer, random: call.chance(3)).map { key in
                let items = sessions.map { session in
                    JSONValue.object([
                        "id": .string(session.digest), "label": .string(session.label.label),
                        "time": .string(CivilTime(session.label.since).rfc3339),
                        "time_text": .string(CivilTime(session.label.since).words),
                        "is_current": .bool(session.digest == viewer.session),
                    ])
                }
                let values: [(String, JSONValue)] = [
                    (
                        "home",
                        .optional(viewer.home.map { "Your account, drafts and posts are kept in \($0.uppercased())." })
                    ),
                    ("inbox_feed", .string("\(call.request.origin)/-/inbox.atom?key=\(key)")),
                    ("export_url", .string("/-/export")), ("sessions", .array(items)),
                ]
                return SitePages.answer(
                    SitePages.page(
                        "account", "Account", call, values,
                        error: error.map(SitePages.words), notice: notice),
                    call, status: error?.status ?? 200)
            }
        }
    }

    static func password(_ call: SiteCall) -> Flow<SiteAnswer> {
        guard let viewer = call.viewer else { return .refused(.notLoggedIn) }
        return Accounts.changePassword(
            viewer, from: call.form.text("current"), to: call.form.text("password"), salt: Array(call.chance(2))
        ).then {
            // All sessions are over; this one goes on as a new one.
            Login.account(viewer.name).then { found in
                guard let found else { return .refused(.badCredentials) }
                return Login.begin(viewer.name, found.user, found.credential, call.deviceLabel, call.chance(1)).map {
                    SiteAnswers.seeOther(
                        "/-/account", [call.setting(SiteCall.session, $0.token, seconds: 30 * 86_400)])
                }
            }
        }.orElse { account(call, error: $0, notice: nil) }
    }

    static func endSession(_ call: SiteCall) -> Flow<SiteAnswer> {
        guard let viewer = call.viewer else { return .refused(.notLoggedIn) }
        let id = call.form.text("id")
        return AccountCalls.end(id, viewer).map {
            id == "all" || id == viewer.session
                ? SiteAnswers.seeOther("/", [call.dropping(SiteCall.session)]) : SiteAnswers.seeOther("/-/account")
        }.orElse { account(call, error: $0, notice: nil) }
    }

    static func delete(_ call: SiteCall) -> Flow<SiteAnswer> {
        guard let viewer = call.viewer else { return .refused(.notLoggedIn) }
        guard let token = call.token else { return .refused(.weakToken) }
        return Accounts.delete(viewer, password: call.form.text("password"), token: token).map {
            SiteAnswers.seeOther("/", [call.dropping(SiteCall.session)])
        }.orElse { account(call, error: $0, notice: nil) }
    }

    static func export(_ call: SiteCall) -> Flow<SiteAnswer> { AccountCalls.export(call) }
}
