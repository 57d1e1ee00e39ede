// Accounts and sessions, for programs.

import Edge
import JSON
import Keys
import World

enum AccountCalls {
    static func limited(_ what: Rated, _ call: SiteCall, _ words: String) -> Flow<Void> {
        .with { core in
            guard !call.isExempt else { return .done }
            if let wait = core.rates.count(what, call.who, core.now.instant) { return .refused(.tooMany(wait, words)) }
            return .done
        }
    }

    static func registration(_ call: SiteCall) -> Flow<Registration.Outcome> {
        guard let token = call.token else { return .refused(.weakToken) }
        let home = call.form["home"].flatMap { $0.isEmpty ? nil : $0 }
        let form = RegistrationForm(
            name: call.form.text("name"), password: call.form.text("password"), home: home, token: token,
            salt: Array(call.chance(2)))
        return limited(.registration, call, "registrations").then {
            Registration.register(form).orElse { problem in
                .with { core in
                    // Whoever is told to send the same again may do so.
                    if problem.status == 503 { core.rates.takeBack(.registration, call.who) }
                    return .refused(problem)
                }
            }
        }
    }

    static func register(_ call: SiteCall) -> Flow<SiteAnswer> {
        registration(call).map { outcome in
            switch outcome {
            case .registered(let name): SiteAnswers.json(.object(["name": .string(name)]), 201)
            case .wasRegistered(let name): SiteAnswers.json(.object(["name": .string(name)]))
            }
        }
    }

    static func login(_ call: SiteCall) -> Flow<Started> {
        let address = call.isExempt ? "" : call.request.address
        return Login.logIn(
            name: call.form.text("name"), password: call.form.text("password"),
            label: call.form["label"] ?? call.deviceLabel, address: address, device: call.cookie(SiteCall.device),
            random: call.chance(1))
    }

    static func sessions(_ call: SiteCall) -> Flow<SiteAnswer> {
        if call.request.head.method == .post {
            return login(call).map { started in
                SiteAnswers.json(
                    .object(["name": .string(started.viewer.name), "token": .string(started.token)]), 201)
            }
        }
        guard let viewer = call.viewer else { return .refused(.notLoggedIn) }
        return Login.all(of: viewer).map { sessions in
            let items = sessions.map { session in
                JSONValue.object([
                    "id": .string(session.digest), "label": .string(session.label.label),
                    "since": .string(CivilTime(session.label.since).rfc3339),
                    "current": .bool(session.digest == viewer.session),
                ])
            }
            return SiteAnswers.json(.object(["items": .array(items)]))
        }
    }

    static func endSession(_ call: SiteCall) -> Flow<SiteAnswer> {
        guard let viewer = call.viewer else { return .refused(.notLoggedIn) }
        return end(call.parameter(0), viewer).map { SiteAnswers.nothing() }
    }

    static func end(_ id: String, _ viewer: Visitor) -> Flow<Void> {
        switch id {
        case "current": Login.end(viewer.session, of: viewer)
        case "all": Login.endAll(of: viewer)
        default: Login.end(id, of: viewer)
        }
    }

    /// The present one stays logged in, under the new password.
    static func password(_ call: SiteCall) -> Flow<SiteAnswer> {
        guard let viewer = call.viewer else { return .refused(.notLoggedIn) }
        return Accounts.changePassword(
            viewer, from: call.form.text("current"), to: call.form.text("password"), salt: Array(call.chance(2))
        ).map { SiteAnswers.nothing() }
    }

    static func profile(_ call: SiteCall) -> Flow<SiteAnswer> {
        guard let viewer = call.viewer else { return .refused(.notLoggedIn) }
        if call.request.head.method == .put {
            return Accounts.setProfile(viewer, display: call.form["display"], bio: call.form["bio"]).map {
                SiteAnswers.nothing()
            }
        }
        return Accounts.profile(viewer.name).map { profile in
            SiteAnswers.json(
                .object([
                    "name": .string(viewer.name), "display": .string(profile.display), "bio": .string(profile.bio),
                    "blocks": .strings(profile.blocks),
                ]))
        }
    }

    static func block(_ call: SiteCall) -> Flow<SiteAnswer> {
        guard let viewer = call.viewer else { return .refused(.notLoggedIn) }
        return Accounts.block(viewer, call.parameter(0), isBlocked: call.request.head.method == .put).map {
            SiteAnswers.nothing()
        }
    }

    static func delete(_ call: SiteCall) -> Flow<SiteAnswer> {
        guard let viewer = call.viewer else { return .refused(.notLoggedIn) }
        guard let token = call.token else { return .refused(.weakToken) }
        return Accounts.delete(viewer, password: call.form.text("password"), token: token).map {
            SiteAnswers.nothing(202)
        }
    }

    static func export(_ call: SiteCall) -> Flow<SiteAnswer> {
        guard let viewer = call.viewer else { return .refused(.notLoggedIn) }
        let path = call.isAPI ? "/v1/export" : "/-/export"
        let after: Export.Place?
        if let text = call.form["after"], !text.isEmpty {
            guard let place = Export.Place(text) else { return .refused(.badInput("after is of the last part's Link")) }
            after = place
        } else {
            after = nil
        }
        return limited(after == nil ? .export : .exportPart, call, "exports").then {
            Export.tar(viewer, after: after, address: call.request.origin + path)
        }.map { tar in
            var headers = [
                ("content-type", "application/x-tar"),
                ("content-disposition", "attachment; filename=\"\(viewer.name).tar\""),
                ("cache-control", "no-store"),
            ]
            if let next = tar.next { headers.append(("link", "<\(path)?after=\(next.text)>; rel=\"next\"")) }
            return .response(HTTPResponse(200, headers, body: tar.bytes))
        }
    }
}

extension SiteCall {
    /// What a session is called in the list of one's sessions.
    var deviceLabel: String { isAPI ? "a program" : "a browser" }
}
