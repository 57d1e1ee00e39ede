// People at the sites of nodes that crash, stand still and are cut off: what an answer has promised holds at the end,
// names stand for something, and each post stands once wherever it should.

import Social
import Testing

@testable import Simulator

@Suite struct SocialSeedTests {
    /// Seeds that once found a bug, and which; as `RegressionSeeds`.
    struct Entry: Sendable, CustomTestStringConvertible {
        let seed: UInt64
        let found: String
        var testDescription: String { "seed \(seed): \(found)" }
    }

    static let table = [
        Entry(seed: 12, found: "a post that was being deleted was said never to have been"),
        Entry(seed: 28, found: "a deleted post came back under its provisional path"),
        Entry(seed: 13, found: "who began to follow while a post was delivered was not told of it"),
        Entry(seed: 140, found: "a link was good for a retry, as its owner stood, before a quorum had the head"),
        Entry(seed: 47, found: "an edit over what was read where a post has moved to was refused as malformed"),
        Entry(seed: 100, found: "a node wrote its intent over another's, which it had not seen: a post stood twice"),
        Entry(seed: 111, found: "an old request brought a deleted post back, as its title had been another's"),
        Entry(seed: 125, found: "a follow and an unfollow at once left what is pushed by nobody"),
        Entry(seed: 196, found: "a deletion took the intent away of a request that was about to claim"),
        Entry(seed: 207, found: "whose clock was behind at a full hour was shown nothing of the new one"),
        Entry(seed: 82, found: "one replica's word was taken for it that somebody was followed still"),
        Entry(seed: 425, found: "deleted under a link for the time being, a post stood under another"),
        Entry(seed: 186, found: "who heard late of a claim wrote an own id over another's, of which lists knew"),
        Entry(seed: 245, found: "a replica had the head of a deleted post: what stands there since was 404"),
        Entry(seed: 515, found: "the checker wanted a post that stood on one disk, which was put back as it had been"),
        Entry(seed: 507, found: "a post that stood for good where it was put for the time being took a title later"),
    ]

    @Test func whatWasFoundOnceStaysMended() {
        var figures = SocialFigures()
        for entry in SocialSeedTests.table {
            let verdict = Simulation.runSocial(seed: entry.seed)
            #expect(
                verdict.violations.isEmpty,
                "\(entry.testDescription), replay with `atoll simulate --social --seeds \(entry.seed)`")
            #expect(verdict.healing != nil, "seed \(entry.seed) did not heal")
            figures.add(verdict.social)
        }
        // A run in which nobody posts, nothing is provisional and nothing is left to keepers finds nothing.
        #expect(figures.registrations > 3 && figures.posts > 10)
        #expect(figures.provisionalPosts > 2 && figures.finished > 10)
    }

    @Test func aSeedIsTheWholeTruth() {
        let runs = (0..<2).map { _ in Simulation.runSocial(seed: 17) }
        #expect(runs[0].trace == runs[1].trace)
        #expect(runs[0].acknowledged == runs[1].acknowledged)
    }
}
