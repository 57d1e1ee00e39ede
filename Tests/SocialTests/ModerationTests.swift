// What moderators do: posts that are hidden, authors who are suspended, and the list of what was reported; and posts
// whose time is over.

import Edge
import JSON
import Keys
import Testing
import World

@testable import Social

struct ModerationTests {
    private let browser = [("accept", "text/html"), ("sec-fetch-site", "same-origin")]

    /// Ann, whom Ben follows, with a post in each of their lists; and Moda.
    private func world(seed: UInt64) throws -> (FakeWorld, ben: Person, moda: Person) {
        var world = try FakeWorld(seed: seed)
        let ann = try Person.registered("ann", in: &world)
        let ben = try Person.registered("ben", in: &world, at: 1)
        let moda = try Person.registered("moda", in: &world, at: 2)
        #expect(try world.ask(.put, "/v1/following/ann", ben.bearer)?.status == 201)
        #expect(try ann.post("Rude", "rude words", in: &world)?.status == 201)
        #expect(try ben.post("Kind", "kind words", in: &world)?.status == 201)
        world.run(for: .seconds(5))
        return (world, ben, moda)
    }

    private func report(_ path: String, in world: inout FakeWorld) throws -> String {
        let body = #"{"path":"\#(path)","reason":"it is rude"}"#
        let answer = try #require(try world.ask(.post, "/v1/reports", body: body))
        #expect(answer.status == 201, "\(answer.json.text())")
        return try #require(answer.json["id"]?.string)
    }

    /// At every node, wherever posts are shown.
    private func expectNothingOfAnn(_ world: inout FakeWorld, _ ben: Person, _ detail: String) throws {
        for node in 0..<3 {
            for path in ["/v1/posts/ann/rude", "/v1/posts/ann/rude/raw", "/v1/posts/ann/rude/revisions"] {
                let answer = try #require(try world.ask(.get, path, at: node))
                #expect(answer.status == 404 && answer.json["type"]?.string == "/problems/hidden", "\(path)")
                #expect(answer.json["detail"]?.string?.contains(detail) == true, "\(answer.json.text())")
            }
            let page = try #require(try world.ask(.get, "/ann/rude/", at: node, browser))
            #expect(page.status == 404 && page.json["heading"]?.string == "This is hidden")
            #expect(page.json["detail"]?.string?.contains(detail) == true, "\(page.json.text())")
            for (path, fields, count) in [
                ("/v1/timelines/public", [], 1), ("/v1/timelines/inbox", ben.bearer, 1), ("/", browser, 1),
            ] {
                let items = try #require(try world.ask(.get, path, at: node, fields)?.json["items"]?.array)
                #expect(items.count == count && !items.contains { $0["author"]?.string == "ann" }, "\(path)")
            }
            let feed = try #require(try world.ask(.get, "/-/public.atom", at: node)?.json.string)
            #expect(feed.contains("kind words") && !feed.contains("rude words"))
            let stream = try world.send(.get, "/v1/timelines/live?post=ann/rude", at: node)
            world.run(for: .seconds(3))
            #expect(!String(decoding: world.streams[stream] ?? [], as: UTF8.self).contains("rude words"))
        }
    }

    @Test func aHiddenPostIsSaidToBeHidden() throws {
        var (world, ben, moda) = try world(seed: 61)
        let id = try report("ANN/Rude", in: &world)
        #expect(try world.ask(.put, "/v1/reports/\(id)", moda.bearer, body: #"{"do":"hide"}"#)?.status == 204)
        world.run(for: .seconds(5))
        try expectNothingOfAnn(&world, ben, "moderators")
        #expect(try world.ask(.get, "/ann/", browser)?.status == 200)
    }

