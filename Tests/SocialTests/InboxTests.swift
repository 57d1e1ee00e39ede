// Inboxes that are made by pulls: of whom somebody follows who was long away, whatever their number.

import Edge
import Gateway
import JSON
import Keys
import Testing
import World

@testable import Social

struct InboxTests {
    /// A world in which Eve follows so many, by pulls alone, and has been here today: nothing is decided anew.
    private static func world(seed: UInt64, followed: Int) throws -> (FakeWorld, Person) {
        var world = try FakeWorld(seed: seed)
        let eve = try Person.registered("eve", in: &world)
        _ = try world.ask(.get, "/v1/timelines/inbox", eve.bearer)
        world.run(for: .seconds(5))
        for number in 0..<followed {
            world.put(
                SocialKeys.following("eve", .user("user\(number)")),
                Following(since: world.now.wall, state: .confirmed))
        }
        return (world, eve)
    }

    /// A post of somebody, listed as deliveries leave it, or with nothing at its path.
    private static func post(
        _ author: String, ageMs: UInt64, isGone: Bool = false, _ number: Int, in world: inout FakeWorld
    ) throws -> PostID {
        let time = WallTime(milliseconds: world.now.wall.milliseconds - ageMs)
        let id = PostID(time, SocialDigest(Array("\(author) \(number)".utf8)))
        let path = PostPath(user: author, title: "post-\(number)")
        let pointer = Pointer(path: path.text, author: author, home: nil)
        let content = PostContent(type: "text/plain", size: 1, digest: "00", summary: "")
        if !isGone {
            world.put(
                SocialKeys.head(path, nil),
                Head(
                    id: id, author: author, title: "", generation: 1, time: time, content: content, isListed: true,
                    expires: nil, editor: nil))
        }
        world.put(SocialKeys.timeline(.user(author), id), pointer)
        world.put(SocialKeys.publicPost(Hour(time), number % 8, id), pointer)
        return id
    }

    /// Page after page, all that those who are followed have posted, in its order, and nothing else.
    @Test(arguments: UInt64(1)...12) func pullsAreAMergeOfAll(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let followed = Int.random(in: 1...70, using: &random)
        var (world, eve) = try Self.world(seed: seed, followed: followed)
        let reach: [UInt64] = [3_600_000, 86_400_000, 60 * 86_400_000]
        var model: [PostID] = []
        for number in 0..<Int.random(in: 0...150, using: &random) {
            // Some have much to say, most nothing; some are not followed.
            let author = Int.random(in: 0...Int.random(in: 1...(followed + 3), using: &random), using: &random)
            let isGone = random.chance(0.1)
            let age = UInt64.random(in: 0..<reach[Int.random(in: 0..<3, using: &random)], using: &random)
            let id = try Self.post("user\(author)", ageMs: age, isGone: isGone, number, in: &world)
            if author < followed, !isGone { model.append(id) }
        }
        world.run(for: .seconds(5))
        model.sort { $0 > $1 }
        let limit = Int.random(in: 1...40, using: &random)
        var found: [String] = []
        var next: String?
        var isFirst = true
        while isFirst || next != nil {
            isFirst = false
            let path = "/v1/timelines/inbox?limit=\(limit)" + (next.map { "&before=\($0)" } ?? "")
            let page = try #require(try world.ask(.get, path, eve.bearer))
            #expect(page.json["complete"] == .bool(true))
            found += page.json["items"]?.array?.compactMap { $0["id"]?.string } ?? []
            next = page.json["next"]?.string
        }
        #expect(found == model.map(\.text))
    }

    /// Of 5,000 sources, as many lists are read as have something for the page; where everybody's timeline does not
    /// reach so far, each is asked for one pointer.
    @Test(arguments: [(5_000, ageMs: UInt64(60_000), most: 32), (500, ageMs: 86_400_000, most: 532)])
    func fewListsAreReadOfMany(followed: Int, ageMs: UInt64, most: Int) throws {
        var (world, eve) = try Self.world(seed: 3, followed: followed)
        var model: [PostID] = []
        for number in 0..<32 {
            model.append(
                try Self.post("user\(number * 15)", ageMs: ageMs + UInt64(number), number, in: &world))
        }
        world.run(for: .seconds(5))
        let before = world.ranges
        let page = try #require(try world.ask(.get, "/v1/timelines/inbox", eve.bearer))
        #expect(page.json["items"]?.array?.compactMap { $0["id"]?.string } == model.prefix(30).map(\.text))
        // With five for whom she follows, and two of her own.
        #expect(world.ranges - before <= most + 7, "\(world.ranges - before)")
    }

    /// What a head can't be read of is left out, and that is said; where it can be asked for, nothing is missing.
    @Test(arguments: ["users/ann", "inbox", "public"]) func aPageThatMayLackAPostSaysSo(timeline: String) throws {
        var world = try FakeWorld(seed: 4)
        let ann = try Person.registered("ann", in: &world)
        _ = try Self.post("ann", ageMs: 60_000, 1, in: &world)
        let lost = try Self.post("ann", ageMs: 30_000, 2, in: &world)
        let key = try #require(SocialKeys.head(PostPath(user: "ann", title: "post-2"), nil))
        for replica in world.replicas.indices { world.replicas[replica][key.bytes] = nil }
        world.run(for: .seconds(5))
        world.cutOff = [0]
        let page = try #require(try world.ask(.get, "/v1/timelines/\(timeline)", ann.bearer))
        #expect(page.json["complete"] == .bool(false))
        #expect(page.json["items"]?.array?.count == 1)
        world.cutOff = []
        world.run(for: .seconds(5))
        let whole = try #require(try world.ask(.get, "/v1/timelines/\(timeline)", ann.bearer))
        #expect(whole.json["complete"] == .bool(true))
        #expect(whole.json["items"]?.array?.allSatisfy { $0["id"]?.string != lost.text } == true)
    }
}
