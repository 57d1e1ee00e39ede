// Host and port as they stand in a `Host` header, in a target in absolute form and in an `Origin`.

import Ring
import World

/// `host[:port]` (RFC 3986, 3.2), checked for its form.
struct Authority: Hashable {
    /// In lower case; an IPv6 address without its brackets.
    let host: String
    let port: Int
    /// The host is an IP address, not a name that somebody's name server decides on.
    let isAddress: Bool

    /// Nil where the text is none, or has a user in it, or no host.
    init?(_ text: some StringProtocol) {
        var host = Array(text.utf8)
        var digits: [UInt8] = []
        // The colon before a port stands after an IPv6 address's bracket.
        if let colon = host.lastIndex(of: UInt8(ascii: ":")), !host[colon...].contains(UInt8(ascii: "]")) {
            digits = Array(host[(colon + 1)...])
            host.removeSubrange(colon...)
        }
        guard (1...Limits.hostBytes).contains(host.count), digits.count <= 5,
            digits.allSatisfy({ (0x30...0x39).contains($0) })
        else { return nil }
        // RFC 9110, 4.2.1: what port it is where none is named.
        port = digits.isEmpty ? 80 : digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        guard port <= 65_535 else { return nil }
        if host.first == UInt8(ascii: "[") {
            guard host.last == UInt8(ascii: "]") else { return nil }
            self.host = String(decoding: host.dropFirst().dropLast(), as: UTF8.self).lowercased()
            isAddress = Authority.isAddress(self.host)
            guard isAddress, self.host.contains(":") else { return nil }
        } else {
            guard host.allSatisfy(Authority.mayStandInName) else { return nil }
            self.host = String(decoding: host, as: UTF8.self).lowercased()
            isAddress = Authority.isAddress(self.host)
        }
    }

    /// As an origin of HTTP has it: without the usual port.
    var text: String { (host.contains(":") ? "[\(host)]" : host) + (port == 80 ? "" : ":\(port)") }

    /// In full, and in the one way that all readers take alike: a resolver's shorter forms (127.1, 0x7f.1) may be names
    /// to others.
    private static func isAddress(_ host: String) -> Bool {
        if host.contains(":") { return !host.contains("%") && IPAddress(host) != nil }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { part in
                (1...3).contains(part.utf8.count) && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
                    && (part == "0" || part.utf8.first != 0x30) && UInt8(part) != nil
            }
    }

    /// RFC 3986, 3.2.2: unreserved, percent and sub-delims.
    private static func mayStandInName(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: Array("-._~%!$&'()*+,;=".utf8).contains(byte)
        }
    }
}