    @Test func postsOfASuspendedAuthorAreHidden() throws {
        var (world, ben, moda) = try world(seed: 62)
        let id = try report("ann/rude", in: &world)
        #expect(try world.ask(.put, "/v1/reports/\(id)", moda.bearer, body: #"{"do":"suspend"}"#)?.status == 204)
        world.run(for: .seconds(5))
        // Also at one that begins anew.
        world.restart(1)
        world.run(for: .seconds(5))
        try expectNothingOfAnn(&world, ben, "suspended")
        for path in ["/ann/", "/ann/feed.atom", "/v1/timelines/users/ann"] {
            let answer = try #require(try world.ask(.get, path, at: 1, [("accept", "application/json")]))
            #expect(answer.status == 404 && answer.json["type"]?.string == "/problems/hidden", "\(path)")
        }
        let reports = try #require(try world.ask(.get, "/v1/reports", moda.bearer))
        #expect(reports.json["items"]?.array?.first?["outcome"]?.string == "suspend")
    }

    @Test func reportsComeInPages() throws {
        var (world, _, moda) = try world(seed: 63)
        let ids = try (0..<5).map { number in
            world.run(for: .seconds(1))
            return try report(number % 2 == 0 ? "ann/rude" : "ben/kind", in: &world)
        }
        var seen: [String] = []
        var before = ""
        repeat {
            let page = try #require(
                try world.ask(.get, "/v1/reports?limit=2&before=\(before)", at: seen.count % 3, moda.bearer))
            let items = try #require(page.json["items"]?.array?.compactMap { $0["id"]?.string })
            #expect((1...2).contains(items.count))
            seen += items
            before = page.json["next"]?.string ?? ""
        } while !before.isEmpty && seen.count < 10
        #expect(seen == ids.reversed())
        let cookie = browser + [("cookie", "atoll=\(moda.session)")]
        let first = try #require(try world.ask(.get, "/-/reports?limit=3", cookie))
        #expect(first.json["items"]?.array?.count == 3)
        let older = try #require(first.json["older"]?.string)
        #expect(older.hasPrefix("/-/reports?month=2026-11&before="))
        let last = try #require(try world.ask(.get, older, cookie))
        #expect(last.json["items"]?.array?.count == 2 && last.json["older"]?.string == "/-/reports?month=2026-10")
        #expect(Moderation.month(before: "2026-01") == "2025-12" && Moderation.month(before: "1970-01") == nil)
        #expect(try world.ask(.get, "/v1/reports?before=x", moda.bearer)?.status == 400)
    }

    // MARK: Time

    @Test func whatHasExpiredIsSaidToHave() throws {
        var (world, ben, _) = try world(seed: 64)
        let fields = ben.bearer + [("content-type", "text/plain")]
        func post(_ text: String, _ number: Int) throws -> UInt? {
            let named = fields + [("atoll-owner", token(number))]
            return try world.ask(.post, "/v1/posts?title=Today&ttl=60s", at: number % 3, named, body: text)?.status
        }
        #expect(try post("fresh", 1) == 201)
        #expect(try post("too early", 2) == 409)
        world.run(for: .minutes(2))
        for node in 0..<3 {
            let answer = try #require(try world.ask(.get, "/v1/posts/ben/today", at: node))
            #expect(answer.status == 410 && answer.json["type"]?.string == "/problems/expired")
            let page = try #require(try world.ask(.get, "/ben/today/", at: node, browser))
            #expect(page.status == 410 && page.json["heading"]?.string == "This has expired")
        }
        // Its title is its author's again.
        #expect(try post("anew", 3) == 201)
        #expect(try post("anew", 3) == 200)
        #expect(try post("too early", 4) == 409)
        for node in 0..<3 {
            #expect(try world.ask(.get, "/v1/posts/ben/today", at: node)?.json["text"]?.string == "anew")
        }
        world.run(for: .minutes(1))
        #expect(try world.ask(.get, "/v1/timelines/users/ben")?.json["items"]?.array?.count == 1)
        CrashTests.check(world, "a title whose post had expired")
    }

    @Test func nobodyFollowsMoreThanAllowed() throws {
        var (world, ben, _) = try world(seed: 65)
        let wall = world.now.wall
        for number in 0..<Limits.socialFollowed {
            let source = try #require(Source("somebody\(number)"))
            let key = try #require(SocialKeys.following("ben", source))
            world.plant(Following(since: wall, state: .confirmed), at: key)
        }
        world.run(for: .seconds(5))
        let answer = try #require(try world.ask(.put, "/v1/following/moda", ben.bearer))
        #expect(answer.status == 409 && answer.json["type"]?.string == "/problems/too-many-followed")
    }
}
