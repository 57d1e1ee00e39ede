// Quorum arithmetic, proved by trying every set of acceptors there is.

import Quorums
import Testing
import World

@testable import NameStore

@Suite struct QuorumTests {
    private func members(_ range: Range<Int>) -> [AcceptorID] {
        range.compactMap { index in
            NodeID("n\(index)").map { AcceptorID(node: $0, store: StoreID(high: 0, low: UInt64(index))) }
        }
    }

    private func subsets(_ size: Int) -> [MemberSet] {
        (0..<(1 << size)).map { bits in MemberSet((0..<size).filter { bits & (1 << $0) != 0 }) }
    }

    private func meet(_ a: MemberSet, _ b: MemberSet) -> Bool { a.bits & b.bits != 0 }

    @Test(arguments: 1...9) func anyTwoMajoritiesMeet(_ size: Int) throws {
        let quorums = QuorumSystem(try #require(Configuration(epoch: 1, acceptors: members(0..<size))))
        let majorities = subsets(size).filter { quorums.isMajority($0) }
        #expect(majorities.contains { $0.count == size / 2 + 1 })
        for a in majorities { #expect(majorities.allSatisfy { meet(a, $0) }) }
    }

    /// Fast Paxos asks that any two fast quorums and a majority share an acceptor, and that a majority contains enough
    /// votes of a fast quorum to tell its value from every other.
    @Test(arguments: 3...9) func fastQuorumsAndMajoritiesMeet(_ size: Int) throws {
        let quorums = QuorumSystem(try #require(Configuration(epoch: 1, acceptors: members(0..<size))))
        let all = subsets(size)
        let majorities = all.filter { quorums.isMajority($0) && $0.count == size / 2 + 1 }
        let fast = all.filter { quorums.isFastQuorum($0) && $0.count == quorums.fastCount }
        #expect(quorums.fastCount == (3 * size + 3) / 4)
        for majority in majorities {
            let threshold = quorums.fastThreshold(of: majority)
            for a in fast {
                #expect((a.bits & majority.bits).nonzeroBitCount >= threshold)
                #expect(fast.allSatisfy { a.bits & $0.bits & majority.bits != 0 })
                // Those of the majority outside one fast quorum are too few to look like another.
                #expect((majority.bits & ~a.bits).nonzeroBitCount < threshold)
            }
        }
    }

    @Test func aJointEpochNeedsBothSets() throws {
        let configuration = try #require(
            Configuration(epoch: 2, acceptors: members(0..<3), successors: members(2..<7)))
        let quorums = QuorumSystem(configuration)
        #expect(quorums.size == 7)
        #expect(!quorums.allowsFast)
        for set in subsets(7) {
            let old = set.count(within: MemberSet(0..<3))
            let new = set.count(within: MemberSet(2..<7))
            #expect(quorums.isMajority(set) == (old >= 2 && new >= 3))
            #expect(quorums.isMajorityOfAcceptors(set) == (old >= 2))
            #expect(!quorums.isFastQuorum(set))
            #expect(quorums.isBlocked(by: set) == (3 - old < 2 || 5 - new < 3))
        }
    }

    @Test func aNodeStandsOnceInASet() {
        #expect(Configuration(epoch: 1, acceptors: members(0..<3) + members(0..<1)) == nil)
        #expect(Configuration(epoch: 1, acceptors: []) == nil)
        #expect(Configuration(epoch: 0, acceptors: members(0..<3)) == nil)
        #expect(Configuration(epoch: 1, acceptors: members(0..<(Limits.nameAcceptors + 1))) == nil)
    }
}
