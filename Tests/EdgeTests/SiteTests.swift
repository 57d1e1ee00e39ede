// A site's requests without sockets: which row a path is, what comes with it, and what is refused before anybody is
// asked.

import Keys
import Ring
import RingFile
import Testing
import World

@testable import Edge

private struct Site {
    static let routes = [
        Route(site: "/", "home", [.get]),
        Route(site: "/v1/posts", "posts", [.post], bodyBytes: 100_000),
        Route(site: "/v1/posts/{slug}", "post", [.get, .put]),
        Route(site: "/v1/posts/{user}/{title}", "titled", [.get]),
        Route(site: "/-/{page}[/]", "page", [.get]),
        Route(site: "/{user}/", "user", [.get]),
        Route(site: "/{user}/feed.atom", "feed", [.get]),
        Route(site: "/{user}/{title}[/]", "title", [.get]),
    ]
    static let other = Route(site: "*", "none", [.get])

    var clients: LoopClients
    let surroundings: Surroundings

    init(_ settings: String = "origin = \"https://islands.example\"\nraw_origin = \"https://raw.example:8443\"") throws
    {
        let file = RingDocument.threeCountries.replacing("[social]", with: "[social]\n\(settings)")
        let ring = try RingDocument.compile(ringFile: file, fileName: "test")
        let address = try #require(HostPort("site.example:7081"))
        let listener = SiteListener(Site.routes, other: Site.other, ring: ring, address: address)
        clients = LoopClients(site: listener, ring: RingSnapshot(ring))
        surroundings = Surroundings(ring: ring) { 0x0102_0304_0506_0708_090A_0B0C_0D0E_0F10 }
    }

    mutating func request(
        _ method: RequestMethod, _ target: String, _ lines: [(String, String)] = [], host: String? = "islands.example",
        body: [UInt8] = []
    ) throws -> SiteRequest {
        var fields = RequestFields()
        if let host { fields.take("Host", host) }
        for (name, value) in lines { fields.take(name, value) }
        let head = RequestHead(method, target, fields, isOldClient: host == nil)
        let checked = try clients.check(head)
        let request = IncomingRequest(head, checked.target, in: clients.ring, host: checked.host)
        request.body = body
        guard case .site(let site) = try request.call(surroundings) else { throw Problem.malformed("another call") }
        return site
    }

    mutating func refusal(
        _ method: RequestMethod, _ target: String, _ lines: [(String, String)] = [], host: String = "islands.example"
    ) -> String {
        do { return try request(method, target, lines, host: host).route.label } catch {
            return (error as? Problem).map { "\($0.status) \($0.name)" } ?? "\(error)"
        }
    }
}

@Suite struct SiteTests {
    @Test(arguments: [
        ("/", "home", []), ("/?a=1", "home", []), ("/v1/posts/abc", "post", ["abc"]),
        ("/v1/posts/ann/hello%20all", "titled", ["ann", "hello all"]), ("/-/login", "page", ["login"]),
        ("/-/login/", "page", ["login"]), ("/ann/", "user", ["ann"]), ("/ann", "none", []),
        ("/ann/feed.atom", "feed", ["ann"]), ("/ann/hello", "title", ["ann", "hello"]),
        ("/ann/hello/", "title", ["ann", "hello"]), ("/ann/hello//", "none", []), ("//", "none", []),
        ("/ann//", "none", []), ("/ann/a/b", "none", []), ("/v1/kv/posts/hello", "none", []),
        ("/%2F/%00%C3%A9/", "title", ["/", "\0\u{E9}"]), ("/v1/posts/", "title", ["v1", "posts"]),
    ]) func aPathIsARow(target: String, label: String, parameters: [String]) throws {
        var site = try Site()
        let request = try site.request(.get, target)
        #expect(request.route.label == label)
        #expect(request.parameters == parameters.map { Array($0.utf8) })
        #expect(request.hasFinalSlash == (label != "none" && target.prefix { $0 != "?" }.hasSuffix("/")))
    }

