// HTML in pieces, as a stranger wrote it: text, and tags with those of their attributes that somebody asks for. No
// state of a browser's parser is imitated: what is read here is only ever written anew, escaped, so that a piece that
// is taken for another spoils a line and lets nothing through.

import World

enum HTMLPiece {
    /// References are resolved; UTF-8.
    case text([UInt8])
    case open(HTMLTag)
    /// Its name in lower case.
    case close(String)
}

struct HTMLTag {
    /// In lower case.
    let name: String
    /// Names in lower case, in order, each once; references in values are resolved.
    var attributes: [(name: String, value: String)] = []

    subscript(name: String) -> String? { attributes.first { $0.name == name }?.value }
}

/// Goes forward only: the time is that of reading the bytes once.
struct HTMLTokenizer {
    private let bytes: [UInt8]
    private let showsHead: Bool
    private var at = 0

    /// What holds something else than text and tags that are shown; it ends where its own closing tag stands.
    private static let hidden: Set<String> = [
        "script", "style", "template", "title", "textarea", "select", "svg", "math", "object", "applet", "noframes",
        "noembed", "iframe", "xmp", "plaintext", "head", "canvas", "datalist",
    ]

    /// - showsHead: whether what stands in a page's head is told too.
    init(_ bytes: [UInt8], showsHead: Bool = false) {
        self.bytes = bytes
        self.showsHead = showsHead
    }

    /// The content of scripts and the like is passed over; their tags are told all the same.
    mutating func next() -> HTMLPiece? {
        while at < bytes.count {
            guard bytes[at] == UInt8(ascii: "<") else { return .text(text()) }
            guard at + 1 < bytes.count else {
                at += 1
                return .text([UInt8(ascii: "<")])
            }
            switch bytes[at + 1] {
            case UInt8(ascii: "!") where starts(with: "<!--"): skip(past: "-->", from: at + 4)
            case UInt8(ascii: "!") where starts(with: "<![CDATA["):
                return .text(section())
            case UInt8(ascii: "!"), UInt8(ascii: "?"): skip(past: ">", from: at + 2)
            case UInt8(ascii: "/"):
                if let name = closing() { return .close(name) }
            case let letter where HTMLTokenizer.isLetter(letter):
                at += 1
                guard let tag = tag() else { return nil }
                if HTMLTokenizer.hidden.contains(tag.name), !(showsHead && tag.name == "head") {
                    skipContent(of: tag.name)
                }
                return .open(tag)
            default:
                at += 1
                return .text([UInt8(ascii: "<")])
            }
        }
        return nil
    }

    // MARK: Text

    private mutating func text() -> [UInt8] {
        let end = bytes[at...].firstIndex(of: UInt8(ascii: "<")) ?? bytes.count
        defer { at = end }
        return HTMLTokenizer.resolved(bytes[at..<end])
    }

    private mutating func section() -> [UInt8] {
        let start = at + 9
        skip(past: "]]>", from: start)
        return Array(bytes[min(start, at)..<max(min(start, at), at - 3)])
    }

    /// The text with `&amp;`, `&#38;` and `&#x26;` replaced by what they stand for.
    static func resolved(_ text: ArraySlice<UInt8>) -> [UInt8] {
        guard text.contains(UInt8(ascii: "&")) else { return Array(text) }
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var place = text.startIndex
        while place < text.endIndex {
            if text[place] == UInt8(ascii: "&"), let (scalar, end) = HTMLReference.read(text, at: place) {
                result += Array(String(Character(scalar)).utf8)
                place = end
            } else {
                result.append(text[place])
                place += 1
            }
        }
        return result
    }

    // MARK: Tags

    private mutating func closing() -> String? {
        at += 2
        let start = at
        while at < bytes.count, HTMLTokenizer.isName(bytes[at]) { at += 1 }
        let name = String(decoding: bytes[start..<at].prefix(32), as: UTF8.self).lowercased()
        skip(past: ">", from: at)
        return name.isEmpty ? nil : name
    }

    /// From behind `<`. Nil where the text ends in the tag.
    private mutating func tag() -> HTMLTag? {
        let start = at
        while at < bytes.count, HTMLTokenizer.isName(bytes[at]) { at += 1 }
        var tag = HTMLTag(name: String(decoding: bytes[start..<at].prefix(32), as: UTF8.self).lowercased())
        while at < bytes.count {
            let byte = bytes[at]
            if byte == UInt8(ascii: ">") {
                at += 1
                return tag
            }
            if byte <= 0x20 || byte == UInt8(ascii: "/") {
                at += 1
                continue
            }
            let (name, value) = attribute()
            if tag.attributes.count < Limits.htmlAttributes, !name.isEmpty, tag[name] == nil {
                tag.attributes.append((name, value))
            }
        }
        return nil
    }

