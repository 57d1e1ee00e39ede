// Who may change something at a site, by what a browser says of the page that a request comes from; what cookies are
// given, and how posts are handed out as they are.

import Foundation
import Testing
import World

@testable import Edge
@testable import Social

/// What a request says of where it comes from, and whether that is the site itself.
private struct AskedFrom: Sendable {
    let headers: [String: String]
    /// Nil: it says nothing.
    let isOwn: Bool?

    static let all = [
        AskedFrom(headers: ["Sec-Fetch-Site": "same-origin"], isOwn: true),
        AskedFrom(headers: ["Sec-Fetch-Site": "same-site"], isOwn: false),
        AskedFrom(headers: ["Sec-Fetch-Site": "cross-site"], isOwn: false),
        AskedFrom(headers: ["Sec-Fetch-Site": "none"], isOwn: false),
        // What a browser says of the site goes before what it says of the origin.
        AskedFrom(headers: ["Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"], isOwn: false),
        AskedFrom(headers: ["Origin": "http://localhost"], isOwn: true),
        AskedFrom(headers: ["Origin": "http://localhost:1"], isOwn: false),
        AskedFrom(headers: ["Origin": "https://localhost"], isOwn: false),
        AskedFrom(headers: ["Origin": "http://evil.example"], isOwn: false),
        AskedFrom(headers: ["Origin": "null"], isOwn: false),
        AskedFrom(headers: [:], isOwn: nil),
    ]
}

private enum Bearing: CaseIterable {
    case cookie, bearer, nothing

    func headers(_ token: String) -> [String: String] {
        switch self {
        case .cookie: ["Cookie": "atoll=\(token)"]
        case .bearer: ["Authorization": "Bearer \(token)"]
        case .nothing: [:]
        }
    }
}

extension Integration.SitesTests {
    /// Every path and method that changes something, from every kind of page, with every kind of authority.
    @Test func anotherSitesPageChangesNothing() throws {
        let node = try cluster()[0]
        let connection = try node.connectToSite()
        var asked = 0
        for row in SiteRoutes.all {
            let path = row.route.path.replacing(try Regex(#"\[/\]"#), with: "").replacing(
                try Regex(#"\{\w+\}"#), with: "none")
            for method in row.route.methods where method.changes {
                for type in ["application/json", "application/x-www-form-urlencoded"] {
                    for source in AskedFrom.all {
                        for bearing in Bearing.allCases {
                            asked += 1
                            let headers = source.headers.merging(bearing.headers("none")) { own, _ in own }
                            let answer = try connection.request(
                                method.rawValue, path, headers.merging(["Content-Type": type]) { own, _ in own },
                                body: [])
                            let isForm = type.hasSuffix("urlencoded") && !path.hasPrefix("/v1/")
                            let isTaken =
                                bearing == .bearer || (source.isOwn ?? (bearing == .nothing && !isForm))
                            let isRefused = answer.status == 403 && answer.text.contains("foreign-origin")
                            #expect(isRefused != isTaken, "\(method) \(path) \(headers): \(answer.status)")
                        }
                    }
                }
            }
        }
        #expect(asked > 2_000)
    }

    /// What is refused has not been done, and what is taken has.
    @Test func whatIsRefusedIsNotDone() throws {
        let node = try cluster()[0]
        let account = try node.account("target")
        let cookie = ["Cookie": "atoll=\(account.token)", "Content-Type": "application/x-www-form-urlencoded"]
        func set(_ display: String, _ headers: [String: String]) throws -> Int {
            try node.site(
                "POST", "/-/profile", cookie.merging(headers) { own, _ in own },
                body: Array("display=\(display)&bio=".utf8)
            ).status
        }
        func shown() throws -> String? {
            try node.site("GET", "/v1/profile", account.bearer).json["display"] as? String
        }
        #expect(try set("Own", ["Sec-Fetch-Site": "same-origin"]) == 200)
        for source in AskedFrom.all where source.isOwn != true { #expect(try set("Evil", source.headers) == 403) }
        #expect(try shown() == "Own")
        // A WebSocket bears cookies, and browsers open it for any page.
        let draft = try node.siteJSON("POST", "/v1/drafts", ["text": "a"], account.bearer)
        let id = try #require(draft.json["id"] as? String)
        for (origin, status) in [("http://evil.example", 403), ("null", 403), ("http://localhost", 101)] {
            let opened = try node.site(
                "GET", "/v1/drafts/\(id)/live",
                [
                    "Cookie": "atoll=\(account.token)", "Origin": origin, "Connection": "Upgrade",
                    "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
                ])
            #expect(opened.status == status, "\(origin): \(opened.text)")
        }
    }

    @Test func cookiesOnLoopbackHaveNoTLS() throws {
        let node = try cluster()[0]
        _ = try node.account("keks")
        let cookies = try node.cookies("keks")
        for cookie in cookies {
            let parts = cookie.split(separator: "; ").map(String.init)
            #expect(parts[0].wholeMatch(of: try Regex("atoll(-device)?=[0-9a-f]{64}")) != nil, "\(cookie)")
            #expect(parts[1].hasPrefix("Max-Age=") && parts[2...] == ["HttpOnly", "SameSite=Lax", "Path=/"])
        }
    }

    @Test func postsAreHandedOutSoThatTheyCanDoNothing() throws {
        let node = try cluster()[0]
        let rows = [
            ("text/plain", "text/plain; charset=utf-8", "inline"),
            ("text/plain; charset=iso-8859-1", "text/plain; charset=iso-8859-1", "inline"),
            ("text/markdown", "text/plain; charset=utf-8", "inline"),
            ("text/html", "text/plain; charset=utf-8", "inline"),
            ("text/html; charset=utf-16", "text/plain; charset=utf-8", "inline"),
            ("TEXT/HTML", "text/plain; charset=utf-8", "inline"),
            ("image/png", "image/png", "inline"), ("image/svg+xml", "image/svg+xml", "attachment"),
            ("application/xhtml+xml", "application/xhtml+xml", "attachment"),
            ("text/xml", "text/xml; charset=utf-8", "attachment"),
            ("text/javascript", "text/javascript; charset=utf-8", "attachment"),
            ("application/pdf", "application/pdf", "attachment"), ("video/mp4", "video/mp4", "inline"),
            ("application/octet-stream", "application/octet-stream", "attachment"),
        ]
        for (type, told, disposition) in rows {
            let posted = try node.post("", "<script>alert(1)</script>", by: nil, type: type)
            let path = try #require(posted.json["path"] as? String, "\(posted.text)")
            // The same in the three places where bytes are handed out.
            for answer in [
                try node.site("GET", "/\(path)/raw"), try node.site("GET", "/v1/posts/\(path)/raw"),
                try node.site("GET", "/\(path)/", ["Accept": "image/*"]), try node.site("HEAD", "/\(path)/raw"),
            ] {
                #expect(answer.status == 200 && answer["content-type"] == told, "\(type): \(answer.headers)")
                #expect(answer["content-disposition"] == disposition, "\(type)")
                #expect(answer["x-content-type-options"] == "nosniff")
                #expect(
                    answer["content-security-policy"] == "sandbox; default-src 'none'; frame-ancestors 'none'")
            }
        }
    }
}
