// The door of a storage thread: bounded in pieces and in bytes, batches likewise.

import Testing
import World

@testable import Server

@Suite struct MailboxTests {
    private struct Piece: MailboxWork, Equatable {
        let number: Int
        let byteCount: Int
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
