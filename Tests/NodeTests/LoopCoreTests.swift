// What a request loop does with what it hears.

import Gateway
import Keys
@testable import Node
import Ring
import Testing
import World

@testable import Wire

@Suite struct LoopCoreTests {
    private let ring: RingSnapshot
    private let stripes = CacheStripes()
    private let key: StoredKey
    private var core: LoopCore

    init() throws {
        ring = try Bench.ring()
        key = try Bench.key()
        core = Bench.loop(ring, stripes)
    }

    private func jobs(_ effects: [LoopCore.Effect]) -> [StorageJob] {
        effects.compactMap { if case .work(_, let job) = $0 { job } else { nil } }
    }

    private func sent(_ effects: [LoopCore.Effect]) -> [(envelope: RequestEnvelope, node: NodeID)] {
        effects.compactMap { if case .send(let envelope, let node) = $0 { (envelope, node) } else { nil } }
    }

    private func answers(_ effects: [LoopCore.Effect]) -> Int {
        effects.count { if case .answer = $0 { true } else { false } }
    }

    @Test mutating func requestsBeginTogetherAtTheEndOfTheTurn() {
        #expect(core.hear(.client(7, Bench.put(key, "a"))).isEmpty)
        #expect(core.hear(.client(8, Bench.put(key, "b"))).isEmpty)
        #expect(core.requestsInFlight == 2 && core.hasArrivals)
        #expect(jobs(core.hear(.turnEnds)).count == 2)
        #expect(core.requestsInFlight == 2 && !core.hasArrivals)
        #expect(core.hear(.turnEnds).isEmpty)
    }

    /// Mint, announcement, merges to the others, acknowledgements: and what a broken link and a full queue do to it.
    @Test mutating func aWriteGoesFromThePartsToThePeersAndBack() throws {
        for node in [Bench.us, Bench.jp] { _ = core.hear(.link(node, isUp: true)) }
        _ = core.hear(.client(7, Bench.put(key, "a")))
        let mint = try #require(jobs(core.hear(.turnEnds)).first)
        #expect(mint.address == ReplyAddress(port: 0, asker: .gateway, id: mint.address.id))
        let object = MintedObject.bytes("a", by: Bench.de)
        let minted = Bench.reply(.minted(object: object, wasAbsent: true), to: mint.address.id)
        let merges = sent(
            core.hear(.answers([StorageAnswer(address: mint.address, envelope: minted, isCommitted: false)])))
        #expect(Set(merges.map(\.node)) == [Bench.us, Bench.jp])
        // Neither the news nor one peer's answer is a quorum.
        let first = try #require(merges.first { $0.node == Bench.us })
        #expect(answers(core.hear(.replies([Bench.reply(.stored, to: first.envelope.id)], from: Bench.us))) == 0)
        let second = try #require(merges.first { $0.node == Bench.jp })
        // A queue that is full is no answer: a hint, at this node for want of another.
        let handed = jobs(core.hear(.unsent([second.envelope.id], Bench.jp)))
        #expect(handed.map(\.request) == [.hint(target: Bench.jp, key: key.bytes, object: object)])
        #expect(answers(core.hear(.answers([StorageAnswer(address: mint.address, envelope: minted)]))) == 1)
    }

    @Test mutating func aPeersReadIsAnsweredFromTheCacheUntilTheKeyIsWritten() throws {
        let read = RequestEnvelope(id: 5, timeoutMs: 0, request: .read(key: key.bytes, summaryOver: 0))
        let job = try #require(jobs(core.hear(.request(read, connection: 3))).first)
        #expect(job.address.asker == .peer(connection: 3) && job.address.id == 5)
        let answer = StorageAnswer(
            address: job.address, envelope: Bench.reply(.object([1, 2]), to: 5),
            read: (key.bytes, stripes.current(key.bytes)))
        func answered(_ effects: [LoopCore.Effect]) -> [ReplicaReply] {
            effects.compactMap { if case .answerPeer(let envelope, 3) = $0 { envelope.reply } else { nil } }
        }
        #expect(answered(core.hear(.answers([answer]))) == [.object([1, 2])])
        #expect(answered(core.hear(.request(read, connection: 3))) == [.object([1, 2])])
        #expect(core.cache.hits == 1)
        stripes.raise(key.bytes)
        let again = core.hear(.request(read, connection: 3))
        #expect(answered(again).isEmpty && jobs(again).count == 1)
        // What was read before the write came says nothing any more.
        _ = core.hear(.answers([answer]))
        #expect(jobs(core.hear(.request(read, connection: 3))).count == 1)
    }

