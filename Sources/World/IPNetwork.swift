// A network as people write it: an address, or one with the number of its leading bits that count (RFC 4632, 3.1).

public struct IPNetwork: Hashable, Sendable {
    /// Of the network's first address; bits behind the prefix are zero.
    private let bytes: [UInt8]
    private let prefix: Int

    /// `10.0.0.0/8`, `2001:db8::/32`, or an address alone. Nil for what is none, or has bits behind its prefix, which
    /// would say two things.
    public init?(_ text: String) {
        guard text.utf8.count <= Limits.networkBytes else { return nil }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let address = IPAddress(String(parts[0])), !parts[0].contains("%") else { return nil }
        bytes = address.networkBytes
        let most = 8 * bytes.count
        if parts.count == 2 {
            guard (1...3).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let bits = Int(parts[1]), bits <= most
            else { return nil }
            prefix = bits
        } else {
            prefix = most
        }
        for bit in prefix..<most where bytes[bit / 8] & (0x80 >> UInt8(bit % 8)) != 0 { return nil }
    }

    /// An IPv4 address mapped into IPv6 is the IPv4 address.
    public func contains(_ address: IPAddress) -> Bool {
        let other = address.networkBytes
        guard other.count == bytes.count else { return false }
        let (whole, rest) = prefix.quotientAndRemainder(dividingBy: 8)
        guard other[..<whole] == bytes[..<whole] else { return false }
        return rest == 0 || (other[whole] ^ bytes[whole]) >> UInt8(8 - rest) == 0
    }
}

extension IPAddress {
    /// Four or sixteen, the most significant first.
    fileprivate var networkBytes: [UInt8] {
        switch self {
        case .v4(let address): return (0..<4).map { UInt8(truncatingIfNeeded: address >> (24 - 8 * UInt32($0))) }
        case .v6(let groups):
            let bytes = groups.flatMap { [UInt8($0 >> 8), UInt8(truncatingIfNeeded: $0)] }
            // RFC 4291, 2.5.5.2.
            let isMapped = groups.starts(with: [0, 0, 0, 0, 0, 0xFFFF])
            return isMapped ? Array(bytes[12...]) : bytes
        }
    }
}
