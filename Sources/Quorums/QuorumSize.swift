// How many of n make a quorum. This arithmetic is written here and nowhere else.

package enum QuorumSize {
    /// ⌊n/2⌋ + 1: two majorities of one set always share a member.
    @inlinable package static func majority(of n: Int) -> Int { n / 2 + 1 }

    /// ⌈3n/4⌉: two fast quorums and a majority of one set always share a member (Lamport, Fast Paxos, 2006).
    @inlinable package static func fast(of n: Int) -> Int { (n * 3 + 3) / 4 }
}
