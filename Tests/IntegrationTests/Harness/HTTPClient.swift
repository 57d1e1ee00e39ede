// A blocking HTTP client on a bare socket: it sends whatever bytes it is given, at whatever pace, and reads strictly.

import Foundation
import Glibc

struct Response {
    let status: Int
    let headers: [(name: String, value: String)]
    let body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }
    subscript(_ name: String) -> String? { headers.first { $0.name == name.lowercased() }?.value }

    /// The body as a JSON object; empty if it is none.
    var json: [String: Any] { (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any] ?? [:] }
    var context: String? { self["atoll-context"] }
}

/// One TCP connection to a node. Used by one thread at a time.
final class Connection: @unchecked Sendable {
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private var isClosed = false
    private let lock = NSLock()

    init(_ port: Int, host: String = "127.0.0.1", timeout seconds: Double = 10, receiveBuffer: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw HarnessFailure("no socket: \(errorText())") }
        var limit = timeval(tv_sec: Int(seconds), tv_usec: Int((seconds - seconds.rounded(.down)) * 1e6))
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        if var receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        inet_pton(AF_INET, host, &address.sin_addr)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            let text = errorText()
            Glibc.close(descriptor)
            isClosed = true
            throw HarnessFailure("cannot connect to \(host):\(port): \(text)")
        }
    }

    deinit { close() }

    func close() {
        lock.withLock {
            if !isClosed { Glibc.close(descriptor) }
            isClosed = true
        }
    }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let n = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard n > 0 else { throw HarnessFailure("cannot send: \(errorText())") }
            sent += n
        }
    }

    /// Says that nothing more will be sent.
    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// False at the end of the stream.
    private func receive() throws -> Bool {
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        let n = piece.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
        guard n >= 0 else { throw HarnessFailure("cannot receive: \(errorText())") }
        buffer += piece[..<n]
        return n > 0
    }

    /// Everything until the other side closes. A reset counts as closing, a timeout does not.
    func readToEnd() throws -> [UInt8] {
        do { while try receive() {} } catch  where errno == ECONNRESET {}
        defer { buffer = [] }
        return buffer
    }

    /// Exactly `count` bytes.
    func read(_ count: Int) throws -> [UInt8] {
        while buffer.count < count {
            guard try receive() else {
                throw HarnessFailure("the stream ended after \(buffer.count) of \(count) bytes")
            }
        }
        defer { buffer.removeFirst(count) }
        return Array(buffer[..<count])
    }

    func line() throws -> String {
        while true {
            if let end = buffer.firstIndex(of: 0x0A) {
                guard end > 0, buffer[end - 1] == 0x0D else { throw HarnessFailure("a line without CR LF") }
                defer { buffer.removeFirst(end + 1) }
                return String(decoding: buffer[..<(end - 1)], as: UTF8.self)
            }
            guard try receive() else { throw HarnessFailure("the stream ended in the head of an answer: \(buffer)") }
        }
    }

    /// The next answer. `method`: of the request it answers; the answer to HEAD has no body.
    func response(to method: String = "GET") throws -> Response {
        let first = try line().split(separator: " ", maxSplits: 2).map(String.init)
        guard first.count >= 2, first[0] == "HTTP/1.1", let status = Int(first[1]) else {
            throw HarnessFailure("no status line: \(first)")
        }
        var headers: [(name: String, value: String)] = []
        while case let text = try line(), !text.isEmpty {
            guard let colon = text.firstIndex(of: ":") else { throw HarnessFailure("no header: \(text)") }
            let value = text[text.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            headers.append((text[..<colon].lowercased(), value))
        }
        let length = headers.first { $0.name == "content-length" }.flatMap { Int($0.value) }
        if method == "HEAD" || status == 204 || status == 304 || (100..<200).contains(status) {
            return Response(status: status, headers: headers, body: [])
        }
        if headers.contains(where: { $0.name == "transfer-encoding" && $0.value == "chunked" }) {
            guard length == nil else { throw HarnessFailure("an answer with two lengths") }
            return Response(status: status, headers: headers, body: try chunks())
        }
        guard let length else { throw HarnessFailure("an answer \(status) without a length") }
        return Response(status: status, headers: headers, body: try read(length))
    }

    private func chunks() throws -> [UInt8] {
        var body: [UInt8] = []
        while true {
            let text = try line()
            guard let size = Int(text, radix: 16) else { throw HarnessFailure("no size of a chunk: \(text)") }
            body += try read(size)
            guard try line().isEmpty else { throw HarnessFailure("a chunk that is longer than its size") }
            if size == 0 { return body }
        }
    }

    /// A request as it should be, and its answer.
    func request(
        _ method: String, _ target: String, _ headers: [String: String] = [:], body: [UInt8]? = nil
    ) throws -> Response {
        var head = "\(method) \(target) HTTP/1.1\r\nHost: localhost\r\n"
        for (name, value) in headers.sorted(by: { $0.key < $1.key }) { head += "\(name): \(value)\r\n" }
        if let body { head += "Content-Length: \(body.count)\r\n" }
        try send(Array((head + "\r\n").utf8) + (body ?? []))
        return try response(to: method)
    }
}
