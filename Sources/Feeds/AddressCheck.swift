// Which addresses a node may dial for a stranger: those of the public internet, and nothing of its own surroundings.

package import World

package enum AddressCheck {
    /// Whether the address is one of the public internet: not in the registries of special purposes of RFC 6890 (as of
    /// 2024), nor a multicast or reserved one. An IPv6 address that leads to an IPv4 one by way of a translator
    /// (mapped, RFC 4291, 2.5.5.2; NAT64, RFC 6052) is judged by that; tunnels (6to4, Teredo) are refused, as nobody
    /// serves feeds there.
    package static func isPublic(_ address: IPAddress) -> Bool {
        switch address {
        case .v4(let address): !special4.contains { address >> (32 - $0.bits) == $0.prefix >> (32 - $0.bits) }
        case .v6(let groups): isPublic(groups)
        }
    }

    /// Scheme, name and form were checked when the URL was read; the ports of the web are left.
    package static func isPublic(_ url: FeedURL) -> Bool { url.port == 80 || url.port == 443 }

    private static func isPublic(_ groups: [UInt16]) -> Bool {
        guard groups.count == 8 else { return false }
        let embedded = UInt32(groups[6]) << 16 | UInt32(groups[7])
        if groups.starts(with: [0, 0, 0, 0, 0, 0xFFFF]) || groups.starts(with: [0x64, 0xFF9B, 0, 0, 0, 0]) {
            return isPublic(.v4(embedded))
        }
        // Global unicast is 2000::/3 alone: what lies outside is loopback, link-local, unique-local, site-local,
        // multicast, the translators' own 64:ff9b:1::/48, or not given out.
        guard groups[0] >> 13 == 1 else { return false }
        return !special6.contains { special in
            let prefix = UInt64(groups[0]) << 48 | UInt64(groups[1]) << 32 | UInt64(groups[2]) << 16 | UInt64(groups[3])
            return prefix >> (64 - special.bits) == special.prefix >> (64 - special.bits)
        }
    }

    private static let special4: [(prefix: UInt32, bits: UInt32)] = [
        (0x0000_0000, 8),  // this network
        (0x0A00_0000, 8),  // private use
        (0x6440_0000, 10),  // shared, behind carriers' translators
        (0x7F00_0000, 8),  // loopback
        (0xA9FE_0000, 16),  // link-local, and clouds' own servers
        (0xAC10_0000, 12),  // private use
        (0xC000_0000, 24),  // protocol assignments
        (0xC000_0200, 24),  // documentation
        (0xC01F_C400, 24),  // AS112, name servers for private addresses
        (0xC034_C100, 24),  // automatic multicast tunnels
        (0xC058_6300, 24),  // 6to4 relays, formerly
        (0xC0A8_0000, 16),  // private use
        (0xC0AF_3000, 24),  // AS112
        (0xC612_0000, 15),  // measurements
        (0xC633_6400, 24),  // documentation
        (0xCB00_7100, 24),  // documentation
        (0xE000_0000, 4),  // multicast
        (0xF000_0000, 4),  // reserved, and broadcast
    ]

    private static let special6: [(prefix: UInt64, bits: UInt64)] = [
        (0x2001_0000_0000_0000, 23),  // protocol assignments, Teredo and ORCHID among them
        (0x2001_0DB8_0000_0000, 32),  // documentation
        (0x2002_0000_0000_0000, 16),  // 6to4
        (0x2620_004F_8000_0000, 48),  // AS112
        (0x3FFF_0000_0000_0000, 20),  // documentation
    ]
}
