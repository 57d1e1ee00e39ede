// Listings: pages merged item by item, given out only as far as all that answered are known to be complete.

import Ring
import Testing
import World

@Suite struct RangeScripts {
    @Test func pagesAreMerged() throws {
        try expectScript(
            """
            list quorum
              de-1 range limit=101
              us-1 range limit=101
            de-1 page x=a1 y=a1
            us-1 page x=a1 z=b1
              us-1 repair y=a1
              de-1 repair z=b1
              answer list [x=a1 y=a1 z=b1] acks=2 hints=0 de us
            us-1 stored
            de-1 stored
            """, on: Cluster.three())
    }

    @Test func theLimitTellsWhereToGoOn() throws {
        try expectScript(
            """
            list one limit=2
              de-1 range limit=3
            de-1 page a=a1 b=a1 c=a1
              answer list [a=a1 b=a1] next at c acks=1 hints=0 de
            list one limit=2 reverse
              de-1 range limit=3 reverse
            de-1 page c=a1 b=a1 a=a1 more
              answer list [c=a1 b=a1] next at a acks=1 hints=0 de
            list one limit=2
              de-1 range limit=3
            de-1 page a=a1 b=a1
              answer list [a=a1 b=a1] acks=1 hints=0 de
            """, on: Cluster.three())
    }

    @Test func deletedItemsAreLeftOutAndTheSearchGoesOn() throws {
        try expectScript(
            """
            list one limit=2
              de-1 range limit=3
            de-1 page a=-a1 b=-a1 c=a1 more
              de-1 range limit=2
            de-1 page d=-a1 e=a1
              answer list [c=a1 e=a1] acks=1 hints=0 de
            """, on: Cluster.three())
    }

    @Test func aPageIsCutByItsBytes() throws {
        try expectScript(
            """
            list one
              de-1 range limit=101
            de-1 page a=a1*1500 b=a1*1500 more
              answer list [a=a1 b=a1] next after b acks=1 hints=0 de
            list one
              de-1 range limit=101
            de-1 page a=a1*1000 more
              de-1 range limit=100
            de-1 page b=a1*1500 c=a1*1500 d=a1*1500 more
              answer list [a=a1 b=a1 c=a1] next at d acks=1 hints=0 de
            list one reverse
              de-1 range limit=101 reverse
            de-1 page d=a1*3000 c=a1*3000
              answer list [d=a1] next at c acks=1 hints=0 de
            list one
              de-1 range limit=101
            de-1 page a=a1*6000 more
              answer list [a=a1] next after a acks=1 hints=0 de
            """, on: Cluster.three())
    }

    @Test func aPageIsCutThoughItsReplicasKnowDifferentItems() throws {
        try expectScript(
            """
            list quorum
              de-1 range limit=101
              us-1 range limit=101
            de-1 page a=a1*2000 c=a1*2000
            us-1 page b=b1*2000 d=b1*2000
              us-1 repair a=a1
              de-1 repair b=b1
              answer list [a=a1 b=b1] next at c acks=2 hints=0 de us
            us-1 stored
            de-1 stored
            """, on: Cluster.three())
    }

    /// What both sides of a cut hold fits into a frame on each, and not together.
    @Test func whatIsLargerThanAFrameIsNotSentAsARepair() throws {
        try expectScript(
            """
            list quorum
              de-1 range limit=101
              us-1 range limit=101
            de-1 page a=a1*18000
            us-1 page a=b1*18000
              answer list [a=a1+b1] acks=2 hints=0 de us
            """, on: Cluster.three())
    }

    @Test func anItemDeletedOnOneSideStaysDeleted() throws {
        try expectScript(
            """
            list quorum
              de-1 range limit=101
              us-1 range limit=101
            de-1 page x=a1
            us-1 page x=-a2
              de-1 repair x=tombstone
              answer list [] acks=2 hints=0 de us
            de-1 stored
            """, on: Cluster.three())
    }

    /// Each key once and in order: anything else is no page.
    @Test func aPageInAnotherOrderIsNone() throws {
        try expectScript(
            """
            list one
              de-1 range limit=101
            de-1 page b=a1 a=a1
              us-1 range limit=101
            us-1 page a=a1 a=a1
              jp-1 range limit=101
            jp-1 page a=a1 b=a1
              answer list [a=a1 b=a1] acks=1 hints=0 jp
            list one reverse
              de-1 range limit=101 reverse
            de-1 page a=a1 b=a1
              us-1 range limit=101 reverse
            us-1 page b=a1 a=a1
              answer list [b=a1 a=a1] acks=1 hints=0 us
            """, on: Cluster.three())
    }

    /// Three that know different items, in different versions, of which two are the same.
    @Test func pagesOfThreeAreMergedBackward() throws {
        try expectScript(
            """
            list all reverse
              de-1 range limit=101 reverse
              us-1 range limit=101 reverse
              jp-1 range limit=101 reverse
            jp-1 page d=a1 b=a1
            de-1 page c=a1 b=a1 a=a1
            us-1 page d=a1 c=-a2
              de-1 repair d=a1
              de-1 repair c=tombstone
              jp-1 repair c=tombstone
              us-1 repair b=a1
              us-1 repair a=a1
              jp-1 repair a=a1
              answer list [d=a1 b=a1 a=a1] acks=3 hints=0 de jp us
            """, on: Cluster.three())
    }

    @Test func whatBreaksIsReplacedAndTheDeadlineIsKept() throws {
        try expectScript(
            """
            list quorum timeout=200
              de-1 range limit=101
              us-1 range limit=101
            us-1 breaks
              jp-1 range limit=101
            de-1 page a=a1
            after 200
              answer failed quorumNotReached(mayTakeEffect: false) acks=1 hints=0 de short of quorum
            """, on: Cluster.three())
    }
}
