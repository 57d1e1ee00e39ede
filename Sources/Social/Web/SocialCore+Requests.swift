// From a request to its answer: who asks, whether that may be, the row's flow, and what it came to.

import Edge
import JSON
import Keys
import World

extension SocialCore {
    mutating func begin(_ number: UInt64, _ request: SiteRequest) {
        guard let row = SiteRoutes.row(of: request) else {
            return answer(number, .response(HTTPResponse(.internalError)))
        }
        // What another origin gives out, so that nothing in it can act as this site, is posts as they are.
        if request.isRaw, row.route.label != "site.raw" {
            return answer(number, .response(HTTPResponse(.noSuchPost)))
        }
        let session = SiteCall.sessionToken(request, settings)
        let hasCookie = session.map { !$0.isBearer } ?? false
        guard !SiteCall.isForeign(request, isBearer: session?.isBearer ?? false, hasCookie: hasCookie) else {
            return answer(number, .response(HTTPResponse(.foreignPage)))
        }
        let form: SiteForm
        do { form = try SiteForm(request) } catch {
            return answer(number, SiteAnswers.problem(error, isAPI: request.isAPI, path: request.head.target))
        }
        // No cookie goes to the raw origin, and none is looked at there.
        let viewer: Flow<Visitor?> =
            request.isRaw ? .value(nil) : session.map { Visitors.viewer(token: $0.token) } ?? .value(nil)
        let settings = settings
        viewer.then { viewer -> Flow<SiteCall> in
            let call = SiteCall(
                request: request, form: form, viewer: viewer, settings: settings, isAPI: request.isAPI)
            // A program that says who it is means to be that one, or nobody.
            if call.isAPI, viewer == nil, request.head.fields.first(.authorization) != nil {
                return .refused(.notLoggedIn)
            }
            let visit = viewer.map(Follows.visit) ?? .done
            return visit.map { call }
        }.start(&self) { core, result in
            switch result {
            case .failure(let problem):
                core.answer(number, SiteAnswers.problem(problem, isAPI: request.isAPI, path: request.head.target))
            case .success(let call): core.run(row, call, number)
            }
        }
    }

    private mutating func run(_ row: SiteRow, _ call: SiteCall, _ number: UInt64) {
        switch row.handler {
        case .call(let handler):
            handler(call).start(&self) { core, result in
                switch result {
                case .success(let answer): core.answer(number, answer)
                case .failure(let problem): core.answer(number, SiteAnswers.problem(problem, call))
                }
            }
        case .stream(let handler):
            handler(call).start(&self) { core, result in
                switch result {
                case .success(let target):
                    let since = call.request.head.fields.first(.lastEventID) ?? call.form["since"]
                    core.openStream(number, target, since: since)
                case .failure(let problem): core.answer(number, SiteAnswers.problem(problem, call))
                }
            }
        case .socket(let handler):
            handler(call).start(&self) { core, result in
                switch result {
                case .success(let key): core.out.emit(.upgrade(number, key))
                case .failure(let problem): core.answer(number, SiteAnswers.problem(problem, call))
                }
            }
        }
    }

    private mutating func answer(_ number: UInt64, _ answer: SiteAnswer) { out.emit(.answer(number, answer)) }
}

extension SiteRoutes {
    /// Rows are looked for by their paths once, by the listener; here by which of them it found.
    static func row(of request: SiteRequest) -> SiteRow? {
        all.first { $0.route === request.route } ?? (other.route === request.route ? other : nil)
    }
}

extension SiteRequest {
    /// A program's: JSON is answered, and problems are JSON.
    var isAPI: Bool { head.target.hasPrefix("/v1/") }
}

enum SiteAnswers {
    static func json(_ value: JSONValue, _ status: UInt = 200, _ headers: [(String, String)] = []) -> SiteAnswer {
        var response = HTTPResponse.json(value.encode() + [0x0A], status)
        response.add("cache-control", "no-store")
        for (name, value) in headers { response.add(name, value) }
        return .response(response)
    }

    static func nothing(_ status: UInt = 204, _ headers: [(String, String)] = []) -> SiteAnswer {
        .response(HTTPResponse(status, headers))
    }

    /// Behind a form: the browser asks for the page that it leads to, and a reload sends nothing again.
    static func seeOther(_ path: String, _ headers: [(String, String)] = []) -> SiteAnswer {
        .response(HTTPResponse(303, [("location", localPath(path)), ("cache-control", "no-store")] + headers))
    }

    /// The same for good, method and all.
    static func moved(_ path: String) -> SiteAnswer { .response(HTTPResponse(308, [("location", localPath(path))])) }

    /// A path of this site: what begins with two slashes, or bears a line end, leads elsewhere.
    static func localPath(_ path: String) -> String {
        let bytes = Array(path.utf8)
        let isLocal =
            bytes.first == 0x2F && bytes.dropFirst().first != 0x2F && bytes.dropFirst().first != 0x5C
            && bytes.allSatisfy { $0 > 0x20 && $0 != 0x7F }
        return isLocal && bytes.count <= 2_000 ? path : "/"
    }

    static func page(
        _ page: Page, _ status: UInt = 200, _ headers: [(String, String)] = []
    ) -> SiteAnswer {
        .page(page, status: status, headers: headers)
    }

    static func problem(_ problem: Problem, _ call: SiteCall) -> SiteAnswer {
        if call.isAPI { return .response(HTTPResponse(problem)) }
        return MessagePages.page(for: problem, call)
    }

    static func problem(_ problem: Problem, isAPI: Bool, path: String) -> SiteAnswer {
        isAPI ? .response(HTTPResponse(problem)) : MessagePages.bare(problem, path: path)
    }
}
