// The bytes of messages about live reads (docs/formats/live.md). They travel as one opaque message between nodes, and
// have a version of their own.

import DataTypes
import Causality
import JSON
import Keys
package import World

extension LiveMessage {
    private static let version: UInt8 = 1

    private enum Kind: UInt8 {
        case watch, unwatch, renew, read, changes, notice, refused, unknown, contents, changed, say, said
    }

    package func encode() -> [UInt8] {
        var w = ByteWriter(capacity: 256)
        w.byte(LiveMessage.version)
        w.byte(kind.rawValue)
        switch self {
        case .watch(let stream, let isFirst, let orders):
            w.stream(stream)
            w.flag(isFirst)
            w.list(orders) { $0.order($1) }
        case .unwatch(let stream, let ids):
            w.stream(stream)
            w.list(ids) { $0.varint(UInt64($1)) }
        case .renew(let stream, let confirmed, let count, let digest):
            w.stream(stream)
            w.varint(confirmed)
            w.varint(count)
            w.fixed64(digest)
        case .read(let key): w.counted(key)
        case .changes(let ask, let target, let since):
            w.varint(ask)
            w.target(target)
            w.mark(since)
        case .notice(let notice): w.notice(notice)
        case .refused(let stream, let ids, let reason):
            w.stream(stream)
            w.list(ids) { $0.varint(UInt64($1)) }
            w.byte(reason.rawValue)
        case .unknown(let stream): w.stream(stream)
        case .contents(let item): w.item(item)
        case .changed(let ask, let keys):
            w.varint(ask)
            w.optional(keys) { writer, keys in writer.list(keys) { $0.counted($1) } }
        case .say(let words), .said(let words): w.words(words)
        }
        return w.bytes
    }

    private var kind: Kind {
        switch self {
        case .watch: .watch
        case .unwatch: .unwatch
        case .renew: .renew
        case .read: .read
        case .changes: .changes
        case .notice: .notice
        case .refused: .refused
        case .unknown: .unknown
        case .contents: .contents
        case .changed: .changed
        case .say: .say
        case .said: .said
        }
    }

    /// Throws on anything that `encode` would not have written, or that is beyond a limit.
    package init(decoding bytes: [UInt8]) throws(DecodingFailure) {
        guard bytes.count <= Limits.frameBytes else { throw .overlong }
        var r = ByteReader(bytes)
        let version = try r.byte()
        guard version == LiveMessage.version else { throw .unknownVersion(version) }
        guard let kind = Kind(rawValue: try r.byte()) else { throw .malformed("an unknown kind of live message") }
        self = try LiveMessage.read(kind, &r)
        try r.finish()
    }

    private static func read(_ kind: Kind, _ r: inout ByteReader) throws(DecodingFailure) -> LiveMessage {
        switch kind {
        case .watch:
            let (stream, isFirst) = (try r.stream(), try r.flag())
            let orders = try r.list(Limits.liveOrders) { r throws(DecodingFailure) in try r.order() }
            return .watch(stream, isFirst: isFirst, orders)
        case .unwatch: return .unwatch(try r.stream(), try r.watchIDs())
        case .renew:
            return .renew(
                try r.stream(), confirmed: try r.varint(), count: try r.varint(), digest: try r.fixed64())
        case .read: return .read(key: try r.storedKey())
        case .changes: return .changes(ask: try r.varint(), try r.target(), since: try r.mark())
        case .notice: return .notice(try r.notice())
        case .refused:
            let (stream, ids) = (try r.stream(), try r.watchIDs())
            guard let reason = WatchRefusal(rawValue: try r.byte()) else { throw .malformed("an unknown refusal") }
            return .refused(stream, ids, reason)
        case .unknown: return .unknown(try r.stream())
        case .contents: return .contents(try r.item())
        case .changed:
            let ask = try r.varint()
            guard try r.flag() else { return .changed(ask: ask, keys: nil) }
            let keys = try r.list(Limits.liveDirtyKeys) { r throws(DecodingFailure) in try r.storedKey() }
            return .changed(ask: ask, keys: keys)
        case .say: return .say(try r.words())
        case .said: return .said(try r.words())
        }
    }
}

extension ByteWriter {
    fileprivate mutating func list<T>(_ things: [T], _ write: (inout ByteWriter, T) -> Void) {
        varint(UInt64(things.count))
        for thing in things { write(&self, thing) }
    }

