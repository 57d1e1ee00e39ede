// Quorum arithmetic, once: majorities and fast quorums, of one set of acceptors or of two at a time.

package import World

/// Some members of a quorum system, by index.
package struct MemberSet: Equatable, Sendable {
    package private(set) var bits: UInt32 = 0

    package init() {}
    package init(_ indexes: some Sequence<Int>) { for index in indexes { insert(index) } }
    package mutating func insert(_ index: Int) { bits |= 1 << UInt32(index) }
    package func contains(_ index: Int) -> Bool { bits & (1 << UInt32(index)) != 0 }
    package var count: Int { bits.nonzeroBitCount }
    package func count(within mask: UInt32) -> Int { (bits & mask).nonzeroBitCount }
}

/// How many of n make a quorum. There is one right set of rules; the simulator plants others, to see them caught.
package struct QuorumRules: Sendable {
    package var majority: @Sendable (Int) -> Int
    /// Fast votes that choose a value.
    package var fast: @Sendable (Int) -> Int
    /// Equal fast votes that let a reader take a value for chosen.
    package var fastRead: @Sendable (Int) -> Int
    /// The sets that must each give a quorum.
    package var groups: @Sendable (Configuration) -> [[Member]]

    package init(
        majority: @escaping @Sendable (Int) -> Int, fast: @escaping @Sendable (Int) -> Int,
        fastRead: @escaping @Sendable (Int) -> Int, groups: @escaping @Sendable (Configuration) -> [[Member]]
    ) {
        self.majority = majority
        self.fast = fast
        self.fastRead = fastRead
        self.groups = groups
    }

    /// Majority ⌊n/2⌋ + 1; fast quorum ⌈3n/4⌉, so that two fast quorums and a majority always share an acceptor.
    package static let standard = QuorumRules(
        majority: { $0 / 2 + 1 }, fast: { ($0 * 3 + 3) / 4 }, fastRead: { ($0 * 3 + 3) / 4 },
        groups: { [$0.acceptors] + ($0.successors.map { [$0] } ?? []) })
}

/// Who must agree in one configuration.
package struct QuorumSystem: Sendable {
    private struct Group: Sendable {
        let mask: UInt32
        let count: Int
        let majority: Int
    }

    package let configuration: Configuration
    /// M, then those of M′ that are not in M; at most 30. A `MemberSet` counts by this order.
    package let members: [Member]
    private let groups: [Group]
    private let fast: Int
    private let fastRead: Int

    package init(_ configuration: Configuration, rules: QuorumRules = .standard) {
        let members = configuration.members
        self.configuration = configuration
        self.members = members
        groups = rules.groups(configuration).map { set in
            let mask = set.reduce(UInt32(0)) { $0 | 1 << UInt32(members.firstIndex(of: $1) ?? 31) }
            return Group(mask: mask, count: set.count, majority: rules.majority(set.count))
        }
        fast = rules.fast(configuration.acceptors.count)
        fastRead = rules.fastRead(configuration.acceptors.count)
    }

    package var size: Int { members.count }

    package func index(of node: NodeID, store: StoreID) -> Int? {
        members.firstIndex { $0.node == node && $0.store == store }
    }

    /// A majority of every set.
    package func isMajority(_ set: MemberSet) -> Bool {
        groups.allSatisfy { set.count(within: $0.mask) >= $0.majority }
    }

    /// A majority of M alone: what a listing for the rescan needs.
    package func isMajorityOfAcceptors(_ set: MemberSet) -> Bool {
        groups.first.map { set.count(within: $0.mask) >= $0.majority } ?? false
    }

    /// A majority of the last set, M′ in a joint epoch.
    package func isMajorityOfSuccessors(_ set: MemberSet) -> Bool {
        groups.last.map { set.count(within: $0.mask) >= $0.majority } ?? false
    }

    /// No majority is left among those that haven't refused.
    package func isBlocked(by refused: MemberSet) -> Bool {
        groups.contains { $0.count - refused.count(within: $0.mask) < $0.majority }
    }

    /// Never in a joint epoch: a value that one set's fast votes chose would be unknown to the other.
    package var allowsFast: Bool { !configuration.isJoint }
    package func isFastQuorum(_ set: MemberSet) -> Bool { allowsFast && votesOfAcceptors(set) >= fast }
    package func isFastBlocked(by refused: MemberSet) -> Bool {
        configuration.acceptors.count - votesOfAcceptors(refused) < fast
    }
    package func isFastReadQuorum(_ set: MemberSet) -> Bool { allowsFast && votesOfAcceptors(set) >= fastRead }
    package var fastCount: Int { fast }

    /// How many equal fast votes among `answered` may be part of a fast quorum: |R| − (N − f), of M.
    package func fastThreshold(of answered: MemberSet) -> Int {
        max(1, votesOfAcceptors(answered) - (configuration.acceptors.count - fast))
    }

    /// Fast votes count in M only.
    package func votesOfAcceptors(_ set: MemberSet) -> Int {
        set.count(within: (1 << UInt32(configuration.acceptors.count)) - 1)
    }
}
