// URLs: which are taken, what they are resolved to, and which addresses may be dialled.

import Feeds
import Testing
import World

@Suite struct FeedURLTests {
    @Test(
        arguments: [
            ("http://example.org", "http://example.org/"),
            (" HTTPS://Example.ORG:443/a b\n", "https://example.org/a%20b"),
            ("http://example.org:8080/x?y=é#z", "http://example.org:8080/x?y=%C3%A9#z"),
            ("http://example.org/a/./b/../c/..", "http://example.org/a/"),
            ("http://[2001:DB8::1]/", "http://[2001:db8::1]/"),
            ("http:\\\\example.org\\a", nil),
            ("http://example.org\\@evil.example/", "http://example.org/@evil.example/"),
            ("http://a.example/%2e%2e/<x>\"'", "http://a.example/%2e%2e/%3Cx%3E%22'"),
            ("ftp://example.org/", nil), ("javascript:alert(1)", nil), ("http:example.org", nil), ("http://", nil),
            ("http://ann:pw@example.org/", nil), ("http://exämple.org/", nil), ("http://a b/", nil),
            ("http://example.org:0/", nil), ("http://example.org:99999/", nil), ("http://example.org:x/", nil),
            ("http://[fe80::1%25eth0]/", nil), ("http://[1.2.3.4]/", nil), ("http://[::1/", nil), ("", nil),
            ("/x", nil),
            ("http://" + String(repeating: "a", count: 3_000), nil),
        ] as [(String, String?)])
    func isRead(text: String, expected: String?) {
        #expect(FeedURL(text)?.text == expected)
    }

    /// RFC 3986, 5.4, as far as it stays within the web.
    @Test(
        arguments: [
            ("g", "http://a/b/c/g"), ("./g", "http://a/b/c/g"), ("g/", "http://a/b/c/g/"), ("/g", "http://a/g"),
            ("//g", "http://g/"), ("?y", "http://a/b/c/d;p?y"), ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q#s"),
            ("g#s", "http://a/b/c/g#s"), (";x", "http://a/b/c/;x"), ("", "http://a/b/c/d;p?q"), (".", "http://a/b/c/"),
            ("..", "http://a/b/"), ("../g", "http://a/b/g"), ("../..", "http://a/"), ("../../../g", "http://a/g"),
            ("/./g", "http://a/g"), ("g.", "http://a/b/c/g."), ("./g/.", "http://a/b/c/g/"),
            ("g;x=1/../y", "http://a/b/c/y"),
            ("g?y/../x", "http://a/b/c/g?y/../x"), ("https://o/x", "https://o/x"), ("mailto:a@b", nil),
            ("data:,x", nil),
        ] as [(String, String?)])
    func isResolved(reference: String, expected: String?) throws {
        let base = try #require(FeedURL("http://a/b/c/d;p?q"))
        #expect(base.resolve(reference)?.text == expected)
    }

    @Test func theFormIsOne() {
        var random = SeededRandom(seed: 3)
        let pieces = [
            "http:", "https:", "//", "/", "a", "..", ".", "?", "#", "%", "@", ":", "80", "[", "]", "::1", "é", "\\",
            " ",
        ]
        for _ in 0..<20_000 {
            let text =
                "http://h/"
                + (0..<Int.random(in: 0...8, using: &random)).map { _ in
                    pieces[Int.random(in: 0..<pieces.count, using: &random)]
                }.joined()
            guard let url = FeedURL(text) else { continue }
            #expect(FeedURL(url.text) == url, "\(text)")
            if let next = url.resolve(String(text.dropFirst(9))) { #expect(FeedURL(next.text) == next, "\(text)") }
        }
    }
}

@Suite struct AddressCheckTests {
    /// The registries of special-purpose addresses, first and last of each block, and their neighbours.
    @Test(
        arguments: [
            "0.0.0.0", "0.255.255.255", "10.0.0.1", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1",
            "127.255.255.255", "169.254.0.1", "169.254.169.254", "172.16.0.0", "172.31.255.255", "192.0.0.1",
            "192.0.0.170",
            "192.0.2.1", "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.168.0.1", "192.168.255.255",
            "192.175.48.1",
            "198.18.0.0", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
            "255.255.255.255", "0x7f.1", "2130706433", "017700000001", "127.1",
            "::", "::1", "::127.0.0.1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:0:1",
            "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::8.8.8.8", "64:ff9b:0:0:1::", "100::1",
            "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:2::1", "2001:10::1", "2001:20::1", "2001:1ff::1",
            "2001:db8::1", "2002:a00:1::1", "2002:808:808::1", "2620:4f:8000::1", "3fff::1", "3fff:fff::1", "5f00::1",
            "fc00::1", "fdff::1", "fe80::1", "febf::1", "fec0::1", "ff02::1", "4000::1", "1fff::1",
        ])
    func isNotDialled(_ text: String) throws {
        #expect(!AddressCheck.isPublic(try #require(IPAddress(text))))
    }

    @Test(
        arguments: [
            "1.0.0.0", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
            "128.0.0.1", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.1", "192.0.3.1",
            "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "203.0.112.255", "203.0.114.0",
            "223.255.255.255", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2001:200::1", "2001:4860:4860::8888", "2003::1",
            "2606:4700::1111", "2a00:1450::1", "3ffe::1",
        ])
    func isDialled(_ text: String) throws {
        #expect(AddressCheck.isPublic(try #require(IPAddress(text))))
    }

    @Test func onlyThePortsOfTheWebAreAskedFor() throws {
        for (text, expected) in [
            ("http://a.example/", true), ("https://a.example/", true), ("http://a.example:443/", true),
            ("http://a.example:22/", false), ("http://a.example:6379/", false), ("https://a.example:8443/", false),
        ] {
            #expect(AddressCheck.isPublic(try #require(FeedURL(text))) == expected)
        }
    }
}
