// A node dies in the middle: at each step of each flow in turn, in an order of things that each run draws anew.
// Afterwards no name is held by nothing, none is given twice, each post stands once in each list, and whoever sends the
// same again is told that it is done.

import Edge
import JSON
import Keys
import Testing
import World

@testable import Social

struct CrashTests {
    /// What must hold once the keepers have done their work.
    static func check(_ world: FakeWorld, _ what: String) {
        for (name, generation) in world.heldNames where !world.planted.contains(name) {
            if name.hasPrefix("user:") {
                let user: User? = world.record(SocialKeys.user(String(name.dropFirst(5))))
                #expect(user?.generation == generation, "\(what): \(name) is held by nothing")
                continue
            }
            guard let path = PostPath(String(name.dropFirst(5))) else { continue }
            let isUser = (world.record(SocialKeys.user(path.text)) as User?) != nil
            let head: Head? = world.record(SocialKeys.head(path, nil))
            #expect(isUser || head?.generation == generation, "\(what): \(name) is held by nothing")
        }
        for slot in 0..<Limits.socialSlots {
            #expect(world.sorts(SocialKeys.works(inSlot: slot, nil)).isEmpty, "\(what): an intent is left")
        }
    }

    /// Runs `flow` with a crash at each of its steps, until one run has no step left to crash at.
    static func crashEverywhere(
        _ what: String, seeds: ClosedRange<UInt64> = 1...2, _ prepare: (inout FakeWorld) throws -> Void = { _ in },
        _ flow: (inout FakeWorld) throws -> Void, then check: (inout FakeWorld) throws -> Void
    ) throws -> Int {
        var most = 0
        for seed in seeds {
            var step = 1
            while step < 400 {
                var world = try FakeWorld(seed: seed &* 1_000 &+ UInt64(step))
                try prepare(&world)
                world.run(for: .seconds(3))
                world.kill = (0, world.steps + step)
                try flow(&world)
                // The flow goes on behind its answer, and there is a crash for that too.
                world.run(for: .seconds(5))
                let wasKilled = world.kill == nil
                world.kill = nil
                world.run(for: .minutes(3))
                Self.check(world, "\(what), seed \(seed), a crash at step \(step)")
                try check(&world)
                guard wasKilled else { break }
                most = max(most, step)
                step += 1
            }
        }
        return most
    }

    @Test func registering() throws {
        let body = #"{"name":"ann","password":"a long sentence of ann"}"#
        let steps = try CrashTests.crashEverywhere("registering") { world in
            _ = try world.ask(.post, "/v1/users", [("atoll-owner", token(1))], body: body)
        } then: { world in
            let again = try world.ask(.post, "/v1/users", at: 1, [("atoll-owner", token(1))], body: body)
            #expect(again?.status == 200 || again?.status == 201)
            let other = try world.ask(.post, "/v1/users", at: 2, [("atoll-owner", token(2))], body: body)
            #expect(other?.status == 409)
            let login = try world.ask(.post, "/v1/sessions", at: 2, body: body)
            #expect(login?.status == 201)
            world.run(for: .minutes(1))
        }
        #expect(steps >= 10)
    }

    @Test func postingATitle() throws {
        var ann = Person(name: "ann")
        var bob = Person(name: "bob")
        let steps = try CrashTests.crashEverywhere("posting a title") { world in
            ann = try Person.registered("ann", in: &world, at: 1)
            bob = try Person.registered("bob", in: &world, at: 2)
            _ = try world.ask(.put, "/v1/following/ann", at: 2, bob.bearer)
        } _: { world in
            _ = try ann.post("one", in: &world, token: token(1))
        } then: { world in
            let again = try ann.post("one", in: &world, at: 1, token: token(1))
            #expect(again?.status == 200 || again?.status == 201)
            let other = try ann.post("one", "other", in: &world, at: 2, token: token(2))
            #expect(other?.status == 409)
            world.run(for: .minutes(1))
            try CrashTests.standsOnce("ann/one", &world, at: 1, bob)
        }
        #expect(steps >= 15)
    }

    static func standsOnce(_ path: String, _ world: inout FakeWorld, at node: Int, _ reader: Person) throws {
        for timeline in ["users/ann", "public", "inbox"] {
            let page = try #require(try world.ask(.get, "/v1/timelines/\(timeline)", at: node, reader.bearer))
            let count = page.json["items"]?.array?.count { $0["path"]?.string == path }
            #expect(count == 1, "\(path) stands \(count ?? -1) times in \(timeline)")
        }
    }

