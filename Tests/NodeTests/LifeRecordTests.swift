// How one life of a node follows another, whatever the clock says.

import Testing
import World

@testable import Node

@Suite struct LifeRecordTests {
    private var life = LifeRecord(incarnation: 70, generation: 100)

    private mutating func begin(_ counter: UInt64?, isKept: Bool = true, at ms: UInt64) -> UInt64 {
        life.begin(goingOnAt: counter, storeIsKept: isKept, wall: WallTime(milliseconds: ms))
    }

    @Test mutating func theOldLifeGoesOnAfterACleanStopAlone() {
        let counter = begin(5, at: 900)
        #expect(counter == 5 && life == LifeRecord(incarnation: 70, generation: 101))
    }

    @Test(arguments: [nil, 5] as [UInt64?]) mutating func aStoreThatIsBegunAnewBeginsALife(_ counter: UInt64?) {
        let first = begin(counter, isKept: false, at: 900)
        #expect(first == 0 && life == LifeRecord(incarnation: 900, generation: 900))
    }

    @Test mutating func withoutACleanStopALifeBegins() {
        let counter = begin(nil, at: 900)
        #expect(counter == 0 && life == LifeRecord(incarnation: 900, generation: 900))
    }

    @Test func onlyTheVeryFilesLetItGoOn() {
        #expect(life.counter(notedAs: 5, .asLeft) == 5)
        for found in [FoundStore.copied, .changed, .unknown, .vacant] {
            #expect(life.counter(notedAs: 5, found) == nil, "\(found)")
        }
    }

    @Test func whatIsNotAsItWasLeftIsDamaged() {
        for found in [FoundStore.asLeft, .copied, .unknown] { #expect(life.believes(found), "\(found)") }
        #expect(!life.believes(.changed))
        #expect(!life.believes(.vacant))
        #expect(LifeRecord().believes(.vacant), "a node that has never run has stored nothing")
    }

    /// Two starts within a millisecond, or a clock that was set back.
    @Test(arguments: [0, 70, 71, 100, 101] as [UInt64]) mutating func numbersRiseUnderAnyClock(_ ms: UInt64) {
        _ = begin(nil, at: ms)
        #expect(life == LifeRecord(incarnation: max(71, ms), generation: 101))
    }

    @Test mutating func theFirstLifeIsTheClocks() {
        life = LifeRecord()
        _ = begin(nil, at: 0)
        #expect(life == LifeRecord(incarnation: 1, generation: 1))
        life = LifeRecord()
        _ = begin(nil, at: 900)
        #expect(life == LifeRecord(incarnation: 900, generation: 900))
    }

    @Test(arguments: [0, 500, 900] as [UInt64]) mutating func aLifeAboveALaterOneIsNobodysElse(_ ms: UInt64) {
        life.rise(above: 500)
        _ = begin(nil, at: ms)
        #expect(life == LifeRecord(incarnation: max(501, ms), generation: max(501, ms)))
    }

    @Test mutating func noIncarnationIsAboveItsGeneration() {
        var random = SeededRandom(seed: 3)
        for _ in 0..<1_000 {
            let before = life
            let isOld = random.chance(0.3)
            if random.chance(0.1) { life.rise(above: life.generation + random.next() % 50) }
            _ = begin(isOld ? 1 : nil, isKept: random.chance(0.8), at: random.next() % 100_000)
            #expect(life.incarnation <= life.generation && life.generation > before.generation)
            #expect(life.incarnation >= before.incarnation)
        }
    }
}
