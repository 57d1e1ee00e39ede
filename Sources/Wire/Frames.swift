// The outermost layer of a peer connection: a length of four bytes, most significant first, then that many bytes.

package import World

/// Cuts a stream of bytes into frames. Feed it what arrived; it hands out whole payloads. A length beyond the limit
/// ends the stream: nothing after it can be trusted.
package struct FrameDecoder: Sendable {
    private var buffer: [UInt8] = []
    private var start = 0
    /// Raised by the owner once the handshake has told who the peer is.
    package var limit: Int

    package init(limit: Int) { self.limit = limit }

    package var buffered: Int { buffer.count - start }

    package mutating func feed(_ bytes: UnsafeRawBufferPointer) { buffer.append(contentsOf: bytes) }

    /// The next payload; nil until all of it has arrived.
    package mutating func next() throws(DecodingFailure) -> [UInt8]? {
        guard buffered >= Frames.prefixBytes else { return nil }
        let length = (0..<Frames.prefixBytes).reduce(0) { ($0 << 8) | Int(buffer[start + $1]) }
        guard length <= limit else { throw .overlong }
        guard buffered >= Frames.prefixBytes + length else {
            compact()
            return nil
        }
        let body = start + Frames.prefixBytes
        let payload = Array(buffer[body..<body + length])
        start = body + length
        if start == buffer.count {
            buffer.removeAll(keepingCapacity: buffer.capacity <= 1 << 16)
            start = 0
        }
        return payload
    }

    private mutating func compact() {
        guard start > 0 else { return }
        buffer.removeSubrange(0..<start)
        start = 0
    }
}

package enum Frames {
    package static let prefixBytes = 4

    /// The four bytes that stand before a payload of `count` bytes.
    package static func prefix(for count: Int) -> UInt32 { UInt32(count) }
}
