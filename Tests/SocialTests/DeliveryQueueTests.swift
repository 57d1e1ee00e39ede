// Posts that wait for their turn to go to inboxes: in order, no more than may, and without a keeper that begins them
// anew.

import Edge
import JSON
import Ring
import Testing
import World

@testable import Social

struct DeliveryQueueTests {
    /// Deliveries that never end.
    private static func fill(_ world: inout FakeWorld, _ count: Int) {
        for _ in 0..<count { DeliveryQueue.turn(Flow { _, _ in }).start(&world.nodes[0].core) }
    }

    private static func worldWithFollower(seed: UInt64) throws -> (FakeWorld, Person) {
        var world = try FakeWorld(seed: seed)
        let ann = try Person.registered("ann", in: &world)
        let until = WallTime(milliseconds: world.now.wall.milliseconds + Limits.socialPushMilliseconds)
        world.put(SocialKeys.follower(.user("ann"), "bob"), Follower(pushedUntil: until))
        world.run(for: .seconds(20))
        return (world, ann)
    }

    private static func finished(_ world: FakeWorld) -> UInt64 {
        world.nodes.reduce(0) { $0 + $1.core.figures.finished }
    }

    @Test func aFewGoOutSideBySideAndTheOthersInOrder() throws {
        final class Begun { var (posts, ends): ([Int], [Flow<Void>.End]) = ([], []) }
        let begun = Begun()
        var core = try FakeWorld(seed: 41).core(0)
        for post in 0..<20 {
            DeliveryQueue.turn(
                Flow { _, end in
                    begun.posts.append(post)
                    begun.ends.append(end)
                }
            ).start(&core)
        }
        #expect(begun.posts == Array(0..<Limits.socialDeliveriesAtOnce))
        begun.ends[5](&core, .success(()))
        begun.ends[2](&core, .failure(.tooBusy))
        #expect(begun.posts.suffix(2) == [Limits.socialDeliveriesAtOnce, Limits.socialDeliveriesAtOnce + 1])
        #expect(begun.posts.count == Limits.socialDeliveriesAtOnce + 2)
    }

    /// However long a post waits, only its node is at it; and if that ends, the keeper.
    @Test func aPostThatWaitsIsLeftToItsNodeWhileThatLives() throws {
        var (world, ann) = try Self.worldWithFollower(seed: 42)
        let before = Self.finished(world)
        Self.fill(&world, Limits.socialDeliveriesAtOnce)
        #expect(try ann.post("news", in: &world)?.status == 201)
        world.run(for: .minutes(2))
        #expect(Self.finished(world) == before)
        #expect(world.sorts(SocialKeys.works(of: "post:ann/news", nil)).count == 1)
        #expect(world.sorts(SocialKeys.inbox("bob")).isEmpty)
        world.restart(0)
        world.run(for: .minutes(1))
        #expect(Self.finished(world) > before)
        #expect(world.sorts(SocialKeys.works(of: "post:ann/news", nil)).isEmpty)
        #expect(world.sorts(SocialKeys.inbox("bob")).count == 1)
    }

    /// Intents are heard of anew when nodes come and go: each is looked at once the usual time after that.
    @Test func aKeeperThatHearsOfAPostAgainLeavesItAlone() throws {
        var (world, ann) = try Self.worldWithFollower(seed: 45)
        let before = Self.finished(world)
        Self.fill(&world, Limits.socialDeliveriesAtOnce)
        #expect(try ann.post("news", in: &world)?.status == 201)
        let all = world.ring.nodes.map(\.id)
        for round in 0..<20 {
            let living = round.isMultiple(of: 2) ? Array(all.prefix(2)) : all
            for node in 0..<3 { world.tell(node, .living(living)) }
            world.run(for: .seconds(4))
        }
        #expect(Self.finished(world) == before)
    }

    /// The same request once more is not one more delivery, and neither is help for whoever holds a name.
    @Test func whatIsBeingDeliveredIsNotBegunAgain() throws {
        var (world, ann) = try Self.worldWithFollower(seed: 43)
        Self.fill(&world, Limits.socialDeliveriesAtOnce)
        #expect(try ann.post("news", in: &world, token: token(1))?.status == 201)
        world.run(for: .seconds(1))
        let before = Self.finished(world)
        #expect(world.nodes[0].core.deliveriesInFlight == Limits.socialDeliveriesAtOnce + 1)
        #expect(try ann.post("news", in: &world, token: token(1))?.status == 200)
        #expect(try ann.post("news", in: &world, token: token(2))?.status == 409)
        world.run(for: .seconds(1))
        // It was taken up, and found to be under way.
        #expect(Self.finished(world) == before + 1)
        #expect(world.nodes[0].core.deliveriesInFlight == Limits.socialDeliveriesAtOnce + 1)
        // What was noted to be under way is not taken up elsewhere either.
        world.run(for: .seconds(30))
        #expect(try ann.post("news", in: &world, at: 1, token: token(3))?.status == 409)
        world.run(for: .seconds(1))
        #expect(Self.finished(world) == before + 1)
        #expect(world.nodes[1].core.deliveriesInFlight == 0)
    }

    /// A post that nobody is to be told of waits for nobody.
    @Test func moreThanMayWaitAreRefused() throws {
        var (world, ann) = try Self.worldWithFollower(seed: 44)
        Self.fill(&world, Limits.socialDeliveriesAtOnce + Limits.socialDeliveriesWaiting)
        let refused = try #require(try ann.post("news", in: &world))
        #expect(refused.status == 503)
        #expect(world.sorts(SocialKeys.works(of: "post:ann/news", nil)).isEmpty)
        #expect(refused.json["type"]?.string == "/problems/overloaded")
        let hidden = try world.ask(
            .post, "/v1/posts?title=hidden&listed=false", ann.bearer + [("content-type", "text/plain")], body: "text")
        #expect(hidden?.status == 201)
        #expect(try ann.post("news", in: &world, at: 1)?.status == 201)
        world.run(for: .minutes(1))
        #expect(world.sorts(SocialKeys.inbox("bob")).count == 1)
    }
}
