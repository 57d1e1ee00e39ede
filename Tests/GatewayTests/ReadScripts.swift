// Reads: no more replicas than the level needs, best first; answers merged, and what is stale mended afterwards.

import Ring
import Testing
import World

@Suite struct ReadScripts {
    @Test func theNearestGiveTheQuorum() throws {
        try expectScript(
            """
            get quorum
              de-1 read
              us-1 read or summary
            de-1 object a1
            us-1 object a1
              answer read a1 acks=2 hints=0 de us
            """, on: Cluster.three())
    }

    @Test func oneAsksOneAndAllAsksAll() throws {
        try expectScript(
            """
            get one
              jp-1 read
            jp-1 nothing
              answer read nothing acks=1 hints=0 jp
            get all
              jp-1 read
              de-1 read or summary
              us-1 read or summary
            us-1 nothing
            de-1 nothing
            jp-1 nothing
              answer read nothing acks=3 hints=0 de jp us
            """, on: Cluster.three(), at: "jp-1")
    }

    @Test func answersAreMergedAndStaleReplicasMended() throws {
        try expectScript(
            """
            get all
              de-1 read
              us-1 read or summary
              jp-1 read or summary
            de-1 object a1
            us-1 object a2
            jp-1 nothing
              answer read a2 acks=3 hints=0 de jp us
              de-1 repair a2
              jp-1 repair a2
            de-1 stored
            jp-1 breaks
            """, on: Cluster.three())
    }

    @Test func concurrentWritesComeBackAsSiblings() throws {
        try expectScript(
            """
            get quorum
              de-1 read
              us-1 read or summary
            us-1 object b1
            de-1 object a1
              answer read a1+b1 acks=2 hints=0 de us
              de-1 repair a1+b1
              us-1 repair a1+b1
            us-1 stored
            de-1 stored
            """, on: Cluster.three())
    }

    @Test func aTombstoneIsAnAnswer() throws {
        try expectScript(
            """
            get quorum
              de-1 read
              us-1 read or summary
            de-1 object a1
            us-1 object -a2
              answer read tombstone acks=2 hints=0 de us
              de-1 repair tombstone
            de-1 stored
            """, on: Cluster.three())
    }

    @Test func anEqualSummaryIsEnough() throws {
        try expectScript(
            """
            get quorum
              de-1 read
              us-1 read or summary
            de-1 object a2
            us-1 summary a2
              answer read a2 acks=2 hints=0 de us
            """, on: Cluster.three())
    }

    @Test func anOlderSummaryIsMendedWithoutReadingIt() throws {
        try expectScript(
            """
            get quorum
              de-1 read
              us-1 read or summary
            us-1 summary a1
            de-1 object a2
              answer read a2 acks=2 hints=0 de us
              us-1 repair a2
            us-1 stored
            """, on: Cluster.three())
    }

    @Test func aSummaryThatKnowsMoreIsAskedForAll() throws {
        try expectScript(
            """
            get quorum
              de-1 read
              us-1 read or summary
            de-1 object a1
            us-1 summary a2
              us-1 read
            us-1 object a2
              answer read a2 acks=2 hints=0 de us
              de-1 repair a2
            de-1 stored
            """, on: Cluster.three())
    }

    /// The summary says that de-1 is behind: without what it names, its replica is no part of the quorum.
    @Test func aSummaryWhoseObjectCannotBeHadIsNoAnswer() throws {
        try expectScript(
            """
            get quorum
              de-1 read
              us-1 read or summary
            de-1 object a1
            us-1 summary a2
              us-1 read
            us-1 breaks
              jp-1 read or summary
            jp-1 summary a2
              jp-1 read
            jp-1 object a2
              answer read a2 acks=2 hints=0 de jp
              de-1 repair a2
            de-1 stored
            """, on: Cluster.three())
        try expectScript(
            """
            get quorum
              de-1 read
              us-1 read or summary
            us-1 summary a2
            de-1 object a1
              us-1 read
            after 1500
              jp-1 read or summary
            jp-1 breaks
            after 3500
              answer failed quorumNotReached(mayTakeEffect: false) acks=1 hints=0 de short of quorum
            """, on: Cluster.three())
    }

    @Test func whatBreaksOrRefusesOrMakesNoSenseIsReplaced() throws {
        try expectScript(
            """
            get quorum
              de-1 read
              us-1 read or summary
            de-1 breaks
              jp-1 read
            us-1 refuses busy
            jp-1 garbage
            after 5000
              answer failed quorumNotReached(mayTakeEffect: false) acks=0 hints=0  short of quorum
            """, on: Cluster.three())
    }

    @Test func lateWrongAndDoubleAnswersCountForNothing() throws {
        try expectScript(
            """
            get quorum
              de-1 read
              us-1 read or summary
            jp-1 for us-1 object b9
            us-1 for de-1 object b9
            de-1 object a1
            again
            us-1 object a1
              answer read a1 acks=2 hints=0 de us
            again
            """, on: Cluster.three())
    }

    @Test func theDeadlineIsKept() throws {
        try expectScript(
            """
            get quorum timeout=300
              de-1 read
              us-1 read or summary
            de-1 object a1
            after 299
            after 1
              answer failed quorumNotReached(mayTakeEffect: false) acks=1 hints=0 de short of quorum
            """, on: Cluster.three())
    }

    @Test func aSlowReplicaIsReplacedAndItsAnswerIsNoLongerExpected() throws {
        try expectScript(
            """
            get quorum
              de-1 read
              us-1 read or summary
            de-1 object a1
            after 1500
              jp-1 read or summary
            us-1 object a2
            jp-1 object a1
              answer read a1 acks=2 hints=0 de jp
            """, on: Cluster.three())
    }

    @Test func forAPrimaryThatIsAwayItsFallbackIsAsked() throws {
        try expectScript(
            """
            down us-1
            get all
              de-1 read
              jp-1 read or summary
              F1 read hints for us-1
            F1 object a2
            de-1 object a1
            jp-1 object a1
              answer read a2 acks=3 hints=1 \(try Cluster.countries("de-1", "jp-1", "F1"))
              de-1 repair a2
              jp-1 repair a2
            """, on: Cluster.withFallbacks())
    }

    @Test func strictReadsAskPrimariesAlone() throws {
        try expectScript(
            """
            down us-1
            get quorum strict
              de-1 read
              jp-1 read or summary
            de-1 object a1
            jp-1 object a1
              answer read a1 acks=2 hints=0 de jp
            """, on: Cluster.withFallbacks())
    }

    @Test func eachAsksEveryCountry() throws {
        try expectScript(
            """
            get each
              de-1 read
              us-1 read or summary
              jp-1 read or summary
            de-1 object a1
            us-1 object a1
            jp-1 object a1
              answer read a1 acks=3 hints=0 de jp us
            """, on: Cluster.three())
    }
}
