// Feeds fetched from a server on this machine: what is asked, and what the answers come to.

import Feeds
@testable import SocialSite
import Testing
import World

@Suite struct FeedFetcherTests {
    @Test func aFeedIsFetched() async throws {
        try await FetchScene.with({ _ in
            LocalServer.answer(
                "200 OK",
                [
                    "content-type: text/xml", "etag: \"7\"", "last-modified: Mon, 01 Jan 2024 00:00:00 GMT",
                    "cache-control: public, max-age=3600",
                ], FetchScene.feed)
        }) { place in
            guard case .document(let document, let head) = await place.get("/feed?a=b") else {
                Issue.record("no document")
                return
            }
            #expect(document.title == "Salt" && document.items.count == 1)
            #expect(head.validators == FeedValidators(etag: "\"7\"", lastModified: "Mon, 01 Jan 2024 00:00:00 GMT"))
            #expect(head.maxAge == .seconds(3_600))
            #expect(head.finalURL == place.url("/feed?a=b") && head.permanentMove == nil)
            let request = try #require(place.server.requests.first)
            #expect(request.hasPrefix("get /feed?a=b http/1.1\r\n"))
            #expect(request.contains("\r\nhost: host.example:\(place.server.port)\r\n"))
            #expect(request.contains("\r\nuser-agent: atoll (feed reader; +https://islands.example)\r\n"))
            #expect(!request.contains("if-none-match"))
        }
    }

    @Test func nothingNewIsLittleSaid() async throws {
        try await FetchScene.with({ _ in LocalServer.answer("304 Not Modified", ["etag: \"8\""]) }) { place in
            let validators = FeedValidators(etag: "W/\"7\"", lastModified: "strange, as it came")
            guard case .notModified(let head) = await place.get("/", validators) else {
                Issue.record("modified")
                return
            }
            #expect(head.validators.etag == "\"8\"")
            let request = try #require(place.server.requests.first)
            #expect(request.contains("\r\nif-none-match: w/\"7\"\r\n"))
            #expect(request.contains("\r\nif-modified-since: strange, as it came\r\n"))
            // Nobody asked whether.
            #expect(await place.get("/") == .failed(.status(304)))
        }
    }

    @Test(
        arguments: [
            ("429 Too Many Requests", "retry-after: 120", FetchOutcome.retryLater(.seconds(120))),
            ("503 Service Unavailable", "retry-after: 99999999999999999999", .retryLater(.hours(1))),
            ("503 Service Unavailable", "retry-after: 99999999999", .retryLater(.hours(24 * 7))),
            ("429 Too Many Requests", "x: y", .retryLater(.hours(1))),
            (
                "429 Too Many", "date: Mon, 01 Jan 2024 00:00:00 GMT\r\nretry-after: Mon, 01 Jan 2024 00:10:00 GMT",
                .retryLater(.minutes(10))
            ),
            ("410 Gone", "x: y", .gone), ("404 Not Found", "x: y", .failed(.status(404))),
            ("500 Oh", "x: y", .failed(.status(500))), ("204 No Content", "x: y", .failed(.status(204))),
            ("301 Moved", "x: y", .failed(.status(301))),
        ])
    func statusesAreTold(status: String, header: String, expected: FetchOutcome) async throws {
        try await FetchScene.with({ _ in LocalServer.answer(status, [header]) }) { place in
            #expect(await place.get("/") == expected)
        }
    }

    @Test func whatIsNoFeedIsToldSo() async throws {
        try await FetchScene.with({ _ in
            LocalServer.answer(
                "200 OK", [],
                Array("<html><link rel=alternate type='application/rss+xml' href='https://a.example/f'>".utf8))
        }) { place in
            #expect(await place.get("/") == .failed(.unreadable(.notAFeed(feeds: ["https://a.example/f"]))))
        }
    }

    @Test func hubsAreSentForms() async throws {
        try await FetchScene.with({ path in
            path == "/hub" ? LocalServer.answer("202 Accepted") : LocalServer.answer("302 Found", ["location: /hub"])
        }) { place in
            let form = WebSub.subscription(
                topic: "https://a.example/f?x=1&y", callback: "https://islands.example/-/hub/1")
            #expect(await place.fetcher.fetch(FetchJob(url: place.url("/hub"), form: form)) == .accepted)
            #expect(await place.fetcher.fetch(FetchJob(url: place.url("/moved"), form: form)) == .failed(.status(302)))
            let inner = await place.fetcher.fetch(FetchJob(url: "http://10.0.0.1/hub", form: form))
            #expect(inner == .failed(.forbiddenAddress))
            let request = try #require(place.server.requests.first)
            #expect(request.hasPrefix("post /hub http/1.1\r\n"))
            #expect(request.contains("content-type: application/x-www-form-urlencoded\r\n"))
        }
    }

    // MARK: Redirects

    @Test func redirectsAreFollowedAndPermanentOnesTold() async throws {
        try await FetchScene.with({ path in
            switch path {
            case "/a": LocalServer.answer("301 Moved", ["location: /b"])
            case "/b": LocalServer.answer("308 Moved", ["location: c"])
            case "/c": LocalServer.answer("302 Found", ["location: /d"])
            case "/d": LocalServer.answer("301 Moved", ["location: /e"])
            default: LocalServer.answer("200 OK", [], FetchScene.feed)
            }
        }) { place in
            guard case .document(_, let head) = await place.get("/a") else {
                Issue.record("no document")
                return
            }
            #expect(head.permanentMove == place.url("/c"))
            #expect(head.finalURL == place.url("/e"))
        }
    }

    @Test func redirectsEnd() async throws {
        try await FetchScene.with({ path in LocalServer.answer("302 Found", ["location: \(path)a"]) }) { place in
            #expect(await place.get("/") == .failed(.tooManyRedirects))
            #expect(place.server.requests.count == Limits.fetchRedirects + 1)
        }
        try await FetchScene.with({ _ in LocalServer.answer("302 Found", ["location: javascript:alert(1)"]) }) {
            place in
            #expect(await place.get("/") == .failed(.badURL))
        }
    }

    @Test(
        arguments: [
            "http://169.254.169.254/latest/meta-data/", "http://[::ffff:10.0.0.1]/", "http://[::1]/",
            "http://inner.example/", "//10.0.0.1/", "http://[64:ff9b::a00:1]/", "http://0/",
        ])
    func redirectsInwardAreNotFollowed(_ target: String) async throws {
        try await FetchScene.with(
            permits: { $0 == FetchScene.loopback || AddressCheck.isPublic($0) },
            addresses: { host, _ in host == "inner.example" ? [.v4(0x0A00_0001)] : [FetchScene.loopback] },
            { _ in LocalServer.answer("302 Found", ["location: \(target)"]) }
        ) { place in
            #expect(await place.get("/") == .failed(.forbiddenAddress))
            #expect(place.server.requests.count == 1)
        }
    }
}
