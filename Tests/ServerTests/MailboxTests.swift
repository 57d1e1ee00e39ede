// The door of a storage thread: closed, it lets nothing in and all out.

import Testing
import World

@testable import Server

@Suite struct MailboxTests {
    private struct Piece: QueuedWork, Equatable {
        let number: Int
        let byteCount = 0
        var isDeferrable = false
    }

    @Test func whatIsInsideIsStillTakenAfterTheEnd() {
        let mailbox = Mailbox<Piece>()
        let piece = Piece(number: 0)
        #expect(mailbox.put([piece]).isEmpty)
        mailbox.close()
        #expect(mailbox.put([piece]) == [piece])
        #expect(mailbox.take(most: 10) == [piece])
        #expect(mailbox.take(most: 10) == nil)
    }

    /// A rest from repair ends for what somebody waits for, for the end, and by itself.
    @Test func aRestIsFromRepairAlone() {
        let mailbox = Mailbox<Piece>()
        let (repair, request) = (Piece(number: 0, isDeferrable: true), Piece(number: -1))
        #expect(mailbox.put([repair, request]).isEmpty)
        #expect(mailbox.take(most: 10, repairs: 5, from: MachineClock.instant() + .minutes(1)) == [request])
        #expect(mailbox.take(most: 10, repairs: 5, from: MachineClock.instant() + .milliseconds(1)) == [repair])
        #expect(mailbox.put([repair]).isEmpty)
        mailbox.close()
        #expect(mailbox.take(most: 10, repairs: 5, from: MachineClock.instant() + .minutes(1)) == [repair])
        #expect(mailbox.take(most: 10, from: MachineClock.instant() + .minutes(1)) == nil)
    }

    /// What a replica tells gateways of its queue is what a request of theirs would wait for.
    @Test func repairsAreNoQueueToAnybody() {
        let mailbox = Mailbox<Piece>()
        let repairs = (0..<500).map { Piece(number: $0, isDeferrable: true) }
        #expect(mailbox.put(repairs + [Piece(number: -1)]).isEmpty)
        #expect(mailbox.waitingCount == 1)
        #expect(mailbox.take(most: 100)?.count == 100 && mailbox.waitingCount == 0)
        #expect(mailbox.take(most: 512)?.count == Limits.repairsInBatch)
    }
}
