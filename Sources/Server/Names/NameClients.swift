// What HTTP asks of the namestore, on the control loop: each request waits there for its answer from the core.

import Edge
import NIOCore
import NameStore
import Node
import Wire
import World

extension ControlLoop {
    /// Runs `body` on this loop; fails once the node stops.
    func withNames<Answer: Sendable>(_ body: @escaping @Sendable (ControlLoop) -> EventLoopFuture<Answer>)
        -> EventLoopFuture<Answer>
    {
        eventLoop.flatSubmit { [self] in
            guard !isStopped else { return eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel) }
            return body(self)
        }
    }

    func now<Answer: Sendable>(_ answer: Answer) -> EventLoopFuture<Answer> { eventLoop.makeSucceededFuture(answer) }

    func request(_ operation: NameOperation, on name: Name, timeout: Span) -> EventLoopFuture<NameAnswer> {
        let promise = eventLoop.makePromise(of: NameAnswer.self)
        hear(.names(.request(nameClients.insert(promise), operation, on: name, timeout: timeout)))
        return promise.futureResult
    }

    func request(_ operation: ConfigurationOperation) -> EventLoopFuture<NameAnswer> {
        let promise = eventLoop.makePromise(of: NameAnswer.self)
        hear(.names(.configure(nameClients.insert(promise), operation)))
        return promise.futureResult
    }

    /// Moves the namestore to the acceptors `nodes`. Nil once that is under way: the desk's `progress` and
    /// `lastOutcome` tell.
    func reconfigure(to nodes: [NodeID]) -> ReconfigurationOutcome? {
        reconfigured = nil
        hear(.names(.reconfigure(nodes)))
        return reconfigured
    }

    /// The answer to a request that is not begun at all.
    func refusal(of operation: NameOperation, from address: String) -> HTTPResponse? {
        nameGate.refusal(
            of: operation, from: address, hasNamestore: core.names.isThere, now: MachineClock.instant())
    }

    func carryOut(_ effect: NameDesk.Effect) {
        switch effect {
        case .send(let message, let node):
            guard send(.names(message.encode()), to: node) else { return }
            // A hint goes with the next message, or at the next tick: alone it would wake the other side for nothing.
            if !message.isHint { scheduleFlush() }
        case .ask(let batch): _ = acceptorThread?.mailbox.put(batch)
        case .answer(let request, let answer): nameClients.remove(request)?.succeed(answer)
        case .reconfigured(let outcome): reconfigured = outcome
        case .wakeAt(let instant):
            let delay = max(0, (instant - MachineClock.instant()).nanoseconds)
            eventLoop.scheduleTask(in: .nanoseconds(delay)) { [self] in
                // After the stop as well: whoever still waits is told when the time is over.
                hear(.names(.wake(instant)))
            }
        }
    }
}
