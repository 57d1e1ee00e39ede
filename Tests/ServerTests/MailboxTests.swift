// The door of a storage thread: bounded in pieces and in bytes, batches likewise.

import Testing
import World

@testable import Server

@Suite struct MailboxTests {
    private struct Piece: MailboxWork, Equatable {
        let number: Int
        let byteCount: Int
        var isDeferrable = false
    }

    @Test func takesInOrderAndUpToABatch() {
        let mailbox = Mailbox<Piece>()
        let pieces = (0..<10).map { Piece(number: $0, byteCount: 1) }
        #expect(mailbox.put(pieces))
        #expect(mailbox.take(most: 4) == Array(pieces[..<4]))
        #expect(mailbox.take(most: 100) == Array(pieces[4...]))
        #expect(mailbox.count == 0)
    }

    @Test func refusesWhatWouldBeTooMuch() {
        let mailbox = Mailbox<Piece>()
        let half = Piece(number: 0, byteCount: Limits.mailboxBytes / 2)
        #expect(mailbox.put([half]) && mailbox.put([half]))
        #expect(!mailbox.put([Piece(number: 1, byteCount: 1)]))
        #expect(mailbox.take(most: 10) == [half])
        #expect(mailbox.put([Piece(number: 1, byteCount: 1)]))
        let many = Mailbox<Piece>()
        #expect(many.put(Array(repeating: Piece(number: 0, byteCount: 0), count: Limits.mailboxRequests)))
        #expect(!many.put([Piece(number: 1, byteCount: 0)]))
    }

    @Test func aBatchHasItsBytesAndAlwaysSomething() {
        let mailbox = Mailbox<Piece>()
        let third = Piece(number: 0, byteCount: Limits.batchBytes / 3)
        let giant = Piece(number: 1, byteCount: Limits.batchBytes * 2)
        #expect(mailbox.put([third, third, third, third, giant, third]))
        #expect(mailbox.take(most: 10)?.count == 3)
        #expect(mailbox.take(most: 10) == [third])
        #expect(mailbox.take(most: 10) == [giant])
        #expect(mailbox.take(most: 10) == [third])
    }

    /// What nobody waits for comes after all else, a little at a time, and never not at all.
    @Test func whatIsDeferrableStandsBeforeNothing() {
        let mailbox = Mailbox<Piece>()
        let repairs = (0..<1_000).map { Piece(number: $0, byteCount: 1, isDeferrable: true) }
        let request = Piece(number: -1, byteCount: 1)
        #expect(mailbox.put(repairs))
        #expect(mailbox.put([request]))
        #expect(mailbox.take(most: 512) == [request] + repairs[..<Limits.repairsInBatch])
        #expect(mailbox.put(Array(repeating: request, count: 512)))
        #expect(mailbox.take(most: 512)?.count == 512 + 512 / 8)
        #expect(mailbox.count == 1_000 - Limits.repairsInBatch - 64)
        #expect(mailbox.take(most: 512)?.first == repairs[Limits.repairsInBatch + 64])
    }

    @Test func whatIsInsideIsStillTakenAfterTheEnd() {
        let mailbox = Mailbox<Piece>()
        let piece = Piece(number: 0, byteCount: 0)
        #expect(mailbox.put([piece]))
        mailbox.close()
        #expect(!mailbox.put([piece]))
        #expect(mailbox.take(most: 10) == [piece])
        #expect(mailbox.take(most: 10) == nil)
    }
}
