// A response on its way to the socket: status, headers, body.

import Causality
import Foundation
import Gateway
import JSON
import Keys
import NIOCore
import NIOHTTP1
import Ring
import World

struct HTTPResponse {
    var status: HTTPResponseStatus
    var headers: HeaderLines
    var body: AnswerBody

    init(_ status: UInt, _ headers: [(String, String)] = [], body: [UInt8] = []) {
        self.init(status, headers, body: AnswerBody(body))
    }

    init(_ status: UInt, _ headers: [(String, String)] = [], body: AnswerBody) {
        self.status = HTTPResponseStatus(statusCode: Int(status))
        self.headers = HeaderLines()
        self.body = body
        for (name, value) in headers { self.headers.add(name, value) }
    }

    init(_ problem: Problem) {
        self.init(problem.status, [("content-type", "application/problem+json")], body: problem.body)
        if problem.status == 503 { headers.add("retry-after", "1") }
        if let header = problem.header { headers.add(header.name, header.value) }
    }

    static func json(_ body: [UInt8]) -> HTTPResponse {
        HTTPResponse(200, [("content-type", "application/json")], body: body)
    }
    static func json(_ body: AnswerBody) -> HTTPResponse {
        HTTPResponse(200, [("content-type", "application/json")], body: body)
    }

    /// What the server does with the connection afterwards, where the client would not expect it (RFC 9112, 9.3).
    enum Connection: String {
        case close
        case keepAlive = "keep-alive"
    }
}

/// An answer as it travels (RFC 9112, 4): a small one in one block, since NIO's encoder would make three writes of it,
/// a large one in pieces, each made when the socket has taken those before.
struct OutgoingAnswer {
    private enum Framing { case length, chunks, untilClose }

    private let status: HTTPResponseStatus
    private let headers: HeaderLines
    private var body: AnswerBody
    private let framing: Framing
    private let connection: HTTPResponse.Connection?
    private let length: Int?
    private var isBegun = false
    private(set) var isOver = false

    /// - Parameters:
    ///   - isHead: it answers a HEAD, and tells only what the body would be.
    ///   - isOldClient: it reads no chunks, so that a body of unknown length must end with the connection.
    init(_ response: HTTPResponse, _ connection: HTTPResponse.Connection?, isHead: Bool, isOldClient: Bool) {
        status = response.status
        headers = response.headers
        let hasNoBody = status == .noContent || status == .notModified
        length = hasNoBody ? nil : response.body.length
        framing = hasNoBody || length != nil ? .length : isOldClient ? .untilClose : .chunks
        self.connection = framing == .untilClose ? .close : connection
        body = hasNoBody || isHead ? .empty : response.body
    }

    /// The connection must end after it.
    var closes: Bool { connection == .close }

    /// The next block to write, the head before the first; call until `isOver`.
    mutating func next(_ allocator: ByteBufferAllocator) -> ByteBuffer {
        // With the head, and with what ends a chunk, it fills one block of the allocator, whose sizes are powers of
        // two.
        let most = Limits.answerPieceBytes - 16
        let expected = (isBegun ? 32 : 160 + headers.bytes.count) + (body.length ?? most)
        var buffer = allocator.buffer(capacity: min(expected, Limits.answerPieceBytes))
        if !isBegun { writeHead(&buffer) }
        isBegun = true
        if framing == .chunks, !body.isOver {
            let start = buffer.writerIndex
            // A size of fixed width, put right when it is known (RFC 9112, 7.1: leading zeros mean nothing).
            buffer.writeStaticString("00000000\r\n")
            let content = buffer.writerIndex
            body.write(to: &buffer, until: most)
            let size = String(buffer.writerIndex - content, radix: 16)
            buffer.setString(size, at: start + 8 - size.utf8.count)
            buffer.writeStaticString("\r\n")
            if body.isOver { buffer.writeStaticString("0\r\n\r\n") }
        } else {
            body.write(to: &buffer, until: most)
        }
        isOver = body.isOver
        return buffer
    }

    private func writeHead(_ buffer: inout ByteBuffer) {
        buffer.writeStaticString("HTTP/1.1 ")
        buffer.writeString(String(status.code))
        buffer.writeStaticString(" ")
        buffer.writeString(status.reasonPhrase)
        buffer.writeStaticString("\r\n")
        buffer.writeBytes(headers.bytes)
        if let length {
            buffer.writeString("content-length: \(length)\r\n")
        } else if framing == .chunks {
            buffer.writeStaticString("transfer-encoding: chunked\r\n")
        }
        if let connection { buffer.writeString("connection: \(connection.rawValue)\r\n") }
        buffer.writeStaticString("\r\n")
    }
}

/// Header lines in the bytes that travel; names in lower case.
struct HeaderLines {
    fileprivate(set) var bytes: [UInt8] = []

    /// Room for the lines of most answers: context, account, content type, date.
    init() { bytes.reserveCapacity(280) }

    /// A value may be a client's (a content type): what could end its line becomes a blank.
    mutating func add(_ name: String, _ value: String) {
        bytes.append(contentsOf: name.utf8)
        bytes.append(0x3A)
        bytes.append(0x20)
        let start = bytes.count
        bytes.append(contentsOf: value.utf8)
        for place in start..<bytes.count where bytes[place] < 0x20 || bytes[place] == 0x7F { bytes[place] = 0x20 }
        bytes.append(0x0D)
        bytes.append(0x0A)
    }
}

extension HeaderLines {
    /// A line that is written already.
    mutating func add(line: [UInt8]) { bytes.append(contentsOf: line) }

    /// The `Atoll-Acks` header (docs/HTTP.md): how many replicas, where, how many by hint, and the level. Written in
    /// bytes, as it stands in every answer.
    mutating func add(_ account: Account) {
        append("atoll-acks: replicas=")
        append(account.tally.count)
        append("; countries=")
        for (place, country) in account.tally.countries.enumerated() {
            if place > 0 { append(",") }
            bytes.append(contentsOf: country.utf8)
        }
        append("; hinted=")
        append(account.tally.hinted)
        append("; level=")
        bytes.append(contentsOf: account.level.description.utf8)
        append(account.reached ? "; reached=true\r\n" : "; reached=false\r\n")
    }

    /// The `Atoll-Context` header, in bytes likewise.
    mutating func add(_ context: CausalContext, for key: StoredKey) {
        append("atoll-context: ")
        bytes.append(base64: context.encode(for: key.bytes))
        append("\r\n")
    }

    private mutating func append(_ text: StaticString) { bytes.append(text) }

    private mutating func append(_ number: Int) {
        if (0...9).contains(number) {
            bytes.append(0x30 + UInt8(number))
        } else {
            bytes.append(contentsOf: String(number).utf8)
        }
    }
}

enum ContextHeader {
    static let name = "atoll-context"

    static func text(_ context: CausalContext, for key: StoredKey) -> String {
        var bytes: [UInt8] = []
        bytes.append(base64: context.encode(for: key.bytes))
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The token's bytes, checked; a token that is not ours, or another key's, throws.
    static func parse(_ text: String, for key: StoredKey) throws(Problem) -> [UInt8] {
        guard text.utf8.count <= (Limits.contextBytes + 2) / 3 * 4, let data = Data(base64Encoded: text) else {
            throw .malformed("Atoll-Context is not one that Atoll gave")
        }
        let bytes = [UInt8](data)
        do { _ = try CausalContext(decoding: bytes, for: key.bytes) } catch {
            throw .malformed("Atoll-Context: \(error)")
        }
        return bytes
    }
}
