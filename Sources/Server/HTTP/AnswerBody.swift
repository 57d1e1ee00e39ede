// An answer's body before it is text: bytes that are there, and values that become JSON only as the socket takes them.
// Siblings and lists have megabytes, half as much again as base64, and six times as much at worst as escaped text; made
// at once they would hold the loop and its memory, and most of it would only wait for the client.

import JSON
import NIOCore
import World

struct AnswerBody {
    enum Part {
        case bytes([UInt8])
        /// A member of a JSON object: text where the bytes are UTF-8, base64 under `NAME_base64` where they are not.
        case member(String, [UInt8])
    }

    /// How the value of the member that is being written goes out.
    private enum Encoding { case text, base64 }

    private var parts: [Part]
    private var encoding: Encoding?
    /// The part that is being written, and how many of its bytes are through.
    private var part = 0
    private var place = 0
    /// What it keeps in memory until it is written.
    let heldBytes: Int
    /// Of all that will be written; nil where only writing it can tell.
    let length: Int?

    init(_ parts: [Part]) {
        self.parts = parts
        var held = 0
        var isKnown = true
        for part in parts {
            switch part {
            case .bytes(let bytes): held += bytes.count
            case .member(_, let bytes):
                held += bytes.count
                isKnown = false
            }
        }
        heldBytes = held
        length = isKnown ? held : nil
    }

    static let empty = AnswerBody([Part]())

    init(_ bytes: [UInt8]) {
        parts = bytes.isEmpty ? [] : [.bytes(bytes)]
        heldBytes = bytes.count
        length = bytes.count
    }

    var isOver: Bool { part == parts.count }

    /// The same with all that is still to be made of it made; for a small one.
    var made: AnswerBody {
        guard length == nil else { return self }
        var body = self
        var buffer = ByteBuffer()
        body.write(to: &buffer, until: .max)
        return AnswerBody(Array(buffer: buffer))
    }

    /// Writes on until `buffer` has `size` bytes, or a few more, or the body is over.
    mutating func write(to buffer: inout ByteBuffer, until size: Int) {
        while part < parts.count, buffer.readableBytes < size {
            let room = size - buffer.readableBytes
            switch parts[part] {
            case .bytes(let bytes):
                let end = place + min(room, bytes.count - place)
                buffer.writeBytes(bytes[place..<end])
                place = end
                if end == bytes.count { next() }
            case .member(let name, let bytes): write(name, bytes, room, &buffer)
            }
        }
    }

    private mutating func write(_ name: String, _ bytes: [UInt8], _ room: Int, _ buffer: inout ByteBuffer) {
        let encoding: Encoding
        if let begun = self.encoding {
            encoding = begun
        } else {
            encoding = bytes.isUTF8 ? .text : .base64
            self.encoding = encoding
            buffer.writeString(encoding == .text ? "\"\(name)\":\"" : "\"\(name)_base64\":\"")
        }
        // Groups of base64 end where pieces do. Escapes are the exception, so that pieces are seldom larger.
        let end = min(bytes.count, place + max(3, room / 4 * 3))
        bytes.withUnsafeBytes { all in
            let some = UnsafeRawBufferPointer(rebasing: all[place..<end])
            if encoding == .text { buffer.write(escaped: some) } else { buffer.write(base64: some) }
        }
        place = end
        guard end == bytes.count else { return }
        buffer.writeStaticString("\"")
        next()
    }

    private mutating func next() {
        // What has left is not held any longer.
        parts[part] = .bytes([])
        part += 1
        place = 0
        encoding = nil
    }
}

/// Writes JSON front to back like `JSONWriter`, but leaves large values for later.
struct JSONBody {
    var text = JSONWriter()
    private var parts: [AnswerBody.Part] = []

    /// Below this the place that a value takes in `parts` costs more than its copy.
    private static let smallBytes = 1 << 10

    mutating func member(_ name: String, bytes: [UInt8]) {
        guard bytes.count > JSONBody.smallBytes else { return text.member(name, bytes: bytes) }
        parts.append(.bytes(text.interrupt()))
        parts.append(.member(name, bytes))
    }

    /// All of it, and a line end.
    consuming func end() -> AnswerBody {
        parts.append(.bytes(text.bytes + [0x0A]))
        return AnswerBody(parts)
    }
}

extension ByteBuffer {
    fileprivate mutating func write(base64 input: UnsafeRawBufferPointer) {
        writeWithUnsafeMutableBytes(minimumWritableBytes: Base64.length(of: input.count)) {
            Base64.encode(input, into: $0)
        }
    }

    fileprivate mutating func write(escaped input: UnsafeRawBufferPointer) {
        JSONString.escape(input) { writeBytes($0) }
    }
}
