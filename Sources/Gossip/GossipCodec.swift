// A gossip message as bytes; docs/formats/gossip.md is the authority.
//
//     version:1  seal:8  kind:1  digests  deltas
//
// Sizes are computed before anything is packed, because a message must fill its budget and never exceed it.

import World

enum GossipCodec {
    static let version: UInt8 = 1
    /// Version, seal, kind.
    static let headerSize = 10
    /// The header and two counts, of three bytes at the most: no message has 2^21 parts.
    static let envelopeSize = headerSize + 6
    private static let sealOffset = 1
    /// The seal covers everything behind itself.
    private static let sealedOffset = 9
    /// The shortest of each that the format allows: they bound what a count may claim.
    private static let smallestDigest = 6
    static let smallestDelta = 8
    private static let smallestEntry = 4

    // MARK: Sizes

    static func size(_ d: Digest) -> Int {
        1 + d.id.name.utf8.count + ByteWriter.size(ofVarint: d.generation) + ByteWriter.size(ofVarint: d.heartbeat)
            + ByteWriter.size(ofVarint: d.version)
            + ByteWriter.size(ofVarint: d.floor)
    }

    /// An upper bound for a delta without its entries, whatever part of `count` entries it will hold.
    static func headerSize(_ id: NodeID, generation: UInt64, from: UInt64, floor: UInt64, latest: UInt64, count: Int)
        -> Int
    {
        1 + id.name.utf8.count + ByteWriter.size(ofVarint: generation) + ByteWriter.size(ofVarint: from)
            + ByteWriter.size(ofVarint: floor)
            + 2 * ByteWriter.size(ofVarint: latest - from) + ByteWriter.size(ofVarint: UInt64(count))
    }

    static func size(_ e: Entry, after previous: UInt64) -> Int {
        let key = e.key.utf8.count
        let value = e.value?.count ?? -1
        return ByteWriter.size(ofVarint: e.version - previous) + ByteWriter.size(ofVarint: UInt64(key)) + key
            + ByteWriter.size(ofVarint: UInt64(value + 1))
            + max(value, 0)
    }

    /// The longest key and value together that one message of `budget` bytes always carries.
    static func largestEntry(budget: Int) -> Int {
        let counter = ByteWriter.size(ofVarint: Limits.gossipCounter - 1)
        let header = 1 + Limits.nodeNameBytes + 5 * counter + 2
        return budget - envelopeSize - header - (counter + 2 + 3)
    }

    // MARK: Writing

    static func encode(_ message: GossipMessage, seal: MessageSeal, from sender: NodeID, to addressee: NodeID)
        -> [UInt8]
    {
        var w = ByteWriter(capacity: Limits.gossipDatagramBytes)
        w.byte(version)
        w.fixed64(0)
        w.byte(message.kind.rawValue)
        w.varint(UInt64(message.digests.count))
        for d in message.digests {
            w.counted(d.id.name)
            w.varint(d.generation)
            w.varint(d.heartbeat)
            w.varint(d.version)
            w.varint(d.floor)
        }
        w.varint(UInt64(message.deltas.count))
        for d in message.deltas { write(d, to: &w) }
        let value = seal.of(w.bytes, from: sealedOffset, sender: sender, addressee: addressee)
        w.overwrite(at: sealOffset, littleEndian: value)
        return w.bytes
    }

    private static func write(_ d: Delta, to w: inout ByteWriter) {
        w.counted(d.id.name)
        w.varint(d.generation)
        w.varint(d.from)
        w.varint(d.floor)
        w.varint(d.end - d.from)
        w.varint(d.latest - d.end)
        w.varint(UInt64(d.entries.count))
        var previous = d.from
        for e in d.entries {
            w.varint(e.version - previous)
            w.counted(e.key)
            if let value = e.value {
                w.varint(UInt64(value.count) + 1)
                w.raw(value)
            } else {
                w.varint(0)
            }
            previous = e.version
        }
    }

    // MARK: Reading

