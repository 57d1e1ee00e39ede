// The namestore's registry on one node and what it needs around it: the way to the acceptors, timers, clients, the rate
// limit. Used on the control loop only.

import NIOCore
import NameStore
import World

final class NameDesk {
    let identity: NodeID
    /// Nil on a node that stores nothing.
    let acceptor: NameStoreThread?
    /// How the change of acceptors that this node drove last ended.
    private(set) var lastOutcome: ReconfigurationOutcome?
    private let eventLoop: any EventLoop
    private var registry: Registry
    private let hasAcceptors: Bool
    private let send: (NameMessage, NodeID) -> Void
    private var gate: NameGate
    private var waiting: [UInt64: EventLoopPromise<NameAnswer>] = [:]
    /// Hints for this node's own acceptor, until something goes there that is worth waking it for.
    private var heldHints: [Inbound] = []
    private var nextRequest: UInt64 = 1
    private var wakeAt: Instant?
    private var isDraining = false

    /// As long as the hints for others wait for the control loop's tick.
    private static let longestHold = TimeAmount.milliseconds(50)

    init(
        identity: NodeID, eventLoop: any EventLoop, registry: Registry, acceptor: NameStoreThread?, rate: NameRate,
        hasAcceptors: Bool, send: @escaping (NameMessage, NodeID) -> Void
    ) {
        self.identity = identity
        self.eventLoop = eventLoop
        self.registry = registry
        self.acceptor = acceptor
        self.hasAcceptors = hasAcceptors
        self.send = send
        gate = NameGate(rate)
    }

    func start() {
        registry.start(now: MachineClock.instant())
        drain()
    }

    // MARK: Clients

    /// False if no acceptors are named and none were ever heard of: there is nobody to ask.
    var isThere: Bool { hasAcceptors || registry.configuration != nil }

    /// Nil if the client at `address` may write now, else how long it should wait.
    func admit(_ address: String) -> Span? { gate.admit(address, now: MachineClock.instant()) }

    func request(_ operation: NameOperation, on name: Name, timeout: Span) -> EventLoopFuture<NameAnswer> {
        let (id, future) = expectAnswer()
        let now = MachineClock.instant()
        registry.request(id, operation, on: name, deadline: now + timeout, now: now)
        drain()
        return future
    }

    func request(_ operation: ConfigurationOperation) -> EventLoopFuture<NameAnswer> {
        let (id, future) = expectAnswer()
        let now = MachineClock.instant()
        registry.request(id, operation, deadline: now + Limits.defaultRequestTimeout, now: now)
        drain()
        return future
    }

    private func expectAnswer() -> (id: UInt64, EventLoopFuture<NameAnswer>) {
        let promise = eventLoop.makePromise(of: NameAnswer.self)
        let id = nextRequest
        nextRequest += 1
        waiting[id] = promise
        return (id, promise.futureResult)
    }

    func now<Answer: Sendable>(_ answer: Answer) -> EventLoopFuture<Answer> { eventLoop.makeSucceededFuture(answer) }

    /// Moves the namestore to the acceptors `nodes`. Nil once that is under way: `progress` and `lastOutcome` tell.
    func reconfigure(to nodes: [NodeID]) -> ReconfigurationOutcome? {
        let before = lastOutcome
        lastOutcome = nil
        registry.reconfigure(0, to: nodes, now: MachineClock.instant())
        drain()
        guard let outcome = lastOutcome else { return nil }
        if case .underWay = outcome { lastOutcome = before }
        return outcome
    }

    var progress: ReconfigurationProgress? { registry.reconfigurationProgress }
    var configuration: Configuration? { registry.configuration }
    var counters: Registry.Counters { registry.counters }
    var underWay: Int { registry.underWay }

    // MARK: Messages

    func receive(_ message: NameMessage, from node: NodeID) {
        if message.isRequest {
            registry.overhear(message, now: MachineClock.instant())
            // A full mailbox loses the request; its sender asks again.
            _ = acceptor?.mailbox.put([Inbound(from: node, message: message)])
            drain()
        } else {
            registry.receive(message, from: node, now: MachineClock.instant())
            drain()
        }
    }

    /// This node's acceptor has records of these.
    func saw(_ keys: [RegisterKey]) { registry.saw(keys) }

    private func drain() {
        guard !isDraining else { return }
        isDraining = true
        while !registry.outbox.isEmpty {
            for effect in registry.outbox.take() {
                switch effect {
                case .send(let message, let node):
                    if node == identity { receiveOwn(message) } else { send(message, node) }
                case .answer(let request, let answer): waiting.removeValue(forKey: request)?.succeed(answer)
                case .progress: break  // asked for by `progress`
                case .reconfigured(_, let outcome): lastOutcome = outcome
                }
            }
        }
        isDraining = false
        armTimer()
    }

    private func receiveOwn(_ message: NameMessage) {
        guard message.isRequest else {
            return registry.receive(message, from: identity, now: MachineClock.instant())
        }
        heldHints.append(Inbound(from: identity, message: message))
        guard message.isHint else { return sendHeld() }
        guard heldHints.count == 1 else { return }
        let this = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.scheduleTask(in: NameDesk.longestHold) { this.value.sendHeld() }
    }

    private func sendHeld() {
        guard !heldHints.isEmpty else { return }
        _ = acceptor?.mailbox.put(heldHints)
        heldHints.removeAll(keepingCapacity: true)
    }

    private func armTimer() {
        guard let next = registry.nextWake, wakeAt.map({ next < $0 }) ?? true else { return }
        wakeAt = next
        let this = NIOLoopBound(self, eventLoop: eventLoop)
        let delay = max(0, (next - MachineClock.instant()).nanoseconds)
        eventLoop.scheduleTask(in: .nanoseconds(delay)) {
            if this.value.wakeAt == next { this.value.wakeAt = nil }
            this.value.registry.wake(now: MachineClock.instant())
            this.value.drain()
        }
    }
}