    private mutating func attribute() -> (name: String, value: String) {
        let start = at
        // An equals sign at the beginning is part of the name.
        at += 1
        while at < bytes.count, bytes[at] > 0x20, ![0x2F, 0x3D, 0x3E].contains(bytes[at]) { at += 1 }
        let name = String(decoding: bytes[start..<at].prefix(64), as: UTF8.self).lowercased()
        skipBlanks()
        guard at < bytes.count, bytes[at] == UInt8(ascii: "=") else { return (name, "") }
        at += 1
        skipBlanks()
        guard at < bytes.count else { return (name, "") }
        let quote = bytes[at]
        var value: ArraySlice<UInt8>
        if quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
            let end = bytes[(at + 1)...].firstIndex(of: quote) ?? bytes.count
            value = bytes[(at + 1)..<end]
            at = min(end + 1, bytes.count)
        } else {
            let end = bytes[at...].firstIndex { $0 <= 0x20 || $0 == UInt8(ascii: ">") } ?? bytes.count
            value = bytes[at..<end]
            at = end
        }
        // A picture in the text itself, as `data:`, has megabytes, and is no link.
        if value.count > Limits.feedLinkBytes { value = [] }
        return (name, String(decoding: HTMLTokenizer.resolved(value), as: UTF8.self))
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }
    private static func isName(_ byte: UInt8) -> Bool { byte > 0x20 && byte != 0x2F && byte != 0x3E }

    // MARK: Skipping

    private mutating func skipBlanks() { while at < bytes.count, bytes[at] <= 0x20 { at += 1 } }

    private func starts(with text: StaticString, at place: Int? = nil) -> Bool {
        let place = place ?? at
        guard place + text.utf8CodeUnitCount <= bytes.count else { return false }
        return (0..<text.utf8CodeUnitCount).allSatisfy { bytes[place + $0] == text.utf8Start[$0] }
    }

    /// To the end, where the text is not there.
    private mutating func skip(past text: StaticString, from start: Int) {
        at = min(start, bytes.count)
        while at < bytes.count, !starts(with: text) { at += 1 }
        at = min(at + text.utf8CodeUnitCount, bytes.count)
    }

    /// Up to the closing tag, which is the next piece; to the end, where there is none.
    private mutating func skipContent(of name: String) {
        let closing = Array("</".utf8) + Array(name.utf8)
        while at < bytes.count {
            if bytes[at] == closing[0], at + closing.count <= bytes.count,
                (0..<closing.count).allSatisfy({ bytes[at + $0] | 0x20 == closing[$0] | 0x20 })
            {
                return
            }
            at += 1
        }
    }
}

/// `&name;`, `&#38;`, `&#x26;`.
enum HTMLReference {
    /// What the reference at `place` stands for, and where it ends; nil if there is none, or one that nobody knows.
    static func read(_ text: ArraySlice<UInt8>, at place: Int) -> (scalar: Unicode.Scalar, end: Int)? {
        var at = place + 1
        guard at < text.endIndex else { return nil }
        guard text[at] == UInt8(ascii: "#") else {
            // The longest name has eight letters.
            let end = text[at...].prefix(10).firstIndex(of: UInt8(ascii: ";"))
            guard let end, end > at else { return nil }
            let name = String(decoding: text[at..<end], as: UTF8.self)
            return HTMLCharacters.named(name).map { ($0, end + 1) }
        }
        at += 1
        let isHex = at < text.endIndex && text[at] | 0x20 == UInt8(ascii: "x")
        if isHex { at += 1 }
        let start = at
        var code: UInt32 = 0
        while at < text.endIndex, let digit = value(of: text[at], isHex: isHex) {
            code = min(code * (isHex ? 16 : 10) + digit, 0x11_0000)
            at += 1
        }
        guard at > start else { return nil }
        if at < text.endIndex, text[at] == UInt8(ascii: ";") { at += 1 }
        return (TextDecoding.windows1252(code), at)
    }

    private static func value(of byte: UInt8, isHex: Bool) -> UInt32? {
        switch byte {
        case 0x30...0x39: UInt32(byte - 0x30)
        case 0x61...0x66 where isHex: UInt32(byte - 0x61 + 10)
        case 0x41...0x46 where isHex: UInt32(byte - 0x41 + 10)
        default: nil
        }
    }
}
