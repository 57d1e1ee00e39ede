// Many requests at once: each is answered once and in time whatever the replicas do, and nothing is left behind.

import Causality
import DataTypes
import Keys
import Ring
import Testing
import World

@testable import Gateway
@testable import Wire

/// A gateway whose replicas answer as the test says.
struct Bench {
    var gateway: GatewayState
    let key: StoredKey
    var instant = Instant.origin
    var asks: [(node: NodeID, envelope: RequestEnvelope)] = []
    var answers: [(id: UInt64, outcome: ClientOutcome)] = []

    init(
        _ ring: RingSnapshot, at identity: NodeID = NodeID(literal: "de-1"), seed: UInt64 = 1,
        places: Int = Limits.requestsInFlight
    ) throws {
        gateway = GatewayState(
            identity: identity, ring: ring, random: SeededRandom(seed: seed), places: places, now: .origin)
        for node in ring.document.nodes { gateway.setAvailable(node.id, true) }
        key = try StoredKey(bucket: Array("posts".utf8), partitionKey: Array("key".utf8))
    }

    mutating func with(_ body: (inout GatewayState, Now, inout Outbox<GatewayEffect>) -> Void) {
        var out = Outbox<GatewayEffect>()
        body(&gateway, Now(instant: instant, wall: WallTime(milliseconds: 1_767_225_600_000)), &out)
        for effect in out.take() {
            switch effect {
            case .ask(let node, let envelope): asks.append((node, envelope))
            case .answer(let id, let outcome): answers.append((id, outcome))
            // It has been begun: its answer comes, or doesn't.
            case .takeBack: break
            }
        }
    }

    mutating func begin(
        _ id: UInt64, _ operation: ClientRequest.Operation, _ level: ConsistencyLevel, strict: Bool = false,
        timeout: Span = .seconds(5)
    ) {
        let request = ClientRequest(operation, key: key, level: level, strict: strict, timeout: timeout)
        with { gateway, now, out in gateway.begin(id, request, now: now, &out) }
    }

    mutating func reply(_ ask: (node: NodeID, envelope: RequestEnvelope), _ reply: ReplicaReply, as node: NodeID? = nil)
    {
        let envelope = ReplyEnvelope(id: ask.envelope.id, inFlight: 1, serviceMicroseconds: 50, reply: reply)
        with { gateway, now, out in gateway.receive(envelope, from: node ?? ask.node, now: now, &out) }
    }

    mutating func wake() { with { gateway, now, out in gateway.wake(now: now, &out) } }
}

@Suite struct GatewayStateTests {
    @Test func listsSayNothingOfHowLongReadsTake() throws {
        var bench = try Bench(try Cluster.three())
        let range = KeyRange(start: bench.key.bytes, end: nil)
        bench.begin(1, .list(range: range, reverse: false, limit: 10), .all)
        bench.instant = bench.instant + .milliseconds(900)
        for ask in bench.asks { bench.reply(ask, .page(items: [], more: false)) }
        #expect(bench.answers.count == 1)
        for ask in bench.asks {
            let figures = bench.gateway.directory[ask.node]
            #expect(figures.serviceMs == nil && figures.roundTripMs == nil && figures.outstanding == 0)
        }
    }

    /// A replica that says no says it at once: believed, it would look fast. Why it says so decides whose fault it is.
    @Test(arguments: Refusal.Code.allCases) func aRefusalIsNoFastAnswer(_ code: Refusal.Code) throws {
        var bench = try Bench(try Cluster.three())
        bench.begin(1, .read, .one)
        let first = try #require(bench.asks.first)
        bench.reply(first, .refused(Refusal(code)))
        let figures = bench.gateway.directory[first.node]
        let isOfTheReplica = [.unknown, .busy, .notReplica, .stopped, .late].contains(code)
        #expect(isOfTheReplica == (figures.errorRate > 0) && isOfTheReplica == (figures.serviceMs == nil))
        #expect(figures.outstanding == 0)
        let second = try #require(bench.asks.last)
        #expect(second.node != first.node)
        bench.reply(second, .object(nil))
        #expect(bench.answers.count == 1)
    }

    @Test func oneMoreThanItCanHoldIsRefused() throws {
        var bench = try Bench(try Cluster.three())
        for id in 1...Limits.requestsInFlight { bench.begin(UInt64(id), .read, .one) }
        #expect(bench.answers.isEmpty && bench.gateway.requestsInFlight == Limits.requestsInFlight)
        bench.begin(9_999_999, .read, .one)
        #expect(bench.answers.map(\.outcome) == [.failed(.overloaded, nil)])
    }