    /// Keys of two shards: each shard does its part, and the peer is answered once, by the worse of the two.
    @Test(arguments: JointReplies.all) mutating func aMergeIntoManyIsAnsweredOnce(_ replies: JointReplies) throws {
        let keys = try (0..<8).map { try Bench.key("k\($0)").bytes }
        let object = MintedObject.bytes("a", by: Bench.us)
        let envelope = RequestEnvelope(id: 5, timeoutMs: 700, request: .mergeEach(keys: keys, object: object))
        let parts = jobs(core.hear(.request(envelope, connection: 3)))
        #expect(parts.count == 2 && parts.allSatisfy { $0.until == .origin + .milliseconds(700) })
        let asked = parts.flatMap { part -> [[UInt8]] in
            if case .mergeEach(let keys, object) = part.request { keys } else { [] }
        }
        #expect(Set(asked) == Set(keys) && asked.count == keys.count)
        func answered(_ place: Int, _ reply: ReplicaReply) -> [LoopCore.Effect] {
            let address = parts[place].address
            return core.hear(.answers([StorageAnswer(address: address, envelope: Bench.reply(reply, to: address.id))]))
        }
        #expect(answered(1, replies.first).isEmpty)
        let answers = answered(0, replies.second).compactMap { effect -> ReplyEnvelope? in
            if case .answerPeer(let envelope, 3) = effect { envelope } else { nil }
        }
        #expect(answers.map(\.reply) == [replies.both] && answers.map(\.id) == [5])
        #expect(answered(0, .stored).isEmpty)
    }

    /// The own node's shards each make the object for their keys.
    @Test mutating func anInsertIsMadeByTheShardsOfItsKeys() throws {
        for node in [Bench.us, Bench.jp] { _ = core.hear(.link(node, isUp: true)) }
        let keys = try (0..<8).map {
            try StoredKey(bucket: Array("latest".utf8), partitionKey: Array("k\($0)".utf8))
        }
        let insert = ClientRequest.Operation.insert(keys: keys, value: [1], contentType: "")
        _ = core.hear(.client(7, ClientRequest(insert, key: keys[0])))
        let work = core.hear(.turnEnds).compactMap { effect -> (NodePart, StorageJob)? in
            if case .work(let part, let job) = effect { (part, job) } else { nil }
        }
        #expect(Set(work.map(\.0)) == [.shard(0), .shard(1)] && work.count == 2)
        for (part, job) in work {
            guard case .insert(let request) = job.request else {
                Issue.record("another request")
                continue
            }
            let shard = ring.shard(of: try StoredKey(decoding: request.keys[0]).token, among: 2)
            #expect(part == .shard(shard))
            for key in request.keys {
                #expect(ring.shard(of: try StoredKey(decoding: key).token, among: 2) == shard)
            }
        }
    }

    /// Of clients and of other gateways; repair asks for nobody, and its requests make no node a busy one.
    @Test mutating func itKnowsWhenItWasLastAskedForAnybody() {
        func hear(_ request: ReplicaRequest, at ms: Int64) -> Instant {
            _ = core.hear(.request(RequestEnvelope(id: 1, timeoutMs: 0, request: request), connection: 1), at: ms)
            return core.servedAt
        }
        _ = core.hear(.client(7, Bench.put(key, "a")), at: 10)
        #expect(core.servedAt == .origin + .milliseconds(10))
        let page = RangeRequest(start: key.bytes, end: nil, limit: 1, reverse: false, repair: true)
        let merge = ReplicaRequest.merge(key: key.bytes, object: MintedObject.bytes("a", by: Bench.us), repair: true)
        #expect(hear(.range(page), at: 20) == .origin + .milliseconds(10))
        #expect(hear(merge, at: 30) == .origin + .milliseconds(10))
        #expect(hear(.read(key: key.bytes, summaryOver: 0), at: 40) == .origin + .milliseconds(40))
    }

