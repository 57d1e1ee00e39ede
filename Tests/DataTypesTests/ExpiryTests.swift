// Time to live: a view at reads, a removal by the next write, and never a difference between replicas.

import Causality
import JSON
import Testing
import World

@testable import DataTypes

@Suite struct ExpiryTests {
    private static func wall(_ ms: UInt64) -> WallTime { WallTime(milliseconds: ms) }

    /// A request at a time, with a life from then on.
    private func mint(
        _ object: inout TypedObject, at ms: UInt64, by number: Int = 0, _ operations: Operation..., life: UInt64? = nil,
        context: VersionVector? = nil, name: OperationName? = nil, as bucket: TypedBucket = .document
    ) throws -> TypedDelta? {
        let actor = Actor.numbered(number)
        let time = HybridTime(wall: ExpiryTests.wall(ms))
        let run = MintingRun(actor: actor, first: object.versions.counter(of: actor) + 1, time: time)
        let request = TypedRequest(
            operations, context: context, name: name, expiresAt: life.map { ExpiryTests.wall(ms + $0) })
        guard case .minted(let delta, _) = try object.apply(request, as: bucket, run) else { return nil }
        return delta
    }

    private func shown(_ object: TypedObject, at ms: UInt64) -> JSONValue? {
        object.isExpired(at: ExpiryTests.wall(ms)) ? nil : object.value()
    }

    @Test func theNewestWriteSaysWhenAllEnds() throws {
        var object = TypedObject()
        _ = try mint(&object, at: 100, .set(Path("/a"), .int(1)), life: 50)
        #expect(shown(object, at: 149) != nil && shown(object, at: 150) == nil)
        _ = try mint(&object, at: 140, .set(Path("/b"), .int(2)), life: 50)
        #expect(shown(object, at: 189) == .object(["a": .int(1), "b": .int(2)]))
        _ = try mint(&object, at: 180, .remove(Path("/b")))
        #expect(shown(object, at: 1 << 40) == .object(["a": .int(1)]))
        // What is gone has no end.
        _ = try mint(&object, at: 190, .remove(Path()), life: 5)
        #expect(!object.isExpired(at: ExpiryTests.wall(500)) && object.expiresAt == nil)
    }

