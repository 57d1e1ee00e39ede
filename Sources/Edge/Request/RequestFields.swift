// The fields of a request's head that mean something here, gathered in one pass over all that came: every request goes
// through here.

/// A field that something is done with, by its name in lower case.
package enum RequestField: String, Sendable {
    case accept
    case authorization
    case connection
    case cookie
    case atollContext = "atoll-context"
    case atollLocation = "atoll-location"
    case atollNewOwner = "atoll-new-owner"
    case atollOperation = "atoll-operation"
    case prefer
    case atollOwner = "atoll-owner"
    case contentEncoding = "content-encoding"
    case contentLength = "content-length"
    case contentRange = "content-range"
    case contentType = "content-type"
    case expect
    /// From which site a browser sends it (Fetch Metadata).
    case fetchSite = "sec-fetch-site"
    /// What proxies say of the client.
    case forwardedFor = "x-forwarded-for"
    case host
    case idempotencyKey = "idempotency-key"
    case ifMatch = "if-match"
    case ifNoneMatch = "if-none-match"
    case ifRange = "if-range"
    case lastEventID = "last-event-id"
    case origin
    case range
    case socketKey = "sec-websocket-key"
    case socketProtocol = "sec-websocket-protocol"
    case socketVersion = "sec-websocket-version"
    case transferEncoding = "transfer-encoding"
    case upgrade
}

/// The known fields of one head, in the order in which they came.
package struct RequestFields: Sendable {
    /// Of all fields as they travelled, unknown ones too.
    private(set) var bytes = 0
    private(set) var count = 0
    private var known: [(field: RequestField, value: String)] = []

    package init() { known.reserveCapacity(4) }

    /// Takes the next field of the head.
    package mutating func take(_ name: String, _ value: String) {
        bytes += name.utf8.count + value.utf8.count + 4
        count += 1
        if let field = RequestFields.field(name) { known.append((field, value)) }
    }

    // By place, so that the values of the others are not copied to be looked past.

    package func first(_ field: RequestField) -> String? {
        known.indices.first { known[$0].field == field }.map { known[$0].value }
    }

    package func has(_ field: RequestField) -> Bool { known.contains { $0.field == field } }

    /// Exactly one of them came.
    func isSingle(_ field: RequestField) -> Bool { known.count { $0.field == field } == 1 }

    package func all(_ field: RequestField) -> [String] { known.filter { $0.field == field }.map(\.value) }

    /// Several lines of a field are one list (RFC 9110, 5.3).
    package func list(_ field: RequestField) -> String? {
        var list: String?
        for place in known.indices where known[place].field == field {
            list = list.map { "\($0),\(known[place].value)" } ?? known[place].value
        }
        return list
    }

    /// Most fields of a request are none of these: their lengths alone tell.
    private static func field(_ name: String) -> RequestField? {
        switch name.utf8.count {
        case 4 where name.isField("host"): .host
        case 5 where name.isField("range"): .range
        case 6 where name.isField("accept"): .accept
        case 6 where name.isField("cookie"): .cookie
        case 6 where name.isField("expect"): .expect
        case 6 where name.isField("origin"): .origin
        case 6 where name.isField("prefer"): .prefer
        case 7 where name.isField("upgrade"): .upgrade
        case 8 where name.isField("if-match"): .ifMatch
        case 8 where name.isField("if-range"): .ifRange
        case 10 where name.isField("connection"): .connection
        case 11 where name.isField("atoll-owner"): .atollOwner
        case 12 where name.isField("content-type"): .contentType
        case 13 where name.isField("atoll-context"): .atollContext
        case 13 where name.isField("authorization"): .authorization
        case 13 where name.isField("if-none-match"): .ifNoneMatch
        case 13 where name.isField("content-range"): .contentRange
        case 13 where name.isField("last-event-id"): .lastEventID
        case 14 where name.isField("content-length"): .contentLength
        case 14 where name.isField("atoll-location"): .atollLocation
        case 15 where name.isField("atoll-new-owner"): .atollNewOwner
        case 15 where name.isField("atoll-operation"): .atollOperation
        case 14 where name.isField("sec-fetch-site"): .fetchSite
        case 15 where name.isField("idempotency-key"): .idempotencyKey
        case 15 where name.isField("x-forwarded-for"): .forwardedFor
        case 16 where name.isField("content-encoding"): .contentEncoding
        case 17 where name.isField("sec-websocket-key"): .socketKey
        case 17 where name.isField("transfer-encoding"): .transferEncoding
        case 21 where name.isField("sec-websocket-version"): .socketVersion
        case 22 where name.isField("sec-websocket-protocol"): .socketProtocol
        default: nil
        }
    }
}

extension String {
    /// Names of fields are caseless; `field` is in lower case. Every request comes through here several times, so the
    /// bytes are looked at where they lie.
    fileprivate func isField(_ field: StaticString) -> Bool {
        let known = UnsafeBufferPointer(start: field.utf8Start, count: field.utf8CodeUnitCount)
        return utf8.withContiguousStorageIfAvailable { name in
            name.count == known.count && name.indices.allSatisfy { name[$0] | 0x20 == known[$0] }
        } ?? utf8.elementsEqual(known) { $0 | 0x20 == $1 }
    }
}

extension StringProtocol {
    /// Of a `Content-Type`: type and subtype without parameters, in lower case (RFC 9110, 8.3.1).
    package var mediaType: String { prefix { $0 != ";" }.trimmed.lowercased() }

    /// Without the blanks and tabs around it.
    package var trimmed: SubSequence {
        var text = self[...]
        while let first = text.unicodeScalars.first, first == " " || first == "\t" {
            text = text[text.unicodeScalars.index(after: text.startIndex)...]
        }
        while let last = text.unicodeScalars.last, last == " " || last == "\t" {
            text = text[..<text.unicodeScalars.index(before: text.endIndex)]
        }
        return text
    }

    /// The elements of a list (RFC 9110, 5.6.1), in lower case, the empty ones left out.
    var listElements: [String] {
        split(separator: ",").map { $0.trimmed.lowercased() }.filter { !$0.isEmpty }
    }
}
