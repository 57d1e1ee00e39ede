// Where a node listens, as the ring file writes it: `host:port`, an IPv6 address in brackets.

/// A host (name, IPv4 or IPv6 address) and a TCP port.
public struct HostPort: Hashable, Sendable, CustomStringConvertible {
    /// Without brackets.
    public let host: String
    /// 1 to 65535.
    public let port: Int

    /// Nil where a part is out of its bounds; the host is checked for form only, never looked up.
    public init?(host: String, port: Int) {
        guard (1...65_535).contains(port), HostPort.isPlausible(host) else { return nil }
        self.host = host
        self.port = port
    }

    /// Reads `host:port` or `[v6]:port`.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count <= Limits.hostBytes + 8, let colon = bytes.lastIndex(of: UInt8(ascii: ":")) else {
            return nil
        }
        var name = bytes[..<colon]
        let digits = bytes[(colon + 1)...]
        guard (1...5).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        let port = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        if name.first == UInt8(ascii: "[") {
            guard name.last == UInt8(ascii: "]"), name.contains(UInt8(ascii: ":")) else { return nil }
            name = name.dropFirst().dropLast()
        } else if name.contains(UInt8(ascii: ":")) {
            return nil
        }
        self.init(host: String(decoding: name, as: UTF8.self), port: port)
    }

    private static func isPlausible(_ host: String) -> Bool {
        let bytes = host.utf8
        guard (1...Limits.hostBytes).contains(bytes.count) else { return false }
        func isAlphanumeric(_ b: UInt8) -> Bool {
            (0x61...0x7A).contains(b) || (0x41...0x5A).contains(b) || (0x30...0x39).contains(b)
        }
        if bytes.contains(UInt8(ascii: ":")) {
            // An IPv6 address, perhaps with an embedded IPv4 tail and a scope (`%eth0`).
            let parts = host.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
            let isHex = parts[0].utf8.allSatisfy { b in
                (0x61...0x66).contains(b) || (0x41...0x46).contains(b) || (0x30...0x3A).contains(b) || b == 0x2E
            }
            return isHex && (parts.count == 1 || (!parts[1].isEmpty && parts[1].utf8.allSatisfy(isAlphanumeric)))
        }
        return bytes.allSatisfy { isAlphanumeric($0) || $0 == 0x2E || $0 == 0x2D || $0 == 0x5F }
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
