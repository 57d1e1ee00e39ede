// What a proposal needs from its registry while it handles one event, and what it asks for in return.

import World

/// Rounds for this node's ballots: above every round seen, never one twice.
struct RoundClock: Sendable {
    let node: NodeID
    let session: UInt64
    private(set) var highest: UInt64 = 0

    init(node: NodeID, session: UInt64) {
        self.node = node
        self.session = session
    }

    mutating func observe(_ ballot: Ballot?) {
        if let ballot, ballot.round <= Limits.ballotRound { highest = max(highest, ballot.round) }
    }

    mutating func next() -> Ballot {
        highest += 1
        return Ballot(round: highest, node: node, session: session)
    }
}

enum ProposalCommand: Equatable {
    /// To every member of the proposal's quorum system, under a new exchange number.
    case broadcast(NameRequest)
    /// To every member; no answer comes.
    case learn(Accepted)
    /// Call `timeUp` then, unless another `broadcast` or `wake` came before.
    case wake(Instant)
    /// Call `begin(.turn)` when no other proposal of this name is under way here.
    case awaitTurn
    /// The name has a record: the fast ballot is of no use to it.
    case seen
    /// These have not answered in time.
    case suspect([AcceptorID])
    case finish(NameAnswer)
}

struct ProposerContext {
    let now: Instant
    /// Of the configuration in force as far as this node knows.
    let quorums: QuorumSystem
    let latencies: Latencies
    let pace: Pace
    var rounds: RoundClock
    var random: SeededRandom
    var commands: [ProposalCommand] = []
}
