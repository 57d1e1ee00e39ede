// What one event loop holds in memory for its clients, both ways, under one bound: bodies that are being received or
// written, what reads and lists are about to bring, and answers that the clients have not taken yet.
//
// Past the bound the answer that has waited longest is given up, and its connection with it; only where nobody is that
// slow, the request is refused (docs/decisions/0016-the-slowest-reader-gives-way.md).

import DequeModule
import World

package struct ClientMemory {
    private struct LateAnswer {
        let connection: Int
        /// What it holds; small answers are not counted.
        let bytes: Int
        let since: Instant
    }

    private let limit: Int
    package private(set) var heldBytes = 0
    package private(set) var readersCutOff: UInt64 = 0
    /// Answers that did not leave at once, and have not left since.
    private var late = SlotTable<LateAnswer>()
    /// The oldest first; some may have left.
    private var order = Deque<UInt64>()
    private var sweepAt = 64
    /// Connections to be closed now. What their answers held is given back already.
    private var toCutOff: [Int] = []

    package init(limit: Int = Limits.clientBytes) { self.limit = limit }

    /// Takes room; false if there is none. `takeCutOff` tells whom that cost the connection.
    mutating func reserve(_ bytes: Int, _ now: Instant) -> Bool {
        if heldBytes + bytes > limit { makeRoom(for: bytes, now) }
        guard heldBytes + bytes <= limit else { return false }
        heldBytes += bytes
        return true
    }

    mutating func release(_ bytes: Int) { heldBytes -= bytes }

    /// The client of `connection` has not taken all of an answer yet, which holds `bytes`. Returns the answer's number.
    mutating func awaits(_ connection: Int, holding bytes: Int, _ now: Instant) -> UInt64 {
        // Behind one that waits for long others come and go.
        if order.count >= sweepAt {
            order.removeAll { !late.contains($0) }
            sweepAt = max(64, 2 * order.count)
        }
        let answer = late.insert(LateAnswer(connection: connection, bytes: bytes, since: now))
        order.append(answer)
        return answer
    }

    /// The answer has left, or nobody waits for it any longer; what it held is for the caller to release.
    mutating func ended(_ answer: UInt64) { late.remove(answer) }

    /// The connections that have to end, each once.
    package mutating func takeCutOff() -> [Int] {
        guard !toCutOff.isEmpty else { return [] }
        defer { toCutOff = [] }
        return toCutOff
    }

    private mutating func makeRoom(for bytes: Int, _ now: Instant) {
        while heldBytes + bytes > limit, let oldest = order.first {
            guard let answer = late.take(oldest) else {
                order.removeFirst()
                continue
            }
            guard answer.since + Limits.readerGrace <= now else { return late.put(answer, oldest) }
            order.removeFirst()
            late.release(oldest)
            readersCutOff += 1
            heldBytes -= answer.bytes
            toCutOff.append(answer.connection)
        }
    }
}
