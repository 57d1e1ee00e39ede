// An answer as it travels in HTTP/1.1 (RFC 9112, 4): a small one in one piece, since one for each of its parts would be
// a write for each, a large one in several, each made when the socket has taken those before.

import World

/// What the server does with the connection after an answer, where the client would not expect it (RFC 9112, 9.3).
enum Persistence: Sendable {
    case close, keepAlive
}

struct OutgoingAnswer: Sendable {
    private enum Framing { case length, chunks, untilClose }

    private let status: UInt
    private let reason: StaticString
    private let headers: HeaderLines
    private var body: AnswerBody
    private let framing: Framing
    private let persistence: Persistence?
    private let length: Int?
    private var isBegun = false
    private(set) var isOver = false

    /// Around the lines that the response brings: the status line, the length, the connection.
    private static let headBytes = 160
    /// What ends a chunk, and all of them.
    private static let chunkEndBytes = 7

    /// - Parameters:
    ///   - isHead: it answers a HEAD, and tells only what the body would be.
    ///   - isOldClient: it reads no chunks, so that a body of unknown length must end with the connection.
    init(_ response: HTTPResponse, _ persistence: Persistence?, isHead: Bool, isOldClient: Bool) {
        status = response.status
        reason = response.reason
        headers = response.headers
        let hasNoBody = response.hasNoBody
        length = hasNoBody ? nil : response.body.length
        framing = hasNoBody || length != nil ? .length : isOldClient ? .untilClose : .chunks
        self.persistence = framing == .untilClose ? .close : persistence
        body = hasNoBody || isHead ? .empty : response.body
    }

    /// The connection must end after it.
    var closes: Bool { persistence == .close }

    /// What the next piece takes at most.
    var pieceBytes: Int {
        let head = isBegun ? 0 : OutgoingAnswer.headBytes + headers.bytes.count
        return min(head + (body.length ?? Limits.answerPieceBytes), Limits.answerPieceBytes)
    }

    /// Writes the next piece, the head before the first, into room for `pieceBytes`; call until `isOver`.
    mutating func write(to piece: inout AnswerPiece) {
        if !isBegun { writeHead(&piece) }
        isBegun = true
        if framing == .chunks, !body.isOver {
            // A size of fixed width, put right when it is known (RFC 9112, 7.1: leading zeros mean nothing).
            let size = piece.count
            piece.append("00000000\r\n")
            let content = piece.count
            body.write(to: &piece, sparing: OutgoingAnswer.chunkEndBytes)
            piece.put(hexadecimal: piece.count - content, endingAt: size + 8)
            piece.append("\r\n")
            if body.isOver { piece.append("0\r\n\r\n") }
        } else {
            body.write(to: &piece)
        }
        isOver = body.isOver
    }

    private func writeHead(_ piece: inout AnswerPiece) {
        piece.append("HTTP/1.1 ")
        piece.append(decimal: Int(status))
        piece.append(" ")
        piece.append(reason)
        piece.append("\r\n")
        piece.append(headers.bytes[...])
        if let length {
            piece.append("content-length: ")
            piece.append(decimal: length)
            piece.append("\r\n")
        } else if framing == .chunks {
            piece.append("transfer-encoding: chunked\r\n")
        }
        switch persistence {
        case .close: piece.append("connection: close\r\n")
        case .keepAlive: piece.append("connection: keep-alive\r\n")
        case nil: break
        }
        piece.append("\r\n")
    }
}
