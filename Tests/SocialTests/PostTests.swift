// Posts in circumstances: deleted while their intent still stood, sent again without a title, in no list, under odd
// titles.

import Edge
import JSON
import Keys
import Testing
import World

@testable import Social

struct PostTests {
    /// A node dies behind its 201, and the author deletes the post before the keeper comes by: it stays deleted.
    @Test func whatWasDeletedDoesNotComeBack() throws {
        var tried = 0
        for step in 8..<40 {
            var world = try FakeWorld(seed: UInt64(step))
            let ann = try Person.registered("ann", in: &world, at: 1)
            world.run(for: .seconds(2))
            world.kill = (0, world.steps + step)
            let posted = try ann.post("one", in: &world, token: token(1))
            world.run(for: .milliseconds(200))
            world.kill = nil
            guard posted?.status == 201 else { continue }
            tried += 1
            #expect(try world.ask(.delete, "/v1/posts/ann/one", at: 1, ann.bearer)?.status == 204)
            world.run(for: .minutes(3))
            #expect(try world.ask(.get, "/v1/posts/ann/one", at: 2)?.status == 410, "a crash at step \(step)")
            #expect(!world.heldNames.contains { $0.name == "post:ann/one" }, "a crash at step \(step)")
            CrashTests.check(world, "deleted behind its 201, a crash at step \(step)")
        }
        #expect(tried > 3)
    }

    /// A title is used again and again by its author; who sends an old request once more has no part in it.
    @Test func anOldRequestDoesNotTakeATitleBack() throws {
        var world = try FakeWorld(seed: 9)
        let ann = try Person.registered("ann", in: &world)
        for number in 1...3 {
            #expect(try ann.post("one", in: &world, token: token(number))?.status == 201)
            world.run(for: .seconds(5))
            for old in 1..<number {
                #expect(try ann.post("one", in: &world, token: token(old))?.status == 410, "while \(number) stands")
            }
            #expect(try world.ask(.delete, "/v1/posts/ann/one", at: 1, ann.bearer)?.status == 204)
            world.run(for: .seconds(5))
        }
        for old in 1...3 { #expect(try ann.post("one", in: &world, token: token(old))?.status == 410) }
        world.run(for: .minutes(3))
        #expect(!world.heldNames.contains { $0.name == "post:ann/one" })
    }

    /// Behind a wall that drops packets each quorum is waited for until its time is over: once is enough.
    @Test func whoIsCutOffPostsWithinSeconds() throws {
        for (seed, isNamed) in [(1, true), (2, false)] {
            var world = try FakeWorld(seed: UInt64(seed))
            let ann = try Person.registered("ann", in: &world)
            world.run(for: .seconds(5))
            world.cutOff = [0]
            let began = world.now.instant
            let path = "/v1/posts" + (isNamed ? "?title=alone" : "?anonymous=true")
            let fields = (isNamed ? ann.bearer : []) + [("content-type", "text/plain"), ("atoll-owner", token(1))]
            let posted = try #require(try world.ask(.post, path, fields, body: "alone"))
            #expect(posted.status == 201 && posted.json["provisional"] == .bool(true))
            #expect(world.now.instant - began < .milliseconds(4_100), "\(world.now.instant - began)")
            let standing = posted.json["path"]?.string ?? ""
            // One replica may lag behind, and is asked again.
            let texts = try (0..<4).map { _ in try world.ask(.get, "/v1/posts/\(standing)")?.json["text"]?.string }
            #expect(texts.contains("alone"))
            world.cutOff = []
            world.run(for: .minutes(2))
            let moved = try #require(try world.ask(.get, "/\(standing)/", at: 1, [("accept", "text/html")]))
            #expect(moved.status == 308, "\(moved.json.text())")
            CrashTests.check(world, "cut off")
        }
    }

    @Test func theSameTokenIsOnePostWithoutATitleToo() throws {
        var world = try FakeWorld(seed: 1)
        let ann = try Person.registered("ann", in: &world)
        let fields = ann.bearer + [("content-type", "text/plain"), ("atoll-owner", token(1))]
        let first = try #require(try world.ask(.post, "/v1/posts", fields, body: "text"))
        world.run(for: .seconds(5))
        let again = try #require(try world.ask(.post, "/v1/posts", at: 1, fields, body: "text"))
        #expect((first.status, again.status) == (201, 200))
        #expect(first.json["path"] == again.json["path"])
        let other = ann.bearer + [("content-type", "text/plain"), ("atoll-owner", token(2))]
        let second = try #require(try world.ask(.post, "/v1/posts", fields + [], body: "text"))
        #expect(second.json["path"] == first.json["path"])
        #expect(try world.ask(.post, "/v1/posts", other, body: "text")?.json["path"] != first.json["path"])
    }

    @Test func whatIsInNoListIsExportedAndGoesWithItsAuthor() throws {
        var world = try FakeWorld(seed: 2)
        let ann = try Person.registered("ann", in: &world)
        let fields = ann.bearer + [("content-type", "text/plain")]
        #expect(try world.ask(.post, "/v1/posts?title=secret&listed=false", fields, body: "hidden")?.status == 201)
        world.run(for: .seconds(5))
        #expect(try world.ask(.get, "/v1/timelines/users/ann", at: 1)?.json["items"]?.array?.isEmpty == true)
        #expect(try world.ask(.get, "/v1/timelines/public", at: 1)?.json["items"]?.array?.isEmpty == true)
        let tar = try #require(try world.ask(.get, "/v1/export", at: 1, ann.bearer))
        #expect(tar.json.string?.contains("ann/posts/secret/1.txt") == true)
        _ = try world.ask(.delete, "/v1/users/me", ann.bearer, body: #"{"password":"a long sentence of ann"}"#)
        world.run(for: .minutes(1))
        #expect(try world.ask(.get, "/v1/posts/ann/secret", at: 2)?.status == 410)
    }

    /// What is in no list has a link that nobody finds by trying.
    @Test func unlistedLinksAreLong() throws {
        var world = try FakeWorld(seed: 3)
        let posted = try #require(
            try world.ask(
                .post, "/v1/posts?anonymous=true&listed=false", [("content-type", "text/plain")], body: "text"))
        #expect(posted.json["path"]?.string?.count == 40)
    }

    /// What one request calls a title the next one finds: spelled twice it is spelled once.
    @Test func spellingATitleTwiceChangesNothing() {
        var random = SeededRandom(seed: 4)
        let parts = ["a", "Ä", "e\u{301}", " ", "-", ".", "~", "...", "/", "\"", "漢", "🦀", "\u{200B}", "?", "ß", "İ"]
        for _ in 0..<20_000 {
            let raw = (0..<Int.random(in: 1...8, using: &random)).map { _ in
                parts[Int.random(in: 0..<parts.count, using: &random)]
            }.joined()
            guard let title = Spelling.title(raw) else { continue }
            #expect(Spelling.title(title)?.isSpelled(title) == true, "\(raw) is \(title)")
        }
        #expect(Spelling.title("... and then ...") == "and-then")
        #expect(Spelling.title("raw") == nil)
    }

    @Test func longTitlesAreRefused() throws {
        var world = try FakeWorld(seed: 5)
        let ann = try Person.registered("ann", in: &world)
        let title = "a" + String(repeating: "!", count: 500).utf8.percentEncoded
        let refused = try ann.post(title, in: &world)
        #expect(refused?.json["type"]?.string == "/problems/bad-title")
    }
}
