// The threads that own the disks: one for each shard, one for hints, one for long pages and one for
// compares. Each takes all the work that waits, works it as one batch, commits it with one sync, and hands the answers
// out, grouped by the loops that wait for them.

package import Foundation
import HintedHandoff
import LevelDB
import Live
import NIOConcurrencyHelpers
import Node
import Ring
import Storage
import Synchronization
import Vnodes
import Wire
import World

/// Where answers go: an event loop.
protocol AnswerPort: AnyObject, Sendable {
    func deliver(_ answers: [StorageAnswer])
    func deliver(expired: [ExpiredObject])
    func deliver(_ changes: Changes)
}

extension AnswerPort {
    func deliver(expired: [ExpiredObject]) {}
    func deliver(_ changes: Changes) {}
}

/// What the threads share.
final class StorageEnvironment: Sendable {
    let ring: RingSnapshot
    let stripes = CacheStripes()
    let changes: ChangePositions
    let directory: DataDirectory
    let memory: MemoryBudget
    /// Called from a thread whose disk has failed; does not return control to it.
    let stop: @Sendable (_ store: String, StorageFailure) -> Never
    private let ports = NIOLockedValueBox<[any AnswerPort]>([])
    private let gauge: NIOLockedValueBox<DiskGauge>
    private let served = Atomic<Int64>(0)

    init(
        ring: RingSnapshot, shards: Int, directory: DataDirectory, memory: MemoryBudget,
        stop: @escaping @Sendable (String, StorageFailure) -> Never
    ) {
        self.ring = ring
        changes = ChangePositions(shards: shards)
        self.directory = directory
        self.memory = memory
        self.stop = stop
        gauge = NIOLockedValueBox(DiskGauge(directory.space(), at: MachineClock.instant()))
    }

    /// The loops in the order of their port numbers; set once, before any thread runs.
    func connect(_ loops: [any AnswerPort]) { ports.withLockedValue { $0 = loops } }
    var connected: [any AnswerPort] { ports.withLockedValue { $0 } }

    /// A loop says once a turn when it was last asked for anything (`LoopCore.servedAt`); the latest of all counts.
    func serve(at instant: Instant) { served.max(instant.nanoseconds, ordering: .relaxed) }
    var servedAt: Instant { Instant(nanoseconds: served.load(ordering: .relaxed)) }

    func disk(_ now: Instant) -> DiskGauge {
        gauge.withLockedValue { gauge in
            gauge.look(at: now, directory.space)
            return gauge
        }
    }
}

/// Totals of one thread, for metrics.
struct StorageFigures: Sendable {
    var batches: UInt64 = 0
    var requests: UInt64 = 0
    var writes: UInt64 = 0
    var writtenBytes: UInt64 = 0
    var load = StorageLoad()
    var highestCounter: UInt64 = 0
    var unmergeable: UInt64 = 0
    var expired: UInt64 = 0
    var late: UInt64 = 0
    var commitSeconds = LatencyBuckets()
}

extension [any AnswerPort] {
    /// Answers of a batch, sent out loop by loop: one hop each however many there are.
    func send(_ answers: [StorageAnswer]) {
        var byPort: [[StorageAnswer]] = Array<[StorageAnswer]>(repeating: [], count: count)
        for answer in answers where indices.contains(answer.address.port) {
            byPort[answer.address.port].append(answer)
        }
        for (port, answers) in zip(self, byPort) where !answers.isEmpty { port.deliver(answers) }
    }
}

/// Starts a named thread for as long as `mailbox` is open; `ended` is left when it is through.
package func runThread(_ name: String, _ ended: DispatchGroup, _ body: @escaping @Sendable () -> Void) {
    ended.enter()
    let thread = Thread {
        body()
        ended.leave()
    }
    thread.name = name
    thread.stackSize = 1 << 20
    thread.start()
}

/// One shard's thread, or the scanner's or comparer's (shards that are only ever asked to read).
final class ShardThread: Sendable {
    let mailbox: Mailbox<StorageJob>
    private let environment: StorageEnvironment
    private let store: DividedStore<LevelDBStore>
    private let figuresBox = NIOLockedValueBox(StorageFigures())
    private let part: NodePart
    /// Takes the pages that this thread would be held by; nil: it holds none up.
    private let scanner: ShardThread?
    /// Of fewer requests there is little to share a sync among.
    private static let batchWorthFilling = 8
    /// Other nodes run on the same cores.
    private let sharesCores: Bool

    init(
        _ environment: StorageEnvironment, _ part: NodePart, store: DividedStore<LevelDBStore>,
        sharesCores: Bool, scanner: ShardThread? = nil
    ) {
        self.scanner = scanner
        mailbox = Mailbox(environment.memory.mailbox)
        self.sharesCores = sharesCores
        self.environment = environment
        self.store = store
        self.part = part
    }

    var figures: StorageFigures { figuresBox.withLockedValue { $0 } }

    func start(_ name: String, shard: VnodeShard, ended: DispatchGroup) {
        runThread(name, ended) { [self] in
            if sharesCores { stepBack() }
            var core = ShardCore(
                shard: shard, store: store, stripes: environment.stripes, ring: environment.ring, changes: changes)
            let ports = environment.connected
            var usual = 0
            while let jobs = take(for: core) {
                usual = max(jobs.count { !$0.isRepair }, usual - usual / 8)
                do throws(StorageFailure) { try work(jobs, &core, ports) } catch { environment.stop("objects", error) }
                // The core is theirs for once who wait for it with work for us: a batch costs as much as dozens of
                // writes. A node that has its cores to itself only loses by it: another core would have been free.
                if sharesCores, usual >= ShardThread.batchWorthFilling, mailbox.waitingCount < usual / 4 * 3 {
                    sched_yield()
                }
            }
        }
    }

