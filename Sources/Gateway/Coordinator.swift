// What all requests on their way have in common: asks of replicas, each in a slot that its answer names, one answer to
// the client, and an end. The gateway knows its requests by nothing else.

import Ring
package import Wire
package import World

/// What a coordinator wants done. `slot` comes back with the answer.
package enum CoordinatorEffect: Hashable, Sendable {
    case ask(slot: Int, NodeID, ReplicaRequest)
    case answer(ClientOutcome)
}

/// A pure value; one for each request in flight. What it does not wait for is ignored.
protocol Coordinator: Sendable {
    /// Nothing more will come of it.
    var isFinished: Bool { get }
    /// When `wake` has something to do.
    var nextWake: Instant { get }
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

    /// The connection broke, or the node took no more: the answer will never come.
    mutating func fail(
        slot: Int, _ directory: inout ReplicaDirectory, _ now: Now, _ out: inout Outbox<CoordinatorEffect>)

    /// Returns when to be woken next.
    mutating func wake(
        _ directory: inout ReplicaDirectory, _ now: Now, _ out: inout Outbox<CoordinatorEffect>
    ) -> Instant

    /// Whether `hedge` would ask anybody.
    func canHedge(_ directory: ReplicaDirectory) -> Bool

    /// The answer is late: asks one replica more, once.
    mutating func hedge(_ directory: ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>)
}

extension Coordinator {
    mutating func prepared(
        _ object: [UInt8], wasAbsent: Bool, slot: Int, _ directory: inout ReplicaDirectory, _ now: Now,
        _ out: inout Outbox<CoordinatorEffect>
    ) {}
    func canHedge(_ directory: ReplicaDirectory) -> Bool { false }
    mutating func hedge(_ directory: ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>) {}
}