    fileprivate mutating func stream(_ stream: LiveStream) {
        varint(stream.life)
        varint(stream.count)
    }

    mutating func mark(_ mark: ChangeMark) {
        varint(mark.life)
        varint(UInt64(mark.shard))
        varint(mark.position)
    }

    fileprivate mutating func order(_ order: WatchOrder) {
        varint(UInt64(order.id))
        target(order.target)
        flag(order.isSource)
        optional(order.since) { $0.mark($1) }
    }

    fileprivate mutating func item(_ item: LiveItem) {
        counted(item.key)
        switch item.state {
        case .object(let bytes):
            flag(true)
            counted(bytes)
        case .versions(let versions):
            flag(false)
            self.versions(versions)
        }
    }

    fileprivate mutating func words(_ words: LiveWords) {
        counted(words.key)
        fixed64(words.from.high)
        fixed64(words.from.low)
        counted(words.data)
    }

    fileprivate mutating func notice(_ notice: LiveNotice) {
        stream(notice.stream)
        varint(notice.number)
        varint(notice.life)
        list(notice.opened) { writer, opened in
            writer.varint(UInt64(opened.id))
            writer.varint(UInt64(opened.shard))
        }
        list(notice.items) { $0.item($1) }
        list(notice.reached) { writer, reached in
            writer.varint(UInt64(reached.shard))
            writer.varint(reached.position)
        }
    }
}

extension ByteReader {
    fileprivate mutating func list<T>(
        _ limit: Int, _ read: (inout ByteReader) throws(DecodingFailure) -> T
    ) throws(DecodingFailure) -> [T] {
        var things: [T] = []
        for _ in 0..<(try count(atMost: limit)) { things.append(try read(&self)) }
        return things
    }

    fileprivate mutating func stream() throws(DecodingFailure) -> LiveStream {
        LiveStream(life: try varint(), count: try varint())
    }

    mutating func mark() throws(DecodingFailure) -> ChangeMark {
        ChangeMark(life: try varint(), shard: try count(atMost: Limits.liveShards), position: try varint())
    }

    fileprivate mutating func storedKey() throws(DecodingFailure) -> [UInt8] {
        try StoredKey(decoding: try counted(atMost: Limits.storedKeyBytes)).bytes
    }

    fileprivate mutating func watchID() throws(DecodingFailure) -> UInt32 { UInt32(try varint(below: 1 << 32)) }

    fileprivate mutating func watchIDs() throws(DecodingFailure) -> [UInt32] {
        try list(Limits.liveOrders) { r throws(DecodingFailure) in try r.watchID() }
    }

    fileprivate mutating func order() throws(DecodingFailure) -> WatchOrder {
        WatchOrder(
            id: try watchID(), target: try target(), isSource: try flag(),
            since: try optional { r throws(DecodingFailure) in try r.mark() })
    }

    fileprivate mutating func item() throws(DecodingFailure) -> LiveItem {
        let key = try storedKey()
        guard try flag() else { return LiveItem(key: key, state: .versions(try versions())) }
        return LiveItem(key: key, state: .object(try counted(atMost: Limits.objectBytes)))
    }

    /// What is no JSON would break the texts that it becomes a part of.
    fileprivate mutating func words() throws(DecodingFailure) -> LiveWords {
        let key = try storedKey()
        let from = Writer(high: try fixed64(), low: try fixed64())
        let data = try counted(atMost: Limits.saidBytes)
        guard (try? JSONValue.decode(data)) != nil, !data.contains(0x0A), !data.contains(0x0D) else {
            throw .malformed("what is said is no JSON of one line")
        }
        return LiveWords(key: key, from: from, data: data)
    }

    fileprivate mutating func notice() throws(DecodingFailure) -> LiveNotice {
        var notice = LiveNotice(stream: try stream(), number: try varint(), life: try varint())
        notice.opened = try list(Limits.liveOrders) { r throws(DecodingFailure) in
            OpenedWatch(id: try r.watchID(), shard: try r.count(atMost: Limits.liveShards))
        }
        notice.items = try list(Limits.liveTurnKeys) { r throws(DecodingFailure) in try r.item() }
        notice.reached = try list(Limits.liveShards) { r throws(DecodingFailure) in
            ReachedPosition(shard: try r.count(atMost: Limits.liveShards), position: try r.varint())
        }
        return notice
    }
}
