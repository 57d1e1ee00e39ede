// The namestore's registry on one node and what it needs around it: the way to the acceptors, timers, clients, the rate
// limit. Used on the control loop only.

import NIOCore
import NameStore
import World

/// What the registry tells an operator who reconfigures.
enum ReconfigurationNews: Sendable {
    case progress(ReconfigurationProgress)
    case ended(ReconfigurationOutcome)
}

final class NameDesk {
    private let identity: NodeID
    private let eventLoop: any EventLoop
    private var registry: Registry
    private let acceptor: NameStoreThread?
    private let send: (NameMessage, NodeID) -> Void
    private var limiter = RateLimiter(perSecond: NameDesk.requestsPerSecond, burst: NameDesk.burst)
    private var waiting: [UInt64: EventLoopPromise<NameAnswer>] = [:]
    private var reconfiguring: EventLoopPromise<ReconfigurationOutcome>?
    private var nextRequest: UInt64 = 1
    private var wakeAt: Instant?
    private var isDraining = false

    /// Writing requests of one client address: a site that registers for its users stays below, a squatter with a word
    /// list does not get far.
    private static let requestsPerSecond = 100.0
    private static let burst = 400.0

    init(
        identity: NodeID, eventLoop: any EventLoop, registry: Registry, acceptor: NameStoreThread?,
        send: @escaping (NameMessage, NodeID) -> Void
    ) {
        self.identity = identity
        self.eventLoop = eventLoop
        self.registry = registry
        self.acceptor = acceptor
        self.send = send
    }

    func start() {
        registry.start(now: MachineClock.instant())
        drain()
    }

    // MARK: Clients

    /// Nil if `client` may ask now, else how long it should wait.
    func admit(_ client: String) -> Span? {
        // Loopback is the operator, a test or a proxy in front, which has clients of its own to limit.
        guard !client.hasPrefix("127."), client != "::1", !client.isEmpty else { return nil }
        switch limiter.admit(client, now: MachineClock.instant()) {
        case .admitted: return nil
        case .refused(let retryAfter): return retryAfter
        }
    }

    func request(_ operation: NameOperation, on name: Name, timeout: Span) -> EventLoopFuture<NameAnswer> {
        let promise = eventLoop.makePromise(of: NameAnswer.self)
        let id = nextRequest
        nextRequest += 1
        waiting[id] = promise
        let now = MachineClock.instant()
        registry.request(id, operation, on: name, deadline: now + timeout, now: now)
        drain()
        return promise.futureResult
    }

    /// Moves the namestore to the acceptors `nodes`.
    func reconfigure(to nodes: [NodeID]) -> EventLoopFuture<ReconfigurationOutcome> {
        guard reconfiguring == nil else { return eventLoop.makeSucceededFuture(.underWay) }
        let promise = eventLoop.makePromise(of: ReconfigurationOutcome.self)
        reconfiguring = promise
        registry.reconfigure(0, to: nodes, now: MachineClock.instant())
        drain()
        return promise.futureResult
    }

    var progress: ReconfigurationProgress? { registry.reconfigurationProgress }
    var configuration: Configuration? { registry.configuration }
    var counters: Registry.Counters { registry.counters }
    var underWay: Int { registry.underWay }

    // MARK: Messages

    func receive(_ message: NameMessage, from node: NodeID) {
        if message.isRequest {
            // A full mailbox loses the request; its sender asks again.
            _ = acceptor?.mailbox.put([Inbound(from: node, message: message)])
        } else {
            registry.receive(message, from: node, now: MachineClock.instant())
            drain()
        }
    }

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
                case .reconfigured(let request, let outcome):
                    guard request != nil, let promise = reconfiguring else { continue }
                    reconfiguring = nil
                    promise.succeed(outcome)
                }
            }
        }
        isDraining = false
        armTimer()
    }

    private func receiveOwn(_ message: NameMessage) {
        if message.isRequest {
            _ = acceptor?.mailbox.put([Inbound(from: identity, message: message)])
        } else {
            registry.receive(message, from: identity, now: MachineClock.instant())
        }
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
