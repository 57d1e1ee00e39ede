// The laws that all quorums here rest on, for every size that can occur.

import Quorums
import Testing

@Suite struct QuorumsTests {
    @Test(arguments: 1...30) func quorumsIntersect(_ n: Int) {
        let majority = QuorumSize.majority(of: n)
        let fast = QuorumSize.fast(of: n)
        #expect(2 * majority > n && 2 * (majority - 1) <= n, "two majorities share a member, and no smaller sets do")
        #expect(2 * fast + majority > 2 * n, "two fast quorums and a majority share a member")
        #expect(fast <= n && fast >= majority)
    }

    /// All subsets of five members, of which three are to be replaced.
    @Test func aJointQuorumIsOneOfEachSet() {
        let old = MemberSet([0, 1, 2])
        let new = MemberSet([2, 3, 4])
        let joint = JointQuorum([old, new])
        for bits in 0..<32 {
            let set = MemberSet((0..<5).filter { bits >> $0 & 1 == 1 })
            let rest = MemberSet((0..<5).filter { bits >> $0 & 1 == 0 })
            let inOld = set.count(within: old) >= 2
            let inNew = set.count(within: new) >= 2
            #expect(joint.isReachedInFirst(by: set) == inOld)
            #expect(joint.isReached(by: set) == (inOld && inNew))
            #expect(joint.isBlocked(by: rest) != joint.isReached(by: set))
        }
    }

    @Test func noSetsAreReachedByNobody() {
        #expect(JointQuorum([]).isReached(by: MemberSet()))
        #expect(!JointQuorum([]).isReachedInFirst(by: MemberSet()))
    }
}
