// The system's resolver, and addresses as the system has them.

import Glibc
import World

enum HostNames {
    /// All addresses of a host, in the order in which they are best tried (RFC 6724). Blocks.
    static func addresses(of host: String) -> [IPAddress] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var addresses: [IPAddress] = []
        var entry = list
        while let info = entry?.pointee {
            if let address = address(info), !addresses.contains(address) { addresses.append(address) }
            entry = info.ai_next
        }
        return addresses
    }

    /// By where the address lies in the system's structures (netinet/in.h): behind family and port, and in IPv6 behind
    /// the flow as well. Both are in the network's order.
    private static func address(_ info: addrinfo) -> IPAddress? {
        guard let start = info.ai_addr else { return nil }
        let bytes = UnsafeRawBufferPointer(start: start, count: Int(info.ai_addrlen))
        switch info.ai_family {
        case AF_INET where bytes.count >= 8:
            return .v4(bytes[4..<8].reduce(0) { $0 << 8 | UInt32($1) })
        case AF_INET6 where bytes.count >= 24:
            return .v6((0..<8).map { UInt16(bytes[8 + 2 * $0]) << 8 | UInt16(bytes[9 + 2 * $0]) })
        default: return nil
        }
    }

    /// As a socket is told it.
    static func text(_ address: IPAddress) -> String {
        switch address {
        case .v4(let bits): [24, 16, 8, 0].map { "\(bits >> $0 & 255)" }.joined(separator: ".")
        case .v6(let groups): groups.map { String($0, radix: 16) }.joined(separator: ":")
        }
    }
}