    @Test func aSlowReadIsHedgedAfterThe95thPercentileWithinItsBudget() throws {
        var bench = try Bench(try Cluster.three())
        var id: UInt64 = 0
        /// How many more replicas were asked while the answer took this long.
        func read(_ bench: inout Bench, after span: Span) -> Int {
            id += 1
            bench.asks = []
            bench.begin(id, .read, .one)
            let asked = bench.asks.count
            bench.instant = bench.instant + span
            bench.wake()
            for ask in bench.asks { bench.reply(ask, .object(nil)) }
            return bench.asks.count - asked
        }
        for index in 0..<128 {
            #expect(read(&bench, after: .milliseconds(index % 10 == 0 ? 20 : 10)) == 0 || index >= 64)
        }
        let before = bench.gateway.figures.hedges
        var hedged = 0
        for _ in 0..<40 { hedged += read(&bench, after: .milliseconds(50)) }
        #expect(hedged > 0 && UInt64(hedged) == bench.gateway.figures.hedges - before)
        // One to begin with, and two in a hundred.
        #expect(bench.gateway.figures.hedges <= 1 + 168 / 50)
        #expect(bench.answers.count == 168)
    }

    @Test func readsOfOneStillMendTheOthersNowAndThen() throws {
        var bench = try Bench(try Cluster.three())
        var everyone = 0
        for id in 1...2_000 as ClosedRange<UInt64> {
            bench.asks = []
            bench.begin(id, .read, .one)
            if bench.asks.count == 3 { everyone += 1 }
            for ask in bench.asks { bench.reply(ask, .object(nil)) }
        }
        #expect((35...95).contains(everyone))
    }

    /// Reads and mints are soon asked of another; merges count to the end, and have one figure, to travel together.
    @Test func eachAskSaysHowLongItIsWaitedFor() throws {
        var bench = try Bench(try Cluster.three())
        let put = ClientRequest.Operation.write(
            value: [1], contentType: "", context: nil, onlyIfAbsent: false, ttlMs: nil)
        func asked(_ bench: inout Bench) -> Set<UInt32> {
            defer { bench.asks = [] }
            return Set(bench.asks.map(\.envelope.timeoutMs))
        }
        bench.begin(1, .read, .all)
        #expect(asked(&bench) == [1_500])
        bench.begin(2, .read, .all, timeout: .milliseconds(700))
        #expect(asked(&bench) == [700])
        for (timeout, merges) in [(Span.seconds(5), 5_000), (.milliseconds(300), 1_500)] as [(Span, UInt32)] {
            bench.begin(3, put, .quorum, timeout: timeout)
            let mint = try #require(bench.asks.first)
            _ = asked(&bench)
            bench.instant = bench.instant + .milliseconds(40)
            var object = StoredObject()
            let dot = Dot(actor: Actor(node: mint.node, incarnation: 1), counter: 1)
            object.write(
                Sibling(dot: dot, payload: .value([1]), time: HybridTime(bits: 1)), context: nil, rule: .siblings)
            bench.reply(mint, .minted(object: object.encode(), wasAbsent: true))
            #expect(asked(&bench) == [merges])
        }
    }

    @Test func timersAreWhereTheyAreWanted() throws {
        var bench = try Bench(try Cluster.three())
        #expect(bench.gateway.nextWake == nil)
        bench.begin(1, .read, .one, timeout: .milliseconds(700))
        #expect(bench.gateway.nextWake == .origin + .milliseconds(700))
        bench.begin(2, .read, .one, timeout: .seconds(60))
        bench.instant = .origin + .milliseconds(700)
        bench.wake()
        #expect(bench.answers.map(\.id) == [1])
        #expect(bench.gateway.nextWake == .origin + Limits.replicaTimeout)
    }

    /// Questions that were given up weigh on their replica as failures, and no longer as work it has before it.
    @Test func whatIsGivenUpIsNotOutstanding() throws {
        var bench = try Bench(try Cluster.three())
        bench.begin(1, .read, .all, timeout: Limits.replicaTimeout)
        bench.instant = .origin + Limits.replicaTimeout
        bench.wake()
        #expect(bench.answers.count == 1 && bench.gateway.requestsInFlight == 0)
        for ask in bench.asks {
            #expect(bench.gateway.directory[ask.node].outstanding == 0)
            #expect(bench.gateway.directory[ask.node].errorRate > 0)
            bench.reply(ask, .object(nil))
            #expect(bench.gateway.directory[ask.node].outstanding == 0)
        }
    }

