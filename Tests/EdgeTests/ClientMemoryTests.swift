// What a loop holds for its clients is bounded, and the slowest of them gives way.

import Testing
import World

@testable import Edge

@Suite struct ClientMemoryTests {
    private static let start = Instant.origin

    private var memory = ClientMemory(limit: 100)

    private mutating func reserve(_ bytes: Int, _ now: Instant = start) -> Bool { memory.reserve(bytes, now) }
    private mutating func cutOff() -> [Int] { memory.takeCutOff() }

    @Test mutating func whatIsHeldIsBounded() {
        let taken = [reserve(60), reserve(40), reserve(1)]
        #expect(taken == [true, true, false])
        memory.release(60)
        #expect(memory.heldBytes == 40)
        let again = [reserve(60), reserve(1), reserve(0)]
        #expect(again == [true, false, true])
        #expect(memory.readersCutOff == 0)
    }

    @Test mutating func theSlowestReaderGivesWay() {
        let start = ClientMemoryTests.start
        var answers: [UInt64] = []
        for connection in 0..<3 {
            let now = start + .seconds(Int64(connection))
            _ = reserve(30, now)
            answers.append(memory.awaits(connection, holding: 30, now))
        }
        // Nobody is slow yet.
        let early = start + .milliseconds(Int64(Limits.readerGrace.inMilliseconds) - 1)
        let isTaken = reserve(20, early)
        #expect(!isTaken && memory.readersCutOff == 0)
        // The first has read its answer; another one of it is leaving now.
        memory.ended(answers[0])
        _ = memory.awaits(0, holding: 30, early)
        let isTakenLater = reserve(20, start + Limits.readerGrace + .seconds(1))
        let cut = [cutOff(), cutOff()]
        #expect(isTakenLater && cut == [[1], []])
        #expect(memory.heldBytes == 80 && memory.readersCutOff == 1)
        // As many as it takes, and no more than have been waiting for long.
        let isAllTaken = reserve(100, start + Limits.readerGrace + .seconds(2))
        let cutLater = cutOff()
        #expect(!isAllTaken && cutLater == [2] && memory.heldBytes == 50)
    }

    /// Behind one that waits for long others come and go, and are forgotten.
    @Test mutating func whoHasReadIsNotCutOff() {
        let start = ClientMemoryTests.start
        _ = reserve(50)
        _ = memory.awaits(7, holding: 50, start)
        for place in 0..<1_000 { memory.ended(memory.awaits(place, holding: 0, start)) }
        let isTaken = reserve(100, start + Limits.readerGrace)
        let cut = cutOff()
        #expect(isTaken && cut == [7])
    }
}
