// A piece of an answer, as it is filled: memory that a socket will write from, so that what an answer carries is copied
// once.

import JSON

package struct AnswerPiece {
    private let memory: UnsafeMutableRawBufferPointer
    package private(set) var count = 0

    package init(_ memory: UnsafeMutableRawBufferPointer) { self.memory = memory }

    /// How much more it takes.
    var room: Int { memory.count - count }

    @inline(__always)
    mutating func append(_ text: StaticString) {
        append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func append(_ bytes: ArraySlice<UInt8>) { bytes.withUnsafeBytes { append($0) } }

    @inline(__always)
    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count <= room, "a piece is not written beyond its end")
        UnsafeMutableRawBufferPointer(rebasing: memory[count..<(count + bytes.count)]).copyMemory(from: bytes)
        count += bytes.count
    }

    mutating func append(base64 bytes: UnsafeRawBufferPointer) {
        precondition(Base64.length(of: bytes.count) <= room, "a piece is not written beyond its end")
        count += Base64.encode(bytes, into: UnsafeMutableRawBufferPointer(rebasing: memory[count...]))
    }

    mutating func append(escaped bytes: UnsafeRawBufferPointer) { JSONString.escape(bytes) { append($0) } }

    mutating func append(decimal number: Int) {
        Decimal.text(of: number) { append($0) }
    }

    private mutating func append(byte: UInt8) {
        precondition(room > 0, "a piece is not written beyond its end")
        memory[count] = byte
        count += 1
    }

    /// Over the last digits before `end`, which are zeros.
    mutating func put(hexadecimal number: Int, endingAt end: Int) {
        var rest = number
        var place = end
        while rest > 0 {
            place -= 1
            memory[place] = UInt8(rest & 15) + (rest & 15 < 10 ? 0x30 : 0x57)
            rest >>= 4
        }
    }
}
