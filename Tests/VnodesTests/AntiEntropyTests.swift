// Two replicas that were kept apart become the same, by nothing but compare, read and merge.

import Causality
import Keys
import Ring
import Storage
import Testing
import Vnodes
import Wire
import World

@Suite struct AntiEntropyTests {
    /// The leading node, the other, and the repair between them; messages are carried by hand.
    private struct Pair {
        let ring: RingSnapshot
        var leader: Replica
        var other: Replica
        var repair: AntiEntropy
        var now = Instant.origin
        var asks = 0
        /// Answered in the place of a side: what it is to refuse, or nil.
        var refusal: (NodeID, ReplicaRequest) -> Refusal? = { _, _ in nil }
        var apart: [KeysApart] = []

        init() throws {
            ring = try Fixture.ring()
            leader = Replica(Fixture.de, ring: ring)
            other = Replica(Fixture.us, ring: ring)
            repair = AntiEntropy(identity: Fixture.de, ring: ring, cycle: .seconds(3_600), atOnce: 1, now: .origin)
        }

        mutating func answer(_ effect: AntiEntropyEffect) throws -> (id: UInt64, reply: ReplicaReply) {
            guard case .ask(let id, let node, let request) = effect else {
                if case .apart(let keys) = effect { apart.append(keys) }
                return (0, .stored)
            }
            asks += 1
            if let refusal = refusal(node, request) { return (id, .refused(refusal)) }
            return (id, try node == Fixture.de ? leader.ask(request) : other.ask(request))
        }

        /// Until nothing is due any more.
        mutating func run() throws {
            var isBusy = true
            while isBusy {
                now = now + .milliseconds(1)
                var out = Outbox<AntiEntropyEffect>()
                repair.tick(reachable: [Fixture.us], now: now, &out)
                isBusy = !out.isEmpty
                while !out.isEmpty {
                    for effect in out.take() {
                        let (id, reply) = try answer(effect)
                        repair.receive(reply, id: id, now: now, &out)
                    }
                }
            }
        }

        /// What one tick wants; nothing is answered.
        mutating func tick(after span: Span = .milliseconds(1)) -> [AntiEntropyEffect] {
            now = now + span
            var out = Outbox<AntiEntropyEffect>()
            repair.tick(reachable: [Fixture.us], now: now, &out)
            return out.take()
        }
    }

    @Test func twoReplicasBecomeTheSame() throws {
        var pair = try Pair()
        var dice = SeededRandom(seed: 1)
        for index in 0..<300 {
            let key = try Fixture.key("k\(index % 120)", bucket: dice.chance(0.2) ? "latest" : "posts")
            let write = dice.chance(0.1) ? .mint(MintRequest(key: key, value: nil)) : Fixture.put(key, "v\(index)")
            if dice.chance(0.5) { try pair.leader.batch([write]) } else { try pair.other.batch([write]) }
        }
        #expect(try pair.leader.contents() != pair.other.contents())
        pair.repair.peerReturned(Fixture.us)
        try pair.run()
        #expect(try pair.leader.contents() == pair.other.contents())
        #expect(pair.repair.completed == 8 && pair.repair.abandoned == 0 && pair.repair.repaired > 0)
        #expect(pair.repair.isIdle)

        // Once they are, a second round compares and transfers nothing.
        let before = (pair.repair.repaired, pair.asks)
        pair.repair.peerReturned(Fixture.us)
        try pair.run()
        #expect(pair.repair.repaired == before.0)
        #expect(pair.asks - before.1 == 8 * 2)
    }

    @Test(arguments: [true, false]) func aLongPartitionKeyIsTransferredPageByPage(_ leaderHasIt: Bool) throws {
        var pair = try Pair()
        let count = 3 * Limits.repairPageItems + 5
        for index in 0..<count {
            let write = Fixture.put(try Fixture.key("timeline", sort: "item \(index + 1_000)"), "v")
            if leaderHasIt { try pair.leader.batch([write]) } else { try pair.other.batch([write]) }
            // Some that the other side alone has lie between.
            guard index % 10 == 0 else { continue }
            let between = Fixture.put(try Fixture.key("timeline", sort: "item \(index + 1_000)+"), "w")
            if leaderHasIt { try pair.other.batch([between]) } else { try pair.leader.batch([between]) }
        }
        pair.repair.peerReturned(Fixture.us)
        try pair.run()
        #expect(try pair.leader.contents() == pair.other.contents())
        #expect(try pair.leader.contents().count == count + (count + 9) / 10)
    }

