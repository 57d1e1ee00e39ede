// A request on its way: asks of replicas, each in a slot that its answer names, one answer to the client, and an end.
// The gateway knows its requests by nothing else.

import Ring
import Wire
import World

/// What a coordinator wants done. `slot` comes back with the answer.
enum CoordinatorEffect: Hashable, Sendable {
    case ask(slot: Int, NodeID, ReplicaRequest)
    /// The ask of this slot, at the gateway's own node, is not to be done any more: `fail` follows if it had not been
    /// begun, and its answer if it had.
    case takeBack(slot: Int)
    case answer(ClientOutcome)
}

/// How far a request has come.
enum Progress {
    /// The client waits.
    case open
    /// The client has its answer; what is still to come makes the replicas the same. So much is held for that.
    case trailing(byteCount: Int)
    /// Nothing more will come of it.
    case finished
}

/// A pure value, of one of the five kinds. What it does not wait for is ignored.
///
/// A coordinator is taken out while it changes, and put back: were it held twice meanwhile, it would be copied.
enum CoordinatedRequest: Sendable {
    case read(Boxed<ReadCoordinator>)
    case write(Boxed<WriteCoordinator>)
    case operation(Boxed<OperationCoordinator>)
    case insert(Boxed<InsertCoordinator>)
    case list(Boxed<RangeCoordinator>)

    // MARK: Questions

    var progress: Progress {
        switch self {
        case .read(let read): read.value.progress
        case .write(let write): write.value.progress
        case .operation(let operation): operation.value.progress
        case .insert(let insert): insert.value.progress
        case .list(let list): list.value.progress
        }
    }

    /// When `wake` has something to do.
    var nextWake: Instant {
        switch self {
        case .read(let read): read.value.nextWake
        case .write(let write): write.value.nextWake
        case .operation(let operation): operation.value.nextWake
        case .insert(let insert): insert.value.nextWake
        case .list(let list): list.value.nextWake
        }
    }

    /// When to look again without an ask that is overdue by then: nobody could be asked, or it is too soon to ask the
    /// next.
    var retryAt: Instant? {
        switch self {
        case .read(let read): read.value.retryAt
        case .write(let write): write.value.retryAt
        case .operation(let operation): operation.value.retryAt
        case .insert: nil
        case .list(let list): list.value.retryAt
        }
    }

    /// Whom the open ask `slot` was sent to, and when.
    func pending(_ slot: Int) -> (node: NodeID, sentAt: Instant)? {
        switch self {
        case .read(let read): read.value.asks.pending(slot)
        case .write(let write): write.value.asks.pending(slot)
        case .operation(let operation): operation.value.asks.pending(slot)
        case .insert(let insert): insert.value.asks.pending(slot)
        case .list(let list): list.value.asks.pending(slot)
        }
    }

    var openAsks: [(slot: Int, node: NodeID)] {
        func open(_ asks: AskTable<some Sendable>) -> [(slot: Int, node: NodeID)] {
            asks.indices.filter { asks[$0].isOpen }.map { ($0, asks[$0].node) }
        }
        return switch self {
        case .read(let read): open(read.value.asks)
        case .write(let write): open(write.value.asks)
        case .operation(let operation): open(operation.value.asks)
        case .insert(let insert): open(insert.value.asks)
        case .list(let list): open(list.value.asks)
        }
    }

    /// Whether `hedge` would ask anybody.
    func canHedge(_ directory: ReplicaDirectory) -> Bool {
        if case .read(let read) = self { read.value.canHedge(directory) } else { false }
    }

    // MARK: Events