    /// Behind the loops of all nodes here: what waits for storage waits together, for fewer and larger batches
    /// (docs/decisions/0046-storage-steps-back-where-cores-are-shared.md).
    private func stepBack() {
        // On Linux of this thread alone (nice(2), "C library/kernel differences"), from where the process was put.
        _ = nice(Limits.storageNiceness)
    }

    private var changes: ShardChanges? {
        if case .shard(let number) = part { ShardChanges(environment.changes, shard: number) } else { nil }
    }

    private func take(for core: ShardCore) -> [StorageJob]? {
        let share = core.repairShare(servedAt: environment.servedAt, now: MachineClock.instant())
        return mailbox.take(most: part.largestBatch, repairs: share.atOnce, from: share.from)
    }

    private func work(
        _ jobs: [StorageJob], _ core: inout ShardCore, _ ports: [any AnswerPort]
    ) throws(StorageFailure) {
        let started = MachineClock.now()
        var out = Outbox<ShardCore.Effect>()
        try core.handle(.jobs(jobs, environment.disk(started.instant).space.state), started, &out)
        var commit: (writes: [StoreWrite], took: Span)?
        for effect in out.take() {
            if case .commit(let writes, let synced) = effect {
                let before = MachineClock.instant()
                try store.commit(writes, synced: synced)
                commit = (writes, MachineClock.instant() - before)
            } else {
                carryOut(effect, ports)
            }
        }
        try core.handle(.worked(waiting: mailbox.waitingCount), MachineClock.now(), &out)
        for effect in out.take() { carryOut(effect, ports) }
        note(jobs.count, commit, core)
    }

    private func carryOut(_ effect: ShardCore.Effect, _ ports: [any AnswerPort]) {
        switch effect {
        case .announce(let answers), .answer(let answers): ports.send(answers)
        case .handOn(let jobs):
            let refused = scanner?.mailbox.put(jobs) ?? jobs
            if !refused.isEmpty { ports.send(refused.map(\.refusal)) }
        // The control loop has the last number.
        case .expired(let found): ports.last?.deliver(expired: found)
        case .changed(let changes): ports.last?.deliver(changes)
        case .commit: break
        }
    }

    private func note(_ requests: Int, _ commit: (writes: [StoreWrite], took: Span)?, _ core: ShardCore) {
        figuresBox.withLockedValue { figures in
            figures.batches += 1
            figures.requests += UInt64(requests)
            figures.load = core.load
            figures.highestCounter = core.shard.counter
            figures.unmergeable = core.shard.unmergeable
            figures.expired = core.shard.expired
            figures.late = core.late
            guard let commit else { return }
            figures.writes += UInt64(commit.writes.count)
            figures.writtenBytes += UInt64(commit.writes.reduce(0) { $0 + $1.byteCount })
            figures.commitSeconds.observe(commit.took)
        }
    }
}

struct HintFigures: Sendable {
    var backlog = HintBacklog()
    var delivered: UInt64 = 0
    var refused: UInt64 = 0
    var expired: UInt64 = 0
    var unreadable = 0
    var late: UInt64 = 0

    init() {}

    init(_ keeper: HintKeeper, late: UInt64 = 0) {
        self.late = late
        backlog = keeper.total
        delivered = keeper.delivered
        refused = keeper.refused
        expired = keeper.expired
        unreadable = keeper.unreadable
    }
}

final class HintThread: Sendable {
    let mailbox: Mailbox<HintCore.Job>
    private let environment: StorageEnvironment
    private let store: LevelDBStore
    private let figuresBox = NIOLockedValueBox(HintFigures())

    init(_ environment: StorageEnvironment, store: LevelDBStore) {
        mailbox = Mailbox(environment.memory.mailbox)
        self.environment = environment
        self.store = store
    }

    var figures: HintFigures { figuresBox.withLockedValue { $0 } }

    /// `deliver`: called on this thread with the hints to send.
    func start(keeper: HintKeeper, ended: DispatchGroup, deliver: @escaping @Sendable ([HintDelivery]) -> Void) {
        figuresBox.withLockedValue { $0 = HintFigures(keeper) }
        runThread("atoll-hints", ended) { [self] in
            var core = HintCore(keeper: keeper, store: store, ring: environment.ring)
            let ports = environment.connected
            while let jobs = mailbox.take(most: NodePart.hints.largestBatch) {
                do throws(StorageFailure) { try work(jobs, &core, ports, deliver) } catch {
                    environment.stop("hints", error)
                }
                let figures = HintFigures(core.keeper, late: core.late)
                figuresBox.withLockedValue { $0 = figures }
            }
        }
    }

    private func work(
        _ jobs: [HintCore.Job], _ core: inout HintCore, _ ports: [any AnswerPort], _ deliver: ([HintDelivery]) -> Void
    ) throws(StorageFailure) {
        var out = Outbox<HintCore.Effect>()
        let now = MachineClock.now()
        try core.handle(.jobs(jobs, environment.disk(now.instant).space.state), now, &out)
        while !out.isEmpty {
            for effect in out.take() {
                switch effect {
                case .commit(let writes, let synced):
                    try store.commit(writes, synced: synced)
                    try core.handle(.committed, MachineClock.now(), &out)
                case .answer(let answers): ports.send(answers)
                case .deliver(let deliveries): deliver(deliveries)
                }
            }
        }
    }
}
