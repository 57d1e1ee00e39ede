// What a storage thread and the hint thread do with a batch: nothing is answered before it is on the disk.

import Causality
import HintedHandoff
import Keys
import Ring
import Storage
import Testing
import Vnodes
import Wire
import World

@testable import Node

@Suite struct ShardCoreTests {
    private let key: StoredKey
    private let store = MemoryStore()
    private let stripes = CacheStripes()
    private var core: ShardCore

    init() throws {
        key = try Bench.key()
        let shard = VnodeShard(actor: Actor(node: Bench.de, incarnation: 1))
        core = ShardCore(shard: shard, store: store, stripes: stripes, ring: try Bench.ring())
    }

    private func answers(_ effects: [ShardCore.Effect]) -> [StorageAnswer] {
        effects.flatMap { effect -> [StorageAnswer] in if case .answer(let answers) = effect { answers } else { [] } }
    }

    @Test mutating func aWriteIsAnnouncedCommittedAndThenAnswered() throws {
        let mint = Bench.job(.mint(MintRequest(key: key.bytes, value: [1])), id: 4)
        let read = Bench.job(.read(key: key.bytes, summaryOver: 0), .peer(connection: 2), id: 9)
        let begun = try core.hear(.jobs([mint, read], .roomy))
        #expect(!core.isIdle && answers(begun).isEmpty)
        guard begun.count == 2, case .announce(let news) = begun[0], case .commit(let writes, true) = begun[1] else {
            Issue.record("\(begun)")
            return
        }
        #expect(news.map(\.address.id) == [4] && news.allSatisfy { !$0.isCommitted })
        let before = stripes.current(key.bytes)
        try store.commit(writes, synced: true)
        let done = answers(try core.hear(.worked(waiting: 3), at: 12))
        #expect(core.isIdle && done.map(\.address.id) == [4, 9] && done.allSatisfy(\.isCommitted))
        #expect(done.allSatisfy { $0.envelope.inFlight == 3 && $0.envelope.clockMs == 12 })
        // The read was worked with the batch, but is no good for a cache: the key has been written since.
        #expect(done[1].read?.stripe == before && stripes.current(key.bytes) != before)
    }

    /// Two requests of a batch that took 12 ms: each took 6 and waited for all of them.
    @Test mutating func aBatchIsMeasured() throws {
        let jobs = (1...2).map { Bench.job(.read(key: key.bytes, summaryOver: 0), id: UInt64($0)) }
        _ = try core.hear(.jobs(jobs, .roomy), at: 8)
        let done = answers(try core.hear(.worked(waiting: 0), at: 20))
        #expect(done.map(\.envelope.serviceMicroseconds) == [6_000, 6_000])
        #expect(abs(core.load.serviceMs - 0.3) < 1e-9 && abs(core.load.responseMs - 1) < 1e-9)
    }

    /// Repairs wait for all else, and how long that is says nothing of a request's time.
    @Test mutating func aRepairsWaitIsNobodys() throws {
        let read = Bench.job(.read(key: key.bytes, summaryOver: 0), id: 1)
        let repair = Bench.job(
            .merge(key: key.bytes, object: MintedObject.bytes("a", by: Bench.us), repair: true), id: 2)
        _ = try core.hear(.jobs([repair], .roomy), at: 1_000)
        _ = try core.hear(.worked(waiting: 0), at: 1_020)
        #expect(core.load.responseMs == 0 && abs(core.load.serviceMs - 1) < 1e-9)
        _ = try core.hear(.jobs([read, repair], .roomy), at: 2_000)
        _ = try core.hear(.worked(waiting: 0), at: 2_000)
        #expect(abs(core.load.responseMs - 100) < 1e-9)
    }

