// One storage thread: takes what waits as one batch, has it written with one sync, and answers when that is done.
//
//     jobs ──▶ work ──▶ announce, commit ──▶ worked ──▶ answers
//
// The scanner's and the comparer's threads are the same, over shards that are only ever asked to read.

package import Ring
package import Storage
package import Vnodes
import Wire
package import World

package struct ShardCore: Sendable {
    package enum Input: Sendable {
        /// A batch, while none is under way.
        case jobs([StorageJob], DiskState)
        /// What was to be committed is; or nothing was. With the load that the answers tell of.
        case worked(ReplicaLoad)
    }

    package enum Effect: Sendable {
        /// For this node's own gateways, at once: what they are about to have written (WriteCoordinator).
        case announce([StorageAnswer])
        case commit([StoreWrite], synced: Bool)
        case answer([StorageAnswer])
        /// Values whose time is over, for the shards to rewrite.
        case expired([ExpiredObject])
    }

    /// What a replica says of itself with each answer (ReplyEnvelope).
    package struct ReplicaLoad: Sendable {
        package var waiting: Int
        package var serviceMicroseconds: UInt32

        package init(waiting: Int, serviceMicroseconds: UInt32) {
            self.waiting = waiting
            self.serviceMicroseconds = serviceMicroseconds
        }
    }

    private enum State {
        case idle
        /// `late`: what came with the batch, and is refused with it.
        case working([StorageJob], late: [StorageJob], BatchOutcome, reads: [(key: [UInt8], stripe: UInt64)?])
    }

    package private(set) var shard: VnodeShard
    private let store: any KeyValueStore
    private let stripes: CacheStripes
    private let ring: RingSnapshot
    private var state = State.idle
    /// Requests that were not done, since nobody waited for their answers any more when their turn came.
    package private(set) var late: UInt64 = 0

    package init(shard: VnodeShard, store: any KeyValueStore, stripes: CacheStripes, ring: RingSnapshot) {
        self.shard = shard
        self.store = store
        self.stripes = stripes
        self.ring = ring
    }

    package var isIdle: Bool { if case .idle = state { true } else { false } }

    package mutating func handle(
        _ input: Input, _ now: Now, _ out: inout Outbox<Effect>
    ) throws(StorageFailure) {
        switch (state, input) {
        case (.idle, .jobs(let jobs, let disk)): try work(jobs, disk, now, &out)
        case (.working(let jobs, let late, let outcome, let reads), .worked(let load)):
            state = .idle
            // Before any answer leaves.
            for write in outcome.writes { stripes.raise(write.key) }
            if !outcome.expired.isEmpty { out.emit(.expired(outcome.expired)) }
            var answers = answers(jobs, outcome, reads, load, now)
            for job in late { answers.append(ShardCore.answer(job, .refused(Refusal(.late)), load, now)) }
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
        let reads = jobs.map { job -> (key: [UInt8], stripe: UInt64)? in
            guard case .read(let key, _) = job.request else { return nil }
            return (key, stripes.current(key))
        }
        let outcome = try shard.process(
            jobs.map(\.request), store: store, in: BatchSurroundings(now: now, ring: ring, disk: disk))
        if !outcome.writes.isEmpty {
            if outcome.synced { announce(jobs, outcome, &out) }
            out.emit(.commit(outcome.writes, synced: outcome.synced))
        }
        state = .working(jobs, late: tooLate, outcome, reads: reads)
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

    private func answers(
        _ jobs: [StorageJob], _ outcome: BatchOutcome, _ reads: [(key: [UInt8], stripe: UInt64)?],
        _ load: ReplicaLoad, _ now: Now
    ) -> [StorageAnswer] {
        jobs.indices.map { index in
            ShardCore.answer(jobs[index], outcome.replies[index], load, now, read: reads[index])
        }
    }

    private static func answer(
        _ job: StorageJob, _ reply: ReplicaReply, _ load: ReplicaLoad, _ now: Now,
        read: (key: [UInt8], stripe: UInt64)? = nil
    ) -> StorageAnswer {
        let envelope = ReplyEnvelope(
            id: job.address.id, inFlight: UInt32(clamping: load.waiting),
            serviceMicroseconds: load.serviceMicroseconds,
            clockMs: UInt64(clamping: now.instant.nanoseconds / 1_000_000), reply: reply)
        return StorageAnswer(address: job.address, envelope: envelope, read: read)
    }
}
