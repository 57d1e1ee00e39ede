// Hosts that only this machine reaches, and those that only look so.

import Testing
import World

@Suite struct IPAddressTests {
    @Test(arguments: [
        "localhost", "LocalHost", "127.0.0.1", "127.255.255.254", "127.1", "127.0.1", "0x7f.1", "0X7F000001",
        "0177.0.0.1",
        "2130706433", "::1", "0:0:0:0:0:0:0:1", "0000::0001", "::1%lo", "::ffff:127.0.0.1", "::FFFF:7f00:1",
        "0:0:0:0:0:ffff:127.9.9.9",
    ])
    func loopback(host: String) { #expect(HostPort(host: host, port: 1)?.isLoopback == true) }

    @Test(arguments: [
        "127.example.org", "127", "127.", "127.0.0.1.example.org", "127.0.0.256", "127.0.0.0.1", "127.0.0.1.",
        "128.0.0.1",
        "0127.0.0.1", "127.0x", "127.-1", "0.0.0.0", "10.0.0.1", "localhost.example.org", "localhost.", "xlocalhost",
        "example.org", "::", "::2", "1::1", "::1:0", "::ffff:10.0.0.1", "::ffff:0:127.0.0.1", "::127.0.0.1",
        "::ffff:127.1", "::ffff:127.0.0.256", "0:0:0:0:0:0:1", "0:0:0:0:0:0:0:0:1", "::1::", ":::1", "00001::1",
        "fe80::1",
    ])
    func elsewhere(host: String) { #expect(HostPort(host: host, port: 1)?.isLoopback != true) }

    @Test func addressesAreReadByValue() {
        #expect(IPAddress("1.2.3.4") == .v4(0x0102_0304) && IPAddress("1.2.772") == .v4(0x0102_0304))
        #expect(IPAddress("255.255.255.255") == .v4(.max) && IPAddress("4294967295") == .v4(.max))
        #expect(IPAddress("4294967296") == nil && IPAddress("1.16777216") == nil && IPAddress("+1.2.3.4") == nil)
        #expect(IPAddress("2001:db8::1%eth0") == .v6([0x2001, 0xDB8, 0, 0, 0, 0, 0, 1]))
        #expect(IPAddress("") == nil && IPAddress("a.b") == nil && IPAddress("1:2") == nil && IPAddress("::g") == nil)
    }
}