    /// As long as its part of the batch took, several times; and no more of it beside requests than they can wait for.
    @Test mutating func afterRepairTheThreadRestsFromIt() throws {
        let read = Bench.job(.read(key: key.bytes, summaryOver: 0), id: 1)
        let repair = Bench.job(
            .merge(key: key.bytes, object: MintedObject.bytes("a", by: Bench.us), repair: true), id: 2)
        func share(at ms: Int64) -> RepairShare {
            let now = Instant.origin + .milliseconds(ms)
            return core.repairShare(servedAt: now, now: now)
        }
        _ = try core.hear(.jobs([read], .roomy), at: 1_000)
        _ = try core.hear(.worked(waiting: 0), at: 1_010)
        #expect(share(at: 1_010).from == .origin)
        _ = try core.hear(.jobs([read, repair], .roomy), at: 1_010)
        _ = try core.hear(.worked(waiting: 0), at: 1_020)
        let rest = Span.milliseconds(5) * Limits.repairRest
        #expect(
            share(at: 1_020)
                == RepairShare(
                    from: .origin + .milliseconds(1_020) + rest, atOnce: Limits.repairsBesideOthers))
    }

    /// What a peer has given up is not done when its turn comes, and its answer says no more than that.
    @Test mutating func whatNobodyWaitsForIsNotDone() throws {
        let late = Bench.job(
            .merge(key: key.bytes, object: MintedObject.bytes("a", by: Bench.us), repair: false),
            .peer(connection: 1), id: 1, until: .origin + .milliseconds(500))
        let read = Bench.job(
            .read(key: key.bytes, summaryOver: 0), .peer(connection: 1), id: 2, until: .origin + .milliseconds(501))
        #expect(try core.hear(.jobs([late, read], .roomy), at: 500).isEmpty)
        let done = answers(try core.hear(.worked(waiting: 4), at: 501))
        #expect(done.map(\.address.id) == [2, 1] && core.late == 1)
        #expect(done.map(\.envelope.reply) == [.object(nil), .refused(Refusal(.late))])
        // Its figures are those of the thread: an answer for no work must not look like a fast one.
        #expect(done.allSatisfy { $0.envelope.inFlight == 4 && $0.envelope.serviceMicroseconds == 500 })
        // A batch of nothing else is worked all the same.
        #expect(try core.hear(.jobs([late], .roomy), at: 501).isEmpty && !core.isIdle)
        #expect(answers(try core.hear(.worked(waiting: 0), at: 501)).count == 1 && core.isIdle && core.late == 2)
    }

    /// A page that would hold the shard is the scanner's; what came with it is answered without it.
    @Test mutating func aSlowPageIsHandedOn() throws {
        store.isSlow = true
        let list = RangeRequest(start: key.bytes, end: key.bytes + [1], limit: 2, reverse: false)
        let jobs = [
            Bench.job(.range(list), id: 1), Bench.job(.read(key: key.bytes, summaryOver: 0), id: 2),
            Bench.job(.range(list), id: 3),
        ]
        let begun = try core.hear(.jobs(jobs, .roomy))
        guard begun.count == 1, case .handOn(let pages) = begun[0] else {
            Issue.record("\(begun)")
            return
        }
        #expect(pages.map(\.address.id) == [1, 3])
        let done = answers(try core.hear(.worked(waiting: 0)))
        #expect(done.map(\.address.id) == [2] && done[0].read?.key == key.bytes)
        // For a while no page is tried again, and then it is.
        store.isSlow = false
        let pause = Int64(Limits.pagePause.inMilliseconds)
        #expect(try core.hear(.jobs([jobs[0]], .roomy), at: pause - 1).count == 1)
        _ = try core.hear(.worked(waiting: 0), at: pause - 1)
        #expect(try core.hear(.jobs([jobs[0]], .roomy), at: pause).isEmpty)
        #expect(answers(try core.hear(.worked(waiting: 0), at: pause)).count == 1)
    }

    @Test mutating func aFullDiskTakesNoValue() throws {
        let mint = Bench.job(.mint(MintRequest(key: key.bytes, value: [1])))
        #expect(try core.hear(.jobs([mint], .nearlyFull)).isEmpty)
        #expect(answers(try core.hear(.worked(waiting: 0))).allSatisfy { $0.envelope.reply.isRefusal(.diskFull) })
    }
}

