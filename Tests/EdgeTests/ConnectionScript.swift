// A connection without a channel: what comes in, line by line, and what is then to be done.

import Foundation
import Ring
import Testing
import World

@testable import Edge

/// Plays scripts. Each line is an input and, behind `>`, the actions that it must bring.
struct Script {
    var connection = ClientConnection(number: 1)
    var clients: LoopClients
    var now = Now(instant: .origin, wall: WallTime(milliseconds: 784_111_777_000))
    var out = Outbox<ClientConnection.Action>()

    init(memory: Int = Limits.clientBytes) throws {
        clients = LoopClients(ring: RingSnapshot(try RingDocument.singleNode()), memory: ClientMemory(limit: memory))
    }

    mutating func play(_ script: String, sourceLocation: SourceLocation = #_sourceLocation) {
        for line in script.split(separator: "\n") {
            let parts = line.split(separator: ">", maxSplits: 1, omittingEmptySubsequences: false).map(\.trimmed)
            let said = hear(parts[0].split(separator: " ").map(String.init))
            let done = (said + out.take().map(\.text)).joined(separator: ", ")
            #expect(done == parts.dropFirst().joined(), "\(parts[0])", sourceLocation: sourceLocation)
        }
    }

    /// Returns what is told beside the actions.
    private mutating func hear(_ words: [String]) -> [String] {
        let number = words.dropFirst().first.flatMap { Int($0) } ?? 0
        switch words.first {
        case "read": connection.readWanted(&out)
        case "head": connection.received(Script.head(words), &clients, now, &out)
        case "body":
            [UInt8](repeating: 0x61, count: number).withUnsafeBytes {
                connection.received(body: $0, &clients, now, &out)
            }
        case "end": connection.receivedEnd(&out)
        case "answer":
            let bytes = [UInt8](repeating: 0x61, count: words.count > 2 ? Int(words[2]) ?? 0 : 0)
            connection.answered(HTTPResponse(UInt(number), body: bytes), &clients, now, &out)
        case "stream":
            connection.stream([[UInt8](repeating: 0x61, count: number)[...]], &clients, now, &out)
        case "drained": connection.blockLeft(&clients, &out)
        case "over": connection.endStream(number == 0 ? nil : HTTPResponse(UInt(number)), &clients, now, &out)
        case "write": return write()
        case "left": connection.lastPieceLeft(&clients, now, &out)
        case "full": connection.writability(false, &clients, now, &out)
        case "room": connection.writability(true, &clients, now, &out)
        case "turn": connection.goOn(&clients, now, &out)
        case "eof": connection.inputClosed(&clients, now, &out)
        case "refuse": connection.refused(.timeout, &clients, now, &out)
        case "stop":
            clients.isStopping = true
            connection.stop(&clients, &out)
        case "cut": connection.cutOff(isReleased: clients.memory.takeCutOff() == [1], &clients, &out)
        case "gone": connection.removed(&clients, &out)
        case "pass": now.instant = now.instant + .seconds(Int64(number))
        case "take": return [clients.memory.reserve(number, now.instant) ? "taken" : "no room"]
        case "held": return ["\(clients.memory.heldBytes)"]
        default: return ["what?"]
        }
        return []
    }

    /// The bytes in short: whether a head says that chunks follow, then what does, with `|` for the ends of lines.
    static func shape(_ pieces: [ArraySlice<UInt8>]) -> String {
        let text = String(decoding: pieces.joined(), as: UTF8.self)
        guard text.hasPrefix("HTTP/1.1 200"), let end = text.firstRange(of: "\r\n\r\n") else {
            return text.replacing("\r\n", with: "|")
        }
        let isChunked = text[..<end.lowerBound].contains("transfer-encoding: chunked")
        return (isChunked ? "chunked " : "plain ") + text[end.upperBound...].replacing("\r\n", with: "|")
    }

    /// `head PUT /path close content-length:5`
    private static func head(_ words: [String]) -> RequestHead {
        var fields = RequestFields()
        fields.take("host", "localhost")
        for word in words.dropFirst(3) {
            let parts = word.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { fields.take(String(parts[0]), String(parts[1])) }
        }
        return RequestHead(
            RequestMethod(rawValue: words[1]) ?? .other, words[2], fields, isOldClient: words.contains("old"),
            isKeptAlive: !words.contains("close"))
    }

    private mutating func write() -> [String] {
        guard let size = connection.pieceBytes else { return ["nothing"] }
        var flush = ClientConnection.Flush.endOfTurn
        _ = [UInt8](unsafeUninitializedCapacity: size) { memory, count in
            var piece = AnswerPiece(UnsafeMutableRawBufferPointer(memory))
            flush = connection.writePiece(to: &piece)
            count = piece.count
        }
        connection.wrote(&clients, now, &out)
        switch flush {
        case .endOfTurn: return ["flush at end"]
        case .now: return ["flush"]
        case .nowAndTell: return ["flush and tell"]
        }
    }
}

extension ClientConnection.Action {
    fileprivate var text: String {
        switch self {
        case .read: "read"
        case .pipelined: "pipelined"
        case .expect(.body): "expect body"
        case .expect(.nothing): "expect nothing"
        case .expect(.nextRequest): "expect request"
        case .expect(.end): "expect end"
        case .sayContinue: "continue"
        case .serve(let request): "serve \(request.head.method.rawValue) \(request.body.count)"
        case .count(let route, let status): "count \(route) \(status)"
        case .write: "write"
        case .stream(let pieces): "stream \(Script.shape(pieces))"
        case .streamDrained: "drained"
        case .goOnNextTurn: "next turn"
        case .beginAnswerTime: "time"
        case .endAnswerTime: "time over"
        case .linger: "linger"
        case .closeWhenWritten: "close when written"
        case .close: "close"
        }
    }
}
