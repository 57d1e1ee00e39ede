// One hint as it lies in the hint store (docs/formats/hint.md): who it is for, which key, since when, and the object.
//
// There is one record for a target and a key: a second hint is merged into it, so a hot key written a thousand times
// while its replica is away is delivered once.

import Keys
import World

struct HintRecord: Hashable {
    var since: WallTime
    var object: [UInt8]

    private static let format: UInt8 = 1

    func encode() -> [UInt8] {
        var w = ByteWriter(capacity: object.count + 16)
        w.byte(HintRecord.format)
        w.varint(since.milliseconds)
        w.raw(object)
        return w.bytes
    }

    init(since: WallTime, object: [UInt8]) {
        self.since = since
        self.object = object
    }

    init(decoding bytes: [UInt8]) throws(DecodingFailure) {
        var r = ByteReader(bytes)
        since = try HintRecord.readSince(&r)
        object = Array(try r.raw(r.remaining))
    }

    /// The first part of a record alone.
    static func since(_ bytes: [UInt8]) throws(DecodingFailure) -> WallTime {
        var r = ByteReader(bytes)
        return try readSince(&r)
    }

    private static func readSince(_ r: inout ByteReader) throws(DecodingFailure) -> WallTime {
        let version = try r.byte()
        guard version == HintRecord.format else { throw .unknownVersion(version) }
        return WallTime(milliseconds: try r.varint())
    }
}

/// `h` ‖ target ‖ 00 ‖ stored key: all hints of a target lie together, in ring order. A node's name has no zero byte.
enum HintKey {
    static func bytes(target: NodeID, key: [UInt8]) -> [UInt8] { prefix(target) + key }
    static func prefix(_ target: NodeID) -> [UInt8] { [0x68] + Array(target.name.utf8) + [0] }
    static let all = KeyRange(prefix: [0x68])

    static func parse(_ bytes: [UInt8]) -> (target: NodeID, key: [UInt8])? {
        guard bytes.first == 0x68, let zero = bytes.firstIndex(of: 0),
            let name = String(validating: bytes[1..<zero], as: UTF8.self), let target = NodeID(name)
        else { return nil }
        return (target, Array(bytes[(zero + 1)...]))
    }
}
