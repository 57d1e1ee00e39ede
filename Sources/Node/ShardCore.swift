// One storage thread: takes what waits as one batch, has it written with one sync, and answers when that is done.
//
//     jobs ──▶ work ──▶ announce, commit ──▶ worked ──▶ answers
//
// The scanner's and the comparer's threads are the same, over shards that are only ever asked to read.

package import Live
package import Ring
package import Storage
package import Vnodes
import Wire
package import World

package struct ShardCore: Sendable {
    package enum Input: Sendable {
        /// A batch, while none is under way.
        case jobs([StorageJob], DiskState)
        /// What was to be committed is; or nothing was. With the number of requests that wait, repairs apart, which the
        /// answers tell.
        case worked(waiting: Int)
    }

    package enum Effect: Sendable {
        /// For this node's own gateways, at once: what they are about to have written (WriteCoordinator).
        case announce([StorageAnswer])
        case commit([StoreWrite], synced: Bool)
        case answer([StorageAnswer])
        /// Pages that are the scanner's after all.
        case handOn([StorageJob])
        /// Values whose time is over, for the shards to rewrite.
        case expired([ExpiredObject])
        /// For live reads, where anybody watches.
        case changed(Changes)
    }

    /// What a replica says of itself with each answer (ReplyEnvelope).
    private struct ReplicaLoad {
        let waiting: UInt32
        let serviceMicroseconds: UInt32
    }

    private struct Work {
        let jobs: [StorageJob]
        /// What came with the batch, and is refused with it.
        let late: [StorageJob]
        let outcome: BatchOutcome
        let reads: [(key: [UInt8], stripe: UInt64)?]
        let began: Instant
    }

    private enum State {
        case idle
        case working(Work)
    }

    package private(set) var shard: VnodeShard
    private let store: any KeyValueStore
    private let stripes: CacheStripes
    private let ring: RingSnapshot
    private let changes: ShardChanges?
    private var state = State.idle
    private var measured = StorageLoad()
    private var pace = RepairPace()
    /// Requests that were not done, since nobody waited for their answers any more when their turn came.
    package private(set) var late: UInt64 = 0

    /// - Parameter changes: nil for a thread that only reads.
    package init(
        shard: VnodeShard, store: any KeyValueStore, stripes: CacheStripes, ring: RingSnapshot,
        changes: ShardChanges? = nil
    ) {
        self.shard = shard
        self.changes = changes
        self.store = store
        self.stripes = stripes
        self.ring = ring
    }

    package var load: StorageLoad {
        var load = measured
        load.replicationDelay = shard.replicationDelay
        return load
    }

    package var isIdle: Bool { if case .idle = state { true } else { false } }

    /// What the next batch may have of repair, and when; `servedAt` as `LoopCore` has it.
    package func repairShare(servedAt: Instant, now: Instant) -> RepairShare {
        pace.share(servedAt: servedAt, now: now)
    }

    package mutating func handle(
        _ input: Input, _ now: Now, _ out: inout Outbox<Effect>
    ) throws(StorageFailure) {
        switch (state, input) {
        case (.idle, .jobs(let jobs, let disk)): try work(jobs, disk, now, &out)
        case (.working(let work), .worked(let waiting)):
            state = .idle
            // Before any answer leaves.
            for key in work.outcome.changed { stripes.raise(key) }
            if let changed = changes?.committed(work.outcome.changed) { out.emit(.changed(changed)) }
            if !work.outcome.expired.isEmpty { out.emit(.expired(work.outcome.expired)) }
            let load = measure(work, waiting, now.instant)
            var answers = answers(work, load, now)
            for job in work.late { answers.append(ShardCore.answer(job, .refused(Refusal(.late)), load, now)) }
            out.emit(.answer(answers))
        case (.idle, .worked), (.working, .jobs): assertionFailure("a batch at a time")
        }
    }

    private mutating func work(
        _ batch: [StorageJob], _ disk: DiskState, _ now: Now, _ out: inout Outbox<Effect>
    ) throws(StorageFailure) {
        var jobs = batch
        let tooLate = jobs.takeLate(at: now.instant)
        late += UInt64(tooLate.count)
        // Before the reads: a write that comes between only makes the cache miss.
        var reads = jobs.map { job -> (key: [UInt8], stripe: UInt64)? in
            guard case .read(let key, _) = job.request else { return nil }
            return (key, stripes.current(key))
        }
        var outcome = try shard.process(
            jobs.map(\.request), store: store, in: BatchSurroundings(now: now, ring: ring, disk: disk))
        if !outcome.handedOn.isEmpty {
            out.emit(.handOn(outcome.handedOn.map { jobs[$0] }))
            for place in outcome.handedOn.reversed() {
                jobs.remove(at: place)
                reads.remove(at: place)
                outcome.replies.remove(at: place)
            }
        }
        if !outcome.writes.isEmpty {
            if outcome.synced { announce(jobs, outcome, &out) }
            out.emit(.commit(outcome.writes, synced: outcome.synced))
        }
        state = .working(Work(jobs: jobs, late: tooLate, outcome: outcome, reads: reads, began: now.instant))
    }

    private func announce(_ jobs: [StorageJob], _ outcome: BatchOutcome, _ out: inout Outbox<Effect>) {
        guard ring.document.nodes.count > 1 else { return }
        var news: [StorageAnswer] = []
        for (job, reply) in zip(jobs, outcome.replies) {
            guard case .gateway = job.address.asker, case .minted = reply else { continue }
            let envelope = ReplyEnvelope(id: job.address.id, inFlight: 0, serviceMicroseconds: 0, reply: reply)
            news.append(StorageAnswer(address: job.address, envelope: envelope, isCommitted: false))
        }
        if !news.isEmpty { out.emit(.announce(news)) }
    }

    private mutating func measure(_ work: Work, _ waiting: Int, _ now: Instant) -> ReplicaLoad {
        let (took, count) = (now - work.began, Int64(work.jobs.count + work.late.count))
        let service = took.nanoseconds / 1_000 / max(1, count)
        var (awaited, repairs, response) = (0.0, Int64(0), 0.0)
        func note(_ job: StorageJob) {
            guard !job.isRepair else { return repairs += 1 }
            awaited += 1
            response += (now - job.cameAt).inMilliseconds
        }
        work.jobs.forEach(note)
        work.late.forEach(note)
        if repairs > 0 { pace.worked(took * repairs / count, now: now) }
        measured.note(serviceMs: Double(service) / 1_000, responseMs: awaited > 0 ? response / awaited : nil)
        return ReplicaLoad(waiting: UInt32(clamping: waiting), serviceMicroseconds: UInt32(clamping: service))
    }

    private func answers(_ work: Work, _ load: ReplicaLoad, _ now: Now) -> [StorageAnswer] {
        work.jobs.indices.map { index in
            ShardCore.answer(work.jobs[index], work.outcome.replies[index], load, now, read: work.reads[index])
        }
    }

    private static func answer(
        _ job: StorageJob, _ reply: ReplicaReply, _ load: ReplicaLoad, _ now: Now,
        read: (key: [UInt8], stripe: UInt64)? = nil
    ) -> StorageAnswer {
        let envelope = ReplyEnvelope(
            id: job.address.id, inFlight: load.waiting,
            serviceMicroseconds: load.serviceMicroseconds,
            clockMs: UInt64(clamping: now.instant.nanoseconds / 1_000_000), reply: reply)
        return StorageAnswer(address: job.address, envelope: envelope, read: read)
    }
}