    // MARK: Inserts

    @Test func anInsertHasTheTimeOfItsBucket() throws {
        let ring = try Cluster.three(conflict: "last-write-wins\"\nttl = \"90s")
        var bench = try Bench(ring)
        bench.begin(1, .insert(keys: [bench.key], value: [1], contentType: ""), .one)
        guard case .insert(let insert)? = bench.asks.first?.envelope.request else {
            Issue.record("no insert was asked")
            return
        }
        #expect(insert.expiresAt?.milliseconds == 1_767_225_600_000 + 90_000)
    }

    /// A large value is not stored under so many keys at once.
    @Test func anInsertHasRoomInOneBatch() throws {
        var bench = try Bench(try Cluster.three(conflict: "last-write-wins"))
        let keys = Array(repeating: bench.key, count: 16)
        let value = [UInt8](repeating: 1, count: Limits.batchBytes / 32 + 1)
        bench.begin(1, .insert(keys: keys, value: value, contentType: ""), .one)
        guard case .failed(.malformed, _)? = bench.answers.first?.outcome else {
            Issue.record("it was taken")
            return
        }
        bench.begin(2, .insert(keys: Array(keys.dropLast()), value: value, contentType: ""), .one)
        #expect(bench.answers.count == 1 && bench.asks.count == 1)
    }

    /// Each key in a shard of its own, both other replicas away: more than that is not asked where there are three.
    @Test func ofThreeReplicasAllHintsHaveRoom() throws {
        var bench = try Bench(try Cluster.three(conflict: "last-write-wins"))
        let keys = try (0..<Limits.insertedKeys).map {
            try StoredKey(bucket: Array("posts".utf8), partitionKey: Array("k\($0)".utf8))
        }
        bench.gateway.ownShards = Limits.insertedKeys
        bench.begin(1, .insert(keys: keys, value: [1], contentType: ""), .one)
        for node in [NodeID(literal: "jp-1"), NodeID(literal: "us-1")] { bench.gateway.setAvailable(node, false) }
        var object = StoredObject()
        let dot = Dot(actor: Actor(node: NodeID(literal: "de-1"), incarnation: 1), counter: 1)
        object.write(
            Sibling(dot: dot, payload: .value([1]), time: HybridTime(bits: 1)), context: nil, rule: .lastWriteWins)
        for ask in bench.asks { bench.reply(ask, .minted(object: object.encode(), wasAbsent: true)) }
        let hints = bench.asks.count { if case .hint = $0.envelope.request { true } else { false } }
        #expect(bench.answers.map(\.outcome) == [.inserted(left: [])] && hints == 2 * Limits.insertedKeys)
        #expect(bench.asks.count <= Limits.asksPerRequest)
    }

    // MARK: Anything at all

    @Test(arguments: 1...24 as ClosedRange<UInt64>) func everyRequestIsAnsweredOnceAndInTime(_ seed: UInt64) throws {
        var dice = SeededRandom(seed: seed)
        // Inserts are refused where values merge.
        let conflict = seed % 2 == 0 ? "last-write-wins" : "siblings"
        let ring =
            try seed % 3 == 0
            ? Cluster.three(conflict: conflict)
            : seed % 3 == 1 ? Cluster.withFallbacks(conflict: conflict) : Cluster.german(conflict: conflict)
        let nodes = ring.document.nodes.map(\.id)
        guard let identity = nodes.randomElement(using: &dice) else { return }
        var bench = try Bench(ring, at: identity, seed: seed)
        var deadlines: [UInt64: Instant] = [:]
        var nextID: UInt64 = 1
        var answered: Set<UInt64> = []
        func check(_ bench: inout Bench) {
            for (id, _) in bench.answers {
                #expect(answered.insert(id).inserted, "seed \(seed): request \(id) was answered twice")
                #expect(
                    bench.instant <= (deadlines[id] ?? .origin) + .milliseconds(12),
                    "seed \(seed): request \(id) was answered late")
            }
            bench.answers = []
        }
        for _ in 0..<3_000 {
            switch Int.random(in: 0..<12, using: &dice) {
            case 0...1:
                let timeout = Span.milliseconds(Int64.random(in: 1...6_000, using: &dice))
                deadlines[nextID] = bench.instant + timeout
                let asked = operation(bench.key, &dice)
                bench.begin(nextID, asked, level(&dice), strict: dice.chance(0.3), timeout: timeout)
                nextID += 1
            case 2...8:
                guard let place = bench.asks.indices.randomElement(using: &dice) else { continue }
                let ask = bench.asks[place]
                if dice.chance(0.8) { bench.asks.remove(at: place) }
                let sender = dice.chance(0.05) ? nodes.randomElement(using: &dice) : nil
                bench.reply(ask, reply(to: ask, &dice), as: sender)
            case 9:
                guard let ask = bench.asks.randomElement(using: &dice) else { continue }
                bench.with { gateway, now, out in
                    gateway.fail(ask.envelope.id, from: ask.node, wasSent: dice.chance(0.5), now: now, &out)
                }
            case 10:
                guard let node = nodes.randomElement(using: &dice) else { continue }
                bench.gateway.setAvailable(node, dice.chance(0.7))
            default:
                let end = bench.instant + .milliseconds(Int64.random(in: 0...120, using: &dice))
                while bench.instant < end {
                    bench.instant = bench.instant + .milliseconds(1)
                    bench.wake()
                    check(&bench)
                }
            }
            check(&bench)
        }
        // Questions nobody answers end as well: the longest is a write's deadline and the time for its hints.
        for _ in 0..<12_000 {
            bench.instant = bench.instant + .milliseconds(1)
            bench.wake()
            check(&bench)
        }
        #expect(answered.count == Int(nextID) - 1, "seed \(seed)")
        #expect(bench.gateway.requestsInFlight == 0, "seed \(seed)")
        for node in nodes { #expect(bench.gateway.directory[node].outstanding == 0, "seed \(seed): \(node)") }
    }

