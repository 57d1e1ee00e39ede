// How many parts a frame has, counted before they are built.
//
// SwiftProtobuf makes all of a message before anybody can look at it, and an empty element takes two bytes of a frame
// and dozens of memory: a frame of the largest size could take a gigabyte. So the fields of those messages that may
// repeat them are counted in the frame's bytes first (https://protobuf.dev/programming-guides/encoding).

import World

enum FrameShape {
    /// The messages whose fields are counted, by their place in peer.proto; others are passed over as bytes.
    private enum Message {
        case frame, reply
        /// Holds elements: `Page`.
        case list
        /// Holds numbers, one field or a packed run of them: `Fingerprints`.
        case numbers

        func inside(_ field: UInt64) -> Message? {
            switch (self, field) {
            case (.frame, 4): .reply
            case (.reply, 8): .list
            case (.reply, 10): .numbers
            default: nil
            }
        }
    }

    /// Throws if the frame holds more fields than any that a node sends, or is no protocol buffer.
    static func check(_ frame: [UInt8]) throws(DecodingFailure) {
        var reader = ByteReader(frame)
        var fields = 0
        try count(&reader, frame.count, .frame, &fields)
    }

    private static func count(
        _ reader: inout ByteReader, _ length: Int, _ message: Message, _ fields: inout Int
    ) throws(DecodingFailure) {
        let rest = reader.remaining - length
        while reader.remaining > rest {
            fields += 1
            guard fields <= Limits.frameFields else { throw .overlong }
            let tag = try reader.varint()
            switch tag & 7 {
            case 0: _ = try reader.varint()
            case 1: _ = try reader.raw(8)
            case 2:
                let size = try reader.count(atMost: reader.remaining)
                if let inner = message.inside(tag >> 3) {
                    try count(&reader, size, inner, &fields)
                } else {
                    if message == .numbers, size > Limits.packedBytes { throw .overlong }
                    _ = try reader.raw(size)
                }
            case 5: _ = try reader.raw(4)
            default: throw .malformed("a field of a kind that no peer sends")
            }
        }
        guard reader.remaining == rest else { throw .malformed("a field that ends outside its message") }
    }
}
