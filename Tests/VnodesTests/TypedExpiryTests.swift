// Typed values whose time is over, as shards store and collect them.

import Causality
import DataTypes
import JSON
import Keys
import Ring
import Storage
import Testing
import Vnodes
import Wire
import World

@Suite struct TypedExpiryTests {
    private let ring: RingSnapshot
    private let key: [UInt8]
    private let whole = CompareRequest(first: 0, last: .max, slices: 64, placement: "world")
    private static let lifeMs: UInt64 = 60_000
    private static let later =
        lifeMs + UInt64(Limits.expiryGrace.inMilliseconds) + UInt64(Limits.expiryTurn.inMilliseconds)

    init() throws {
        ring = try Fixture.ring()
        key = try Fixture.key("plan", bucket: "docs")
    }

    private func request(
        _ kind: TypedCall.Kind, _ json: String, life: UInt64? = lifeMs, onlyIfAbsent: Bool = false
    ) -> ReplicaRequest {
        var call = TypedCall(kind, Array(json.utf8))
        call.expiresAt = life.map { WallTime(milliseconds: Fixture.epochMs + $0) }
        return .mint(MintRequest(key: key, value: call.encode(), onlyIfAbsent: onlyIfAbsent))
    }

    private func sums(_ replica: inout Replica, at ms: UInt64) throws -> [UInt64]? {
        if case .fingerprints(let sums, _, _) = try replica.ask(.compare(whole), at: ms) { sums } else { nil }
    }

    /// The replicas of the key in their order.
    private func replicas() throws -> [Replica] {
        let route = ring.route(bucket: Array("docs".utf8), token: try StoredKey(decoding: key).token)
        return route.primaries.map { Replica($0, ring: ring) }
    }

    @Test func aConditionalRequestFindsNothingOnceItIsOver() throws {
        var replica = try replicas()[0]
        #expect(try replica.ask(request(.put, #"{"a":1}"#)).refusal == nil)
        #expect(try replica.ask(request(.put, "{}", onlyIfAbsent: true), at: 59_999).refusal == .exists)
        guard
            case .minted(let bytes, true) = try replica.ask(
                request(.mergePatch, #"{"b":2}"#, life: 200_000, onlyIfAbsent: true), at: 60_000)
        else { return #expect(Bool(false), "what is over is in the way") }
        let minted = try TypedMinted(decoding: bytes)
        let object = try StoredObject(decoding: minted.change)
        #expect(object.typedObject?.value() == .object(["b": .int(2)]))
        #expect(object.ends == [WallTime(milliseconds: Fixture.epochMs + 200_000)])
    }

    /// What a node wrote whose clock is ahead is older than what is written after it.
    @Test func aClockThatIsAheadDoesNotKeepWhatFollowsIt() throws {
        var nodes = try replicas()
        _ = try nodes[0].ask(request(.put, #"{"a":1}"#, life: 900_000), at: 800_000)
        let first = try #require(try nodes[0].object(key))
        _ = try nodes[1].ask(.merge(key: key, object: first.encode(), repair: true))
        _ = try nodes[1].ask(request(.mergePatch, #"{"b":1}"#, life: nil), at: 1_000)
        #expect(try #require(try nodes[1].object(key)).ends.isEmpty)
    }

    /// One replica removes it, the others take that over, and nothing is left to be done.
    @Test func theFirstOfItsPrimariesCollectsIt() throws {
        var nodes = try replicas()
        let large = #"{"a":""# + String(repeating: "x", count: 20_000) + #""}"#
        _ = try nodes[0].ask(request(.put, large))
        // A change behind a large base lies in a row of its own.
        _ = try nodes[0].ask(request(.mergePatch, #"{"b":1}"#))
        let state = try #require(try nodes[0].shard.object(key, in: nodes[0]))
        for place in 1...2 { _ = try nodes[place].ask(.merge(key: key, object: state, repair: true)) }
        let counted = try sums(&nodes[0], at: 0)
        for place in 0...2 {
            let found = try nodes[place].batch([.compare(whole)], at: TypedExpiryTests.later).expired
            #expect(found.map(\.key) == (place == 0 ? [key] : []))
            #expect(try sums(&nodes[place], at: TypedExpiryTests.later) == counted)
            // Nor does a read of its summary have another one do it.
            _ = try nodes[place].batch([ExpiredObject(key: key, byteCount: 1).rewrite], at: TypedExpiryTests.later)
        }
        #expect(nodes.map(\.shard.expired) == [1, 0, 0])
        #expect(try nodes[0].contents().reduce(0) { $0 + $1[1].count } < 200, "its bytes are still there")
        let removed = try #require(try nodes[0].shard.object(key, in: nodes[0]))
        for place in 1...2 {
            #expect(try sums(&nodes[place], at: TypedExpiryTests.later) != sums(&nodes[0], at: TypedExpiryTests.later))
            _ = try nodes[place].ask(.merge(key: key, object: removed, repair: true), at: TypedExpiryTests.later)
            #expect(try sums(&nodes[place], at: TypedExpiryTests.later) == sums(&nodes[0], at: TypedExpiryTests.later))
            let long = TypedExpiryTests.later + 100 * UInt64(Limits.expiryTurn.inMilliseconds)
            #expect(try nodes[place].batch([.compare(whole)], at: long).expired.isEmpty)
            #expect(try nodes[place].object(key)?.hasValue == false)
        }
    }

    @Test func anotherDoesIfTheFirstIsAway() throws {
        var node = try replicas()[2]
        _ = try node.ask(request(.put, #"{"a":1}"#))
        let turn = TypedExpiryTests.later + 2 * UInt64(Limits.expiryTurn.inMilliseconds)
        #expect(try node.batch([.compare(whole)], at: turn - 1).expired.isEmpty)
        let found = try node.batch([.compare(whole)], at: turn).expired
        #expect(found.map(\.key) == [key])
        // A disk that takes no deletions keeps it.
        #expect(try node.batch(found.map(\.rewrite), at: turn, disk: .exhausted).writes.isEmpty)
        // Of an object that nobody has decoded, too.
        node.shard = VnodeShard(actor: Actor(node: node.node, incarnation: 2))
        #expect(try node.batch(found.map(\.rewrite), at: turn).writes.count == 1)
        #expect(try node.object(key)?.hasValue == false)
    }
}

extension VnodeShard {
    /// What a reader is answered.
    fileprivate mutating func object(_ key: [UInt8], in replica: Replica) throws -> [UInt8]? {
        let outcome = try process(
            [.read(key: key, summaryOver: 0)], store: replica.store,
            in: BatchSurroundings(now: Fixture.now(), ring: replica.ring))
        if case .object(let bytes) = outcome.replies[0] { return bytes }
        return nil
    }
}
