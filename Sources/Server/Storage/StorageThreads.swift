// The threads that own the disks: one for each shard, one for hints, one for scans. Each takes all the work that waits,
// works it as one batch, commits it with one sync, and hands the answers out, grouped by the loops that wait for them.

import Foundation
import HintedHandoff
import NIOConcurrencyHelpers
import Node
import Ring
import Storage
import Vnodes
import Wire
import World

/// Who waits for an answer.
struct ReplyAddress: Sendable {
    enum Asker: Sendable {
        /// The loop's own gateway.
        case gateway
        /// A peer, on the loop's connection of this number.
        case peer(connection: Int)
        /// The loop itself, for an operator who asks what this node stores.
        case ownRead
        /// The control loop.
        case control
    }

    let port: Int
    let asker: Asker
    let id: UInt64

    /// An answer to here is dropped.
    static let nobody = ReplyAddress(port: -1, asker: .control, id: 0)
}

struct StorageJob: MailboxWork {
    let request: ReplicaRequest
    let address: ReplyAddress
    /// When it came to this node's storage, for the mean response time.
    let cameAt: Instant

    var byteCount: Int { request.byteCount }
}

struct StorageAnswer: Sendable {
    let address: ReplyAddress
    let envelope: ReplyEnvelope
    /// For the cache of hot objects: the key that was read, and its stripe's generation before it was.
    var read: (key: [UInt8], generation: UInt64)?
    /// False for a write that this node's own gateway may send on while it is being committed: no answer, only the
    /// news of one.
    var isCommitted = true
}

/// Where answers go: an event loop.
protocol AnswerPort: AnyObject, Sendable {
    func deliver(_ answers: [StorageAnswer])
}

/// What the threads share.
final class StorageEnvironment: Sendable {
    let ring: RingSnapshot
    let generations = Generations()
    let expired = ExpiredQueue()
    let directory: DataDirectory
    /// Called from a thread whose disk has failed; does not return control to it.
    let stop: @Sendable (_ store: String, StorageFailure) -> Never
    private let ports = NIOLockedValueBox<[any AnswerPort]>([])
    private let roomBox: NIOLockedValueBox<(room: DiskRoom, at: Instant)>
    private let isFullBox = NIOLockedValueBox(false)

    init(
        ring: RingSnapshot, directory: DataDirectory,
        stop: @escaping @Sendable (String, StorageFailure) -> Never
    ) {
        self.ring = ring
        self.directory = directory
        self.stop = stop
        roomBox = NIOLockedValueBox((directory.room(), MachineClock.instant()))
    }

    /// The loops in the order of their port numbers; set once, before any thread runs.
    func connect(_ loops: [any AnswerPort]) { ports.withLockedValue { $0 = loops } }
    var connected: [any AnswerPort] { ports.withLockedValue { $0 } }

    /// What the disk has left, as of a tenth of a second ago at most.
    func room(_ now: Instant) -> DiskRoom {
        roomBox.withLockedValue { last in
            if now - last.at > .milliseconds(100) { last = (directory.room(), now) }
            return last.room
        }
    }

    /// What other nodes are told: from the first value that would be refused until there is room with a margin.
    func isFull(_ now: Instant) -> Bool {
        let room = room(now)
        return isFullBox.withLockedValue { isFull in
            isFull = room.state > .roomy || (isFull && !room.isAmple)
            return isFull
        }
    }

    func surroundings() -> BatchSurroundings {
        let now = MachineClock.now()
        return BatchSurroundings(now: now, ring: ring, disk: room(now.instant).state)
    }
}

/// Totals of one thread, for metrics.
struct StorageCounters: Sendable {
    var batches: UInt64 = 0
    var requests: UInt64 = 0
    var writes: UInt64 = 0
    var writtenBytes: UInt64 = 0
    /// Moving average of the time a request takes here without its wait, ms.
    var serviceMs = 0.0
    /// The same from its arrival to its answer, its wait and its batch's commit included, ms.
    var responseMs = 0.0
    var replicationDelay = DelayAverage()
    var highestCounter: UInt64 = 0
    var unmergeable: UInt64 = 0
    var expired: UInt64 = 0
    var commitSeconds = LatencyBuckets()
}

extension [StorageCounters] {
    /// The slowest thread's.
    func replicationDelayMs(at now: Instant) -> Double {
        map { $0.replicationDelay.milliseconds(at: now) }.max() ?? 0
    }
}

/// Answers of a batch, sent out loop by loop: one hop each however many there are.
struct AnswerSorter {
    private var byPort: [[StorageAnswer]]
    private let ports: [any AnswerPort]

    init(_ ports: [any AnswerPort]) {
        self.ports = ports
        byPort = Array(repeating: [], count: ports.count)
    }

    mutating func add(_ answer: StorageAnswer) {
        if byPort.indices.contains(answer.address.port) { byPort[answer.address.port].append(answer) }
    }

