// The loops' side of the storage threads: which thread takes a request, and one hop for all of a turn's requests.

import Node
import Storage
import Wire
import World

/// What a loop has collected for each thread since it last handed work over.
struct PendingJobs {
    var shards: [[StorageJob]] = []
    var hints: [HintCore.Job] = []
    var scans: [StorageJob] = []
    var compares: [StorageJob] = []
}

final class StorageFront: Sendable {
    let environment: StorageEnvironment
    let shards: [ShardThread]
    let scanner: ShardThread
    let comparer: ShardThread
    let hints: HintThread

    /// The threads, not started yet.
    init(_ environment: StorageEnvironment, _ stores: NodeStores, _ configuration: ServerConfiguration) {
        self.environment = environment
        let shares = configuration.sharesCores
        let scanner = ShardThread(environment, .scanner, store: stores.objects, sharesCores: shares)
        self.scanner = scanner
        shards = (0..<configuration.shards).map {
            ShardThread(
                environment, .shard($0), store: stores.objects, sharesCores: shares, scanner: scanner)
        }
        comparer = ShardThread(environment, .comparer, store: stores.objects, sharesCores: shares)
        hints = HintThread(environment, store: stores.hints)
    }

    /// Requests that no thread has done, since nobody waited for their answers any more.
    var late: UInt64 {
        (shards + [scanner, comparer]).reduce(hints.figures.late) { $0 + $1.figures.late }
    }

    /// Puts a job with the loop's other pending work; it leaves at the end of the loop's turn (`submit`).
    func add(_ job: StorageJob, to part: NodePart, of pending: inout PendingJobs) {
        if pending.shards.isEmpty { pending.shards = Array(repeating: [], count: shards.count) }
        switch part {
        case .shard(let index): pending.shards[index].append(job)
        case .hints: pending.hints.append(.request(job))
        case .scanner: pending.scans.append(job)
        case .comparer: pending.compares.append(job)
        }
    }

    /// Takes back what the gateway of loop `port` has asked its own node under `ids` and no thread has begun; which
    /// that was.
    func takeBack(_ ids: Set<UInt64>, port: Int) -> [UInt64] {
        shards.flatMap { shard in
            shard.mailbox.takeBack { job in
                guard case .gateway = job.address.asker, job.address.port == port else { return false }
                return ids.contains(job.address.id)
            }.map(\.address.id)
        }
    }

    /// Hands the work over. What a full mailbox did not take comes back as refusals.
    func submit(_ pending: inout PendingJobs) -> [StorageAnswer] {
        var refused: [StorageAnswer] = []
        func hand(_ jobs: inout [StorageJob], to thread: ShardThread) {
            guard !jobs.isEmpty else { return }
            refused += thread.mailbox.put(jobs).map(\.refusal)
            jobs.removeAll(keepingCapacity: true)
        }
        for index in pending.shards.indices { hand(&pending.shards[index], to: shards[index]) }
        hand(&pending.scans, to: scanner)
        hand(&pending.compares, to: comparer)
        if !pending.hints.isEmpty {
            for case .request(let job) in hints.mailbox.put(pending.hints) { refused.append(job.refusal) }
            pending.hints.removeAll(keepingCapacity: true)
        }
        return refused
    }
}
