// Writes one page: templates filled in with values, as bytes of HTML.

import JSON
import World

struct PageWriter {
    /// Templates within each other: the pages have two. One that holds itself would never end.
    private static let deepest = 8

    private let templates: [String: PageTemplate]
    /// The values that were entered, the innermost last.
    private var stack: [JSONValue]
    private(set) var bytes: [UInt8] = []
    private var depth = 0

    init(_ templates: [String: PageTemplate], _ values: [JSONValue]) {
        self.templates = templates
        stack = values
    }

    mutating func write(_ name: String) throws(PageFault) {
        guard let template = templates[name], template.name.isSpelled(name) else { throw .unknownTemplate(name) }
        guard depth < PageWriter.deepest else { throw .malformed(template: name, "it holds itself") }
        depth += 1
        try write(template.parts, template.name)
        depth -= 1
    }

    private mutating func write(_ parts: [PageTemplate.Part], _ template: String) throws(PageFault) {
        for part in parts {
            switch part {
            case .text(let text): bytes += text
            case .partial(let name): try write(name)
            case .value(let path, let form): try write(find(path, template), form, path, template)
            case .section(let path, .each, let parts):
                let value = try find(path, template)
                guard value.isGiven else { continue }
                for element in value.array ?? [value] { try write(parts, within: element, template) }
            case .section(let path, .given, let parts):
                if try find(path, template).isGiven { try write(parts, template) }
            case .section(let path, .unless, let parts):
                if try !find(path, template).isGiven { try write(parts, template) }
            }
        }
    }

    private mutating func write(
        _ parts: [PageTemplate.Part], within value: JSONValue, _ template: String
    ) throws(PageFault) {
        stack.append(value)
        try write(parts, template)
        stack.removeLast()
    }

    private func find(_ path: [String], _ template: String) throws(PageFault) -> JSONValue {
        guard let first = path.first else { return stack.last ?? .null }
        for value in stack.reversed() {
            guard var found = value[first] else { continue }
            for name in path.dropFirst() {
                guard let member = found[name] else {
                    throw .missing(template: template, value: path.joined(separator: "."))
                }
                found = member
            }
            return found
        }
        throw .missing(template: template, value: path.joined(separator: "."))
    }

    private mutating func write(
        _ value: JSONValue, _ form: PageTemplate.Form, _ path: [String], _ template: String
    ) throws(PageFault) {
        switch value {
        case .null: break
        case .int(let number): bytes += "\(number)".utf8
        case .number(let number): bytes += "\(number)".utf8
        case .string(let text):
            switch form {
            case .html: bytes += text.utf8
            case .text: bytes.append(escapingHTML: text)
            case .address: bytes.append(escapingHTML: PageWriter.isHarmless(text) ? text : "#")
            }
        case .bool, .array, .object: throw .notText(template: template, value: path.joined(separator: "."))
        }
    }

    /// Whether a browser that follows it stays with the web. Blanks and control characters, which browsers leave out of
    /// what they follow, have been percent-encoded by whoever means well.
    static func isHarmless(_ address: String) -> Bool {
        guard address.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else { return false }
        let lower = address.prefix(8).lowercased()
        if lower.hasPrefix("https://") || lower.hasPrefix("http://") { return true }
        let slashes: [UInt8] = [UInt8(ascii: "/"), UInt8(ascii: "\\")]
        return switch address.utf8.first {
        case nil, UInt8(ascii: "#"), UInt8(ascii: "?"): true
        case UInt8(ascii: "/"): address.utf8.dropFirst().first.map { !slashes.contains($0) } ?? true
        default: false
        }
    }
}

extension JSONValue {
    /// Whether a section with it is shown.
    fileprivate var isGiven: Bool {
        switch self {
        case .null, .bool(false): false
        case .string(let text): !text.isEmpty
        case .array(let elements): !elements.isEmpty
        case .bool, .int, .number, .object: true
        }
    }
}

extension [UInt8] {
    /// For text and for attributes in double quotes (HTML, 13.3), byte by byte: whatever follows a byte that means
    /// something, it means that.
    mutating func append(escapingHTML text: String) {
        var text = text
        text.withUTF8 { text in
            var start = 0
            for (place, byte) in text.enumerated() {
                let escape: StaticString
                switch byte {
                case UInt8(ascii: "&"): escape = "&amp;"
                case UInt8(ascii: "<"): escape = "&lt;"
                case UInt8(ascii: ">"): escape = "&gt;"
                case UInt8(ascii: "\""): escape = "&quot;"
                case UInt8(ascii: "'"): escape = "&#39;"
                default: continue
                }
                append(contentsOf: text[start..<place])
                append(contentsOf: UnsafeBufferPointer(start: escape.utf8Start, count: escape.utf8CodeUnitCount))
                start = place + 1
            }
            append(contentsOf: text[start...])
        }
    }
}
