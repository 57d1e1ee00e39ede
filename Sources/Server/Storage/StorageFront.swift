// The loops' side of the storage threads: which thread takes a request, and one hop for all of a turn's requests.

import Node
import Wire
import World

/// What a loop has collected for each thread since it last handed work over.
struct PendingJobs {
    var shards: [[StorageJob]] = []
    var hints: [HintJob] = []
    var scans: [StorageJob] = []
}

final class StorageFront: Sendable {
    let environment: StorageEnvironment
    let shards: [ShardThread]
    let scanner: ShardThread
    let hints: HintThread

    init(_ environment: StorageEnvironment, shards: [ShardThread], scanner: ShardThread, hints: HintThread) {
        self.environment = environment
        self.shards = shards
        self.scanner = scanner
        self.hints = hints
    }

    /// Puts a request with the loop's other pending work; it leaves at the end of the loop's turn.
    func queue(_ request: ReplicaRequest, _ address: ReplyAddress, on loop: RequestLoop) {
        add(request, address, to: &loop.pendingJobs)
        loop.scheduleFlush()
    }

    func add(_ request: ReplicaRequest, _ address: ReplyAddress, to pending: inout PendingJobs) {
        let job = StorageJob(request: request, address: address, cameAt: MachineClock.instant())
        if pending.shards.isEmpty { pending.shards = Array(repeating: [], count: shards.count) }
        switch Routing.part(for: job.request, shards: shards.count, ring: environment.ring) {
        case .shard(let index): pending.shards[index].append(job)
        case .hints: pending.hints.append(.request(job))
        case .scanner: pending.scans.append(job)
        }
    }

    /// Takes back what the gateway of loop `port` has asked its own node under `ids` and no thread has begun; which that
    /// was.
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
        func refuse(_ job: StorageJob) {
            let reply = ReplicaReply.refused(Refusal(.busy, "too many requests wait for this storage thread"))
            let envelope = ReplyEnvelope(
                id: job.address.id, inFlight: UInt32(Limits.mailboxRequests), serviceMicroseconds: 0, reply: reply)
            refused.append(StorageAnswer(address: job.address, envelope: envelope))
        }
        for index in pending.shards.indices where !pending.shards[index].isEmpty {
            if !shards[index].mailbox.put(pending.shards[index]) { pending.shards[index].forEach(refuse) }
            pending.shards[index].removeAll(keepingCapacity: true)
        }
        if !pending.scans.isEmpty {
            if !scanner.mailbox.put(pending.scans) { pending.scans.forEach(refuse) }
            pending.scans.removeAll(keepingCapacity: true)
        }
        if !pending.hints.isEmpty {
            if !hints.mailbox.put(pending.hints) {
                for case .request(let job) in pending.hints { refuse(job) }
            }
            pending.hints.removeAll(keepingCapacity: true)
        }
        return refused
    }
}
