// Writes: minted by one replica, stored by the others, kept as hints where a replica cannot take them.

import Ring
import Testing
import World

@Suite struct WriteScripts {
    @Test func aQuorumAnswersAndTheThirdFollows() throws {
        try expectScript(
            """
            put v quorum
              de-1 mint v
            de-1 minted
              jp-1 store v
              us-1 store v
            us-1 stored
              answer created v acks=2 hints=0 de us
            jp-1 stored
            """, on: Cluster.three())
    }

    @Test func theOwnNodeMintsFirst() throws {
        try expectScript(
            """
            put v one
              jp-1 mint v
            jp-1 minted over
              de-1 store v
              us-1 store v
              answer written v acks=1 hints=0 jp
            us-1 stored
            de-1 stored
            """, on: Cluster.three(), at: "jp-1")
    }

    @Test func theOthersGetItWhileTheOwnDiskCommits() throws {
        try expectScript(
            """
            put v quorum
              de-1 mint v
            de-1 prepares
              jp-1 store v
              us-1 store v
            de-1 prepares
            us-1 stored
            de-1 minted
              answer created v acks=2 hints=0 de us
            jp-1 stored
            """, on: Cluster.three())
    }

    @Test func whatIsNotCommittedDoesNotCount() throws {
        try expectScript(
            """
            put v all
              de-1 mint v
            de-1 prepares
              jp-1 store v
              us-1 store v
            us-1 stored
            jp-1 stored
            de-1 minted
              answer created v acks=3 hints=0 de jp us
            """, on: Cluster.three())
    }

    @Test func theOthersMayBeEnough() throws {
        try expectScript(
            """
            put v quorum
              de-1 mint v
            de-1 prepares
              jp-1 store v
              us-1 store v
            us-1 stored
            jp-1 stored
              answer created v acks=2 hints=0 jp us
            de-1 minted
            """, on: Cluster.three())
    }

    @Test func anOwnDiskThatHangsOrBreaksAfterwardsGetsAHint() throws {
        for silence in ["after 1500", "de-1 breaks"] {
            try expectScript(
                """
                put v quorum
                  de-1 mint v
                de-1 prepares
                  P2 store v
                  P3 store v
                P2 stored
                P3 stored
                  answer created v acks=2 hints=0 \(try Cluster.countries("P2", "P3"))
                \(silence)
                  F1 keep v for de-1
                F1 stored
                """, on: Cluster.withFallbacks())
        }
    }

    @Test func anotherNodeCannotPrepare() throws {
        try expectScript(
            """
            put v quorum
              P1 mint v
            P1 prepares
            P1 minted
              P2 store v
              P3 store v
            P2 stored
              answer created v acks=2 hints=0 \(try Cluster.countries("P1", "P2"))
            P3 stored
            """, on: Cluster.withFallbacks(), at: "de-gw")
    }

    @Test func allMeansAll() throws {
        try expectScript(
            """
            delete all
              de-1 mint tombstone
            de-1 minted over
              jp-1 store tombstone
              us-1 store tombstone
            us-1 stored
            jp-1 stored
              answer written tombstone acks=3 hints=0 de jp us
            """, on: Cluster.three())
    }

    @Test func lateWrongAndDoubleAnswersCountForNothing() throws {
        try expectScript(
            """
            put v all
              de-1 mint v
            us-1 for de-1 minted
            de-1 minted
              jp-1 store v
              us-1 store v
            again
            jp-1 for us-1 stored
            us-1 stored
            again
            again
            jp-1 stored
              answer created v acks=3 hints=0 de jp us
            again
            """, on: Cluster.three())
    }

    @Test func aMinterThatBreaksIsReplaced() throws {
        try expectScript(
            """
            put v quorum
              de-1 mint v
            de-1 unsent
              us-1 mint v
            us-1 refuses notReplica
              jp-1 mint v
            jp-1 minted
              de-1 store v
              us-1 store v
            de-1 stored
              answer created v acks=2 hints=0 de jp
            us-1 stored
            """, on: Cluster.three())
    }

    @Test(arguments: ["exists", "tooManySiblings", "tooLarge", "malformed"])
    func aMintersFinalRefusalIsTheAnswer(_ code: String) throws {
        let failure =
            [
                "tooManySiblings": "tooManySiblings(\"because\")", "tooLarge": "tooLarge(\"because\")",
                "malformed": "malformed(\"because\")",
            ][code] ?? code
        try expectScript(
            """
            put v quorum if-absent
              de-1 mint v if-absent
            de-1 refuses \(code)
              answer failed \(failure) acks=0 hints=0  short of quorum
            """, on: Cluster.three())
    }

