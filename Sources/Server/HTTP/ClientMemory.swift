// What one event loop holds in memory for its clients, both ways, under one bound: bodies that are being received or
// written, what reads and lists are about to bring, and answers that the clients have not taken yet.
//
// Past the bound the answer that has waited longest is given up, and its connection with it; only where nobody is that
// slow, the request is refused (docs/decisions/0016-the-slowest-reader-gives-way.md).

import NIOCore
import World

/// A connection as far as its answer waits to be read.
protocol AnswerReader: AnyObject {
    /// The number of the answer that is leaving; nil if none is.
    var leavingAnswer: UInt64? { get }
    /// Ends the connection and gives back what it held, at once.
    func cutOff()
}

final class ClientMemory {
    private let limit: Int
    private(set) var heldBytes = 0
    private(set) var readersCutOff: UInt64 = 0
    /// Whose answers did not leave at once, the oldest first; some may have left since.
    private var readers = CircularBuffer<(reader: any AnswerReader, answer: UInt64, since: Instant)>()
    private var sweepAt = 64

    init(limit: Int = Limits.clientBytes) { self.limit = limit }

    /// Takes room; false if there is none.
    func reserve(_ bytes: Int, _ now: @autoclosure () -> Instant = MachineClock.instant()) -> Bool {
        if heldBytes + bytes > limit { makeRoom(for: bytes, now()) }
        guard heldBytes + bytes <= limit else { return false }
        heldBytes += bytes
        return true
    }

    func release(_ bytes: Int) { heldBytes -= bytes }

    /// `reader` has not taken all of its answer yet.
    func awaits(_ reader: any AnswerReader, answer: UInt64, _ now: Instant) {
        // Behind one that waits for long others come and go.
        if readers.count >= sweepAt {
            readers.removeAll { $0.reader.leavingAnswer != $0.answer }
            sweepAt = max(64, 2 * readers.count)
        }
        readers.append((reader, answer, now))
    }

    private func makeRoom(for bytes: Int, _ now: Instant) {
        while heldBytes + bytes > limit {
            guard let first = readers.first else { return }
            guard first.reader.leavingAnswer == first.answer else {
                readers.removeFirst()
                continue
            }
            guard first.since + Limits.readerGrace <= now else { return }
            readers.removeFirst()
            readersCutOff += 1
            first.reader.cutOff()
        }
    }
}

/// What answers of one kind take, on the average of the last ones: the room that is kept for one that is on its way.
struct ExpectedBytes {
    /// How many copies of the answer there are while it is made.
    private let copies: Int
    /// How many answers the average is over: of the more kinds the answers are, the more.
    private let answers: Int
    private var mean: Int

    init(copies: Int, over answers: Int, first: Int) {
        self.copies = copies
        self.answers = answers
        mean = first
    }

    var bytes: Int { copies * mean }

    mutating func observe(_ bytes: Int) { mean += (bytes - mean) / answers }
}
