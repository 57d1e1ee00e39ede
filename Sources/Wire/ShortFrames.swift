// The messages that nearly all traffic between nodes is made of, laid out by hand (docs/formats/peer.md, "Short
// frames"): as protocol buffers each of their fields costs two allocations, on either side.
//
// A short frame begins with a byte that no protocol buffer begins with: a tag has the number of a field, which is at
// least 1, from its fourth bit on.

import World

enum ShortFrame: UInt8 {
    case merges = 1
    case stored = 2
    case read = 3
    case object = 4
    /// As `merges`, of what repair and hints bring.
    case repairs = 5
    case mergeEach = 6

    /// Nil if `message` travels as a protocol buffer.
    static func encode(_ message: PeerMessage) -> [UInt8]? {
        switch message {
        case .mergeRequests(let requests): encode(requests)
        case .storedReplies(let replies): encode(replies)
        case .request(let envelope):
            switch envelope.request {
            case .read(let key, let summaryOver): encode(envelope, key, summaryOver)
            case .mergeEach(let keys, let object): encode(envelope, keys, object)
            default: nil
            }
        case .reply(let envelope):
            if case .object(let object) = envelope.reply { encode(envelope, object) } else { nil }
        default: nil
        }
    }

    /// Nil if `bytes` are no short frame.
    static func decode(_ bytes: [UInt8]) throws(DecodingFailure) -> PeerMessage? {
        guard let first = bytes.first, let kind = ShortFrame(rawValue: first) else { return nil }
        var r = ByteReader(bytes, from: 1)
        let message =
            switch kind {
            case .merges: PeerMessage.mergeRequests(try r.merges(repair: false))
            case .repairs: PeerMessage.mergeRequests(try r.merges(repair: true))
            case .stored: PeerMessage.storedReplies(try r.stored())
            case .read: PeerMessage.request(try r.read())
            case .mergeEach: PeerMessage.request(try r.mergeEach())
            case .object: PeerMessage.reply(try r.object())
            }
        try r.finish()
        return message
    }

    private static func writer(_ kind: ShortFrame, _ capacity: Int) -> ByteWriter {
        var w = ByteWriter(capacity: capacity)
        w.byte(kind.rawValue)
        return w
    }

    /// A number takes ten bytes at most, and most take few.
    private static let itemBytes = 24

    private static func encode(_ requests: MergeRequests) -> [UInt8] {
        let size = requests.items.reduce(0) { $0 + $1.key.count + $1.object.count + itemBytes }
        var w = writer(requests.repair ? .repairs : .merges, size + itemBytes)
        w.varint(UInt64(requests.timeoutMs))
        w.varint(UInt64(requests.items.count))
        for item in requests.items {
            w.varint(item.id)
            w.counted(item.key)
            w.counted(item.object)
        }
        return w.bytes
    }

    private static func encode(_ replies: StoredReplies) -> [UInt8] {
        var w = writer(.stored, (replies.ids.count + 4) * 10)
        w.varint(UInt64(replies.inFlight))
        w.varint(UInt64(replies.serviceMicroseconds))
        w.varint(replies.clockMs)
        w.varint(UInt64(replies.ids.count))
        for id in replies.ids { w.varint(id) }
        return w.bytes
    }

    private static func encode(_ envelope: RequestEnvelope, _ key: [UInt8], _ summaryOver: Int) -> [UInt8] {
        var w = writer(.read, key.count + 2 * itemBytes)
        w.varint(envelope.id)
        w.varint(UInt64(envelope.timeoutMs))
        w.varint(UInt64(UInt32(clamping: summaryOver)))
        w.counted(key)
        return w.bytes
    }

    private static func encode(_ envelope: RequestEnvelope, _ keys: [[UInt8]], _ object: [UInt8]) -> [UInt8] {
        let size = keys.reduce(object.count) { $0 + $1.count + itemBytes }
        var w = writer(.mergeEach, size + 2 * itemBytes)
        w.varint(envelope.id)
        w.varint(UInt64(envelope.timeoutMs))
        w.counted(object)
        w.varint(UInt64(keys.count))
        for key in keys { w.counted(key) }
        return w.bytes
    }

    private static func encode(_ envelope: ReplyEnvelope, _ object: [UInt8]?) -> [UInt8] {
        var w = writer(.object, (object?.count ?? 0) + 2 * itemBytes)
        w.varint(envelope.id)
        w.varint(UInt64(envelope.inFlight))
        w.varint(UInt64(envelope.serviceMicroseconds))
        w.varint(envelope.clockMs)
        w.optional(object) { $0.counted($1) }
        return w.bytes
    }
}

extension ByteReader {
    fileprivate mutating func number() throws(DecodingFailure) -> UInt32 {
        UInt32(truncatingIfNeeded: try varint(below: 1 << 32))
    }

    fileprivate mutating func merges(repair: Bool) throws(DecodingFailure) -> MergeRequests {
        let timeoutMs = try number()
        var items: [MergeRequests.Item] = []
        // An item has an id and two lengths.
        let count = try count(each: 3)
        guard count <= Limits.batchRequests else { throw .overlong }
        items.reserveCapacity(count)
        for _ in 0..<count {
            items.append(
                MergeRequests.Item(
                    id: try varint(), key: try counted(atMost: Limits.storedKeyBytes),
                    object: try counted(atMost: Limits.objectBytes)))
        }
        return MergeRequests(timeoutMs: timeoutMs, repair: repair, items: items)
    }

    fileprivate mutating func stored() throws(DecodingFailure) -> StoredReplies {
        let (inFlight, service, clockMs) = (try number(), try number(), try varint())
        let count = try count(atMost: Limits.batchRequests)
        guard count <= remaining else { throw .truncated }
        var ids: [UInt64] = []
        ids.reserveCapacity(count)
        for _ in 0..<count { ids.append(try varint()) }
        return StoredReplies(ids: ids, inFlight: inFlight, serviceMicroseconds: service, clockMs: clockMs)
    }

    fileprivate mutating func read() throws(DecodingFailure) -> RequestEnvelope {
        let (id, timeoutMs, summaryOver) = (try varint(), try number(), try number())
        let key = try counted(atMost: Limits.storedKeyBytes)
        return RequestEnvelope(
            id: id, timeoutMs: timeoutMs, request: .read(key: key, summaryOver: Int(summaryOver)))
    }

    fileprivate mutating func mergeEach() throws(DecodingFailure) -> RequestEnvelope {
        let (id, timeoutMs, object) = (try varint(), try number(), try counted(atMost: Limits.objectBytes))
        var keys: [[UInt8]] = []
        let count = try count(each: 1)
        guard (1...Limits.insertedKeys).contains(count), count == 1 || object.count * count <= Limits.batchBytes else {
            throw .overlong
        }
        keys.reserveCapacity(count)
        for _ in 0..<count { keys.append(try counted(atMost: Limits.storedKeyBytes)) }
        return RequestEnvelope(id: id, timeoutMs: timeoutMs, request: .mergeEach(keys: keys, object: object))
    }

    fileprivate mutating func object() throws(DecodingFailure) -> ReplyEnvelope {
        let (id, inFlight, service, clockMs) = (try varint(), try number(), try number(), try varint())
        let object = try optional { r throws(DecodingFailure) in try r.counted(atMost: Limits.objectBytes) }
        return ReplyEnvelope(
            id: id, inFlight: inFlight, serviceMicroseconds: service, clockMs: clockMs, reply: .object(object))
    }
}