    @Test func whereEveryDiskIsFullTheClientHearsIt() throws {
        try expectScript(
            """
            put v quorum
              de-1 mint v
            de-1 refuses diskFull
              us-1 mint v
            us-1 refuses diskFull
              jp-1 mint v
            jp-1 refuses diskFull
              answer failed diskFull acks=0 hints=0  short of quorum
            """, on: Cluster.three())
    }

    @Test func withoutFallbacksTheOwnNodeKeepsTheHint() throws {
        try expectScript(
            """
            down us-1
            put v all
              de-1 mint v
            de-1 minted
              jp-1 store v
              de-1 keep v for us-1
            de-1 stored
            jp-1 stored
            after 5000
              answer failed quorumNotReached(mayTakeEffect: true) acks=2 hints=0 de jp short of all
            """, on: Cluster.three())
    }

    @Test func hintsGoToTheFallbacksInOrderAndTheOwnNodeLast() throws {
        try expectScript(
            """
            down P2
            down P3
            put v all
              P1 mint v
            P1 minted
              F1 keep v for P2
              F2 keep v for P3
            F1 stored
            F2 refuses hintsFull
              P1 keep v for P3
            P1 stored
            after 5000
              answer failed quorumNotReached(mayTakeEffect: true) acks=2 hints=1 \(try Cluster.countries("P1", "F1")) short of all
            """, on: Cluster.withFallbacks(), at: Cluster.primary(1))
    }

    @Test func sloppyQuorumsCountHintsAndStrictOnesDoNot() throws {
        let down = "down P2\ndown P3\n"
        try expectScript(
            down + """
                put v quorum
                  P1 mint v
                P1 minted
                  F1 keep v for P2
                  F2 keep v for P3
                F2 stored
                  answer created v acks=2 hints=1 \(try Cluster.countries("P1", "F2"))
                F1 stored
                """, on: Cluster.withFallbacks(), at: Cluster.primary(1))
        try expectScript(
            down + """
                put v quorum strict timeout=500
                  P1 mint v
                P1 minted
                  F1 keep v for P2
                  F2 keep v for P3
                F2 stored
                F1 stored
                after 500
                  answer failed quorumNotReached(mayTakeEffect: true) acks=3 hints=2 \(try Cluster.countries("P1", "F1", "F2")) short of quorum
                """, on: Cluster.withFallbacks(), at: Cluster.primary(1))
    }

    @Test func aSlowReplicaGetsAHintAndItsLateAnswerIsNotCountedTwice() throws {
        try expectScript(
            """
            put v all
              P1 mint v
            P1 minted
              P2 store v
              P3 store v
            P2 stored
            after 1499
            after 1
              F1 keep v for P3
            F1 stored
              answer created v acks=3 hints=1 \(try Cluster.countries("P1", "P2", "F1"))
            P3 stored
            """, on: Cluster.withFallbacks(), at: Cluster.primary(1))
    }

    @Test func hintsStayInsideTheResidencyRule() throws {
        // The gateway abroad may route a patient's data, and keep none of it.
        try expectScript(
            """
            down P2
            put v all
              P1 mint v
            P1 minted
              F1 keep v for P2
            F1 breaks
            after 5000
              answer failed quorumNotReached(mayTakeEffect: true) acks=1 hints=0 de short of all
            """, on: Cluster.german(), at: "us-1")
    }

    @Test func aGatewayWithoutADiskKeepsNothing() throws {
        try expectScript(
            """
            down F1
            down F2
            down P3
            down P2
            put v quorum
              P1 mint v
            P1 minted
            after 5000
              answer failed quorumNotReached(mayTakeEffect: true) acks=1 hints=0 \(try Cluster.countries("P1")) short of quorum
            """, on: Cluster.withFallbacks(), at: "de-gw")
    }

    @Test func theDeadlineIsKept() throws {
        try expectScript(
            """
            put v quorum timeout=400
              de-1 mint v
            de-1 minted
              jp-1 store v
              us-1 store v
            after 399
            after 1
              answer failed quorumNotReached(mayTakeEffect: true) acks=1 hints=0 de short of quorum
            us-1 stored
            jp-1 stored
            """, on: Cluster.three())
    }

    @Test func whatIsNeverAnsweredIsForgottenAfterTheDeadline() throws {
        try expectScript(
            """
            put v one timeout=100
              de-1 mint v
            de-1 minted
              jp-1 store v
              us-1 store v
              answer created v acks=1 hints=0 de
            after 1500
              de-1 keep v for jp-1
              de-1 keep v for us-1
            after 1600
            after 1
            """, on: Cluster.three())
    }

    @Test func levelsThatCannotBeMetAreRefusedAtOnce() throws {
        try expectScript(
            """
            put v 4
              answer failed badLevel("a level of 4 can\\'t be met by 3 replicas")
            """, on: Cluster.three())
        try expectScript(
            """
            get local
              answer failed badLevel("level local: this key has no replica in us")
            """, on: Cluster.german(), at: "us-1")
    }
}
