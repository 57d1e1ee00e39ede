// The flows of the social layer in a small world: what people see of them when nothing goes wrong.

import Edge
import Feeds
import JSON
import Keys
import Testing
import World

@testable import Social

/// What a person does, in a few words.
struct Person {
    let name: String
    var session = ""

    var bearer: [(String, String)] { [("authorization", "Bearer \(session)")] }

    static func registered(_ name: String, in world: inout FakeWorld, at node: Int = 0) throws -> Person {
        let body = #"{"name":"\#(name)","password":"a long sentence of \#(name)"}"#
        let made = try #require(try world.ask(.post, "/v1/users", at: node, body: body))
        try #require(made.status == 201, "\(made.json.text())")
        var person = Person(name: name)
        try person.logIn(&world, at: node)
        return person
    }

    mutating func logIn(_ world: inout FakeWorld, at node: Int = 0) throws {
        let body = #"{"name":"\#(name)","password":"a long sentence of \#(name)"}"#
        let login = try #require(try world.ask(.post, "/v1/sessions", at: node, body: body))
        try #require(login.status == 201, "\(login.json.text())")
        session = try #require(login.json["token"]?.string)
    }

    func post(
        _ title: String, _ text: String = "text", in world: inout FakeWorld, at node: Int = 0, token: String? = nil
    ) throws -> Reply? {
        var fields = bearer + [("content-type", "text/plain")]
        if let token { fields.append(("atoll-owner", token)) }
        return try world.ask(.post, "/v1/posts?title=\(title)", at: node, fields, body: text)
    }
}

/// Tokens of 128 bits, as a client draws them.
func token(_ number: Int) -> String { SocialDigest(Array("test \(number)".utf8)).text }

struct FlowTests {
    @Test func peopleRegisterLogInPostAndAreRead() throws {
        var world = try FakeWorld(seed: 1)
        let ann = try Person.registered("ann", in: &world)
        let posted = try #require(try ann.post("Hello%20World", "first words", in: &world))
        #expect(posted.status == 201)
        #expect(posted.json["path"]?.string == "ann/hello-world")
        for node in 0..<3 {
            let read = try #require(try world.ask(.get, "/v1/posts/ann/hello-world", at: node))
            #expect(read.status == 200)
            #expect(read.json["text"]?.string == "first words")
            #expect(read.json["author"]?.string == "ann")
        }
        world.run()
        let timeline = try #require(try world.ask(.get, "/v1/timelines/users/ann", at: 1))
        #expect(timeline.json["items"]?.array?.compactMap { $0["title"]?.string } == ["Hello World"])
        let everybody = try #require(try world.ask(.get, "/v1/timelines/public", at: 2))
        #expect(everybody.json["items"]?.array?.count == 1)
        #expect(world.sorts(SocialKeys.works(of: "post:ann/hello-world", nil)).isEmpty)
        #expect(world.heldNames.map(\.name) == ["post:ann", "post:ann/hello-world", "user:ann"])
    }

