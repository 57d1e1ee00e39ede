// A write takes effect once, and before its client hears of it (decision 0022); and whoever cannot be reached just now
// is asked again while there is time.

import Ring
import Testing
import World

@Suite struct OnceScripts {
    /// What waits before the own disk is taken back before another is asked; what has been begun is waited for.
    @Test func anOwnMintIsTakenBackFirst() throws {
        try expectScript(
            """
            put v quorum
              de-1 mint v
            after 1500
              take back from de-1
            de-1 unsent
              us-1 mint v
            us-1 minted
              de-1 store v
              jp-1 store v
            jp-1 stored
              answer created v acks=2 hints=0 jp us
            de-1 stored
            """, on: Cluster.three())
        try expectScript(
            """
            put v quorum
              de-1 mint v
            after 1500
              take back from de-1
            de-1 prepares
              jp-1 store v
              us-1 store v
            us-1 stored
            de-1 minted
              answer created v acks=2 hints=0 de us
            jp-1 stored
            """, on: Cluster.three())
    }

    /// An attempt at another node of which nobody knows is voided, and cannot be carried out any more when the next is
    /// made.
    @Test func aMintThatWasHandedOnIsVoid() throws {
        try expectScript(
            """
            put v quorum
              P1 mint v
            P1 breaks
            after 1499
            after 1
              P3 mint v in place of 1
            P3 minted
              P1 store v
              P2 store v
            P2 stored
              answer created v acks=2 hints=0 \(try Cluster.countries("P3", "P2"))
            P1 stored
            """, on: Cluster.withFallbacks(), at: "de-gw")
    }

    /// A replica that refuses a mint as too old has told its clock, and is asked once more.
    @Test func aMintThatCameLateIsDatedAnew() throws {
        try expectScript(
            """
            put v one
              P1 mint v
            P1 refuses late
              P1 mint v
            P1 refuses late
              P3 mint v
            P3 minted
              P1 store v
              P2 store v
              answer created v acks=1 hints=0 \(try Cluster.countries("P3"))
            P1 stored
            P2 stored
            """, on: Cluster.withFallbacks(), at: "de-gw")
    }

    /// Where the latest write wins no attempt has a name; one that was given up is none of this write all the same.
    @Test func aMintThatWasGivenUpIsNotTaken() throws {
        try expectScript(
            """
            put v one
              P1 mint v
            after 1500
              P3 mint v
            P1 minted
            P3 minted
              P1 store v
              P2 store v
              answer created v acks=1 hints=0 \(try Cluster.countries("P3"))
            P1 stored
            P2 stored
            """, on: Cluster.withFallbacks(conflict: "last-write-wins"), at: "de-gw")
    }

    /// One whose place another has taken is not dated anew beside it: two mints that are not void would be under way.
    @Test func aMintThatCameLateLeavesTheOtherAlone() throws {
        try expectScript(
            """
            put v one
              P1 mint v
            after 1500
              P3 mint v in place of 1
            P1 refuses late
            P3 minted
              P1 store v
              P2 store v
              answer created v acks=1 hints=0 \(try Cluster.countries("P3"))
            P1 stored
            P2 stored
            """, on: Cluster.withFallbacks(), at: "de-gw")
    }

    /// Nor while one that is void may still be made.
    @Test func aMintThatCameLateWaitsForTheVoidOne() throws {
        try expectScript(
            """
            put v one
              P1 mint v
            after 1500
              P3 mint v in place of 1
            P3 breaks
            P1 refuses late
            after 1499
            after 1
              P2 mint v in place of 2
            P2 minted
              P1 store v
              P3 store v
              answer created v acks=1 hints=0 \(try Cluster.countries("P2"))
            P1 stored
            P3 stored
            """, on: Cluster.withFallbacks(), at: "de-gw")
    }

    /// The minter was behind: who holds what the overwrite did not know of mints it anew.
    @Test func anOverwriteMeetsWhatItsMinterMissed() throws {
        try expectScript(
            """
            put v quorum
              de-1 mint v
            de-1 minted
              jp-1 store v
              us-1 store v
            us-1 beside
              us-1 mint v
            us-1 minted over
              de-1 store v
              jp-1 store v
            de-1 stored
              answer written v acks=2 hints=0 de us
            jp-1 stored
            jp-1 stored
            """, on: Cluster.three())
    }

    /// Who was to mint it anew falls silent: the next one does not know the forms that it knew.
    @Test func theFormsOfAWriteAreVoidForWhomeverKnowsThemNot() throws {
        try expectScript(
            """
            put v quorum
              P1 mint v
            P1 minted
              P2 store v
              P3 store v
            P2 beside
              P2 mint v
            P3 stored
            P2 breaks
            after 1499
            after 1
              P1 mint v in place of 2
            P1 minted over
              P2 store v
              P3 store v
            P3 stored
              answer written v acks=2 hints=0 \(try Cluster.countries("P1", "P3"))
            P2 stored
            """, on: Cluster.withFallbacks(), at: "de-gw")
    }

    /// A later write of the same gateway came first, and stands beside what neither knew of. Until that is overwritten
    /// as well the earlier write is not acknowledged by its superseding; then it is.
    @Test func anOverwriteSupersededBesideTheRestIsAskedForAgain() throws {
        try expectScript(
            """
            put v quorum
              de-1 mint v
            de-1 minted
              jp-1 store v
              us-1 store v
            jp-1 refuses superseded
            us-1 refuses superseded
            after 30
              jp-1 store v
              us-1 store v
            us-1 stored
              answer created v acks=2 hints=0 de us
            jp-1 stored
            """, on: Cluster.three())
    }

    /// The own disk's answer to the first form comes when that has been minted anew: it is not this write any more.
    @Test func whatWasMintedAnewIsNotAnsweredByItsFirstForm() throws {
        try expectScript(
            """
            put v quorum
              de-1 mint v
            de-1 prepares
              jp-1 store v
              us-1 store v
            us-1 beside
              us-1 mint v
            de-1 minted
            jp-1 stored
            us-1 minted over
              de-1 store v
              jp-1 store v
            jp-1 stored
              answer written v acks=2 hints=0 jp us
            de-1 stored
            """, on: Cluster.three())
    }

    /// No link yet to a node that is just back: the request looks again while its time allows.
    @Test func aQuorumThatComesBackInTimeIsReached() throws {
        try expectScript(
            """
            down jp-1
            down us-1
            put v quorum
              de-1 mint v
            de-1 minted
              de-1 keep v for jp-1
              de-1 keep v for us-1
            de-1 stored
            de-1 stored
            up us-1
            after 30
              us-1 store v
            us-1 stored
              answer created v acks=2 hints=0 de us
            """, on: Cluster.three())
    }
}
