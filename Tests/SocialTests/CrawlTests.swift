// Whoever follows every link and sends every form of every page comes to pages that can be shown: the cores' values fit
// the templates, no link is dead, and no form is sent to where nobody takes it.

import Edge
import Foundation
import JSON
import Testing
import World

@testable import Social
@testable import SocialSite

/// Somebody with a browser that knows pages as texts.
private struct Visitor {
    let renderer = PageRenderer()
    var fields: [(String, String)]
    var visited: Set<String> = []
    var templates: Set<String> = []
    var complaints: [String] = []

    /// - session: nil for somebody without a name.
    init(session: String?) {
        fields = [("accept", "text/html"), ("sec-fetch-site", "same-origin")]
        if let session { fields.append(("cookie", "atoll=\(session)")) }
    }

    /// Looks at a page and at all that it leads to, up to `most` pages.
    mutating func walk(_ world: inout FakeWorld, from start: [String], most: Int = 150) throws {
        var waiting = start
        while let path = waiting.popLast(), visited.count < most {
            guard visited.insert(path).inserted else { continue }
            guard let reply = try world.ask(.get, path, fields) else {
                complaints.append("\(path) is not answered")
                continue
            }
            if (300..<400).contains(reply.status), let next = reply.header("location") {
                waiting.append(Visitor.local(next))
                continue
            }
            if reply.status != 200, !start.contains(path) { complaints.append("\(path) is answered \(reply.status)") }
            let html = show(reply, path)
            waiting += Visitor.links(html).filter { !$0.hasPrefix("/-/site.") && !$0.hasPrefix("/v1/") }
        }
    }

