// What a gateway's outcome looks like over HTTP: the value, the siblings, the list, the account.

import Causality
import Foundation
import Gateway
import Ring
import World

enum ObjectResponses {
    /// `accept`: the request's Accept header; siblings come as multipart/mixed where it prefers that.
    static func read(
        _ object: StoredObject?, _ account: Account?, key: StoredKey, resolveLatest: Bool, accept: String?,
        wall: WallTime
    ) -> HTTPResponse {
        var response: HTTPResponse
        if var object {
            object.expire(at: wall)
            response = values(distinct(object.values), resolveLatest: resolveLatest, accept: accept)
            response.headers.add(CausalContext(of: object), for: key)
        } else {
            response = HTTPResponse(Problem.notFound("no replica that answered has ever seen it"))
        }
        if let account { response.headers.add(account) }
        return response
    }

    private static func values(_ values: [Sibling], resolveLatest: Bool, accept: String?) -> HTTPResponse {
        guard let newest = values.max(by: { ($0.time, $0.dot) < ($1.time, $1.dot) }) else {
            return HTTPResponse(Problem.notFound("it was deleted, or its time is over"))
        }
        if values.count == 1 || resolveLatest { return value(newest) }
        if AcceptHeader.prefersMultipart(accept) { return multipart(values) }
        return HTTPResponse(300, [("content-type", "application/json")], body: json(values))
    }

    /// A write that was tried twice on different replicas leaves the same value twice: that is one value.
    private static func distinct(_ siblings: [Sibling]) -> [Sibling] {
        guard siblings.count > 1 else { return siblings }
        return siblings.enumerated().filter { index, sibling in
            !siblings[..<index].contains { $0.payload == sibling.payload && $0.contentType == sibling.contentType }
        }.map(\.element)
    }

    private static func value(_ sibling: Sibling) -> HTTPResponse {
        guard case .value(let bytes) = sibling.payload else { return HTTPResponse(404) }
        let type = sibling.contentType.isEmpty ? "application/octet-stream" : sibling.contentType
        return HTTPResponse(200, [("content-type", type)], body: bytes)
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

    private static func json(_ siblings: [Sibling]) -> [UInt8] {
        var text = JSONText()
        text.open("{")
        text.key("siblings")
        text.open("[")
        for sibling in siblings {
            text.open("{")
            describe(sibling, &text)
            text.close("}")
        }
        text.close("]")
        text.close("}")
        return text.bytes + [0x0A]
    }

    private static func describe(_ sibling: Sibling, _ text: inout JSONText) {
        text.member(
            "content_type", .string(sibling.contentType.isEmpty ? "application/octet-stream" : sibling.contentType))
        text.member("time_ms", .number(Int(sibling.time.wall.milliseconds)))
        if let end = sibling.expiresAt { text.member("expires_ms", .number(Int(clamping: end.milliseconds))) }
        switch sibling.payload {
        case .value(let bytes): describe("value", bytes, &text)
        case .tombstone: text.member("deleted", .bool(true))
        }
    }

    /// Text where the bytes are UTF-8, base64 under `NAME_base64` where they are not.
    private static func describe(_ name: String, _ bytes: [UInt8], _ text: inout JSONText) {
        if let string = String(validating: bytes, as: UTF8.self) {
            text.member(name, .string(string))
        } else {
            text.member(name + "_base64", .string(Data(bytes).base64EncodedString()))
        }
    }

    private static func multipart(_ siblings: [Sibling]) -> HTTPResponse {
        // A boundary no value contains: lengthened until that holds.
        var boundary = "atoll-sibling"
        while siblings.contains(where: { contains($0, boundary) }) { boundary += "-x" }
        var body: [UInt8] = []
        for sibling in siblings {
            guard case .value(let bytes) = sibling.payload else { continue }
            let type = sibling.contentType.isEmpty ? "application/octet-stream" : sibling.contentType
            body += Array("--\(boundary)\r\nContent-Type: \(type)\r\nContent-Length: \(bytes.count)\r\n\r\n".utf8)
            body += bytes + Array("\r\n".utf8)
        }
        body += Array("--\(boundary)--\r\n".utf8)
        return HTTPResponse(300, [("content-type", "multipart/mixed; boundary=\(boundary)")], body: body)
    }

    private static func contains(_ sibling: Sibling, _ boundary: String) -> Bool {
        guard case .value(let bytes) = sibling.payload else { return false }
        return Data(bytes).range(of: Data(boundary.utf8)) != nil
    }

    // MARK: Lists

    static func list(
        _ items: [ListedItem], next: ListContinuation?, reverse: Bool, _ account: Account, wall: WallTime
    ) -> HTTPResponse {
        var text = JSONText()
        text.open("{")
        text.key("items")
        text.open("[")
        for item in items {
            guard let key = try? StoredKey(decoding: item.key), let sortKey = key.sortKey else { continue }
            let values = distinct(item.object.values)
            text.open("{")
            describe("sort", sortKey, &text)
            text.member("context", .string(ContextHeader.text(CausalContext(of: item.object), for: key)))
            if values.count == 1 {
                describe(values[0], &text)
            } else {
                text.member("siblings", .raw(elements(values)))
            }
            text.close("}")
        }
        text.close("]")
        describe(next, reverse, &text)
        text.close("}")
        var response = HTTPResponse.json(text.bytes + [0x0A])
        response.headers.add(account)
        return response
    }

    private static func elements(_ siblings: [Sibling]) -> [UInt8] {
        var text = JSONText()
        text.open("[")
        for sibling in siblings {
            text.open("{")
            describe(sibling, &text)
            text.close("}")
        }
        text.close("]")
        return text.bytes
    }

    /// `next` is the value for `start` (for `end` where the list runs backward) that continues the list; null at its
    /// end.
    private static func describe(_ next: ListContinuation?, _ reverse: Bool, _ text: inout JSONText) {
        let place: [UInt8]? =
            switch next {
            case .at(let key): (try? StoredKey(decoding: key))?.sortKey.map { reverse ? $0 + [0] : $0 }
            case .after(let key): (try? StoredKey(decoding: key))?.sortKey.map { reverse ? $0 : $0 + [0] }
            case nil: nil
            }
        guard let place else { return text.member("next", .null) }
        describe("next", place, &text)
        text.member("next_parameter", .string("\(reverse ? "end" : "start")=\(percentEncoded(place))"))
    }

    private static func percentEncoded(_ bytes: [UInt8]) -> String {
        bytes.map { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: String(UnicodeScalar(byte))
            default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }.joined()
    }
}
