// A response on its way to the socket: status, headers, body.

import Causality
import Foundation
import Gateway
import NIOCore
import NIOHTTP1
import Ring
import World

struct HTTPResponse {
    var status: HTTPResponseStatus
    var headers: HeaderLines
    var body: [UInt8]
    /// The answer to a HEAD: `body` tells its length only.
    var omitsBody = false

    init(_ status: UInt, _ headers: [(String, String)] = [], body: [UInt8] = []) {
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

    /// What the server does with the connection afterwards, where the client would not expect it (RFC 9112, 9.3).
    enum Connection: String {
        case close
        case keepAlive = "keep-alive"
    }

    /// All of it in one block, as it travels (RFC 9112, 4): an answer from the cache is small, and NIO's encoder would
    /// make three writes of it.
    func encode(_ connection: Connection?, _ allocator: ByteBufferAllocator) -> ByteBuffer {
        let hasNoBody = status == .noContent || status == .notModified
        let sent = hasNoBody || omitsBody ? [] : body
        var buffer = allocator.buffer(capacity: 128 + headers.bytes.count + sent.count)
        buffer.writeStaticString("HTTP/1.1 ")
        buffer.writeString(String(status.code))
        buffer.writeStaticString(" ")
        buffer.writeString(status.reasonPhrase)
        buffer.writeStaticString("\r\n")
        buffer.writeBytes(headers.bytes)
        if !hasNoBody { buffer.writeString("content-length: \(body.count)\r\n") }
        if let connection { buffer.writeString("connection: \(connection.rawValue)\r\n") }
        buffer.writeStaticString("\r\n")
        buffer.writeBytes(sent)
        return buffer
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

extension [UInt8] {
    mutating func append(_ text: StaticString) {
        append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// RFC 4648, 4. Foundation's goes through a `Data` and a `String`: three blocks, and a thirtieth of all that a
    /// write costs.
    mutating func append(base64 input: [UInt8]) {
        let digits: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        var place = 0
        while place < input.count {
            let left = input.count - place
            let group =
                UInt32(input[place]) << 16 | (left > 1 ? UInt32(input[place + 1]) << 8 : 0)
                | (left > 2 ? UInt32(input[place + 2]) : 0)
            for digit in 0..<4 {
                append(digit <= left ? digits.utf8Start[Int(group >> UInt32(18 - 6 * digit) & 63)] : 0x3D)
            }
            place += 3
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