    /// Sends the forms of a page as they stand there, those texts filled in that `values` has.
    mutating func send(
        _ world: inout FakeWorld, _ path: String, to action: String, _ values: [String: String] = [:]
    ) throws -> Reply? {
        guard let page = try world.ask(.get, path, fields) else { return nil }
        let html = show(page, path)
        for form in Visitor.matches(#"<form\b[^>]*\baction="([^"]*)"[^>]*>([\s\S]*?)</form>"#, html)
        where Visitor.plain(form[0]).hasPrefix(action) {
            var body: [(String, String)] = []
            for input in Visitor.matches(#"<(?:input|textarea|select)\b[^>]*\bname="([^"]*)"[^>]*>"#, form[1]) {
                guard !["file", "unlisted", "anonymous"].contains(input[0]) else { continue }
                let hidden = Visitor.matches(#"name=""# + input[0] + #"" value="([^"]*)""#, form[1]).first?[0]
                body.append((input[0], values[input[0]] ?? Visitor.plain(hidden ?? "")))
            }
            let text = body.map { "\($0.0)=\($0.1.utf8.percentEncoded)" }.joined(separator: "&")
            let reply = try world.ask(
                .post, Visitor.plain(form[0]), fields + [("content-type", "application/x-www-form-urlencoded")],
                body: text)
            if let reply { _ = show(reply, "POST \(form[0])") }
            return reply
        }
        complaints.append("\(path) has no form for \(action)")
        return nil
    }

    /// The HTML of an answer that is a page.
    private mutating func show(_ reply: Reply, _ path: String) -> String {
        guard let page = reply.page else { return "" }
        let rendered = renderer.render(page)
        templates.insert(page.name)
        if let fault = rendered.fault { complaints.append("\(path): \(fault)") }
        if page.values["path"]?.string.map({ !$0.hasPrefix("/") }) ?? true { complaints.append("\(path) has no path") }
        return String(decoding: rendered.html, as: UTF8.self)
    }

    private static func links(_ html: String) -> [String] {
        matches(#"<(?:a|link|img|audio|video)\b[^>]*\b(?:href|src)="([^"]*)""#, html).map { local(plain($0[0])) }
            .filter { $0.hasPrefix("/") && !$0.hasPrefix("//") }
    }

    private static func local(_ address: String) -> String {
        address.hasPrefix("http://site") ? String(address.dropFirst("http://site".count)) : address
    }

    private static func plain(_ text: String) -> String {
        text.replacing("&quot;", with: "\"").replacing("&#39;", with: "'").replacing("&lt;", with: "<")
            .replacing("&gt;", with: ">").replacing("&amp;", with: "&")
    }

    private static func matches(_ pattern: String, _ text: String) -> [[String]] {
        guard let expression = try? NSRegularExpression(pattern: pattern) else { return [] }
        let bridged = NSString(string: text)
        return expression.matches(in: text, range: NSRange(location: 0, length: bridged.length)).map { result in
            (1..<result.numberOfRanges).map { bridged.substring(with: result.range(at: $0)) }
        }
    }
}

struct CrawlTests {
    /// Ann and Ben, posts of every kind, a feed, a report.
    private func world() throws -> (FakeWorld, Person, Person) {
        var world = try FakeWorld(seed: 31)
        let ann = try Person.registered("ann", in: &world)
        let ben = try Person.registered("ben", in: &world, at: 1)
        let kinds = [
            ("text/plain", "words"), ("text/markdown", "# Words\n\n*more* words"), ("text/html", "<b>code</b>"),
            ("image/png", "no picture"), ("audio/ogg", "no sound"), ("video/webm", "no film"),
            ("application/pdf", "no paper"),
        ]
        for (place, kind) in kinds.enumerated() {
            let reply = try world.ask(
                .post, "/v1/posts?title=post%20\(place)", ann.bearer + [("content-type", kind.0)], body: kind.1)
            #expect(reply?.status == 201, "\(kind.0)")
        }
        let anonymous = try world.ask(
            .post, "/v1/posts?slug=umbrella", [("content-type", "text/plain"), ("atoll-owner", token(5))], body: "blue")
        #expect(anonymous?.status == 201)
        world.run(for: .seconds(5))
        return (world, ann, ben)
    }

    @Test func everyLinkLeadsSomewhere() throws {
        var (world, ann, ben) = try world()
        for session in [ann.session, ben.session, nil] {
            var visitor = Visitor(session: session)
            try visitor.walk(
                &world,
                from: [
                    "/", "/-/public", "/-/write", "/-/login", "/-/register", "/ann/tomorrow/", "/nobody/", "/-/none",
                ])
            #expect(visitor.complaints.isEmpty, "\(visitor.complaints.joined(separator: "\n"))")
            #expect(visitor.visited.count > 30)
            #expect(visitor.templates.isSuperset(of: ["timeline", "post", "write", "message", "revisions", "confirm"]))
        }
    }

    /// But those of profiles, blocks and drafts, which are typed values: the small world has none.
    @Test func everyFormIsTaken() throws {
        var (world, _, ben) = try world()
        var visitor = Visitor(session: ben.session)
        func sent(_ path: String, _ action: String, _ values: [String: String] = [:]) throws -> UInt? {
            try visitor.send(&world, path, to: action, values)?.status
        }
        #expect(try sent("/ann/", "/-/follow") == 303)
        #expect(try sent("/ann/", "/-/unfollow") == 303)
        #expect(try sent("/-/following", "/-/follow", ["source": "ann"]) == 303)
        #expect(try sent("/-/following", "/-/follow", ["source": "nobody at all"]).map { $0 >= 400 } == true)
        #expect(try sent("/-/following", "/-/unfollow") == 303)
        #expect(try sent("/-/write", "/-/write", ["title": "Hello", "text": "first", "ttl": "never"]) == 201)
        #expect(try sent("/-/write", "/-/write", ["title": "Hello", "text": "second", "ttl": "never"]) == 409)
        #expect(try sent("/-/write", "/-/write", ["title": "Empty", "ttl": "never"]).map { $0 >= 400 } == true)
        #expect(try sent("/-/edit?path=ben/hello", "/-/edit", ["text": "changed"]) == 303)
        #expect(try sent("/-/report?path=ann/post-0", "/-/report", ["reason": "it is wrong"]) == 303)
        #expect(try sent("/-/delete?path=ben/hello", "/-/delete") == 303)
        let wrong = ["current": "wrong", "password": "another long sentence"]
        #expect(try sent("/-/account", "/-/password", wrong).map { $0 >= 400 } == true)
        #expect(try sent("/-/account", "/-/sessions/end", ["id": "all"]) == 303)
        #expect(visitor.complaints.isEmpty, "\(visitor.complaints.joined(separator: "\n"))")

        var guest = Visitor(session: nil)
        let login = ["name": "ben", "password": "a long sentence of ben"]
        #expect(try guest.send(&world, "/-/login", to: "/-/login", login)?.status == 303)
        #expect(try guest.send(&world, "/-/login", to: "/-/login", ["name": "ben", "password": "no"])?.status == 401)
        let register = ["name": "eve", "password": "a long sentence of eve"]
        #expect(try guest.send(&world, "/-/register", to: "/-/register", register)?.status == 303)
        #expect(try guest.send(&world, "/-/register", to: "/-/register", register)?.status == 409)
        let post = ["text": "found an umbrella", "ttl": "never"]
        #expect(try guest.send(&world, "/-/write", to: "/-/write", post)?.status == 201)
        #expect(guest.complaints.isEmpty, "\(guest.complaints.joined(separator: "\n"))")
        #expect(guest.templates.union(visitor.templates).isSuperset(of: ["written", "login", "register", "account"]))
    }
}
