// Subscribing to what hubs tell of feeds (W3C WebSub, 5). A hub only hastens polls: what it sends is not read, and the
// schedule goes on without it, as hubs fall silent, and anybody could speak for one.

import World

package enum WebSub {
    /// The form by which a hub is asked for news of a feed (5.1); it asks back at `callback` whether that is wanted.
    package static func subscription(topic: String, callback: String) -> [UInt8] {
        let seconds = Limits.feedHubLease.nanoseconds / Span.seconds(1).nanoseconds
        let fields = [
            ("hub.mode", "subscribe"), ("hub.topic", topic), ("hub.callback", callback),
            ("hub.lease_seconds", "\(seconds)"),
        ]
        return Array(fields.map { "\($0.0)=\(encoded($0.1))" }.joined(separator: "&").utf8)
    }

    /// As forms are: all but letters, digits and `-._` percent-encoded.
    private static func encoded(_ text: String) -> String {
        let hex = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: bytes.append(byte)
            default: bytes += [UInt8(ascii: "%"), hex[Int(byte >> 4)], hex[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