    @Test func postingWithoutAName() throws {
        let fields = [("content-type", "text/plain"), ("atoll-owner", token(1))]
        let digest = SocialDigest(Array("text".utf8)).text
        _ = try CrashTests.crashEverywhere("posting without a name") { world in
            // The first rounds are taken, by posts that stand.
            for round in 0..<2 {
                let slug = GeneratedSlug.text(round, token(1), digest)
                // Only the loop gives such slugs: somebody else's loop has.
                try world.hold("post:" + slug, by: token(50 + round))
            }
        } _: { world in
            _ = try world.ask(.post, "/v1/posts?anonymous=true", fields, body: "text")
        } then: { world in
            let again = try #require(try world.ask(.post, "/v1/posts?anonymous=true", at: 2, fields, body: "text"))
            #expect(again.status == 200 || again.status == 201)
            let path = try #require(again.json["path"]?.string)
            #expect(path == GeneratedSlug.text(2, token(1), digest))
            world.run(for: .minutes(1))
            let page = try #require(try world.ask(.get, "/v1/timelines/public", at: 1))
            #expect(page.json["items"]?.array?.count { $0["path"]?.string == path } == 1)
        }
    }

    @Test func deleting() throws {
        var ann = Person(name: "ann")
        _ = try CrashTests.crashEverywhere("deleting") { world in
            ann = try Person.registered("ann", in: &world, at: 1)
            _ = try ann.post("one", in: &world, at: 1)
        } _: { world in
            _ = try world.ask(.delete, "/v1/posts/ann/one", ann.bearer)
        } then: { world in
            let read = try world.ask(.get, "/v1/posts/ann/one", at: 2)
            if read?.status == 200 {
                // It died before it had said so to anybody.
                #expect(try world.ask(.delete, "/v1/posts/ann/one", at: 1, ann.bearer)?.status == 204)
            }
            #expect(try world.ask(.get, "/v1/posts/ann/one", at: 2)?.status == 410)
            #expect(try ann.post("one", "anew", in: &world, at: 1)?.status == 201)
            world.run(for: .minutes(1))
        }
    }

