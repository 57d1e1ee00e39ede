// What a node has of the namestore on its control loop: the registry, which drives requests for names through the
// acceptors, and the way from it to them, its own node's among them.

package import NameStore
package import World

/// Where in this node a message of the namestore goes that another node has sent.
package enum NameArrival: Sendable {
    /// To the acceptor's thread at once: a turn of the control loop less on the way of each vote. Where it finds no
    /// room it is lost, and its sender asks again.
    case acceptor(Inbound)
    case desk(NameDesk.Input)

    package init(_ message: NameMessage, from node: NodeID) {
        self =
            message.isForAcceptorAlone
            ? .acceptor(Inbound(from: node, message: message)) : .desk(.message(message, from: node))
    }
}

package struct NameDesk: Sendable {
    package enum Input: Sendable {
        /// A client's request, under its number, which the answer bears.
        case request(UInt64, NameOperation, on: Name, timeout: Span)
        case configure(UInt64, ConfigurationOperation)
        /// Move the namestore to the acceptors on these nodes.
        case reconfigure([NodeID])
        /// From another node, if it is for this desk (NameArrival).
        case message(NameMessage, from: NodeID)
        /// From this node's acceptor.
        case votes(VoteCore.Votes)
        /// It is the time that a `wakeAt` named.
        case wake(Instant)
    }

    package enum Effect: Sendable {
        case send(NameMessage, to: NodeID)
        /// For this node's acceptor. Where they find no room they are lost, and asked again.
        case ask([Inbound])
        case answer(UInt64, NameAnswer)
        case reconfigured(ReconfigurationOutcome)
        /// Earlier than the last time that was named, or the first.
        case wakeAt(Instant)
    }

    private let identity: NodeID
    private let isNamed: Bool
    private let hasAcceptor: Bool
    private var registry: Registry
    /// How the change of acceptors that this node drove last ended.
    package private(set) var lastOutcome: ReconfigurationOutcome?
    /// Hints for this node's own acceptor, until something goes there that is worth waking it for, or a tick.
    private var heldHints: [Inbound] = []
    private var wakeAt: Instant?

    /// - Parameters:
    ///   - isNamed: whether the ring file names any acceptors.
    ///   - hasAcceptor: whether this node has a store for names.
    package init(registry: Registry, isNamed: Bool, hasAcceptor: Bool, now: Instant) {
        identity = registry.node
        self.registry = registry
        self.isNamed = isNamed
        self.hasAcceptor = hasAcceptor
        self.registry.start(now: now)
    }

    /// False if no acceptors are named and none were ever heard of: there is nobody to ask.
    package var isThere: Bool { isNamed || registry.configuration != nil }
    package var configuration: Configuration? { registry.configuration }
    package var progress: ReconfigurationProgress? { registry.reconfigurationProgress }
    package var underWay: Int { registry.underWay }
    package var unmeasured: [NodeID] { registry.unmeasured }

    package mutating func handle(_ input: Input, _ now: Instant, _ out: inout Outbox<Effect>) {
        switch input {
        case .request(let id, let operation, let name, let timeout):
            registry.request(id, operation, on: name, deadline: now + timeout, now: now)
        case .configure(let id, let operation):
            registry.request(id, operation, deadline: now + Limits.defaultRequestTimeout, now: now)
        case .reconfigure(let nodes): reconfigure(to: nodes, now)
        case .message(let message, let node):
            if message.isRequest {
                registry.overhear(message, now: now)
                ask([Inbound(from: node, message: message)], &out)
            } else {
                registry.receive(message, from: node, now: now)
            }
        case .votes(let votes):
            registry.saw(votes.touched)
            for (node, message) in votes.replies {
                if node == identity {
                    registry.receive(message, from: identity, now: now)
                } else {
                    out.emit(.send(message, to: node))
                }
            }
        case .wake(let instant):
            // One that an earlier one took the place of asks for no successor.
            if wakeAt == instant { wakeAt = nil }
            registry.wake(now: now)
        }
        drain(now, &out)
    }

    /// Call every 50 ms or so.
    mutating func tick(_ now: Instant, _ out: inout Outbox<Effect>) {
        askHeld(&out)
        drain(now, &out)
    }

    /// The link to this node that messages travel on stands again.
    mutating func reached(_ node: NodeID, _ now: Instant, _ out: inout Outbox<Effect>) {
        registry.reached(node, now: now)
        drain(now, &out)
    }

    private mutating func reconfigure(to nodes: [NodeID], _ now: Instant) {
        let isIdle = registry.reconfigurationProgress == nil
        if isIdle { lastOutcome = nil }
        registry.reconfigure(isIdle ? 0 : nil, to: nodes, now: now)
    }

    private mutating func drain(_ now: Instant, _ out: inout Outbox<Effect>) {
        while !registry.outbox.isEmpty {
            for effect in registry.outbox.take() {
                switch effect {
                case .send(let message, let node):
                    if node == identity { tellOwn(message, now, &out) } else { out.emit(.send(message, to: node)) }
                case .answer(let request, let answer): out.emit(.answer(request, answer))
                case .progress: break  // asked for by `progress`
                case .reconfigured(_, let outcome):
                    if case .underWay = outcome {} else { lastOutcome = outcome }
                    out.emit(.reconfigured(outcome))
                }
            }
        }
        guard let next = registry.nextWake, wakeAt.map({ next < $0 }) ?? true else { return }
        wakeAt = next
        out.emit(.wakeAt(next))
    }

    // MARK: This node's acceptor

    private mutating func tellOwn(_ message: NameMessage, _ now: Instant, _ out: inout Outbox<Effect>) {
        guard message.isRequest else { return registry.receive(message, from: identity, now: now) }
        heldHints.append(Inbound(from: identity, message: message))
        if !message.isHint { askHeld(&out) }
    }

    private mutating func askHeld(_ out: inout Outbox<Effect>) {
        ask(heldHints, &out)
        heldHints.removeAll(keepingCapacity: true)
    }

    private func ask(_ batch: [Inbound], _ out: inout Outbox<Effect>) {
        if hasAcceptor, !batch.isEmpty { out.emit(.ask(batch)) }
    }
}
