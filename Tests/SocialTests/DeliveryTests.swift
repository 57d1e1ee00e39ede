// How deliveries share a node with everybody else: in slices, with rests.

import Edge
import Gateway
import JSON
import Keys
import Testing
import World

@testable import Social

struct DeliveryTests {
    /// Ann has just posted to all of them.
    private static func posted(to readers: [String], seed: UInt64) throws -> FakeWorld {
        var world = try FakeWorld(seed: seed)
        let ann = try Person.registered("ann", in: &world)
        let until = WallTime(milliseconds: world.now.wall.milliseconds + Limits.socialPushMilliseconds)
        for name in readers { world.put(SocialKeys.follower(.user("ann"), name), Follower(pushedUntil: until)) }
        #expect(try ann.post("news", in: &world)?.status == 201)
        return world
    }

    /// Writes of a core's effects to inboxes.
    private static func writes(_ effects: [SocialCore.Effect]) -> [UInt64] {
        effects.compactMap { effect in
            guard case .data(let ask, let request) = effect, case .write = request.operation,
                request.key.bucket == Array("social.inbox".utf8)
            else { return nil }
            return ask
        }
    }

    /// Keys of inboxes of each insert among the effects.
    private static func inserts(_ effects: [SocialCore.Effect]) -> [Int] {
        effects.compactMap { effect in
            guard case .data(_, let request) = effect, case .insert(let keys, _, _) = request.operation,
                request.key.bucket == Array("social.inbox".utf8)
            else { return nil }
            return keys.count
        }
    }

    @Test func aPostToManyIsWrittenInSlices() throws {
        let readers = (0..<300).map { "reader\($0)" }
        var world = try Self.posted(to: readers, seed: 11)
        var most = 0
        let end = world.now.instant + .seconds(10)
        while world.now.instant < end, world.step() {
            let effects = world.queue.map(\.effect)
            most = max(most, Self.inserts(effects).reduce(0, +))
            #expect(Self.writes(effects).isEmpty)
        }
        #expect((2...Limits.socialPushSlice).contains(most))
        #expect(readers.allSatisfy { world.sorts(SocialKeys.inbox($0)).count == 1 })
        #expect(world.nodes.reduce(0) { $0 + $1.core.figures.pointers } == 300)
    }

    /// As many as are a slice go together, and no more.
    @Test func aSliceOfInboxesIsOneInsert() throws {
        let shard = SocialKeys.follower(.user("ann"), "reader0")?.partitionKey
        let readers = (0..<4_000).map { "reader\($0)" }.filter {
            SocialKeys.follower(.user("ann"), $0)?.partitionKey == shard
        }.prefix(Limits.socialDeliveryPage + 3)
        #expect(readers.count == Limits.socialDeliveryPage + 3)
        var world = try Self.posted(to: Array(readers), seed: 14)
        var asked: [UInt64: Int] = [:]
        let end = world.now.instant + .seconds(10)
        while world.now.instant < end, world.step() {
            for case .data(let ask, let request) in world.queue.map(\.effect) {
                if case .insert(let keys, _, _) = request.operation { asked[ask] = keys.count }
            }
        }
        #expect(asked.values.sorted() == [3, Limits.socialPushSlice, Limits.socialPushSlice])
    }

    /// Somebody has the post already, as where a delivery begins anew: who is left is written to alone, and nobody
    /// twice.
    @Test func whoIsLeftIsWrittenToAlone() throws {
        let readers = (0..<40).map { "reader\($0)" }
        var world = try Self.posted(to: readers, seed: 13)
        let end = world.now.instant + .seconds(10)
        while world.now.instant < end, world.step() {}
        let id = try #require(world.sorts(SocialKeys.inbox("reader0")).first.flatMap { PostID($0) })
        var alone = 0
        let pointer = Pointer(path: "ann/news", author: "ann", home: nil)
        Delivery.push(pointer, id, from: .user("ann")).start(&world.nodes[0].core)
        for effect in world.nodes[0].core.out.take() { world.out.emit(effect) }
        world.take(0)
        while world.now.instant < end + .seconds(10), world.step() {
            alone = max(alone, Self.writes(world.queue.map(\.effect)).count)
        }
        #expect(alone > 0)
        #expect(readers.allSatisfy { world.sorts(SocialKeys.inbox($0)).count == 1 })
        #expect(world.nodes.reduce(0) { $0 + $1.core.figures.pointers } == 80)
    }

    /// A slice takes until half of it is answered, the rest twice as long; where nobody answers it goes on all the
    /// same.
    @Test func aSliceWaitsForHalfAndNotForLong() throws {
        var core = try FakeWorld(seed: 12).core(0)
        var begun: [UInt64] = []
        var time = Instant.origin
        core.now = FakeWorld.now(at: time)
        let key = try #require(SocialKeys.inbox("ann", PostID(firstOf: core.now.wall)))
        let pushes = (0..<300).map { _ in
            PushPace.push(Cluster.write(key, bytes: [1], type: "text/plain", context: nil, .one).map { _ in })
        }
        Flow<[Void]>.all(pushes, width: 300).start(&core) { _, _ in }
        begun += Self.writes(core.out.take())
        // The first has found nothing to wait for.
        #expect(begun.count == 1)
        var out = Outbox<SocialCore.Effect>()
        func goOn(_ span: Span, _ input: (Instant) -> SocialCore.Input) -> Int {
            time = time + span
            core.handle(input(time), FakeWorld.now(at: time), &out)
            let some = Self.writes(out.take())
            begun += some
            return some.count
        }
        func answer(_ ask: UInt64) -> SocialCore.Input { .data(ask, .failed(.overloaded, nil)) }
        #expect(goOn(.milliseconds(1)) { _ in answer(begun[0]) } == 0)
        let (rest, blink) = (Span.milliseconds(1) * Limits.socialPushRests, Span.microseconds(1))
        #expect(goOn(rest - blink) { .wake($0) } == 0)
        #expect(goOn(blink) { .wake($0) } == Limits.socialPushSlice)
        let slice = begun.suffix(Limits.socialPushSlice)
        let half = slice.prefix(Limits.socialPushSlice / 2)
        for ask in half { #expect(goOn(.zero) { _ in answer(ask) } == 0) }
        // Half of it came at once.
        #expect(goOn(.milliseconds(1)) { .wake($0) } == Limits.socialPushSlice)
        #expect(goOn(Limits.socialPushPatience) { .wake($0) } == 0)
        #expect(goOn(Limits.socialPushPatience * Limits.socialPushRests) { .wake($0) } == Limits.socialPushSlice)
    }

    /// More than that is refused, and left to those who keep the intents: what waits takes no memory without end.
    @Test func soMuchWaitsToBePushed() throws {
        final class Count { var (begun, refused) = (0, 0) }
        let count = Count()
        var world = try FakeWorld(seed: 6)
        let push = PushPace.push(
            Flow<Void>.with { _ in
                count.begun += 1
                return .done
            })
        // One is begun at once.
        for _ in 0..<(1 + Limits.socialPushesWaiting + 10) {
            push.start(&world.nodes[0].core) { _, result in
                if case .failure(let problem) = result, problem.status == 503 { count.refused += 1 }
            }
        }
        #expect(count.begun == 1 && count.refused == 10)
    }
}