    mutating func receive(
        _ reply: ReplicaReply, slot: Int, _ directory: inout ReplicaDirectory, _ now: Now,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        switch consume self {
        case .read(var read):
            read.value.receive(reply, slot: slot, &directory, now, &out)
            self = .read(read)
        case .write(var write):
            write.value.receive(reply, slot: slot, &directory, now, &out)
            self = .write(write)
        case .operation(var operation):
            operation.value.receive(reply, slot: slot, &directory, now, &out)
            self = .operation(operation)
        case .insert(var insert):
            insert.value.receive(reply, slot: slot, directory, now.instant, &out)
            self = .insert(insert)
        case .list(var list):
            list.value.receive(reply, slot: slot, &directory, now, &out)
            self = .list(list)
        }
    }

    /// The gateway's own node has made the write of `slot` and is about to commit it. Its answer is still to come.
    mutating func prepared(
        _ object: [UInt8], wasAbsent: Bool, slot: Int, _ directory: inout ReplicaDirectory, _ now: Now,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        switch consume self {
        case .write(var write):
            write.value.prepared(object, wasAbsent: wasAbsent, slot: slot, &directory, now, &out)
            self = .write(write)
        case .operation(var operation):
            operation.value.prepared(object, wasAbsent: wasAbsent, slot: slot, &directory, now, &out)
            self = .operation(operation)
        case let other: self = other
        }
    }

    /// The answer will never come: the connection broke, or the ask was never begun (`wasSent` is false then).
    mutating func fail(
        slot: Int, wasSent: Bool, _ directory: inout ReplicaDirectory, _ now: Now,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        switch consume self {
        case .read(var read):
            read.value.fail(slot: slot, &directory, now, &out)
            self = .read(read)
        case .write(var write):
            write.value.fail(slot: slot, wasSent: wasSent, &directory, now, &out)
            self = .write(write)
        case .operation(var operation):
            operation.value.fail(slot: slot, wasSent: wasSent, &directory, now, &out)
            self = .operation(operation)
        case .insert(var insert):
            insert.value.fail(slot: slot, directory, now.instant, &out)
            self = .insert(insert)
        case .list(var list):
            list.value.fail(slot: slot, &directory, now, &out)
            self = .list(list)
        }
    }

    mutating func wake(_ directory: inout ReplicaDirectory, _ now: Now, _ out: inout Outbox<CoordinatorEffect>) {
        switch consume self {
        case .read(var read):
            read.value.wake(&directory, now, &out)
            self = .read(read)
        case .write(var write):
            write.value.wake(&directory, now, &out)
            self = .write(write)
        case .operation(var operation):
            operation.value.wake(&directory, now, &out)
            self = .operation(operation)
        case .insert(var insert):
            insert.value.wake(directory, now.instant, &out)
            self = .insert(insert)
        case .list(var list):
            list.value.wake(&directory, now, &out)
            self = .list(list)
        }
    }

    /// It trails, and is no longer to be looked after: it finishes.
    mutating func letGo(
        _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        switch consume self {
        case .read(var read):
            read.value.letGo()
            self = .read(read)
        case .write(var write):
            write.value.letGo(&directory, now, &out)
            self = .write(write)
        case .operation(var operation):
            operation.value.letGo(&directory, now, &out)
            self = .operation(operation)
        case .insert(var insert):
            insert.value.letGo(directory, now, &out)
            self = .insert(insert)
        case .list(var list):
            list.value.letGo()
            self = .list(list)
        }
    }

    /// The answer is late: asks one replica more, once.
    mutating func hedge(_ directory: ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>) {
        switch consume self {
        case .read(var read):
            read.value.hedge(directory, now, &out)
            self = .read(read)
        case let other: self = other
        }
    }
}

/// When to look again for whom to ask.
struct Retry: Sendable {
    private(set) var at: Instant?
    private var pause = Limits.askAgainFirst

    /// Does nothing if it is armed already.
    mutating func arm(_ now: Instant) {
        guard at == nil else { return }
        at = now + pause
        pause = min(pause * 2, Limits.askAgainLongest)
    }

    /// True once after its time has come.
    mutating func take(_ now: Instant) -> Bool {
        guard let at, at <= now else { return false }
        self.at = nil
        return true
    }
}