    /// From when it came, by this node's own clock; what its own gateway asks is taken back and never dropped.
    @Test mutating func aPeersRequestIsOfUseForAsLongAsItSays() throws {
        let read = ReplicaRequest.read(key: key.bytes, summaryOver: 0)
        for (timeout, until) in [(0, nil), (700, Instant.origin + .milliseconds(730))] as [(UInt32, Instant?)] {
            let envelope = RequestEnvelope(id: 5, timeoutMs: timeout, request: read)
            #expect(jobs(core.hear(.request(envelope, connection: 3), at: 30)).map(\.until) == [until])
        }
        _ = core.hear(.client(7, Bench.put(key, "a")))
        #expect(jobs(core.hear(.turnEnds)).map(\.until) == [nil])
    }

    @Test mutating func whatTheOwnDiskHasNotBegunIsTakenBack() throws {
        for node in [Bench.us, Bench.jp] { _ = core.hear(.link(node, isUp: true)) }
        _ = core.hear(.client(7, Bench.put(key, "a")))
        let begun = core.hear(.turnEnds)
        let mint = try #require(jobs(begun).first)
        let wake = begun.compactMap { if case .wakeAt(let at) = $0 { at } else { nil } }
        #expect(wake.count == 1)
        let late = core.hear(.wake(try #require(wake.first)), at: 1_510)
        #expect(late.contains { if case .takeBack(mint.address.id) = $0 { true } else { false } })
        // It was there still: another replica mints.
        let next = sent(core.hear(.tookBack([mint.address.id]), at: 1_510))
        #expect(next.count == 1)
        #expect(next.allSatisfy { if case .mint = $0.envelope.request { true } else { false } })
    }

    /// However often an earlier time takes the place of a later one, one timer is followed by one.
    @Test mutating func aTimerHasOneSuccessor() throws {
        func wakes(_ effects: [LoopCore.Effect]) -> [Instant] {
            effects.compactMap { if case .wakeAt(let at) = $0 { at } else { nil } }
        }
        var soon = Bench.put(key, "b")
        soon.timeout = .milliseconds(100)
        _ = core.hear(.client(1, Bench.put(key, "a")))
        let later = try #require(wakes(core.hear(.turnEnds)).first)
        _ = core.hear(.client(2, soon))
        let earlier = try #require(wakes(core.hear(.turnEnds)).first)
        #expect(earlier < later)
        #expect(wakes(core.hear(.wake(earlier), at: 101)).count == 1)
        // The first timer comes beside its successor, and has none of its own.
        let both = [wakes(core.hear(.wake(later), at: 1_600)), wakes(core.hear(.wake(later), at: 1_600))]
        #expect(both.map(\.count).reduce(0, +) <= 1)
    }

    @Test mutating func whoIsDeadOrUnlinkedIsNotAsked() {
        // A link is proof enough; gossip overrules it; and it must stand.
        let steps: [(LoopCore.Input, Int)] = [
            (.link(Bench.us, isUp: true), 1), (.liveness(Bench.us, isAlive: false), 0),
            (.liveness(Bench.us, isAlive: true), 1), (.link(Bench.us, isUp: false), 0),
            (.liveness(Bench.jp, isAlive: true), 0), (.link(Bench.jp, isUp: true), 1),
        ]
        for (id, (input, reachable)) in steps.enumerated() {
            _ = core.hear(input)
            _ = core.hear(.client(UInt64(id), Bench.put(key, "a")))
            for job in jobs(core.hear(.turnEnds)) {
                let minted = Bench.reply(
                    .minted(object: MintedObject.bytes("a", by: Bench.de), wasAbsent: true), to: job.address.id)
                let effects = core.hear(.answers([StorageAnswer(address: job.address, envelope: minted)]))
                #expect(sent(effects).count == reachable, "after step \(id)")
            }
        }
    }
}

/// What two shards say, and what that is together.
struct JointReplies: Sendable, CustomTestStringConvertible {
    let first: ReplicaReply
    let second: ReplicaReply
    let both: ReplicaReply
    var testDescription: String { "\(first) and \(second)" }

    static let all = [
        JointReplies(first: .stored, second: .stored, both: .stored),
        JointReplies(first: .stored, second: .storedBeside, both: .storedBeside),
        JointReplies(first: .storedBeside, second: .stored, both: .storedBeside),
        JointReplies(first: .storedBeside, second: refused, both: refused),
        JointReplies(first: refused, second: .storedBeside, both: refused),
        JointReplies(first: .stored, second: refused, both: refused),
    ]

    private static let refused = ReplicaReply.refused(Refusal(.busy))
}
