// What the fields of a head say about the request as such, gathered in one pass over them: every request goes through
// here.

import NIOHTTP1

struct HeadFields {
    /// Of all fields as they travelled.
    private(set) var bytes = 0
    private(set) var host: String?
    private(set) var hosts = 0
    private(set) var contentLength: String?
    /// Of several the elements together, as a list (RFC 9110, 5.3).
    private(set) var transferEncoding: String?
    private(set) var expect: String?
    /// Of several the first, if all are the same, else one that nobody has.
    private(set) var origin: String?
    private(set) var ifNoneMatch: String?
    private(set) var hasIfMatch = false
    private(set) var hasContentRange = false
    private(set) var hasContentEncoding = false
    private(set) var offersUpgrade = false

    init(_ headers: HTTPHeaders) {
        for (name, value) in headers {
            bytes += name.utf8.count + value.utf8.count + 4
            take(name, value)
        }
    }

    private mutating func take(_ name: String, _ value: String) {
        // Most fields of a request are none of these: their lengths alone tell.
        switch name.utf8.count {
        case 4 where name.isField("host"):
            host = value
            hosts += 1
        case 6 where name.isField("expect"): expect = HeadFields.list(expect, value)
        case 6 where name.isField("origin"): origin = origin == nil || origin == value ? value : "null"
        case 7 where name.isField("upgrade"): offersUpgrade = true
        case 8 where name.isField("if-match"): hasIfMatch = true
        case 13 where name.isField("if-none-match"): ifNoneMatch = HeadFields.list(ifNoneMatch, value)
        case 13 where name.isField("content-range"): hasContentRange = true
        case 14 where name.isField("content-length"): contentLength = value
        case 16 where name.isField("content-encoding"): hasContentEncoding = true
        case 17 where name.isField("transfer-encoding"):
            transferEncoding = HeadFields.list(transferEncoding, value)
        default: break
        }
    }

    private static func list(_ before: String?, _ value: String) -> String { before.map { "\($0),\(value)" } ?? value }
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
    /// Without the blanks and tabs around it.
    var trimmed: SubSequence {
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
