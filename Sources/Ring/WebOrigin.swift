// The origin of a web page, as browsers write it in `Origin` (RFC 6454, 6.1): scheme, host, and the port where it is
// not the scheme's. Two are the same if their texts are.

import World

package enum WebOrigin {
    /// Whether a browser would write it so.
    package static func isCanonical(_ text: String) -> Bool {
        guard text.utf8.count <= Limits.originBytes else { return false }
        for (scheme, usual) in [("http://", 80), ("https://", 443)] where text.hasPrefix(scheme) {
            return isCanonical(authority: text.utf8.dropFirst(scheme.utf8.count), usual: usual)
        }
        return false
    }

    private static func isCanonical(authority: some Collection<UInt8>, usual port: Int) -> Bool {
        let bytes = Array(authority)
        var host = bytes[...]
        // The colon before a port stands after an IPv6 address's bracket.
        if let colon = bytes.lastIndex(of: UInt8(ascii: ":")), !bytes[colon...].contains(UInt8(ascii: "]")) {
            let digits = bytes[(colon + 1)...]
            guard let number = Int(String(decoding: digits, as: UTF8.self)), (1...65_535).contains(number),
                number != port, digits.allSatisfy({ (0x30...0x39).contains($0) }), digits.first != 0x30
            else { return false }
            host = bytes[..<colon]
        }
        guard (1...Limits.hostBytes).contains(host.count) else { return false }
        if host.first == UInt8(ascii: "[") {
            let address = String(decoding: host.dropFirst().dropLast(), as: UTF8.self)
            return host.last == UInt8(ascii: "]") && address.contains(":") && IPAddress(address) != nil
                && address == address.lowercased()
        }
        return host.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"): true
            default: false
            }
        }
    }
}