    private func operation(_ key: StoredKey, _ dice: inout SeededRandom) -> ClientRequest.Operation {
        switch Int.random(in: 0..<4, using: &dice) {
        case 0: .read
        case 1: .write(value: [1], contentType: "", context: nil, onlyIfAbsent: false, ttlMs: nil)
        case 2:
            .insert(
                keys: Array(repeating: key, count: Int.random(in: 1...Limits.insertedKeys, using: &dice)), value: [1],
                contentType: "")
        default: .list(range: .everything, reverse: dice.chance(0.5), limit: Int.random(in: 1...5, using: &dice))
        }
    }

    private func level(_ dice: inout SeededRandom) -> ConsistencyLevel {
        [.one, .quorum, .all, .each, .count(2)].randomElement(using: &dice) ?? .one
    }

    private func object(_ dice: inout SeededRandom) -> StoredObject {
        var object = StoredObject()
        for _ in 0..<Int.random(in: 1...2, using: &dice) {
            let actor = Actor(node: NodeID(literal: "de-1"), incarnation: UInt64.random(in: 1...3, using: &dice))
            let counter = UInt64.random(in: 1...3, using: &dice)
            let sibling = Sibling(
                dot: Dot(actor: actor, counter: counter), payload: .value([1]), time: HybridTime(bits: counter))
            object.write(sibling, context: dice.chance(0.5) ? nil : CausalContext(of: StoredObject()), rule: .siblings)
        }
        return object
    }

    /// Mostly what was asked for, sometimes anything.
    private func reply(to ask: (node: NodeID, envelope: RequestEnvelope), _ dice: inout SeededRandom) -> ReplicaReply {
        let bytes = object(&dice).encode()
        if dice.chance(0.1) {
            return [
                .stored, .object([7]), .summary([]), .minted(object: [1], wasAbsent: true),
                .fingerprints([1], end: nil),
                .refused(Refusal(.busy)),
            ]
            .randomElement(using: &dice) ?? .stored
        }
        switch ask.envelope.request {
        case .read, .readHints:
            return dice.chance(0.3)
                ? .object(nil) : dice.chance(0.3) ? .summary(object(&dice).summary.encode()) : .object(bytes)
        case .mint, .insert:
            return dice.chance(0.1)
                ? .refused(Refusal(.notReplica)) : .minted(object: bytes, wasAbsent: dice.chance(0.5))
        case .mergeEach where dice.chance(0.2): return .storedBeside
        case .merge, .mergeEach, .hint: return dice.chance(0.1) ? .refused(Refusal(.hintsFull)) : .stored
        case .range(let range):
            let items = (0..<Int.random(in: 0...range.limit, using: &dice)).map {
                RangeItem(key: [UInt8($0)], object: bytes)
            }
            return .page(items: RangeItems(range.reverse ? items.reversed() : items), more: dice.chance(0.4))
        case .compare: return .stored
        }
    }
}
