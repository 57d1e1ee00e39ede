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

    private static func address(_ info: addrinfo) -> IPAddress? {
        let length = Int(info.ai_addrlen)
        if info.ai_family == AF_INET, length >= MemoryLayout<sockaddr_in>.size {
            return info.ai_addr?.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                .v4(UInt32(bigEndian: $0.pointee.sin_addr.s_addr))
            }
        }
        if info.ai_family == AF_INET6, length >= MemoryLayout<sockaddr_in6>.size {
            return info.ai_addr?.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { socket in
                withUnsafeBytes(of: socket.pointee.sin6_addr) { bytes in
                    .v6((0..<8).map { UInt16(bytes[2 * $0]) << 8 | UInt16(bytes[2 * $0 + 1]) })
                }
            }
        }
        return nil
    }

    /// As a socket is told it.
    static func text(_ address: IPAddress) -> String {
        switch address {
        case .v4(let bits): [24, 16, 8, 0].map { "\(bits >> $0 & 255)" }.joined(separator: ".")
        case .v6(let groups): groups.map { String($0, radix: 16) }.joined(separator: ":")
        }
    }
}
