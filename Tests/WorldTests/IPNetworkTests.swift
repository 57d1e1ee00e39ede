// Networks of addresses: what is one, and what lies in it.

import Testing
import World

@Suite struct IPNetworkTests {
    @Test(arguments: [
        ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.0", false), ("10.0.0.0/8", "::ffff:10.1.2.3", true),
        ("10.1.2.3", "10.1.2.3", true), ("10.1.2.3", "10.1.2.4", false), ("0.0.0.0/0", "255.1.1.1", true),
        ("0.0.0.0/0", "::1", false), ("192.168.0.0/23", "192.168.1.9", true), ("192.168.0.0/23", "192.168.2.0", false),
        ("192.168.1.128/25", "192.168.1.127", false), ("2001:db8::/32", "2001:db8:ffff::1", true),
        ("2001:db8::/32", "2001:db9::1", false), ("::1", "::1", true), ("::/0", "fe80::1%eth0", true),
        ("fe80::/10", "febf::1", true), ("fe80::/10", "fec0::1", false), ("::ffff:10.0.0.7", "10.0.0.7", true),
    ])
    func contains(network: String, address: String, isInside: Bool) throws {
        let network = try #require(IPNetwork(network))
        #expect(network.contains(try #require(IPAddress(address))) == isInside)
    }

    @Test(arguments: [
        "", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0.1/8", "::1/129",
        "::1/64", "example.org", "example.org/8", "10.0.0.0/08x", "fe80::%eth0/64", "10.0.0.0/0008",
        String(repeating: "1", count: 200),
    ])
    func isNone(text: String) { #expect(IPNetwork(text) == nil) }
}
