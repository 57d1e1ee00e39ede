// URLs of the web, as far as feeds need them: read into parts, resolved against a base (RFC 3986, 5), and written in
// one form alone, so that what was checked is what is dialled and what stands in a link.

import World

/// An absolute http or https URL without a user's name. What is no ASCII is percent-encoded, the host is in lower case.
package struct FeedURL: Hashable, Sendable {
    let isSecure: Bool
    /// Without brackets. A name of letters, digits, dots, hyphens and underscores, or an address.
    package let host: String
    package let port: Int
    /// Path and query, beginning with a slash; not empty.
    package let target: String
    /// With its `#`; empty if there is none.
    private let fragment: String

    /// Blanks around the text, and line ends in it, are left out, as browsers do.
    package init?(_ text: String) { self.init(FeedURL.trimmed(text)) }

    /// The same of what was trimmed.
    private init?(_ bytes: [UInt8]) {
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), bytes.count <= Limits.feedLinkBytes else {
            return nil
        }
        switch String(decoding: bytes[..<colon], as: UTF8.self).lowercased() {
        case "http": isSecure = false
        case "https": isSecure = true
        default: return nil
        }
        let rest = bytes[(colon + 1)...]
        guard rest.starts(with: Array("//".utf8)) else { return nil }
        let behind = rest.dropFirst(2)
        let end = behind.firstIndex { FeedURL.endsAuthority.contains($0) } ?? behind.endIndex
        guard let authority = FeedURL.authority(behind[..<end]) else { return nil }
        host = authority.host
        port = authority.port ?? (isSecure ? 443 : 80)
        (target, fragment) = FeedURL.normalized(behind[end...])
    }

    private init(_ base: FeedURL, target: String, fragment: String) {
        (isSecure, host, port) = (base.isSecure, base.host, base.port)
        (self.target, self.fragment) = (target, fragment)
    }

    /// What `reference` means in a document that lies here; nil where it leads out of the web (`mailto:`, `data:`).
    package func resolve(_ reference: String) -> FeedURL? {
        let bytes = FeedURL.trimmed(reference)
        guard bytes.count <= Limits.feedLinkBytes else { return nil }
        if FeedURL.hasScheme(bytes) { return FeedURL(bytes) }
        if bytes.starts(with: Array("//".utf8)) { return FeedURL(Array((isSecure ? "https:" : "http:").utf8) + bytes) }
        let path = target.utf8.prefix { $0 != UInt8(ascii: "?") }
        var joined: [UInt8]
        switch bytes.first {
        case UInt8(ascii: "/"): joined = bytes
        case UInt8(ascii: "?"): joined = Array(path) + bytes
        case UInt8(ascii: "#"), nil: joined = Array(target.utf8) + bytes
        default:
            let directory = path[...(path.lastIndex(of: UInt8(ascii: "/")) ?? path.startIndex)]
            joined = Array(directory) + bytes
        }
        let (target, fragment) = FeedURL.normalized(joined[...])
        return FeedURL(self, target: target, fragment: fragment)
    }

    /// In the one form.
    package var text: String { origin + target + fragment }

    /// The form in which it is asked for.
    package var withoutFragment: String { origin + target }

    private var origin: String {
        let name = host.contains(":") ? "[\(host)]" : host
        let usual = isSecure ? 443 : 80
        return (isSecure ? "https://" : "http://") + name + (port == usual ? "" : ":\(port)")
    }

    // MARK: Reading

    private static let endsAuthority = Array("/?#\\".utf8)

    private static func trimmed(_ text: String) -> [UInt8] {
        var bytes = text.utf8.filter { $0 != 0x09 && $0 != 0x0A && $0 != 0x0D }
        while let last = bytes.last, last <= 0x20 { bytes.removeLast() }
        return Array(bytes.drop { $0 <= 0x20 })
    }

    private static func hasScheme(_ bytes: [UInt8]) -> Bool {
        guard let first = bytes.first, isLetter(first) else { return false }
        let end = bytes.firstIndex { !(isLetter($0) || isDigit($0) || $0 == 0x2B || $0 == 0x2D || $0 == 0x2E) }
        return end.map { bytes[$0] == UInt8(ascii: ":") } ?? false
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }
    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    /// Nil for names and passwords, and for hosts that are not written in ASCII: their form in the network is not
    /// decided here.
    private static func authority(_ bytes: ArraySlice<UInt8>) -> (host: String, port: Int?)? {
        guard !bytes.contains(UInt8(ascii: "@")) else { return nil }
        if bytes.first == UInt8(ascii: "[") {
            guard let end = bytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            let host = String(decoding: bytes[(bytes.startIndex + 1)..<end], as: UTF8.self).lowercased()
            guard case .v6? = IPAddress(host), !host.contains("%") else { return nil }
            return port(bytes[(end + 1)...]).map { (host, $0.number) }
        }
        let end = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.endIndex
        let name = bytes[..<end]
        let isPlain = name.allSatisfy { isLetter($0) || isDigit($0) || $0 == 0x2D || $0 == 0x2E || $0 == 0x5F }
        guard isPlain, (1...Limits.hostBytes).contains(name.count) else { return nil }
        return port(bytes[end...]).map { (String(decoding: name, as: UTF8.self).lowercased(), $0.number) }
    }

    private struct Port { let number: Int? }

    /// Of nothing, of `:`, and of `:8080`.
    private static func port(_ bytes: ArraySlice<UInt8>) -> Port? {
        guard let colon = bytes.first else { return Port(number: nil) }
        let digits = bytes.dropFirst()
        guard colon == UInt8(ascii: ":"), digits.count <= 5, digits.allSatisfy(isDigit) else { return nil }
        if digits.isEmpty { return Port(number: nil) }
        let number = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        return (1...65_535).contains(number) ? Port(number: number) : nil
    }

    /// Path and query with every byte allowed or encoded and dots resolved, and the fragment.
    private static func normalized(_ bytes: ArraySlice<UInt8>) -> (target: String, fragment: String) {
        let hash = bytes.firstIndex(of: UInt8(ascii: "#")) ?? bytes.endIndex
        let question = bytes[..<hash].firstIndex(of: UInt8(ascii: "?")) ?? hash
        let path = bytes[..<question].map { $0 == UInt8(ascii: "\\") ? UInt8(ascii: "/") : $0 }
        var segments: [ArraySlice<UInt8>] = []
        let parts = path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        // The first is empty: it stands before the first slash.
        for (at, part) in parts.enumerated() where at > 0 || !part.isEmpty {
            let isLast = at == parts.count - 1
            if part.elementsEqual(".".utf8) {
                if isLast { segments.append([]) }
            } else if part.elementsEqual("..".utf8) {
                if !segments.isEmpty { segments.removeLast() }
                if isLast { segments.append([]) }
            } else {
                segments.append(part)
            }
        }
        if segments.isEmpty { segments = [[]] }
        var target: [UInt8] = []
        for segment in segments {
            target.append(UInt8(ascii: "/"))
            append(segment, to: &target)
        }
        append(bytes[question..<hash], to: &target)
        var fragment: [UInt8] = []
        append(bytes[hash...], to: &fragment)
        return (String(decoding: target, as: UTF8.self), String(decoding: fragment, as: UTF8.self))
    }

    private static func append(_ bytes: some Sequence<UInt8>, to output: inout [UInt8]) {
        let hex = Array("0123456789ABCDEF".utf8)
        let refused = Array("\"<>\\^`{|}".utf8)
        for byte in bytes {
            if byte <= 0x20 || byte >= 0x7F || refused.contains(byte) {
                output += [UInt8(ascii: "%"), hex[Int(byte >> 4)], hex[Int(byte & 15)]]
            } else {
                output.append(byte)
            }
        }
    }
}
