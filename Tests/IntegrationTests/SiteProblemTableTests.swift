// The table of problems of docs/SOCIAL.md, row by row: a request of each kind to a real site, and what the row promises
// of its answer.

import Foundation
import JSON
import Testing

@testable import Edge
@testable import Social

/// Whoever asks: Ann and Ben, who blocks her; Moda, who moderates; and what they have there.
private struct Scene {
    let node: TestNode
    let ann: Account
    let ben: Account
    let moda: Account

    static func begin(_ node: TestNode) throws -> Scene {
        let scene = Scene(
            node: node, ann: try node.account("row-ann"), ben: try node.account("row-ben"),
            moda: try node.account("moda"))
        for (title, text, ttl) in [("Kept", "kept", "never"), ("Deleted", "", "never"), ("Brief", "", "1s")] {
            #expect(try node.post("title=\(title)&ttl=\(ttl)", text + "words", by: scene.ann).status == 201)
        }
        #expect(try node.post("slug=row-slug", "words", by: nil, token: scene.token).status == 201)
        #expect(try node.site("DELETE", "/v1/posts/row-ann/deleted", scene.ann.bearer).status == 204)
        #expect(try node.site("PUT", "/v1/blocks/row-ann", scene.ben.bearer).status == 204)
        return scene
    }

    /// Of the post by nobody.
    let token = Names.token()

    /// By Ann.
    func api(_ method: String, _ target: String, _ members: [String: String]? = nil) throws -> Response {
        guard let members else { return try node.site(method, target, ann.bearer, timeout: 30) }
        return try node.siteJSON(method, target, members, ann.bearer)
    }

    /// Of what is shown no more: one replica may not know yet.
    func read(_ path: String) throws -> Response {
        try eventually("\(path) is shown no more", within: 10) {
            let answer = try api("GET", "/v1/posts/\(path)")
            return answer.status == 200 ? nil : answer
        }
    }

    /// By a moderator, about a post that somebody has reported.
    func decide(_ measure: String, on path: String) throws {
        let report = try node.siteJSON("POST", "/v1/reports", ["path": path, "reason": "it is rude"])
        let id = try #require(report.json["id"] as? String, "\(report.text)")
        let done = try node.siteJSON("PUT", "/v1/reports/\(id)", ["do": measure], moda.bearer)
        guard done.status == 204 else { throw HarnessFailure("\(measure): \(done.text)") }
    }
}

private struct ProblemRow: Sendable {
    let status: Int
    let problem: String
    let headers: [String: String]
    let ask: @Sendable (Scene) throws -> Response

    init(
        _ status: Int, problem: String, headers: [String: String] = [:],
        _ ask: @escaping @Sendable (Scene) throws -> Response
    ) {
        self.status = status
        self.problem = problem
        self.headers = headers
        self.ask = ask
    }