    mutating func send() {
        for (port, answers) in zip(ports, byPort) where !answers.isEmpty { port.deliver(answers) }
    }
}

/// Starts a named thread for as long as `mailbox` is open; `ended` is left when it is through.
func runThread(_ name: String, _ ended: DispatchGroup, _ body: @escaping @Sendable () -> Void) {
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
    let mailbox = Mailbox<StorageJob>()
    private let environment: StorageEnvironment
    private let store: LevelDBStore
    private let countersBox = NIOLockedValueBox(StorageCounters())
    private let largestBatch: Int
    /// Of fewer requests there is little to share a sync among.
    private static let batchWorthFilling = 8
    /// Whether there is another node to send anything to.
    private let sendsAhead: Bool
    /// Other nodes run on the same cores.
    private let sharesCores: Bool

    init(
        _ environment: StorageEnvironment, store: LevelDBStore, largestBatch: Int = Limits.batchRequests,
        sharesCores: Bool = false
    ) {
        self.sharesCores = sharesCores
        sendsAhead = environment.ring.document.nodes.count > 1
        self.environment = environment
        self.store = store
        self.largestBatch = largestBatch
    }

    var counters: StorageCounters { countersBox.withLockedValue { $0 } }

    func start(_ name: String, shard: VnodeShard, ended: DispatchGroup) {
        runThread(name, ended) { [self] in
            var shard = shard
            let ports = environment.connected
            var usual = 0
            while let jobs = mailbox.take(most: largestBatch) {
                usual = max(jobs.count, usual - usual / 8)
                work(jobs, &shard, ports)
                // The core is theirs for once who wait for it with work for us: a batch costs as much as dozens of
                // writes. A node that has its cores to itself only loses by it: another core would have been free.
                if sharesCores, usual >= ShardThread.batchWorthFilling, mailbox.count < usual / 4 * 3 { sched_yield() }
            }
        }
    }

    private func work(_ jobs: [StorageJob], _ shard: inout VnodeShard, _ ports: [any AnswerPort]) {
        let started = MachineClock.instant()
        // Before the reads: a write that comes between only makes the cache miss.
        let generations = jobs.map { job -> (key: [UInt8], generation: UInt64)? in
            guard case .read(let key, _) = job.request else { return nil }
            return (key, environment.generations.current(key))
        }
        let outcome: BatchOutcome
        var commit = Span.zero
        do {
            outcome = try shard.process(jobs.map(\.request), store: store, in: environment.surroundings())
            if !outcome.writes.isEmpty {
                if outcome.synced, sendsAhead { announce(jobs, outcome, ports) }
                let before = MachineClock.instant()
                try store.commit(outcome.writes, synced: outcome.synced)
                commit = MachineClock.instant() - before
                for write in outcome.writes { environment.generations.raise(write.key) }
            }
        } catch {
            environment.stop("objects", error)
        }
        environment.expired.add(outcome.expired)
        let worked = MachineClock.instant()
        let elapsed = worked - started
        let clockMs = UInt64(clamping: worked.nanoseconds / 1_000_000)
        let service = UInt32(clamping: elapsed.nanoseconds / 1_000 / Int64(jobs.count))
        let waiting = UInt32(clamping: mailbox.count)
        var sorter = AnswerSorter(ports)
        for (index, job) in jobs.enumerated() {
            let envelope = ReplyEnvelope(
                id: job.address.id, inFlight: waiting, serviceMicroseconds: service, clockMs: clockMs,
                reply: outcome.replies[index])
            sorter.add(StorageAnswer(address: job.address, envelope: envelope, read: generations[index]))
        }
        sorter.send()
        let finished = MachineClock.instant()
        let response = jobs.reduce(0.0) { $0 + (finished - $1.cameAt).inMilliseconds } / Double(jobs.count)
        note(jobs.count, outcome, serviceMs: Double(service) / 1_000, responseMs: response, commit, shard)
    }

    /// Tells the gateways of this node what they are about to have written (WriteCoordinator).
    private func announce(_ jobs: [StorageJob], _ outcome: BatchOutcome, _ ports: [any AnswerPort]) {
        var sorter = AnswerSorter(ports)
        for (job, reply) in zip(jobs, outcome.replies) {
            guard case .gateway = job.address.asker, case .minted = reply else { continue }
            let envelope = ReplyEnvelope(id: job.address.id, inFlight: 0, serviceMicroseconds: 0, reply: reply)
            sorter.add(StorageAnswer(address: job.address, envelope: envelope, isCommitted: false))
        }
        sorter.send()
    }

    private func note(
        _ requests: Int, _ outcome: BatchOutcome, serviceMs: Double, responseMs: Double, _ commit: Span,
        _ shard: VnodeShard
    ) {
        countersBox.withLockedValue { counters in
            counters.batches += 1
            counters.requests += UInt64(requests)
            counters.serviceMs += 0.05 * (serviceMs - counters.serviceMs)
            counters.responseMs += 0.05 * (responseMs - counters.responseMs)
            counters.replicationDelay = shard.replicationDelay
            counters.highestCounter = shard.counter
            counters.unmergeable = shard.unmergeable
            counters.expired = shard.expired
            guard !outcome.writes.isEmpty else { return }
            counters.writes += UInt64(outcome.writes.count)
            counters.writtenBytes += UInt64(outcome.writes.reduce(0) { $0 + $1.byteCount })
            counters.commitSeconds.observe(commit)
        }
    }
}

