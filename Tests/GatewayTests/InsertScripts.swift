// One value under many keys: made once by the own node, stored by the others in one message each, hints key by key.

import Ring
import Testing
import World

@testable import Gateway

@Suite struct InsertScripts {
    private let three: RingSnapshot

    init() throws { three = try Cluster.three(conflict: "last-write-wins") }

    @Test func oneReplicaAnswersAndTheOthersFollow() throws {
        try expectScript(
            """
            insert v a b
              de-1 insert v a b
            de-1 minted
              jp-1 store v a b
              us-1 store v a b
              answer inserted
            us-1 stored
            jp-1 beside
            """, on: three)
    }

    @Test func whereSomethingStandsTheyAreLeft() throws {
        try expectScript(
            """
            insert v a b
              de-1 insert v a b
            de-1 refuses exists
              answer inserted but 0 1
            """, on: three)
    }

    @Test func whoIsAwayGetsHints() throws {
        try expectScript(
            """
            down jp-1
            insert v a b
              de-1 insert v a b
            de-1 minted
              de-1 keep v for jp-1
              de-1 keep v for jp-1
              us-1 store v a b
              answer inserted
            us-1 stored
            de-1 stored
            de-1 stored
            """, on: three)
    }

    @Test func whoFailsRefusesOrIsSilentGetsHints() throws {
        for trouble in ["us-1 breaks", "us-1 refuses busy", "after 1500"] {
            let others = trouble == "after 1500" ? "" : "jp-1 stored\n"
            let both = others.isEmpty ? "  de-1 keep v for jp-1\n" : ""
            let bothDone = others.isEmpty ? "\nde-1 stored" : ""
            try expectScript(
                """
                insert v a
                  de-1 insert v a
                de-1 minted
                  jp-1 store v a
                  us-1 store v a
                  answer inserted
                \(others)\(trouble)
                \(both)  de-1 keep v for us-1
                de-1 stored\(bothDone)
                """, on: three)
        }
    }

    @Test func whatTheOwnNodeDoesNotDoIsLeft() throws {
        for trouble in ["de-1 refuses diskFull", "de-1 unsent"] {
            try expectScript(
                """
                insert v a b
                  de-1 insert v a b
                \(trouble)
                  answer inserted but 0 1
                """, on: three)
        }
    }

    /// Done later it would win over what was written in between.
    @Test func whatTheOwnDiskHasNotBegunIsTakenBack() throws {
        try expectScript(
            """
            insert v a b
              de-1 insert v a b
            after 1500
              take back from de-1
            de-1 unsent
              answer inserted but 0 1
            """, on: three)
        // It was under way already.
        try expectScript(
            """
            insert v a
              de-1 insert v a
            after 1500
              take back from de-1
            de-1 minted
              jp-1 store v a
              us-1 store v a
              answer inserted
            jp-1 stored
            us-1 stored
            """, on: three)
        try expectScript(
            """
            insert v a timeout=100
              de-1 insert v a
            after 100
              take back from de-1
              answer inserted but 0
            """, on: three)
    }

    /// The gateway's node stores nothing of it, and may keep no hint: it has its answer when one replica has.
    @Test func aStrangerToTheKeysWaitsForOneReplica() throws {
        let german = try Cluster.german(conflict: "last-write-wins")
        try expectScript(
            """
            insert v a
              us-1 insert v a
            us-1 minted
              P1 store v a
              P2 store v a
            P1 breaks
              F1 keep v for P1
            P2 stored
              answer inserted
            F1 refuses hintsFull
            """, on: german, at: "us-1")
        try expectScript(
            """
            down F1
            insert v a
              us-1 insert v a
            us-1 minted
              P1 store v a
              P2 store v a
            P1 breaks
            P2 breaks
              answer inserted but 0
            """, on: german, at: "us-1")
    }

    /// Nor does one count under whose key something stands: what is written alone then is an overwrite.
    @Test func whatStandsBesideSomethingHoldsNothing() throws {
        try expectScript(
            """
            insert v a
              us-1 insert v a
            us-1 minted
              P1 store v a
              P2 store v a
            P1 beside
            P2 beside
              answer inserted but 0
            """, on: Cluster.german(conflict: "last-write-wins"), at: "us-1")
    }

    @Test func hintsGoToFallbacksAndAtLastToTheOwnNode() throws {
        try expectScript(
            """
            down P2
            insert v a
              P1 insert v a
            P1 minted
              F1 keep v for P2
              P3 store v a
              answer inserted
            F1 refuses hintsFull
              P1 keep v for P2
            P1 refuses hintsFull
            P3 stored
            """, on: Cluster.withFallbacks(conflict: "last-write-wins"), at: Cluster.primary(1))
    }

    @Test func whereValuesMergeNothingIsInserted() throws {
        try expectScript(
            """
            insert v a
              answer failed malformed("not what can be inserted under many keys")
            """, on: Cluster.three())
        let many = (0...Limits.insertedKeys).map { "k\($0)" }.joined(separator: " ")
        try expectScript(
            """
            insert v \(many)
              answer failed malformed("not what can be inserted under many keys")
            """, on: three)
    }
}