    @Test func aWriteAfterTheEndBeginsWithNothing() throws {
        var object = TypedObject()
        _ = try mint(
            &object, at: 100, .set(Path("/n"), .object(["$counter": .int(7)])),
            .set(Path("/t"), .object(["$text": .string("old")])), life: 50)
        let (context, before) = (object.versions, object.encode())
        var copy = object
        let refused = #expect(throws: TypedProblem.self) {
            try mint(&copy, at: 200, .splice(Path("/t"), .at(1), delete: 0, text: "x"), context: context)
        }
        #expect(refused == .notApplicable(operation: 0, .outOfRange))
        #expect(copy.encode() == before, "refused, and changed all the same")
        #expect(throws: TypedProblem.testFailed(operation: 0)) {
            try mint(&copy, at: 200, .test(Path("/n"), .int(7)))
        }
        let delta = try mint(
            &object, at: 200, .increment(Path("/n"), by: 1), .splice(Path("/t"), .at(0), delete: 0, text: "new"),
            life: 50, context: context)
        #expect(shown(object, at: 200) == .object(["n": .int(1), "t": .string("new")]))
        // To who has seen what expired, the change alone says it.
        #expect(try copy.merge(TypedDelta(decoding: try #require(delta).encode())) == .stored)
        #expect(copy.encode() == object.encode())
    }

    /// A patch is judged by what is shown, and a request that is tried again finds its work done, and over.
    @Test func patchesAndRetriesFindNothing() throws {
        var stored = StoredObject()
        let actor = Actor.numbered(0)
        func carryOut(_ call: TypedCall, at ms: UInt64, ahead: UInt64 = 0) throws -> TypedOutcome {
            let run = MintingRun(
                actor: actor, first: stored.versions.counter(of: actor) + 1,
                time: HybridTime(wall: ExpiryTests.wall(ms + ahead)), wall: ExpiryTests.wall(ms))
            return try stored.carryOut(call, as: .document, context: nil, room: 1_000, run)
        }
        var put = TypedCall(
            .put, Array(#"{"a":{"b":1}}"#.utf8), name: OperationName(writer: Writer(high: 1, low: 1), number: 1))
        put.expiresAt = ExpiryTests.wall(150)
        put = try TypedCall(decoding: put.encode())
        _ = try carryOut(put, at: 100)
        // The minter's clock decides, not the time that its writes bear.
        _ = try carryOut(
            TypedCall(.jsonPatch, Array(#"[{"op":"test","path":"/a/b","value":1}]"#.utf8)), at: 100, ahead: 900)
        put.name = OperationName(writer: Writer(high: 1, low: 1), number: 2)
        _ = try carryOut(put, at: 1_010)
        #expect(stored.hasExpired(at: ExpiryTests.wall(1_011)))
        #expect(throws: TypedCallProblem.self) {
            try carryOut(
                TypedCall(.jsonPatch, Array(#"[{"op":"replace","path":"/a/b","value":2}]"#.utf8)), at: 2_000)
        }
        put.name = OperationName(writer: Writer(high: 1, low: 1), number: 2, isAgain: true)
        guard case .minted = try carryOut(put, at: 2_000) else {
            return #expect(Bool(false), "no note of a request that was tried again")
        }
        #expect(stored.hasExpired(at: ExpiryTests.wall(2_000)), "a note is no write")
        _ = try carryOut(TypedCall(.mergePatch, Array(#"{"a":{"c":1}}"#.utf8)), at: 2_000)
        #expect(stored.typedObject?.value() == .object(["a": .object(["c": .int(1)])]))
    }

    /// One removes, and says so by a dot: then nothing is left to do, here or there.
    @Test func whatExpiredIsCollectedAsARemoval() throws {
        var (stored, twin) = (StoredObject(), StoredObject())
        let call = TypedCall(.put, Array(#"{"a":"0123456789"}"#.utf8))
        func run(at ms: UInt64, by number: Int) -> MintingRun {
            let actor = Actor.numbered(number)
            return MintingRun(
                actor: actor, first: stored.versions.counter(of: actor) + 1,
                time: HybridTime(wall: ExpiryTests.wall(ms)))
        }
        var ending = call
        ending.expiresAt = ExpiryTests.wall(50)
        _ = try stored.carryOut(ending, as: .document, context: nil, room: 100, run(at: 1, by: 0))
        twin.merge(stored, rule: .siblings)
        #expect(stored.collect(as: .document, run(at: 49, by: 1)) == nil)
        #expect(twin.collect(as: .document, run(at: 60, by: 1)) != nil)
        #expect(twin.collect(as: .document, run(at: 61, by: 1)) == nil)
        #expect(!twin.hasValue && !twin.hasExpired(at: ExpiryTests.wall(99)))
        #expect(twin.summary != stored.summary)
        stored.merge(twin, rule: .siblings)
        #expect(stored.encode() == twin.encode() && stored.summary == twin.summary)
        // What another has written meanwhile, and when that ends, stands.
        var third = StoredObject()
        ending.expiresAt = ExpiryTests.wall(200)
        _ = try third.carryOut(
            ending, as: .document, context: nil, room: 100,
            MintingRun(actor: Actor.numbered(2), first: 1, time: HybridTime(wall: ExpiryTests.wall(55))))
        third.merge(twin, rule: .siblings)
        #expect(third.hasValue && third.ends == [ExpiryTests.wall(200)])
    }

    // MARK: Any order

    /// Replicas whose clocks differ write, expire and meet in any order.
    private struct Play {
        var dice: SeededRandom
        var replicas = [TypedObject](repeating: TypedObject(), count: 3)
        var mail: [(to: Int, bytes: [UInt8])] = []
        var now: UInt64 = 10_000
        /// Of writes at replicas whose object was over: the dot, and the elements that were there.
        var begun: [(dot: Dot, gone: [JSONValue])] = []
        /// Each write's dot, its time and what it said.
        var said: [(dot: Dot, time: HybridTime, end: WallTime?)] = []
        var overs = 0

        init(seed: UInt64) { dice = SeededRandom(seed: seed) }

        func wall(_ at: Int) -> UInt64 { now + UInt64(at) * 40 }

        mutating func write(_ at: Int, _ number: Int) throws {
            let actor = Actor.numbered(at)
            let isOver = replicas[at].isExpired(at: WallTime(milliseconds: wall(at)))
            let held = replicas[at].value()?.array ?? []
            let end: UInt64? = dice.chance(0.8) ? wall(at) + UInt64.random(in: 1...300, using: &dice) : nil
            let time = HybridTime(wall: WallTime(milliseconds: wall(at)))
            let outcome = try replicas[at].apply(
                TypedRequest([.add(Path(), .int(number))], expiresAt: end.map(WallTime.init)), as: .set,
                MintingRun(actor: actor, first: replicas[at].versions.counter(of: actor) + 1, time: time))
            guard case .minted(let delta, _) = outcome else { return }
            said.append((delta.lastDot, time, end.map(WallTime.init)))
            if isOver {
                overs += 1
                begun.append((delta.lastDot, held))
                try must(replicas[at].value() == .array([.int(number)]), "what was over came back")
            }
            for to in replicas.indices where to != at && dice.chance(0.7) { mail.append((to, delta.encode())) }
        }

        mutating func step(_ number: Int) throws {
            now += UInt64.random(in: 1...60, using: &dice)
            let at = Int.random(in: 0..<3, using: &dice)
            switch dice.unit() {
            case ..<0.4: try write(at, number)
            case ..<0.8:
                guard !mail.isEmpty else { return }
                let letter = mail.remove(at: Int.random(in: 0..<mail.count, using: &dice))
                _ = try replicas[letter.to].merge(TypedDelta(decoding: letter.bytes))
            default:
                let other = Int.random(in: 0..<3, using: &dice)
                let (a, b) = (replicas[at], replicas[other])
                try must(try a.joined(b).encode() == b.joined(a).encode(), "not commutative")
                try must(try a.joined(a).encode() == a.encode(), "not idempotent")
                let c = replicas[(at + 1) % 3]
                try must(try a.joined(b).joined(c).encode() == a.joined(b.joined(c)).encode(), "not associative")
                replicas[at] = try a.joined(TypedObject(decoding: b.encode()))
            }
            for (a, b) in [(0, 1), (1, 2), (0, 2)] where replicas[a].versions == replicas[b].versions {
                try must(replicas[a].encode() == replicas[b].encode(), "equal vectors, unequal bytes")
            }
            try judge(replicas[at])
        }

        func judge(_ object: TypedObject) throws {
            let known = said.filter { object.versions.covers($0.dot) }
            let newest = known.max {
                ($0.time, $0.end?.milliseconds ?? .max) < ($1.time, $1.end?.milliseconds ?? .max)
            }
            try must(object.expiry?.end == newest?.end, "not what the newest write said")
            let shown = object.value()?.array ?? []
            for one in begun where object.versions.covers(one.dot) {
                try must(!one.gone.contains(where: shown.contains), "what expired is there again")
            }
        }
    }

    @Test func replicasAgreeWhateverTheirClocks() throws {
        var overs = 0
        for seed in 1...200 as ClosedRange<UInt64> {
            var play = Play(seed: seed)
            for number in 0..<80 { try play.step(number) }
            for _ in 0..<2 { for a in 0..<3 { for b in 0..<3 { try play.replicas[a].join(play.replicas[b]) } } }
            for replica in play.replicas {
                #expect(replica.encode() == play.replicas[0].encode())
                try play.judge(replica)
            }
            overs += play.overs
        }
        #expect(overs > 200, "hardly anything ever expired")
    }
}
