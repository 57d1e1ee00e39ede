// What all requests on their way have in common: asks of replicas, each in a slot that its answer names, one answer to
// the client, and an end. The gateway knows its requests by nothing else.

import Ring
package import Wire
package import World

/// What a coordinator wants done. `slot` comes back with the answer.
package enum CoordinatorEffect: Hashable, Sendable {
    case ask(slot: Int, NodeID, ReplicaRequest)
    /// The ask of this slot, at the gateway's own node, is not to be done any more: `fail` follows if it had not been
    /// begun, and its answer if it had.
    case takeBack(slot: Int)
    case answer(ClientOutcome)
}

/// A pure value; one for each request in flight. What it does not wait for is ignored.
protocol Coordinator: Sendable {
    /// The client has its answer; what is still to come makes the replicas the same.
    var isAnswered: Bool { get }
    /// Nothing more will come of it.
    var isFinished: Bool { get }
    /// What it holds in memory after its answer.
    var byteCount: Int { get }
    /// When `wake` has something to do.
    var nextWake: Instant { get }
    /// When to look again without an ask that is overdue by then: nobody could be asked, or it is too soon to answer.
    var retryAt: Instant? { get }
    var openAsks: [(slot: Int, node: NodeID)] { get }

    /// Whom the open ask `slot` was sent to, and when.
    func pending(_ slot: Int) -> (node: NodeID, sentAt: Instant)?

    mutating func receive(
        _ reply: ReplicaReply, slot: Int, _ directory: inout ReplicaDirectory, _ now: Now,
        _ out: inout Outbox<CoordinatorEffect>)

    /// The gateway's own node has made the write of `slot` and is about to commit it. Its answer is still to come.
    mutating func prepared(
        _ object: [UInt8], wasAbsent: Bool, slot: Int, _ directory: inout ReplicaDirectory, _ now: Now,
        _ out: inout Outbox<CoordinatorEffect>)

    /// The answer will never come: the connection broke, or the ask was never begun (`wasSent` is false then).
    mutating func fail(
        slot: Int, wasSent: Bool, _ directory: inout ReplicaDirectory, _ now: Now,
        _ out: inout Outbox<CoordinatorEffect>)

    /// Returns when to be woken next.
    mutating func wake(
        _ directory: inout ReplicaDirectory, _ now: Now, _ out: inout Outbox<CoordinatorEffect>
    ) -> Instant

    /// Answered, and no longer to be looked after.
    mutating func letGo(
        _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>)

    /// Whether `hedge` would ask anybody.
    func canHedge(_ directory: ReplicaDirectory) -> Bool

    /// The answer is late: asks one replica more, once.
    mutating func hedge(_ directory: ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>)
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

extension Coordinator {
    var byteCount: Int { 0 }
    mutating func prepared(
        _ object: [UInt8], wasAbsent: Bool, slot: Int, _ directory: inout ReplicaDirectory, _ now: Now,
        _ out: inout Outbox<CoordinatorEffect>
    ) {}
    func canHedge(_ directory: ReplicaDirectory) -> Bool { false }
    mutating func hedge(_ directory: ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>) {}
    mutating func letGo(
        _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {}
}
