// How long a client may take to send what is waited for, and how much a body's chunks may take beside it, which a
// parser does not tell. A client that is slower, or sends more, is told so and let go.

package import World

package struct ArrivalWatch {
    private enum Phase {
        case idle
        case head
        /// Of the body: its own bytes, and all that came with them.
        case body(since: Instant, bytes: Int, onTheWay: Int)
        /// The request is here and its answer is not; what arrives now is the next one, which nobody waits for yet.
        case answering
        case ended
    }

    package enum Verdict {
        case goOn
        /// Nothing more is taken, and nothing is to be said.
        case end
        case refuse(Problem)
    }

    private var phase = Phase.idle
    /// When the client will have been too slow; nil while it waits for us.
    private var deadline: Instant?
    /// When the last answer was written: a client that still reads it is not idle.
    private var answeredAt: Instant
    /// Of the request whose head is on its way.
    private var line = RequestLineStart()
    /// The next head began in the bytes that were looked at last. Where requests come before the answers to earlier
    /// ones have left, only the parser knows where one begins.
    private var isLineKnown = false
    private var isPipelined = false

    package init(_ now: Instant) {
        answeredAt = now
        deadline = now + Limits.firstByteTimeout
    }

    /// Bytes from the socket, before they are parsed.
    package mutating func came(_ bytes: UnsafeRawBufferPointer, _ now: Instant) -> Verdict {
        switch phase {
        case .ended: return .end
        case .idle:
            phase = .head
            line.begin()
            isLineKnown = !isPipelined
            deadline = now + Limits.headerReadTimeout
            line.take(bytes)
        case .head: line.take(bytes)
        case .answering: isPipelined = true
        case .body(let since, let count, let onTheWay):
            // All that came before has been through the parser: what was no body was heads of chunks, or a trailer.
            guard onTheWay - count <= Limits.chunkHeadBytes + count * Limits.chunkHeadBytesPerByte else {
                phase = .ended
                return .refuse(.tooLarge("the heads of its chunks take more than the chunks are worth"))
            }
            phase = .body(since: since, bytes: count, onTheWay: onTheWay + bytes.count)
        }
        return .goOn
    }

    /// So much of the body itself, without what the chunks put around it. Only that holds a connection.
    package mutating func bodyCame(_ bytes: Int, _ now: Instant) {
        guard case .body(let since, let count, let onTheWay) = phase else { return }
        phase = .body(since: since, bytes: count + bytes, onTheWay: onTheWay)
        armBody(since, count + bytes, now)
    }

    /// A request began before the answer to an earlier one had left.
    package mutating func pipelined() { isPipelined = true }

    package mutating func expect(_ expectation: ClientConnection.Expectation, _ now: Instant) {
        if case .ended = phase { return }
        switch expectation {
        case .body:
            isLineKnown = false
            phase = .body(since: now, bytes: 0, onTheWay: 0)
            armBody(now, 0, now)
        case .nothing:
            phase = .answering
            deadline = nil
        case .nextRequest:
            phase = .idle
            answeredAt = now
            deadline = now + Limits.idleTimeout
        case .end: phase = .ended
        }
    }

    /// A body must go on coming, and on the whole not too slowly.
    private mutating func armBody(_ since: Instant, _ bytes: Int, _ now: Instant) {
        let whole = Limits.bodyReadTimeout + .seconds(Int64(bytes / Limits.bodyLeastRate))
        deadline = min(now + Limits.bodyReadTimeout, since + whole)
    }

    /// Whether the client has been too slow. `isReading`: it has not taken all that was written.
    package mutating func check(_ now: Instant, isReading: Bool) -> Verdict {
        guard let deadline, deadline <= now else { return .goOn }
        switch phase {
        case .idle: return isReading && now < answeredAt + Limits.answerReadTimeout ? .goOn : .end
        case .ended: return .goOn
        case .head, .body, .answering:
            phase = .ended
            return .refuse(.timeout)
        }
    }

    /// Why the parser gave up on a head. `knows`: whether it knows a method.
    package func refusal(isHeadTooLarge: Bool, parserKnows knows: (String) -> Bool) -> Problem {
        if isHeadTooLarge {
            return isLineKnown && line.isTargetTooLong ? Problem(RequestTarget.tooLong) : .headersTooLarge
        }
        guard isLineKnown, let method = line.method, !knows(method) else {
            return .malformed("this is no HTTP/1.1 request")
        }
        return .unknownMethod
    }
}
