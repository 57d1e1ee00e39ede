// Who must agree on a name: majorities and fast quorums, of one set of acceptors or of two at a time.

package import Quorums
package import World

/// How many of n make a quorum. There is one right set of rules; the simulator plants others, to see them caught.
package struct QuorumRules: Sendable {
    package var majority: @Sendable (Int) -> Int
    /// Fast votes that choose a value.
    package var fast: @Sendable (Int) -> Int
    /// Equal fast votes that let a reader take a value for chosen.
    package var fastRead: @Sendable (Int) -> Int
    /// The sets that must each give a quorum.
    package var groups: @Sendable (Configuration) -> [[AcceptorID]]

    init(
        majority: @escaping @Sendable (Int) -> Int, fast: @escaping @Sendable (Int) -> Int,
        fastRead: @escaping @Sendable (Int) -> Int, groups: @escaping @Sendable (Configuration) -> [[AcceptorID]]
    ) {
        self.majority = majority
        self.fast = fast
        self.fastRead = fastRead
        self.groups = groups
    }

    /// What holds: two fast quorums and a majority always share an acceptor.
    package static let standard = QuorumRules(
        majority: QuorumSize.majority, fast: QuorumSize.fast, fastRead: QuorumSize.fast,
        groups: { [$0.acceptors] + ($0.successors.map { [$0] } ?? []) })
}

/// Who must agree in one configuration.
package struct QuorumSystem: Sendable {
    package let configuration: Configuration
    /// M, then those of M′ that are not in M; at most 30. A `MemberSet` counts by this order.
    package let members: [AcceptorID]
    private let majorities: JointQuorum
    private let acceptors: MemberSet
    private let fast: Int
    private let fastRead: Int

    init(_ configuration: Configuration, rules: QuorumRules = .standard) {
        let members = configuration.members
        self.configuration = configuration
        self.members = members
        let groups = rules.groups(configuration).map { set in
            MemberSet(set.map { members.firstIndex(of: $0) ?? 31 })
        }
        majorities = JointQuorum(groups, size: rules.majority)
        acceptors = MemberSet(configuration.acceptors.indices)
        fast = rules.fast(configuration.acceptors.count)
        fastRead = rules.fastRead(configuration.acceptors.count)
    }

    package var size: Int { members.count }

    package func index(of node: NodeID, store: StoreID) -> Int? {
        members.firstIndex { $0.node == node && $0.store == store }
    }

    /// A majority of every set.
    func isMajority(_ set: MemberSet) -> Bool { majorities.isReached(by: set) }

    /// A majority of M alone: what a listing for the rescan needs.
    func isMajorityOfAcceptors(_ set: MemberSet) -> Bool { majorities.isReachedInFirst(by: set) }

    /// No majority is left among those that haven't refused.
    package func isBlocked(by refused: MemberSet) -> Bool { majorities.isBlocked(by: refused) }

    /// Never in a joint epoch: a value that one set's fast votes chose would be unknown to the other.
    var allowsFast: Bool { !configuration.isJoint }
    func isFastQuorum(_ set: MemberSet) -> Bool { allowsFast && votesOfAcceptors(set) >= fast }
    func isFastBlocked(by refused: MemberSet) -> Bool {
        configuration.acceptors.count - votesOfAcceptors(refused) < fast
    }
    func isFastReadQuorum(_ set: MemberSet) -> Bool { allowsFast && votesOfAcceptors(set) >= fastRead }
    var fastCount: Int { fast }

    /// How many equal fast votes among `answered` may be part of a fast quorum: |R| − (N − f), of M.
    func fastThreshold(of answered: MemberSet) -> Int {
        max(1, votesOfAcceptors(answered) - (configuration.acceptors.count - fast))
    }

    /// Fast votes count in M only.
    func votesOfAcceptors(_ set: MemberSet) -> Int { set.count(within: acceptors) }
}
