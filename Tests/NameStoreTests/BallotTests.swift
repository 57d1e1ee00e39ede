// Ballots are totally ordered, the fast one lowest.

@testable import NameStore
import Testing
import World

@Suite struct BallotTests {
    @Test func fastIsLowest() {
        let a = Ballot(round: 1, node: NodeID(literal: "a"), session: 5)
        let b = Ballot(round: 1, node: NodeID(literal: "b"), session: 0)
        let later = Ballot(round: 1, node: NodeID(literal: "a"), session: 6)
        #expect(Ballot.fast < a)
        #expect(!(a < Ballot.fast))
        #expect(a < later)
        #expect(later < b)
        #expect(b < Ballot(round: 2, node: NodeID(literal: "a"), session: 0))
        #expect(!(a < a))
        #expect(!(Ballot.fast < Ballot.fast))
    }
}
