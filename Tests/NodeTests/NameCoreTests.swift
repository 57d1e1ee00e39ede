// The two cores of names: what a thread says before and after its disk, and what goes between registry and acceptor of
// one node.

@testable import NameStore
import Storage
import Testing
import World

@testable import Node

/// A node that is the only acceptor of its namestore, its two cores joined, its disk in memory.
private struct Alone {
    var desk: NameDesk
    var votes: VoteCore
    let store = MemoryStore()
    var frontiers: [[UInt8]?] = [nil, nil]
    /// What left the two, in order.
    var log: [String] = []
    var answers: [NameAnswer] = []
    var now = Instant.origin

    init() throws {
        let registry = Registry(
            node: Bench.de, session: 1 << 20, random: SeededRandom(seed: 1), ring: [Bench.de])
        desk = NameDesk(registry: registry, isNamed: true, hasAcceptor: true, now: .origin)
        let opened = try Acceptor.open(
            node: Bench.de, store: store, frontiers: [nil, nil], fresh: StoreID(high: 7, low: 7))
        votes = VoteCore(opened, store: store)
        try hear(.start)
        for _ in 0..<200 where desk.configuration == nil {
            now = now + .milliseconds(50)
            try tick()
        }
    }

    mutating func hear(_ input: NameDesk.Input) throws {
        var out = Outbox<NameDesk.Effect>()
        desk.handle(input, now, &out)
        try carryOut(&out)
    }

    mutating func tick() throws {
        var out = Outbox<NameDesk.Effect>()
        desk.tick(now, &out)
        try carryOut(&out)
    }

    private mutating func carryOut(_ out: inout Outbox<NameDesk.Effect>) throws {
        for effect in out.take() {
            switch effect {
            case .send(let message, let node): log.append("send \(message.isHint ? "hint" : "message") to \(node)")
            case .ask(let batch):
                log.append("ask \(batch.count)")
                try hear(.asked(batch))
            case .answer(_, let answer): answers.append(answer)
            case .reconfigured: log.append("reconfigured")
            case .wakeAt(let instant): if instant <= now { try hear(.wake(instant)) }
            }
        }
    }

    /// `damaged`: what the disk says instead of doing what it is told.
    mutating func hear(_ input: VoteCore.Input, damaged: String? = nil) throws {
        var out = Outbox<VoteCore.Effect>()
        votes.handle(input, now, &out)
        for effect in out.take() {
            switch effect {
            case .commit(let writes, let synced, let frontier):
                log.append("commit \(writes.count)\(synced ? " synced" : "")\(frontier == nil ? "" : ", frontier")")
                guard damaged == nil else {
                    try hear(.damaged(damaged ?? ""))
                    continue
                }
                try store.commit(writes, synced: synced)
                if let frontier { frontiers[frontier.copy] = frontier.bytes }
                try hear(.committed)
            case .votes(let cast):
                log.append("votes \(cast.replies.count)")
                try hear(.votes(cast))
            case .quarantined: log.append("quarantined")
            case .damaged(let fault): log.append("damaged \(fault.key)")
            }
        }
    }

    mutating func register(_ name: String) throws {
        let name = try Name(Array(name.utf8))
        let owner = OwnerDigest(Digest256(1, 2, 3, 4))
        try hear(
            .request(
                1, .register(owner: owner, request: RequestID(high: 0, low: 1), expected: nil), on: name,
                timeout: .seconds(2)))
    }

    var key: RegisterKey { get throws { RegisterKey(try Name(Array("anna".utf8))) } }
}

@Suite struct NameCoreTests {
    private var alone: Alone

    init() throws { alone = try Alone() }

    @Test mutating func aNameIsRegisteredOnOneNode() throws {
        #expect(alone.desk.isThere && alone.desk.configuration?.epoch == 1)
        try alone.register("anna")
        #expect(alone.answers == [.registered(generation: 1)])
    }

