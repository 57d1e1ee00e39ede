// Whom a request has asked, and for what: one entry for each ask, in the slot that its answer names.

import World

struct AskTable<Role: Sendable>: Sendable {
    enum State {
        case awaited
        /// It took too long, and something was done in its place; its answer is still heard.
        case givenUp
        case closed
    }

    struct Ask: Sendable {
        let node: NodeID
        let sentAt: Instant
        var role: Role
        fileprivate(set) var state = State.awaited

        var isOpen: Bool { state != .closed }
    }

    private var asks: [Ask] = []

    /// No more may be asked, all tries together.
    var isFull: Bool { asks.count >= Limits.asksPerRequest }
    var hasOpen: Bool { asks.contains { $0.isOpen } }
    var hasAwaited: Bool { asks.contains { $0.state == .awaited } }
    /// When the first of those that are awaited will have taken too long.
    var nextTimeout: Instant? {
        var next: Instant?
        for ask in asks where ask.state == .awaited {
            let end = ask.sentAt + Limits.replicaTimeout
            next = next.map { Swift.min($0, end) } ?? end
        }
        return next
    }

    mutating func reserveCapacity(_ count: Int) { asks.reserveCapacity(count) }

    mutating func add(_ node: NodeID, _ role: Role, at now: Instant) {
        asks.append(Ask(node: node, sentAt: now, role: role))
    }

    /// Whom the open ask `slot` was sent to, and when.
    func pending(_ slot: Int) -> (node: NodeID, sentAt: Instant)? {
        guard asks.indices.contains(slot), asks[slot].isOpen else { return nil }
        return (asks[slot].node, asks[slot].sentAt)
    }

    /// Nothing is expected of the ask any more. Returns it as it stood before; nil if it was not open.
    mutating func close(_ slot: Int) -> Ask? {
        guard asks.indices.contains(slot), asks[slot].isOpen else { return nil }
        defer { asks[slot].state = .closed }
        return asks[slot]
    }

    /// Returns the ask as it stood before; nil if it was not awaited.
    mutating func giveUp(_ slot: Int) -> Ask? {
        guard asks[slot].state == .awaited else { return nil }
        defer { asks[slot].state = .givenUp }
        return asks[slot]
    }

    func isOverdue(_ slot: Int, at now: Instant) -> Bool {
        asks[slot].state == .awaited && asks[slot].sentAt + Limits.replicaTimeout <= now
    }

    /// Closes what is overdue.
    mutating func closeOverdue(at now: Instant) {
        for slot in asks.indices where isOverdue(slot, at: now) { asks[slot].state = .closed }
    }
}

extension AskTable: RandomAccessCollection {
    var startIndex: Int { 0 }
    /// The slot of the next ask.
    var endIndex: Int { asks.count }

    subscript(slot: Int) -> Ask {
        _read { yield asks[slot] }
        _modify { yield &asks[slot] }
    }
}
