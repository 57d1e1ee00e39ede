// The hint thread: keeps writes for replicas that could not take them, and hands them out when these can.
//
// A batch goes through in up to three steps, each with its commit: what is to be kept, synced, before it is answered;
// what has been delivered is forgotten; what is too old is found on the way to the next deliveries, and forgotten as
// well. Those two need no sync: a deletion that is lost only means that a hint is looked at twice.

package import HintedHandoff
package import Ring
package import Storage
package import Wire
package import World

package struct HintCore: Sendable {
    package enum Job: Sendable {
        /// `.hint` or `.readHints`.
        case request(StorageJob)
        /// Send what there is to these, now and whenever a delivery has made room. Call ten times a second.
        case replay(reachable: [NodeID])
        /// A delivery was stored.
        case confirm(UInt64, NodeID)
        /// It was refused.
        case reject(UInt64, NodeID, Refusal.Code)
        /// It could not be sent, or its connection broke.
        case lost(UInt64, NodeID)
    }

    package enum Input: Sendable {
        /// A batch, while none is under way.
        case jobs([Job], DiskState)
        /// What was to be committed is.
        case committed
    }

    package enum Effect: Sendable {
        case commit([StoreWrite], synced: Bool)
        case answer([StorageAnswer])
        case deliver([HintDelivery])
    }

    private enum State {
        case idle
        /// The answers wait until the hints are on the disk, and the other jobs read what stands there.
        case keeping([StorageAnswer], then: [Job])
        case forgetting
        case expiring(thenDeliver: [HintDelivery])
    }

    package private(set) var keeper: HintKeeper
    private let store: any KeyValueStore
    private let ring: RingSnapshot
    private var state = State.idle
    /// Those that take what is kept for them, as of the last `replay`.
    private var reachable: [NodeID] = []
    /// As ShardCore's.
    package private(set) var late: UInt64 = 0

    package init(keeper: HintKeeper, store: any KeyValueStore, ring: RingSnapshot) {
        self.keeper = keeper
        self.store = store
        self.ring = ring
    }

    package var isIdle: Bool { if case .idle = state { true } else { false } }

    package mutating func handle(
        _ input: Input, _ now: Now, _ out: inout Outbox<Effect>
    ) throws(StorageFailure) {
        switch (state, input) {
        case (.idle, .jobs(let jobs, let disk)): try keep(jobs, disk, now, &out)
        case (.keeping(let answers, let rest), .committed):
            out.emit(.answer(answers))
            try settle(rest, now, &out)
        case (.forgetting, .committed): try replay(now, &out)
        case (.expiring(let deliveries), .committed): deliver(deliveries, &out)
        case (.idle, .committed), (.keeping, .jobs), (.forgetting, .jobs), (.expiring, .jobs):
            assertionFailure("a batch at a time")
        }
    }

    private mutating func keep(
        _ jobs: [Job], _ disk: DiskState, _ now: Now, _ out: inout Outbox<Effect>
    ) throws(StorageFailure) {
        var requests: [StorageJob] = []
        var rest: [Job] = []
        for job in jobs { if case .request(let request) = job { requests.append(request) } else { rest.append(job) } }
        let given = requests.takeLate(at: now.instant)
        late += UInt64(given.count)
        if !given.isEmpty { out.emit(.answer(given.map { HintCore.answer($0, .refused(Refusal(.late))) })) }
        guard !requests.isEmpty else { return try settle(rest, now, &out) }
        let outcome = try keeper.process(
            requests.map(\.request), store: store, in: BatchSurroundings(now: now, ring: ring, disk: disk))
        let answers = zip(requests, outcome.replies).map(HintCore.answer)
        guard outcome.writes.isEmpty else {
            state = .keeping(answers, then: rest)
            return out.emit(.commit(outcome.writes, synced: outcome.synced))
        }
        out.emit(.answer(answers))
        try settle(rest, now, &out)
    }

    private static func answer(_ job: StorageJob, _ reply: ReplicaReply) -> StorageAnswer {
        let envelope = ReplyEnvelope(id: job.address.id, inFlight: 0, serviceMicroseconds: 0, reply: reply)
        return StorageAnswer(address: job.address, envelope: envelope)
    }

    private mutating func settle(
        _ jobs: [Job], _ now: Now, _ out: inout Outbox<Effect>
    ) throws(StorageFailure) {
        var forgotten: [StoreWrite] = []
        var hasRoom = false
        for job in jobs {
            switch job {
            case .request: break
            case .confirm(let id, let target):
                hasRoom = true
                if let write = keeper.confirm(id, from: target, now: now.instant) { forgotten.append(write) }
            case .reject(let id, let target, let code): keeper.reject(id, from: target, code, now: now.instant)
            case .lost(let id, let target): keeper.lose(id, to: target)
            case .replay(let nodes):
                hasRoom = true
                reachable = nodes
            }
        }
        guard forgotten.isEmpty else {
            state = .forgetting
            return out.emit(.commit(forgotten, synced: false))
        }
        if hasRoom { try replay(now, &out) } else { deliver([], &out) }
    }

    private mutating func replay(_ now: Now, _ out: inout Outbox<Effect>) throws(StorageFailure) {
        let (deliveries, expired) = try keeper.replay(to: reachable, store: store, now: now)
        guard expired.isEmpty else {
            state = .expiring(thenDeliver: deliveries)
            return out.emit(.commit(expired, synced: false))
        }
        deliver(deliveries, &out)
    }

    private mutating func deliver(_ deliveries: [HintDelivery], _ out: inout Outbox<Effect>) {
        state = .idle
        if !deliveries.isEmpty { out.emit(.deliver(deliveries)) }
    }
}

extension HintCore.Job: QueuedWork {
    package var byteCount: Int { if case .request(let job) = self { job.byteCount } else { 0 } }
}