    @Test func aTakenNameIsRefusedAndTheSameTokenIsNot() throws {
        var world = try FakeWorld(seed: 2)
        let body = #"{"name":"Ann","password":"a long sentence"}"#
        let first = try world.ask(.post, "/v1/users", [("atoll-owner", token(1))], body: body)
        #expect(first?.status == 201)
        // Until its intent is gone it is still the first.
        world.run(for: .seconds(2))
        let again = try world.ask(.post, "/v1/users", at: 1, [("atoll-owner", token(1))], body: body)
        #expect(again?.status == 200)
        let other = try world.ask(.post, "/v1/users", at: 2, [("atoll-owner", token(2))], body: body)
        #expect(other?.status == 409)
        #expect(other?.json["type"]?.string == "/problems/name-taken")
        let differs = try world.ask(
            .post, "/v1/users", at: 1, [("atoll-owner", token(1))],
            body: #"{"name":"ann","password":"another sentence"}"#)
        #expect(differs?.json["type"]?.string == "/problems/attempt-differs")
    }

    @Test func titlesAreTakenOnceAndRetriesSayTheSame() throws {
        var world = try FakeWorld(seed: 3)
        let ann = try Person.registered("ann", in: &world)
        #expect(try ann.post("one", in: &world, token: token(1))?.status == 201)
        world.run(for: .seconds(2))
        let again = try ann.post("one", in: &world, at: 1, token: token(1))
        #expect(again?.status == 200)
        #expect(again?.json["path"]?.string == "ann/one")
        let other = try ann.post("one", "other text", in: &world, at: 2, token: token(2))
        #expect(other?.json["type"]?.string == "/problems/title-taken")
        let differs = try ann.post("one", "other text", in: &world, at: 2, token: token(1))
        #expect(differs?.json["type"]?.string == "/problems/attempt-differs")
    }

    @Test func anonymousPostsGetSlugsThatFollowFromTheToken() throws {
        var world = try FakeWorld(seed: 4)
        let body = "nobody says this"
        let fields = [("content-type", "text/plain"), ("atoll-owner", token(7))]
        let posted = try #require(try world.ask(.post, "/v1/posts?anonymous=true", fields, body: body))
        #expect(posted.status == 201)
        let path = try #require(posted.json["path"]?.string)
        #expect(path.count == 12 && GeneratedSlug.isSHA(path))
        #expect(try world.ask(.get, "/v1/posts/\(path)", at: 2)?.json["text"]?.string == body)
        #expect(try world.ask(.post, "/v1/posts?anonymous=true", at: 1, fields, body: body)?.status == 200)
        // The loop: all rounds but the last are taken.
        let digest = SocialDigest(Array("taken".utf8)).text
        for round in 0..<4 { try world.hold("post:" + GeneratedSlug.text(round, token(8), digest), by: token(99)) }
        let last = try #require(
            try world.ask(
                .post, "/v1/posts?anonymous=true", [("content-type", "text/plain"), ("atoll-owner", token(8))],
                body: "taken"))
        #expect(last.status == 201)
        #expect(last.json["path"]?.string == GeneratedSlug.text(4, token(8), digest))
        // A slug that was asked for is refused where it is taken.
        #expect(try world.ask(.post, "/v1/posts?slug=\(path)", fields, body: body)?.status == 400)
        let mine = [("content-type", "text/plain"), ("atoll-owner", token(9))]
        #expect(try world.ask(.post, "/v1/posts?slug=my-slug", mine, body: body)?.status == 201)
        let others = [("content-type", "text/plain"), ("atoll-owner", token(10))]
        #expect(
            try world.ask(.post, "/v1/posts?slug=my-slug", others, body: body)?.json["type"]?.string
                == "/problems/slug-taken")
    }

    @Test func editsSeeEachOtherAndDeletionsEmptyAllLists() throws {
        var world = try FakeWorld(seed: 5)
        let ann = try Person.registered("ann", in: &world)
        _ = try ann.post("note", "one", in: &world)
        world.run(for: .seconds(2))
        let read = try #require(try world.ask(.get, "/v1/posts/ann/note"))
        let context = try #require(read.header("atoll-context"))
        let fields = ann.bearer + [("content-type", "text/plain"), ("atoll-context", context)]
        #expect(try world.ask(.put, "/v1/posts/ann/note", fields, body: "two")?.status == 200)
        let stale = try world.ask(.put, "/v1/posts/ann/note", at: 1, fields, body: "three")
        #expect(stale?.json["type"]?.string == "/problems/edit-conflict")
        world.run(for: .seconds(3))
        #expect(try world.ask(.get, "/v1/posts/ann/note", at: 2)?.json["text"]?.string == "two")
        #expect(try world.ask(.delete, "/v1/posts/ann/note")?.status == 401)
        let bob = try Person.registered("bob", in: &world)
        #expect(try world.ask(.delete, "/v1/posts/ann/note", bob.bearer)?.status == 403)
        #expect(try world.ask(.delete, "/v1/posts/ann/note", ann.bearer)?.status == 204)
        for node in 0..<3 { #expect(try world.ask(.get, "/v1/posts/ann/note", at: node)?.status == 410) }
        world.run(for: .seconds(5))
        #expect(try world.ask(.get, "/v1/timelines/users/ann", at: 1)?.json["items"]?.array?.isEmpty == true)
        #expect(try world.ask(.get, "/v1/timelines/public", at: 1)?.json["items"]?.array?.isEmpty == true)
        // The title is its author's again, and stands for a new post.
        #expect(try ann.post("note", "four", in: &world)?.status == 201)
        #expect(try world.ask(.get, "/v1/posts/ann/note", at: 1)?.json["text"]?.string == "four")
    }

    @Test func postsReachInboxesOnce() throws {
        var world = try FakeWorld(seed: 6)
        let ann = try Person.registered("ann", in: &world)
        let bob = try Person.registered("bob", in: &world, at: 1)
        _ = try ann.post("before", in: &world)
        world.run(for: .seconds(2))
        #expect(try world.ask(.put, "/v1/following/ann", at: 1, bob.bearer)?.status == 201)
        _ = try ann.post("after", in: &world, at: 2)
        world.run(for: .seconds(5))
        let inbox = try #require(try world.ask(.get, "/v1/timelines/inbox", at: 1, bob.bearer))
        #expect(inbox.json["items"]?.array?.compactMap { $0["title"]?.string } == ["after", "before"])
        #expect(world.sorts(SocialKeys.inbox("bob")).count == 2)
        #expect(try world.ask(.delete, "/v1/following/ann", at: 1, bob.bearer)?.status == 204)
        world.run(for: .seconds(5))
        let empty = try #require(try world.ask(.get, "/v1/timelines/inbox", at: 1, bob.bearer))
        #expect(empty.json["items"]?.array?.isEmpty == true)
    }

    @Test func whoeverCannotReachTheNamestorePostsProvisionally() throws {
        var world = try FakeWorld(seed: 7)
        let ann = try Person.registered("ann", in: &world)
        world.run(for: .seconds(2))
        world.isNamestoreUp = false
        let posted = try #require(try ann.post("island", "cut off", in: &world))
        #expect(posted.status == 201)
        #expect(posted.json["provisional"] == .bool(true))
        let path = try #require(posted.json["path"]?.string)
        #expect(path.hasPrefix("ann/~"))
        let before = try #require(try world.ask(.get, "/v1/posts/\(path)", at: 1))
        #expect(before.json["text"]?.string == "cut off")
        world.isNamestoreUp = true
        world.run(for: .seconds(60))
        #expect(world.heldNames.map(\.name).contains("post:ann/island"))
        #expect(try world.ask(.get, "/v1/posts/ann/island", at: 1)?.json["text"]?.string == "cut off")
        let moved = try #require(try world.ask(.get, "/\(path)/", at: 2, [("accept", "text/html")]))
        #expect(moved.status == 308)
        #expect(moved.header("location") == "/ann/island/")
        #expect(world.sorts(SocialKeys.works(of: "post:ann/island", nil)).isEmpty)
        #expect(try world.ask(.get, "/v1/timelines/users/ann")?.json["items"]?.array?.count == 1)
        // Who knows the old path alone edits the post where it is now, over what was read of it there.
        let contexts = try [before.header("atoll-context"), "bm9uZQ==", context(of: path, &world)]
        let edits = try contexts.map { context in
            let fields = ann.bearer + [("content-type", "text/plain"), ("atoll-context", context ?? "")]
            return try world.ask(.put, "/v1/posts/\(path)", at: 1, fields, body: "back again")?.status
        }
        #expect(edits == [409, 409, 200])
        #expect(try world.ask(.get, "/v1/posts/ann/island", at: 2)?.json["text"]?.string == "back again")
    }

    private func context(of path: String, _ world: inout FakeWorld) throws -> String? {
        try world.ask(.get, "/v1/posts/\(path)", at: 1)?.header("atoll-context")
    }

    @Test func sessionsEndWithLogoutAndWithANewPassword() throws {
        var world = try FakeWorld(seed: 8)
        var ann = try Person.registered("ann", in: &world)
        #expect(try world.ask(.delete, "/v1/sessions/current", ann.bearer)?.status == 204)
        world.run(for: .seconds(3))
        #expect(try world.ask(.get, "/v1/sessions", at: 1, ann.bearer)?.status == 401)
        try ann.logIn(&world)
        let body = #"{"current":"a long sentence of ann","password":"a longer sentence of ann"}"#
        #expect(try world.ask(.put, "/v1/password", at: 1, ann.bearer, body: body)?.status == 204)
        world.run(for: .seconds(3))
        for node in 0..<3 { #expect(try world.ask(.get, "/v1/sessions", at: node, ann.bearer)?.status == 401) }
        let wrong = try world.ask(.post, "/v1/sessions", body: #"{"name":"ann","password":"a long sentence of ann"}"#)
        #expect(wrong?.json["type"]?.string == "/problems/bad-credentials")
        let nobody = try world.ask(.post, "/v1/sessions", body: #"{"name":"nobody","password":"a long sentence"}"#)
        #expect(nobody?.json["type"]?.string == "/problems/bad-credentials")
    }

    /// As when the cost is raised: the next login makes the hash anew, and no session ends by it.
    @Test func aWeakerHashIsMadeAnewAtLogin() throws {
        var world = try FakeWorld(seed: 8)
        var ann = try Person.registered("ann", in: &world)
        let before = ann.bearer
        world.hashes = "stronger"
        func hashed() throws -> [String] {
            let key = try #require(SocialKeys.credential("ann", nil))
            return try world.replicas.map { replica in
                let object = try #require(replica[key.bytes])
                return try #require(Credential(siblingsOf: object)).phc
            }
        }
        #expect(try hashed().allSatisfy { $0.hasPrefix("fake:") })
        try ann.logIn(&world)
        world.run(for: .seconds(3))
        #expect(try hashed().allSatisfy { $0.hasPrefix("stronger:") })
        #expect(try world.ask(.get, "/v1/sessions", at: 1, before)?.status == 200)
        try ann.logIn(&world, at: 2)
    }

    @Test func feedsAreFollowedLikePeople() throws {
        var world = try FakeWorld(seed: 9)
        let ann = try Person.registered("ann", in: &world)
        var document = FeedDocument(title: "Sea news", home: "https://sea.example/", selfLink: nil)
        document.items = [
            FeedItem(id: "1", link: "https://sea.example/1", title: "Waves", html: "<p>High &amp; low</p>")
        ]
        world.fetch = { job in .document(document, FetchHead(finalURL: job.url)) }
        let added = try #require(
            try world.ask(.post, "/v1/feeds", ann.bearer, body: #"{"url":"https://sea.example/feed"}"#))
        #expect(added.status == 201)
        let source = try #require(added.json["source"]?.string)
        world.run(for: .seconds(5))
        let inbox = try #require(try world.ask(.get, "/v1/timelines/inbox", at: 1, ann.bearer))
        #expect(inbox.json["items"]?.array?.compactMap { $0["title"]?.string } == ["Waves"])
        #expect(inbox.json["items"]?.array?.first?["summary"]?.string == "High & low")
        // The next poll finds one more, and everybody who follows has it once.
        document.items.insert(FeedItem(id: "2", link: "https://sea.example/2", title: "Wind"), at: 0)
        world.fetch = { job in .document(document, FetchHead(finalURL: job.url)) }
        world.run(for: .hours(2))
        let later = try #require(try world.ask(.get, "/v1/timelines/inbox", at: 1, ann.bearer))
        #expect(Set(later.json["items"]?.array?.compactMap { $0["title"]?.string } ?? []) == ["Waves", "Wind"])
        #expect(world.sorts(SocialKeys.timeline(try #require(Source(source)))).count == 2)
        let none = try world.ask(.post, "/v1/feeds", ann.bearer, body: #"{"url":"ftp://sea.example/feed"}"#)
        #expect(none?.status == 422)
    }

    /// Whoever has gone before the first event was written is not waited for for ever; a reader is.
    @Test(arguments: [true, false]) func aStreamThatNobodyReadsEnds(isRead: Bool) throws {
        var world = try FakeWorld(seed: 11)
        world.isRead = isRead
        _ = try world.send(.get, "/v1/timelines/live?timeline=public&since=18446744073709551615")
        world.run(for: .seconds(5))
        #expect(world.nodes[0].core.streams.count == 1)
        world.run(for: .minutes(3))
        #expect(world.nodes[0].core.streams.count == (isRead ? 1 : 0))
    }

    @Test func accountsGoWithTheirPostsAndTheNameStays() throws {
        var world = try FakeWorld(seed: 10)
        let ann = try Person.registered("ann", in: &world)
        _ = try ann.post("one", in: &world)
        _ = try ann.post("two", in: &world)
        world.run(for: .seconds(3))
        let wrong = try world.ask(.delete, "/v1/users/me", ann.bearer, body: #"{"password":"not this one"}"#)
        #expect(wrong?.status == 401)
        let gone = try world.ask(.delete, "/v1/users/me", ann.bearer, body: #"{"password":"a long sentence of ann"}"#)
        #expect(gone?.status == 202)
        world.run(for: .seconds(60))
        #expect(try world.ask(.get, "/v1/posts/ann/one", at: 1)?.status == 410)
        #expect(try world.ask(.get, "/v1/timelines/users/ann", at: 1)?.status == 410)
        let login = try world.ask(.post, "/v1/sessions", body: #"{"name":"ann","password":"a long sentence of ann"}"#)
        #expect(login?.status == 401)
        let again = try world.ask(.post, "/v1/users", body: #"{"name":"ann","password":"another sentence"}"#)
        #expect(again?.status == 409)
    }
}