    static func decode(_ bytes: [UInt8], seal: MessageSeal, from sender: NodeID, to addressee: NodeID)
        throws(GossipRejection) -> GossipMessage
    {
        guard bytes.count <= Limits.gossipBytes else { throw .oversized }
        guard bytes.count >= headerSize + 2 else { throw .malformed }
        guard bytes[0] == version else { throw .unknownVersion }
        var claimed: UInt64 = 0
        for i in 0..<8 { claimed |= UInt64(bytes[sealOffset + i]) << UInt64(8 * i) }
        guard claimed == seal.of(bytes, from: sealedOffset, sender: sender, addressee: addressee) else {
            throw .brokenSeal
        }
        return try contents(bytes)
    }

    /// The sealed part. A seal is no proof of good will, so everything in it is checked as if it came from a stranger.
    static func contents(_ bytes: [UInt8]) throws(GossipRejection) -> GossipMessage {
        do { return try readContents(bytes) } catch { throw .malformed }
    }

    private static func readContents(_ bytes: [UInt8]) throws(DecodingFailure) -> GossipMessage {
        var r = ByteReader(bytes, from: sealedOffset)
        guard let kind = GossipMessage.Kind(rawValue: try r.byte()) else { throw .malformed("a kind of message") }
        var message = GossipMessage(kind: kind)
        let digests = try r.count(each: smallestDigest)
        message.digests.reserveCapacity(digests)
        for _ in 0..<digests {
            let d = try readDigest(&r)
            // Ascending: nobody is named twice, and the receiver merges in one pass.
            if let last = message.digests.last {
                guard last.id < d.id else { throw .malformed("digests out of order") }
            }
            message.digests.append(d)
        }
        let deltas = try r.count(each: smallestDelta)
        message.deltas.reserveCapacity(deltas)
        for _ in 0..<deltas { message.deltas.append(try readDelta(&r)) }
        try r.finish()
        switch kind {
        case .syn: guard message.deltas.isEmpty else { throw .malformed("deltas in a first message") }
        case .ack: break
        case .ack2: guard message.digests.isEmpty else { throw .malformed("digests in a last message") }
        }
        return message
    }

    private static func readDigest(_ r: inout ByteReader) throws(DecodingFailure) -> Digest {
        Digest(
            id: try r.nodeID(), generation: try r.counter(), heartbeat: try r.counter(), version: try r.counter(),
            floor: try r.counter())
    }

    private static func readDelta(_ r: inout ByteReader) throws(DecodingFailure) -> Delta {
        let id = try r.nodeID()
        let generation = try r.counter()
        let from = try r.counter()
        let floor = try r.counter()
        // No sum overflows: each term lies below 2^62.
        let end = from + (try r.counter())
        guard end < Limits.gossipCounter else { throw .overlong }
        let latest = end + (try r.counter())
        guard generation > 0, latest < Limits.gossipCounter, floor <= latest else {
            throw .malformed("versions of a delta")
        }
        let count = try r.count(each: smallestEntry)
        // An owner holds `gossipKeys` at a time, so no copy of its state has more.
        guard count <= Limits.gossipKeys else { throw .overlong }
        var entries: [Entry] = []
        entries.reserveCapacity(count)
        var previous = from
        for _ in 0..<count {
            let step = try r.counter()
            guard step > 0, step <= end - previous else { throw .malformed("versions out of order") }
            previous += step
            let key = try r.countedString(atMost: Limits.gossipKeyBytes)
            guard !key.isEmpty else { throw .malformed("an empty key") }
            let length = try r.varint(below: UInt64(Limits.gossipValueBytes) + 2)
            let value = length == 0 ? nil : [UInt8](try r.raw(Int(length) - 1))
            entries.append(Entry(version: previous, key: key, value: value))
        }
        return Delta(
            id: id, generation: generation, from: from, floor: floor, end: end, latest: latest, entries: entries)
    }
}

extension ByteReader {
    fileprivate mutating func counter() throws(DecodingFailure) -> UInt64 { try varint(below: Limits.gossipCounter) }
}
