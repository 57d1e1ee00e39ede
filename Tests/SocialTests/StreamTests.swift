// Streams of events that are taken up again: what came meanwhile is sent, or that there is more than is sent.

import Edge
import JSON
import Testing
import World

@testable import Social

struct StreamTests {
    /// A world with posts by Ann, and its time in milliseconds before the first of them.
    private func world(posts: Int, _ text: String) throws -> (FakeWorld, since: UInt64) {
        var world = try FakeWorld(seed: 5)
        let ann = try Person.registered("ann", in: &world)
        world.run(for: .seconds(20))
        let since = world.now.wall.milliseconds
        for number in 0..<posts {
            let fields = ann.bearer + [("content-type", "text/plain")]
            #expect(try world.ask(.post, "/v1/posts?title=post%20\(number)", fields, body: text)?.status == 201)
        }
        world.run(for: .seconds(20))
        return (world, since)
    }

    /// The ids and names of what a stream was sent.
    private func events(_ world: FakeWorld, _ number: UInt64) throws -> [(id: UInt64, name: String)] {
        let text = String(decoding: world.streams[number] ?? [], as: UTF8.self)
        return text.matches(of: try Regex(#"id: (\d+)\nevent: (\w+)\n"#, as: (Substring, Substring, Substring).self))
            .compactMap { match in UInt64(match.output.1).map { ($0, String(match.output.2)) } }
    }

    @Test(arguments: ["public", "users/ann"]) func whatCameMeanwhileIsSent(timeline: String) throws {
        var (world, since) = try world(posts: 5, "short")
        let number = try world.send(.get, "/v1/timelines/live?timeline=\(timeline)&since=\(since)")
        world.run(for: .seconds(5))
        let sent = try events(world, number)
        #expect(sent.map(\.name) == Array(repeating: "post", count: 5))
        // Whoever is cut off in the middle goes on there.
        #expect(sent.allSatisfy { $0.id >= since && $0.id + 15_000 < world.now.wall.milliseconds })
        #expect(timeline != "public" || sent.map(\.id) == sent.map(\.id).sorted())
    }

    /// More than a client is kept waiting for: it is told that there is more, and its stream goes on.
    @Test func whatIsTooMuchIsSaid() throws {
        var (world, since) = try world(posts: 60, String(repeating: "\u{6C34}", count: 280))
        let number = try world.send(.get, "/v1/timelines/live?timeline=public&since=\(since)")
        world.run(for: .seconds(5))
        #expect(try events(world, number).contains { $0.name == "anew" })
        #expect(world.nodes[0].core.streams.count == 1)
        #expect((world.streams[number]?.count ?? 0) <= 2 * Limits.socialStreamBytes)
    }

    @Test func whoWasAwayForLongReadsThePageAnew() throws {
        var (world, since) = try world(posts: 1, "short")
        world.run(for: .minutes(70))
        for timeline in ["public", "users/ann"] {
            let number = try world.send(.get, "/v1/timelines/live?timeline=\(timeline)&since=\(since)")
            world.run(for: .seconds(5))
            #expect(try events(world, number).first?.name == "anew")
        }
        let number = try world.send(.get, "/v1/timelines/live?timeline=public")
        world.run(for: .seconds(5))
        #expect(try events(world, number).isEmpty)
    }

    /// Everybody's timeline has a post some round trips before an inbox has it, and has those of sources that are too
    /// many to be looked at each: whoever looks at the own timeline is told then, and told once.
    @Test(arguments: [0, 20]) func whoFollowsIsToldOnce(others: Int) throws {
        var world = try FakeWorld(seed: 8)
        let zoe = try Person.registered("zoe", in: &world)
        let eve = try Person.registered("eve", in: &world)
        let fay = try Person.registered("fay", in: &world)
        for number in 0..<others {
            world.put(
                SocialKeys.following("eve", .user("user\(number)")), Following(since: world.now.wall, state: .pending))
        }
        if others == 0 {
            #expect(try world.ask(.put, "/v1/following/zoe", eve.bearer)?.status == 201)
        } else {
            world.put(SocialKeys.following("eve", .user("zoe")), Following(since: world.now.wall, state: .pending))
        }
        world.run(for: .seconds(5))
        let numbers = try [eve, fay].map {
            try world.send(.get, "/v1/timelines/live?timeline=inbox", $0.bearer)
        }
        world.run(for: .seconds(5))
        let fields = zoe.bearer + [("content-type", "text/plain")]
        #expect(try world.ask(.post, "/v1/posts?title=news", fields, body: "short")?.status == 201)
        world.run(for: .seconds(5))
        #expect(try numbers.map { try events(world, $0).map(\.name) } == [["post"], []])
    }
}
