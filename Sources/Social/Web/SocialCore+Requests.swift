// From a request to its answer: who asks, whether that may be, the row's flow, and what it came to.

package import Edge
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
        if !request.head.method.changes, let target = row.respelled(request) {
            return answer(number, .response(HTTPResponse(308, [("location", target)])))
        }
        let session = SiteCall.sessionToken(request, settings)
        let hasCookie = session.map { !$0.isBearer } ?? false
        guard !SiteCall.isForeign(request, isBearer: session?.isBearer ?? false, hasCookie: hasCookie) else {
            return answer(number, SiteAnswers.problem(.foreignPage, request.head))
        }
        let form: SiteForm
        do { form = try SiteForm(request) } catch {
            return answer(number, SiteAnswers.problem(error, request.head))
        }
        // No cookie goes to the raw origin, and none is looked at there.
        let viewer: Flow<Visitor?> =
            request.isRaw ? .value(nil) : session.map { Visitors.viewer(token: $0.token) } ?? .value(nil)
        let settings = settings
        viewer.then { viewer -> Flow<SiteCall> in
            let call = SiteCall(
                request: request, form: form, viewer: viewer, settings: settings, isAPI: request.head.isAPI)
            // A program that says who it is means to be that one, or nobody.
            if call.isAPI, viewer == nil, request.head.fields.first(.authorization) != nil {
                return .refused(.notLoggedIn)
            }
            let visit = viewer.map(Follows.visit) ?? .done
            return visit.map { call }
        }.start(&self) { core, result in
            switch result {
            case .failure(let problem):
                core.answer(number, SiteAnswers.problem(problem, request.head))
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
                    core.openStream(number, target, call.request.origin, since: since)
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

extension RequestHead {
    /// A program's: JSON is answered.
    var isAPI: Bool { target.hasPrefix("/v1/") }

    /// A browser, or somebody who does not say what it wants.
    var acceptsPages: Bool {
        guard let accept = fields.list(.accept) else { return true }
        return AcceptHeader.liking(for: "text", "html", in: accept).quality > 0
    }

    /// Problems are told on pages, not as JSON.
    fileprivate var wantsPages: Bool { !isAPI && acceptsPages }
}

package enum SiteAnswers {
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
        call.request.head.wantsPages ? MessagePages.page(for: problem, call) : .response(HTTPResponse(problem))
    }

    static func problem(_ problem: Problem, _ head: RequestHead) -> SiteAnswer {
        page(for: problem, head) ?? .response(HTTPResponse(problem))
    }

    /// For a browser, where not even the request could be read; nil for programs.
    package static func page(for problem: Problem, _ head: RequestHead) -> SiteAnswer? {
        head.wantsPages ? MessagePages.bare(problem, path: head.target) : nil
    }
}
