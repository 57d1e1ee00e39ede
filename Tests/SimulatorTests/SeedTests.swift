// Whole clusters under cuts, broken links, crashes and skew: no seed may break a promise, and a seed is all there is to
// its run.

import Simulator
import Testing

/// Seeds that once found a bug, and which; they are played again for ever, though what they stand for has changed with
/// the list of faults and with the load.
enum RegressionSeeds {
    struct Entry: Sendable, CustomTestStringConvertible {
        let seed: UInt64
        let found: String
        var testDescription: String { "seed \(seed): \(found)" }
    }

    static let table: [Entry] = [
        Entry(seed: 4, found: "writes answered 3 s after their deadline"),
        Entry(seed: 5, found: "writes answered 3 s after their deadline"),
        Entry(seed: 7, found: "writes answered 3 s after their deadline"),
        Entry(seed: 130, found: "the checker asked of a quorum what a lost disk had taken from it"),
        Entry(seed: 4276, found: "the checker counted a hint's keeper for a strict read"),
        Entry(seed: 20_260_043, found: "an earlier write beside a later one that overwrote it"),
        Entry(seed: 20_260_436, found: "an earlier write beside a later one that overwrote it"),
        Entry(seed: 20_263_414, found: "a write was made again after its answer, over a later one"),
        Entry(seed: 5_397_234_620_400_262_127, found: "acknowledged as superseded by one that had overwritten no more"),
        Entry(seed: 5_397_234_620_400_264_036, found: "acknowledged as superseded by one that had overwritten no more"),
        Entry(seed: 1_232_551_214_001_709_389, found: "a retry minted beside a mint that was under way and not void"),
        Entry(seed: 7_870_549_531_376_820_476, found: "a mint refused as late was dated anew beside another's"),
        Entry(seed: 1_048_616_827_704_232_674, found: "a given-up mint was taken while another's was under way"),
        Entry(seed: 8_084_452_477_650_852_470, found: "no fault: a deletion of one replica was later by its clock"),
        Entry(seed: 4_012_642_994_143_290_972, found: "void attempts of two writes each put the other aside"),
        Entry(seed: 6_485_638_997_112_869_750, found: "a read of a name waited for a damaged acceptor till its end"),
        Entry(
            seed: 4_266_054_115_198_314_802, found: "a look at a name waited longer the slower a lost acceptor had been"
        ),
        Entry(seed: 589, found: "a second pause of a node let bytes of a connection overtake others"),
        Entry(seed: 1349, found: "a node that stood still took a new connection for the broken one"),
        Entry(seed: 4_495_704_813_408_523_775, found: "the checker took two forms of a deletion for two writes"),
        Entry(seed: 1, found: "a gateway trapped where a request without a name lost its connection"),
        Entry(seed: 18, found: "an index from before a whole text was removed deleted what others had written"),
        Entry(seed: 106, found: "what a removal had cancelled was taken off a counter again, as void"),
        Entry(seed: 180, found: "an index into an empty list was called a wrong type"),
        Entry(seed: 3311, found: "an index counted a slot of an item that was moved and removed at once"),
        Entry(seed: 57, found: "a request of which one might be under way was told to be behind, and done"),
        Entry(seed: 133, found: "a move deleted slots that its change did not name, and could not be read again"),
        Entry(seed: 336, found: "what a removal had cancelled was taken off a counter again, as void"),
        Entry(seed: 282, found: "what a splice behind a named character deletes was counted past swept ones"),
        Entry(seed: 1917, found: "the id of a range named a primary that had only begun to tell of it"),
    ]
}

/// Plays a seed that must hold.
@discardableResult
private func expectHolds(_ seed: UInt64, _ location: SourceLocation = #_sourceLocation) -> Verdict {
    let verdict = Simulation.run(seed: seed)
    #expect(
        verdict.violations.isEmpty, "seed \(seed), replay with `atoll simulate --seeds \(seed)..\(seed)`",
        sourceLocation: location)
    // A run in which nothing was asked or nothing succeeded would prove nothing.
    #expect(verdict.requests > 20 && verdict.acknowledged > 0, "seed \(seed) is idle", sourceLocation: location)
    #expect(verdict.healing != nil, "seed \(seed) did not heal", sourceLocation: location)
    return verdict
}

@Suite struct SeedTests {
    private static let perTest: UInt64 = 10
    /// Together they play all there is. After a change of the simulator others may have to stand here: `atoll simulate
    /// --json --seeds N` tells what a seed plays.
    private static let playEverything: [UInt64] = [3, 4, 14, 30, 82, 92, 209, 222, 265]
    /// And what sites alone ask, with `--social`.
    private static let playInserts: [UInt64] = [12, 28]

    @Test(arguments: 0..<15 as Range<UInt64>) func seedsHold(_ chunk: UInt64) {
        let first = 1 + chunk * SeedTests.perTest
        for seed in first..<(first + SeedTests.perTest) { expectHolds(seed) }
    }

    @Test(arguments: RegressionSeeds.table) func whatWasFoundOnceStaysMended(_ entry: RegressionSeeds.Entry) {
        expectHolds(entry.seed)
    }

    @Test(arguments: [23, 42, 107] as [UInt64]) func aSeedIsTheWholeTruth(_ seed: UInt64) {
        let (first, second) = (Simulation.run(seed: seed), Simulation.run(seed: seed))
        #expect(first.trace == second.trace)
        #expect(first.requests == second.requests)
        #expect(first.acknowledged == second.acknowledged)
        #expect(first.healing == second.healing)
    }

    /// What is never played is never tested: each kind of event, message, refusal and fault comes up in these.
    @Test func everythingIsPlayed() {
        var counts = PlayCounts()
        for seed in SeedTests.playEverything { counts.add(Simulation.run(seed: seed).counts) }
        var ofSites = PlayCounts()
        for seed in SeedTests.playInserts { ofSites.add(Simulation.runSocial(seed: seed).counts) }
        let inserts = ["mergeEach", "heardInserted", "heardLeft"]
        let played =
            counts.table.filter { !inserts.contains($0.name) } + ofSites.table.filter { inserts.contains($0.name) }
        let never = played.filter { $0.count == 0 }.map(\.name)
        #expect(never.isEmpty, "never played by seeds \(SeedTests.playEverything)")
    }

    @Test func differentSeedsGiveDifferentRuns() {
        let traces = (201...206).map { Simulation.run(seed: $0).trace }
        #expect(Set(traces).count == traces.count)
    }
}
