// The beginning of a request line as it came, for what the parser does not tell: whether it was the target that was too
// long, and whether it was a method that nobody here knows.

import World

struct RequestLineStart {
    private var start: [UInt8] = []
    private var length = 0
    private var isOver = false

    init() {}

    mutating func begin() {
        start.removeAll(keepingCapacity: true)
        length = 0
        isOver = false
    }

    mutating func take(_ bytes: UnsafeRawBufferPointer) {
        guard !isOver else { return }
        var line = bytes[...]
        // Empty lines before a request are skipped (RFC 9112, 2.2), as the parser does.
        while length == 0, let first = line.first, first == 0x0D || first == 0x0A { line.removeFirst() }
        let end = line.firstIndex(of: 0x0A)
        isOver = end != nil
        if let end { line = line[..<end] }
        length += line.count
        if start.count < Limits.methodBytes { start += line.prefix(Limits.methodBytes - start.count) }
    }

    /// The parser counts one limit for all of a head; this tells whether the target alone was beyond its own.
    var isTargetTooLong: Bool { length > Limits.targetBytes + "OPTIONS  HTTP/1.1".utf8.count }

    /// What stands in the method's place, if it is one by its form (RFC 9110, 9.1), known to the parser or not.
    var method: String? {
        let method = start.prefix(while: RequestLineStart.mayStandInMethod)
        guard !method.isEmpty, method.count == start.count || start[method.count] == 0x20 else { return nil }
        return String(decoding: method, as: UTF8.self)
    }

    /// RFC 9110, 5.6.2: a token's characters.
    private static func mayStandInMethod(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: Array("!#$%&'*+-.^_`|~".utf8).contains(byte)
        }
    }
}