    /// The writes first, the frontier with them, and the vote after both; each phase of the ballot in turn.
    @Test mutating func votesLeaveAfterTheDisk() throws {
        alone.log = []
        try alone.register("anna")
        let spoken = alone.log.filter { !$0.hasPrefix("ask") }
        #expect(spoken.starts(with: ["commit 2 synced, frontier", "votes 1"]), "\(alone.log)")
        for (place, line) in spoken.enumerated() where line.hasPrefix("votes") {
            #expect(place > 0 && spoken[place - 1].hasPrefix("commit"), "\(spoken)")
        }
    }

    /// What was chosen is a hint for the own acceptor, and wakes its thread with the next tick.
    @Test mutating func aHintForTheOwnAcceptorWaitsForTheTick() throws {
        try alone.register("anna")
        alone.log = []
        try alone.tick()
        #expect(alone.log.first == "ask 1", "\(alone.log)")
        #expect(!alone.log.contains { $0.contains("synced") }, "a hint needs no sync")
        alone.log = []
        try alone.tick()
        #expect(alone.log.isEmpty)
    }

    /// What the registry has no use for goes past it.
    @Test func onlyWhatTheDeskLearnsFromGoesThroughIt() throws {
        func isForDesk(_ body: NameMessage.Body) -> Bool {
            let message = NameMessage(cluster: nil, epoch: 0, store: nil, exchange: 9, body: body)
            if case .desk = NameArrival(message, from: Bench.us) { return true }
            return false
        }
        #expect(!isForDesk(.request(.hello)))
        #expect(!isForDesk(.request(.prepare(try alone.key, Ballot(round: 9, node: Bench.us, session: 3)))))
        #expect(isForDesk(.request(.setEpoch(try #require(alone.desk.configuration)))))
        #expect(isForDesk(.reply(.behind)))
    }

    @Test mutating func whatAnotherNodeAsksGoesToTheAcceptor() throws {
        alone.log = []
        let hello = NameMessage(cluster: nil, epoch: 0, store: nil, exchange: 9, body: .request(.hello))
        try alone.hear(.message(hello, from: Bench.us))
        #expect(alone.log == ["ask 1", "votes 1", "send message to us-1"])
    }

    /// Mute, but for saying so.
    @Test mutating func aDamagedStoreFallsSilent() throws {
        let prepare = NameMessage(
            cluster: alone.votes.acceptor.header.cluster, epoch: 1, store: alone.votes.acceptor.header.store,
            exchange: 5,
            body: .request(.prepare(try alone.key, Ballot(round: 9, node: Bench.us, session: 3))))
        alone.log = []
        try alone.hear(.asked([Inbound(from: Bench.us, message: prepare)]), damaged: "a block")
        #expect(alone.log == ["commit 2 synced, frontier", "quarantined"])
        #expect(alone.votes.isIdle)
        alone.log = []
        let hello = NameMessage(cluster: nil, epoch: 0, store: nil, exchange: 9, body: .request(.hello))
        try alone.hear(.message(hello, from: Bench.us))
        #expect(alone.log == ["ask 1", "votes 1", "send message to us-1"])
    }

    /// The first time that each copy is written, and then once a second.
    @Test func theFrontierIsSyncedOnceInAWhile() {
        var pace = FrontierPace()
        func at(_ ms: Int64) -> Instant { .origin + .milliseconds(ms) }
        let first = [pace.mustSync(0, at: at(5)), pace.mustSync(0, at: at(6)), pace.mustSync(1, at: at(7))]
        #expect(first == [true, false, true])
        let later = [
            pace.mustSync(0, at: at(1_006)), pace.mustSync(1, at: at(1_007)), pace.mustSync(0, at: at(1_008)),
            pace.mustSync(0, at: at(2_007)),
        ]
        #expect(later == [false, true, false, true])
    }

    @Test mutating func aDamagedRecordIsToldOnce() throws {
        try alone.register("anna")
        try alone.store.commit([.put(key: StoreLayout.record(try alone.key), value: [1, 2, 3])], synced: true)
        alone.log = []
        try alone.register("anna")
        try alone.register("anna")
        #expect(alone.log.count { $0.hasPrefix("damaged") } == 1, "\(alone.log)")
    }
}
