// A node's live reads between its shards, its clients and other nodes: what costs nothing while nobody watches, what is
// read of the own disks, and that the own node is a node like the others.

import Causality
import DataTypes
import Keys
import Ring
import Storage
import Testing
import Vnodes

import World

@testable import Live
@testable import Node
@testable import Wire

@Suite struct LiveDeskTests {
    private let key: StoredKey
    private let positions = ChangePositions(shards: 1)
    private var desk: LiveDesk
    private var work: [LiveReads.Ask] = []
    private var written = ""
    private var sent: [NodeID: [LiveMessage]] = [:]

    init() throws {
        key = try Bench.key()
        desk = LiveDesk(
            identity: Bench.de, life: 7, shards: 1, ring: try Bench.ring(), positions: positions, room: LiveRoom(),
            now: Bench.now())
    }

    private func target() throws -> LiveSubscription {
        LiveSubscription(
            watches: [LiveSubscription.Watch(target: LiveTarget(key: key), name: Array("k".utf8))], resume: nil,
            tellsPositions: false)
    }

    private mutating func take(_ out: inout Outbox<LiveDesk.Effect>, _ asks: inout Outbox<LiveReads.Ask>) {
        work += asks.take()
        for effect in out.take() {
            switch effect {
            case .send(let message, let node): sent[node, default: []].append(message)
            case .write(_, let pieces): written += String(decoding: pieces.joined(), as: UTF8.self)
            case .end, .told: break
            }
        }
    }

    private mutating func hear(_ input: LiveDesk.Input) {
        var (out, asks) = (Outbox<LiveDesk.Effect>(), Outbox<LiveReads.Ask>())
        desk.handle(input, Bench.now(), &out, &asks)
        take(&out, &asks)
    }

    private mutating func tick(at ms: Int64) {
        var (out, asks) = (Outbox<LiveDesk.Effect>(), Outbox<LiveReads.Ask>())
        desk.tick(Bench.now(ms), &out, &asks)
        take(&out, &asks)
    }

    private mutating func answer(_ reply: (LiveReads.Ask) -> ReplicaReply) {
        for ask in work {
            work.removeFirst()
            var (out, asks) = (Outbox<LiveDesk.Effect>(), Outbox<LiveReads.Ask>())
            desk.answer(ask.id, reply(ask), Bench.now(), &out, &asks)
            take(&out, &asks)
        }
    }

    private func put(_ count: Int) -> [[UInt8]] {
        (0..<count).map { key.bytes + [UInt8($0)] }
    }

    @Test mutating func aCommitIsToldOfWhileSomebodyWatches() throws {
        let shard = ShardChanges(positions, shard: 0)
        #expect(shard.committed(put(3)) == nil && shard.committed([]) == nil)
        hear(.subscribe(1, try target()))
        #expect(desk.figures.told == 1 && desk.figures.subscribers == 1)
        // What was committed before, and is told of late, is no change: it was there to be read.
        #expect(shard.committed([]) == nil)
        let changes = try #require(shard.committed(put(2)))
        #expect(changes.position == 5 && changes.keys.count == 2)
        hear(.closed(1))
        // The hub keeps a watch for a while, then gives it up; its lease ends; and at last the shards go silent.
        for second in 0..<Limits.liveLinger.nanoseconds / 1_000_000_000 + 12 { tick(at: second * 1_000) }
        #expect(desk.figures.told == 0 && shard.committed(put(1)) != nil)
        let rest = Int64(Limits.liveRingRest.inMilliseconds)
        tick(at: rest + 30_000)
        #expect(shard.committed(put(1)) == nil)
        // And speak again, from where they are.
        hear(.subscribe(2, try target()))
        #expect(shard.committed(put(1))?.position == 8)
    }

