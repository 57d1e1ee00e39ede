// What goes on after its answer: it takes no client's place, holds its bytes once, and of too much of it the oldest
// ends.

import Causality
import DataTypes
import Ring
import Testing
import Wire
import World

@testable import Gateway

@Suite struct TrailingTests {
    private let own = NodeID(literal: "de-1")

    /// A write that its own node has minted, and of which the others say nothing.
    private func write(_ id: UInt64, bytes: Int = 1, _ bench: inout Bench) throws {
        let put = ClientRequest.Operation.write(
            value: [UInt8](repeating: 7, count: bytes), contentType: "", context: nil, onlyIfAbsent: false, ttlMs: nil)
        bench.begin(id, put, .one)
        let mint = try #require(bench.asks.last)
        var object = StoredObject()
        let dot = Dot(actor: Actor(node: own, incarnation: 1), counter: id)
        let value = Payload.value([UInt8](repeating: 7, count: bytes))
        object.write(Sibling(dot: dot, payload: value, time: HybridTime(bits: id)), context: nil, rule: .siblings)
        bench.reply(mint, .minted(object: object.encode(), wasAbsent: true))
    }

    @Test func whatIsAnsweredTakesNoClientsPlace() throws {
        var bench = try Bench(try Cluster.three(), places: 2)
        for id in 1...10 as ClosedRange<UInt64> { try write(id, &bench) }
        #expect(bench.answers.count == 10 && bench.gateway.requestsInFlight == 10)
        #expect(bench.answers.allSatisfy { if case .written = $0.outcome { true } else { false } })
        for id in 11...13 as ClosedRange<UInt64> { bench.begin(id, .read, .all) }
        #expect(bench.answers.count == 11 && bench.answers.last?.outcome == .failed(.overloaded, nil))
    }

    /// 32 MiB of objects of a little more than 1 MiB: the first of 40 get their hints at once.
    @Test func ofTooManyBytesTheOldestGetTheirHints() throws {
        var bench = try Bench(try Cluster.three())
        for id in 1...40 as ClosedRange<UInt64> { try write(id, bytes: 1 << 20, &bench) }
        #expect(bench.answers.count == 40 && bench.gateway.requestsInFlight == 31)
        let hints = bench.asks.filter { if case .hint = $0.envelope.request { true } else { false } }
        #expect(hints.count == 18 && hints.allSatisfy { $0.node == own })
        for node in [NodeID(literal: "jp-1"), NodeID(literal: "us-1")] {
            #expect(bench.gateway.directory[node].outstanding == 31)
        }
        #expect(bench.gateway.directory[own].outstanding == 0)
        // What comes of those that were let go is nobody's any more; the rest ends with its answers.
        for ask in bench.asks { if case .merge = ask.envelope.request { bench.reply(ask, .stored) } }
        #expect(bench.gateway.requestsInFlight == 0 && bench.answers.count == 40)
    }

    /// The client was told that it failed, and then its mint is heard of: the replicas are made the same nevertheless.
    @Test func aMintThatComesAfterTheAnswerIsCarriedOn() throws {
        try expectScript(
            """
            put v quorum timeout=100
              de-1 mint v
            after 100
              answer failed quorumNotReached(mayTakeEffect: true) acks=0 hints=0  short of quorum
            de-1 minted
              jp-1 store v
              us-1 store v
            jp-1 stored
            us-1 breaks
              de-1 keep v for us-1
            de-1 stored
            """, on: Cluster.three())
    }

    /// Nobody hears of it until two timeouts after the deadline: it is forgotten.
    @Test func aMintThatNeverComesIsForgotten() throws {
        try expectScript(
            """
            put v quorum timeout=2000
              P1 mint v
            after 1500
              P3 mint v in place of 1
            after 500
              answer failed quorumNotReached(mayTakeEffect: true) acks=0 hints=0  short of quorum
            P1 minted
            after 1000
            P3 minted
            """, on: Cluster.withFallbacks(), at: "de-gw")
    }
}
