// All that a replica holds which has a change, for whoever can't use the change by itself: it has not seen what the
// change follows, or is away and gets a hint.

import DataTypes
import Wire
import World

extension OperationCoordinator {
    /// What a replica lacks was mostly minted a moment ago by another and is on its way: one round trip later it has
    /// come. If it has not, all that another replica holds goes there, for one request at a time; the others' changes
    /// follow.
    mutating func behind(
        _ node: NodeID, _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard case .replicating(var change) = phase else { return }
        if change.state == nil, !change.sentAgain.contains(node) {
            change.sentAgain.append(node)
            phase = .replicating(change)
            ask(node, .store, .merge(key: key, object: change.minted.change, repair: false), now, &out)
        } else if directory.beginCatchUp(of: node, key, now) {
            wantState(.store, node, &directory, now, &out)
        } else {
            change.lagging.append(node)
            phase = .replicating(change)
        }
    }

    /// Whoever was being given all may be able to use the change now.
    mutating func sendAgain(
        _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard case .replicating(var change) = phase else { return }
        let nodes = change.lagging
        change.lagging = []
        phase = .replicating(change)
        for node in nodes {
            if directory.isAvailable(node) {
                give(change.state ?? change.minted.change, .store, node, &directory, now, &out)
            } else {
                wantState(.hint(for: node), node, &directory, now, &out)
            }
        }
    }

    /// Whoever can't use the change by itself gets all that a replica holds which has it.
    mutating func wantState(
        _ role: Role, _ node: NodeID, _ directory: inout ReplicaDirectory, _ now: Instant,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard case .replicating(var change) = phase else { return }
        if let state = change.state { return give(state, role, node, &directory, now, &out) }
        change.waiting.append((role, node))
        phase = .replicating(change)
    }

    /// Only of one that has confirmed the change: before its commit others are shown what stood there.
    mutating func askForState(_ now: Instant, _ out: inout Outbox<CoordinatorEffect>) {
        guard case .replicating(var change) = phase, !change.waiting.isEmpty,
            !asks.contains(where: { $0.role == .state && $0.state == .awaited }),
            let node = primaries.first(where: { tally.containsPrimary($0) && !change.askedForState.contains($0) })
        else { return }
        change.askedForState.append(node)
        phase = .replicating(change)
        ask(node, .state, .read(key: key, summaryOver: 0), now, &out)
    }

    mutating func hand(
        _ state: [UInt8]?, _ directory: inout ReplicaDirectory, _ now: Instant, _ out: inout Outbox<CoordinatorEffect>
    ) {
        guard case .replicating(var change) = phase, let state, change.isIn(state, key) else { return }
        change.state = state
        let waiting = change.waiting
        change.waiting = []
        phase = .replicating(change)
        for (role, node) in waiting { give(state, role, node, &directory, now, &out) }
    }

    mutating func give(
        _ state: [UInt8], _ role: Role, _ node: NodeID, _ directory: inout ReplicaDirectory, _ now: Instant,
        _ out: inout Outbox<CoordinatorEffect>
    ) {
        if role == .store {
            ask(node, .store, .merge(key: key, object: state, repair: false), now, &out)
        } else {
            handOff(state, for: node, &directory, now, &out)
        }
    }
}
