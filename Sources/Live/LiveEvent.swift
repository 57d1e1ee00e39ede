// Events as they are written: Server-Sent Events (WHATWG HTML, 9.2) whose data is one line of JSON.
//
// What an event says of a key is made once for all who are told. It is a tail, to which each connection has its own
// beginning: the id, and the name of the watch as its client wrote it.

import DataTypes
import Causality
import JSON
import Keys
import World

/// What an event says of one key.
struct KeyEvent: Sendable {
    enum Kind { case value, siblings, document, gone }

    let kind: Kind
    /// When the newest of its writes was made; nil of a document, and where time alone has changed something.
    let time: HybridTime?
    /// The key's context.
    let version: [UInt8]
    /// The members of the JSON object after `watch`, its end, and the end of the event.
    let tail: ArraySlice<UInt8>
    /// Whether it may be kept: nothing in it ends with time.
    let lasts: Bool
    /// Of a document, until it was compared with what follows it.
    var document: ShownDocument?

    /// Nil if no replica has ever seen the key.
    init?(_ content: LiveContent, key: [UInt8], showsIDs: Bool = false, wall: WallTime) {
        switch content {
        case .opaque(let object):
            guard !object.versions.isEmpty else { return nil }
            self.init(object, key: key, showsIDs, wall: wall)
        }
    }

    private init(_ stored: StoredObject, key: [UInt8], _ showsIDs: Bool, wall: WallTime) {
        var object = stored
        object.hideExpired(at: wall)
        let hasEnded = stored.ends.contains { $0 <= wall }
        lasts = stored.ends.allSatisfy { $0 <= wall }
        version = CausalContext(of: object).encode(for: key)
        var json = JSONWriter()
        if let sortKey = StoredKey.sortKey(of: key) { json.member("sort", bytes: sortKey) }
        json.member("version", base64: version)
        let values = object.values
        if values.isEmpty { document = object.typedObject.flatMap { ShownDocument($0, showsIDs: showsIDs) } }
        if let document {
            (kind, time) = (.document, nil)
            json.member("content_type", .string("application/json"))
            if let end = object.typedObject?.expiresAt {
                json.member("expires_ms", .int(Int(clamping: end.milliseconds)))
            }
            if let actors = document.actors { json.member("actors", actors) }
            json.member("value", document.value)
        } else {
            kind = values.isEmpty ? .gone : values.count == 1 ? .value : .siblings
            time = hasEnded ? nil : object.latestTime
            KeyEvent.describe(values, object.latestTime, &json)
        }
        json.close("}")
        tail = (json.bytes + [0x0A, 0x0A])[...]
    }

    private static func describe(_ values: [Sibling], _ latest: HybridTime, _ json: inout JSONWriter) {
        if values.count == 1 {
            describe(values[0], &json)
        } else if values.isEmpty {
            // A document that was deleted has left no time.
            guard latest.bits > 0 else { return }
            json.member("time_ms", .int(Int(clamping: latest.wall.milliseconds)))
        } else {
            json.key("siblings")
            json.open("[")
            for value in values {
                json.open("{")
                describe(value, &json)
                json.close("}")
            }
            json.close("]")
        }
    }

    /// As in lists: `value` where it is text, `value_base64` where it is not.
    private static func describe(_ sibling: Sibling, _ json: inout JSONWriter) {
        json.member("time_ms", .int(Int(clamping: sibling.time.wall.milliseconds)))
        json.member(
            "content_type", .string(sibling.contentType.isEmpty ? "application/octet-stream" : sibling.contentType))
        if let end = sibling.expiresAt { json.member("expires_ms", .int(Int(clamping: end.milliseconds))) }
        if case .value(let bytes) = sibling.payload { json.member("value", bytes: bytes) }
    }

    /// By what the watch is of.
    func name(inRange: Bool) -> String {
        switch kind {
        case .value: inRange ? "item" : "value"
        case .siblings: inRange ? "item" : "siblings"
        case .document: inRange ? "item" : "document"
        case .gone: inRange ? "removed" : "deleted"
        }
    }
}

/// What is written to a connection at once: pieces, most of them shared with other connections.
struct EventBlock {
    private(set) var pieces: [ArraySlice<UInt8>] = []
    private(set) var sizeBytes = 0

    var isFull: Bool { sizeBytes >= Limits.liveWriteBytes }
    var isEmpty: Bool { pieces.isEmpty }

    private mutating func add(_ piece: ArraySlice<UInt8>) {
        pieces.append(piece)
        sizeBytes += piece.count
    }

    /// - Parameter head: from the bracket of the JSON object to the comma after `watch`.
    mutating func add(_ event: KeyEvent, inRange: Bool, id: String, head: ArraySlice<UInt8>) {
        start(event.name(inRange: inRange), id: id)
        add(head)
        add(event.tail)
    }

    /// What turns the document that the connection was shown last into the newest: `change` comes after `head`.
    mutating func add(_ change: [ArraySlice<UInt8>], id: String, head: ArraySlice<UInt8>) {
        start("change", id: id)
        for piece in [head] + change { add(piece) }
    }

    /// An event about a watch, and no key of it; with a number where it has one.
    mutating func add(_ name: String, watch: [UInt8], id: String, behindMs: Int? = nil) {
        start(name, id: id)
        var json = JSONWriter()
        json.open("{")
        json.member("watch", bytes: watch)
        if let behindMs { json.member("behind_ms", .int(behindMs)) }
        json.close("}")
        add((json.bytes + [0x0A, 0x0A])[...])
    }

    /// What somebody says.
    mutating func add(_ words: (from: Writer, data: [UInt8]), watch: [UInt8], id: String) {
        start("heard", id: id)
        var json = JSONWriter()
        json.open("{")
        json.member("watch", bytes: watch)
        json.member("from", .string(words.from.description))
        json.key("data")
        add(json.interrupt()[...])
        add(words.data[...])
        add(Array("}\n\n".utf8)[...])
    }

    /// A fresh id, and nothing else.
    mutating func addPosition(id: String) {
        start("at", id: id)
        add(Array("{}\n\n".utf8)[...])
    }

    /// A comment: it keeps the connection open.
    mutating func addHeartbeat() { add(Array(":\n\n".utf8)[...]) }

    private mutating func start(_ name: String, id: String) {
        add(Array("id: \(id)\nevent: \(name)\ndata: ".utf8)[...])
    }

    /// `{"watch":"…",`
    static func head(watch: [UInt8]) -> ArraySlice<UInt8> {
        var json = JSONWriter()
        json.open("{")
        json.member("watch", bytes: watch)
        return json.interrupt()[...]
    }
}