    @Test func whatComesWithItIsHandedOn() throws {
        var site = try Site()
        let request = try site.request(
            .get, "/ann/?before=a%2Bb+c&empty&=x&before=%FF",
            [
                ("Cookie", "atoll=1"), ("Sec-Fetch-Site", "same-origin"), ("If-None-Match", "*"),
                ("Authorization", "B x"),
            ])
        #expect(request.query.map(\.name) == ["before", "empty", "", "before"])
        #expect(request.query.map(\.value) == [Array("a+b c".utf8), [], Array("x".utf8), [0xFF]])
        let fields = request.head.fields
        #expect(fields.first(.cookie) == "atoll=1" && fields.first(.fetchSite) == "same-origin")
        #expect(fields.first(.ifNoneMatch) == "*" && fields.first(.authorization) == "B x")
        #expect(request.chance.count == 64 && request.chance.prefix(3) == [0x10, 0x0F, 0x0E])
        let post = try site.request(
            .post, "/v1/posts",
            [("Content-Type", "multipart/form-data; boundary=x"), ("Origin", "https://evil.example")],
            body: [1, 2, 3])
        #expect(post.body == [1, 2, 3])
        #expect(site.refusal(.delete, "/v1/posts") == "405 method-not-allowed")
        let most = (0..<32).map { "a\($0)" }.joined(separator: "&")
        #expect(site.refusal(.get, "/?" + most) == "home" && site.refusal(.get, "/?&" + most + "&x") == "400 malformed")
        #expect(site.refusal(.get, "/?%FF=1") == "400 malformed" && site.refusal(.get, "/%zz/") == "400 malformed")
    }

    @Test func bodiesAreBoundedByTheirRow() throws {
        let ring = RingSnapshot(try RingDocument.singleNode())
        func limit(_ target: String, _ method: RequestMethod) -> Int {
            let route = Site.routes.first { $0.path == target } ?? Site.other
            return IncomingRequest(RequestHead(method, target, RequestFields()), RequestTarget(route), in: ring).limit
        }
        #expect(limit("/v1/posts", .post) == 100_000 && limit("/v1/posts/{slug}", .put) == Limits.otherBodyBytes)
    }

    @Test(arguments: [
        ("islands.example", "https://islands.example", false), ("ISLANDS.example", "https://islands.example", false),
        ("raw.example:8443", "https://raw.example:8443", true), ("127.0.0.1:7081", "http://127.0.0.1:7081", false),
        ("[::1]:7081", "http://[::1]:7081", false), ("localhost", "http://localhost", false),
        ("site.example:7081", "http://site.example:7081", false), ("raw.example", "http://raw.example", false),
    ]) func itIsKnownByItsNames(host: String, origin: String, isRaw: Bool) throws {
        var site = try Site()
        let request = try site.request(.get, "/", host: host)
        #expect(request.origin == origin && request.isRaw == isRaw)
    }

    @Test func otherNamesAreRefused() throws {
        var site = try Site()
        for host in ["evil.example", "islands.example.evil.example", "xislands.example"] {
            #expect(site.refusal(.get, "/", host: host) == "421 wrong-host", "\(host)")
        }
        #expect(try site.request(.get, "/", host: nil).origin == "https://islands.example")
        var plain = try Site("")
        #expect(plain.refusal(.get, "/") == "421 wrong-host")
        #expect(try plain.request(.get, "/", host: "127.0.0.1:7082").origin == "http://127.0.0.1:7082")
    }

    @Test(arguments: [
        "Authorization", "Cookie", "Sec-Fetch-Site", "Origin", "Content-Type", "Atoll-Owner", "Atoll-Context",
        "Last-Event-ID",
    ]) func whatDecidesStandsOnce(field: String) throws {
        var site = try Site()
        #expect(site.refusal(.post, "/v1/posts", [(field, "a")]) == "posts")
        #expect(site.refusal(.post, "/v1/posts", [(field, "a"), (field.lowercased(), "a")]) == "400 malformed")
    }

    @Test(arguments: [
        ("https://islands.example", "islands.example", true), ("https://evil.example", "islands.example", false),
        ("null", "islands.example", false), ("http://islands.example", "islands.example", false),
        ("http://127.0.0.1:7081", "127.0.0.1:7081", true), ("https://islands.example", "127.0.0.1:7081", false),
        ("https://raw.example:8443", "islands.example", false), ("", "islands.example", false),
    ]) func aForeignPageOpensNoSocket(origin: String, host: String, isTaken: Bool) throws {
        var site = try Site()
        let lines = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Origin", origin)]
        #expect(site.refusal(.get, "/", lines, host: host) == (isTaken ? "home" : "403 foreign-origin"))
        // One that is no browser's says none; and a page may be read by whom it may.
        #expect(site.refusal(.get, "/", Array(lines.dropLast()), host: host) == "home")
        #expect(site.refusal(.get, "/", [("Origin", origin)], host: host) == "home")
    }

    @Test func whatWouldBeStoredOtherwiseIsRefused() throws {
        var site = try Site()
        #expect(site.refusal(.post, "/v1/posts", [("Content-Encoding", "gzip")]) == "415 unsupported-media-type")
        #expect(site.refusal(.post, "/v1/posts", [("Content-Range", "bytes 0-1/2")]) == "400 malformed")
    }

