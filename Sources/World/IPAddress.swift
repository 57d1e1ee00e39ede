// IP addresses as text: what a host is, told from its value and not from how it begins.

/// An IPv4 or IPv6 address that was written out, as the system's resolver takes it.
public enum IPAddress: Hashable, Sendable {
    case v4(UInt32)
    /// Eight groups; what stands behind `%` names an interface, and is no part of the address.
    case v6([UInt16])

    /// Nil for a name, which may lead anywhere.
    public init?(_ text: String) {
        if text.utf8.contains(UInt8(ascii: ":")) {
            let address = text.prefix { $0 != "%" }
            guard let groups = IPAddress.groups(address) else { return nil }
            self = .v6(groups)
        } else {
            guard let address = IPAddress.dotted(text[...]) else { return nil }
            self = .v4(address)
        }
    }

    /// 127.0.0.0/8, ::1, and the former mapped into IPv6 (RFC 4291, 2.5.5.2).
    public var isLoopback: Bool {
        switch self {
        case .v4(let address): address >> 24 == 127
        case .v6(let groups):
            groups == [0, 0, 0, 0, 0, 0, 0, 1]
                || (groups.starts(with: [0, 0, 0, 0, 0, 0xFFFF]) && groups[6] >> 8 == 127)
        }
    }

    /// One to four numbers, the last of which fills the bytes that are left: resolvers take 127.1 and 0x7f000001 as
    /// `inet_aton` does, so 0177.0.0.1 is loopback and 0127.0.0.1 is not.
    private static func dotted(_ text: Substring) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 4 else { return nil }
        var address: UInt32 = 0
        for (at, part) in parts.enumerated() {
            let isLast = at == parts.count - 1
            let bits = isLast ? 8 * (4 - UInt32(at)) : 8
            guard let number = number(part), number >> UInt64(bits) == 0 else { return nil }
            address |= UInt32(truncatingIfNeeded: number << UInt64(isLast ? 0 : 24 - 8 * at))
        }
        return address
    }

    /// Decimal, octal after a 0, hexadecimal after 0x.
    private static func number(_ part: Substring) -> UInt64? {
        if part.hasPrefix("0x") || part.hasPrefix("0X") { return digits(part.dropFirst(2), radix: 16, atMost: 8) }
        return part.utf8.count > 1 && part.hasPrefix("0")
            ? digits(part.dropFirst(), radix: 8, atMost: 11) : digits(part, radix: 10, atMost: 10)
    }

    private static func groups(_ text: Substring) -> [UInt16]? {
        guard let gap = text.firstRange(of: "::") else {
            return run(text, mayEndDotted: true).flatMap { $0.count == 8 ? $0 : nil }
        }
        guard let head = run(text[..<gap.lowerBound], mayEndDotted: false),
            let tail = run(text[gap.upperBound...], mayEndDotted: true), head.count + tail.count < 8
        else { return nil }
        return head + Array(repeating: 0, count: 8 - head.count - tail.count) + tail
    }

    /// Groups with colons between; the last two may be written as an IPv4 address, in four decimal numbers.
    private static func run(_ text: Substring, mayEndDotted: Bool) -> [UInt16]? {
        guard !text.isEmpty else { return [] }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        var groups: [UInt16] = []
        for (at, part) in parts.enumerated() {
            if mayEndDotted, at == parts.count - 1, part.contains(".") {
                let bytes = part.split(separator: ".", omittingEmptySubsequences: false).map { byte in
                    digits(byte, radix: 10, atMost: 3).flatMap { UInt8(exactly: $0) }
                }
                let known = bytes.compactMap { $0.map(UInt16.init) }
                guard bytes.count == 4, known.count == 4 else { return nil }
                groups += [known[0] << 8 | known[1], known[2] << 8 | known[3]]
            } else {
                guard let group = digits(part, radix: 16, atMost: 4) else { return nil }
                groups.append(UInt16(group))
            }
        }
        return groups
    }

    private static func digits(_ text: Substring, radix: Int, atMost largest: Int) -> UInt64? {
        // Signs are no digits.
        guard (1...largest).contains(text.utf8.count), text.utf8.first != 0x2B, text.utf8.first != 0x2D else {
            return nil
        }
        return UInt64(text, radix: radix)
    }
}

extension HostPort {
    /// Whether only this machine reaches it: `localhost` or a loopback address.
    public var isLoopback: Bool { IPAddress(host)?.isLoopback ?? (host.lowercased() == "localhost") }
}