    func check(_ scene: Scene) throws {
        let answer = try ask(scene)
        ProblemRow.check(answer, status, problem)
        for (name, value) in headers { #expect(answer[name] == value, "\(name) of \(problem)") }
    }

    static func check(_ answer: Response, _ status: Int, _ problem: String) {
        #expect(answer.status == status, "\(problem): \(answer.text)")
        #expect(answer.json["type"] as? String == "/problems/\(problem)", "\(answer.text)")
        #expect(answer["content-type"] == "application/problem+json" && answer["date"] != nil, "\(problem)")
        #expect(answer.json["status"] as? Int == status)
        #expect((answer.json["title"] as? String)?.isEmpty == false, "\(problem)")
        #expect(answer["retry-after"] == (status == 503 ? "1" : nil), "\(problem)")
    }
}

private let requests: [ProblemRow] = [
    .init(400, problem: "malformed") { try $0.api("GET", "/v1/timelines/public?limit=0") },
    .init(403, problem: "foreign-origin") {
        try $0.node.site("DELETE", "/v1/sessions/current", ["Sec-Fetch-Site": "cross-site"])
    },
    .init(404, problem: "no-such-path") { try $0.api("GET", "/v1/nothing") },
    .init(415, problem: "unsupported-media-type") {
        try $0.node.site(
            "PUT", "/v1/profile", $0.ann.bearer.merging(["Content-Type": "text/plain"]) { own, _ in own }, body: [1])
    },
]

private let accounts: [ProblemRow] = [
    .init(400, problem: "bad-name") { try $0.node.register("no name") },
    .init(400, problem: "weak-password") {
        try $0.node.siteJSON("POST", "/v1/users", ["name": "row-new", "password": "password"])
    },
    .init(400, problem: "unknown-home") { try $0.node.register("row-new", home: "nowhere") },
    .init(400, problem: "bad-owner-token") { try $0.node.register("row-new", token: "short") },
    .init(401, problem: "not-logged-in") { try $0.node.site("GET", "/v1/profile") },
    .init(401, problem: "bad-credentials") {
        try $0.node.siteJSON("POST", "/v1/sessions", ["name": "row-ann", "password": "another sentence"])
    },
    .init(403, problem: "blocked") { try $0.api("PUT", "/v1/following/row-ben") },
    .init(404, problem: "no-such-user") { try $0.api("PUT", "/v1/following/row-nobody") },
    .init(404, problem: "no-such-session") { try $0.api("DELETE", "/v1/sessions/none") },
    .init(409, problem: "name-taken") { try $0.node.register("Row-Ann") },
]

private let posts: [ProblemRow] = [
    .init(400, problem: "bad-title") { try $0.node.post("title=%21", "words", by: $0.ann) },
    .init(400, problem: "bad-slug") { try $0.node.post("slug=no%20slug", "words", by: nil) },
    .init(400, problem: "context-missing") { try $0.api("PUT", "/v1/posts/row-ann/kept", [:]) },
    .init(403, problem: "not-the-author") { try $0.node.site("DELETE", "/v1/posts/row-ann/kept", $0.ben.bearer) },
    .init(404, problem: "no-such-post") { try $0.api("GET", "/v1/posts/row-ann/never") },
    .init(404, problem: "hidden") { scene in
        #expect(try scene.node.post("title=Rude", "rude", by: scene.ann).status == 201)
        try scene.decide("hide", on: "row-ann/rude")
        return try scene.read("row-ann/rude")
    },
    .init(409, problem: "title-taken") { try $0.node.post("title=KEPT", "other words", by: $0.ann) },
    .init(409, problem: "slug-taken") { try $0.node.post("slug=row-slug", "other words", by: nil) },
    .init(409, problem: "attempt-differs") { scene in
        try scene.node.post("slug=row-slug", "other words", by: nil, token: scene.token)
    },
    .init(409, problem: "edit-conflict") { scene in
        let context = try #require(try scene.api("GET", "/v1/posts/row-ann/kept").context)
        func edit(_ text: String) throws -> Response {
            let headers = ["Atoll-Context": context, "Content-Type": "text/plain"]
            return try scene.node.site(
                "PUT", "/v1/posts/row-ann/kept", scene.ann.bearer.merging(headers) { own, _ in own },
                body: Array(text.utf8))
        }
        #expect(try edit("first").status == 200)
        return try edit("second")
    },
    .init(410, problem: "gone") { try $0.read("row-ann/deleted") },
    .init(410, problem: "expired") { try $0.read("row-ann/brief") },
    .init(416, problem: "range-not-satisfiable", headers: ["content-range": "bytes */5"]) {
        try $0.node.site("GET", "/v1/posts/row-slug/raw", ["Range": "bytes=5-"])
    },
]

private let others: [ProblemRow] = [
    .init(403, problem: "not-invited") { scene in
        let draft = try scene.api("POST", "/v1/drafts", ["text": "words"])
        let id = try #require(draft.json["id"] as? String, "\(draft.text)")
        return try scene.node.site("GET", "/v1/drafts/\(id)?invitation=none", scene.ben.bearer)
    },
    .init(403, problem: "not-a-moderator") { try $0.api("GET", "/v1/reports") },
    .init(404, problem: "no-such-draft") { try $0.api("GET", "/v1/drafts/none") },
    .init(404, problem: "no-such-report") {
        try $0.node.siteJSON("PUT", "/v1/reports/none", ["do": "hide"], $0.moda.bearer)
    },
    .init(404, problem: "no-such-feed") { try $0.api("GET", "/v1/timelines/feeds/none") },
    .init(422, problem: "not-a-feed") { try $0.api("POST", "/v1/feeds", ["url": "http://127.0.0.1/feed"]) },
    // The last: from here on she is nobody.
    .init(403, problem: "suspended") { scene in
        try scene.decide("suspend", on: "row-ann/kept")
        return try eventually("everybody knows", within: 10) {
            let answer = try scene.node.logIn("row-ann")
            return answer.status == 201 ? nil : answer
        }
    },
]

/// At sites of other settings.
private let closed: [ProblemRow] = [
    .init(403, problem: "registration-closed") { try $0.node.register("row-new") },
    .init(403, problem: "anonymous-closed") { try $0.node.post("", "words", by: nil) },
]
private let nameless = ProblemRow(501, problem: "no-namestore") { try $0.node.register("row-new") }

/// What a suite of its own provokes, since it takes a cut, rates that count, or a full queue.
private let elsewhere: [(status: Int, problem: String, suite: String, test: String)] = [
    (409, problem: "too-many-followed", "../SocialTests/ModerationTests", "nobodyFollowsMoreThanAllowed"),
    (429, problem: "too-many", "HomesTests", "whoDoesTooMuchIsToldToWait"),
    (503, problem: "cut-off", "SitesTests", "whoIsCutOffNeverSaysNo"),
    (503, problem: "overloaded", "../SocialTests/AnswerTests", "whoIsTooManyIsToldToComeAgain"),
    (503, problem: "outcome-unknown", "HomesTests", "withoutANamestoreTitlesWait"),
]

/// Nothing that a client does leads to it.
private let unprovoked = ["500 internal-error"]

extension Integration.SitesTests {
    @Test func theAnswersAreAsTheirRowsSay() throws {
        let cluster = try cluster()
        try cluster.awaitSites()
        let scene = try Scene.begin(cluster[1])
        for row in requests + accounts + posts + others { try row.check(scene) }
        #expect(cluster.nodes.allSatisfy { $0.isRunning })
    }