    @Test(
        arguments: [
            ("203.0.113.9", nil, "203.0.113.9"), ("203.0.113.9", "1.2.3.4", "203.0.113.9"),
            ("10.0.0.7", "1.2.3.4", "1.2.3.4"), ("10.0.0.7", "6.6.6.6, 1.2.3.4", "1.2.3.4"),
            ("10.0.0.7", "6.6.6.6, 1.2.3.4 ,10.0.0.8", "1.2.3.4"), ("10.0.0.7", "10.0.0.8", "10.0.0.8"),
            ("10.0.0.7", "1.2.3.4, unknown", "10.0.0.7"), ("10.0.0.7", "", "10.0.0.7"), ("10.0.0.7", ",", "10.0.0.7"),
            ("::ffff:10.0.0.7", "2001:db8::1", "2001:db8::1"), ("10.0.0.7", "1.2.3.4:80", "10.0.0.7"),
            ("", "1.2.3.4", ""),
        ] as [(String, String?, String)]) func aTrustedProxyIsBelieved(peer: String, forwarded: String?, client: String)
    {
        var settings = SocialSettings()
        settings.trustedProxies = ["10.0.0.0/8"]
        var fields = RequestFields()
        if let forwarded { fields.take("X-Forwarded-For", forwarded) }
        let head = RequestHead(.get, "/", fields)
        #expect(ClientAddress(settings).of(head, from: peer) == client)
        #expect(ClientAddress(nil).of(head, from: peer) == peer)
    }

    @Test func severalLinesOfForwardedAddressesAreOne() {
        var settings = SocialSettings()
        settings.trustedProxies = ["10.0.0.0/8"]
        var fields = RequestFields()
        for line in ["6.6.6.6", "1.2.3.4", "10.0.0.9"] { fields.take("X-Forwarded-For", line) }
        #expect(ClientAddress(settings).of(RequestHead(.get, "/", fields), from: "10.0.0.7") == "1.2.3.4")
        // Not even trusted ones for ever.
        var many = RequestFields()
        many.take("X-Forwarded-For", (["1.2.3.4"] + Array(repeating: "10.0.0.9", count: 40)).joined(separator: ","))
        #expect(ClientAddress(settings).of(RequestHead(.get, "/", many), from: "10.0.0.7") == "10.0.0.9")
    }

    /// Whatever is sent is a row, or is refused with words; and a row's parameters are all there.
    @Test func anyTargetHasItsAnswer() throws {
        var random = SeededRandom(seed: 9)
        var site = try Site()
        let pieces = [
            "/", "/", "?", "&", "=", "%", "%2F", "%00", "a", "-", "v1", "posts", "feed.atom", "\u{E9}", "+", ".", "#",
        ]
        var rows: Set<String> = []
        for _ in 0..<4_000 {
            let target =
                "/"
                + (0..<Int.random(in: 0...12, using: &random)).map { _ in
                    pieces[Int.random(in: 0..<pieces.count, using: &random)]
                }.joined()
            do {
                let request = try site.request(.get, target)
                rows.insert(request.route.path)
                let wanted = request.route.path.count { $0 == "{" }
                if request.parameters.count != wanted || request.parameters.contains(where: \.isEmpty) {
                    Issue.record("\(target)")
                }
            } catch let problem as Problem {
                if ![400, 405].contains(problem.status) { Issue.record("\(target)") }
            }
        }
        #expect(rows.count >= 6, "\(rows)")
    }

    // MARK: Its buckets

    @Test(arguments: [
        "/v1/kv/social.users/ann", "/v1/kv/social.posts/ann%2Fhello/head", "/v1/kv/social.posts/k/",
        "/v1/kv/soci%61l.posts@de/k", "/v1/replica/social.users/ann", "/v1/live/social.inbox/ann/",
        "/v1/live/social.drafts/d", "/v1/live?watch=docs/a&watch=social.drafts/d", "/v1/live?watch=social.inbox/ann/",
        "/v1/kv/social./k",
    ]) func aNodeLeavesThemClosed(target: String) {
        for method in [RequestMethod.get, .head, .put, .delete, .patch] {
            #expect(Heads.refusal(method, target) == "403 reserved-bucket", "\(method) \(target)")
        }
    }

    @Test(arguments: ["/v1/kv/social/k", "/v1/kv/Social.users/k", "/v1/kv/xsocial.users/k", "/v1/kv/b/social.users"])
    func othersAreOpen(target: String) { #expect(Heads.refusal(.get, target) == "kv") }
}