    @Test func siblingsOnBothSidesAreKept() throws {
        var pair = try Pair()
        let key = try Fixture.key("both")
        try pair.leader.batch([Fixture.put(key, "here")])
        try pair.other.batch([Fixture.put(key, "there")])
        pair.repair.peerReturned(Fixture.us)
        try pair.run()
        #expect(Set(try pair.leader.object(key)?.texts ?? []) == ["here", "there"])
        #expect(try pair.leader.contents() == pair.other.contents())
    }

    @Test func aPlacementsDataStaysWithItsNodes() throws {
        var pair = try Pair()
        try pair.leader.batch([Fixture.put(try Fixture.key("p", bucket: "patients"), "private")])
        try pair.leader.batch([Fixture.put(try Fixture.key("p", bucket: "posts"), "public")])
        pair.repair.peerReturned(Fixture.us)
        try pair.run()
        #expect(try pair.other.contents().count == 1)
        #expect(pair.repair.abandoned == 0)
    }

    @Test func thePairIsComparedWithinItsCycle() throws {
        var pair = try Pair()
        try pair.leader.batch([Fixture.put(try Fixture.key("k"), "v")])
        #expect(pair.tick().isEmpty)
        for _ in 0..<40 {
            pair.now = pair.now + .seconds(120)
            try pair.run()
        }
        // Of 16 pairs half are with the node that cannot be reached, and wait without holding up the others.
        #expect(try pair.leader.contents() == pair.other.contents())
    }

    @Test func theOneWithTheGreaterNameOnlyAnswers() throws {
        let ring = try Fixture.ring()
        var repair = AntiEntropy(identity: Fixture.us, ring: ring, cycle: .seconds(1), now: .origin)
        repair.peerReturned(Fixture.de)
        #expect(repair.isIdle)
        var out = Outbox<AntiEntropyEffect>()
        repair.tick(reachable: [Fixture.de, Fixture.jp], now: .origin + .seconds(60), &out)
        #expect(out.isEmpty)
    }