    /// The others' guards are asked by message, the own one as directly as its shards allow.
    @Test mutating func theOwnNodeIsANodeLikeTheOthers() throws {
        hear(.subscribe(1, try target()))
        #expect(sent.keys.sorted() == [Bench.jp, Bench.us])
        #expect(work.map(\.request) == [.read(key: key.bytes, summaryOver: 0)])
        let object = MintedObject.bytes("by the sea", by: Bench.de)
        answer { _ in .object(object) }
        #expect(written.contains("event: value") && written.contains("by the sea") && written.contains("ready"))
        written = ""
        hear(.drained([1]))
        hear(.changed(Changes(shard: 0, position: 1, keys: [key.bytes])))
        #expect(work.count == 1)
        let newer = MintedObject.bytes("by the ocean", by: Bench.us)
        answer { _ in .object(newer) }
        #expect(written.contains("by the ocean"))
    }

    @Test mutating func aReadThatFailsIsMadeAgain() throws {
        hear(.subscribe(1, try target()))
        answer { _ in .refused(Refusal(.busy)) }
        #expect(work.isEmpty && written.isEmpty)
        tick(at: 100)
        #expect(work.count == 1)
        answer { _ in .object(nil) }
        #expect(written.contains("ready"))
    }
}

/// Reads of the own disks: a few at a time, and no more than was asked for.
@Suite struct LiveReadsTests {
    private var reads = LiveReads(shards: 2)
    private var asks: [LiveReads.Ask] = []
    private var told: [WatchTable.Input] = []

    private mutating func read(_ id: UInt64, _ keys: Int, atMost bytes: Int = .max, shard: Int = 0) {
        var out = Outbox<LiveReads.Ask>()
        reads.read(id, shard: shard, keys: (0..<keys).map { [UInt8($0)] }, atMostBytes: bytes, &out)
        asks += out.take()
    }

    /// Answers the first that waits.
    private mutating func answer(_ reply: ReplicaReply) {
        var out = Outbox<LiveReads.Ask>()
        if let input = reads.answered(asks.removeFirst().id, reply, &out) { told.append(input) }
        asks += out.take()
    }

    private var last: [[UInt8]?]? { if case .read(_, let objects)? = told.last { objects } else { nil } }

    @Test mutating func keysAreReadAFewAtATime() {
        let few = Limits.liveKeysAtOnce
        read(1, 2 * few + 1)
        for _ in 0..<(2 * few + 1) {
            #expect((1...few).contains(asks.count) && told.isEmpty)
            answer(.object([7]))
        }
        #expect(last == Array(repeating: [7], count: 2 * few + 1))
        #expect(asks.isEmpty)
    }

    @Test mutating func nothingIsReadBeyondTheBytes() {
        read(1, 40, atMost: 10)
        for _ in 0..<Limits.liveKeysAtOnce { answer(.object(Array(repeating: 1, count: 3))) }
        #expect(asks.isEmpty && last?.count == Limits.liveKeysAtOnce)
    }

    @Test mutating func fewReadsOfAShardAreUnderWayAtOnce() {
        let most = Limits.liveReadsUnderWay
        for id in 0..<UInt64(most + 2) { read(id, 1) }
        read(100, 1, shard: 1)
        #expect(asks.count == most + 1)
        answer(.object(nil))
        #expect(told.count == 1 && asks.count == most + 1)
        while !asks.isEmpty { answer(.object(nil)) }
        #expect(told.count == most + 3)
    }

    @Test mutating func oneKeyThatFailsFailsTheRead() {
        read(1, 3)
        answer(.object([1]))
        answer(.refused(Refusal(.busy)))
        answer(.object([1]))
        guard case .failed(1)? = told.first else {
            Issue.record("\(told)")
            return
        }
        #expect(told.count == 1 && asks.isEmpty)
    }

    @Test mutating func aListTellsOfKeysAlone() {
        var out = Outbox<LiveReads.Ask>()
        reads.list(5, KeyRange(start: [1], end: [9]), limit: 10, &out)
        asks = out.take()
        #expect(asks.map(\.request) == [.range(RangeRequest(start: [1], end: [9], limit: 10, reverse: false))])
        answer(.page(items: [RangeItem(key: [1], object: [5, 5]), RangeItem(key: [2, 3], object: [])], more: true))
        guard case .listed(5, let keys, isComplete: false)? = told.first else {
            Issue.record("\(told)")
            return
        }
        #expect(keys == [[1], [2, 3]])
    }
}
