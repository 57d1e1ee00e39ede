// What a gateway's outcome looks like over HTTP: the value, the siblings, the list, the account.

import JSON
package import Keys
import Causality
import DataTypes
import Gateway
import Ring
package import Wire
package import World

package enum ObjectResponses {
    /// - Parameters:
    ///   - accept: the request's Accept header; siblings come as multipart/mixed where it prefers that.
    ///   - chance: 128 random bits.
    static func read(
        _ object: StoredObject?, _ account: Account?, key: StoredKey, resolveLatest: Bool, accept: String?,
        wall: WallTime, chance: () -> UInt128
    ) -> HTTPResponse {
        var response: HTTPResponse
        if var object {
            object.hideExpired(at: wall)
            response = values(distinct(object.values), resolveLatest: resolveLatest, accept: accept, chance)
            response.headers.add(CausalContext(of: object), for: key)
        } else {
            response = HTTPResponse(Problem.notFound("no replica that answered has ever seen it"))
        }
        if let account { response.headers.add(account) }
        return response
    }

    /// What a shard of this very node said of `key`.
    package static func own(
        _ reply: ReplicaReply, key: StoredKey, accept: String?, wall: WallTime, chance: () -> UInt128
    ) -> HTTPResponse {
        switch reply {
        case .object(let bytes):
            do {
                let object = try bytes.map { try StoredObject(decoding: $0) }
                return read(object, nil, key: key, resolveLatest: false, accept: accept, wall: wall, chance: chance)
            } catch {
                return HTTPResponse(
                    Problem(500, "unreadable", "What is stored here cannot be read", "the object is damaged: \(error)"))
            }
        case .refused(let refusal) where refusal.code == .stopped: return HTTPResponse(Problem.stopping)
        // Its mailbox is full: that says nothing about what is stored.
        default: return HTTPResponse(Problem.overloaded)
        }
    }

    private static func values(
        _ values: [Sibling], resolveLatest: Bool, accept: String?, _ chance: () -> UInt128
    ) -> HTTPResponse {
        guard let newest = values.max(by: { ($0.time, $0.dot) < ($1.time, $1.dot) }) else {
            return HTTPResponse(Problem.notFound("it was deleted, or its time is over"))
        }
        if values.count == 1 || resolveLatest { return value(newest) }
        if AcceptHeader.prefersMultipart(accept) { return multipart(values, chance()) }
        return HTTPResponse(300, [("content-type", "application/json")], body: json(values))
    }

    /// A write that was tried twice on different replicas leaves the same value twice: that is one value.
    private static func distinct(_ siblings: [Sibling]) -> [Sibling] {
        guard siblings.count > 1 else { return siblings }
        return siblings.enumerated().filter { index, sibling in
            !siblings[..<index].contains {
                isSame($0.payload, sibling.payload) && $0.contentType == sibling.contentType
            }
        }.map(\.element)
    }

    private static func isSame(_ a: Payload, _ b: Payload) -> Bool {
        guard case .value(let a) = a, case .value(let b) = b else { return a == b }
        return a.isEqual(b)
    }

    private static func value(_ sibling: Sibling) -> HTTPResponse {
        guard case .value(let bytes) = sibling.payload else { return HTTPResponse(404) }
        let type = sibling.contentType.isEmpty ? "application/octet-stream" : sibling.contentType
        return HTTPResponse(200, [("content-type", type)], body: AnswerBody(bytes))
    }

    static func written(
        _ object: StoredObject, created: Bool, _ account: Account, key: StoredKey, after context: [UInt8]?
    ) -> HTTPResponse {
        var response = HTTPResponse(created ? 201 : 204)
        let seen = context.flatMap { try? CausalContext(decoding: $0, for: key.bytes) }
        if let now = CausalContext.written(object, after: seen) { response.headers.add(now, for: key) }
        response.headers.add(account)
        return response
    }

    // MARK: Several values

    private static func json(_ siblings: [Sibling]) -> AnswerBody {
        var body = JSONBody()
        body.text.open("{")
        describe(siblings, &body)
        body.text.close("}")
        return body.end()
    }

    private static func describe(_ siblings: [Sibling], _ body: inout JSONBody) {
        body.text.key("siblings")
        body.text.open("[")
        for sibling in siblings {
            body.text.open("{")
            describe(sibling, &body)
            body.text.close("}")
        }
        body.text.close("]")
    }

    private static func describe(_ sibling: Sibling, _ body: inout JSONBody) {
        body.text.member(
            "content_type", .string(sibling.contentType.isEmpty ? "application/octet-stream" : sibling.contentType))
        body.text.member("time_ms", .int(Int(sibling.time.wall.milliseconds)))
        if let end = sibling.expiresAt { body.text.member("expires_ms", .int(Int(clamping: end.milliseconds))) }
        switch sibling.payload {
        case .value(let bytes): body.member("value", bytes: bytes)
        case .tombstone: body.text.member("deleted", .bool(true))
        }
    }

    private static func multipart(_ siblings: [Sibling], _ chance: UInt128) -> HTTPResponse {
        // 128 random bits stand in no value (RFC 2046, 5.1.1), and to look for them would take a pass over all.
        let boundary = "atoll-sibling-" + String(chance, radix: 36)
        var parts: [AnswerBody.Part] = []
        for sibling in siblings {
            guard case .value(let bytes) = sibling.payload else { continue }
            let type = sibling.contentType.isEmpty ? "application/octet-stream" : sibling.contentType
            let start = parts.isEmpty ? "" : "\r\n"
            let head = "\(start)--\(boundary)\r\nContent-Type: \(type)\r\nContent-Length: \(bytes.count)\r\n\r\n"
            parts += [.bytes(Array(head.utf8)[...]), .bytes(bytes)]
        }
        parts.append(.bytes(Array("\r\n--\(boundary)--\r\n".utf8)[...]))
        let type = "multipart/mixed; boundary=\(boundary)"
        return HTTPResponse(300, [("content-type", type)], body: AnswerBody(parts))
    }

    // MARK: Lists

    static func list(
        _ items: [ListedItem], next: ListContinuation?, reverse: Bool, _ account: Account, wall: WallTime
    ) -> HTTPResponse {
        var body = JSONBody()
        body.text.open("{")
        body.text.key("items")
        body.text.open("[")
        body.reserve(items)
        // By their places, since a loop over the items would copy each.
        for place in items.indices {
            if body.addPlain(items[place]) { continue }
            let item = items[place]
            guard let sortKey = StoredKey.sortKey(of: item.key) else { continue }
            body.text.open("{")
            body.text.member("sort", bytes: sortKey)
            body.text.member("context", base64: CausalContext(of: item.object).encode(for: item.key))
            describe(item.object, &body)
            body.text.close("}")
        }
        body.text.close("]")
        describe(next, reverse, &body.text)
        body.text.close("}")
        var response = HTTPResponse.json(body.end())
        response.headers.add(account)
        return response
    }

    /// The value of an item, or several.
    private static func describe(_ object: StoredObject, _ body: inout JSONBody) {
        if object.values.isEmpty, let value = object.typedObject?.value() {
            body.text.member("content_type", .string("application/json"))
            if let end = object.typedObject?.expiresAt {
                body.text.member("expires_ms", .int(Int(clamping: end.milliseconds)))
            }
            body.text.key("value")
            return body.text.element(value)
        }
        // Nearly all have one, and no array is made for it.
        if object.siblings.count == 1 { return describe(object.siblings[0], &body) }
        let values = distinct(object.values)
        if values.count == 1 { describe(values[0], &body) } else { describe(values, &body) }
    }

    /// `next` is the value for `start` (for `end` where the list runs backward) that continues the list; null at its
    /// end.
    private static func describe(_ next: ListContinuation?, _ reverse: Bool, _ text: inout JSONWriter) {
        let place: [UInt8]? =
            switch next {
            case .at(let key): StoredKey.sortKey(of: key).map { reverse ? $0 + [0] : $0 }
            case .after(let key): StoredKey.sortKey(of: key).map { reverse ? $0 : $0 + [0] }
            case nil: nil
            }
        guard let place else { return text.member("next", .null) }
        text.member("next", bytes: place)
        text.member("next_parameter", .string("\(reverse ? "end" : "start")=\(place.percentEncoded)"))
    }
}
