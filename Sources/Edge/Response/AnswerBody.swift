// An answer's body before it is text: bytes that are there, and values that become JSON only as the socket takes them.
// Siblings and lists have megabytes, half as much again as base64, and six times as much at worst as escaped text; made
// at once they would hold the loop and its memory, and most of it would only wait for the client.

import JSON

struct AnswerBody: Sendable {
    enum Part: Sendable {
        case bytes(ArraySlice<UInt8>)
        /// A member of a JSON object: text where the bytes are UTF-8, base64 under `NAME_base64` where they are not.
        case member(StaticString, ArraySlice<UInt8>)
    }

    /// How the value of the member that is being written goes out.
    private enum Encoding: Sendable {
        case text, base64

        init(_ bytes: ArraySlice<UInt8>) { self = bytes.isUTF8 ? .text : .base64 }

        func opening(_ name: StaticString) -> [UInt8] {
            Array((self == .text ? "\"\(name)\":\"" : "\"\(name)_base64\":\"").utf8)
        }
    }

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

    init(_ bytes: ArraySlice<UInt8>) {
        parts = bytes.isEmpty ? [] : [.bytes(bytes)]
        heldBytes = bytes.count
        length = bytes.count
    }

    var isOver: Bool { part == parts.count }

    /// The same with all that is still to be made of it made; for a small one that nothing has been written of.
    var made: AnswerBody {
        guard length == nil else { return self }
        var all: [UInt8] = []
        all.reserveCapacity(heldBytes)
        for part in parts {
            switch part {
            case .bytes(let bytes): all += bytes
            case .member(let name, let bytes):
                let encoding = Encoding(bytes)
                all.append(contentsOf: encoding.opening(name))
                switch encoding {
                case .text: bytes.withUnsafeBytes { all.append(escaped: $0) }
                case .base64: all.append(base64: bytes)
                }
                all.append("\"")
            }
        }
        return AnswerBody(all[...])
    }

    /// Of one that is known whole.
    var bytes: [UInt8] {
        parts.reduce(into: []) { all, part in if case .bytes(let bytes) = part { all += bytes } }
    }

    /// Writes on until `piece` is full but for `spared` bytes and perhaps a few more, or the body is over.
    mutating func write(to piece: inout AnswerPiece, sparing spared: Int = 0) {
        while part < parts.count, piece.room > spared {
            let room = piece.room - spared
            switch parts[part] {
            case .bytes(let bytes):
                let end = place + min(room, bytes.count - place)
                piece.append(bytes.dropFirst(place).prefix(end - place))
                place = end
                if end == bytes.count { next() }
            case .member(let name, let bytes):
                guard write(name, bytes, room, &piece) else { return }
            }
        }
    }

    /// False if there is no room worth writing to.
    private mutating func write(
        _ name: StaticString, _ bytes: ArraySlice<UInt8>, _ room: Int, _ piece: inout AnswerPiece
    ) -> Bool {
        // Quotes, and a group or an escape or two; the next piece has room for more.
        guard room > name.utf8CodeUnitCount + 64 else { return false }
        let encoding: Encoding
        if let begun = self.encoding {
            encoding = begun
        } else {
            encoding = Encoding(bytes)
            self.encoding = encoding
            piece.append(encoding.opening(name)[...])
        }
        // Groups of base64 end where pieces do; all of a text may be escapes.
        let rest = room - name.utf8CodeUnitCount - 32
        let end = min(bytes.count, place + (encoding == .text ? rest / 6 : rest / 4 * 3))
        bytes.withUnsafeBytes { all in
            let some = UnsafeRawBufferPointer(rebasing: all[place..<end])
            if encoding == .text { piece.append(escaped: some) } else { piece.append(base64: some) }
        }
        place = end
        guard end == bytes.count else { return true }
        piece.append("\"")
        next()
        return true
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
    static let smallBytes = 1 << 10

    mutating func member(_ name: StaticString, bytes: ArraySlice<UInt8>) {
        guard bytes.count > JSONBody.smallBytes else { return text.member(name, bytes: bytes) }
        parts.append(.bytes(text.interrupt()[...]))
        parts.append(.member(name, bytes))
    }

    /// All of it, and a line end.
    consuming func end() -> AnswerBody {
        text.endLine()
        parts.append(.bytes(text.bytes[...]))
        return AnswerBody(parts)
    }
}
