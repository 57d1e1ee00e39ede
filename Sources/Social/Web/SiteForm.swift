// What a request says beside its path, whatever it is written as: the query, a web form (application/x-www-form-
// urlencoded, or multipart/form-data where there is a file: RFC 7578), or a JSON object. One name, one value. What is
// posted is none of these, but the body as it is.

import Edge
import JSON
import World

struct SiteForm: Sendable {
    struct File: Sendable {
        let bytes: [UInt8]
        let type: String
    }

    private var values: [String: String] = [:]
    private(set) var file: File?

    subscript(name: String) -> String? { values[name] }

    /// As the person wrote it, or nothing.
    func text(_ name: String) -> String { values[name] ?? "" }

    /// Nil where it is not said; a box that is ticked sends something.
    func flag(_ name: String) -> Bool? { values[name].map { !["", "0", "false", "off", "no"].contains($0) } }

    init() {}

    init(_ request: SiteRequest) throws(Problem) {
        for (name, value) in request.query { try set(name, value) }
        guard !request.body.isEmpty else { return }
        let type = request.head.fields.first(.contentType) ?? ""
        switch type.mediaType {
        case "application/x-www-form-urlencoded" where !takesRaw(request): try readURLEncoded(request.body)
        case "multipart/form-data" where !takesRaw(request): try readMultipart(request.body, type)
        case "application/json" where !takesRaw(request): try readJSON(request.body)
        default: guard takesRaw(request) else { throw .unreadType }
        }
    }

    /// `POST` and `PUT` of posts take any bytes as what is posted; so do the calls of hubs. Patches of drafts have
    /// types of their own.
    private func takesRaw(_ request: SiteRequest) -> Bool {
        ["site.api.posts", SiteRoutes.hub].contains(request.route.label)
            || request.route.label == "site.api.drafts" && request.head.method == .patch
    }

    private mutating func set(_ name: String, _ value: [UInt8]) throws(Problem) {
        guard let text = String(validating: value, as: UTF8.self) else {
            throw .badInput("\(SiteForm.shown(name)) is not UTF-8")
        }
        guard !text.utf8.contains(0) else { throw .badInput("\(SiteForm.shown(name)) has a zero byte") }
        values[name] = text
    }

    private static func shown(_ name: String) -> String {
        String(name.unicodeScalars.prefix(40).map { $0.value < 0x20 || $0.value == 0x7F ? "?" : Character($0) })
    }

    // MARK: URL-encoded

    private mutating func readURLEncoded(_ body: [UInt8]) throws(Problem) {
        let pairs = body.split(separator: UInt8(ascii: "&"), maxSplits: Limits.siteQuery)
        guard pairs.count <= Limits.siteQuery else { throw .badInput("the form has too many fields") }
        for pair in pairs {
            let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
            guard let name = SiteRequest.formField(pair[..<equals]),
                let value = SiteRequest.formField(equals < pair.endIndex ? pair[(equals + 1)...] : [])
            else { throw .badInput("% must be followed by two hexadecimal digits") }
            // As in the other form: browsers send line ends as CR LF.
            try set(String(decoding: name, as: UTF8.self), SiteForm.unixLines(value[...]))
        }
    }

    // MARK: JSON

    private mutating func readJSON(_ body: [UInt8]) throws(Problem) {
        let json: JSONValue
        do { json = try JSONValue.decode(body, depth: 4) } catch { throw .badInput("the body is no JSON: \(error)") }
        guard case .object(let members) = json, members.count <= Limits.siteQuery else {
            throw .badInput("the body is a JSON object of \(Limits.siteQuery) members at most")
        }
        for member in members {
            switch member.value {
            case .string(let text): try set(member.name, Array(text.utf8))
            case .int(let number): values[member.name] = "\(number)"
            case .bool(let flag): values[member.name] = flag ? "true" : "false"
            case .null: break
            case .number, .array, .object: throw .badInput("\(SiteForm.shown(member.name)) is no text")
            }
        }
    }

    // MARK: Multipart

    private mutating func readMultipart(_ body: [UInt8], _ type: String) throws(Problem) {
        guard let boundary = SiteForm.parameter("boundary", of: type), (1...70).contains(boundary.utf8.count) else {
            throw .badInput("the form's boundary is missing")
        }
        let mark = Array("--".utf8) + Array(boundary.utf8)
        var rest = body[...]
        // Browsers write nothing before the first; to look for it anywhere would cost by the square of what stands
        // there.
        guard rest.starts(with: mark) else { throw .badInput("the form's boundary does not begin it") }
        rest = rest.dropFirst(mark.count)
        let next = Array("\r\n".utf8) + mark
        var parts = 0
        while !rest.starts(with: Array("--".utf8)) {
            parts += 1
            guard parts <= Limits.siteQuery, rest.starts(with: Array("\r\n".utf8)) else {
                throw .badInput("the form is malformed, or has too many parts")
            }
            rest = rest.dropFirst(2)
            guard let blank = SiteForm.find(Array("\r\n\r\n".utf8), in: rest.prefix(8 << 10)),
                let end = SiteForm.find(next, in: rest[(blank + 4)...])
            else { throw .badInput("a part of the form has no end") }
            try takePart(rest[..<blank], rest[(blank + 4)..<end])
            rest = rest[(end + next.count)...]
        }
    }

    private mutating func takePart(_ head: ArraySlice<UInt8>, _ body: ArraySlice<UInt8>) throws(Problem) {
        var name: String?
        var isFile = false
        var type = "application/octet-stream"
        for line in String(decoding: head, as: UTF8.self).split(whereSeparator: { $0 == "\r\n" || $0 == "\n" }) {
            let lowered = line.lowercased()
            if lowered.hasPrefix("content-disposition:") {
                name = SiteForm.parameter("name", of: String(line))
                isFile = SiteForm.parameter("filename", of: String(line)) != nil
            } else if lowered.hasPrefix("content-type:") {
                type = String(line.dropFirst("content-type:".count).trimmed)
            }
        }
        guard let name else { throw .badInput("a part of the form has no name") }
        if isFile {
            // A field in which nothing was chosen.
            if !body.isEmpty { file = File(bytes: Array(body), type: type) }
        } else {
            guard body.count <= Limits.siteFormBytes else { throw .tooLarge("a field of the form is too long") }
            // Browsers send line ends as CR LF.
            try set(name, SiteForm.unixLines(body))
        }
    }

    private static func unixLines(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var lines: [UInt8] = []
        lines.reserveCapacity(bytes.count)
        for byte in bytes {
            if byte == 0x0A, lines.last == 0x0D { lines.removeLast() }
            lines.append(byte)
        }
        return lines
    }

    /// `name="value"` or `name=value` among the parameters of a header's value.
    private static func parameter(_ name: String, of header: String) -> String? {
        for part in header.split(separator: ";").dropFirst() {
            let pair = part.trimmed
            guard let equals = pair.firstIndex(of: "="), pair[..<equals].lowercased() == name else { continue }
            var value = pair[pair.index(after: equals)...]
            if value.hasPrefix("\""), value.hasSuffix("\""), value.count >= 2 { value = value.dropFirst().dropLast() }
            return String(value)
        }
        return nil
    }

    private static func find(_ mark: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
        guard let first = mark.first else { return nil }
        var from = bytes.startIndex
        while let at = bytes[from...].firstIndex(of: first) {
            guard at + mark.count <= bytes.endIndex else { return nil }
            if bytes[at..<(at + mark.count)].elementsEqual(mark) { return at }
            from = at + 1
        }
        return nil
    }
}