    @Test func deletingAnAccount() throws {
        var ann = Person(name: "ann")
        _ = try CrashTests.crashEverywhere("deleting an account", seeds: 1...1) { world in
            ann = try Person.registered("ann", in: &world, at: 1)
            _ = try ann.post("one", in: &world, at: 1)
        } _: { world in
            _ = try world.ask(.delete, "/v1/users/me", ann.bearer, body: #"{"password":"a long sentence of ann"}"#)
        } then: { world in
            let user: User? = world.record(SocialKeys.user("ann"))
            let read = try #require(try world.ask(.get, "/v1/posts/ann/one", at: 2))
            #expect(read.status == (user?.state == .deleted ? 410 : 200))
        }
    }

    // MARK: Many at once

    @Test(arguments: UInt64(1)...20) func oneOfManyGetsAName(seed: UInt64) throws {
        var world = try FakeWorld(seed: seed)
        let numbers = try (0..<12).map { place in
            try world.send(
                .post, "/v1/users", at: place % 3, [("atoll-owner", token(place))],
                body: #"{"name":"ann","password":"a long sentence \#(place)"}"#)
        }
        world.run(for: .minutes(2))
        let replies = numbers.compactMap { world.reply($0)?.status }
        #expect(replies.count == 12)
        #expect(replies.count { $0 == 201 } == 1, "\(replies)")
        #expect(replies.allSatisfy { $0 == 201 || $0 == 409 }, "\(replies)")
        CrashTests.check(world, "many for a name, seed \(seed)")
    }

    @Test(arguments: UInt64(1)...20) func oneOfManyGetsATitle(seed: UInt64) throws {
        var world = try FakeWorld(seed: seed)
        let ann = try Person.registered("ann", in: &world)
        world.run(for: .seconds(3))
        let numbers = try (0..<9).map { place in
            try world.send(
                .post, "/v1/posts?title=one", at: place % 3,
                ann.bearer + [("content-type", "text/plain"), ("atoll-owner", token(place))], body: "text \(place)")
        }
        world.run(for: .minutes(2))
        let replies = numbers.compactMap { world.reply($0)?.status }
        #expect(replies.count { $0 == 201 } == 1, "\(replies)")
        #expect(replies.allSatisfy { $0 == 201 || $0 == 409 }, "\(replies)")
        CrashTests.check(world, "many for a title, seed \(seed)")
    }

    /// The same form sent twice, through two nodes: one post, and both hear of it.
    @Test(arguments: UInt64(1)...40) func aDoubleClickPostsOnce(seed: UInt64) throws {
        var world = try FakeWorld(seed: seed)
        let ann = try Person.registered("ann", in: &world)
        world.run(for: .seconds(3))
        let fields = ann.bearer + [("content-type", "text/plain"), ("atoll-owner", token(1))]
        let numbers = try [0, 1].map { try world.send(.post, "/v1/posts?title=one", at: $0, fields, body: "text") }
        world.run(for: .minutes(2))
        let replies = numbers.compactMap { world.reply($0) }
        #expect(replies.allSatisfy { $0.status == 200 || $0.status == 201 })
        #expect(Set(replies.compactMap { $0.json["path"]?.string }) == ["ann/one"])
        // Each may have made an id; one of them stands (decision 0042).
        let stands = try #require(try world.ask(.get, "/v1/posts/ann/one")?.json["id"]?.string)
        #expect(replies.contains { $0.json["id"]?.string == stands })
        try CrashTests.standsOnce("ann/one", &world, at: 2, ann)
        CrashTests.check(world, "a double click, seed \(seed)")
    }

    // MARK: Mutants

    /// Each rule that is taken away must be missed by somebody.
    @Test func aNameThatIsClaimedFirstIsHeldByNothing() throws {
        try CrashTests.isCaught { $0.claimsFirst = true }
    }

    @Test func whatNobodyTakesUpIsLeft() throws {
        try CrashTests.isCaught { $0.takesNothingUp = true }
    }

    private static func isCaught(_ plant: (inout SocialSeams) -> Void) throws {
        var seams = SocialSeams()
        plant(&seams)
        var isHeldByNothing = false
        for step in 1..<30 {
            var world = try FakeWorld(seed: UInt64(step), seams: seams)
            world.kill = (0, world.steps + step)
            _ = try world.ask(
                .post, "/v1/users", [("atoll-owner", token(1))],
                body: #"{"name":"ann","password":"a long sentence of ann"}"#)
            world.run(for: .minutes(3))
            let user: User? = world.record(SocialKeys.user("ann"))
            if !world.heldNames.isEmpty, user == nil { isHeldByNothing = true }
        }
        #expect(isHeldByNothing)
    }

    /// After its 201 a link is good everywhere; who believes one replica says 404.
    @Test(arguments: [false, true]) func noLinkIsDeniedOnOneReplicasWord(believesOne: Bool) throws {
        var seams = SocialSeams()
        seams.believesOneReplica = believesOne
        var denied = 0
        for seed in UInt64(1)...25 {
            var world = try FakeWorld(seed: seed, seams: seams)
            let ann = try Person.registered("ann", in: &world)
            for place in 0..<8 {
                let posted = try #require(try ann.post("post-\(place)", in: &world, at: place % 3))
                guard posted.status == 201 else { continue }
                let read = try #require(try world.ask(.get, "/v1/posts/ann/post-\(place)", at: (place + 1) % 3))
                if read.status == 404 { denied += 1 }
            }
        }
        #expect(believesOne ? denied > 0 : denied == 0, "\(denied) links were denied")
    }

    /// A title that was given up and used again: what old pointers lead to is another post.
    @Test(arguments: [false, true]) func aPointerCountsForItsPostAlone(ignoresID: Bool) throws {
        var seams = SocialSeams()
        seams.ignoresPostID = ignoresID
        var world = try FakeWorld(seed: 77, seams: seams)
        let ann = try Person.registered("ann", in: &world)
        _ = try ann.post("one", in: &world)
        world.run(for: .seconds(5))
        _ = try world.ask(.delete, "/v1/posts/ann/one", ann.bearer)
        _ = try ann.post("one", "anew", in: &world)
        world.run(for: .seconds(5))
        let page = try #require(try world.ask(.get, "/v1/timelines/users/ann", at: 1))
        let count = page.json["items"]?.array?.count
        #expect(ignoresID ? count == 2 : count == 1)
    }
}
