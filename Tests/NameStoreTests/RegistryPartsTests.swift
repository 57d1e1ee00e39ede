// The small machines inside a registry: queues, timers, token buckets.

import Testing
import World

@testable import NameStore

@Suite struct RegistryPartsTests {
    private let key = RegisterKey(bytes: [1, 0x61]) ?? .configuration

    @Test func oneAtATimeInOrder() {
        var queues = KeyQueues()
        func enter(_ number: UInt64, _ key: RegisterKey) -> Bool { queues.enter(number, for: key) }
        func leave(_ number: UInt64) -> UInt64? { queues.leave(number, for: key) }
        #expect(enter(1, key))
        for number in UInt64(2)...300 { #expect(!enter(number, key)) }
        #expect(enter(1_000, .configuration), "another register has a queue of its own")
        #expect(queues.waiting(for: key) == 299)
        for number in UInt64(1)..<300 {
            #expect(leave(number + 1) == nil, "it has no turn yet")
            #expect(leave(number) == number + 1)
            #expect(queues.isActive(number + 1, for: key))
        }
        #expect(leave(300) == nil)
        #expect(enter(301, key))
    }

    @Test func timersComeInOrderOfTimeThenOfInsertion() {
        var random = SeededRandom(seed: 1)
        var queue = TimerQueue<Int>()
        var expected: [(time: Int64, number: Int)] = []
        for number in 0..<500 {
            let time = Int64.random(in: 0..<60, using: &random)
            queue.insert(number, at: Instant(nanoseconds: time))
            expected.append((time, number))
        }
        expected.sort { ($0.time, $0.number) < ($1.time, $1.number) }
        let early = queue.pop(upTo: Instant(nanoseconds: -1))
        #expect(early == nil)
        var got: [Int] = []
        while let next = queue.pop(upTo: Instant(nanoseconds: 59)) { got.append(next) }
        #expect(got == expected.map(\.number))
        #expect(queue.next == nil)
    }

    @Test func aClientHasABurstAndThenItsRate() {
        var limiter = RateLimiter(perSecond: 10, burst: 5)
        func admit(_ client: String, _ now: Instant) -> RateLimiter.Verdict { limiter.admit(client, now: now) }
        let start = Instant.origin + .seconds(100)
        for _ in 0..<5 { #expect(admit("a", start) == .admitted) }
        guard case .refused(let wait) = admit("a", start) else {
            Issue.record("the burst is used up")
            return
        }
        #expect(wait > .zero && wait <= .milliseconds(100))
        #expect(admit("b", start) == .admitted, "others are not its concern")
        #expect(admit("a", start + wait + .milliseconds(1)) == .admitted, "Retry-After is enough")
        var admitted = 0
        for step in 0..<10_000 {
            if admit("a", start + .seconds(1) + .milliseconds(Int64(step))) == .admitted { admitted += 1 }
        }
        #expect((98...106).contains(admitted), "ten a second for ten seconds, and the burst: \(admitted)")
    }

    /// A first answer that waited for a node's start does not make it far.
    @Test func theFirstRoundTripsCountByTheLeast() {
        let node = NodeID(literal: "a")
        let members = [AcceptorID(node: node, store: StoreID(high: 1, low: 1))]
        var latencies = Latencies()
        func trip() -> Span { latencies.roundTrip(to: 1, of: members, unknown: .seconds(9)) }
        #expect(trip() == .seconds(9) && latencies.isNew(node) && !latencies.isMeasured(node))
        for (sample, known) in [(700, 700), (90, 90), (300, 90), (170, 100)] as [(Int64, Int64)] {
            latencies.measured(node, .milliseconds(sample))
            #expect(trip() == .milliseconds(known))
        }
        #expect(!latencies.isNew(node) && latencies.isMeasured(node))
    }

    /// Whoever cannot vote is not asked how far it is, and nobody is asked for ever.
    @Test func anAcceptorIsAskedAFewTimes() throws {
        let nodes = ["a", "b", "c"].map { NodeID(literal: $0) }
        let members = nodes.enumerated().map { AcceptorID(node: $1, store: StoreID(high: 1, low: UInt64($0))) }
        let configuration = try #require(Configuration(epoch: 1, acceptors: members))
        var registry = Registry(node: nodes[0], session: 1 << 20, random: SeededRandom(seed: 1), ring: nodes)
        let identity = StoreIdentity(standing: .founded, pledge: nil, configuration: configuration)
        registry.reached(NodeID(literal: "z"), now: .origin)
        #expect(registry.outbox.isEmpty)
        registry.reached(nodes[1], now: .origin)
        var (rounds, now) = (0, Instant.origin)
        while !registry.outbox.isEmpty, rounds < 50 {
            rounds += 1
            now = now + .milliseconds(90)
            for case .send(let asked, to: let node) in registry.outbox.take() where node == nodes[1] {
                let answer = NameMessage(
                    cluster: ClusterID(founding: configuration), epoch: 1, store: members[1].store,
                    exchange: asked.exchange, body: .reply(.identity(identity)))
                registry.receive(answer, from: node, now: now)
            }
        }
        #expect(rounds < 8 && !registry.latencies.isNew(nodes[1]))
        #expect(registry.latencies.roundTrip(to: 1, of: [members[1]], unknown: .zero) == .milliseconds(90))
    }

    @Test func manyAddressesBuyNoMoreThanOneBucket() {
        var limiter = RateLimiter(perSecond: 1, burst: 3, capacity: 100)
        let now = Instant.origin + .seconds(100)
        var admitted = 0
        for client in 0..<10_000 where limiter.admit("\(client)", now: now) == .admitted { admitted += 1 }
        #expect(admitted <= 100 + 3)
    }

    @Test func ballotsOfOneProcessNeverRepeat() {
        var clock = RoundClock(node: NodeID(literal: "a"), session: 4)
        var last = Ballot.fast
        for round in 0..<100 {
            if round % 7 == 0 {
                clock.observe(Ballot(round: UInt64(round * 3), node: NodeID(literal: "b"), session: 1))
            }
            let next = clock.next()
            #expect(last < next)
            last = next
        }
        // A peer can't push the clock to its end.
        clock.observe(Ballot(round: .max, node: NodeID(literal: "b"), session: 1))
        let next = clock.next()
        #expect(next.round < 1_000)
    }
}
