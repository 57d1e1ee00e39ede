// How posts are answered: under one spelling, with entity tags, in parts, as text or as bytes; and what forms say.

import Edge
import JSON
import Testing
import World

@testable import Social

struct AnswerTests {
    private let text = [("content-type", "text/plain")]
    private let browser = [("accept", "text/html"), ("sec-fetch-site", "same-origin")]

    /// Ann with two posts, and one by nobody.
    private func world(seed: UInt64) throws -> (FakeWorld, Person) {
        var world = try FakeWorld(seed: seed)
        let ann = try Person.registered("ann", in: &world)
        #expect(try ann.post("H%C3%A9llo%20World", "first words", in: &world)?.status == 201)
        #expect(try ann.post("Other", "more words", in: &world)?.status == 201)
        let nobody = text + [("atoll-owner", token(5))]
        #expect(try world.ask(.post, "/v1/posts?slug=umbrella", nobody, body: "blue")?.status == 201)
        world.run(for: .seconds(5))
        return (world, ann)
    }

    // MARK: Spellings

    @Test func otherSpellingsLeadToTheOne() throws {
        var (world, ann) = try world(seed: 41)
        let title = "h%C3%A9llo-world"
        let rows = [
            ("/ann", "/ann/"), ("/ANN", "/ann/"), ("/Ann/?before=", "/ann/?before="),
            ("/ANN/H%C3%89LLO%20World", "/ann/\(title)/"), ("/ann/\(title)", "/ann/\(title)/"),
            // The same letters, decomposed.
            ("/ann/he%CC%81llo-world/", "/ann/\(title)/"), ("/Ann/\(title)/raw?rev=1", "/ann/\(title)/raw?rev=1"),
            ("/ANN/feed.atom", "/ann/feed.atom"), ("/Umbrella/", "/umbrella/"), ("/UMBRELLA/raw", "/umbrella/raw"),
            ("/v1/posts/ANN/H%C3%A9llo-World", "/v1/posts/ann/\(title)"),
            ("/v1/posts/Ann/\(title)/raw", "/v1/posts/ann/\(title)/raw"),
            ("/v1/posts/ann/H%C3%A9llo%20World/revisions", "/v1/posts/ann/\(title)/revisions"),
            ("/v1/posts/UMBRELLA", "/v1/posts/umbrella"),
            ("/v1/timelines/users/ANN?limit=5", "/v1/timelines/users/ann?limit=5"),
        ]
        for (other, one) in rows {
            let moved = try #require(try world.ask(.get, other, browser))
            #expect(moved.status == 308 && moved.header("location") == one, "\(other): \(moved.headers)")
            #expect(try world.ask(.get, one, at: 1, browser)?.status == 200, "\(one)")
        }
        for path in ["/ann/...", "/~/", "/v1/posts/%2F", "/v1/posts/ann/%20", "/v1/posts/ann%2Fother"] {
            #expect(try world.ask(.get, path, browser)?.status == 404, "\(path)")
        }
        // What changes something is done.
        #expect(try world.ask(.delete, "/v1/posts/ANN/OTHER", ann.bearer)?.status == 204)
        for path in ["/-/revisions?path=ANN/H%C3%A9llo%20World", "/-/report?path=/Umbrella/"] {
            #expect(try world.ask(.get, path, browser)?.status == 200, "\(path)")
        }
    }

    // MARK: Entity tags

