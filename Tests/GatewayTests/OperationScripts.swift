// Requests on typed keys: what may be tried again, and who gets all of an object.

import Ring
import Testing
import World

@Suite struct OperationScripts {
    @Test func aQuorumAnswersAndTheThirdFollows() throws {
        try expectScript(
            """
            operate quorum
              de-1 mint unnamed
            de-1 prepares
              jp-1 store 1
              us-1 store 1
            de-1 minted
            us-1 stored
              answer created acks=2 hints=0 de us
            jp-1 stored
            """, on: Cluster.three())
    }

    /// It may have been done: nobody else is asked to.
    @Test func withoutANameItIsNotAskedOfAnother() throws {
        try expectScript(
            """
            operate quorum
              de-1 mint unnamed
            de-1 breaks
            after 6000
              answer failed quorumNotReached(mayTakeEffect: true) acks=0 hints=0  short of quorum
            """, on: Cluster.withFallbacks(), at: "de-gw")
    }

    @Test func whatWasNotSentIsAskedOfAnother() throws {
        try expectScript(
            """
            operate one
              de-1 mint unnamed
            de-1 unsent
              us-1 mint unnamed
            us-1 minted
              de-1 store 1
              jp-1 store 1
              answer created acks=1 hints=0 us
            de-1 stored
            jp-1 stored
            """, on: Cluster.withFallbacks(), at: "de-gw")
    }

    @Test func withANameItIsTriedAgain() throws {
        try expectScript(
            """
            operate named one
              de-1 mint named
            de-1 breaks
              us-1 mint named again
            us-1 minted
              de-1 store 1
              jp-1 store 1
              answer created acks=1 hints=0 us
            de-1 stored
            jp-1 stored
            """, on: Cluster.withFallbacks(), at: "de-gw")
    }

    /// What it lacks is mostly on its way from another minter.
    @Test func whoLacksWhatTheChangeFollowsGetsTheChangeOnceMore() throws {
        try expectScript(
            """
            operate quorum
              de-1 mint unnamed
            de-1 minted large
              jp-1 store change
              us-1 store change
            us-1 refuses behind
              us-1 store change
            us-1 stored
              answer created acks=2 hints=0 de us
            """, on: Cluster.three())
    }

    /// All that the minter holds goes to whoever still can't use the change alone, and to whoever keeps it for one that
    /// is away.
    @Test func whoLacksWhatTheChangeFollowsGetsAll() throws {
        try expectScript(
            """
            down jp-1
            operate quorum
              de-1 mint unnamed
            de-1 minted large
              us-1 store change
              de-1 read
            us-1 refuses behind
              us-1 store change
            us-1 refuses behind
            de-1 same
              de-1 keep same for jp-1
              us-1 store same
            us-1 stored
              answer created acks=2 hints=0 de us
            de-1 stored
            """, on: Cluster.three())
    }

    /// A large object goes there for one request; the other's change follows when it is there.
    @Test func oneRequestAtATimeBringsAll() throws {
        try expectScript(
            """
            operate quorum
              de-1 mint unnamed
            operate quorum
              de-1 mint unnamed
            de-1 minted large
              jp-1 store change
              us-1 store change
            de-1 minted large
              jp-1 store change
              us-1 store change
            us-1 refuses behind
              us-1 store change
            us-1 refuses behind
              us-1 store change
            us-1 refuses behind
              de-1 read
            us-1 refuses behind
            jp-1 stored
              answer created acks=2 hints=0 de jp
            jp-1 stored
              answer created acks=2 hints=0 de jp
            after 10
            de-1 same
              us-1 store same
            us-1 stored
            after 10
              us-1 store change
            us-1 stored
            """, on: Cluster.three())
    }

    /// Who goes away while another request brings it all gets a hint from the others.
    @Test func whoGoesAwayWhileItLagsGetsAHint() throws {
        try expectScript(
            """
            operate quorum
              de-1 mint unnamed
            operate quorum
              de-1 mint unnamed
            de-1 minted large
              jp-1 store change
              us-1 store change
            de-1 minted large
              jp-1 store change
              us-1 store change
            us-1 refuses behind
              us-1 store change
            us-1 refuses behind
              us-1 store change
            us-1 refuses behind
              de-1 read
            us-1 refuses behind
            jp-1 stored
              answer created acks=2 hints=0 de jp
            jp-1 stored
              answer created acks=2 hints=0 de jp
            down us-1
            after 30
              de-1 read
            de-1 same
              us-1 store same
            de-1 same
              de-1 keep same for us-1
            de-1 stored
            """, on: Cluster.three())
    }

    /// Each has what another lacks: one is told what they hold together.
    @Test func whereNobodyHasSeenTheContextOneIsTold() throws {
        try expectScript(
            """
            operate one
              de-1 mint unnamed
            de-1 refuses behind
              us-1 mint unnamed
            us-1 refuses behind
              jp-1 mint unnamed
            jp-1 refuses behind
              de-1 read
              jp-1 read
              us-1 read
            de-1 object a1
            us-1 object b1
            jp-1 nothing
              de-1 repair a1+b1
            de-1 stored
              de-1 mint unnamed
            de-1 refuses behind
              answer failed behind acks=0 hints=0  short of one
            """, on: Cluster.three())
    }
}
