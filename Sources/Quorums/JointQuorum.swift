// Majorities of several sets at a time: what a change from one set of members to another needs while it is under way.

/// Some members of a quorum system, by index; at most 32.
package struct MemberSet: Equatable, Sendable {
    package private(set) var bits: UInt32 = 0

    package init() {}
    package init(_ indexes: some Sequence<Int>) { for index in indexes { insert(index) } }
    package mutating func insert(_ index: Int) { bits |= 1 << UInt32(index) }
    package func contains(_ index: Int) -> Bool { bits & (1 << UInt32(index)) != 0 }
    package var count: Int { bits.nonzeroBitCount }
    package func count(within other: MemberSet) -> Int { (bits & other.bits).nonzeroBitCount }
}

/// Sets that must each give a quorum (joint consensus; Ongaro, 2014, 4.3). A member may be in more than one of them.
package struct JointQuorum: Sendable {
    private struct Group: Sendable {
        let members: MemberSet
        let needed: Int
    }

    private let groups: [Group]

    /// `size`: how many of n make a quorum of one set.
    package init(_ groups: [MemberSet], size: (Int) -> Int = QuorumSize.majority) {
        self.groups = groups.map { Group(members: $0, needed: size($0.count)) }
    }

    /// A quorum of every set.
    package func isReached(by set: MemberSet) -> Bool { groups.allSatisfy { isReached($0, by: set) } }

    /// A quorum of the first set alone.
    package func isReachedInFirst(by set: MemberSet) -> Bool { groups.first.map { isReached($0, by: set) } ?? false }

    /// Some set has no quorum left among those that haven't refused.
    package func isBlocked(by refused: MemberSet) -> Bool {
        groups.contains { $0.members.count - refused.count(within: $0.members) < $0.needed }
    }

    private func isReached(_ group: Group, by set: MemberSet) -> Bool {
        set.count(within: group.members) >= group.needed
    }
}
