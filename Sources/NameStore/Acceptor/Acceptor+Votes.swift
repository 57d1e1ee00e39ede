// The voting rules: CASPaxos (Rystsov 2018) with a shared fast ballot in the manner of Fast Paxos (Lamport 2006).

extension Acceptor {
    func vote(on request: NameRequest, _ work: inout BatchWork<some NameRecords>) -> NameReply? {
        switch request {
        case .prepare(let key, let ballot): return prepare(key, ballot, &work)
        case .accept(let key, let proposal): return accept(key, proposal, &work)
        case .fastAccept(let key, let value): return fastAccept(key, value, &work)
        case .learn(let key, let chosen):
            learn(key, chosen, &work)
            return nil
        case .read(let key): return work.state(of: key).map { .vote(Vote(granted: true, state: $0)) }
        case .setEpoch, .list, .hello, .pledge: return nil
        }
    }

    /// The same ballot again is promised again: it is one proposer's, and that one asks the same thing.
    private func prepare(
        _ key: RegisterKey, _ ballot: Ballot, _ work: inout BatchWork<some NameRecords>
    ) -> NameReply? {
        guard var state = work.state(of: key) else { return nil }
        guard state.promised.isAtMost(ballot), (state.accepted?.ballot).isBelow(ballot) else {
            return .vote(Vote(granted: false, state: state))
        }
        if state.promised.isBelow(ballot) {
            state.promised = ballot
            work.set(state, of: key, isVote: true)
        }
        return .vote(Vote(granted: true, state: state))
    }

    private func accept(
        _ key: RegisterKey, _ proposal: Accepted, _ work: inout BatchWork<some NameRecords>
    ) -> NameReply? {
        guard var state = work.state(of: key) else { return nil }
        guard state.promised.isAtMost(proposal.ballot), (state.accepted?.ballot).isAtMost(proposal.ballot) else {
            return .vote(Vote(granted: false, state: state))
        }
        if let accepted = state.accepted, accepted.ballot == proposal.ballot {
            // One ballot, one value. Two would be a proposer's breach: the first stands.
            guard accepted.value == proposal.value else { return .vote(Vote(granted: false, state: state)) }
        } else {
            state.promised = proposal.ballot
            state.accepted = proposal
            work.set(state, of: key, isVote: true)
        }
        return .vote(Vote(granted: true, state: RecordState()))
    }

    /// Only on an untouched register, only a first registration, never while two sets of acceptors share the epoch: a
    /// value chosen by one set's fast votes would be unknown to the other.
    private func fastAccept(
        _ key: RegisterKey, _ value: RegisterValue, _ work: inout BatchWork<some NameRecords>
    ) -> NameReply? {
        guard var state = work.state(of: key) else { return nil }
        guard case .held = value.body, value.generation == 1, !key.isConfiguration,
            header.configuration?.isJoint == false
        else { return .vote(Vote(granted: false, state: state)) }
        let vote = Accepted(ballot: .fast, value: value)
        if state.isUntouched {
            state.accepted = vote
            work.set(state, of: key, isVote: true)
        } else if state.promised != nil || state.accepted != vote {
            return .vote(Vote(granted: false, state: state))
        }
        return .vote(Vote(granted: true, state: state))
    }

    /// Adopting a chosen value under a higher promise breaks nothing: whoever that promise was given to finds the value
    /// in its own quorum.
    private func learn(_ key: RegisterKey, _ chosen: Accepted, _ work: inout BatchWork<some NameRecords>) {
        guard var state = work.state(of: key), (state.accepted?.ballot).isAtMost(chosen.ballot) else { return }
        guard state.accepted != chosen || state.known != chosen.ballot else { return }
        if let accepted = state.accepted, accepted.ballot == chosen.ballot, !chosen.ballot.isFast {
            guard accepted.value == chosen.value else { return }
        }
        state.accepted = chosen
        state.known = state.known.raised(to: chosen.ballot)
        if !chosen.ballot.isFast { state.promised = state.promised.raised(to: chosen.ballot) }
        work.set(state, of: key, isVote: false)
    }
}
