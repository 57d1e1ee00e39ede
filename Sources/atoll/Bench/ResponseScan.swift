// Finds where an HTTP/1.1 response ends and what its status is, in the bytes as they came. NIOHTTP1's decoder does the
// same and builds strings of every header beside; the generator wants two numbers, and what it saves is left to the
// servers that share its machine.

import Foundation
import World

enum ResponseScan: Equatable {
    /// More bytes are needed.
    case incomplete
    /// This is no response that a connection which is kept alive may bear.
    case malformed
    /// - Parameters: `length`: bytes from the start of the scan, with interim (1xx) responses before it; `closes`: the
    ///   server ends the connection after it.
    case complete(status: Int, length: Int, closes: Bool)

    static func scan(_ bytes: UnsafeRawBufferPointer) -> ResponseScan {
        var start = 0
        while true {
            guard let head = Head(bytes, at: start) else {
                return bytes.count - start > Limits.answerHeadBytes || !Head.mayStart(bytes, at: start)
                    ? .malformed : .incomplete
            }
            guard head.isValid else { return .malformed }
            guard head.status < 200 else { return end(of: head, in: bytes) }
            start = head.end
        }
    }

    private static func end(of head: Head, in bytes: UnsafeRawBufferPointer) -> ResponseScan {
        let end: Int
        if head.status == 204 || head.status == 304 {
            end = head.end
        } else if head.isChunked {
            switch Chunks.end(bytes, from: head.end) {
            case .incomplete: return .incomplete
            case .malformed: return .malformed
            case .complete(_, let place, _): end = place
            }
        } else if let length = head.contentLength {
            end = head.end + length
        } else {
            return .malformed
        }
        return end <= bytes.count ? .complete(status: head.status, length: end, closes: head.closes) : .incomplete
    }
}

/// Status line and header lines, as far as the end of a response depends on them.
private struct Head {
    private(set) var status = 0
    private(set) var end = 0
    private(set) var contentLength: Int?
    private(set) var isChunked = false
    private(set) var closes = false
    private(set) var isValid = true

    private static let version = Array("HTTP/1.".utf8)
    private static let lengthName = Array("content-length:".utf8)
    private static let transferName = Array("transfer-encoding:".utf8)
    private static let connectionName = Array("connection:".utf8)

    static func mayStart(_ bytes: UnsafeRawBufferPointer, at start: Int) -> Bool {
        zip(bytes[start...], version).allSatisfy { $0 == $1 }
    }

    /// Nil if the head is not whole yet.
    init?(_ bytes: UnsafeRawBufferPointer, at start: Int) {
        guard bytes.count - start >= 13 else { return nil }
        guard Head.mayStart(bytes, at: start), let code = Head.digits(bytes[start + 9..<start + 12]), code >= 100 else {
            isValid = false
            return
        }
        status = code
        closes = bytes[start + 7] != 0x31
        var place = start + 12
        var isFirst = true
        while let lineEnd = Line.end(bytes, from: place) {
            let line = bytes[place..<(lineEnd > place && bytes[lineEnd - 1] == 0x0D ? lineEnd - 1 : lineEnd)]
            place = lineEnd + 1
            if isFirst {
                isFirst = false
            } else if line.isEmpty {
                end = place
                return
            } else {
                note(line)
            }
        }
        return nil
    }

    private mutating func note(_ line: Slice<UnsafeRawBufferPointer>) {
        // The names that matter begin with c or t; most lines are done here.
        let first = line[line.startIndex] | 0x20
        guard first == 0x63 || first == 0x74 else { return }
        if let value = Head.value(line, Head.lengthName) {
            contentLength = Head.digits(value)
            if contentLength == nil { isValid = false }
        } else if let value = Head.value(line, Head.transferName) {
            isChunked = value.elementsEqual("chunked".utf8) { $0 | 0x20 == $1 }
            if !isChunked { isValid = false }
        } else if let value = Head.value(line, Head.connectionName) {
            if value.elementsEqual("close".utf8, by: { $0 | 0x20 == $1 }) { closes = true }
        }
    }

    /// What follows the name, without the blanks around it; nil if it is another name.
    private static func value(_ line: Slice<UnsafeRawBufferPointer>, _ name: [UInt8]) -> Slice<UnsafeRawBufferPointer>?
    {
        // No byte of the names changes by setting its bit 0x20 but capitals.
        guard line.count >= name.count, line.prefix(name.count).elementsEqual(name, by: { $0 | 0x20 == $1 }) else {
            return nil
        }
        var value = line.dropFirst(name.count)
        while value.first == 0x20 || value.first == 0x09 { value.removeFirst() }
        while value.last == 0x20 || value.last == 0x09 { value.removeLast() }
        return value
    }

    private static func digits(_ text: Slice<UnsafeRawBufferPointer>) -> Int? {
        guard !text.isEmpty, text.count <= 12 else { return nil }
        var number = 0
        for byte in text {
            guard (0x30...0x39).contains(byte) else { return nil }
            number = number * 10 + Int(byte - 0x30)
        }
        return number
    }
}

private enum Chunks {
    /// Where a chunked body that begins at `start` ends (RFC 9112, 7.1).
    static func end(_ bytes: UnsafeRawBufferPointer, from start: Int) -> ResponseScan {
        var place = start
        while let lineEnd = Line.end(bytes, from: place) {
            var size = 0
            var digits = 0
            for byte in bytes[place..<lineEnd] {
                guard let digit = hexDigit(byte) else { break }
                size = size << 4 | digit
                digits += 1
                guard digits <= 8 else { return .malformed }
            }
            guard digits > 0 else { return .malformed }
            place = lineEnd + 1
            if size == 0 { return trailers(bytes, from: place) }
            place += size + 2
            guard place <= bytes.count else { return .incomplete }
        }
        return .incomplete
    }

    private static func trailers(_ bytes: UnsafeRawBufferPointer, from start: Int) -> ResponseScan {
        var place = start
        while let lineEnd = Line.end(bytes, from: place) {
            let isEmpty = lineEnd == place || (lineEnd == place + 1 && bytes[place] == 0x0D)
            place = lineEnd + 1
            if isEmpty { return .complete(status: 0, length: place, closes: false) }
        }
        return .incomplete
    }

    private static func hexDigit(_ byte: UInt8) -> Int? {
        switch byte {
        case 0x30...0x39: Int(byte - 0x30)
        case 0x41...0x46: Int(byte - 0x41) + 10
        case 0x61...0x66: Int(byte - 0x61) + 10
        default: nil
        }
    }
}

private enum Line {
    /// The place of the next line feed.
    static func end(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        guard start < bytes.count, let base = bytes.baseAddress,
            let found = memchr(base + start, 0x0A, bytes.count - start)
        else { return nil }
        return base.distance(to: UnsafeRawPointer(found))
    }
}
