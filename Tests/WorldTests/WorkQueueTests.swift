// What waits for a thread: bounded in pieces and in bytes, batches likewise; what nobody waits for is in nobody's way.

import Testing
import World

@Suite struct WorkQueueTests {
    private struct Piece: QueuedWork, Equatable {
        let number: Int
        let byteCount: Int
        var isDeferrable = false
    }

    private var queue = WorkQueue<Piece>()
    private let request = Piece(number: -1, byteCount: 1)

    @Test mutating func takesInOrderAndUpToABatch() {
        let pieces = (0..<10).map { Piece(number: $0, byteCount: 1) }
        #expect(queue.put(pieces).isEmpty)
        #expect(queue.take(most: 4) == Array(pieces[..<4]))
        #expect(queue.take(most: 100) == Array(pieces[4...]))
        #expect(queue.isEmpty && queue.take(most: 1).isEmpty)
    }

    @Test mutating func refusesWhatWouldBeTooMuch() {
        let half = Piece(number: 0, byteCount: Limits.mailboxBytes / 2)
        #expect(queue.put([half]).isEmpty && queue.put([half]).isEmpty)
        #expect(queue.put([request]) == [request])
        #expect(queue.take(most: 10) == [half])
        #expect(queue.put([request]).isEmpty)
        var many = WorkQueue<Piece>()
        #expect(many.put(Array(repeating: request, count: Limits.mailboxRequests)).isEmpty)
        #expect(many.put([request]) == [request])
    }

    @Test mutating func aBatchHasItsBytesAndAlwaysSomething() {
        let third = Piece(number: 0, byteCount: Limits.batchBytes / 3)
        let giant = Piece(number: 1, byteCount: Limits.batchBytes * 2)
        #expect(queue.put([third, third, third, third, giant, third]).isEmpty)
        #expect(queue.take(most: 10).count == 3)
        #expect(queue.take(most: 10) == [third])
        #expect(queue.take(most: 10) == [giant])
        #expect(queue.take(most: 10) == [third])
    }

    private func repairs(_ count: Int, bytes: Int = 1) -> [Piece] {
        (0..<count).map { Piece(number: $0, byteCount: bytes, isDeferrable: true) }
    }

    /// What nobody waits for comes after all else, a little at a time, and never not at all.
    @Test mutating func whatIsDeferrableStandsBeforeNothing() {
        let repairs = repairs(1_000)
        #expect(queue.put(repairs).isEmpty && queue.put([request]).isEmpty)
        #expect(queue.take(most: 512) == [request] + repairs[..<Limits.repairsInBatch])
        #expect(queue.put(Array(repeating: request, count: 512)).isEmpty)
        #expect(queue.take(most: 512).count == 512 + 512 / 8)
        #expect(queue.deferredCount == 1_000 - Limits.repairsInBatch - 64 && queue.waitingCount == 0)
        #expect(queue.take(most: 512).first == repairs[Limits.repairsInBatch + 64])
    }

    /// However many repairs wait, in pieces or in bytes, a client's request finds its place; and the other way round.
    @Test mutating func repairsTakeNobodysPlace() {
        #expect(queue.put(repairs(Limits.mailboxRepairs)).isEmpty)
        let more = repairs(1)
        #expect(queue.put([request] + more) == more)
        #expect(queue.waitingCount == 1 && queue.deferredCount == Limits.mailboxRepairs)
        #expect(queue.put(Array(repeating: request, count: Limits.mailboxRequests - 1)).isEmpty)
        #expect(queue.put([request] + more) == [request] + more)

        var large = WorkQueue<Piece>()
        #expect(large.put(repairs(2, bytes: Limits.mailboxRepairBytes / 2)).isEmpty)
        #expect(large.put(more) == more && large.put([request]).isEmpty)
        #expect(large.put([Piece(number: 0, byteCount: Limits.mailboxBytes - 1)]).isEmpty)
        #expect(large.put([request]) == [request])
        #expect(large.take(most: 512).count == 2 && large.put(more).isEmpty)
    }

    /// While a thread rests from repair it takes what somebody waits for.
    @Test mutating func repairsCanBeLeftForLater() {
        #expect(queue.put(repairs(100) + [request]).isEmpty)
        #expect(queue.take(most: 512, repairs: 0) == [request])
        #expect(queue.take(most: 512, repairs: 0).isEmpty && !queue.isEmpty)
        #expect(queue.take(most: 512, repairs: 64).count == 64 && queue.deferredCount == 36)
    }

    /// A loop's ask that has not begun; what it has sent as a repair is nobody's to take back.
    @Test mutating func whatWaitsCanBeTakenBack() {
        let pieces = (0..<4).map { Piece(number: $0, byteCount: Limits.mailboxBytes / 4) }
        #expect(queue.put(pieces + repairs(4)).isEmpty)
        #expect(queue.takeBack { $0.number == 2 } == [pieces[2]])
        #expect(queue.put([pieces[2]]).isEmpty && queue.deferredCount == 4)
        #expect(queue.takeBack { $0.number > 4 }.isEmpty)
    }
}