    @Test func failuresEndAnExchangeAndNotTheRest() throws {
        var pair = try Pair()
        pair.repair.peerReturned(Fixture.us)
        var out = Outbox<AntiEntropyEffect>()
        // Refused; answered with something else; a count that is wrong; broken; never answered.
        let bad: [ReplicaReply] = [.refused(Refusal(.busy)), .stored, .fingerprints([1], end: nil)]
        for (round, reply) in bad.enumerated() {
            guard case .ask(let id, _, _)? = pair.tick().first else { return #expect(Bool(false)) }
            pair.repair.receive(reply, id: id, now: pair.now, &out)
            #expect(pair.repair.abandoned == UInt64(round + 1) && out.isEmpty)
        }
        guard case .ask(let broken, _, _)? = pair.tick().first else { return #expect(Bool(false)) }
        pair.repair.fail(id: broken, now: pair.now)
        pair.repair.fail(id: broken, now: pair.now)
        #expect(pair.repair.abandoned == 4)
        guard case .ask(let lost, _, _)? = pair.tick().first else { return #expect(Bool(false)) }
        #expect(pair.tick(after: .seconds(7)).isEmpty)
        #expect(pair.repair.abandoned == 5)
        // What comes for an exchange that is over is nobody's.
        pair.repair.receive(.fingerprints([UInt64](repeating: 1, count: 256), end: nil), id: lost, now: pair.now, &out)
        #expect(out.isEmpty)
        try pair.run()
        // Those that were broken off before the last pause are due again.
        #expect(pair.repair.completed == 3 + 4)
    }

    /// `count` items of 1 MiB under one partition key: more than one piece of a compare, under one token.
    private func fill(_ replica: inout Replica, _ count: Int) throws -> Int {
        let value = String(repeating: "x", count: 1 << 20)
        for index in 0..<count {
            try replica.batch([Fixture.put(try Fixture.key("timeline", sort: "\(index + 100)"), value)])
        }
        return try StoredKey(decoding: try Fixture.key("timeline")).token.partition(of: 8)
    }

    @Test(arguments: [true, false]) func aLargePartitionIsComparedPieceByPiece(_ leaderHasIt: Bool) throws {
        var pair = try Pair()
        if leaderHasIt { _ = try fill(&pair.leader, 30) } else { _ = try fill(&pair.other, 30) }
        for index in 0..<100 {
            let small = Fixture.put(try Fixture.key("timeline", sort: "\(index + 100)+"), "small")
            if leaderHasIt { try pair.other.batch([small]) } else { try pair.leader.batch([small]) }
        }
        pair.repair.peerReturned(Fixture.us)
        try pair.run()
        #expect(try pair.leader.contents() == pair.other.contents())
        #expect(try pair.leader.contents().count == 130)
        #expect(pair.repair.completed == 8 && pair.repair.abandoned == 0)
        let before = (pair.repair.repaired, pair.asks)
        pair.repair.peerReturned(Fixture.us)
        try pair.run()
        #expect(pair.repair.repaired == before.0)
        // Four pieces of 8 MiB in one partition, and one in each other.
        #expect(pair.asks - before.1 == (7 + 4) * 2)
    }

    @Test func anExchangeThatIsBrokenOffGoesOnWhereItWas() throws {
        var pair = try Pair()
        let partition = try fill(&pair.leader, 30)
        var froms: [[UInt8]] = []
        var isBroken = true
        pair.refusal = { node, request in
            guard case .compare(let compare) = request, node == Fixture.us else { return nil }
            if TokenRange.partition(partition, of: 8).first == compare.first { froms.append(compare.from) }
            return isBroken && !compare.from.isEmpty ? Refusal(.busy) : nil
        }
        pair.repair.peerReturned(Fixture.us)
        try pair.run()
        #expect(pair.repair.abandoned == 1 && pair.repair.completed == 7)
        isBroken = false
        froms = []
        pair.repair.peerReturned(Fixture.us)
        try pair.run()
        #expect(try pair.leader.contents() == pair.other.contents())
        // And once more from the start, as what lies before the break may have changed since.
        #expect(froms.first?.isEmpty == false && froms.contains([]))
        #expect(pair.repair.completed == 7 + 8 + 1 && pair.repair.isIdle)
    }

    @Test func aKeyThatOneSideRefusesIsToldAndTheOthersFollow() throws {
        var pair = try Pair()
        var bad: Set<[UInt8]> = []
        for index in 0..<200 {
            let key = try Fixture.key("k", sort: "\(index)")
            if index % 50 == 0 { bad.insert(key) }
            try pair.leader.batch([Fixture.put(key, "v")])
        }
        pair.refusal = { node, request in
            guard case .merge(let key, _, _) = request, node == Fixture.us, bad.contains(key) else { return nil }
            return Refusal(.tooLarge)
        }
        pair.repair.peerReturned(Fixture.us)
        try pair.run()
        #expect(try pair.other.contents().count == 196)
        #expect(pair.repair.completed == 8 && pair.repair.abandoned == 0)
        #expect(pair.repair.repaired == 196 && pair.repair.refused == 4 && pair.repair.keysApart == 4)
        let told = try #require(pair.apart.first)
        #expect(pair.apart.count == 1 && told.keys == 4 && told.peer == Fixture.us)
        #expect(told.example.map { bad.contains($0.key) && $0.refusal.code == .tooLarge } == true)
        // What is mended is no longer told of.
        pair.refusal = { _, _ in nil }
        pair.repair.peerReturned(Fixture.us)
        try pair.run()
        #expect(try pair.other.contents().count == 200)
        #expect(pair.repair.keysApart == 0 && pair.apart.count == 1)
    }

    @Test func aReplicaThatIsBusyIsLeftAlone() throws {
        var pair = try Pair()
        for index in 0..<20 { try pair.leader.batch([Fixture.put(try Fixture.key("k", sort: "\(index)"), "v")]) }
        pair.refusal = { _, request in if case .merge = request { Refusal(.busy) } else { nil } }
        pair.repair.peerReturned(Fixture.us)
        try pair.run()
        #expect(pair.repair.abandoned == 1 && pair.repair.completed == 7 && pair.repair.keysApart == 0)
    }

    @Test func theDeadlineMovesWithEachAnswer() throws {
        var pair = try Pair()
        pair.repair.peerReturned(Fixture.us)
        var out = Outbox<AntiEntropyEffect>()
        let asks = pair.tick()
        #expect(asks.count == 2)
        #expect(pair.tick(after: .seconds(5)).isEmpty)
        let (id, reply) = try pair.answer(asks[0])
        pair.repair.receive(reply, id: id, now: pair.now, &out)
        #expect(pair.tick(after: .seconds(5)).isEmpty && pair.repair.abandoned == 0)
        #expect(pair.tick(after: .seconds(2)).isEmpty && pair.repair.abandoned == 1)
        // What was late once is given longer: a large object on a slow link comes through at last.
        let again = pair.tick()
        #expect(again.count == 2)
        let (own, piece) = try pair.answer(again[0])
        pair.repair.receive(piece, id: own, now: pair.now, &out)
        #expect(pair.tick(after: .seconds(11)).isEmpty && pair.repair.abandoned == 1)
        #expect(pair.tick(after: .seconds(2)).isEmpty && pair.repair.abandoned == 2)
    }

    @Test func aPeerThatDoesNotStopWhereItIsAskedToEndsTheExchange() throws {
        var pair = try Pair()
        _ = try fill(&pair.leader, 30)
        pair.repair.peerReturned(Fixture.us)
        var out = Outbox<AntiEntropyEffect>()
        var rounds = 0
        while pair.repair.completed + pair.repair.abandoned < 8, rounds < 100 {
            rounds += 1
            for effect in pair.tick() { out.emit(effect) }
            while !out.isEmpty {
                for effect in out.take() {
                    guard case .ask(_, let node, _) = effect else { continue }
                    let (id, reply) = try pair.answer(effect)
                    // A node of an older version knows no pieces and counts all there is.
                    guard node == Fixture.us, case .fingerprints(let sums, _, _) = reply else {
                        pair.repair.receive(reply, id: id, now: pair.now, &out)
                        continue
                    }
                    pair.repair.receive(.fingerprints(sums, end: nil), id: id, now: pair.now, &out)
                }
            }
        }
        #expect(pair.repair.completed == 7 && pair.repair.abandoned == 1)
    }

    @Test func nobodyIsAskedWhoCannotBeReached() throws {
        var pair = try Pair()
        pair.repair.peerReturned(Fixture.us)
        var out = Outbox<AntiEntropyEffect>()
        pair.repair.tick(reachable: [Fixture.jp], now: .origin, &out)
        #expect(out.isEmpty && !pair.repair.isIdle)
    }

    /// All of a partition is missing on one side: many pages are under way, as many as the window has room for.
    @Test(arguments: [true, false]) func aLostDiskIsFilledManyPagesAtATime(_ leaderLostIt: Bool) throws {
        var pair = try Pair()
        pair.repair = AntiEntropy(identity: Fixture.de, ring: pair.ring, cycle: .seconds(3_600), now: .origin)
        let value = String(repeating: "x", count: 1_000)
        for index in 0..<4_000 {
            let write = Fixture.put(try Fixture.key("key \(index)"), value)
            if leaderLostIt { try pair.other.batch([write]) } else { try pair.leader.batch([write]) }
        }
        pair.repair.peerReturned(Fixture.us)
        // In rounds: what is asked in one is answered in the next, however much it is.
        var rounds = 0
        var most = 0
        var asks: [AntiEntropyEffect] = []
        while !pair.repair.isIdle, rounds < 100 {
            rounds += 1
            var out = Outbox<AntiEntropyEffect>()
            pair.now = pair.now + .milliseconds(200)
            pair.repair.tick(reachable: [Fixture.us], now: pair.now, &out)
            var pages = 0
            for ask in asks {
                if case .ask(_, Fixture.us, .range) = ask { pages += 1 }
                let (id, reply) = try pair.answer(ask)
                pair.repair.receive(reply, id: id, now: pair.now, &out)
            }
            most = max(most, pages)
            asks = out.take()
        }
        #expect(try pair.leader.contents().count == 4_000 && pair.leader.contents() == pair.other.contents())
        #expect(most > 2 && rounds < 30, "\(most) pages in \(rounds) rounds")
    }
}
