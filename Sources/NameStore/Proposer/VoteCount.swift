// The answers to one phase, and what they prove.

import Quorums

/// Votes by member of a quorum system.
struct VoteCount: Sendable {
    private(set) var votes: [Vote?]
    private(set) var granted = MemberSet()
    private(set) var refused = MemberSet()

    init(size: Int) { votes = Array(repeating: nil, count: size) }

    /// The first answer of each member counts: a second one is a duplicate on its way.
    mutating func insert(_ vote: Vote, from index: Int) {
        guard votes.indices.contains(index), votes[index] == nil else { return }
        votes[index] = vote
        if vote.granted { granted.insert(index) } else { refused.insert(index) }
    }

    var answered: MemberSet { MemberSet(votes.indices.filter { votes[$0] != nil }) }
    var isComplete: Bool { votes.allSatisfy { $0 != nil } }

    private func holders(of accepted: Accepted, within set: MemberSet) -> MemberSet {
        MemberSet(votes.indices.filter { set.contains($0) && votes[$0]?.state.accepted == accepted })
    }

    /// Accepted values of `set`, each once, in the order of members.
    private func values(of set: MemberSet, at ballot: Ballot) -> [Accepted] {
        var found: [Accepted] = []
        for index in votes.indices where set.contains(index) {
            guard let accepted = votes[index]?.state.accepted, accepted.ballot == ballot else { continue }
            if !found.contains(accepted) { found.append(accepted) }
        }
        return found
    }

    private func highest(of set: MemberSet) -> Ballot? {
        var highest: Ballot?
        for index in votes.indices where set.contains(index) {
            if let accepted = votes[index]?.state.accepted { highest = highest.raised(to: accepted.ballot) }
        }
        return highest
    }

    private func isKnown(_ accepted: Accepted, within set: MemberSet) -> Bool {
        votes.indices.contains {
            set.contains($0) && votes[$0]?.state.accepted == accepted && votes[$0]?.state.isKnown == true
        }
    }

    // MARK: What a quorum proves

    enum Verdict: Equatable {
        /// No majority yet, or a value that may or may not be chosen.
        case undecided
        /// Nothing was chosen before the first answer was asked for.
        case absent
        case chosen(Accepted)
    }

    /// What is chosen, if the answers show it (namestore's read rule). Never guesses.
    func verdict(_ quorums: QuorumSystem) -> Verdict {
        let set = answered
        guard quorums.isMajority(set) else { return .undecided }
        guard let ballot = highest(of: set) else { return .absent }
        for accepted in values(of: set, at: ballot) where isChosen(accepted, within: set, quorums) {
            return .chosen(accepted)
        }
        return .undecided
    }

    private func isChosen(_ accepted: Accepted, within set: MemberSet, _ quorums: QuorumSystem) -> Bool {
        if isKnown(accepted, within: set) { return true }
        let equal = holders(of: accepted, within: set)
        return accepted.ballot.isFast ? quorums.isFastReadQuorum(equal) : quorums.isMajority(equal)
    }

    /// What a proposer must carry on from.
    struct Recovered: Equatable {
        let value: RegisterValue
        /// The ballot it was accepted at; nil if nothing was, or nothing that could have been chosen.
        let ballot: Ballot?
        let isChosen: Bool
    }

    /// The value that a majority of promises obliges a proposer to: of the highest ballot accepted, or, if that is the
    /// fast one, the value with as many votes as a fast quorum must have left in them; else none was or can be chosen.
    func recovered(_ quorums: QuorumSystem) -> Recovered {
        guard let ballot = highest(of: granted) else {
            return Recovered(value: .vacant, ballot: nil, isChosen: false)
        }
        let threshold = quorums.fastThreshold(of: granted)
        for accepted in values(of: granted, at: ballot) {
            if ballot.isFast, quorums.votesOfAcceptors(holders(of: accepted, within: granted)) < threshold { continue }
            return Recovered(
                value: accepted.value, ballot: ballot, isChosen: isChosen(accepted, within: granted, quorums))
        }
        return Recovered(value: .vacant, ballot: nil, isChosen: false)
    }
}