    @Test func whatIsKnownIsNotSentAgain() throws {
        var (world, _) = try world(seed: 42)
        let known = ["etag", "cache-control", "vary", "content-location"]
        for (path, fields, location) in [
            ("/umbrella/raw", [], nil), ("/v1/posts/umbrella/raw", [], nil), ("/ann/other/raw?rev=1", [], nil),
            ("/umbrella/", [("accept", "text/plain")], "/umbrella/raw"),
            ("/ann/other/", [("accept", "image/*")], "/ann/other/raw"),
            ("/ann/feed.atom", [], nil), ("/-/public.json", [], nil),
        ] as [(String, [(String, String)], String?)] {
            let whole = try #require(try world.ask(.get, path, fields))
            let tag = try #require(whole.header("etag"), "\(path)")
            #expect(whole.status == 200 && whole.header("content-location") == location)
            #expect(whole.header("vary") == (location == nil ? nil : "accept"))
            for list in [tag, "W/\(tag)", "\"x\", W/\(tag)", "*"] {
                let same = try #require(try world.ask(.get, path, at: 2, fields + [("if-none-match", list)]))
                #expect(same.status == 304 && same.json == .string(""), "\(path) \(list)")
                for name in known { #expect(same.header(name) == whole.header(name), "\(name) of \(path)") }
            }
            let other = try world.ask(.get, path, fields + [("if-none-match", "\"x\"")])
            #expect(other?.status == 200, "\(path)")
        }
    }

    /// Whoever says that it is no browser gets the bytes, as safe as they are at `raw`.
    @Test func aPermalinkGivesBytesAsRawDoes() throws {
        var (world, ann) = try world(seed: 43)
        let page = ann.bearer + [("content-type", "image/svg+xml")]
        #expect(try world.ask(.post, "/v1/posts?title=Drawing", page, body: "<svg/>")?.status == 201)
        let raw = try #require(try world.ask(.get, "/ann/drawing/raw"))
        let bytes = try #require(try world.ask(.get, "/ann/drawing/", [("accept", "image/*")]))
        for name in [
            "content-type", "content-disposition", "content-security-policy", "x-content-type-options", "etag",
            "cache-control", "accept-ranges", "referrer-policy", "cross-origin-resource-policy",
        ] { #expect(raw.header(name) != nil && raw.header(name) == bytes.header(name), "\(name)") }
        #expect(raw.header("content-disposition") == "attachment" && bytes.header("vary") == "accept")
    }

    // MARK: Parts

    @Test func partsOfBytesAreGiven() throws {
        var (world, _) = try world(seed: 44)
        let path = "/v1/posts/umbrella/raw"
        let whole = try #require(try world.ask(.get, path))
        #expect(whole.status == 200 && whole.header("accept-ranges") == "bytes")
        let part = try #require(try world.ask(.get, path, [("range", "bytes=1-2")]))
        #expect(part.status == 206 && part.json == .string("lu"))
        #expect(part.header("content-range") == "bytes 1-2/4" && part.header("etag") == whole.header("etag"))
        #expect(part.header("content-type") == whole.header("content-type"))
        let none = try #require(try world.ask(.get, path, [("range", "bytes=4-")]))
        #expect(none.status == 416 && none.header("content-range") == "bytes */4")
        #expect(none.json["type"]?.string == "/problems/range-not-satisfiable")
        let changed = try world.ask(.get, path, [("range", "bytes=1-2"), ("if-range", "\"x\"")])
        #expect(changed?.status == 200 && changed?.json == .string("blue"))
        // Who has it needs no part of it.
        let tag = try #require(whole.header("etag"))
        #expect(try world.ask(.get, path, [("range", "bytes=9-"), ("if-none-match", tag)])?.status == 304)
    }

    // MARK: Text

    @Test(arguments: ["text/plain; charset=\"utf-8\"", "Text/Plain;charset=UTF-8", "text/plain ; x=\"a;b\""])
    func aParameterMakesNoOtherType(type: String) throws {
        var (world, ann) = try world(seed: 45)
        let fields = ann.bearer + [("content-type", type)]
        #expect(try world.ask(.post, "/v1/posts?title=Quoted", fields, body: "plain *words*")?.status == 201)
        let post = try #require(try world.ask(.get, "/v1/posts/ann/quoted"))
        #expect(post.json["text"]?.string == "plain *words*")
        let page = try #require(try world.ask(.get, "/ann/quoted/", browser))
        #expect(page.json["post"]?["text"]?.string == "plain *words*")
        let raw = try #require(try world.ask(.get, "/ann/quoted/raw"))
        #expect(raw.header("content-disposition") == "inline")
        #expect(raw.header("content-type")?.mediaType == "text/plain")
    }

    @Test func whatIsNoRevisionIsSaidSo() throws {
        var (world, _) = try world(seed: 46)
        for text in ["abc", "", "1.5", "-", "99999999999999999999"] {
            let answer = try #require(try world.ask(.get, "/v1/posts/umbrella/raw?rev=\(text)"))
            #expect(answer.status == 400 && answer.json["detail"]?.string?.contains("rev") == true, "\(text)")
        }
        #expect(try world.ask(.get, "/v1/posts/umbrella/raw?rev=2")?.status == 404)
    }

    // MARK: For whom

    /// A browser is told on a page, a program in JSON, whatever the path.
    @Test func problemsAreToldAsTheyAreAskedFor() throws {
        var (world, _) = try world(seed: 47)
        for path in ["/nobody/", "/ann/nothing/raw", "/-/nothing", "/nobody/feed.rss", "/-/inbox.atom?key=ann.00"] {
            for (accept, isPage) in [
                ("text/html", true), ("*/*", true), ("application/json", false), ("image/*,video/*", false),
            ] {
                let answer = try #require(try world.ask(.get, path, [("accept", accept)]))
                #expect(answer.status == 404 && (answer.page != nil) == isPage, "\(path) \(accept)")
                if !isPage { #expect(answer.header("content-type") == "application/problem+json", "\(path)") }
            }
        }
        #expect(try world.ask(.get, "/v1/nothing", browser)?.page == nil)
        #expect(try world.ask(.get, "/-/inbox.atom")?.json["status"]?.string == "404 no-such-feed")
    }

    /// All addresses that programs get are whole; those of pages are paths.
    @Test func programsGetWholeAddresses() throws {
        var (world, ann) = try world(seed: 48)
        let fields = ann.bearer + [("content-type", "image/png")]
        let posted = try #require(try world.ask(.post, "/v1/posts?title=Picture", fields, body: "no picture"))
        world.run(for: .seconds(5))
        let one = try #require(try world.ask(.get, "/v1/posts/ann/picture"))
        let list = try #require(try world.ask(.get, "/v1/timelines/users/ann"))
        let card = try #require(list.json["items"]?.array?.first)
        for url in [posted.json["url"], one.json["url"], card["url"]] {
            #expect(url?.string == "http://site/ann/picture/")
        }
        #expect(card["author_url"]?.string == "http://site/ann/")
        #expect(card["image"]?.string == "http://site/ann/picture/raw")
        let page = try #require(try world.ask(.get, "/ann/", browser))
        #expect(page.json["items"]?.array?.first?["url"]?.string == "/ann/picture/")
        let stream = try world.send(.get, "/v1/timelines/live?post=ANN/Picture")
        world.run(for: .seconds(5))
        let events = String(decoding: world.streams[stream] ?? [], as: UTF8.self)
        #expect(events.contains("\"url\":\"http://site/ann/picture/\""), "\(events)")
    }

    // MARK: Forms

    @Test func formsSayWhatIsWrongInPeoplesWords() throws {
        var (world, ann) = try world(seed: 49)
        let form = browser + [("content-type", "application/x-www-form-urlencoded")]
        let cookie = form + [("cookie", "atoll=\(ann.session)")]
        func said(_ path: String, _ body: String, _ fields: [(String, String)]) throws -> String? {
            let answer = try #require(try world.ask(.post, path, fields, body: body))
            #expect(answer.status >= 400 && answer.page != nil, "\(path)")
            return answer.json["error"]?.string
        }
        #expect(try said("/-/write", "text=", cookie) == "There is nothing to post.")
        let title = try said("/-/write", "text=a&title=%21", cookie)
        #expect(title?.hasPrefix("This title makes no link: ") == true, "\(title ?? "")")
        #expect(try said("/-/report?path=umbrella", "reason=", form)?.hasPrefix("Say in a sentence") == true)
        // Who has no name has a secret.
        for (path, more) in [("/-/edit", "text=red&"), ("/-/delete", "")] {
            for secret in [token(6), "short"] {
                let words = try said("\(path)?path=umbrella", "\(more)owner=\(secret)", form)
                #expect(words?.hasPrefix("This is not the secret: ") == true, "\(path) \(secret): \(words ?? "")")
            }
        }
        #expect(try world.ask(.get, "/v1/posts/umbrella")?.json["text"]?.string == "blue")
        // The small world keeps no documents, so no draft can be begun: what was typed stays in the form.
        let kept = try #require(try world.ask(.post, "/-/drafts", cookie, body: "text=typed&title=Mine"))
        #expect(kept.page?.name == "write" && kept.status == 507)
        #expect(kept.json["form"]?["text"]?.string == "typed" && kept.json["form"]?["title"]?.string == "Mine")
        let over = try #require(try world.ask(.post, "/-/drafts/none", form, body: "text=typed&title=Mine"))
        #expect(over.page?.name == "draft" && over.status == 404)
        #expect(over.json["draft"]?["text"]?.string == "typed" && over.json["draft"]?["title"]?.string == "Mine")
    }

    @Test func oneIsOne() throws {
        var (world, _) = try world(seed: 50)
        _ = try Person.registered("ben", in: &world)
        let ann = try #require(try world.ask(.get, "/ann/", browser)?.json["user"])
        let ben = try #require(try world.ask(.get, "/ben/", browser)?.json["user"])
        #expect(ann["posts"]?.string == "2 posts" && ben["posts"]?.string == "0 posts")
        #expect(ann["followers"]?.string == "0 followers")
    }

    @Test func whoIsTooManyIsToldToComeAgain() throws {
        var (world, _) = try world(seed: 51)
        world.isHashQueueFull = true
        let login = #"{"name":"ann","password":"a long sentence of ann"}"#
        let answer = try #require(try world.ask(.post, "/v1/sessions", body: login))
        #expect(answer.status == 503 && answer.json["type"]?.string == "/problems/overloaded")
        #expect(answer.header("retry-after") == "1")
    }
}