    /// A listener's own refusals too: on a page for a browser, in JSON for programs.
    @Test func aBrowserIsToldOnAPage() throws {
        let node = try cluster()[0]
        for (method, target, more, status) in [
            ("POST", "/", [:], 405), ("DELETE", "/nobody/", [:], 405), ("PUT", "/-/site.css", [:], 405),
            ("GET", "/%zz", [:], 400), ("POST", "/-/write", ["Expect": "tea"], 417),
            ("GET", "/-/nothing", [:], 404), ("GET", "/-", [:], 404),
            ("POST", "/-/write", ["Content-Length": "99999999"], 413),
        ] as [(String, String, [String: String], Int)] {
            for (accept, isPage) in [("text/html,*/*;q=0.1", true), ("application/json", false)] {
                let headers = more.merging(["Accept": accept, "Sec-Fetch-Site": "same-origin"]) { own, _ in own }
                let answer = try node.site(method, target, headers)
                #expect(answer.status == status, "\(method) \(target)")
                let type = isPage ? "text/html; charset=utf-8" : "application/problem+json"
                #expect(answer["content-type"] == type, "\(method) \(target) \(accept)")
                #expect(answer["allow"] != nil || status != 405)
                if isPage {
                    #expect(answer.text.hasPrefix("<!doctype html>") && answer.text.hasSuffix("</html>\n"))
                    #expect(answer["content-security-policy"]?.contains("default-src 'none'") == true)
                }
            }
            let api = try node.site(method, "/v1" + target, more.merging(["Accept": "text/html"]) { own, _ in own })
            #expect(api["content-type"] == "application/problem+json", "\(target)")
        }
    }

    /// What bears the digest of its contents never changes; what does not may be another after an upgrade.
    @Test func filesAreKeptAsLongAsTheyAreTheSame() throws {
        let node = try cluster()[0]
        let page = try node.page("/").text
        for name in ["site.css", "site.js"] {
            let address = try #require(page.firstMatch(of: try Regex("/-/\(name)\\?v=[0-9a-z]+"))?.0)
            let fixed = try node.site("GET", String(address))
            #expect(fixed["cache-control"] == "public, max-age=31536000, immutable", "\(address)")
            for other in ["/-/\(name)", "/-/\(name)?v=1", "/-/atoll.js"] {
                #expect(try node.site("GET", other)["cache-control"] == "no-cache", "\(other)")
            }
            #expect(try node.site("GET", "/-/\(name)").body == fixed.body)
        }
    }
}

extension Integration {
    @Suite struct SiteProblemTableTests {
        private func check(_ rows: [ProblemRow], _ cluster: TestCluster) throws {
            defer { cluster.end() }
            try cluster[0].start()
            // A node listens for people after it has begun to listen for clients.
            try eventually("a site answers", within: 20) {
                (try? cluster[0].site("GET", "/-/site.css"))?.status == 200
            }
            let nobody = Account(name: "nobody", token: "none")
            for row in rows { try row.check(Scene(node: cluster[0], ann: nobody, ben: nobody, moda: nobody)) }
        }

        @Test func sitesOfOtherSettings() throws {
            try check(
                closed, TestCluster.three(site: "registration = \"closed\"\nanonymous = false"))
            try check([nameless], TestCluster.three(site: "public_shards = 8"))
        }

        /// The table of the document and this one have the same rows, and the file for tools names them.
        @Test func everyRowOfTheDocumentIsHere() throws {
            let page = try String(contentsOfFile: sourceRoot.path + "/docs/SOCIAL.md", encoding: .utf8)
            let tools = try String(contentsOfFile: sourceRoot.path + "/docs/openapi-site.yaml", encoding: .utf8)
            var documented: Set<String> = []
            for line in page.split(separator: "\n") {
                guard let row = try /\| (\d{3}) \| ((?:`[a-z-]+`(?:, )?)+) \|.*/.wholeMatch(in: line) else { continue }
                for type in row.2.split(separator: ", ") {
                    documented.insert("\(row.1) \(type.dropFirst().dropLast())")
                }
            }
            let rows = requests + accounts + posts + others + closed + [nameless]
            let tested = Set(
                rows.map { "\($0.status) \($0.problem)" } + elsewhere.map { "\($0.status) \($0.problem)" } + unprovoked)
            #expect(documented.count > 40 && documented == tested, "\(documented.symmetricDifference(tested))")
            for row in rows { #expect(tools.contains("- /problems/\(row.problem)\n"), "\(row.problem)") }
            for row in elsewhere {
                let path = "\(sourceRoot.path)/Tests/IntegrationTests/\(row.suite).swift"
                let source = try String(contentsOfFile: path, encoding: .utf8)
                #expect(source.contains("func \(row.test)(") && source.contains("/problems/\(row.problem)\""))
                #expect(tools.contains("- /problems/\(row.problem)\n"), "\(row.problem)")
            }
        }
    }
}
