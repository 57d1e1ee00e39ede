// A template of pages: HTML with places for values, in the part of Mustache that pages need.
//
//   {{name}}       a value as text, escaped; null is nothing
//   {{{html}}}     safe HTML as it is: only a value that is called `html`
//   {{#a}}…{{/a}}  once for each element of a list; once with a value that is neither null, false, "" nor an empty list
//   {{^a}}…{{/a}}  if it is one of these
//   {{#a?}}…{{/a?}} once with a list that is not empty, whose elements are not entered
//   {{>name}}      another template
//   {{! … }}       a comment
//
// A name is looked up in the innermost value that was entered, then outward; `a.b` is a member of `a`, `.` the
// innermost value itself. A line of a single tag but a value leaves nothing of itself, and lines lose their
// indentation.
//
// The library of that name for Swift (swift-mustache 2.1) escapes character by character, in Swift's sense: a quote
// with a combining accent is another character, stays as it is, and ends an attribute. Here bytes are escaped.

import World

/// Why a page cannot be shown. The fault is ours: of a template, or of the values that it was given.
enum PageFault: Error, Hashable, CustomStringConvertible {
    case unknownTemplate(String)
    case malformed(template: String, String)
    case missing(template: String, value: String)
    /// A list, an object or a truth value stands where text should.
    case notText(template: String, value: String)

    var description: String {
        switch self {
        case .unknownTemplate(let name): "there is no template \(name)"
        case .malformed(let template, let reason): "the template \(template): \(reason)"
        case .missing(let template, let value): "the template \(template) was not given \(value)"
        case .notText(let template, let value): "the template \(template) was given no text as \(value)"
        }
    }
}

struct PageTemplate: Sendable {
    enum Form: Sendable {
        case text
        case html
        /// In an attribute that a browser follows: only http(s), and what is of this site.
        case address
    }

    enum Condition: Sendable { case each, unless, given }

    indirect enum Part: Sendable {
        case text([UInt8])
        case value([String], Form)
        case section([String], Condition, [Part])
        case partial(String)
    }

    let name: String
    let parts: [Part]

    init(name: String, _ source: [UInt8]) throws(PageFault) {
        self.name = name
        var reader = TemplateReader(name: name, PageTemplate.lines(of: source))
        parts = try reader.parts(until: nil)
    }

    /// Without indentation, and without the ends of lines that have nothing but one tag.
    private static func lines(of source: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        for line in source.split(separator: 0x0A, omittingEmptySubsequences: true) {
            let line = line.drop { $0 == 0x20 }
            text += line
            let isTag =
                line.starts(with: "{{".utf8) && line.dropFirst(2).first.map { "#^/>!".utf8.contains($0) } == true
            let tags = zip(line, line.dropFirst()).count { $0 == (0x7B, 0x7B) }
            if !(isTag && tags == 1 && line.suffix(2).elementsEqual("}}".utf8)) { text.append(0x0A) }
        }
        return text
    }
}

private struct TemplateReader {
    private let name: String
    private let source: [UInt8]
    private var at = 0

    init(name: String, _ source: [UInt8]) {
        self.name = name
        self.source = source
    }

    private func fault(_ reason: String) -> PageFault { .malformed(template: name, reason) }

    /// Up to the tag that closes `section`, which is taken, or to the end.
    mutating func parts(until section: String?) throws(PageFault) -> [PageTemplate.Part] {
        var parts: [PageTemplate.Part] = []
        while at < source.count {
            let start = at
            while at < source.count, !isHere("{{") { at += 1 }
            if at > start { parts.append(.text(Array(source[start..<at]))) }
            guard at < source.count else { break }
            let before = source[..<at]
            let tag = try tag()
            guard let kind = tag.utf8.first else { throw fault("a tag is empty") }
            let rest = String(tag.dropFirst())
            switch kind {
            case UInt8(ascii: "!"): break
            case UInt8(ascii: ">"): parts.append(.partial(rest))
            case UInt8(ascii: "#") where rest.utf8.last == UInt8(ascii: "?"):
                parts.append(.section(try path(String(rest.dropLast())), .given, try self.parts(until: rest)))
            case UInt8(ascii: "#"): parts.append(.section(try path(rest), .each, try self.parts(until: rest)))
            case UInt8(ascii: "^"): parts.append(.section(try path(rest), .unless, try self.parts(until: rest)))
            case UInt8(ascii: "/"):
                guard let section, section.isSpelled(rest) else { throw fault("\(rest) is closed, and not open") }
                return parts
            case UInt8(ascii: "{"):
                guard rest.isSpelled("html") else { throw fault("\(rest) would not be escaped") }
                parts.append(.value([rest], .html))
            default: parts.append(.value(try path(tag), isAddress(before) ? .address : .text))
            }
        }
        if let section { throw fault("\(section) is not closed") }
        return parts
    }

    /// What stands between the braces of the tag that begins here.
    private mutating func tag() throws(PageFault) -> String {
        let isTriple = isHere("{{{")
        let end: StaticString = isTriple ? "}}}" : "}}"
        at += 2
        let start = at
        while at < source.count, !isHere(end) { at += 1 }
        guard at < source.count else { throw fault("a tag does not end") }
        defer { at += end.utf8CodeUnitCount }
        return String(decoding: source[start..<at], as: UTF8.self)
    }

    private func isHere(_ text: StaticString) -> Bool {
        guard at + text.utf8CodeUnitCount <= source.count else { return false }
        return (0..<text.utf8CodeUnitCount).allSatisfy { source[at + $0] == text.utf8Start[$0] }
    }

    private func path(_ name: String) throws(PageFault) -> [String] {
        let isName = name.utf8.allSatisfy { $0 == 0x5F || $0 == 0x2E || (0x61...0x7A).contains($0) }
        guard isName, !name.isEmpty else { throw fault("\(name) is no name") }
        return name.isSpelled(".") ? [] : name.split(separator: ".").map(String.init)
    }

    private func isAddress(_ before: ArraySlice<UInt8>) -> Bool {
        ["href=\"", "src=\"", "action=\""].contains { before.suffix($0.utf8.count).elementsEqual($0.utf8) }
    }
}
