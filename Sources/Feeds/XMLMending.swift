// What feeds get wrong most often, put right before the XML is read: HTML's names for characters, ampersands that stand
// for themselves, control characters. And what no honest feed has is refused here, before anything is built up for it:
// declarations within the document, and tags with hundreds of attributes.

import World

struct XMLMending {
    private let bytes: [UInt8]
    private var at = 0
    private var output: [UInt8] = []

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
        output.reserveCapacity(bytes.count)
    }

    /// - bytes: UTF-8.
    static func mend(_ bytes: [UInt8]) throws(FeedFailure) -> [UInt8] {
        var mending = XMLMending(bytes)
        try mending.run()
        return mending.output
    }

    private mutating func run() throws(FeedFailure) {
        while at < bytes.count {
            switch bytes[at] {
            case UInt8(ascii: "&"): reference()
            case UInt8(ascii: "<"):
                if starts(with: "<![CDATA[") {
                    copy(past: "]]>")
                } else if starts(with: "<!--") {
                    omit(past: "-->")
                } else if starts(with: "<?") {
                    copy(past: "?>")
                } else if starts(with: "<!") {
                    try declaration()
                } else {
                    try tag()
                }
            default: copyOne()
            }
        }
    }

    private func starts(with text: StaticString) -> Bool {
        guard at + text.utf8CodeUnitCount <= bytes.count else { return false }
        return (0..<text.utf8CodeUnitCount).allSatisfy { bytes[at + $0] == text.utf8Start[$0] }
    }

    /// XML 1.0, 2.2: of the control characters only these; and neither U+FFFE nor U+FFFF.
    private mutating func copyOne() {
        let byte = bytes[at]
        defer { at += 1 }
        guard byte >= 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D else { return }
        if byte == 0xEF, at + 2 < bytes.count, bytes[at + 1] == 0xBF, bytes[at + 2] >= 0xBE {
            at += 2
            return
        }
        output.append(byte)
    }

    private mutating func copy(past end: StaticString) {
        while at < bytes.count, !starts(with: end) { copyOne() }
        for _ in 0..<end.utf8CodeUnitCount where at < bytes.count { copyOne() }
    }

    /// A comment; it may hold what XML does not allow there. `<!-->` is none that has ended.
    private mutating func omit(past end: StaticString) {
        at += 4
        while at < bytes.count, !starts(with: end) { at += 1 }
        at = min(at + end.utf8CodeUnitCount, bytes.count)
    }

    /// In text and in values.
    private mutating func reference() {
        guard let (scalar, end) = HTMLReference.read(bytes[...], at: at) else {
            output += Array("&amp;".utf8)
            at += 1
            return
        }
        at = end
        switch scalar {
        case "&": output += Array("&amp;".utf8)
        case "<": output += Array("&lt;".utf8)
        case ">": output += Array("&gt;".utf8)
        case "\"": output += Array("&quot;".utf8)
        case "'": output += Array("&apos;".utf8)
        case "\t", "\n", "\r": output += Array("&#\(scalar.value);".utf8)
        case "\u{0}"..."\u{1F}", "\u{FFFE}", "\u{FFFF}": break
        default: output += Array(String(Character(scalar)).utf8)
        }
    }

    /// The document type: it may name a kind of feed, and that is left out, as nothing is loaded. What it would declare
    /// itself is not read.
    private mutating func declaration() throws(FeedFailure) {
        guard starts(with: "<!DOCTYPE") || starts(with: "<!doctype") else { throw .malformed }
        while at < bytes.count, bytes[at] != UInt8(ascii: ">") {
            if bytes[at] == UInt8(ascii: "[") { throw .entities }
            at += 1
        }
        at = min(at + 1, bytes.count)
    }

    private mutating func tag() throws(FeedFailure) {
        var quote: UInt8?
        var values = 0
        copyOne()
        while at < bytes.count {
            let byte = bytes[at]
            switch byte {
            case UInt8(ascii: "&"):
                reference()
                continue
            case UInt8(ascii: ">") where quote == nil:
                copyOne()
                return
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                if quote == nil {
                    quote = byte
                    values += 1
                    guard values <= Limits.feedAttributes else { throw .excessive }
                } else if quote == byte {
                    quote = nil
                }
            default: break
            }
            copyOne()
        }
    }
}