/// What the hint thread is asked: to keep and read hints, and to hand out what can be delivered.
enum HintJob: MailboxWork {
    case request(StorageJob)
    case replay(reachable: [NodeID])
    case confirm(UInt64, NodeID)
    /// `isFull`: because the replica's disk is.
    case reject(UInt64, NodeID, isFull: Bool)

    var byteCount: Int { if case .request(let job) = self { job.byteCount } else { 0 } }
}

struct HintFigures: Sendable {
    var backlog = HintBacklog()
    var delivered: UInt64 = 0
    var refused: UInt64 = 0
    var expired: UInt64 = 0
    var unreadable = 0

    init() {}

    init(_ keeper: HintKeeper) {
        backlog = keeper.total
        delivered = keeper.delivered
        refused = keeper.refused
        expired = keeper.expired
        unreadable = keeper.unreadable
    }
}

final class HintThread: Sendable {
    let mailbox = Mailbox<HintJob>()
    private let environment: StorageEnvironment
    private let store: LevelDBStore
    private let figuresBox = NIOLockedValueBox(HintFigures())

    init(_ environment: StorageEnvironment, store: LevelDBStore) {
        self.environment = environment
        self.store = store
    }

    var figures: HintFigures { figuresBox.withLockedValue { $0 } }

    /// `deliver`: called on this thread with the hints to send.
    func start(keeper: HintKeeper, ended: DispatchGroup, deliver: @escaping @Sendable ([HintDelivery]) -> Void) {
        figuresBox.withLockedValue { $0 = HintFigures(keeper) }
        runThread("atoll-hints", ended) { [self] in
            var keeper = keeper
            let ports = environment.connected
            while let jobs = mailbox.take(most: Limits.batchRequests) {
                do { try work(jobs, &keeper, ports, deliver) } catch let failure as StorageFailure {
                    environment.stop("hints", failure)
                } catch {
                    environment.stop("hints", StorageFailure(.corruption, "\(error)"))
                }
                let figures = HintFigures(keeper)
                figuresBox.withLockedValue { $0 = figures }
            }
        }
    }

    private func work(
        _ jobs: [HintJob], _ keeper: inout HintKeeper, _ ports: [any AnswerPort], _ deliver: ([HintDelivery]) -> Void
    ) throws {
        let surroundings = environment.surroundings()
        try keep(jobs, &keeper, surroundings, ports)
        var forgotten: [StoreWrite] = []
        var reachable: [NodeID]?
        for job in jobs {
            switch job {
            case .request: break
            case .confirm(let id, let target):
                if let write = try keeper.confirm(id, from: target, store: store) { forgotten.append(write) }
            case .reject(let id, let target, let isFull):
                keeper.reject(id, from: target, isFull: isFull, now: surroundings.now.instant)
            case .replay(let nodes): reachable = nodes
            }
        }
        // Lost deletions only mean that a hint is delivered twice, so they need no sync of their own.
        if !forgotten.isEmpty { try store.commit(forgotten, synced: false) }
        if let reachable {
            let (deliveries, expired) = try keeper.replay(to: reachable, store: store, now: surroundings.now)
            if !expired.isEmpty { try store.commit(expired, synced: false) }
            if !deliveries.isEmpty { deliver(deliveries) }
        }
    }

    private func keep(
        _ jobs: [HintJob], _ keeper: inout HintKeeper, _ surroundings: BatchSurroundings, _ ports: [any AnswerPort]
    ) throws {
        let requests = jobs.compactMap { job -> StorageJob? in
            if case .request(let request) = job { request } else { nil }
        }
        guard !requests.isEmpty else { return }
        let outcome = try keeper.process(requests.map(\.request), store: store, in: surroundings)
        if !outcome.writes.isEmpty { try store.commit(outcome.writes, synced: outcome.synced) }
        var sorter = AnswerSorter(ports)
        for (job, reply) in zip(requests, outcome.replies) {
            let envelope = ReplyEnvelope(id: job.address.id, inFlight: 0, serviceMicroseconds: 0, reply: reply)
            sorter.add(StorageAnswer(address: job.address, envelope: envelope))
        }
        sorter.send()
    }
}
