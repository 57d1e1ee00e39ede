// A node's names: what its control core has to say to its acceptor's thread, and that thread.

import NameStore
import Node
import Storage
import World

enum NameInput {
    case message(NameMessage, from: NodeID)
    /// The acceptor's thread looks into its mailbox.
    case look
    case votes(VoteCore.Input)
}

enum NameOutput {
    case send(NameMessage, to: NodeID)
    case answer(UInt64, NameAnswer)
    case reconfigured(ReconfigurationOutcome)
    case commit([StoreWrite], synced: Bool, VoteCore.FrontierCopy?)
}

/// The acceptor's thread of a simulated node.
struct SimulatedVotes {
    var core: VoteCore
    var mailbox: [Inbound] = []
    var isCalled = false
    private var effects = Outbox<VoteCore.Effect>()

    init(core: VoteCore) { self.core = core }

    /// From within: through the node, the core and its effects would be two accesses to one property at once.
    mutating func handle(_ input: VoteCore.Input, _ now: Instant) -> [VoteCore.Effect] {
        core.handle(input, now, &effects)
        return effects.take()
    }
}

/// What a life of a node finds of the namestore.
struct NamesBirth {
    let registry: Registry
    let opened: OpenedStore
    let store: SeamedStore
    let seams: NamesSeams
}

extension SimulatedNode {
    func hear(_ input: NameInput, _ now: Now, _ out: inout Outbox<Output>) {
        switch input {
        case .message(let message, let node): receive(message, from: node, now, &out)
        case .look: look(now, &out)
        case .votes(let input): hear(input, now, &out)
        }
    }

    /// A message of the namestore has come: to the acceptor's thread, or to the registry.
    private func receive(
        _ message: NameMessage, from node: NodeID, _ now: Now, _ out: inout Outbox<Output>
    ) {
        var message = message
        if !message.isRequest { message = seams.arrival(message, control.names.configuration?.epoch ?? 0) }
        switch NameArrival(message, from: node) {
        case .acceptor(let inbound): ask([inbound], &out)
        case .desk(let input): hear(.names(input), now, &out)
        }
    }

    func carryOut(_ effect: NameDesk.Effect, _ out: inout Outbox<Output>) {
        ledger.add(effect.played)
        switch effect {
        case .send(let message, let node): out.emit(.names(.send(message, to: node)))
        case .ask(let batch): ask(batch, &out)
        case .answer(let request, let answer): out.emit(.names(.answer(request, seams.answer(answer))))
        case .reconfigured(let outcome): out.emit(.names(.reconfigured(outcome)))
        case .wakeAt(let instant): out.emit(.at(instant, .control(.names(.wake(instant)))))
        }
    }

    private func ask(_ batch: [Inbound], _ out: inout Outbox<Output>) {
        votes.mailbox += batch
        callVotes(&out)
    }

    private func callVotes(_ out: inout Outbox<Output>) {
        guard votes.core.isIdle, !votes.isCalled, !votes.mailbox.isEmpty else { return }
        votes.isCalled = true
        out.emit(.hop(.name(.look)))
    }

    private func look(_ now: Now, _ out: inout Outbox<Output>) {
        votes.isCalled = false
        guard votes.core.isIdle, !votes.mailbox.isEmpty else { return }
        let header = votes.core.acceptor.header
        let batch = votes.mailbox.prefix(Limits.nameBatch).map {
            Inbound(from: $0.from, message: seams.request($0.message, header))
        }
        votes.mailbox.removeFirst(batch.count)
        hear(.asked(batch), now, &out)
    }

    private func hear(_ input: VoteCore.Input, _ now: Now, _ out: inout Outbox<Output>) {
        ledger.add(input.played)
        for effect in votes.handle(input, now.instant) {
            ledger.add(effect.played)
            switch effect {
            case .commit(let writes, let synced, let frontier):
                out.emit(.names(.commit(writes, synced: synced, frontier)))
            case .votes(var cast):
                cast.replies = cast.replies.map { ($0.to, seams.reply($0.message)) }
                out.emit(.hop(.control(.names(.votes(cast)))))
            case .quarantined, .damaged: break  // for a log
            }
        }
        callVotes(&out)
    }
}