@Suite struct HintCoreTests {
    private let key: StoredKey
    private let store = MemoryStore()
    private var core: HintCore

    init() throws {
        key = try Bench.key()
        core = HintCore(
            keeper: try HintKeeper(identity: Bench.de, store: store), store: store, ring: try Bench.ring())
    }

    private var hint: HintCore.Job {
        .request(Bench.job(.hint(target: Bench.us, key: key.bytes, object: MintedObject.bytes("a", by: Bench.de))))
    }

    /// Carries out the commits of `effects` and of what follows; gives everything else.
    private mutating func settle(_ effects: [HintCore.Effect]) throws -> [HintCore.Effect] {
        try effects.flatMap { effect -> [HintCore.Effect] in
            guard case .commit(let writes, let synced) = effect else { return [effect] }
            try store.commit(writes, synced: synced)
            return try settle(try core.hear(.committed))
        }
    }

    @Test mutating func aHintIsKeptAnsweredDeliveredAndForgotten() throws {
        let kept = try core.hear(.jobs([hint], .roomy))
        guard kept.count == 1, case .commit(_, synced: true) = kept[0] else {
            Issue.record("answered before it was kept: \(kept)")
            return
        }
        let answered = try settle(kept)
        guard answered.count == 1, case .answer(let answers) = answered[0] else {
            Issue.record("\(answered)")
            return
        }
        #expect(answers.map(\.envelope.reply) == [.stored] && core.isIdle)

        let replay = HintCore.Job.replay(reachable: [Bench.us])
        guard case .deliver(let deliveries)? = try settle(try core.hear(.jobs([replay], .roomy))).first else {
            Issue.record("nothing is delivered")
            return
        }
        #expect(deliveries.map(\.target) == [Bench.us])
        // In one batch with the next replay: that one finds it gone.
        let confirm = HintCore.Job.confirm(deliveries[0].id, Bench.us)
        let forgotten = try core.hear(.jobs([replay, confirm], .roomy), at: 200)
        guard case .commit(_, synced: false)? = forgotten.first else {
            Issue.record("\(forgotten)")
            return
        }
        #expect(try settle(forgotten).isEmpty)
        #expect(core.keeper.total.hints == 0 && store.count == 0 && core.isIdle)
    }

    @Test mutating func whatNobodyWaitsForIsNotKept() throws {
        let late = Bench.job(
            .hint(target: Bench.us, key: key.bytes, object: MintedObject.bytes("a", by: Bench.de)),
            .peer(connection: 1), until: .origin + .milliseconds(20))
        let effects = try core.hear(.jobs([.request(late)], .roomy), at: 20)
        guard effects.count == 1, case .answer(let answers) = effects[0] else {
            Issue.record("\(effects)")
            return
        }
        #expect(answers.count == 1 && answers.allSatisfy { $0.envelope.reply.isRefusal(.late) })
        #expect(core.isIdle && core.late == 1 && core.keeper.total.hints == 0)
    }

    @Test mutating func aRefusedDeliveryLeavesItsTargetAlone() throws {
        _ = try settle(try core.hear(.jobs([hint], .roomy)))
        let replay = HintCore.Job.replay(reachable: [Bench.us])
        guard case .deliver(let deliveries)? = try settle(try core.hear(.jobs([replay], .roomy))).first else {
            Issue.record("nothing is delivered")
            return
        }
        let reject = HintCore.Job.reject(deliveries[0].id, Bench.us, .busy)
        #expect(try settle(try core.hear(.jobs([reject, replay], .roomy), at: 100)).isEmpty)
        let passes = try [1_200, 1_300].flatMap { ms in try settle(try core.hear(.jobs([replay], .roomy), at: ms)) }
        #expect(passes.count == 1)
    }
}
