// What a client's connection says is to be done: all that its carrier must know how to do.

extension ClientConnection {
    /// To be carried out in order.
    package enum Action {
        /// Read from the socket.
        case read
        /// Something more of a request came before the answer to an earlier one had left.
        case pipelined
        /// What is waited for from now on, and for how long that may take.
        case expect(Expectation)
        /// Say that the body may come (RFC 9110, 10.1.1).
        case sayContinue
        /// Answer it: `answered` once that is done.
        case serve(IncomingRequest)
        /// Count an answer under this label of a route.
        case count(String, UInt)
        /// Have the next piece made (`writePiece`), write it, and call `wrote`.
        case write
        /// Write these at once, and call `blockLeft` when they have left.
        case stream([ArraySlice<UInt8>])
        /// The client of a live read takes more.
        case streamDrained
        /// Call `goOn` in the loop's next turn.
        case goOnNextTurn
        /// Call `cutOff` when the client has had its time to read; and not any more.
        case beginAnswerTime
        case endAnswerTime
        /// Close when a client that still sends has had the time to read why.
        case linger
        /// Close when all that was written has left, or the client has not read for too long.
        case closeWhenWritten
        case close
    }

    package enum Expectation {
        case body
        /// The client waits for us.
        case nothing
        case nextRequest
        /// Nothing more is read from this client.
        case end
    }

    /// When a piece is to leave that was written.
    package enum Flush {
        /// With those of others, at the end of the loop's turn.
        case endOfTurn
        case now
        /// And call `lastPieceLeft` when it has.
        case nowAndTell
    }
}
